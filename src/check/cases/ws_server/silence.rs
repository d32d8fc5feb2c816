//! D32: peers that say nothing.

use std::time::{Duration, Instant};

use crate::check::stage::frame::{FIN, Frame, PING, PONG};
use crate::check::stage::speaker::{Heard, Speaker, relay};
use crate::check::stage::ws_peer::WsPeer;
use crate::check::telling::verdict::{ensure, fail};
use crate::check::{Case, Scene, Verdict};

use super::two;
use crate::text;

pub(super) const CASES: &[Case] = &[Case {
    id: "D32",
    title: text!(zh "",
                 en "who is silent is pinged; who answers stays, and who doesn't has left, and its place is free"),
    hint: text!(zh "",
                en "a closed lid sends no word: give the read a time-out, ping after it, and let go who stays silent as long again"),
    run: silent,
}];

/// After so long a silence comes a ping; and how late it may be on a busy machine.
const PING_AFTER: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_secs(2);

fn silent(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--ping")?;
    let server = scene.launch().with(&["--ping", "1", "--max-clients", "3"]).server()?;
    let [mut a, mut b] = two(&server)?;
    let mut gone = WsPeer::join(&server, "the one whose lid is closed")?;
    let start = Instant::now();
    let until = PING_AFTER * 2 + LATE;
    scene.log.note("A and B answer pings, the third says nothing; nobody says a word");
    while start.elapsed() < until {
        for peer in [&mut a, &mut b] {
            answer_pings(peer)?;
        }
    }
    expect_ping(&mut gone)?;
    match gone.next(LATE) {
        Heard::End(_) | Heard::Reset => {}
        other => return fail("the end of the connection, as the ping wasn't answered", other.told()),
    }
    relay(&mut a, &mut b, "still here")?;
    let mut late = WsPeer::late(&server, "one more, in the free place", &mut a)?;
    relay(&mut late, &mut a, "there was room")
}

/// Waits a little for a ping, and answers it.
fn answer_pings(peer: &mut WsPeer) -> Verdict {
    match peer.next(Duration::from_millis(100)) {
        Heard::Frame(Frame { first, payload, .. }) if first == FIN | PING => peer.send(FIN | PONG, payload),
        Heard::Nothing => Ok(()),
        other => fail(format!("{} gets pings, and stays", peer.role().name), other.told()),
    }
}

fn expect_ping(peer: &mut WsPeer) -> Verdict {
    let heard = peer.next(LATE);
    let pinged = matches!(&heard, Heard::Frame(frame) if frame.first == FIN | PING && !frame.masked);
    ensure(pinged, "a ping after a second of silence", heard.told())
}
