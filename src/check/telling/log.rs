//! The transcript: what a reader of a failure sees.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// A shared list of what happened, each with its time since the start.
#[derive(Clone, Debug)]
pub struct Log {
    start: Instant,
    lines: Arc<Mutex<Vec<String>>>,
}

/// Nobody reads ten thousand lines of a flood: what comes after this many is counted only.
const MAX_LINES: usize = 200;

/// Of a long piece of data the beginning says enough.
const MAX_SHOWN: usize = 100;

impl Log {
    /// An empty transcript that starts now.
    #[must_use]
    pub fn new() -> Self {
        Log { start: Instant::now(), lines: Arc::default() }
    }

    /// Adds what happened.
    pub fn note(&self, what: impl AsRef<str>) {
        let at = self.start.elapsed().as_secs_f64();
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(format!("{at:7.3}  {}", what.as_ref()));
    }

    /// All of it, the middle of a very long one left out.
    #[must_use]
    pub fn text(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() <= MAX_LINES {
            return lines.join("\n");
        }
        let (head, tail) = (&lines[..MAX_LINES / 2], &lines[lines.len() - MAX_LINES / 2..]);
        let left_out = lines.len() - MAX_LINES;
        format!("{}\n         … {left_out} more …\n{}", head.join("\n"), tail.join("\n"))
    }
}

impl Default for Log {
    fn default() -> Self {
        Log::new()
    }
}

/// Bytes as a reader wants to see them: quoted, control characters visible, long ones cut.
#[must_use]
pub fn show(bytes: &[u8]) -> String {
    let head = &bytes[..bytes.len().min(MAX_SHOWN)];
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.chars().take(MAX_SHOWN).flat_map(char::escape_debug).collect(),
        Err(_) => head.escape_ascii().to_string(),
    };
    let text = text.replace("\\'", "'");
    if bytes.len() > MAX_SHOWN {
        format!("\"{text}…\" ({} bytes)", bytes.len())
    } else {
        format!("\"{text}\"")
    }
}
