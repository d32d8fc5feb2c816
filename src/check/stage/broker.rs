//! The broker that servers share a room by: a real `nats-server`, somebody who speaks to it by hand, and a broker that
//! the checker plays.

use std::env;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::output::contains;
use super::program::Program;
use super::scene::Scene;
use super::speaker::{Connected, Heard, Speaker};
use super::target::fresh_address;
use super::tcp_peer::Peer;
use crate::check::telling::events::{differs_at, show};
use crate::check::telling::text::{Text, join};
use crate::check::telling::verdict::{Evidence, Verdict, fail, fail_by, not_checked};
use crate::support::lock;
use crate::{text, tr};

/// The subject of the room that nobody gives a name to.
pub const SUBJECT: &str = "chatroom.lobby";

/// How often one looks whether somebody has come.
const LOOK: Duration = Duration::from_millis(10);

/// What a broker that the checker plays, or who speaks to one, takes in one piece, in bytes: as much as a real one.
const MAX_PAYLOAD: usize = 1 << 20;

/// How often it looks whether it is to stall.
const LISTEN: Duration = Duration::from_millis(100);

/// What is to come in pieces is sent so far apart.
const APART: Duration = Duration::from_millis(1);

const PONG: &str = "PONG\r\n";

/// What a broker says goes nowhere: it would stand between what the servers say.
const NOWHERE: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

/// A `nats-server` that runs. It is killed when dropped.
#[derive(Debug)]
pub struct Broker {
    program: Program,
    /// Where it is, `HOST:PORT`.
    pub address: String,
}

impl Broker {
    /// At a port that is free.
    pub fn start(scene: &Scene<'_>) -> Verdict<Broker> {
        Broker::start_at(scene, &fresh_address())
    }

    /// At this address.
    pub fn start_at(scene: &Scene<'_>, address: &str) -> Verdict<Broker> {
        let Some(nats_server) = nats_server() else { return not_checked(NO_BROKER) };
        let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
        let words =
            [&*nats_server.to_string_lossy(), "-a", host, "-p", port, "-l", NOWHERE].map(str::to_string);
        let program = Program::start("broker", &words, false, &scene.log, scene.patience())?;
        scene.log.sight.ends(program.pid()); // it isn't what is checked
        let deadline = Instant::now() + scene.patience();
        while TcpStream::connect(address).is_err() {
            if program.has_ended() || Instant::now() > deadline {
                return not_checked(tr!(zh "nats-server 没有启动", en "nats-server doesn't start"));
            }
            thread::sleep(LOOK);
        }
        Ok(Broker { program, address: address.to_string() })
    }

    /// Without a warning, as when its machine loses power.
    pub fn kill(self) -> Verdict {
        self.program.signal("KILL")
    }
}

const NO_BROKER: Text = text!(zh "这里没有 nats-server（在 Debian 和 Ubuntu 里是软件包 nats-server）",
                              en "there is no nats-server here (in Debian and Ubuntu the package nats-server)");

/// Its program. Debian puts it where not everybody's PATH leads.
fn nats_server() -> Option<PathBuf> {
    let name = if cfg!(windows) { "nats-server.exe" } else { "nats-server" };
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// A line of NATS, in words, and the bytes behind it, if there are any.
#[derive(Debug)]
pub struct Operation {
    words: Vec<String>,
    payload: Vec<u8>,
}

impl Operation {
    /// The next that comes, or what comes instead. Only what is `told` is written down: others speak meanwhile.
    fn next(
        peer: &mut Peer,
        within: Duration,
        told: impl Fn(&Operation) -> bool,
    ) -> Result<Operation, Heard> {
        let mut all = Vec::new();
        let came = Operation::receive(peer, within, &mut all);
        match &came {
            Ok(operation) if !told(operation) => {}
            Ok(_) => peer.role().hears(&Heard::Words(all)),
            Err(Heard::Nothing) => peer.role().log().sight.after_silence(within),
            Err(end) => peer.role().hears(end),
        }
        came
    }

    /// The same; `all` are its bytes.
    fn receive(peer: &mut Peer, within: Duration, all: &mut Vec<u8>) -> Result<Operation, Heard> {
        all.extend(words(peer.receive(within))?);
        let head = all.len();
        let line = String::from_utf8_lossy(all);
        let words_of_it: Vec<String> = line.split_whitespace().map(str::to_string).collect();
        let mut length = 0;
        if let Some("MSG" | "PUB") = words_of_it.first().map(String::as_str) {
            length = words_of_it.last().and_then(|last| last.parse().ok()).unwrap_or_default();
            if length > MAX_PAYLOAD {
                return Err(Heard::Words(std::mem::take(all))); // so much is never read
            }
            let patience = peer.role().patience; // a message that has begun is read to its end
            while all.len() < head + LINE_END.len() + length {
                all.extend(words(peer.receive(patience))?);
            }
        }
        Ok(Operation { words: words_of_it, payload: all[head..head + length].to_vec() })
    }

    fn is(&self, word: &str) -> bool {
        self.words.first().is_some_and(|first| first.eq_ignore_ascii_case(word))
    }
}

/// How NATS ends a line, and a payload.
const LINE_END: &str = "\r\n";

/// The words that came, or what came instead.
fn words(heard: Heard) -> Result<Vec<u8>, Heard> {
    match heard {
        Heard::Words(words) => Ok(words),
        other => Err(other),
    }
}

/// Somebody who speaks to a broker by hand.
#[derive(Debug)]
pub struct Hand(Peer);

impl Hand {
    /// Subscribes to the room's subject.
    pub fn subscribe(scene: &Scene<'_>, broker: &Broker) -> Verdict<Hand> {
        let (name, address) = (tr!(zh "订阅者", en "the subscriber"), &broker.address);
        let cannot =
            || not_checked(tr!(zh "连不上消息代理 {address}", en "the broker at {address} can't be reached"));
        let Ok(stream) = TcpStream::connect(address) else { return cannot() };
        let mut peer = Peer::new(&name, stream, &scene.log, scene.patience())?;
        peer.set_quiet(true);
        peer.send(format!("CONNECT {{\"verbose\":false,\"echo\":false}}\r\nSUB {SUBJECT} 1\r\nPING\r\n"))?;
        loop {
            match Operation::next(&mut peer, scene.patience(), |_| false) {
                Ok(operation) if operation.is("PONG") => break,
                Ok(_) => {}
                Err(_) => return cannot(),
            }
        }
        peer.set_quiet(false);
        peer.role().note(|| tr!(zh "在消息代理那里订阅了 {SUBJECT}", en "asks the broker for {SUBJECT}"));
        Ok(Hand(peer))
    }

    /// Publishes these bytes in the room; `reply` is nothing, or a subject for answers and a blank.
    pub fn publish(&mut self, reply: &str, payload: impl AsRef<[u8]>) -> Verdict {
        let payload = payload.as_ref();
        let head = format!("PUB {SUBJECT} {reply}{}{LINE_END}", payload.len());
        self.0.send([head.as_bytes(), payload, LINE_END.as_bytes()].concat())
    }

    /// Keeps what it says and hears out of the transcript, or puts it in again.
    pub fn set_quiet(&self, quiet: bool) {
        self.0.set_quiet(quiet);
    }

    /// Whether this part of a line is published within that time, whatever comes before it.
    pub fn hears(&mut self, part: &str, within: Duration) -> bool {
        let (deadline, part) = (Instant::now() + within, part.as_bytes());
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let is_it = |operation: &Operation| contains(&operation.payload, part);
            match Operation::next(&mut self.0, left, is_it) {
                Ok(operation) if is_it(&operation) => return true,
                Ok(_) if !left.is_zero() => {}
                _ => return false,
            }
        }
    }

    /// This line must be the next that is published. (Its line break may be missing.)
    pub fn expect(&mut self, line: impl AsRef<[u8]>) -> Verdict {
        let (wanted, patience) = (line.as_ref(), self.0.role().patience);
        let gets = self.0.role().does(join(text!(zh "收到", en "gets"), show(wanted)));
        match Operation::next(&mut self.0, patience, |_| true) {
            Ok(operation) if operation.payload.trim_ascii_end() == wanted.trim_ascii_end() => Ok(()),
            Ok(Operation { payload, .. }) => {
                let differs_at = differs_at(wanted, &payload);
                fail_by(gets, show(&payload), Evidence { cause: None, differs_at })
            }
            Err(heard) => fail(gets, heard.told()),
        }
    }
}

/// A broker that the checker plays, for one server.
#[derive(Debug)]
pub struct Played {
    peer: Peer,
    /// What the server calls its subscription.
    id: String,
    shared: Arc<Shared>,
}

/// What the thread that listens shares with whoever plays.
#[derive(Debug, Default)]
struct Shared {
    /// How many PONGs have come.
    pongs: AtomicUsize,
    is_stalled: AtomicBool,
    /// Who speaks: an answer must not come into the middle of a message.
    speaks: Mutex<()>,
}

/// Where such a broker waits for its server.
#[derive(Debug)]
pub struct Waiting {
    listener: TcpListener,
    /// Where it is, `HOST:PORT`.
    pub address: String,
}

impl Waiting {
    /// Listens.
    pub fn new() -> Verdict<Waiting> {
        let bound = TcpListener::bind("127.0.0.1:0");
        match bound.and_then(|listener| Ok((listener.local_addr()?.to_string(), listener))) {
            Ok((address, listener)) => Ok(Waiting { listener, address }),
            Err(err) => not_checked(tr!(zh "检查器无法监听：{err}", en "the checker can't listen: {err}")),
        }
    }

    /// The server that comes, once it has subscribed.
    pub fn accept(&self, scene: &Scene<'_>) -> Verdict<Played> {
        let deadline = Instant::now() + scene.patience();
        let _ = self.listener.set_nonblocking(true);
        let stream = loop {
            match self.listener.accept() {
                Ok((stream, _)) => break stream,
                Err(_) if Instant::now() < deadline => thread::sleep(LOOK),
                Err(_) => {
                    let address = &self.address;
                    let wanted = tr!(zh "服务器连接消息代理 {address}", en "the server connects to the broker at {address}");
                    return fail(wanted, text!(zh "没有人来", en "nobody comes"));
                }
            }
        };
        let _ = stream.set_nonblocking(false);
        let name = tr!(zh "消息代理", en "the broker");
        Played::meet(Peer::new(&name, stream, &scene.log, scene.patience())?)
    }
}

/// What a broker waits for.
fn subscription() -> String {
    tr!(zh "收到 `SUB {SUBJECT} 编号`", en "gets `SUB {SUBJECT} NUMBER`")
}

impl Played {
    /// Says what it is, and waits until the server has subscribed.
    fn meet(mut peer: Peer) -> Verdict<Played> {
        peer.send(format!("INFO {{\"server_id\":\"checker\",\"max_payload\":{MAX_PAYLOAD}}}{LINE_END}"))?;
        let (patience, deadline) = (peer.role().patience, Instant::now() + peer.role().patience);
        loop {
            match Operation::next(&mut peer, patience, |_| true) {
                Ok(Operation { words, .. }) if Instant::now() > deadline => {
                    return fail(peer.role().does(subscription()), show(words.join(" ").as_bytes()));
                }
                Ok(Operation { words, .. }) if words.len() >= 3 && words[0].eq_ignore_ascii_case("SUB") => {
                    let id = words[words.len() - 1].clone();
                    return Played::listening(peer, id);
                }
                Ok(operation) if operation.is("PING") => peer.send(PONG)?,
                Ok(_) => {}
                Err(heard) => {
                    return fail(peer.role().does(subscription()), heard.told());
                }
            }
        }
    }

    /// Goes on listening, and answers each PING, on a thread of its own.
    fn listening(mut ear: Peer, id: String) -> Verdict<Played> {
        // (Behind what has been read, more may stand in this one's buffer.)
        let played = Played { peer: ear.second()?, id, shared: Arc::default() };
        let shared = Arc::clone(&played.shared);
        thread::spawn(move || {
            while !shared.is_stalled.load(Ordering::Relaxed) {
                match Operation::next(&mut ear, LISTEN, |operation| !operation.is("PUB")) {
                    Ok(operation) if operation.is("PING") => {
                        let _turn = lock(&shared.speaks);
                        if ear.send(PONG).is_err() {
                            return;
                        }
                    }
                    Ok(operation) if operation.is("PONG") => {
                        shared.pongs.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(_) | Err(Heard::Nothing) => {}
                    Err(_) => return,
                }
            }
        });
        Ok(played)
    }

    /// Asks for a PONG, and waits for it.
    pub fn ping(&mut self) -> Verdict {
        let before = self.pongs();
        {
            let _turn = lock(&self.shared.speaks);
            self.peer.send(format!("PING{LINE_END}"))?;
        }
        let deadline = Instant::now() + self.peer.role().patience;
        while self.pongs() == before {
            if Instant::now() > deadline {
                let wanted =
                    self.peer.role().does(text!(zh "问 PING，收到 PONG", en "says PING and gets PONG"));
                return fail(wanted, text!(zh "没有收到", en "it doesn't"));
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// How many PONGs have come.
    #[must_use]
    pub fn pongs(&self) -> usize {
        self.shared.pongs.load(Ordering::Relaxed)
    }

    /// Delivers this, in pieces of so many bytes.
    pub fn deliver(&mut self, payload: &[u8], reply: &str, piece: usize) -> Verdict {
        let (id, length) = (&self.id, payload.len());
        let head = format!("MSG {SUBJECT} {id} {reply}{length}{LINE_END}");
        let all = [head.as_bytes(), payload, LINE_END.as_bytes()].concat();
        let _turn = lock(&self.shared.speaks);
        self.peer.role().sends(&all);
        self.peer.set_quiet(true);
        for piece in all.chunks(piece) {
            self.peer.send(piece)?;
            thread::sleep(APART);
        }
        self.peer.set_quiet(false);
        Ok(())
    }

    /// Reads nothing any more.
    pub fn stall(&self) {
        self.shared.is_stalled.store(true, Ordering::Relaxed);
        self.peer.role().note(|| tr!(zh "从现在起什么也不读", en "reads nothing from now on"));
    }
}
