//! How long a room waits for readers that don't read (D4, D31).
//!
//! Who can't take a line at once is waited for, with the lock of the list held: that is how a flood
//! is slowed down to its slowest reader, and how the notes' room freezes for good. So there are two
//! limits, and whoever passes both is shut out:
//!
//! - What the reader *needs*. The room remembers how long it had to wait for one that then took
//!   something, and waits four times as long the next time, a second at most. That is free, for
//!   whoever takes 64 KiB a second: who is slow, but takes something, stays.
//! - What the room has *patience* for. All other waiting is paid from it. It is a second, and grows
//!   back by a tenth of a second each second. So readers that stall together cost a second, once.
//!
//! When all patience is used up, a broadcast still waits a tenth of a second: on a busy machine a
//! healthy reader may need it. That makes a debt, and newcomers wait at the door until it is paid.
//! So who comes back to stall again costs the room a tenth of its time at most.

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

/// The patience of a room, and the most that a reader may need.
const SECOND: Duration = Duration::from_secs(1);

/// Patience grows back by one part in this many of the time that passes.
const REGROWTH: u32 = 10;

/// The least that a broadcast waits.
const LEAST: Duration = Duration::from_millis(100);

/// What a reader must take, in bytes a second, or waiting for it is not free: half a megabit, less
/// than any line that carries a flood at all.
const FAIR: u32 = 64 << 10;

/// How long a first write waits by itself: that costs one system call, and nothing has to be tried
/// again if the reader is quick. (It is woken only when a third of the socket's buffer is free,
/// which takes a slow reader seconds, so it isn't for them.)
const FIRST: Duration = Duration::from_millis(10);

/// How often we try again after that.
const RETRY: Duration = Duration::from_millis(1);

/// What the room remembers; one process is one room.
static MEMORY: Mutex<Memory> = Mutex::new(Memory { paid_at: None, readers: BTreeMap::new() });

struct Memory {
    /// When all that was spent of the room's patience will have grown back.
    paid_at: Option<Instant>,
    /// Those that had to be waited for in the last ten seconds.
    readers: BTreeMap<Id, Reader>,
}

struct Reader {
    /// The two longest waits. (One is no habit: the kernel of one that has stalled may, after a
    /// while, find some more room in its buffers.)
    waits: [Duration; 2],
    /// What it has taken since it was last waited for, in bytes.
    taken: usize,
    waited_for: Instant,
}

impl Reader {
    fn needs(&self) -> Duration {
        SECOND.min(4 * self.waits[1])
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

    /// Notes how long it took until a reader has `taken` something. The room pays for what that
    /// reader did not need before, or did not earn.
    fn learn(&mut self, reader: Id, taken: usize, waited: Duration) {
        let now = Instant::now();
        let new = || Reader { waits: [Duration::ZERO; 2], taken: 0, waited_for: now };
        let reader = self.readers.entry(reader).or_insert_with(new);
        let taken = std::mem::take(&mut reader.taken).saturating_add(taken).min(FAIR as usize);
        let fair = waited.min(SECOND * taken as u32 / FAIR);
        let free = fair.min(reader.needs());
        let [longest, second] = reader.waits;
        reader.waits = [longest.max(fair), second.max(longest.min(fair))];
        reader.waited_for = now;
        self.spend(waited - free);
    }
}

/// How long one broadcast waits.
pub struct Patience {
    start: Instant,
    /// Until when it waits for whoever needs no longer.
    deadline: Instant,
    /// Somebody had to be waited for lately.
    memory: bool,
    /// The deadline is over: others are tried without any waiting.
    late: bool,
    /// Who was shut out. Said when the broadcast is over, and not under the lock of the list.
    shut_out: Vec<SocketAddr>,
}

impl Patience {
    /// For the broadcast that begins now, under the lock of the list.
    pub fn of_room() -> Patience {
        let mut memory = lock(&MEMORY);
        memory.readers.retain(|_, reader| reader.waited_for.elapsed() < SECOND * REGROWTH);
        let left = SECOND.saturating_sub(memory.spent()).max(LEAST);
        let start = Instant::now();
        Patience {
            start,
            deadline: start + left,
            memory: !memory.readers.is_empty(),
            late: cfg!(windows), // there, what a write has done whose time is over is not known
            shut_out: Vec::new(),
        }
    }

    /// Writes `bytes` whole to a client, or shuts it out: that makes every further write fail at
    /// once, and wakes its thread, which takes it off the list. Says whether they were written.
    pub fn write(&mut self, client: &TcpStream, bytes: &[u8]) -> bool {
        let first = write_some(client, bytes, self.late);
        let written = first.and_then(|taken| self.write_rest(client, &bytes[taken..], taken));
        if written.is_err() {
            let _ = client.shutdown(Shutdown::Both);
        }
        written.is_ok()
    }

    /// Goes on with a write of which so much was `taken` at once.
    fn write_rest(&mut self, client: &TcpStream, mut rest: &[u8], taken: usize) -> io::Result<()> {
        if self.memory {
            lock(&MEMORY).readers.entry(id(client)).and_modify(|reader| reader.taken += taken);
        }
        // Since when nothing was taken; and since when the room waits, be it for another.
        let (mut since, mut waits) = (Instant::now(), self.start);
        while !rest.is_empty() {
            let needs = lock(&MEMORY).readers.get(&id(client)).map_or(Duration::ZERO, Reader::needs);
            if Instant::now() >= self.deadline.max(waits + needs) {
                self.give_up(client, since);
                return Err(ErrorKind::TimedOut.into());
            }
            thread::sleep(RETRY);
            let taken = write_some(client, rest, true)?;
            if taken > 0 {
                lock(&MEMORY).learn(id(client), taken, since.elapsed());
                rest = &rest[taken..];
                (since, waits) = (Instant::now(), Instant::now());
            }
        }
        Ok(())
    }

    fn give_up(&mut self, client: &TcpStream, since: Instant) {
        self.late = true;
        let mut memory = lock(&MEMORY);
        memory.spend(since.elapsed());
        memory.readers.remove(&id(client));
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

/// Makes the first write of each broadcast to this client wait for [`FIRST`] at most.
pub fn prepare(client: &TcpStream) -> io::Result<()> {
    client.set_write_timeout(Some(FIRST))
}

/// Writes what the socket's buffer takes: in the time that [`prepare`] gave it, or at once.
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

/// A newcomer waits here while the room is in debt: members don't pay for whoever comes back.
pub fn wait_at_the_door() {
    while lock(&MEMORY).spent() > SECOND && !stop::requested() {
        thread::sleep(RETRY);
    }
}
