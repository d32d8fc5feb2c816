//! The cases for a WebSocket client: here the checker is the server.

mod keyboard;
mod silence;
mod start;
mod wire;

use super::program::Program;
use super::scene::{Launch, Scene};
use super::ws_peer::WsPeer;
use super::{Case, Verdict};

/// All of them.
#[must_use]
pub fn cases() -> Vec<&'static Case> {
    [wire::CASES, start::CASES, keyboard::CASES, silence::CASES].into_iter().flatten().collect()
}

/// The client under test, and the server's end of its WebSocket.
struct Call {
    client: Program,
    server: WsPeer,
}

/// Starts the client as given, and lets it open a WebSocket.
fn call(scene: &Scene<'_>) -> Verdict<Call> {
    call_with(scene, scene.launch())
}

/// The same, with changes.
fn call_with(scene: &Scene<'_>, launch: Launch<'_>) -> Verdict<Call> {
    let host = scene.host()?;
    let client = launch.at(host.address).program("client")?;
    let server = host.ws_accept()?;
    Ok(Call { client, server })
}
