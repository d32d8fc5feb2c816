//! What one needs to know for a look, kept beside the events of a case.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Look, looks};

/// Who has waited for so long and got nothing has a reason to look.
const SILENCE: Duration = Duration::from_secs(1);

/// A failure comes this soon after the look that is about it.
const SOON: Duration = Duration::from_secs(1);

/// Several may find at the same time that nothing comes.
const KEPT: usize = 8;

/// The programs of a case, those who speak with them, and what was seen when nothing came.
#[derive(Clone, Debug, Default)]
pub struct Sight(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    programs: Vec<u32>,
    roles: Vec<(String, SocketAddr)>,
    looks: Vec<(Instant, Vec<Look>)>,
}

impl Sight {
    /// A program has started.
    pub fn starts(&self, program: u32) {
        self.seen().programs.push(program);
    }

    /// Its number may be somebody else's from now on.
    pub fn ends(&self, program: u32) {
        self.seen().programs.retain(|one| *one != program);
    }

    /// Somebody speaks from this address.
    pub fn comes(&self, name: &str, address: SocketAddr) {
        self.seen().roles.push((name.to_string(), address));
    }

    /// Nothing came within this time: looks why, if it was long. The sockets must still be open.
    pub fn after_silence(&self, within: Duration) {
        if within >= SILENCE {
            let (programs, roles) = {
                let seen = self.seen();
                (seen.programs.clone(), seen.roles.clone())
            };
            let found = looks(&programs, &roles); // this takes a while: nobody else is kept waiting
            let mut seen = self.seen();
            let from = (seen.looks.len() + 1).saturating_sub(KEPT);
            seen.looks.drain(..from);
            seen.looks.push((Instant::now(), found));
        }
    }

    /// What was seen right before a failure.
    #[must_use]
    pub fn before(&self, failure: Instant) -> Vec<Look> {
        let is_about_it = |at: Instant| at <= failure && failure - at < SOON;
        let seen = self.seen();
        let last = seen.looks.iter().rev().find(|(at, _)| is_about_it(*at));
        last.map(|(_, found)| found.clone()).unwrap_or_default()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
