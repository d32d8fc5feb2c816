//! The cases for a UDP client: here the checker is the server.

mod keyboard;
mod wire;

use super::program::Program;
use super::scene::{Launch, Scene};
use super::speaker::Speaker;
use super::udp_peer::UdpPeer;
use super::{Case, Verdict};

/// All of them.
#[must_use]
pub fn cases() -> Vec<&'static Case> {
    [wire::CASES, keyboard::CASES].into_iter().flatten().collect()
}

/// The client under test, and the server's socket.
struct Call {
    client: Program,
    server: UdpPeer,
}

/// Starts the client as given, and lets it say a first line: before that, no server can know of it.
fn call(scene: &Scene<'_>) -> Verdict<Call> {
    call_with(scene, scene.launch())
}

/// The same, with changes.
fn call_with(scene: &Scene<'_>, launch: Launch<'_>) -> Verdict<Call> {
    let mut server = scene.udp_host()?;
    let mut client = launch.at(server.role().address).program("client")?;
    client.type_in("hello\n")?;
    server.expect("hello\n")?;
    Ok(Call { client, server })
}
