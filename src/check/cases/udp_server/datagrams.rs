//! What is a datagram: D14 (its length) and D15 (line breaks in it).

use crate::check::cases::shared::{expect_reason, wire::forged};
use crate::check::stage::speaker::{Speaker, relay};
use crate::check::stage::udp_peer::UdpPeer;
use crate::check::{Case, Likely, Scene, Verdict};
use crate::text;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D14",
        title: text!(zh "",
                     en "a datagram of any length is relayed whole, in one datagram"),
        hint: text!(zh "",
                    en "the buffer for receiving is shorter than a datagram may be, and the rest is cut off silently"),
        run: whole,
    },
    Case {
        id: "D14-most",
        title: text!(zh "",
                     en "what exceeds a datagram with its prefix is not relayed, and its sender is told"),
        hint: text!(zh "",
                    en "sending more than 65,507 bytes fails: look at the length first, and answer the sender"),
        run: most,
    },
    Case {
        id: "D15",
        title: text!(zh "",
                     en "line breaks inside a datagram become spaces"),
        hint: text!(zh "",
                    en "a line break inside a datagram starts a line that looks like anybody's, even the server's"),
        run: forged::<UdpPeer>,
    },
    Case {
        id: "D15-end",
        title: text!(zh "",
                     en "a datagram without a line break at its end gets one"),
        hint: text!(zh "",
                    en "not every program sends the line break: add it where it is missing"),
        run: unfinished,
    },
    Case {
        id: "D15-empty",
        title: text!(zh "",
                     en "an empty datagram registers its sender and isn't relayed"),
        hint: text!(zh "",
                    en "a datagram of no bytes is no end and no line: put its sender into the list, and send nothing on"),
        run: empty,
    },
];

/// The most that one datagram carries over IPv4.
const MOST: usize = 65_507;

fn whole(scene: &Scene<'_>) -> Verdict {
    let server = scene.udp_server()?;
    let [mut a, mut b] = UdpPeer::room(&server, ["A", "B"])?;
    for size in [1000, 1025, 2000, 9000, 60 * 1024] {
        relay(&mut a, &mut b, "x".repeat(size - 1))?;
    }
    Ok(())
}

fn most(scene: &Scene<'_>) -> Verdict {
    let server = scene.udp_server()?;
    let [mut a, mut b, mut c] = UdpPeer::room(&server, ["A", "B", "C"])?;
    let room = MOST - a.prefix().len() - 1;
    let line = "y".repeat(room);
    relay(&mut a, &mut b, &line).likely("the longest line that fits isn't relayed")?;
    c.expect_from(&a, &line)?;
    a.say("z".repeat(room + 1))?;
    expect_reason(&mut a, "a line that says that its datagram wasn't relayed")?;
    relay(&mut c, &mut b, "marker").likely("a part of it was relayed")
}

fn unfinished(scene: &Scene<'_>) -> Verdict {
    let server = scene.udp_server()?;
    let [mut a, mut b] = UdpPeer::room(&server, ["A", "B"])?;
    a.send("no line break")?;
    b.expect_from(&a, "no line break")
}

fn empty(scene: &Scene<'_>) -> Verdict {
    let server = scene.udp_server()?;
    let [mut a, mut b] = UdpPeer::room(&server, ["A", "B"])?;
    let mut c = UdpPeer::join(&server, "C")?;
    c.send("")?;
    a.say("marker")?;
    c.expect_from(&a, "marker").likely("the empty datagram doesn't register its sender")?;
    b.expect_from(&a, "marker")
}
