//! D31: readers that stop reading. And floods.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::check::cases::shared::{flood, pace};
use crate::check::stage::frame::{FIN, PING, PONG};
use crate::check::stage::speaker::{Connected, Heard, Speaker};
use crate::check::stage::ws_peer::WsPeer;
use crate::check::telling::verdict::ensure;
use crate::check::{Case, Scene, Verdict};
use crate::text;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D31",
        title: text!(zh "",
                     en "clients that stop reading are disconnected; the others get every message and never wait over 3 s"),
        hint: text!(zh "",
                    en "a write to a client whose buffers are full waits for ever, with the lock held: the room needs a deadline, \
               and who misses it must go"),
        run: flood::stalled::<WsPeer>,
    },
    Case {
        id: "D31-again",
        title: text!(zh "",
                     en "clients that come back to stall again hold the room up for at most a tenth of the time"),
        hint: text!(zh "",
                    en "each stalled client costs a whole deadline anew: let the waits that end in an eviction use up a budget"),
        run: again,
    },
    Case {
        id: "D31-slow",
        title: text!(zh "",
                     en "a reader that is slow, but takes something each second, hears everything while others come in and stall"),
        hint: text!(zh "",
                    en "a slow reader is taken for one that has stalled: who has taken something within the last second stays"),
        run: pace::slow_reader::<WsPeer>,
    },
    Case {
        id: "ws-flood",
        title: text!(zh "",
                     en "four clients flood at once and a fifth pings as fast as it can: no frame is ever torn"),
        hint: text!(zh "",
                    en "two threads write to one client's socket at a time: messages, pongs and all must go out whole, \
               under the lock"),
        run: four,
    },
];

fn again(scene: &Scene<'_>) -> Verdict {
    flood::again::<WsPeer>(scene, "D31")
}

fn four(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut e, floods @ ..] = WsPeer::room(&server, ["E", "A", "B", "C", "D"])?;
    scene.log.note("A, B, C and D flood and read; E pings and reads");
    let (mut pinger, mut pong) = (e.second()?, 0);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| ping_until(&over, &mut pinger));
        let followed = flood::four(&mut e, floods, |heard| {
            let number = is_pong(heard, pong);
            pong = number.map_or(pong, |number| number + 1);
            number.is_some()
        });
        over.store(true, Ordering::Relaxed);
        let _ = e.read_to_end(flood::SILENCE); // Or the pinger would wait.
        followed
    })?;
    ensure(pong > 0, "pongs in between", "not one")
}

/// Pings, and numbers them.
fn ping_until(over: &AtomicBool, pinger: &mut WsPeer) {
    for i in 0.. {
        let ping = pinger.frame(FIN | PING, i.to_string());
        if over.load(Ordering::Relaxed) || !pinger.try_send(&ping) {
            break;
        }
    }
}

/// A later pong's number. (Of several pings only the last needs an answer: RFC 6455, 5.5.3.)
fn is_pong(heard: &Heard, at_least: usize) -> Option<usize> {
    let Heard::Frame(frame) = heard else { return None };
    let number: usize = std::str::from_utf8(&frame.payload).ok()?.parse().ok()?;
    (frame.first == FIN | PONG && !frame.masked && number >= at_least).then_some(number)
}
