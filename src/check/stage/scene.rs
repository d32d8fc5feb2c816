//! What a case has at hand: a way to start the program, and to join its room.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::thread;
use std::time::{Duration, Instant};

use super::display::{COLUMNS, ROWS};
use super::program::Program;
use super::target::{Target, address_in};
use super::tcp_peer::Peer;
use crate::check::telling::events::Log;
use crate::check::telling::text::join;
use crate::check::telling::verdict::{Likely, Verdict, fail, not_checked};
use crate::{text, tr};

/// How often one knocks at a door that isn't open yet.
const KNOCK: Duration = Duration::from_millis(10);

/// How long a program that was killed may take to give its address back.
const ENDING: Duration = Duration::from_secs(2);

/// A case being played.
#[derive(Debug)]
pub struct Scene<'a> {
    /// The program under test.
    pub target: &'a Target,
    /// What happens.
    pub log: Log,
}

/// How to start the program.
#[derive(Debug)]
pub struct Launch<'a> {
    pub(in crate::check) scene: &'a Scene<'a>,
    before: Vec<String>,
    after: Vec<String>,
    pub(in crate::check) address: String,
    keyboard: bool,
    terminal: bool,
}

/// A server that has started.
#[derive(Debug)]
pub struct Server {
    /// The program.
    pub program: Program,
    /// Where it listens, as one connects to it.
    pub address: SocketAddr,
    pub(in crate::check) log: Log,
    pub(in crate::check) patience: Duration,
}

/// The checker as server, for a client under test.
#[derive(Debug)]
pub struct Host {
    /// Where it listens.
    pub address: SocketAddr,
    listener: TcpListener,
    pub(in crate::check) log: Log,
    pub(in crate::check) patience: Duration,
}

impl<'a> Scene<'a> {
    /// An empty scene.
    #[must_use]
    pub fn new(target: &'a Target) -> Self {
        Scene { target, log: Log::new() }
    }

    /// How long to wait for what must come.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.target.patience
    }

    /// The command as given, to be started as it is or with changes.
    #[must_use]
    pub fn launch(&'a self) -> Launch<'a> {
        let address = self.target.address.clone();
        Launch { scene: self, before: vec![], after: vec![], address, keyboard: true, terminal: false }
    }

    /// The server under test, started as given.
    pub fn server(&'a self) -> Verdict<Server> {
        self.launch().server()
    }

    /// Plays the server for a client under test.
    pub fn host(&self) -> Verdict<Host> {
        self.host_at(&self.target.address)
    }

    /// The same, at another address than the target's.
    pub(in crate::check) fn host_at(&self, address: &str) -> Verdict<Host> {
        let (log, patience) = (self.log.clone(), self.patience());
        let bound = TcpListener::bind(address).and_then(|listener| Ok((listener.local_addr()?, listener)));
        match bound {
            Ok((address, listener)) => Ok(Host { address, listener, log, patience }),
            Err(e) => not_checked(
                tr!(zh "检查器无法监听 {address}：{e}", en "the checker can't listen on {address}: {e}"),
            ),
        }
    }

    /// Goes on only for this `chatroom`: the case uses one of its options.
    pub fn needs_chatroom(&self, option: &str) -> Verdict {
        if self.target.is_chatroom {
            Ok(())
        } else {
            not_checked(
                tr!(zh "只有 chatroom 有 `{option}` 选项", en "only chatroom has the option `{option}`"),
            )
        }
    }
}

impl<'a> Launch<'a> {
    /// Puts words before the command: another program that starts it.
    #[must_use]
    pub fn under<S: ToString>(mut self, words: &[S]) -> Self {
        self.before.extend(words.iter().map(S::to_string));
        self
    }

    /// Runs a line of shell first, `ulimit -n 30` for example.
    #[must_use]
    pub fn after_shell(self, line: &str) -> Self {
        self.under(&["sh", "-c", &format!("{line}; exec \"$@\""), "sh"])
    }

    /// Puts words behind the command: options.
    #[must_use]
    pub fn with<S: ToString>(mut self, words: &[S]) -> Self {
        self.after.extend(words.iter().map(S::to_string));
        self
    }

    /// Another address than the target's.
    #[must_use]
    pub fn at(mut self, address: impl ToString) -> Self {
        self.address = address.to_string();
        self
    }

    /// With the keyboard at its end from the start, as `< /dev/null`.
    #[must_use]
    pub fn without_keyboard(mut self) -> Self {
        self.keyboard = false;
        self
    }

    /// On a terminal of its own, whose size is known: a screen to type at.
    #[must_use]
    pub fn on_screen(self) -> Self {
        let size = format!("stty rows {ROWS} cols {COLUMNS}; export TERM=xterm");
        self.after_shell(&size).on_terminal()
    }

    /// On a terminal of its own, which `script` makes.
    #[must_use]
    pub fn on_terminal(mut self) -> Self {
        self.terminal = true;
        self
    }

    /// The words to run.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let words = self.plain_words();
        if !self.terminal {
            return words;
        }
        let quoted: Vec<String> =
            words.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
        ["script", "-qec", &quoted.join(" "), "/dev/null"].map(str::to_string).to_vec()
    }

    fn plain_words(&self) -> Vec<String> {
        let (host, port) = self.address.rsplit_once(':').unwrap_or((&self.address, ""));
        let fill = |word: &String| {
            word.replace("{addr}", &self.address).replace("{host}", host).replace("{port}", port)
        };
        let command = self.scene.target.words.iter().map(fill);
        self.before.iter().cloned().chain(command).chain(self.after.iter().cloned()).collect()
    }

    /// Whether the program chooses its port itself.
    #[must_use]
    pub fn chooses_port(&self) -> bool {
        self.address.ends_with(":0")
    }

    /// Starts it.
    pub fn program(self, name: &'static str) -> Verdict<Program> {
        Program::start(name, &self.words(), self.keyboard, &self.scene.log, self.scene.patience())
            .likely(text!(zh "交给检查器的命令不对", en "the command given to the checker is wrong"))
    }

    /// Starts it and waits until it serves.
    pub fn server(self) -> Verdict<Server> {
        let (log, patience, address) = (self.scene.log.clone(), self.scene.patience(), self.address.clone());
        let chooses_port = self.chooses_port();
        if let (false, Some(at)) = (chooses_port, resolve(&address)) {
            must_be_free(at, |at| TcpListener::bind(at).is_ok())?;
        }
        let program = self.program("server")?;
        let address = if chooses_port {
            address_from_banner(&program, patience)
        } else {
            knock(&program, &address, patience)
        };
        let hint = text!(zh "服务器没有启动，或者不在这个地址上；第一行要等开始监听之后再打印",
                         en "the server doesn't start, or not at this address; print the first line once it listens, not before");
        Ok(Server { address: address.likely(hint)?, program, log, patience })
    }
}

/// Whoever has the address would be judged in the program's place. (A program of the case before may need a moment to
/// end.)
pub(in crate::check) fn must_be_free(address: SocketAddr, is_free: fn(SocketAddr) -> bool) -> Verdict {
    let deadline = Instant::now() + ENDING;
    while !is_free(address) {
        if Instant::now() > deadline {
            return not_checked(tr!(zh "{address} 已被别的程序占用；请先停止那个程序",
                                   en "another program has {address}; stop that one first"));
        }
        thread::sleep(KNOCK);
    }
    Ok(())
}

/// The address named in the first line that the program prints.
fn address_from_banner(program: &Program, patience: Duration) -> Verdict<SocketAddr> {
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
fn knock(program: &Program, address: &str, patience: Duration) -> Verdict<SocketAddr> {
    let Some(address) = resolve(address) else {
        return not_checked(
            tr!(zh "{address} 不是可以连接的地址", en "{address} is no address to connect to"),
        );
    };
    let deadline = Instant::now() + patience;
    while TcpStream::connect(address).is_err() {
        program.expect_running()?;
        if Instant::now() > deadline {
            let wanted = tr!(zh "服务器监听 {address}", en "the server listens on {address}");
            return fail(wanted, program.printed());
        }
        thread::sleep(KNOCK);
    }
    Ok(address)
}

/// The first address of `HOST:PORT`; a missing host is this machine.
pub(in crate::check) fn resolve(address: &str) -> Option<SocketAddr> {
    if let Ok(address) = address.parse::<SocketAddr>() {
        return Some(reachable(&address.ip().to_string(), address.port()));
    }
    let local = format!("127.0.0.1{address}");
    let address = if address.starts_with(':') { &local } else { address };
    address.to_socket_addrs().ok()?.next()
}

impl Server {
    /// Connects. Being connected isn't being in the room yet: see [`Speaker::room`](super::speaker::Speaker::room).
    pub fn connect(&self, name: &str) -> Verdict<Peer> {
        match TcpStream::connect_timeout(&self.address, self.patience) {
            Ok(stream) => Peer::new(name, stream, &self.log, self.patience),
            Err(e) => {
                let address = self.address;
                let connects = tr!(zh "能够连接 {address}", en "can connect to {address}");
                fail(join(name, connects), e.to_string())
            }
        }
    }

    /// A program that has ended explains all the rest.
    pub(in crate::check) fn unless_ended<T>(&self, verdict: Verdict<T>) -> Verdict<T> {
        self.program.unless_ended(verdict)
    }
}

impl Host {
    /// The client that connects.
    pub fn accept(&self) -> Verdict<Peer> {
        let (patience, address) = (self.patience, self.address);
        let deadline = Instant::now() + patience;
        let _ = self.listener.set_nonblocking(true);
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    let _ = stream.set_nonblocking(false);
                    self.log.note(text!(zh "客户端连上了；检查器扮演服务器",
                                        en "the client connects; the checker plays the server"));
                    return Peer::new(&tr!(zh "服务器", en "the server"), stream, &self.log, patience);
                }
                Err(_) if Instant::now() < deadline => thread::sleep(KNOCK),
                Err(e) => {
                    let wanted = tr!(zh "客户端连接 {address}", en "the client connects to {address}");
                    let nobody = tr!(zh "{patience:?} 内没有连接", en "no connection in {patience:?}");
                    let hint = text!(zh "客户端没有去连接给它的地址",
                                     en "the client doesn't connect to the address it was given");
                    let got = if e.kind() == ErrorKind::WouldBlock { nobody } else { e.to_string() };
                    return fail(wanted, got).likely(hint);
                }
            }
        }
    }
}
