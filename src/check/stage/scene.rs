//! What a case has at hand: a way to start the program, and to join its room.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::display::{COLUMNS, ROWS};
use super::program::Program;
use super::start::{
    CANNOT_START, Start, address_from_banner, finds_it_in_use, knock, must_be_free, resolve, why_not,
};
use super::target::{Target, command_line};
use super::tcp_peer::Peer;
use crate::check::telling::events::Log;
use crate::check::telling::text::join;
use crate::check::telling::verdict::{Likely, Verdict, fail, not_checked};
use crate::{text, tr};

/// How often one looks whether somebody has come.
const KNOCK: Duration = Duration::from_millis(10);

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
    /// What it is called.
    pub(super) name: &'static str,
    pub(super) words: Vec<String>,
    before: Vec<String>,
    after: Vec<String>,
    pub(in crate::check) address: String,
    /// Where a broker is, for a server that is to use one.
    pub(super) broker: String,
    keyboard: bool,
    terminal: bool,
    starved: bool,
    at_once: bool,
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
        let log = Log::new();
        Scene { target, log: if target.is_watched { log.watched() } else { log } }
    }

    /// How long to wait for what must come.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.target.patience
    }

    /// The command as given, to be started as it is or with changes.
    #[must_use]
    pub fn launch(&'a self) -> Launch<'a> {
        let (words, address) = (self.target.words.clone(), self.target.address.clone());
        Launch {
            scene: self,
            name: "server",
            words,
            before: vec![],
            after: vec![],
            address,
            broker: String::new(),
            keyboard: true,
            terminal: false,
            starved: false,
            at_once: false,
        }
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

    /// With so little that not every program can start: one that can't isn't judged.
    #[must_use]
    pub fn starved(mut self) -> Self {
        self.starved = true;
        self
    }

    /// Puts words behind the command: options.
    #[must_use]
    pub fn with<S: ToString>(mut self, words: &[S]) -> Self {
        self.after.extend(words.iter().map(S::to_string));
        self
    }

    /// An address for this start alone: the program must be able to have it at once.
    #[must_use]
    pub fn at(mut self, address: impl ToString) -> Self {
        self.at_once = true;
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
        ["script", "-qec", &command_line(&words), "/dev/null"].map(str::to_string).to_vec()
    }

    fn plain_words(&self) -> Vec<String> {
        let (host, port) = self.address.rsplit_once(':').unwrap_or((&self.address, ""));
        let fill = |word: &String| {
            let word = word.replace("{addr}", &self.address).replace("{nats}", &self.broker);
            word.replace("{host}", host).replace("{port}", port)
        };
        let command = self.words.iter().map(fill);
        self.before.iter().cloned().chain(command).chain(self.after.iter().cloned()).collect()
    }

    /// Whether the program chooses its port itself.
    #[must_use]
    pub fn chooses_port(&self) -> bool {
        self.address.ends_with(":0")
    }

    /// Starts it.
    pub fn program(&self, name: &'static str) -> Verdict<Program> {
        Program::start(name, &self.words(), self.keyboard, &self.scene.log, self.scene.patience())
            .likely(text!(zh "交给检查器的命令不对", en "the command given to the checker is wrong"))
    }

    /// Starts it and waits until it serves.
    pub fn server(self) -> Verdict<Server> {
        if let (false, false, Some(at)) = (self.chooses_port(), self.at_once, resolve(&self.address)) {
            let is_free = |at| TcpListener::bind(at).is_ok();
            must_be_free(at, &self.scene.log, is_free, |at| TcpStream::connect(at).is_ok())?;
        }
        self.serving(knock)
    }

    /// The program, once it serves, as `knock` finds out at an address that it was given.
    pub(in crate::check) fn serving(
        self,
        knock: fn(&Program, &str, Duration) -> Verdict<SocketAddr>,
    ) -> Verdict<Server> {
        let (log, patience) = (self.scene.log.clone(), self.scene.patience());
        let (program, chooses_port) = (self.program(self.name)?, self.chooses_port());
        let found = match chooses_port {
            true => address_from_banner(&program, patience),
            false => knock(&program, &self.address, patience),
        };
        match found {
            Ok(address) => Ok(Server { address, program, log, patience }),
            Err(_) if self.starved => not_checked(CANNOT_START),
            Err(halt) if self.at_once && !finds_it_in_use(&program) => Err(halt),
            Err(halt) => Err(halt).likely(why_not(&program, chooses_port)),
        }
    }
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
    pub fn accept(&self, client: &Program) -> Verdict<Peer> {
        let (patience, address) = (self.patience, self.address);
        let mut start = Start::new(patience);
        let _ = self.listener.set_nonblocking(true);
        loop {
            let is_over = client.has_ended() || start.is_over(client); // It may come and end at once.
            match self.listener.accept() {
                Ok((stream, _)) => {
                    let _ = stream.set_nonblocking(false);
                    self.log.note(text!(zh "客户端连上了；检查器扮演服务器",
                                        en "the client connects; the checker plays the server"));
                    return Peer::new(&tr!(zh "服务器", en "the server"), stream, &self.log, patience);
                }
                Err(_) if is_over => {
                    client.look();
                    let wanted = tr!(zh "客户端连接 {address}", en "the client connects to {address}");
                    return fail(wanted, client.found()).likely(text!(zh "客户端没有去连接给它的地址",
                              en "the client doesn't connect to the address it was given"));
                }
                Err(_) => thread::sleep(KNOCK),
            }
        }
    }
}
