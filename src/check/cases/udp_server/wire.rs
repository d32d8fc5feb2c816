//! What goes over the wire, and to whom: the notes' server does all of this.

use std::time::Duration;

use crate::check::cases::shared::{crowd, wire};
use crate::check::stage::speaker::{Heard, Speaker, relay};
use crate::check::stage::udp_peer::UdpPeer;
use crate::check::telling::verdict::fail;
use crate::check::{Case, Likely, Scene, Verdict};
use crate::text;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "udp-relay",
        title: text!(zh "",
                     en "a datagram reaches every other client, as `[ip:port]: datagram`, in one datagram"),
        hint: text!(zh "",
                    en "the prefix is `[`, the sender's address as the server sees it, `]: `; prefix and words go out together"),
        run: wire::relays::<UdpPeer>,
    },
    Case {
        id: "udp-register",
        title: text!(zh "",
                     en "a client's first datagram registers it: it gets whatever is said afterwards"),
        hint: text!(zh "",
                    en "a sender that isn't in the list yet is put into it, with its first datagram"),
        run: register,
    },
    Case {
        id: "udp-echo",
        title: text!(zh "",
                     en "a datagram isn't sent back to its sender"),
        hint: text!(zh "",
                    en "the broadcast goes to every client; leave out the one the datagram came from"),
        run: wire::echo::<UdpPeer>,
    },
    Case {
        id: "udp-bytes",
        title: text!(zh "",
                     en "a datagram is relayed byte for byte, valid UTF-8 or not"),
        hint: text!(zh "",
                    en "the datagram is turned into text and back: it is bytes"),
        run: bytes,
    },
    Case {
        id: "udp-order",
        title: text!(zh "",
                     en "one client's datagrams are relayed in the order they came, all of them"),
        hint: text!(zh "",
                    en "datagrams are handed to something that reorders or drops them: one thread receives and sends on"),
        run: order,
    },
    crowd::twelve::<UdpPeer>("udp-crowd"),
    Case {
        id: "udp-gone",
        title: text!(zh "",
                     en "a client that has gone without a word doesn't keep the others from talking"),
        hint: text!(zh "",
                    en "an error while sending to one client ends the broadcast, or the server"),
        run: gone,
    },
];

fn register(scene: &Scene<'_>) -> Verdict {
    let server = scene.udp_server()?;
    let [mut a, mut b] = [UdpPeer::join(&server, "A")?, UdpPeer::join(&server, "B")?];
    a.say("one")?;
    b.say("two")?;
    a.expect_from(&b, "two")?;
    a.say("three")?;
    b.expect_from(&a, "three").likely("what was said before B came isn't B's to hear")
}

fn bytes(scene: &Scene<'_>) -> Verdict {
    wire::bytes::<UdpPeer>(scene, "  blanks \t ")
}

/// So many, of which so many are under way at a time: no socket's buffer may overflow.
const MANY: usize = 1024;
const WINDOW: usize = 16;

fn order(scene: &Scene<'_>) -> Verdict {
    let server = scene.udp_server()?;
    let [mut a, mut b] = UdpPeer::room(&server, ["A", "B"])?;
    scene.log.note(format!("A says {MANY} lines, {WINDOW} at a time"));
    [&a, &b].into_iter().for_each(|peer| peer.set_quiet(true));
    for from in (0..MANY).step_by(WINDOW) {
        (from..from + WINDOW).try_for_each(|i| a.say(format!("line {i}")))?;
        (from..from + WINDOW).try_for_each(|i| b.expect_from(&a, format!("line {i}")))?;
    }
    Ok(())
}

/// So much is said after one has gone: the first few may go well.
const GONE: usize = 300;

fn gone(scene: &Scene<'_>) -> Verdict {
    let server = scene.udp_server()?;
    let [mut a, b, mut c] = UdpPeer::room(&server, ["A", "B", "C"])?;
    scene.log.note("B is gone");
    drop(b);
    [&a, &c].into_iter().for_each(|peer| peer.set_quiet(true));
    (0..GONE).try_for_each(|i| relay(&mut a, &mut c, format!("line {i}")))?;
    ensure_quiet(&mut c)?;
    server.program.expect_running()
}

/// Nothing more than what was said.
fn ensure_quiet(peer: &mut UdpPeer) -> Verdict {
    match peer.next(Duration::from_millis(1)) {
        Heard::Nothing => Ok(()),
        more => fail(format!("{} gets each line once", peer.role().name), more.told()),
    }
}
