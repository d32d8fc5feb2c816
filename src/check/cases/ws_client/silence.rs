//! D32: a server that says nothing.

use std::time::Duration;

use crate::check::stage::frame::{FIN, Frame, PING, PONG};
use crate::check::stage::speaker::{Heard, Speaker};
use crate::check::stage::ws_peer::WsPeer;
use crate::check::telling::verdict::fail;
use crate::check::{Case, Scene, Verdict};
use crate::text;

pub(super) const CASES: &[Case] = &[Case {
    id: "D32",
    title: text!(zh "",
                 en "a server that is silent is pinged; when it doesn't answer, the client says so and ends with exit code 1"),
    hint: text!(zh "",
                en "a server that has vanished sends no word: ping it when it is silent, and don't wait for ever"),
    run: silent,
}];

/// After a second of silence comes a ping; on a busy machine a bit later.
const LATE: Duration = Duration::from_secs(3);

fn silent(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--ping")?;
    let (mut client, mut server) = WsPeer::call(scene, scene.launch().with(&["--ping", "1"]))?;
    for _ in 0..2 {
        match server.next(LATE) {
            Heard::Frame(Frame { first, masked: true, payload }) if first == FIN | PING => {
                server.send(FIN | PONG, payload)?;
            }
            other => return fail("a ping, masked, after a second of silence", other.told()),
        }
    }
    client.type_in("still here\n")?;
    scene.log.note("from now on the server says nothing");
    client.expect_exit(1, LATE)?;
    client.expect_one_sentence("")
}
