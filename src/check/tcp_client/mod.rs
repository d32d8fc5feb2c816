//! The cases for a TCP client: here the checker is the server.

mod keyboard;
mod screen;
mod wire;

use super::peer::Peer;
use super::program::Program;
use super::scene::{Host, Launch, Scene};
use super::{Case, Verdict};

/// All of them.
#[must_use]
pub fn cases() -> Vec<&'static Case> {
    [wire::CASES, keyboard::CASES, screen::CASES].into_iter().flatten().collect()
}

/// The client under test, and the server's end of its connection.
struct Call {
    client: Program,
    server: Peer,
    host: Host,
}

/// Starts the client as given, and lets it connect.
fn call(scene: &Scene<'_>) -> Verdict<Call> {
    call_with(scene, scene.launch())
}

/// The same, with changes.
fn call_with(scene: &Scene<'_>, launch: Launch<'_>) -> Verdict<Call> {
    let host = scene.host()?;
    let client = launch.at(host.address).program("client")?;
    let server = host.accept()?;
    Ok(Call { client, server, host })
}
