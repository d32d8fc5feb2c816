//! Whether a server has started, and where; and why it hasn't.

use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::thread;
use std::time::{Duration, Instant};

use super::family::Socket;
use super::program::Program;
use super::system::has_proc;
use super::target::address_in;
use crate::check::telling::events::Log;
use crate::check::telling::text::Text;
use crate::check::telling::verdict::{Verdict, fail, not_checked};
use crate::{text, tr};

/// How often one knocks at a door that isn't open yet.
const KNOCK: Duration = Duration::from_millis(10);

/// How long a program that was killed may take to give its address back.
const ENDING: Duration = Duration::from_secs(2);

/// Within this a program has started that rests, or has printed something; one that still works, as `go run` does when
/// it compiles, has longer.
const START: Duration = Duration::from_secs(8);
const LONG_START: Duration = Duration::from_secs(60);

/// Who has used so much of a second is at work.
const SECOND: Duration = Duration::from_secs(1);
const AT_WORK: Duration = Duration::from_millis(100);

/// How long a system may keep an address from whoever doesn't set SO_REUSEADDR.
const TIME_WAIT: Duration = Duration::from_secs(65);

/// Why a program isn't judged that doesn't start.
pub const CANNOT_START: Text = text!(zh "资源这样少，程序启动不了", en "with so little it can't start");

/// The likely cause when a program doesn't serve.
#[must_use]
pub fn why_not(program: &Program, chooses_port: bool) -> Text {
    if finds_it_in_use(program) {
        return text!(zh "地址没有别人在用，程序却绑定不了：上一次的连接还没有完全结束；绑定之前要设置 SO_REUSEADDR",
                     en "nobody uses that address, and yet it can't bind it: connections of the time before aren't quite over; set SO_REUSEADDR before bind");
    }
    if !chooses_port && !program.listens_at().is_empty() {
        return text!(zh "程序监听的不是要它监听的地址：要用命令行里的主机和端口，TCP 和 UDP 也不能弄混",
                     en "it doesn't listen where it was told to: take host and port from the command line, and don't mix up TCP and UDP");
    }
    if program.has_ended() {
        return text!(zh "程序一开始就结束了：命令对吗？服务器要一直运行，直到有人停止它",
                     en "the program ends at once: is the command right? A server runs until somebody stops it");
    }
    text!(zh "程序没有监听任何地址：它是服务器吗？地址是从命令行里取的吗？",
          en "the program listens nowhere: is it a server, and does it take the address from the command line?")
}

/// Whether it says that its address is taken, in the system's words: nobody had it when the program was started.
#[must_use]
pub fn finds_it_in_use(program: &Program) -> bool {
    program.settle();
    ["ddress already in use", "EADDRINUSE", "Only one usage"]
        .iter()
        .any(|words| program.stderr.text().contains(words))
}

/// Whoever has the address would be judged in the program's place. (A program of the case before may need a moment to
/// end, or leave the address to nobody for a minute, where it doesn't set SO_REUSEADDR.)
pub fn must_be_free(
    address: SocketAddr,
    log: &Log,
    is_free: fn(SocketAddr) -> bool,
    is_taken: fn(SocketAddr) -> bool,
) -> Verdict {
    let start = Instant::now();
    let mut said = false;
    while !is_free(address) {
        let is_over = start.elapsed() > ENDING && is_taken(address) || start.elapsed() > TIME_WAIT;
        if is_over {
            return not_checked(tr!(zh "{address} 已被别的程序占用；请先停止那个程序",
                                   en "another program has {address}; stop that one first"));
        }
        if start.elapsed() > ENDING && !said {
            said = true;
            log.note(tr!(zh "上一次的连接还占着 {address}，因为程序没有设置 SO_REUSEADDR：等它空出来",
                         en "connections of the time before keep {address}, as the program doesn't set SO_REUSEADDR: wait for it"));
        }
        thread::sleep(KNOCK);
    }
    Ok(())
}

/// The address named in the first line that the program prints.
pub fn address_from_banner(program: &Program, patience: Duration) -> Verdict<SocketAddr> {
    program.stdout.wait_for(patience, |all| all.contains(&b'\n'));
    let banner = program.stdout.text();
    match banner.lines().next().and_then(address_in) {
        Some((host, port)) => Ok(reachable(&host, port)),
        None => {
            let wanted = text!(zh "服务器打印的第一行写明它的地址，主机:端口",
                               en "the first line that the server prints names its address, HOST:PORT");
            fail(wanted, program.printed())
        }
    }
}

/// An address to connect to: "everywhere" is reached on this machine.
fn reachable(host: &str, port: u16) -> SocketAddr {
    match format!("{host}:{port}").parse::<SocketAddr>() {
        Ok(address) if !address.ip().is_unspecified() => address,
        _ => SocketAddr::from(([127, 0, 0, 1], port)),
    }
}

/// Waits until somebody serves at an address that was given.
pub fn knock(program: &Program, address: &str, patience: Duration) -> Verdict<SocketAddr> {
    let Some(address) = resolve(address) else {
        return not_checked(
            tr!(zh "{address} 不是可以连接的地址", en "{address} is no address to connect to"),
        );
    };
    let mut start = Start::new(patience);
    while !serves(program, address) {
        program.expect_running()?;
        if start.is_over(program) {
            if TcpStream::connect(address).is_ok() {
                break; // by a process that the system doesn't show
            }
            return nobody_at(address, program);
        }
        thread::sleep(KNOCK);
    }
    Ok(address)
}

/// Whether the program listens there. Where the system tells that, nobody need connect: to a naive server whoever
/// connects and leaves may be the end.
fn serves(program: &Program, address: SocketAddr) -> bool {
    if has_proc() { is_open(program, address, false) } else { TcpStream::connect(address).is_ok() }
}

/// Whether the system shows that the program can be reached there, by UDP or by TCP.
pub fn is_open(program: &Program, address: SocketAddr, udp: bool) -> bool {
    program.listens_at().iter().any(|socket| {
        let at = socket.local;
        socket.is_udp == udp
            && at.port() == address.port()
            && (at.ip().is_unspecified() || at.ip() == address.ip())
    })
}

/// How long the start of a program is waited for.
#[derive(Debug)]
pub struct Start {
    at: Instant,
    deadline: Instant,
    used: Duration,
}

impl Start {
    /// It begins now.
    #[must_use]
    pub fn new(patience: Duration) -> Start {
        let at = Instant::now();
        Start { at, deadline: at + patience.min(START), used: Duration::ZERO }
    }

    /// Whether it has taken too long: a program that has printed nothing and is at work gets another second.
    pub fn is_over(&mut self, program: &Program) -> bool {
        let now = Instant::now();
        if now < self.deadline {
            return false;
        }
        let used = program.cpu();
        let at_work = used.saturating_sub(self.used) > AT_WORK && program.stdout.bytes().is_empty();
        (self.deadline, self.used) = (now + SECOND, used);
        !at_work || now > self.at + LONG_START
    }
}

/// Ends a case: the program doesn't serve where it should; where it does instead, if it does.
pub fn nobody_at<T>(address: SocketAddr, program: &Program) -> Verdict<T> {
    let wanted = tr!(zh "服务器监听 {address}", en "the server listens on {address}");
    let protocol = |socket: &Socket| if socket.is_udp { "UDP" } else { "TCP" };
    let others: Vec<String> =
        program.listens_at().iter().map(|socket| format!("{} {}", protocol(socket), socket.local)).collect();
    if others.is_empty() {
        program.look();
        return fail(wanted, program.printed());
    }
    let others = others.join(", ");
    fail(wanted, tr!(zh "它监听的是 {others}", en "it listens on {others} instead"))
}

/// The first address of `HOST:PORT`; a missing host is this machine.
#[must_use]
pub fn resolve(address: &str) -> Option<SocketAddr> {
    if let Ok(address) = address.parse::<SocketAddr>() {
        return Some(reachable(&address.ip().to_string(), address.port()));
    }
    let local = format!("127.0.0.1{address}");
    let address = if address.starts_with(':') { &local } else { address };
    address.to_socket_addrs().ok()?.next()
}
