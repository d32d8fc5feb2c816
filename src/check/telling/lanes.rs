//! Between whom something happens: everybody has a lane, as in a swimming pool.

use super::events::{Event, Flow, What};
use crate::tr;

/// Somebody's lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Who types at the program.
    Keyboard,
    /// Somebody whom the checker plays.
    Peer(String),
    /// A program: what it says, and prints on stdout.
    Program(String),
    /// What it prints on stderr.
    Stderr(String),
}

impl Lane {
    /// What stands above it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Lane::Keyboard => tr!(zh "键盘", en "keyboard"),
            Lane::Peer(name) | Lane::Program(name) => name.clone(),
            Lane::Stderr(_) => "stderr".to_string(),
        }
    }

    /// From left to right.
    fn place(&self) -> u8 {
        match self {
            Lane::Keyboard => 0,
            Lane::Peer(_) => 1,
            Lane::Program(_) => 2,
            Lane::Stderr(_) => 3,
        }
    }
}

/// Everybody's lane.
#[derive(Debug, Default)]
pub struct Lanes(pub Vec<Lane>);

/// So many peers have a lane of their own; the others share one.
const PEERS: usize = 8;

/// The lane of all others.
const OTHERS: &str = "…";

impl Lanes {
    /// All that these events need: the peers, then each program and what it warns of.
    #[must_use]
    pub fn of(events: &[Event], flows: &[Flow]) -> Lanes {
        let mut lanes = Lanes::default();
        for event in events {
            lanes.ends(event);
        }
        for flow in flows {
            lanes.ends_of(flow);
        }
        let programs: Vec<Lane> = lanes.0.iter().filter(|lane| lane.place() == 2).cloned().collect();
        for program in programs {
            lanes.at(Lane::Stderr(program.name()));
        }
        lanes.0.sort_by_key(Lane::place);
        lanes
    }

    /// Where something begins and where it ends; the same place twice if it happens there. A lane that isn't there yet
    /// is added.
    pub fn ends(&mut self, event: &Event) -> Option<(usize, usize)> {
        let who = || event.who.clone();
        let at_once = |at| (at, at);
        Some(match &event.what {
            What::Starts(_) | What::Prints(_) => at_once(self.at(Lane::Program(who()))),
            What::Warns(_) => at_once(self.at(Lane::Stderr(who()))),
            What::Types(_) => (self.at(Lane::Keyboard), self.at(Lane::Program(who()))),
            What::Sends(_) => self.between(&event.who, true),
            What::Gets(_) => self.between(&event.who, false),
            What::Says(_) if who().is_empty() => return None,
            What::Says(_) if self.0.contains(&Lane::Program(who())) => at_once(self.at(Lane::Program(who()))),
            What::Says(_) => at_once(self.peer(&event.who)),
        })
    }

    /// The same of a flood.
    pub fn ends_of(&mut self, flow: &Flow) -> (usize, usize) {
        self.between(&flow.who, flow.is_said)
    }

    fn between(&mut self, peer: &str, is_said: bool) -> (usize, usize) {
        let peer = self.peer(peer);
        let program = self.0.iter().position(|lane| lane.place() == 2).unwrap_or(peer);
        if is_said { (peer, program) } else { (program, peer) }
    }

    fn peer(&mut self, name: &str) -> usize {
        let lane = Lane::Peer(name.to_string());
        let peers = self.0.iter().filter(|lane| lane.place() == 1).count();
        let has_own = self.0.contains(&lane) || peers < PEERS;
        self.at(if has_own { lane } else { Lane::Peer(OTHERS.to_string()) })
    }

    fn at(&mut self, lane: Lane) -> usize {
        self.0.iter().position(|one| *one == lane).unwrap_or_else(|| {
            self.0.push(lane);
            self.0.len() - 1
        })
    }
}
