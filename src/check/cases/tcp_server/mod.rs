//! The cases for a TCP server.

mod crowd;
mod limits;
mod long_lines;
mod screen;
mod stall;
mod start;
mod stop;
mod wire;

use crate::check::Case;

/// All of them.
#[must_use]
pub fn cases() -> Vec<&'static Case> {
    let lists = [
        wire::CASES,
        stall::CASES,
        crowd::CASES,
        wire::LATER,
        start::CASES,
        long_lines::CASES,
        limits::CASES,
        stop::CASES,
        screen::CASES,
    ];
    lists.into_iter().flatten().collect()
}
