//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::floor::Floor;
use super::wire::Proto;

pub const HELP: &str = "\
Measures chat-room servers side by side: CPU per delivery, throughput, latency, memory.

cargo bench -- [OPTIONS]            measure, and print a table
cargo bench -- plot FILE... DIR     draw the results of --json FILE as SVG into DIR: flood, scale
                                    and size, in English and Chinese, for light and dark pages

  --against PROTO/NAME[@ADDR]=CMD   another server of the same wire protocol; may be repeated.
                        CMD is run by sh; {addr}, {host}, {port} stand for a free address.
                        Without them it must listen where the notes' programs do (tcp and ws
                        127.0.0.1:8080, udp 127.0.0.1:8081) or at @ADDR.
  --proto tcp,udp,ws    which protocols (all)
  --only GROUP,...      which groups (flood,paced,join,stall); two more for the plots:
                        scale (1 sender, 10 to 10,000 receivers), size (lines of 16 B to 16 KiB);
                        and relay, which needs nats-server
  --case TEXT           only cases whose name contains TEXT, such as '1x100'
  --rounds N            alternating rounds, of which medians are taken (3)
  --seconds S           about how long all of it may take (150); once the first round is
                        through, no further run begins after that
  --quick               one round, about 10 s: does it still run?
  --pin                 server on core 0, load on core 1
  --no-ours, --no-floor leave these out
  --json FILE           save every figure
  --help

Groups
  flood  Lines of 80 bytes, written as fast as the server takes them. 1xN: one sender, N receivers.
         10x10: ten clients, each sends and hears the nine others. UDP: at most 32 under way.
  paced  200 lines a second, one write each, to 100 receivers: latency.
  join   1,000 idle clients come, leave, and come again: time, memory, threads, descriptors.
  stall  5 and 50 clients that never read, beside a flood to 10 that do: the longest silence.
         (Neither for UDP. A stall is measured in the first round only.)
  relay  One room on 1 to 4 of our servers by a NATS broker, its clients spread over them: a flood to
         10 and 100 receivers in all, and 200 lines a second to 100. CPU of the servers together.
         publishing: the same lines from a bare loop to a broker that nobody else listens at. Here the
         floor is that and ours without a broker, together. (For UDP one server only.)

Each run checks that every line arrived once, whole and in order. Floors are bare loops that write
the same bytes to the same sockets, by line or by 64 KiB batch.

  cargo bench -- --only flood --against tcp/go=./go-tcp-server \\
      --against 'tcp/ncat=ncat -l --broker -k -m 2000 {host} {port}'
";

pub enum Call {
    Help,
    Bench(Args),
    Plot { from: Vec<PathBuf>, into: PathBuf },
    Floor(Floor),
}

pub struct Args {
    pub against: Vec<Against>,
    pub protos: Vec<Proto>,
    pub only: Vec<String>,
    pub case: Option<String>,
    pub rounds: usize,
    pub seconds: f64,
    pub quick: bool,
    pub pin: bool,
    pub ours: bool,
    pub floor: bool,
    pub json: Option<PathBuf>,
}

/// Another server, as `--against` describes it.
#[derive(Clone)]
pub struct Against {
    pub proto: Proto,
    pub name: String,
    pub at: Option<SocketAddr>,
    pub command: String,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            against: Vec::new(),
            protos: vec![Proto::Tcp, Proto::Udp, Proto::Ws],
            only: ["flood", "paced", "join", "stall"].map(String::from).to_vec(),
            case: None,
            rounds: 3,
            seconds: 150.0,
            quick: false,
            pin: false,
            ours: true,
            floor: true,
            json: None,
        }
    }
}

pub fn parse(args: impl Iterator<Item = String>) -> Result<Call, String> {
    // Cargo adds `--bench` to what it passes on.
    let mut words = args.filter(|word| word != "--bench").peekable();
    match words.peek().map(String::as_str) {
        Some("plot") => return plot(&words.skip(1).collect::<Vec<_>>()),
        Some(Floor::WORD) => {
            return Floor::parse(&words.skip(1).collect::<Vec<_>>()).map(Call::Floor);
        }
        _ => {}
    }
    let mut args = Args::default();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--help" | "-h" => return Ok(Call::Help),
            "--quick" => (args.quick, args.rounds, args.seconds) = (true, 1, 7.0),
            "--pin" => args.pin = true,
            "--no-ours" => args.ours = false,
            "--no-floor" => args.floor = false,
            "--against" => args.against.push(against(&value()?)?),
            "--proto" => args.protos = list(&value()?)?,
            "--only" => args.only = value()?.split(',').map(group).collect::<Result<_, _>>()?,
            "--case" => args.case = Some(value()?),
            "--rounds" => args.rounds = number::<usize>(&value()?)?.max(1),
            "--seconds" => args.seconds = number(&value()?)?,
            "--json" => args.json = Some(value()?.into()),
            _ => return Err(format!("What is {word}?")),
        }
    }
    Ok(Call::Bench(args))
}

fn plot(words: &[String]) -> Result<Call, String> {
    match words {
        [from @ .., into] if !from.is_empty() => {
            Ok(Call::Plot { from: from.iter().map(PathBuf::from).collect(), into: into.into() })
        }
        _ => Err("plot needs FILE... and DIR".into()),
    }
}

/// `PROTO/NAME[@ADDR]=CMD`
fn against(spec: &str) -> Result<Against, String> {
    let wrong = || format!("--against takes PROTO/NAME[@ADDR]=CMD, not {spec}");
    let (who, command) = spec.split_once('=').ok_or_else(wrong)?;
    let (proto, name) = who.split_once('/').ok_or_else(wrong)?;
    let (name, at) = match name.split_once('@') {
        Some((name, at)) => (name, Some(number(at)?)),
        None => (name, None),
    };
    Ok(Against { proto: proto.parse()?, name: name.into(), at, command: command.into() })
}

fn group(word: &str) -> Result<String, String> {
    match word {
        "flood" | "paced" | "join" | "stall" | "scale" | "size" | "relay" => Ok(word.into()),
        _ => Err(format!("There is no group {word}")),
    }
}

fn list<T: std::str::FromStr<Err = String>>(words: &str) -> Result<Vec<T>, String> {
    words.split(',').map(str::parse).collect()
}

pub fn number<T: std::str::FromStr>(word: &str) -> Result<T, String> {
    word.parse().map_err(|_| format!("{word} doesn't fit there"))
}
