//! The cases for a TCP server.

mod lines;
mod wire;

use super::Case;

/// All of them.
#[must_use]
pub fn cases() -> Vec<&'static Case> {
    [wire::CASES, lines::CASES].into_iter().flatten().collect()
}
