//! The cases for a TCP server.

mod crowd;
mod limits;
mod lines;
mod screen;
mod stall;
mod start;
mod stop;
mod wire;

use super::Case;

/// All of them.
#[must_use]
pub fn cases() -> Vec<&'static Case> {
    let lists =
        [wire::CASES, start::CASES, lines::CASES, stall::CASES, limits::CASES, stop::CASES, screen::CASES];
    lists.into_iter().chain([crowd::CASES]).flatten().collect()
}
