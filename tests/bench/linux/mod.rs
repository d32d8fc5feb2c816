//! The harness: a plan of runs, each with a fresh server, and a table at the end.

mod args;
mod floor;
mod join;
mod lines;
mod load;
mod plan;
mod plot;
mod publish;
mod report;
mod server;
mod svg;
mod sync;
mod verify;
mod wire;

use std::io::{IsTerminal, stderr};
use std::process::ExitCode;
use std::time::Instant;

use args::{Args, Call};
use plan::Run;
use report::Report;

/// Whatever goes wrong ends as one sentence on stderr, or as the note of one run.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

pub fn main() -> ExitCode {
    let done = match args::parse(std::env::args().skip(1)) {
        Ok(Call::Help) => {
            print!("{}", args::HELP);
            Ok(())
        }
        Ok(Call::Floor(floor)) => floor::run(&floor),
        Ok(Call::Plot { from, into }) => plot::draw(&from, &into),
        Ok(Call::Bench(args)) => bench(&args),
        Err(wrong) => {
            eprintln!("{wrong}. See cargo bench -- --help.");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the plan round by round, so that every server meets the machine's good and bad minutes.
fn bench(args: &Args) -> Result<()> {
    let descriptors = server::raise_descriptor_limit()?;
    let runs = plan::runs(args, descriptors as usize);
    let mut report = Report::new(args);
    let start = Instant::now();
    'rounds: for round in 0..args.rounds {
        let due: Vec<_> = runs.iter().filter(|run| is_due(run, round, &report)).collect();
        let left = (args.seconds - start.elapsed().as_secs_f64()) / (args.rounds - round) as f64;
        let seconds = plan::seconds_each(left, due.iter().copied());
        for (number, run) in due.iter().enumerate() {
            // On a busy machine all takes longer; the table says of how many rounds it is.
            if round > 0 && start.elapsed().as_secs_f64() > args.seconds {
                break 'rounds;
            }
            let step = format!("round {}, {}/{}", round + 1, number + 1, due.len());
            progress(start, &format!("{step}: {} {} {}", run.proto, run.case, run.subject.name));
            report.add(run, measure(run, seconds, args.pin));
        }
    }
    progress(start, "done");
    report.print();
    args.json.as_ref().map_or(Ok(()), |file| report.save(file))
}

/// A stall takes seconds, and says the same each time; what hung or lost lines once needn't be
/// waited for again. But a datagram may be lost by chance.
fn is_due(run: &Run, round: usize, report: &Report) -> bool {
    let once = matches!(run.case.kind, plan::Kind::Stall { .. });
    round == 0 || !once && (run.proto == wire::Proto::Udp || !report.failed(run))
}

fn progress(start: Instant, what: &str) {
    let (begin, end) = if stderr().is_terminal() { ("\r\x1b[K", "\r") } else { ("", "\n") };
    eprint!("{begin}{:3} s  {what}{end}", start.elapsed().as_secs());
}

/// One server from its start to its end, under one case.
fn measure(run: &Run, seconds: f64, pin: bool) -> Result<report::Figures> {
    use plan::Kind::{Flood, Join, Paced, Stall};
    if matches!(run.subject.how, plan::How::Publishing) {
        return publish::alone(run, seconds, pin);
    }
    match run.case.kind {
        Flood { .. } => load::flood(run, seconds, pin),
        Paced { .. } => load::paced(run, seconds, pin),
        Stall { .. } => load::stall(run, pin),
        Join { clients } => join::join(run, clients, pin),
    }
}
