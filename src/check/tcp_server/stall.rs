//! D4: readers that stop reading. And floods.

use std::thread;
use std::time::{Duration, Instant};

use crate::check::log::show;
use crate::check::peer::Peer;
use crate::check::speaker::{Connected, Heard, Speaker};
use crate::check::verdict::{ensure, fail};
use crate::check::{Case, Likely, Scene, Verdict};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D4",
        title: "clients that stop reading are disconnected; the others get every line and never wait over 3 s",
        hint: "a write to a client whose buffers are full waits for ever, with the lock held: the room needs a deadline, \
               and who misses it must go",
        run: stalled,
    },
    Case {
        id: "D4-again",
        title: "clients that come back to stall again hold the room up for at most a tenth of the time",
        hint: "each stalled client costs a whole deadline anew: let the waits that end in an eviction use up a budget",
        run: again,
    },
    Case {
        id: "tcp-flood",
        title: "four clients flood at once: every line arrives whole, and each client's in order",
        hint: "two threads write to one client's socket at a time: write each line whole, under the lock",
        run: flood,
    },
];

/// The most that a healthy client is without a line, in a flood.
const MAX_SILENCE: Duration = Duration::from_secs(3);

/// Line `i` of a flood, `size` bytes long.
pub(super) fn line(i: usize, size: usize) -> Vec<u8> {
    let mut line = format!("{i:07} ").into_bytes();
    line.resize(size - 1, b'.');
    line.push(b'\n');
    line
}

/// Sends lines `from..to`, some at a time.
pub(super) fn send_lines(peer: &mut Peer, lines: std::ops::Range<usize>, size: usize) -> bool {
    let lines: Vec<usize> = lines.collect();
    lines.chunks(32).all(|some| peer.try_send(&some.iter().flat_map(|&i| line(i, size)).collect::<Vec<u8>>()))
}

/// Must get the flood of whom others see as `from` (`[ip:port]: `), every line of it, in order, without a long
/// silence. Says how long it waited in all, short waits aside.
pub(super) fn follow(
    peer: &mut Peer,
    from: &str,
    lines: std::ops::Range<usize>,
    size: usize,
) -> Verdict<Duration> {
    let mut silence = Duration::ZERO;
    for i in lines {
        let start = Instant::now();
        let expected = [from.as_bytes(), &line(i, size)].concat();
        match peer.next(MAX_SILENCE) {
            Heard::Words(got) if got == expected => {}
            Heard::Nothing => {
                return fail(
                    format!("{} is never without a line for over {MAX_SILENCE:?}", peer.role().name),
                    format!("nothing after line {i}"),
                );
            }
            other => {
                return fail(
                    format!("{} gets line {i}, {}", peer.role().name, show(&expected)),
                    other.told(),
                );
            }
        }
        // A busy machine takes its time too: only what is long is counted.
        silence +=
            Some(start.elapsed()).filter(|wait| *wait > Duration::from_millis(200)).unwrap_or_default();
    }
    Ok(silence)
}

/// What stalled clients may cost in all, a busy machine's part included.
const ABOUT_A_SECOND: Duration = Duration::from_millis(1800);

/// So many clients stop reading.
const STALLED: usize = 50;

/// 12 MB: far more than the buffers of two sockets hold.
const LINES: usize = 12_000;
const SIZE: usize = 1024;

fn stalled(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b, mut c] = Peer::room(&server, ["A", "B", "C"])?;
    let mut stallers = (0..STALLED).map(|_| server.connect("S")).collect::<Verdict<Vec<Peer>>>()?;
    // They are in the room before long: whether they miss a few lines makes no difference.
    stallers.iter_mut().chain([&mut b, &mut c]).for_each(|peer| peer.set_quiet(true));
    scene.log.note(format!(
        "{STALLED} more connect and read nothing; A sends {LINES} lines of {SIZE} bytes; B and C read"
    ));
    let from = a.prefix();
    let followed = thread::scope(|scope| {
        scope.spawn(|| send_lines(&mut a, 0..LINES, SIZE));
        let other = scope.spawn(|| follow(&mut c, &from, 0..LINES, SIZE));
        let followed = follow(&mut b, &from, 0..LINES, SIZE);
        other.join().unwrap_or_else(|_| fail("C reads", "the checker broke")).and(followed)
    });
    let silence = followed?;
    scene.log.note(format!("B and C have every line; B was without one for {silence:?} in all"));
    ensure(silence < ABOUT_A_SECOND, "about a second of silence, once", format!("{silence:?}")).likely(
        "each late client costs a deadline of its own, or slips through with a last try and keeps its place: one deadline \
         for all, and who misses it goes",
    )?;
    stallers.iter_mut().try_for_each(|staller| match staller.read_to_end(scene.patience()) {
        Heard::Nothing => {
            fail("each client that doesn't read is disconnected", "one's connection stays open")
        }
        _ => Ok(()),
    })
}

/// Each round a new client comes and stalls, and gets this much: more than its buffers hold.
const ROUND: usize = 4 * 1024;
const ROUNDS: usize = 4;

/// So that a healthy client never lags: after so many lines the speaker waits for it.
const STEP: usize = 128;

fn again(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    let from = a.prefix();
    let (mut stallers, mut silence, start) = (vec![], Duration::ZERO, Instant::now());
    b.set_quiet(true);
    for round in 0..ROUNDS {
        stallers.push(Peer::join(&server, &format!("S{round}"))?);
        scene.log.note(format!("S{round} reads nothing; A sends {ROUND} lines of {SIZE} bytes; B reads"));
        for step in (round * ROUND..(round + 1) * ROUND).step_by(STEP) {
            send_lines(&mut a, step..step + STEP, SIZE);
            silence += follow(&mut b, &from, step..step + STEP, SIZE)
                .likely("see D4: the room freezes, or loses lines")?;
        }
        scene.log.note(format!("so far B was without a line for {silence:?} of {:?}", start.elapsed()));
    }
    // A second once, a tenth of the time, and some for a busy machine.
    let allowed = ABOUT_A_SECOND + start.elapsed() / 10;
    ensure(silence < allowed, format!("B is without a line for at most {allowed:?}"), format!("{silence:?}"))
}

/// Four floods of so many lines.
const FLOOD: usize = 3000;

fn flood(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut e, floods @ ..] = Peer::room(&server, ["E", "A", "B", "C", "D"])?;
    let prefixes: Vec<String> = floods.iter().map(|flood| flood.prefix()).collect();
    scene.log.note(format!("A, B, C and D each send {FLOOD} lines and read; E reads"));
    e.set_quiet(true);
    thread::scope(|scope| {
        for mut flood in floods {
            flood.set_quiet(true);
            let Ok(mut reader) = flood.second() else { continue };
            scope.spawn(move || reader.read_to_end(MAX_SILENCE));
            scope.spawn(move || {
                send_lines(&mut flood, 0..FLOOD, 100);
                let _ = flood.finish();
            });
        }
        follow_all(&mut e, &prefixes)
    })
}

/// Must get all floods, each in order, in any mixture.
fn follow_all(peer: &mut Peer, prefixes: &[String]) -> Verdict {
    let mut next = vec![0; prefixes.len()];
    for _ in 0..FLOOD * prefixes.len() {
        let heard = peer.next(MAX_SILENCE);
        let Heard::Words(got) = &heard else {
            return fail(format!("{} gets all four floods", peer.role().name), heard.told());
        };
        let whose =
            (0..prefixes.len()).find(|&i| *got == [prefixes[i].as_bytes(), &line(next[i], 100)].concat());
        match whose {
            Some(whose) => next[whose] += 1,
            None => return fail(format!("the next line of one of the floods (up to {next:?})"), show(got)),
        }
    }
    Ok(())
}
