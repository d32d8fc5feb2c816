//! How many there may be: D16.

use std::time::{Duration, Instant};

use crate::check::stage::speaker::{Heard, Speaker, relay};
use crate::check::stage::udp_peer::UdpPeer;
use crate::check::telling::events::show;
use crate::check::telling::verdict::{ensure, fail};
use crate::check::{Case, Likely, Scene, Verdict};
use crate::text;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D16",
        title: text!(zh "",
                     en "when the room is full a newcomer is refused and told, and those inside are served as before"),
        hint: text!(zh "",
                    en "a source address is easily invented, and nobody says good-bye: the list needs a limit"),
        run: full,
    },
    Case {
        id: "D16-forget",
        title: text!(zh "",
                     en "when the room is full, one who was silent for long makes room, and nobody else"),
        hint: text!(zh "",
                    en "keep when each client was heard last: the longest silent may go, once it is silent for long enough"),
        run: forget,
    },
    Case {
        id: "D16-many",
        title: text!(zh "",
                     en "hundreds of strangers come to no more than the room has places"),
        hint: text!(zh "",
                    en "the list grows with each new source address: give it a limit"),
        run: many,
    },
];

/// How long a refusal is waited for before one tries again: refusals may be few.
const AGAIN: Duration = Duration::from_millis(250);

fn full(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--max-clients")?;
    let server = scene.launch().with(&["--max-clients", "2"]).udp_server()?;
    let [mut a, mut b] = UdpPeer::room(&server, ["A", "B"])?;
    let mut c = UdpPeer::join(&server, "C")?;
    refused(scene, &mut c, &a)?;
    relay(&mut a, &mut b, "C isn't here")?;
    relay(&mut b, &mut a, "no")?;
    refused(scene, &mut c, &a)
}

/// Knocks until it is told that there is no room; and nothing else may be heard.
fn refused(scene: &Scene<'_>, c: &mut UdpPeer, member: &UdpPeer) -> Verdict {
    let deadline = Instant::now() + scene.patience();
    while Instant::now() < deadline {
        c.say("may I come in?")?;
        if let Heard::Words(word) = c.next(AGAIN) {
            let is_word =
                word.len() > 1 && word.ends_with(b"\n") && !word.starts_with(member.prefix().as_bytes());
            return ensure(is_word, format!("{} is told that the room is full", c.role().name), show(&word));
        }
    }
    fail(format!("{} is told that the room is full", c.role().name), "nothing")
}

fn forget(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--forget-after")?;
    let server = scene.launch().with(&["--max-clients", "2", "--forget-after", "1"]).udp_server()?;
    let [mut a, _b] = UdpPeer::room(&server, ["A", "B"])?;
    let mut c = UdpPeer::join(&server, "C")?;
    let (start, deadline) = (Instant::now(), Instant::now() + scene.patience());
    scene.log.note("A goes on talking, B is silent, C knocks");
    loop {
        a.say("still here")?;
        c.say("may I come in?")?;
        if a.hears(b"may I come in?", AGAIN) {
            break;
        }
        if Instant::now() > deadline {
            return fail("C gets in, as B was silent for over a second", "A never hears C");
        }
    }
    scene.log.note(format!("C is in after {:?}", start.elapsed()));
    a.say("marker")?;
    let heard = c.hears(b"marker", scene.patience());
    ensure(heard, "C hears A", "it doesn't")?;
    relay(&mut c, &mut a, "hello").likely("another than the longest silent had to go")
}

/// So many strangers come, each with a word; the limit is far below.
const STRANGERS: usize = 500;

fn many(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--max-clients")?;
    let server = scene.launch().with(&["--max-clients", "10"]).udp_server()?;
    let [mut a, mut b] = UdpPeer::room(&server, ["A", "B"])?;
    [&a, &b].into_iter().for_each(|peer| peer.set_quiet(true));
    scene.log.note(format!("{STRANGERS} strangers say a word each; 10 clients may be in the room"));
    let (mut heard, mut insiders) = (0, vec![]);
    for i in 0..STRANGERS {
        let mut stranger = UdpPeer::connect(&server, "someone")?;
        stranger.set_quiet(true);
        stranger.say("let me in")?;
        if insiders.len() < 10 {
            insiders.push(stranger); // Or a later one could get its port, and be taken for it.
        }
        // Step by step, or the server's buffer overflows.
        let marker = format!("marker {i}");
        a.say(&marker)?;
        while b.expect_words("what A says")? != a.relayed(&marker) {
            heard += 1;
        }
    }
    ensure(heard <= 8, "B hears of 8 strangers, for whom there was room", format!("of {heard}"))
}
