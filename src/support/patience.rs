//! How long a room waits for readers that don't read (D4, D31).
//!
//! Who can't take a line at once is waited for, with the lock of the list held: that is how a flood
//! is slowed down to its slowest reader, and how the notes' room freezes for good. So there are two
//! limits, and whoever passes both is shut out:
//!
//! - What the reader *needs*. The room remembers how long it had to wait for one that then took
//!   something, and waits four times as long the next time, a second at most. That is free, for
//!   whoever takes 64 KiB a second: who is slow, but takes something, stays.
//! - What the room has *patience* for. All other waiting is paid from it. There is a second of it for
//!   strangers, and three for readers that are known to have read; never more than a second at a
//!   time. It grows back by a tenth of a second each second.
//!
//! When patience is used up, a broadcast still waits a tenth of a second: on a busy machine a
//! healthy reader may need it. That makes a debt, and newcomers wait at the door until it is paid.
//! So readers that stall together cost a second, once; and who comes back to stall again costs the
//! room a tenth of its time at most.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use super::lines::came_back_empty;
use super::room::{Id, id};
use super::{address, lock, stop};
use crate::warn;

/// The patience of a room with strangers; the most that one broadcast waits for one reader.
const SECOND: Duration = Duration::from_secs(1);

/// Its patience with readers that have read.
const WITH_READERS: Duration = Duration::from_secs(3);

/// Patience grows back by one part in this many of the time that passes.
const REGROWTH: u32 = 10;

/// The least that a broadcast waits.
const LEAST: Duration = Duration::from_millis(100);

/// What a reader must take, in bytes a second, or waiting for it is not free: half a megabit, less
/// than any line that carries a flood at all.
const FAIR: u32 = 64 << 10;

/// Who was given more bytes than that has read: the buffers of a connection don't hold as much for
/// one who never does. (On Linux 4 MiB to send, unless `net.ipv4.tcp_wmem` says otherwise.)
const BUFFERS: usize = 5 << 20;

/// How long a first write waits by itself: that costs one system call, and nothing has to be tried
/// again if the reader is quick. (It is woken only when a third of the socket's buffer is free,
/// which takes a slow reader seconds, so it isn't for them.)
const FIRST: Duration = Duration::from_millis(10);

/// How often we try again after that.
const RETRY: Duration = Duration::from_millis(1);

// ANCHOR: memory
/// What the room remembers; one process is one room.
static MEMORY: Mutex<Memory> = Mutex::new(Memory { paid_at: None, readers: BTreeMap::new() });
// ANCHOR_END: memory

struct Memory {
    /// When all that was spent of the room's patience will have grown back.
    paid_at: Option<Instant>,
    readers: BTreeMap<Id, Reader>,
}

#[derive(Default)]
struct Reader {
    /// What it was given since it came, in bytes.
    given: usize,
    /// How much of that since it was last waited for.
    since_then: usize,
    /// The two longest waits. (One is no habit: the kernel of one that has stalled may, after a
    /// while, find some more room in its buffers.)
    waits: [Duration; 2],
}

impl Reader {
    fn take(&mut self, bytes: usize) {
        self.given = self.given.saturating_add(bytes);
        self.since_then = self.since_then.saturating_add(bytes);
    }

    fn needs(&self) -> Duration {
        SECOND.min(4 * self.waits[1])
    }

    /// Notes how long it was `waited` for until it took something. Returns what the room has to pay:
    /// what this reader did not need before, or has not earned.
    fn learn(&mut self, waited: Duration) -> Duration {
        let taken = std::mem::take(&mut self.since_then).min(FAIR as usize);
        let fair = waited.min(SECOND * taken as u32 / FAIR);
        let free = fair.min(self.needs());
        let [longest, second] = self.waits;
        self.waits = [longest.max(fair), second.max(longest.min(fair))];
        waited - free
    }
}

impl Memory {
    /// What was spent of the room's patience, and has not grown back.
    fn spent(&self) -> Duration {
        self.paid_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now())) / REGROWTH
    }

    fn spend(&mut self, waited: Duration) {
        let now = Instant::now();
        self.paid_at = Some(self.paid_at.map_or(now, |at| at.max(now)) + waited * REGROWTH);
    }

    fn reader(&mut self, client: &TcpStream) -> &mut Reader {
        self.readers.entry(id(client)).or_default()
    }
}

/// Lets a newcomer in, by the handle that the list will hold. While the room is in debt it waits:
/// members don't pay for whoever comes back.
pub fn welcome(handle: &TcpStream) {
    while lock(&MEMORY).spent() > SECOND && !stop::requested() {
        thread::sleep(RETRY);
    }
    let _ = handle.set_write_timeout(Some(FIRST)); // it fails if the peer is gone: its thread will see
    lock(&MEMORY).readers.insert(id(handle), Reader::default()); // somebody had that number before
}

/// How long one broadcast waits.
pub struct Patience {
    start: Instant,
    /// What was spent of the room's patience before.
    spent: Duration,
    /// Somebody was shut out: nobody's first write waits any more.
    late: bool,
    /// Who that is. Said when the broadcast is over, and not under the lock of the list.
    shut_out: Vec<SocketAddr>,
}

impl Patience {
    /// For the broadcast that begins now, under the lock of the list.
    pub fn of_room() -> Patience {
        let late = cfg!(windows); // there, what a write has done whose time is over is not known
        Patience { start: Instant::now(), spent: lock(&MEMORY).spent(), late, shut_out: Vec::new() }
    }

    /// Writes `bytes` whole to a client, or shuts it out: that makes every further write fail at
    /// once, and wakes its thread, which takes it off the list. Says whether they were written.
    // ANCHOR: write
    pub fn write(&mut self, client: &TcpStream, bytes: &[u8]) -> bool {
        let first = write_some(client, bytes, self.late);
        let written = first.and_then(|taken| self.write_rest(client, &bytes[taken..], taken));
        if written.is_err() {
            let _ = client.shutdown(Shutdown::Both);
        }
        written.is_ok()
    }
    // ANCHOR_END: write

    /// Goes on with a write of which so much was `taken` at once.
    fn write_rest(&mut self, client: &TcpStream, mut rest: &[u8], taken: usize) -> io::Result<()> {
        lock(&MEMORY).reader(client).take(taken);
        // Since when nothing was taken; and since when the room waits, be it for another.
        let (mut since, mut waits) = (Instant::now(), self.start);
        while !rest.is_empty() {
            if Instant::now() >= self.deadline(client, waits) {
                self.give_up(client, since);
                return Err(ErrorKind::TimedOut.into());
            }
            thread::sleep(RETRY);
            let taken = write_some(client, rest, true)?;
            if taken > 0 {
                let mut memory = lock(&MEMORY);
                memory.reader(client).take(taken);
                let unpaid = memory.reader(client).learn(since.elapsed());
                memory.spend(unpaid);
                rest = &rest[taken..];
                (since, waits) = (Instant::now(), Instant::now());
            }
        }
        Ok(())
    }

    // ANCHOR: deadline
    /// Until when this broadcast waits for a client.
    fn deadline(&self, client: &TcpStream, waits: Instant) -> Instant {
        let mut memory = lock(&MEMORY);
        let reader = memory.reader(client);
        let patience = if reader.given > BUFFERS { WITH_READERS } else { SECOND };
        let left = patience.saturating_sub(self.spent).clamp(LEAST, SECOND);
        (self.start + left).max(waits + reader.needs())
    }
    // ANCHOR_END: deadline

    fn give_up(&mut self, client: &TcpStream, since: Instant) {
        self.late = true;
        lock(&MEMORY).spend(since.elapsed());
        self.shut_out.extend(client.peer_addr().map(address::printed));
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        for peer in &self.shut_out {
            warn!(zh "客户端 {peer} 没有及时读取，已断开", en "client {peer} did not read in time and was shut out");
        }
    }
}

/// Writes what the socket's buffer takes: within [`FIRST`], or at once.
fn write_some(mut client: &TcpStream, bytes: &[u8], at_once: bool) -> io::Result<usize> {
    if at_once {
        client.set_nonblocking(true)?;
    }
    let written = client.write(bytes);
    if at_once {
        client.set_nonblocking(false)?; // its own thread waits in a read of the same socket
    }
    match written {
        Err(err) if came_back_empty(&err) => Ok(0),
        written => written,
    }
}
