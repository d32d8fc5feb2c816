//! D31: readers that stop reading. And floods.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::check::frame::{FIN, PING, PONG, TEXT};
use crate::check::speaker::{Connected, Heard, Speaker};
use crate::check::verdict::fail;
use crate::check::ws_peer::WsPeer;
use crate::check::{Case, Likely, Scene, Verdict};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D31",
        title: "clients that stop reading are disconnected; the others get every message and never wait over 3 s",
        hint: "a write to a client whose buffers are full waits for ever, with the lock held: the room needs a deadline, \
               and who misses it must go",
        run: stalled,
    },
    Case {
        id: "D31-again",
        title: "clients that come back to stall again hold the room up for at most a tenth of the time",
        hint: "each stalled client costs a whole deadline anew: let the waits that end in an eviction use up a budget",
        run: again,
    },
    Case {
        id: "ws-flood",
        title: "four clients flood at once and a fifth pings as fast as it can: no frame is ever torn",
        hint: "two threads write to one client's socket at a time: messages, pongs and all must go out whole, \
               under the lock",
        run: flood,
    },
];

/// The most that a healthy client is without a message, in a flood.
const MAX_SILENCE: Duration = Duration::from_secs(3);

/// Without a message for so long, the room waits for a client that doesn't read.
pub(super) const SILENCE: Duration = Duration::from_millis(200);

/// Message `i` of a flood.
fn words(i: usize, size: usize) -> String {
    format!("{i:07} {}", ".".repeat(size - 8))
}

/// Sends messages of a flood, some at a time. Says whether they could be sent.
pub(super) fn send_flood(peer: &mut WsPeer, messages: Range<usize>) -> bool {
    send_messages(peer, messages, SIZE)
}

fn send_messages(peer: &mut WsPeer, messages: Range<usize>, size: usize) -> bool {
    messages.collect::<Vec<_>>().chunks(16).all(|some| {
        let frames: Vec<u8> = some.iter().flat_map(|&i| peer.frame(FIN | TEXT, words(i, size))).collect();
        peer.try_send(&frames)
    })
}

/// Far more than the buffers of two sockets hold.
pub(super) const MESSAGES: usize = 1500;
const SIZE: usize = 8 * 1024;

/// Must get all of these, in order, without a long silence. Says how long it waited in all, short waits aside.
fn follow(peer: &mut WsPeer, from: &str, messages: Range<usize>) -> Verdict<Duration> {
    let mut silence = Duration::ZERO;
    for i in messages {
        let start = Instant::now();
        let expected = format!("{from}{}\n", words(i, SIZE));
        match peer.next(MAX_SILENCE) {
            Heard::Words(got) if got == expected.as_bytes() => {}
            Heard::Nothing => {
                return fail(
                    format!("{} is never without a message for over {MAX_SILENCE:?}", peer.role().name),
                    format!("nothing before message {i}"),
                );
            }
            other => return fail(format!("{} gets message {i}", peer.role().name), other.told()),
        }
        // A busy machine takes its time too: only what is long is counted.
        silence +=
            Some(start.elapsed()).filter(|wait| *wait > Duration::from_millis(100)).unwrap_or_default();
    }
    Ok(silence)
}

fn stalled(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b, mut c] = WsPeer::room(&server, ["A", "B", "C"])?;
    let mut stallers = ["S1", "S2", "S3", "S4", "S5"]
        .iter()
        .map(|name| WsPeer::join(&server, name))
        .collect::<Verdict<Vec<WsPeer>>>()?;
    stallers.iter_mut().chain([&mut b, &mut c]).for_each(|peer| peer.set_quiet(true));
    scene
        .log
        .note(format!("S1 to S5 read nothing; A sends {MESSAGES} messages of {SIZE} bytes; B and C read"));
    let from = a.prefix();
    thread::scope(|scope| {
        scope.spawn(|| send_flood(&mut a, 0..MESSAGES));
        let other = scope.spawn(|| follow(&mut c, &from, 0..MESSAGES));
        let followed = follow(&mut b, &from, 0..MESSAGES);
        other.join().unwrap_or_else(|_| fail("C reads", "the checker broke")).and(followed)
    })?;
    scene.log.note("B and C have every message");
    stallers.iter_mut().try_for_each(|staller| match staller.read_to_end(scene.patience()) {
        Heard::Nothing => {
            fail(format!("{} is disconnected", staller.role().name), "its connection stays open")
        }
        _ => Ok(()),
    })
}

/// Each round a new client comes and stalls, and gets this many: more than its buffers hold.
const ROUND: usize = 512;
const ROUNDS: usize = 4;

/// So that a healthy client never lags: after so many messages, which fit its buffers, the speaker waits for it.
const STEP: usize = 4;

fn again(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = WsPeer::room(&server, ["A", "B"])?;
    let from = a.prefix();
    let (mut stallers, mut silence, start) = (vec![], Duration::ZERO, Instant::now());
    b.set_quiet(true);
    for round in 0..ROUNDS {
        stallers.push(WsPeer::join(&server, &format!("S{round}"))?);
        scene.log.note(format!("S{round} reads nothing; A sends {ROUND} messages of {SIZE} bytes; B reads"));
        for step in (round * ROUND..(round + 1) * ROUND).step_by(STEP) {
            send_flood(&mut a, step..step + STEP);
            silence += follow(&mut b, &from, step..step + STEP)
                .likely("see D31: the room freezes, or loses messages")?;
        }
        scene.log.note(format!("so far B was without a message for {silence:?} of {:?}", start.elapsed()));
    }
    // A second once, a tenth of the time, and a second for the machine.
    let allowed = Duration::from_secs(2) + start.elapsed() / 10;
    let wanted = format!("B is without a message for at most {allowed:?}");
    if silence < allowed { Ok(()) } else { fail(wanted, format!("{silence:?}")) }
}

/// Four floods of so many messages of so many bytes.
const FLOOD: usize = 1500;
const SMALL: usize = 100;

fn flood(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut e, floods @ ..] = WsPeer::room(&server, ["E", "A", "B", "C", "D"])?;
    let prefixes: Vec<String> = floods.iter().map(Speaker::prefix).collect();
    scene.log.note(format!("A, B, C and D each send {FLOOD} messages and read; E pings and reads"));
    e.set_quiet(true);
    let mut pinger = e.second()?;
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for mut flood in floods {
            flood.set_quiet(true);
            let Ok(mut reader) = flood.second() else { continue };
            scope.spawn(move || while reader.next(MAX_SILENCE).is_something() {});
            scope.spawn(move || send_messages(&mut flood, 0..FLOOD, SMALL) && flood.close(1000).is_ok());
        }
        scope.spawn(|| ping_until(&over, &mut pinger));
        let followed = follow_all(&mut e, &prefixes);
        over.store(true, Ordering::Relaxed);
        let _ = e.read_to_end(SILENCE); // Or the pinger would wait.
        followed
    })
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

/// Must get all floods, each in order, and its pongs, in any mixture.
fn follow_all(peer: &mut WsPeer, prefixes: &[String]) -> Verdict {
    let (mut next, mut pong) = (vec![0; prefixes.len()], 0);
    while next.iter().any(|&next| next < FLOOD) {
        let heard = peer.next(MAX_SILENCE);
        if let Some(number) = is_pong(&heard, pong) {
            pong = number + 1;
            continue;
        }
        let whose = (0..prefixes.len()).find(|&i| {
            let wanted = format!("{}{}\n", prefixes[i], words(next[i], SMALL));
            heard == Heard::Words(wanted.into())
        });
        match whose {
            Some(whose) => next[whose] += 1,
            None => {
                return fail(
                    format!("the next message of one of the floods (up to {next:?}) or pong {pong}, whole"),
                    heard.told(),
                );
            }
        }
    }
    if pong > 0 { Ok(()) } else { fail("pongs in between", "not one") }
}

/// A later pong's number. (Of several pings only the last needs an answer: RFC 6455, 5.5.3.)
fn is_pong(heard: &Heard, at_least: usize) -> Option<usize> {
    let Heard::Frame(frame) = heard else { return None };
    let number: usize = std::str::from_utf8(&frame.payload).ok()?.parse().ok()?;
    (frame.first == FIN | PONG && !frame.masked && number >= at_least).then_some(number)
}
