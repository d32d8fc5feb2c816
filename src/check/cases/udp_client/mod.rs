//! The cases for a UDP client: here the checker is the server.

mod keyboard;
mod wire;

use crate::check::Case;

/// All of them.
#[must_use]
pub fn cases() -> Vec<&'static Case> {
    [wire::CASES, keyboard::CASES].into_iter().flatten().collect()
}
