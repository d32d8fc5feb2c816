//! The cases for a WebSocket server.

mod crowd;
mod door;
mod messages;
mod page;
mod request;
mod silence;
mod stall;
mod start;
mod wire;

use crate::check::stage::scene::Server;
use crate::check::stage::speaker::Speaker;
use crate::check::stage::ws_peer::WsPeer;
use crate::check::{Case, Verdict};

/// All of them.
#[must_use]
pub fn cases() -> Vec<&'static Case> {
    let lists = [
        wire::CASES,
        stall::CASES,
        crowd::CASES,
        start::CASES,
        messages::CASES,
        page::CASES,
        request::CASES,
        door::CASES,
        silence::CASES,
    ];
    lists.into_iter().flatten().collect()
}

/// A room for two.
fn two(server: &Server) -> Verdict<[WsPeer; 2]> {
    WsPeer::room(server, ["A", "B"])
}
