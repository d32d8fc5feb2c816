//! The door of a room: who gets in (D5, D8, D9).

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::farewell::turn_away;
use super::trouble::Trouble;
use super::{address, lock, stop};
use crate::tr;

/// A client's thread mostly waits, so a small stack does. Only pages that are touched cost memory.
pub const STACK: usize = 128 << 10;

/// How `accept` fails when it is not for want of anything.
const LEFT_AGAIN: [ErrorKind; 3] =
    [ErrorKind::ConnectionAborted, ErrorKind::ConnectionReset, ErrorKind::Interrupted];

/// A place, taken as long as it isn't dropped.
pub type Seat = Arc<()>;

/// So many places, and no more (D8).
pub struct Places {
    /// One clone a place that is taken.
    taken: Mutex<Arc<()>>,
    most: usize,
}

impl Places {
    /// That many places.
    pub fn new(most: usize) -> Places {
        Places { taken: Mutex::default(), most }
    }

    /// A place, if there is one.
    pub fn take(&self) -> Option<Seat> {
        let taken = lock(&self.taken); // or two would take the last one at the same time
        (Arc::strong_count(&taken) <= self.most).then(|| Arc::clone(&taken))
    }

    fn are_free(&self) -> bool {
        Arc::strong_count(&lock(&self.taken)) == 1
    }
}

/// Lets newcomers in, as many as there are places.
pub struct Door {
    /// One for each connection, from accept to the end of its thread.
    places: Places,
    /// What one too many is told.
    full: Vec<u8>,
    no_descriptors: Trouble,
    no_threads: Trouble,
}

impl Door {
    /// A door that lets in `most` at a time, and tells the others `full`.
    pub fn new(most: usize, full: impl Into<Vec<u8>>) -> Door {
        Door {
            places: Places::new(most),
            full: full.into(),
            no_descriptors: Trouble::default(),
            no_threads: Trouble::default(),
        }
    }

    /// Lets in who was accepted: the connection, the address as it is printed, and a place. `None`
    /// if nobody came in: `accept` failed (D5), or the room is full (D8).
    pub fn admit(
        &mut self,
        accepted: io::Result<(TcpStream, SocketAddr)>,
    ) -> Option<(TcpStream, SocketAddr, Seat)> {
        let (conn, peer) = match accepted {
            Ok(accepted) => accepted,
            // That newcomer has left again (Windows says "reset"); the next may be fine.
            Err(err) if LEFT_AGAIN.contains(&err.kind()) => return None,
            Err(err) => {
                self.no_descriptors.rest(&out_of_descriptors(&err));
                return None;
            }
        };
        let Some(seat) = self.places.take() else {
            turn_away(&conn, &self.full);
            return None;
        };
        let _ = conn.set_nodelay(true); // Go does it unasked: else a line waits for the last one's ACK
        Some((conn, address::printed(peer), seat))
    }

    /// Opens a second handle, which takes a second descriptor. While there is none, this newcomer
    /// waits, and those behind it: if each came in with one, nobody would ever get two (D5).
    pub fn second_handle(&mut self, open: impl Fn() -> io::Result<TcpStream>) -> Option<TcpStream> {
        while !stop::requested() {
            match open() {
                Ok(handle) => return Some(handle),
                Err(err) => self.no_descriptors.rest(&out_of_descriptors(&err)),
            }
        }
        None
    }

    /// Says, once in a while, that a newcomer was turned away for want of a thread (D9).
    pub fn no_thread(&mut self, err: &io::Error) {
        self.no_threads.say(&tr!(zh "没有更多线程，有新客户端进不来: {err}；请调大 ulimit -u",
                                 en "no more threads, a newcomer was turned away: {err}; raise ulimit -u"));
    }

    /// Waits until every connection's thread has ended, at most `limit`.
    pub fn wait_until_empty(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        while !self.places.are_free() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

fn out_of_descriptors(err: &io::Error) -> String {
    tr!(zh "接受连接失败: {err}；文件描述符用完时，请调大 ulimit -n",
        en "cannot accept: {err}; if descriptors have run out, raise ulimit -n")
}
