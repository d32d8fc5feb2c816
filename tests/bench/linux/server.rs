//! A server as a child process, and what /proc and its CPU clock tell about it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

use super::Result;
use super::args::Against;
use super::floor::Floor;
use super::plan::{How, Run};
use super::wire::Proto;

pub struct Server {
    child: Child,
    /// Held open: the notes' TCP server burns a core once its console is at its end.
    pub stdin: ChildStdin,
    pub addr: SocketAddr,
    clock: ClockId,
    /// Further servers of the same room, and the broker between them all.
    others: Vec<Server>,
    broker: Option<Box<Server>>,
}

#[derive(Clone, Copy)]
pub struct Memory {
    pub rss_kib: f64,
    pub pss_kib: f64,
}

impl Server {
    /// Starts the run's server; a floor is told how many clients to expect, and what to say to them.
    pub fn start(run: &Run, clients: usize, senders: usize, len: usize, pin: bool) -> Result<Self> {
        let (command, addr) = match &run.subject.how {
            How::Ours => ours(run.proto)?,
            How::Relayed(servers) => return Self::relayed(run.proto, *servers, pin),
            How::Publishing => return Self::broker(pin),
            How::Command(against) => by_command(against)?,
            How::Floor(mode) => {
                let addr = free_address()?;
                (Floor { proto: run.proto, mode: *mode, addr, clients, senders, len }.command()?, addr)
            }
        };
        Self::spawn(command, addr, run.proto, pin)
    }

    /// A broker, without a server.
    pub fn broker(pin: bool) -> Result<Self> {
        let addr = free_address()?;
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("sh"); // it isn't in everybody's PATH
        command.env("PATH", format!("{path}:/usr/sbin"));
        command.args(["-c", "exec nats-server -a 127.0.0.1 -p $0", &addr.port().to_string()]);
        Self::spawn(command, addr, Proto::Tcp, pin).map_err(|error| format!("nats-server: {error}").into())
    }

    /// So many of our servers, and a broker that makes one room of them.
    fn relayed(proto: Proto, servers: usize, pin: bool) -> Result<Self> {
        let broker = Self::broker(pin)?;
        let one = |_| {
            let (mut command, at) = ours(proto)?;
            command.env("CHATROOM_NATS", format!("nats://{}", broker.addr));
            Self::spawn(command, at, proto, pin)
        };
        let mut others = (1..servers).map(one).collect::<Result<Vec<_>>>()?;
        let mut first = one(0)?;
        first.others.append(&mut others);
        first.broker = Some(Box::new(broker));
        Ok(first)
    }

    fn spawn(mut command: Command, addr: SocketAddr, proto: Proto, pin: bool) -> Result<Self> {
        if listens(proto, addr.port()) {
            return Err(format!("something else listens on port {} already", addr.port()).into());
        }
        pin_to(pin.then_some(0))?; // inherited by the server
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        pin_to(pin.then_some(1))?;
        let stdin = child.stdin.take().ok_or("no stdin")?;
        let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(i32::try_from(child.id())?))?;
        let mut server = Self { child, stdin, addr, clock, others: Vec::new(), broker: None };
        server.wait_until_it_listens(proto)?;
        Ok(server)
    }

    fn wait_until_it_listens(&mut self, proto: Proto) -> Result<()> {
        let start = Instant::now();
        while !listens(proto, self.addr.port()) {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("ended at once ({status})").into());
            }
            if start.elapsed() > Duration::from_secs(5) {
                return Err(format!("doesn't listen on {}", self.addr).into());
            }
            sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// User and system time of all its threads, those that have ended included, to the nanosecond.
    /// Of several servers, all together.
    pub fn cpu(&self) -> Result<Duration> {
        let own = Duration::from(clock_gettime(self.clock)?);
        self.others.iter().try_fold(own, |sum, other| Ok(sum + other.cpu()?))
    }

    /// The same of the broker, if there is one.
    pub fn broker_cpu(&self) -> Result<Option<Duration>> {
        self.broker.as_ref().map(|broker| broker.cpu()).transpose()
    }

    /// Where this client belongs: the clients go round the servers.
    pub fn addr_of(&self, client: usize) -> SocketAddr {
        match client % (self.others.len() + 1) {
            0 => self.addr,
            other => self.others[other - 1].addr,
        }
    }

    pub fn memory(&self) -> Result<Memory> {
        let text = fs::read_to_string(self.proc("smaps_rollup"))?;
        let field = |name: &str| -> Option<f64> {
            text.lines().find(|line| line.starts_with(name))?.split_whitespace().nth(1)?.parse().ok()
        };
        let missing = "no figures in smaps_rollup";
        Ok(Memory { rss_kib: field("Rss:").ok_or(missing)?, pss_kib: field("Pss:").ok_or(missing)? })
    }

    pub fn threads(&self) -> Result<usize> {
        Ok(fs::read_dir(self.proc("task"))?.count())
    }

    pub fn descriptors(&self) -> Result<usize> {
        Ok(fs::read_dir(self.proc("fd"))?.count())
    }

    fn proc(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone afterwards.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ours(proto: Proto) -> Result<(Command, SocketAddr)> {
    let addr = free_address()?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatroom"));
    command.args([format!("{proto}-server"), addr.to_string(), "--max-clients".into(), "20000".into()]);
    command.env_remove("CHATROOM_NATS");
    Ok((command, addr))
}

fn by_command(against: &Against) -> Result<(Command, SocketAddr)> {
    let text = &against.command;
    let placed = ["{addr}", "{host}", "{port}"].iter().any(|place| text.contains(place));
    let fixed = if against.proto == Proto::Udp { 8081 } else { 8080 };
    let addr = match against.at {
        Some(addr) => addr,
        None if placed => free_address()?,
        None => SocketAddr::from((Ipv4Addr::LOCALHOST, fixed)),
    };
    let text = text
        .replace("{addr}", &addr.to_string())
        .replace("{host}", &addr.ip().to_string())
        .replace("{port}", &addr.port().to_string());
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("exec {text}")); // so that the child is the server itself
    Ok((command, addr))
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Asked of the kernel, since a trial connection would already be a client.
fn listens(proto: Proto, port: u16) -> bool {
    let (table, state) = if proto == Proto::Udp { ("udp", "07") } else { ("tcp", "0A") };
    let port = format!(":{port:04X}");
    [table.to_string(), format!("{table}6")].iter().any(|table| {
        let rows = fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
        rows.lines().skip(1).any(|row| {
            let mut fields = row.split_whitespace().skip(1);
            let local = fields.next().is_some_and(|local| local.ends_with(&port));
            local && fields.nth(1) == Some(state)
        })
    })
}

/// Puts this thread, and the processes it starts from now on, on one core.
fn pin_to(core: Option<usize>) -> Result<()> {
    let Some(core) = core else { return Ok(()) };
    let mut set = CpuSet::new();
    set.set(core)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// For this process and its children; only root may raise the hard limit, too. Returns the limit.
pub fn raise_descriptor_limit() -> Result<u64> {
    const PLENTY: u64 = 65_536;
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if hard < PLENTY && setrlimit(Resource::RLIMIT_NOFILE, PLENTY, PLENTY).is_ok() {
        return Ok(PLENTY);
    }
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(hard)
}

/// How many connections, on the whole machine, have met a full accept queue so far.
pub fn listen_overflows() -> Option<u64> {
    let text = fs::read_to_string("/proc/net/netstat").ok()?;
    let mut rows = text.lines().filter(|row| row.starts_with("TcpExt:"));
    let at = rows.next()?.split_whitespace().position(|name| name == "ListenOverflows")?;
    rows.next()?.split_whitespace().nth(at)?.parse().ok()
}
