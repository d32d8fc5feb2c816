//! Who is in a UDP room: everyone who has sent something, up to a limit (D16).
//!
//! Nobody says good-bye over UDP, and a source address is easily invented, so the list needs what
//! the notes' list lacks: an end.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// The list of addresses, in the order they came.
pub struct Members {
    list: Vec<Member>,
    most: usize,
    forget_after: Duration,
}

struct Member {
    addr: SocketAddr,
    heard: Instant,
}

impl Members {
    /// An empty list for at most `most`. When it is full, one who was silent for `forget_after`
    /// makes room.
    pub fn new(most: usize, forget_after: Duration) -> Members {
        Members { list: Vec::new(), most, forget_after }
    }

    /// Notes that `addr` was heard, if it is in the list; whether it is.
    // Go: func contains(clients []net.Addr, addr net.Addr) bool
    pub fn contains(&mut self, addr: SocketAddr) -> bool {
        let found = self.list.iter().position(|member| member.addr == addr);
        if let Some(at) = found {
            self.list[at].heard = Instant::now();
        }
        found.is_some()
    }

    /// Whether `addr` is in the list or may be added.
    pub fn has_room_for(&self, addr: SocketAddr) -> bool {
        self.list.len() < self.most
            || self.list.iter().any(|member| member.addr == addr || self.is_forgotten(member))
    }

    /// Adds a newcomer, if there [is room](Members::has_room_for).
    pub fn push(&mut self, addr: SocketAddr) {
        if self.list.len() >= self.most {
            let longest_silent = (0..self.list.len()).min_by_key(|&at| self.list[at].heard);
            match longest_silent {
                Some(at) if self.is_forgotten(&self.list[at]) => self.list.remove(at),
                _ => return,
            };
        }
        self.list.push(Member { addr, heard: Instant::now() });
    }

    fn is_forgotten(&self, member: &Member) -> bool {
        member.heard.elapsed() > self.forget_after
    }

    /// Everyone's address.
    pub fn iter(&self) -> impl Iterator<Item = SocketAddr> {
        self.list.iter().map(|member| member.addr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn a_full_room_refuses_a_newcomer() {
        let mut members = Members::new(2, Duration::from_secs(600));
        members.push(addr(1));
        members.push(addr(2));
        assert!(!members.has_room_for(addr(3)) && members.has_room_for(addr(1)));
        members.push(addr(3));
        assert!(!members.contains(addr(3)));
        assert!(members.contains(addr(1)) && members.contains(addr(2)));
    }

    #[test]
    fn the_longest_silent_makes_room() {
        let mut members = Members::new(2, Duration::ZERO);
        members.push(addr(1));
        members.push(addr(2));
        assert!(members.contains(addr(1)), "1 was heard again, so 2 is the longest silent");
        assert!(members.has_room_for(addr(3)));
        members.push(addr(3));
        assert_eq!(members.iter().collect::<Vec<_>>(), [addr(1), addr(3)]);
    }
}
