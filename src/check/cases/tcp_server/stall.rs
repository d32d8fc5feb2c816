//! D4: readers that stop reading. And floods.

use crate::check::cases::shared::{flood, pace};
use crate::check::stage::speaker::Speaker;
use crate::check::stage::tcp_peer::Peer;
use crate::check::{Case, Scene, Verdict};
use crate::text;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D4",
        title: text!(zh "",
                     en "clients that stop reading are disconnected; the others get every line and never wait over 3 s"),
        hint: text!(zh "",
                    en "a write to a client whose buffers are full waits for ever, with the lock held: the room needs a deadline, \
               and who misses it must go"),
        run: flood::stalled::<Peer>,
    },
    Case {
        id: "D4-again",
        title: text!(zh "",
                     en "clients that come back to stall again hold the room up for at most a tenth of the time"),
        hint: text!(zh "",
                    en "each stalled client costs a whole deadline anew: let the waits that end in an eviction use up a budget"),
        run: again,
    },
    Case {
        id: "D4-slow",
        title: text!(zh "",
                     en "a reader that is slow, but takes something each second, hears everything while others come in and stall"),
        hint: text!(zh "",
                    en "a slow reader is taken for one that has stalled: who has taken something within the last second stays"),
        run: pace::slow_reader::<Peer>,
    },
    Case {
        id: "tcp-flood",
        title: text!(zh "",
                     en "four clients flood at once: every line arrives whole, and each client's in order"),
        hint: text!(zh "",
                    en "two threads write to one client's socket at a time: write each line whole, under the lock"),
        run: four,
    },
];

fn again(scene: &Scene<'_>) -> Verdict {
    flood::again::<Peer>(scene, "D4")
}

fn four(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut e, floods @ ..] = Peer::room(&server, ["E", "A", "B", "C", "D"])?;
    scene.log.note("A, B, C and D flood and read; E reads");
    flood::four(&mut e, floods, |_| false)
}
