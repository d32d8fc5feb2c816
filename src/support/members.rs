//! Who is in a UDP room: everyone who has sent something, up to a limit (D16).
//!
//! Nobody says good-bye over UDP, and a source address is easily invented, so the list needs what
//! the notes' list lacks: an end.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use super::lock;

/// Refusals are sent at most this often. A source address is easily forged: two full rooms that
/// are each made to take the other for a newcomer would else answer each other for ever.
const REFUSAL_PAUSE: Duration = Duration::from_millis(10);

/// Lines that come all at once, say when a network was cut and is healed, are told in bursts with rests
/// between: nobody slows who sends datagrams, and a client's buffer holds some 270 short ones.
const BURST: usize = 20;
const REST: Duration = Duration::from_millis(1);

/// The most that a datagram carries: 65,535 bytes, without the headers of IP and UDP.
const MAX_DATAGRAM: usize = 65_507;

/// A client's address, and when something came from there.
pub struct Member {
    /// Where it is.
    pub addr: SocketAddr,
    /// When it was heard last.
    pub heard: Instant,
}

/// Tells all members lines from elsewhere, a datagram each, and at most for `time`. A line that no
/// datagram can carry is cut.
pub fn tell_all(list: &Mutex<Vec<Member>>, conn: &UdpSocket, lines: &[u8], time: Duration) {
    let deadline = Instant::now() + time;
    for (at, line) in lines.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if at % BURST == BURST - 1 {
            thread::sleep(REST);
        }
        let cut = (line.len() > MAX_DATAGRAM).then(|| [&line[..MAX_DATAGRAM - 1], b"\n"].concat());
        for member in lock(list).iter().take_while(|_| Instant::now() < deadline) {
            let _ = conn.send_to(cut.as_deref().unwrap_or(line), member.addr);
        }
    }
}

/// Who may come in when the room is full.
pub struct Limit {
    /// How many there may be.
    pub most: usize,
    /// Who was silent for so long makes room.
    pub forget_after: Duration,
}

impl Limit {
    /// Whether `addr` is in the list, or may be added. Then there is a place for it: in a full room
    /// the longest silent has been forgotten.
    pub fn has_room(&self, list: &mut Vec<Member>, addr: SocketAddr) -> bool {
        if list.len() < self.most || list.iter().any(|member| member.addr == addr) {
            return true;
        }
        let longest_silent = (0..list.len()).min_by_key(|&at| list[at].heard);
        match longest_silent.filter(|&at| list[at].heard.elapsed() > self.forget_after) {
            Some(at) => drop(list.remove(at)),
            None => return false,
        }
        true
    }
}

/// Tells senders why their datagrams went nowhere, now and then.
#[derive(Default)]
pub struct Refusals {
    last: Option<Instant>,
}

impl Refusals {
    /// Sends `why` to `addr`, unless somebody was just told something.
    pub fn send(&mut self, conn: &UdpSocket, addr: SocketAddr, why: &str) {
        if self.last.is_none_or(|at| at.elapsed() >= REFUSAL_PAUSE) {
            self.last = Some(Instant::now());
            let _ = conn.send_to(why.as_bytes(), addr);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(port: u16) -> Member {
        Member { addr: addr(port), heard: Instant::now() }
    }

    fn addr(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn a_full_room_refuses_a_newcomer() {
        let limit = Limit { most: 2, forget_after: Duration::from_secs(600) };
        let mut list = vec![member(1), member(2)];
        assert!(!limit.has_room(&mut list, addr(3)) && limit.has_room(&mut list, addr(1)));
        assert_eq!(list.len(), 2, "nobody had to go");
    }

    #[test]
    fn the_longest_silent_makes_room() {
        let limit = Limit { most: 2, forget_after: Duration::ZERO };
        let mut list = vec![member(1), member(2)];
        list[0].heard = Instant::now();
        assert!(limit.has_room(&mut list, addr(3)));
        assert_eq!(list.iter().map(|member| member.addr).collect::<Vec<_>>(), [addr(1)]);
    }
}
