//! Every server with every client of its transport: which of them chat.

use std::time::{Duration, Instant};

use super::list::Entry;
use crate::check::stage::output::contains;
use crate::check::stage::program::Program;
use crate::check::stage::scene::{Scene, Server};
use crate::check::stage::speaker::Speaker;
use crate::check::stage::tcp_peer::Peer;
use crate::check::stage::udp_peer::UdpPeer;
use crate::check::stage::ws_peer::WsPeer;
use crate::check::telling::verdict::{Verdict, ensure};
use crate::check::{Kind, Target};

/// How long two clients may take to hear each other.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two tries of a word: over UDP the first one only registers, and a client may still be connecting.
const AGAIN: Duration = Duration::from_millis(250);

/// Whether two clients of a kind hear each other through a server.
pub fn chat(server: &Entry, client: &Entry) -> bool {
    let target = Target { patience: PATIENCE, ..target(server) }.at_fresh_port();
    let scene = Scene::new(&target);
    let served = match server.kind {
        Kind::UdpServer => UdpPeer::serve(scene.launch()),
        Kind::WsServer => WsPeer::serve(scene.launch()),
        _ => Peer::serve(scene.launch()),
    };
    served.is_ok_and(|server| hear_each_other(&server, client).is_ok())
}

/// The program of an entry.
fn target(entry: &Entry) -> Target {
    Target::new(&entry.command, entry.addr.as_deref().unwrap_or(Target::FRESH))
}

fn hear_each_other(server: &Server, client: &Entry) -> Verdict {
    let target = Target { patience: PATIENCE, ..target(client) };
    let scene = Scene::new(&target);
    let mut one = scene.launch().at(server.address).program("client")?;
    let mut other = scene.launch().at(server.address).program("client")?;
    let start = Instant::now();
    let mut heard = false;
    for round in 1.. {
        if heard || start.elapsed() > PATIENCE {
            break;
        }
        one.type_in(format!("one says {round}.\n"))?;
        other.type_in(format!("other says {round}.\n"))?;
        heard = hears(&other, b"]: one says ") && hears(&one, b"]: other says ");
    }
    ensure(heard, "", "")
}

fn hears(client: &Program, words: &[u8]) -> bool {
    client.stdout.wait_for(AGAIN, |all| contains(all, words))
}
