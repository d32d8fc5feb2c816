//! The cases for a WebSocket client: here the checker is the server.

mod keyboard;
mod silence;
mod start;
mod wire;

use crate::check::Case;

/// All of them.
#[must_use]
pub fn cases() -> Vec<&'static Case> {
    [wire::CASES, start::CASES, keyboard::CASES, silence::CASES].into_iter().flatten().collect()
}
