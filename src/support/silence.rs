//! A peer that says nothing: is it still there? (D32)
//!
//! A pulled cable and a closed lid send no word. A WebSocket has one to ask with: ping. Who has
//! been silent for a while gets one; who stays silent for as long again has left.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

/// How long a peer has been silent.
#[derive(Clone, Copy)]
pub struct Silence {
    /// How long it may last.
    most: Duration,
    since: Instant,
    asked: bool,
}

impl Silence {
    /// Begins now.
    pub fn new(most: Duration) -> Silence {
        Silence { most, since: Instant::now(), asked: false }
    }

    /// Something came.
    pub fn broken(&mut self) {
        *self = Silence::new(self.most);
    }

    /// Whether to ask now, by a ping. To be called when a read has come back without anything:
    /// that may be its time-out, or a moment in which the socket was non-blocking.
    ///
    /// # Errors
    /// `TimedOut` when the peer was asked and did not answer.
    pub fn is_time_to_ask(&mut self) -> io::Result<bool> {
        if self.since.elapsed() < self.most {
            return Ok(false);
        }
        if self.asked {
            return Err(ErrorKind::TimedOut.into());
        }
        *self = Silence { asked: true, ..Silence::new(self.most) };
        Ok(true)
    }
}
