//! Many clients: at once, and one after the other.

use std::collections::HashSet;
use std::time::Duration;

use crate::check::log::show;
use crate::check::peer::Peer;
use crate::check::speaker::{Connected, Heard, Speaker, greet};
use crate::check::system::Usage;
use crate::check::verdict::{ensure, fail};
use crate::check::{Case, Scene, Verdict};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "tcp-crowd",
        title: "500 clients all hear each other",
        hint: "not everybody is in the list, or a line is lost on the way: is there a limit, of threads or descriptors?",
        run: crowd,
    },
    Case {
        id: "tcp-churn",
        title: "3,000 clients that come and go, half of them by a reset, leave nothing behind",
        hint: "who leaves by a reset isn't taken off the list: its address can't be asked for any more then",
        run: churn,
    },
];

const CROWD: usize = 500;

fn crowd(scene: &Scene<'_>) -> Verdict {
    // Go raises its limit itself; a thread per connection here takes two descriptors a client.
    let server =
        scene.launch().after_shell("ulimit -n 4096 2>/dev/null || ulimit -n $(ulimit -Hn)").server()?;
    let mut peers =
        (0..CROWD).map(|i| server.connect(&format!("client {i}"))).collect::<Verdict<Vec<Peer>>>()?;
    scene.log.note(format!("{CROWD} clients connect"));
    greet(&server, &mut peers.iter_mut().collect::<Vec<_>>(), 2)?;
    scene.log.note("all have heard the first two; now each says a line");
    peers.iter_mut().for_each(|peer| peer.set_quiet(true));
    peers.iter_mut().try_for_each(|peer| peer.say("I am here"))?;
    let everyone: HashSet<Vec<u8>> = peers.iter().map(|peer| peer.relayed("I am here")).collect();
    peers.iter_mut().try_for_each(|peer| hears_all(peer, &everyone))
}

fn hears_all(peer: &mut Peer, everyone: &HashSet<Vec<u8>>) -> Verdict {
    let mut heard = HashSet::new();
    while heard.len() < everyone.len() - 1 {
        match peer.next(Duration::from_secs(5)) {
            Heard::Words(line) if everyone.contains(&line) && heard.insert(line.clone()) => {}
            Heard::Words(line) => return fail("each line once, from each other client", show(&line)),
            other => {
                let wanted = format!("{} hears {} others", peer.role().name, everyone.len() - 1);
                return fail(wanted, format!("{} and then {}", heard.len(), other.told()));
            }
        }
    }
    Ok(())
}

/// As many clients at a time, so many times; the first few times warm up.
const AT_ONCE: usize = 100;
const TIMES: usize = 30;
const WARM_UP: usize = 4;

/// A language's runtime may keep some threads of its own.
const FEW: u64 = 8;

/// How long a line is waited for before it is said again.
const SHORT: Duration = Duration::from_millis(50);

fn churn(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    let alone = server.program.usage()?;
    let mut before = alone;
    for time in 0..WARM_UP + TIMES {
        if time == WARM_UP {
            before = settled(&server.program, &alone)?;
        }
        let mut peers = (0..AT_ONCE).map(|_| server.connect("someone")).collect::<Verdict<Vec<Peer>>>()?;
        peers.iter_mut().for_each(|peer| peer.set_quiet(true));
        come_and_go(&mut a, &mut b, peers)?;
    }
    scene.log.note(format!("{} clients came and went, half of them by a reset", (WARM_UP + TIMES) * AT_ONCE));
    let after = settled(&server.program, &alone)?;
    scene.log.note(format!("before: {before:?}\n         after:  {after:?}"));
    let (was, is) = (alone.threads, after.threads);
    ensure(is <= was + FEW, format!("{was} threads, or a few more"), is.to_string())?;
    let (was, is) = (alone.descriptors, after.descriptors);
    ensure(is <= was, format!("{was} descriptors, as before"), is.to_string())?;
    let grown = after.memory.saturating_sub(before.memory);
    // A garbage collector keeps a few MiB in hand; what each client left would still show.
    let allowed = if scene.target.is_chatroom { 1024 } else { 8 * 1024 };
    ensure(grown < allowed, format!("less than {allowed} KiB more of memory"), format!("{grown} KiB more"))
}

/// What is used once those who have left are forgotten.
fn settled(program: &crate::check::program::Program, alone: &Usage) -> Verdict<Usage> {
    program.usage_until(|usage| usage.threads <= alone.threads && usage.descriptors <= alone.descriptors)
}

/// All get a line; half of them leave in order, half of them leave it unread, which is a reset.
fn come_and_go(a: &mut Peer, b: &mut Peer, mut peers: Vec<Peer>) -> Verdict {
    a.set_quiet(true);
    b.set_quiet(true);
    let mut hello = || a.say("hello").and_then(|()| b.expect_from(a, "hello"));
    for peer in &peers {
        // Who wasn't in the room yet at the last hello gets another.
        (0..100)
            .find_map(|_| if peer.has_something(SHORT) { Some(Ok(())) } else { hello().err().map(Err) })
            .unwrap_or_else(|| {
                fail("each client gets the others' lines", "one gets nothing, however often it is said")
            })?;
    }
    for mut peer in peers.split_off(AT_ONCE / 2) {
        peer.finish()?;
        peer.read_to_end(Duration::from_secs(5));
    }
    drop(peers);
    Ok(())
}
