//! The door of a room: who gets in, and a last word for who doesn't (D5, D8, D9).

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::{address, say, stop, tr, warn};

/// How long the accepting thread rests when it can't accept: without a rest it would fail
/// millions of times a second.
const REST: Duration = Duration::from_millis(100);

/// How often it says that a shortage goes on.
const SAY_AGAIN: Duration = Duration::from_secs(60);

/// How long, and for how many bytes, we still listen to whom we have told our last word. Closing
/// a socket with unread input resets the connection, and that may destroy what we just sent; but
/// listening without end would let a flooder stay.
const LAST_WORD_TIME: Duration = Duration::from_secs(1);
const LAST_WORD_BYTES: usize = 1 << 20;

/// How many of those who are turned away at once get that care; the rest are closed on.
const MAX_TURNED_AWAY: usize = 32;

/// The stack of a thread that only says a last word.
const SMALL_STACK: usize = 64 << 10;

/// A place in the room, taken as long as it isn't dropped.
pub type Seat = Arc<()>;

/// Who has come in.
pub struct Newcomer {
    /// Its connection, to read from.
    pub conn: TcpStream,
    /// A second handle to the same socket, for the list: everybody writes through it.
    pub handle: TcpStream,
    /// Its address, as it is printed.
    pub peer: SocketAddr,
    /// Its place.
    pub seat: Seat,
}

/// Lets newcomers in, as many as there are places.
pub struct Door {
    /// One clone a connection, from accept to the end of its thread: how many there are is the
    /// number of connections.
    seats: Arc<()>,
    max_clients: usize,
    /// What one too many is told.
    full: Vec<u8>,
    /// To the thread that starts threads.
    starter: Sender<Work>,
    trouble: Trouble,
}

/// What a thread is to do.
type Work = Box<dyn FnOnce() + Send>;

impl Door {
    /// A door that lets in `max_clients` at a time, each to a thread with a stack of `stack` bytes,
    /// and tells the others `full`.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn new(
        listener: &TcpListener,
        max_clients: usize,
        stack: usize,
        full: Vec<u8>,
    ) -> Result<Door, String> {
        widen_descriptor_table(listener, 2 * max_clients);
        let (starter, works) = mpsc::channel::<Work>();
        let start = move || works.into_iter().for_each(|work| start_thread(stack, work));
        thread::Builder::new().stack_size(SMALL_STACK).spawn(start).map_err(stop::no_thread)?;
        Ok(Door { seats: Arc::new(()), max_clients, full, starter, trouble: Trouble::default() })
    }

    /// Has a newcomer's thread started. That takes longer than to accept a connection, so another
    /// thread does it: the system keeps no more than 128 newcomers waiting, and who comes then in a
    /// burst tries again after a second.
    pub fn start(&self, work: impl FnOnce() + Send + 'static) {
        let _ = self.starter.send(Box::new(work)); // no more of them wait than there are seats
    }

    /// Lets one newcomer in. `None` if nobody came in: `accept` failed (D5), or the room is full
    /// (D8).
    pub fn admit(&mut self, accepted: io::Result<(TcpStream, SocketAddr)>) -> Option<Newcomer> {
        let (conn, peer) = match accepted {
            Ok(accepted) => accepted,
            // That newcomer has left again; the next may be fine.
            Err(err) if matches!(err.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => {
                return None;
            }
            Err(err) => {
                self.trouble.rest(&out_of_descriptors(&err));
                return None;
            }
        };
        if Arc::strong_count(&self.seats) > self.max_clients {
            turn_away(conn, &self.full);
            return None;
        }
        let handle = self.second_handle(&conn)?;
        Some(Newcomer { conn, handle, peer: address::printed(peer), seat: self.seats.clone() })
    }

    /// A second handle takes a second descriptor. While there is none, this newcomer waits, and
    /// those behind it: if each came in with one descriptor, nobody would ever get two.
    fn second_handle(&mut self, conn: &TcpStream) -> Option<TcpStream> {
        while !stop::requested() {
            match conn.try_clone() {
                Ok(handle) => return Some(handle),
                Err(err) => self.trouble.rest(&out_of_descriptors(&err)),
            }
        }
        None
    }

    /// Waits until every connection's thread has ended, at most `limit`.
    pub fn wait_until_empty(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        while Arc::strong_count(&self.seats) > 1 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Takes `many` descriptors, or as many as there are, and gives them back. When the table of them
/// has to grow later, Linux keeps the accepting thread waiting for milliseconds, each time it has
/// doubled: long enough for 128 newcomers to pile up.
fn widen_descriptor_table(listener: &TcpListener, many: usize) {
    let _taken: Vec<TcpListener> = (0..many).map_while(|_| listener.try_clone().ok()).collect();
}

/// A call that fails again and again, as `accept` does when descriptors have run out (D5).
#[derive(Default)]
pub struct Trouble {
    said_at: Option<Instant>,
}

impl Trouble {
    /// Says `what`, once in a while, and rests.
    pub fn rest(&mut self, what: &str) {
        if self.said_at.is_none_or(|at| at.elapsed() > SAY_AGAIN) {
            self.said_at = Some(Instant::now());
            say::err(what);
        }
        thread::sleep(REST);
    }
}

fn out_of_descriptors(err: &io::Error) -> String {
    tr!(zh "接受连接失败: {err}；文件描述符用完时，请调大 ulimit -n",
        en "cannot accept: {err}; if descriptors have run out, raise ulimit -n")
}

/// What one too many is told.
pub fn room_is_full() -> String {
    tr!(zh "[Server]: 聊天室已满，请稍后再来\n", en "[Server]: the room is full, please come back later\n")
}

/// Starts a connection's thread. If there is none to be had, the closure is dropped, and with it
/// the connection: the newcomer is turned away, and the room goes on (D9).
pub fn start_thread(stack: usize, work: impl FnOnce() + Send + 'static) {
    static SAID: AtomicBool = AtomicBool::new(false); // a burst of newcomers is no burst of lines
    if let Err(err) = thread::Builder::new().stack_size(stack).spawn(work) {
        if !SAID.swap(true, Ordering::Relaxed) {
            warn!(zh "没有更多线程，有新客户端进不来: {err}；请调大 ulimit -u",
                  en "no more threads, a newcomer was turned away: {err}; raise ulimit -u");
        }
    }
}

/// Turns a newcomer away without waiting for it: one write to a fresh socket, whose buffer is
/// empty, and the rest on a thread of its own.
fn turn_away(conn: TcpStream, word: &[u8]) {
    static TURNED_AWAY: AtomicUsize = AtomicUsize::new(0);
    if conn.set_nonblocking(true).is_err()
        || (&conn).write(word).is_err()
        || conn.set_nonblocking(false).is_err()
    {
        return;
    }
    if TURNED_AWAY.fetch_add(1, Ordering::Relaxed) < MAX_TURNED_AWAY {
        let linger = move || {
            last_word(&conn, b"");
            TURNED_AWAY.fetch_sub(1, Ordering::Relaxed);
        };
        if thread::Builder::new().stack_size(SMALL_STACK).spawn(linger).is_ok() {
            return;
        }
    }
    TURNED_AWAY.fetch_sub(1, Ordering::Relaxed);
}

/// The last that a peer hears from us: written, then the sending side is closed, and what still
/// comes is read and thrown away until the peer closes too.
pub fn last_word(mut conn: &TcpStream, word: &[u8]) {
    let _ = conn.set_write_timeout(Some(LAST_WORD_TIME));
    if conn.write_all(word).is_err() || conn.shutdown(Shutdown::Write).is_err() {
        return;
    }
    let deadline = Instant::now() + LAST_WORD_TIME;
    let mut thrown_away = 0;
    let mut buffer = [0; 4096];
    while thrown_away < LAST_WORD_BYTES && !stop::requested() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || conn.set_read_timeout(Some(left)).is_err() {
            return;
        }
        match conn.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(read) => thrown_away += read,
        }
    }
}
