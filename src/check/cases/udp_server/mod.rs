//! The cases for a UDP server.

mod datagrams;
mod members;
mod start;
mod wire;

use crate::check::Case;

/// All of them.
#[must_use]
pub fn cases() -> Vec<&'static Case> {
    [wire::CASES, start::CASES, datagrams::CASES, members::CASES].into_iter().flatten().collect()
}
