//! One room over many servers, by NATS: what is said here is published on the room's subject,
//! `chatroom.NAME`, and what others publish there is told to everybody here.
//!
//! A NATS broker speaks lines over TCP. It begins with `INFO {…}`. We answer `CONNECT {…}`, then
//! `SUB subject id`. From there on either side says when it has something:
//!
//! ```text
//! PUB subject stamp length⏎ so many bytes⏎        from us
//! MSG subject id stamp length⏎ so many bytes⏎     to us
//! PING⏎                                           from either side; the other answers PONG⏎
//! -ERR 'Authorization Violation'⏎                 to us
//! ```
//!
//! One thread reads, one writes, and between them and the room stands a buffer, so that nothing about
//! NATS can hold the room up. A PING behind what was published is a receipt for it: what has none when
//! the link breaks is published again on the next one. A stamp says which server published, and how
//! many lines it had said before: so the others see what they have heard already, and what they missed.
//!
//! Without `--nats` there is no link, and [`publish`] does nothing.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::cli::Options;
use crate::support::broker::{Broker, quoted};
use crate::support::lines::{MAX_LINE, came_back_empty, count_lines, push_line};
use crate::support::trouble::{Trouble, no_thread};
use crate::support::{address, lock, print, stop};
use crate::{say, tr, warn};

/// What may wait to be published, in bytes: an hour of people who talk. What doesn't fit is counted.
const BUFFER: usize = 4 << 20;

/// What keeping a batch costs besides its bytes.
const EACH: usize = 64;

/// The most that is published or taken in one piece: a broker's own limit, unless it was told otherwise.
const MAX_PAYLOAD: usize = 1 << 20;

/// The longest line of the protocol. INFO is the longest, and names all brokers of a cluster.
const MAX_CONTROL: usize = 64 << 10;

/// What one read asks for, what goes out in one write, and what is told to the room at once.
const PIECE: usize = 64 << 10;

/// How many other servers we know by their stamps.
const MAX_SERVERS: usize = 1000;

/// How long a broker may take to answer; also, how long we are silent before we ask.
const ANSWER: Duration = Duration::from_secs(5);

/// How often the threads look at the clock.
const TICK: Duration = Duration::from_secs(1);

/// Before it tries again, the relay waits so long, then twice as long, and so on.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(4);

/// A wrong password does not become right by trying.
const REFUSED_WAIT: Duration = Duration::from_secs(30);

/// How a console line begins. Only ours does: those of other servers say where they are from.
const CONSOLE: &[u8] = b"[Server]: ";

/// One process is one room.
static LINK: OnceLock<Link> = OnceLock::new();

/// The link between this room and the others.
struct Link {
    brokers: Vec<Broker>,
    subject: String,
    /// Who we are in the stamps: a number that no other server has.
    me: String,
    local: SocketAddr,
    out: Mutex<Out>,
    changed: Condvar,
}

/// What is to be published.
#[derive(Default)]
struct Out {
    /// The connection, while there is one.
    conn: Option<Arc<TcpStream>>,
    /// Where a console line of ours is from.
    origin: String,
    /// What the broker takes in one piece.
    max_payload: usize,
    /// What has no receipt yet, and its bytes.
    batches: VecDeque<Batch>,
    bytes: usize,
    /// How many of these went out on this connection.
    sent: usize,
    /// For each PING that was not answered: how many batches it is the receipt for, and when it went out.
    pings: VecDeque<(usize, Instant)>,
    /// Not before that is anything published: others who lost the same broker shall be back by then.
    hold: Option<Instant>,
    /// When something went out last.
    spoke: Option<Instant>,
    /// How many PONGs we owe.
    pongs: usize,
    /// How many lines were said here, and how many of them will not be published.
    said: u64,
    lost: usize,
}

impl Out {
    /// How long nothing is published yet.
    fn held(&self) -> Duration {
        self.hold.map_or(Duration::ZERO, |hold| hold.saturating_duration_since(Instant::now()))
    }
}

/// What one broadcast told, and how many lines were said here before.
struct Batch {
    first: u64,
    lines: Vec<u8>,
}

/// Joins this room with those of other servers, if `--nats` names a broker: `tell` tells lines to
/// everybody here. `local` is where this server listens.
///
/// # Errors
/// When there is no thread to be had.
pub fn join(
    options: &Options,
    local: SocketAddr,
    tell: impl FnMut(&[u8]) + Send + 'static,
) -> Result<(), String> {
    if options.nats.is_empty() {
        return Ok(());
    }
    let (brokers, subject) = (options.nats.clone(), format!("chatroom.{}", options.room));
    let me = format!("{:016x}", random());
    let out = Out { origin: address::printed(local).to_string(), ..Out::default() };
    let link = LINK.get_or_init(|| Link {
        brokers,
        subject,
        me,
        local,
        out: Mutex::new(out),
        changed: Condvar::new(),
    });
    thread::Builder::new().spawn(|| link.write()).map_err(no_thread)?;
    thread::Builder::new().spawn(|| link.stay_connected(tell)).map_err(no_thread)?;
    Ok(())
}

/// Publishes what the room here was told. It never waits; and not under the lock of the list, please.
// ANCHOR: publish
pub fn publish(lines: &[u8]) {
    let Some(link) = LINK.get() else { return };
    let mut out = lock(&link.out);
    let (first, count) = (out.said, count_lines(lines));
    out.said += count as u64;
    if out.bytes + lines.len() + EACH > BUFFER {
        out.lost += count;
        return;
    }
    out.bytes += lines.len() + EACH;
    out.batches.push_back(Batch { first, lines: lines.to_vec() });
    link.changed.notify_all();
}
// ANCHOR_END: publish

/// Before the process ends: waits until all is published, at most `limit`, and says what was not.
pub fn finish(limit: Duration) {
    let Some(link) = LINK.get() else { return };
    lock(&link.out).hold = None;
    link.changed.notify_all();
    let busy = |out: &mut Out| out.conn.is_some() && !out.batches.is_empty();
    let waited = link.changed.wait_timeout_while(lock(&link.out), limit, busy);
    let (out, _) = waited.unwrap_or_else(PoisonError::into_inner);
    let left: usize = out.batches.iter().map(|batch| count_lines(&batch.lines)).sum();
    say_lost(left + out.lost);
}

fn say_lost(lost: usize) {
    if lost > 0 {
        warn!(zh "NATS: {lost} 行没有发给其他服务器", en "NATS: {lost} lines did not go out to the other servers");
    }
}

/// A number that nobody can guess: std draws one for each hash table.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Between half of this time and all of it: who lost the same broker shall not come back together.
fn about(time: Duration) -> Duration {
    time / 2 + time * (random() % 1000) as u32 / 2000
}

// The thread that writes.
impl Link {
    fn write(&self) {
        loop {
            let (conn, bytes) = self.next_write();
            if (&*conn).write_all(&bytes).is_err() {
                let _ = conn.shutdown(Shutdown::Both); // the thread that reads will see it
            }
        }
    }

    /// Waits for a connection and for something to write: all that has come together by then.
    fn next_write(&self) -> (Arc<TcpStream>, Vec<u8>) {
        let mut out = lock(&self.out);
        loop {
            let bytes = self.encode(&mut out);
            if let (Some(conn), false) = (&out.conn, bytes.is_empty()) {
                return (Arc::clone(conn), bytes);
            }
            let held = out.held();
            let time = if held.is_zero() { TICK } else { held.min(TICK) };
            let waited = self.changed.wait_timeout(out, time);
            out = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    // ANCHOR: encode
    /// The PONGs that we owe, what is to be published, and the PING that is its receipt.
    fn encode(&self, out: &mut Out) -> Vec<u8> {
        if out.conn.is_none() {
            return Vec::new();
        }
        let mut bytes = b"PONG\r\n".repeat(std::mem::take(&mut out.pongs));
        let before = out.sent;
        let most = if out.held().is_zero() { PIECE } else { 0 };
        while let (Some(batch), true) = (out.batches.get(out.sent), bytes.len() < most) {
            out.lost += self.push_publication(&mut bytes, batch, &out.origin, out.max_payload);
            out.sent += 1;
        }
        let silent = out.spoke.is_none_or(|spoke| spoke.elapsed() > ANSWER);
        if out.sent > before || (silent && out.pings.is_empty()) {
            bytes.extend_from_slice(b"PING\r\n");
            out.pings.push_back((out.sent - before, Instant::now()));
        }
        if !bytes.is_empty() {
            out.spoke = Some(Instant::now());
        }
        bytes
    }
    // ANCHOR_END: encode

    /// A batch as PUB, in pieces that the broker takes. Returns how many lines are too long for it.
    fn push_publication(&self, bytes: &mut Vec<u8>, batch: &Batch, origin: &str, most: usize) -> usize {
        let signed = batch
            .lines
            .strip_prefix(CONSOLE)
            .map(|line| [b"[Server ", origin.as_bytes(), b"]: ", line].concat());
        let (mut first, mut lost) = (batch.first, 0);
        for piece in pieces(signed.as_ref().unwrap_or(&batch.lines), most) {
            let (Link { subject, me, .. }, length) = (self, piece.len());
            if length <= most {
                bytes.extend_from_slice(
                    format!("PUB {subject} {subject}.{me}.{first} {length}\r\n").as_bytes(),
                );
                bytes.extend_from_slice(piece);
                bytes.extend_from_slice(b"\r\n");
            } else {
                lost += count_lines(piece);
            }
            first += count_lines(piece) as u64;
        }
        lost
    }
}

/// Lines in pieces of at most so many bytes. Only a single line may be longer.
fn pieces(mut lines: &[u8], most: usize) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let fits = &lines[..most.min(lines.len())];
        let end = if fits.len() == lines.len() { Some(fits.len()) } else { end_of_last_line(fits) };
        let end = end.or_else(|| lines.iter().position(|byte| *byte == b'\n').map(|at| at + 1));
        let (piece, rest) = lines.split_at(end.unwrap_or(lines.len()));
        lines = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

fn end_of_last_line(lines: &[u8]) -> Option<usize> {
    lines.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1)
}

/// Why a link ended.
struct Broken {
    why: String,
    /// The broker does not want us.
    refused: bool,
}

impl Broken {
    fn new(why: String) -> Broken {
        Broken { why, refused: false }
    }
}

impl From<io::Error> for Broken {
    fn from(err: io::Error) -> Broken {
        Broken::new(address::explain(&err))
    }
}

/// How far a talk with a broker has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The broker shall say INFO.
    Called,
    /// It shall answer our first PING.
    Introduced,
    /// We are in the room.
    Joined,
}

// The thread that reads.
impl Link {
    /// Talks to one broker after the other, for ever.
    fn stay_connected(&self, tell: impl FnMut(&[u8])) {
        let (mut ear, mut wait) = (Ear::new(tell), FIRST_WAIT);
        let mut troubles: Vec<Trouble> = self.brokers.iter().map(|_| Trouble::default()).collect();
        for at in (0..self.brokers.len()).cycle() {
            let (broker, started) = (&self.brokers[at], Instant::now());
            let Err(Broken { why, refused }) = self.talk(broker, &mut ear, wait);
            if stop::requested() {
                return;
            }
            if self.hang_up() {
                troubles.fill_with(Trouble::default); // we were in the room: this is news
            }
            troubles[at].say(&tr!(zh "NATS {broker}: {why}；这里的聊天室照常，会再试",
                                  en "NATS {broker}: {why}; the room here goes on, and this is tried again"));
            if started.elapsed() > LONGEST_WAIT {
                wait = FIRST_WAIT;
            }
            thread::sleep(about(if refused { REFUSED_WAIT } else { wait }));
            wait = LONGEST_WAIT.min(wait * 2);
        }
    }

    /// Forgets the connection: what has no receipt will go out again. Whether there was one.
    fn hang_up(&self) -> bool {
        let mut out = lock(&self.out);
        (out.sent, out.pongs) = (0, 0);
        out.pings.clear();
        self.changed.notify_all();
        let conn = out.conn.take();
        conn.is_some_and(|conn| {
            let _ = conn.shutdown(Shutdown::Both); // wakes the thread that writes
            true
        })
    }

    /// Talks to a broker until the connection breaks. `hold` is how long others who lost the same broker
    /// may still wait before they try this one.
    fn talk(
        &self,
        broker: &Broker,
        ear: &mut Ear<impl FnMut(&[u8])>,
        hold: Duration,
    ) -> Result<Infallible, Broken> {
        let conn = Arc::new(call(broker)?);
        let (mut inbox, mut chunk) = (Inbox::default(), vec![0; PIECE]);
        let (mut stage, mut since) = (Stage::Called, Some(Instant::now()));
        loop {
            match (&*conn).read(&mut chunk) {
                Ok(0) => return Err(Broken::new(tr!(zh "连接已断开", en "the connection was closed"))),
                Ok(read) => inbox.add(&chunk[..read]),
                Err(err) if came_back_empty(&err) => expect_answer(since)?,
                Err(err) => return Err(err.into()),
            }
            while let Some(op) = inbox.next()? {
                match (op, stage) {
                    (Op::Info(info), _) => stage = self.introduce(&conn, broker, info, stage)?,
                    (Op::Pong, Stage::Introduced) => stage = self.enter(&conn, broker, hold),
                    (Op::Pong, _) => self.receipt(),
                    (Op::Ping, _) => self.owe_pong(),
                    (Op::Message { stamp, payload }, _) => ear.hear(self, stamp, payload),
                    (Op::Error(text), _) => ear.complain(broker, text)?,
                    (Op::TooLong(_) | Op::Nothing, _) => {}
                }
            }
            ear.pass_on();
            if stage == Stage::Joined {
                let lost = std::mem::take(&mut lock(&self.out).lost);
                ear.report(lost);
                since = lock(&self.out).pings.front().map(|(_, since)| *since);
            }
        }
    }

    /// Answers the first INFO: who we are, and what we want to hear. No line of ours shall come back.
    fn introduce(
        &self,
        mut conn: &TcpStream,
        broker: &Broker,
        info: &str,
        stage: Stage,
    ) -> Result<Stage, Broken> {
        let limit = number_behind(info, "\"max_payload\":").unwrap_or(MAX_PAYLOAD);
        lock(&self.out).max_payload = limit.clamp(1, MAX_PAYLOAD);
        if stage != Stage::Called {
            return Ok(stage);
        }
        if info.contains("\"tls_required\":true") {
            return Err(Broken {
                why: tr!(zh "它要求加密（TLS），这里不支持", en "it wants TLS, which is not supported"),
                refused: true,
            });
        }
        let (name, login, subject) =
            (quoted(&format!("chatroom {}", self.local)), broker.login_fields(), &self.subject);
        let connect = format!(
            "CONNECT {{\"verbose\":false,\"pedantic\":false,\"echo\":false,\"protocol\":1,\"lang\":\"rust\",\
             \"version\":\"{}\",\"name\":{name}{login}}}\r\nSUB {subject} 1\r\nPING\r\n",
            env!("CARGO_PKG_VERSION")
        );
        conn.write_all(connect.as_bytes())?;
        Ok(Stage::Introduced)
    }

    /// The first PONG: the broker has taken CONNECT and SUB.
    fn enter(&self, conn: &Arc<TcpStream>, broker: &Broker, hold: Duration) -> Stage {
        let subject = &self.subject;
        say!(zh "NATS {broker}: 已加入 {subject}", en "NATS {broker}: joined {subject}");
        let mut out = lock(&self.out);
        if let (true, Ok(here)) = (self.local.ip().is_unspecified(), conn.local_addr()) {
            out.origin = address::printed(SocketAddr::new(here.ip(), self.local.port())).to_string();
        }
        let first = out.spoke.is_none() && out.batches.is_empty(); // nobody waits for anything
        out.hold = if first { None } else { Some(Instant::now() + hold) };
        out.conn = Some(Arc::clone(conn));
        self.changed.notify_all();
        Stage::Joined
    }

    // ANCHOR: receipt
    /// A PONG: what went out before that PING has been taken.
    fn receipt(&self) {
        let mut out = lock(&self.out);
        let (taken, _) = out.pings.pop_front().unwrap_or((0, Instant::now()));
        out.bytes -= out.batches.drain(..taken).map(|batch| batch.lines.len() + EACH).sum::<usize>();
        out.sent -= taken;
        self.changed.notify_all();
    }
    // ANCHOR_END: receipt

    fn owe_pong(&self) {
        lock(&self.out).pongs += 1;
        self.changed.notify_all();
    }
}

/// Connects to a broker, by the first of its addresses that answers.
fn call(broker: &Broker) -> io::Result<TcpStream> {
    let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for addr in broker.addr.to_call()? {
        match TcpStream::connect_timeout(&addr, ANSWER) {
            Ok(conn) => {
                conn.set_nodelay(true)?;
                conn.set_read_timeout(Some(TICK))?;
                return Ok(conn);
            }
            Err(err) => failed = err,
        }
    }
    Err(failed)
}

/// A network that is cut says nothing: that an answer is overdue is all that can be known.
fn expect_answer(since: Option<Instant>) -> Result<(), Broken> {
    if since.is_none_or(|since| since.elapsed() < ANSWER) {
        return Ok(());
    }
    Err(Broken::new(tr!(zh "没有回应", en "it does not answer")))
}

/// The number that stands behind a key in a JSON object, without a parser for the rest.
fn number_behind(json: &str, key: &str) -> Option<usize> {
    let (_, rest) = json.split_once(key)?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// What a broker says.
#[derive(Debug, PartialEq, Eq)]
enum Op<'a> {
    Info(&'a str),
    Message {
        stamp: Option<&'a str>,
        payload: &'a [u8],
    },
    Ping,
    Pong,
    Error(&'a str),
    /// A message that we skip: of so many bytes.
    TooLong(usize),
    Nothing,
}

/// What has come from a broker, and was not looked at.
#[derive(Default)]
struct Inbox {
    buffer: Vec<u8>,
    at: usize,
    /// How many of the next bytes belong to a payload that is too long for us.
    skip: usize,
}

impl Inbox {
    fn add(&mut self, bytes: &[u8]) {
        self.buffer.drain(..std::mem::take(&mut self.at));
        self.buffer.extend_from_slice(bytes);
    }

    /// The next that is there as a whole.
    fn next(&mut self) -> Result<Option<Op<'_>>, Broken> {
        let skipped = self.skip.min(self.buffer.len() - self.at);
        (self.at, self.skip) = (self.at + skipped, self.skip - skipped);
        let Some((op, length)) = parse(&self.buffer[self.at..])? else { return Ok(None) };
        self.at += length;
        if let Op::TooLong(length) = op {
            self.skip = length;
        }
        Ok(Some(op))
    }
}

/// What the bytes begin with, and how many bytes that is; nothing, if the end is still on its way.
fn parse(bytes: &[u8]) -> Result<Option<(Op<'_>, usize)>, Broken> {
    let Some(end) = bytes.iter().take(MAX_CONTROL).position(|byte| *byte == b'\n') else {
        return if bytes.len() < MAX_CONTROL { Ok(None) } else { Err(no_nats()) };
    };
    let (line, behind) = (&bytes[..end], &bytes[end + 1..]);
    let line = std::str::from_utf8(line).map_err(|_| no_nats())?.trim_end();
    let (word, args) = line.split_once(' ').unwrap_or((line, ""));
    let op = match word {
        "INFO" => Op::Info(args),
        "PING" => Op::Ping,
        "PONG" => Op::Pong,
        "-ERR" => Op::Error(args.trim_matches('\'')),
        "+OK" => Op::Nothing,
        "MSG" => {
            // Its subject, our number for it, a stamp or none, and the length of what stands behind.
            let words: Vec<&str> = args.split_whitespace().collect();
            let length: usize = words.last().and_then(|last| last.parse().ok()).ok_or_else(no_nats)?;
            if length > MAX_PAYLOAD {
                return Ok(Some((Op::TooLong(length.saturating_add(2)), end + 1)));
            }
            let Some(whole) = behind.get(..length + 2) else { return Ok(None) };
            let stamp = (words.len() == 4).then(|| words[2]);
            return Ok(Some((Op::Message { stamp, payload: &whole[..length] }, end + 1 + length + 2)));
        }
        _ => return Err(no_nats()),
    };
    Ok(Some((op, end + 1)))
}

fn no_nats() -> Broken {
    Broken {
        why: tr!(zh "那里说的不是 NATS 协议", en "what is there does not speak NATS"), refused: true
    }
}

/// What is heard from the other servers, on its way to everybody here.
struct Ear<F> {
    tell: F,
    lines: Vec<u8>,
    /// How many lines the other servers had said when we heard them last.
    known: HashMap<String, u64>,
    missed: Count,
    lost: Count,
    /// Lines without a sender, and forged ones.
    dropped: Count,
    trouble: Trouble,
}

impl<F: FnMut(&[u8])> Ear<F> {
    fn new(tell: F) -> Ear<F> {
        let (lines, known, trouble) = (Vec::new(), HashMap::new(), Trouble::default());
        let [missed, lost, dropped] = [TICK, TICK, 60 * TICK].map(Count::new);
        Ear { tell, lines, known, missed, lost, dropped, trouble }
    }

    /// Takes what was published elsewhere: what is new of it, and has the form of a line of ours.
    fn hear(&mut self, link: &Link, stamp: Option<&str>, payload: &[u8]) {
        let stamp = stamp.and_then(|stamp| link.read_stamp(stamp));
        let payload = stamp.map_or(payload, |(server, first)| self.unheard(link, server, first, payload));
        for line in payload.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match end_of_sender(line) {
                Some(end) => push_line(&mut self.lines, &line[..line.len().min(end + MAX_LINE)]),
                None => self.dropped.count += 1,
            }
        }
        if self.lines.len() >= PIECE {
            self.pass_on();
        }
    }

    // ANCHOR: unheard
    /// Of lines that a server published, those that we have not heard. What it said before them and we
    /// have not heard either, we have missed: while there was no link, or a broker threw it away.
    fn unheard<'a>(&mut self, link: &Link, server: &str, first: u64, lines: &'a [u8]) -> &'a [u8] {
        if server == link.me {
            return b""; // our own, back by way of another broker
        }
        let next = self.known.get(server).copied().unwrap_or(first);
        let heard = usize::try_from(next.saturating_sub(first)).unwrap_or(usize::MAX);
        self.missed.count += usize::try_from(first.saturating_sub(next)).unwrap_or(usize::MAX);
        if self.known.len() >= MAX_SERVERS {
            self.known.clear();
        }
        let end = first.saturating_add(count_lines(lines) as u64);
        self.known.insert(server.to_string(), next.max(end));
        let mut ends = lines.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        match heard {
            0 => lines,
            _ => &lines[ends.nth(heard - 1).unwrap_or(lines.len())..],
        }
    }
    // ANCHOR_END: unheard

    /// Tells everybody here what was heard, in pieces of the size in which a client's lines come.
    fn pass_on(&mut self) {
        for piece in pieces(&self.lines, PIECE) {
            print::print(piece);
            (self.tell)(piece);
        }
        self.lines.clear();
    }

    /// Says, once in a while, what did not go out, and what did not come in: that, to all.
    fn report(&mut self, lost: usize) {
        self.lost.count += lost;
        say_lost(self.lost.due());
        let missed = self.missed.due();
        if missed > 0 {
            let said = tr!(zh "[Server]: 其他服务器有 {missed} 行没有送到这里\n",
                           en "[Server]: {missed} lines from other servers did not get here\n");
            print::print(said.as_bytes());
            (self.tell)(said.as_bytes());
        }
        let dropped = self.dropped.due();
        if dropped > 0 {
            warn!(zh "NATS: {dropped} 行没有发送者，或者冒充 [Server]，没有转发",
                  en "NATS: {dropped} lines without a sender, or in the name of [Server], were not told");
        }
    }

    /// What a broker complains of. It hangs up by itself, if it wants to; but at once with who may not
    /// come in.
    fn complain(&mut self, broker: &Broker, text: &str) -> Result<(), Broken> {
        let text: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
        if ["Authorization Violation", "User Authentication", "Account Authentication"]
            .iter()
            .any(|start| text.starts_with(start))
        {
            let why = tr!(zh "拒绝登录（{text}）；请检查 --nats 里的用户、密码或 token",
                          en "it refuses the login ({text}); check the user, password or token of --nats");
            return Err(Broken { why, refused: true });
        }
        self.trouble.say(&tr!(zh "NATS {broker}: {text}", en "NATS {broker}: {text}"));
        Ok(())
    }
}

impl Link {
    /// `chatroom.lobby.SERVER.LINES`: who published, and how many lines it had said before.
    fn read_stamp<'a>(&self, stamp: &'a str) -> Option<(&'a str, u64)> {
        let (server, said) = stamp.strip_prefix(&self.subject)?.strip_prefix('.')?.split_once('.')?;
        if server.len() == self.me.len() { Some((server, said.parse().ok()?)) } else { None }
    }
}

// ANCHOR: sender
/// Where the text begins in `[ip:port]: text` or `[Server ip:port]: text`. A line of another form is
/// none: `[Server]: …` is our own console's.
fn end_of_sender(line: &[u8]) -> Option<usize> {
    let start = &line[..line.len().min(100)];
    let end = start.windows(3).position(|three| three == b"]: ")?;
    let sender = std::str::from_utf8(start[..end].strip_prefix(b"[")?).ok()?;
    let addr: SocketAddr = sender.strip_prefix("Server ").unwrap_or(sender).parse().ok()?;
    (addr.port() > 0).then_some(end + 3)
}
// ANCHOR_END: sender

/// How often something happened since it was said last.
struct Count {
    count: usize,
    every: Duration,
    said: Option<Instant>,
}

impl Count {
    fn new(every: Duration) -> Count {
        Count { count: 0, every, said: None }
    }

    /// How often, if it is time to say it.
    fn due(&mut self) -> usize {
        if self.count == 0 || self.said.is_some_and(|said| said.elapsed() < self.every) {
            return 0;
        }
        self.said = Some(Instant::now());
        std::mem::take(&mut self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_at_their_ends() {
        let cut = |lines, most| pieces(lines, most).map(|piece| piece.to_vec()).collect::<Vec<_>>();
        assert_eq!(cut(b"a\nbc\nd\n", 4), [&b"a\n"[..], b"bc\n", b"d\n"]);
        assert_eq!(cut(b"a\nbc\nd\n", 5), [&b"a\nbc\n"[..], b"d\n"]);
        assert_eq!(cut(b"a\nbc\nd\n", 100), [b"a\nbc\nd\n"]);
        assert_eq!(cut(b"long\nd\n", 2), [&b"long\n"[..], b"d\n"], "only a single line may be longer");
        assert_eq!(cut(b"", 2), [b""; 0]);
    }

    #[test]
    fn a_sender_has_an_address() {
        for (line, text) in [
            ("[1.2.3.4:5]: hi", Some("hi")),
            ("[[::1]:5]: [Server]: x", Some("[Server]: x")),
            ("[Server [fe80::1%2]:5]: ", Some("")),
            ("[Server]: x", None),
            ("[Server ]: x", None),
            ("[1.2.3.4]: x", None),
            ("[1.2.3.4:0]: x", None),
            ("[x:5]: x", None),
            (" [1.2.3.4:5]: x", None),
            ("x", None),
        ] {
            assert_eq!(end_of_sender(line.as_bytes()).map(|end| &line[end..]), text, "{line}");
        }
    }

    #[test]
    fn a_broker_is_understood_in_any_pieces() {
        let all = b"INFO {\"a\":1} \r\nPING\r\nMSG s 1 3\r\na\r\n\r\nMSG s 1 s.x.1 0\r\n\r\n\
                    MSG s 1 2000000\r\n"
            .to_vec();
        let all = [all, vec![b'x'; 2_000_000], b"\r\n-ERR 'No, no'\r\n+OK\r\nPONG\r\n".to_vec()].concat();
        for size in [1, 7, 100, all.len()] {
            let (mut inbox, mut heard) = (Inbox::default(), Vec::new());
            let parts = if size == 1 { all[..100].chunks(1) } else { all.chunks(size) };
            for part in parts {
                inbox.add(part);
                while let Some(op) = inbox.next().unwrap_or_else(|broken| panic!("{}", broken.why)) {
                    heard.push(format!("{op:?}"));
                }
            }
            let expected = [
                "Info(\"{\\\"a\\\":1}\")",
                "Ping",
                "Message { stamp: None, payload: [97, 13, 10] }",
                "Message { stamp: Some(\"s.x.1\"), payload: [] }",
                "TooLong(2000002)",
                "Error(\"No, no\")",
                "Nothing",
                "Pong",
            ];
            assert_eq!(heard, expected[..if size == 1 { 5 } else { 8 }], "in pieces of {size}");
        }
        for wrong in ["HTTP/1.1 400\r\n", "MSG s 1 x\r\n", "\n", &"x".repeat(MAX_CONTROL)] {
            assert!(parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
