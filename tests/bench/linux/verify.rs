//! Did every line arrive once, whole and in order?

use super::lines::Lines;
use super::wire::{self, Proto};

/// What one receiver has heard so far.
pub struct Check {
    /// The next line to come, by sender.
    next: Vec<u64>,
    /// Whose line came last: whose comes next, mostly.
    last: usize,
    pub faults: Faults,
}

#[derive(Default, Clone, Copy)]
pub struct Faults {
    pub skipped: u64,
    pub doubled: u64,
    pub torn: u64,
}

impl Check {
    pub fn new(senders: usize) -> Self {
        Self { next: vec![0; senders], last: 0, faults: Faults::default() }
    }

    /// How far the stream has come, lines skipped included.
    pub fn position(&self) -> u64 {
        self.next.iter().sum()
    }

    pub fn next_of(&self, sender: usize) -> u64 {
        self.next[sender]
    }

    /// Checks all that is whole in `data`, and returns how many bytes that was.
    pub fn take(&mut self, proto: Proto, senders: &[Lines], data: &[u8]) -> usize {
        let mut rest = data;
        while !rest.is_empty() {
            let mut taken = self.expected(senders, self.last, rest);
            if taken == 0 {
                taken = self.other_sender(senders, rest);
            }
            if taken == 0 {
                let longest = senders.iter().map(|lines| lines.heard.unit()).max().unwrap_or(0);
                if proto != Proto::Udp && rest.len() < longest {
                    break; // the rest of this line is still under way
                }
                taken = self.unexpected(proto, senders, rest);
            }
            rest = &rest[taken..];
        }
        data.len() - rest.len()
    }

    /// As many of this sender's next lines as stand at the beginning; in a flood, nearly all. It
    /// tries steps that grow while they fit: with one sender whatever came, with several a line first.
    fn expected(&mut self, senders: &[Lines], sender: usize, data: &[u8]) -> usize {
        let ring = &senders[sender].heard;
        let (mut taken, mut step) = (0, if senders.len() == 1 { u64::MAX } else { 1 });
        loop {
            let whole = ((data.len() - taken) / ring.unit()) as u64;
            let run = ring.run(self.next[sender], step.min(whole));
            let lines = (run.len() / ring.unit()) as u64;
            if lines == 0 {
                return taken;
            } else if data[taken..].starts_with(run) {
                taken += run.len();
                self.next[sender] += lines;
                step = step.saturating_mul(2);
            } else {
                step = lines / 2;
            }
        }
    }

    fn other_sender(&mut self, senders: &[Lines], data: &[u8]) -> usize {
        for sender in 0..senders.len() {
            let taken = self.expected(senders, sender, data);
            if taken > 0 {
                self.last = sender;
                return taken;
            }
        }
        0
    }

    /// A line that isn't due: a later one (some are lost), an earlier one (doubled), or a torn one.
    fn unexpected(&mut self, proto: Proto, senders: &[Lines], data: &[u8]) -> usize {
        let len = wire::first(proto, data).unwrap_or(data.len());
        for (sender, lines) in senders.iter().enumerate() {
            let Some(number) = lines.number(&data[..len]) else {
                continue;
            };
            if data[..len] != *lines.heard.run(number, 1) {
                continue;
            }
            let ahead = (number + lines.period - self.next[sender] % lines.period) % lines.period;
            if ahead < lines.period / 2 {
                self.faults.skipped += ahead;
                self.next[sender] += ahead + 1;
            } else {
                self.faults.doubled += 1;
            }
            return len;
        }
        self.faults.torn += 1;
        len
    }
}
