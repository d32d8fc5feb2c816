//! What is said in a run, and what must be heard of it: known in full beforehand, so that checking
//! costs a comparison of memory, and the server stays the bottleneck.

use super::wire::{self, Proto};

/// Numbered lines of one length. The numbers start again after a period, which keeps the expected
/// bytes in the cache; a loss of a whole period still shows in the count.
pub struct Ring {
    bytes: Vec<u8>,
    unit: usize,
}

/// One sender's lines: as it writes them, and as the others get them.
pub struct Lines {
    pub said: Ring,
    pub heard: Ring,
    /// Where a line's number stands in a heard unit, and how many lines make a period.
    pub number_at: usize,
    pub period: u64,
}

const DIGITS: usize = 4;

impl Lines {
    /// Lines of `len` bytes with their `\n`, but without prefix.
    pub fn new(proto: Proto, prefix: &str, sender: usize, len: usize) -> Self {
        let period = (512 * 1024 / len).clamp(32, 4096);
        let texts: Vec<_> = (0..period).map(|number| text(sender, number, len)).collect();
        let said: Vec<_> = texts.iter().map(|text| wire::say(proto, text)).collect();
        let heard: Vec<_> = texts.iter().map(|text| wire::hear(proto, prefix, text)).collect();
        let number_at = heard[0].len() - len + 3;
        Self { said: Ring::new(&said), heard: Ring::new(&heard), number_at, period: period as u64 }
    }

    /// The number that a heard unit carries, if it carries one.
    pub fn number(&self, unit: &[u8]) -> Option<u64> {
        let digits = unit.get(self.number_at..self.number_at + DIGITS)?;
        std::str::from_utf8(digits).ok()?.parse().ok().filter(|&number| number < self.period)
    }
}

/// `07 0042 abcdef…`: who, which, and something to fill the line.
fn text(sender: usize, number: usize, len: usize) -> String {
    let filler = (b'a'..=b'z').cycle().skip(number % 26).take((len - 1).saturating_sub(8));
    format!("{sender:02} {number:0DIGITS$} {}", filler.map(char::from).collect::<String>())
}

impl Ring {
    fn new(units: &[Vec<u8>]) -> Self {
        Self { bytes: units.concat(), unit: units[0].len() }
    }

    pub fn unit(&self) -> usize {
        self.unit
    }

    /// Whole lines from number `line` on, at most `lines`, as far as they lie in one piece.
    pub fn run(&self, line: u64, lines: u64) -> &[u8] {
        self.piece(line * self.unit as u64, lines.saturating_mul(self.unit as u64))
    }

    /// The endless stream's bytes from `start` on, at most `len`, as far as they lie in one piece.
    pub fn piece(&self, start: u64, len: u64) -> &[u8] {
        let start = (start % self.bytes.len() as u64) as usize;
        let end = (start as u64).saturating_add(len).min(self.bytes.len() as u64) as usize;
        &self.bytes[start..end]
    }
}
