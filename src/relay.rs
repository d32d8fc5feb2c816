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

use std::collections::VecDeque;
use std::convert::Infallible;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::cli::Options;
use crate::support::broker::{Broker, quoted};
use crate::support::foreign::{Ear, PIECE, TICK, say_lost};
use crate::support::lines::{came_back_empty, count_lines};
use crate::support::nats::{Broken, Inbox, MAX_PAYLOAD, Op, number_behind, pieces};
use crate::support::trouble::{Trouble, no_thread};
use crate::support::{address, lock, stop};
use crate::{say, tr};

/// What may wait to be published, in bytes: some 50,000 lines of what people say. What doesn't fit is counted.
const BUFFER: usize = 4 << 20;

/// What keeping a batch costs besides its bytes.
const EACH: usize = 64;

/// The writing thread's rest when all has gone out: lines that come one after the other need not each wake it.
const GATHER: Duration = Duration::from_millis(1);

/// A broker that asks and asks, and takes no answer, gets no more than this.
const MOST_PONGS: usize = 1000;

/// How long a broker may take to answer; also, how long we are silent before we ask.
const ANSWER: Duration = Duration::from_secs(5);

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
            let all_sent = |out: MutexGuard<'_, Out>| out.sent == out.batches.len();
            if all_sent(lock(&self.out)) {
                thread::sleep(GATHER);
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
        let (mut ear, mut wait) = (Ear::new(tell, &self.subject, &self.me), FIRST_WAIT);
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
            while let Some(op) = inbox.next_op()? {
                match (op, stage) {
                    (Op::Info(info), _) => stage = self.introduce(&conn, broker, info, stage)?,
                    (Op::Pong, Stage::Introduced) => stage = self.enter(&conn, broker, hold),
                    (Op::Pong, _) => self.receipt(),
                    (Op::Ping, _) => self.owe_pong(),
                    (Op::Message { stamp, payload }, _) => ear.hear(stamp, payload),
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
        let mut out = lock(&self.out);
        out.pongs = MOST_PONGS.min(out.pongs + 1);
        drop(out);
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
                conn.set_write_timeout(Some(2 * ANSWER))?; // it may stop reading before it is asked anything
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_that_asks_without_end_is_owed_little() {
        let local = SocketAddr::from(([127, 0, 0, 1], 8080));
        let (subject, me) = ("chatroom.lobby".to_string(), "0123456789abcdef".to_string());
        let (out, changed) = (Mutex::default(), Condvar::new());
        let link = Link { brokers: vec![], subject, me, local, out, changed };
        (0..2 * MOST_PONGS).for_each(|_| link.owe_pong());
        assert_eq!(lock(&link.out).pongs, MOST_PONGS);
    }
}
