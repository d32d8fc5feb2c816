//! The client list: join, leave, broadcast.
//!
//! Who owns what: a client's thread alone reads its socket. The list holds a second handle to the
//! same socket, for all the others to write through.
//!
//! What nobody may do:
//! - write to a joined client's socket without holding the lock of the list: two writers would
//!   tear each other's lines;
//! - wait under that lock without a deadline: one reader that stalls would freeze the room (D4);
//! - do anything under that lock that can panic.

use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::stop;

/// The list and its lock: the notes' `clients` and `mutex`.
pub type Clients = Arc<Mutex<Vec<TcpStream>>>;

/// Who a member is: the number of the list's handle to its socket. To compare it costs no system
/// call, where `peer_addr` costs one per client and line and fails after a reset. It stays good
/// because only the member's own thread takes that handle off the list.
#[cfg(unix)]
pub type Member = std::os::fd::RawFd;
/// Who a member is: the number of the list's handle to its socket.
#[cfg(windows)]
pub type Member = std::os::windows::io::RawSocket;

/// Whom a broadcast goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Everyone: what the server says.
    All,
    /// Everyone but its sender.
    Except(Member),
}

/// What a room waits for readers that do not read, before it shuts them out: see [`Patience`].
const PATIENCE: Duration = Duration::from_secs(1);

/// Below this much patience, speakers slow down: see [`broadcast`].
const IMPATIENT: Duration = Duration::from_millis(250);

/// How fast a speaker goes on while the room is impatient, in bytes a second: far below what any
/// reader takes that does read.
const CALM_PACE: u32 = 4 << 20;

/// While this much of the patience is left, a write goes out under the standing time-out alone,
/// and costs one system call. A broadcast may so overrun its deadline by a tenth of a second.
const AMPLE: Duration = Duration::from_millis(900);

/// Joins the list with a second handle to its socket: from now on it gets what the others say.
///
/// TCP_NODELAY as in Go, or a line would wait for the acknowledgement of the one before it. The
/// write time-out makes sure that no write waits longer than the room can bear.
///
/// # Errors
/// When the peer is gone already, or the room is about to end.
pub fn join(clients: &Clients, handle: TcpStream) -> io::Result<Member> {
    join_with(clients, handle, b"")
}

/// As [`join`], but `hello` goes out first, under the same lock: nothing can be said between the
/// two, and nothing before it.
///
/// # Errors
/// As [`join`], and when `hello` can't be written.
pub fn join_with(clients: &Clients, handle: TcpStream, hello: &[u8]) -> io::Result<Member> {
    handle.set_nodelay(true)?;
    handle.set_write_timeout(Some(PATIENCE))?;
    let me = member(&handle);
    let mut list = lock(clients);
    if stop::requested() {
        return Err(ErrorKind::ConnectionAborted.into()); // the room has had its last word, or will
    }
    write_within(&handle, hello, Duration::ZERO)?; // a fresh socket takes it without waiting
    list.push(handle);
    Ok(me)
}

/// Leaves the list. Only the member's own thread may call this, once.
pub fn leave(clients: &Clients, me: Member) {
    lock(clients).retain(|client| member(client) != me);
}

#[cfg(unix)]
fn member(client: &TcpStream) -> Member {
    std::os::fd::AsRawFd::as_raw_fd(client)
}

#[cfg(windows)]
fn member(client: &TcpStream) -> Member {
    std::os::windows::io::AsRawSocket::as_raw_socket(client)
}

/// Writes `bytes` to every client it is for, whole, in one write each.
///
/// A client that cannot take them within the room's patience is shut out: both directions of its
/// socket are shut down, which fails every further write at once and wakes its thread, which
/// leaves the list.
pub fn broadcast(clients: &Clients, to: To, bytes: &[u8]) {
    let list = lock(clients); // Go: mutex.Lock()
    let mut patience = Patience::of_room();
    // Go: for _, c := range clients, if c != conn
    for client in list.iter().filter(|client| to != To::Except(member(client))) {
        let _ = patience.write(client, bytes); // Go: c.Write([]byte(broadcast)) (D4, D31)
    }
    let left = patience.into_room();
    drop(list); // Go: mutex.Unlock()
    // A room that has just waited in vain has no patience left to tell a slow reader from a stalled
    // one. Until it has some, its speakers slow down, outside the lock: who reads at all keeps up
    // with that, and isn't taken for stalled.
    if left < IMPATIENT {
        thread::sleep(Duration::from_secs(1) * bytes.len() as u32 / CALM_PACE);
    }
}

/// Writes `bytes` to one joined client, from its own thread: a pong, a close.
///
/// # Errors
/// When the client did not take them in time; it has been shut out then.
pub fn reply(clients: &Clients, conn: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    let _list = lock(clients);
    let mut patience = Patience::of_room();
    let written = patience.write(conn, bytes);
    patience.into_room();
    written
}

/// Ends the room: writes `last` to every client, shuts its socket down, and empties the list, so
/// that nothing is said after the last word. The handles are given back, to be kept to the end:
/// each thread still knows its own by number.
pub fn close_all(clients: &Clients, last: &[u8], how: Shutdown) -> Vec<TcpStream> {
    let mut list = lock(clients);
    let mut patience = Patience::of_room();
    for client in list.iter() {
        let _ = patience.write(client, last).and_then(|()| client.shutdown(how));
    }
    std::mem::take(&mut *list)
}

/// Writes `bytes` whole, waiting at most `left`. Who has been waited for until the deadline has
/// missed it, even if it would take the rest now: it would be waited for again next time.
fn write_within(client: &TcpStream, mut bytes: &[u8], mut left: Duration) -> io::Result<()> {
    let deadline = Instant::now() + left;
    while !bytes.is_empty() {
        match write_some(client, bytes, left) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(err) if err.kind() == ErrorKind::Interrupted => {}
            Err(err) if err.kind() == ErrorKind::WouldBlock => return Err(ErrorKind::TimedOut.into()),
            Err(err) => return Err(err),
        }
        left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() && !bytes.is_empty() {
            return Err(ErrorKind::TimedOut.into());
        }
    }
    Ok(())
}

/// One write that waits at most `left`. Each write under a time-out starts the clock anew, and the
/// shortest time-out is a tick or two of the kernel's clock, so: the standing time-out while there
/// is ample time, then what is left, and at last no waiting at all.
fn write_some(mut client: &TcpStream, bytes: &[u8], left: Duration) -> io::Result<usize> {
    if left >= AMPLE {
        return client.write(bytes);
    }
    if left.is_zero() {
        client.set_nonblocking(true)?;
        let written = client.write(bytes);
        client.set_nonblocking(false)?; // the client's own thread reads from the same socket
        return written;
    }
    client.set_write_timeout(Some(left))?;
    let written = client.write(bytes);
    client.set_write_timeout(Some(PATIENCE))?;
    written
}

/// How long the room will still wait for readers.
///
/// A broadcast as a whole waits [`PATIENCE`] at most. Waiting for a client that then makes it is
/// the flow control that slows a flood to its slowest healthy reader, and is free. Waiting for one
/// that doesn't is charged to the room, and grows back by a tenth of a second each second. So any
/// number of stalled readers cost about a second, once, and coming back to stall again costs a
/// tenth of the time at most.
struct Patience {
    left: Duration,
    /// When this broadcast has waited enough.
    deadline: Instant,
}

/// What was left of the room's patience, and when; `None` before the first broadcast. One process
/// is one room. Taken only under the lock of the client list.
static LEFT: Mutex<Option<(Duration, Instant)>> = Mutex::new(None);

/// Patience grows back by one part in this many of the time that passes.
const REGROWTH: u32 = 10;

impl Patience {
    fn of_room() -> Patience {
        let now = Instant::now();
        let kept = *LEFT.lock().unwrap_or_else(PoisonError::into_inner);
        let left = kept.map_or(PATIENCE, |(left, at)| PATIENCE.min(left + (now - at) / REGROWTH));
        Patience { left, deadline: now + left }
    }

    /// Puts back what is left, for the next broadcast.
    fn into_room(self) -> Duration {
        *LEFT.lock().unwrap_or_else(PoisonError::into_inner) = Some((self.left, Instant::now()));
        self.left
    }

    /// Writes within the deadline, or shuts the client out and charges what was waited.
    fn write(&mut self, client: &TcpStream, bytes: &[u8]) -> io::Result<()> {
        let start = Instant::now();
        let written = write_within(client, bytes, self.deadline.saturating_duration_since(start));
        if written.is_err() {
            let _ = client.shutdown(Shutdown::Both);
            self.left = self.left.saturating_sub(start.elapsed());
        }
        written
    }
}

/// Locks the list. Nothing can panic under this lock; should it happen all the same, the list is
/// still a list, and the room goes on.
fn lock(clients: &Clients) -> MutexGuard<'_, Vec<TcpStream>> {
    clients.lock().unwrap_or_else(PoisonError::into_inner)
}
