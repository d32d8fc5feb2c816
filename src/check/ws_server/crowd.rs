//! Many clients: at once, and one after the other.

use std::time::Duration;

use crate::check::log::show;
use crate::check::speaker::{Connected, Heard, Speaker, relay};
use crate::check::verdict::{ensure, fail};
use crate::check::ws_peer::WsPeer;
use crate::check::{Case, Scene, Verdict};

use super::two;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "ws-crowd",
        title: "twelve clients all hear each other",
        hint: "not everybody is in the list, or one is in it twice",
        run: crowd,
    },
    Case {
        id: "ws-churn",
        title: "500 clients that come and go, in order, by closing and by a reset, leave nothing behind",
        hint: "who leaves by a reset isn't taken off the list, or a thread goes on waiting for who has left",
        run: churn,
    },
];

const NAMES: [&str; 12] = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L"];

fn crowd(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let mut peers = WsPeer::room(&server, NAMES)?;
    scene.log.note("each says a line");
    peers.iter_mut().for_each(|peer| peer.set_quiet(true));
    peers.iter_mut().try_for_each(|peer| peer.say("I am here"))?;
    let said: Vec<Vec<u8>> = peers.iter().map(|peer| peer.relayed("I am here")).collect();
    peers.iter_mut().enumerate().try_for_each(|(i, peer)| {
        let others: Vec<&Vec<u8>> =
            said.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, line)| line).collect();
        hears_each(scene, peer, others)
    })
}

/// Hears each of these once, in any order.
fn hears_each(scene: &Scene<'_>, peer: &mut WsPeer, mut missing: Vec<&Vec<u8>>) -> Verdict {
    while !missing.is_empty() {
        let heard = peer.next(scene.patience());
        let before = missing.len();
        if let Heard::Words(words) = &heard {
            missing.retain(|line| *line != words);
        }
        if missing.len() == before {
            let wanted =
                format!("{} gets each other client's line, once: {}", peer.role().name, show(missing[0]));
            return fail(wanted, heard.told());
        }
    }
    Ok(())
}

/// As many clients at a time, so many times.
const AT_ONCE: usize = 50;
const TIMES: usize = 10;

/// Some run-time systems start a thread of their own now and then. One for each who left by a reset is far more.
const SPARE: u64 = 10;

fn churn(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = two(&server)?;
    let before = server.program.usage()?;
    a.set_quiet(true);
    b.set_quiet(true);
    for _ in 0..TIMES {
        let mut peers =
            (0..AT_ONCE).map(|_| WsPeer::connect(&server, "someone")).collect::<Verdict<Vec<WsPeer>>>()?;
        peers.iter_mut().for_each(|peer| peer.set_quiet(true));
        for (i, mut peer) in peers.into_iter().enumerate() {
            match i % 3 {
                0 => {
                    peer.close(1000)?;
                    peer.read_to_end(scene.patience());
                }
                1 => gets_something(scene, &mut a, &mut b, &peer)?, // And leaves it unread: a reset.
                _ => {}                                             // A closed tab.
            }
        }
    }
    scene.log.note(format!("{} clients came and went", AT_ONCE * TIMES));
    let was = before.threads + SPARE;
    let after = server
        .program
        .usage_until(|usage| usage.threads <= was && usage.descriptors <= before.descriptors)?;
    ensure(
        after.threads <= was,
        format!("{was} threads at most, {} as before and a few", before.threads),
        after.threads.to_string(),
    )?;
    let (was, is) = (before.descriptors, after.descriptors);
    ensure(is <= was, format!("{was} descriptors, as before"), is.to_string())
}

/// A talks until this one has something to read.
fn gets_something(scene: &Scene<'_>, a: &mut WsPeer, b: &mut WsPeer, peer: &WsPeer) -> Verdict {
    let tries = scene.patience().as_millis() / 50;
    for _ in 0..tries {
        relay(a, b, "hello")?;
        if peer.has_something(Duration::from_millis(50)) {
            return Ok(());
        }
    }
    fail("each client gets the others' messages", "one gets nothing, however often it is said")
}
