//! What there is only so much of: descriptors (D5), places (D8), threads (D9). And the console's input (D1).

use std::process::Command;
use std::time::{Duration, Instant};

use crate::check::cases::shared::{END, crowd, expect_reason};
use crate::check::stage::speaker::{Heard, Speaker, relay};
use crate::check::stage::system::need;
use crate::check::stage::tcp_peer::Peer;
use crate::check::telling::verdict::{ensure, not_checked};
use crate::check::{Case, Likely, Scene, Verdict};
use crate::text;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D1",
        title: text!(zh "",
                     en "when the console's input ends, the room goes on, and the processor rests"),
        hint: text!(zh "",
                    en "reading the console fails again and again in a loop: leave the loop at the end of input"),
        run: no_console,
    },
    crowd::descriptors::<Peer>(),
    Case {
        id: "D5-stop",
        title: text!(zh "",
                     en "out of descriptors, Ctrl-C still ends the server in order"),
        hint: text!(zh "",
                    en "waking `accept` takes a connection, and that a descriptor: keep a spare one, and look at the flag after \
               each pause"),
        run: stop_without_descriptors,
    },
    Case {
        id: "D8",
        title: text!(zh "",
                     en "one client too many gets a line that says so, and its place when there is one"),
        hint: text!(zh "",
                    en "clients are counted from accept to the end of their thread; one too many gets a line and is closed"),
        run: places,
    },
    Case {
        id: "D9",
        title: text!(zh "",
                     en "when no further thread is to be had, newcomers are turned away and the room goes on"),
        hint: text!(zh "",
                    en "starting a thread can fail, and `thread::spawn` panics then: use `thread::Builder`, drop the newcomer"),
        run: threads,
    },
];

/// How long an answer is waited for before the question is asked again.
const SHORT: Duration = Duration::from_millis(50);

fn no_console(scene: &Scene<'_>) -> Verdict {
    let server = scene.launch().without_keyboard().server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    crowd::expect_rest(&server)?;
    relay(&mut a, &mut b, "the room goes on")?;
    server.program.expect_running()
}

fn stop_without_descriptors(scene: &Scene<'_>) -> Verdict {
    need(&["sh", "kill"])?;
    let server = scene.launch().after_shell("ulimit -n 30").server()?;
    let [mut a, _b] = Peer::room(&server, ["A", "B"])?;
    let _crowd = crowd::too_many(&server)?;
    // It has come to the limit when it warns; one that doesn't warn has had some time.
    server.program.stderr.wait_for(SHORT * 10, |all| !all.is_empty());
    server.program.signal("INT")?;
    server.program.expect_exit(0, END)?;
    a.expect_end(scene.patience())
}

fn places(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--max-clients")?;
    let server = scene.launch().with(&["--max-clients", "2"]).server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    let mut c = Peer::join(&server, "C")?;
    expect_reason(&mut c, "a line that says that the room is full")?;
    c.expect_end(scene.patience())?;
    relay(&mut a, &mut b, "C isn't here")?;
    b.leave();
    Peer::late(&server, "D", &mut a).map(|_| ())
}

/// The threads that the program may have: a few for itself, a few for clients.
const THREADS: &str = "14:14";

fn threads(scene: &Scene<'_>) -> Verdict {
    need(&["setpriv", "prlimit", "id"])?;
    let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    if !root {
        return not_checked("only root can change to a user of its own, and threads are counted by user");
    }
    // A user that nobody is, so that nobody else's threads count.
    let user = (100_000 + std::process::id()).to_string();
    let limited = [
        "setpriv",
        "--reuid",
        &user,
        "--regid",
        &user,
        "--clear-groups",
        "prlimit",
        &format!("--nproc={THREADS}"),
    ];
    let server = scene.launch().under(&limited).server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    let mut crowd = crowd::too_many(&server)?;
    scene.log.note("nobody of them may be left between door and room");
    relay(&mut a, &mut b, "full, but alive")?;
    crowd.iter_mut().try_for_each(|someone| answered(someone, &mut a, &mut b, scene.patience()))?;
    drop(crowd);
    scene.log.note("they leave");
    let mut late = Peer::late(&server, "late", &mut a)?;
    relay(&mut late, &mut a, "room again").likely("a thread that has ended is still counted")
}

/// A newcomer must hear the room (if it isn't in it yet, at the next line), or the end of its connection.
fn answered(newcomer: &mut Peer, a: &mut Peer, b: &mut Peer, patience: Duration) -> Verdict {
    let deadline = Instant::now() + patience;
    while newcomer.next(SHORT) == Heard::Nothing {
        relay(a, b, "are you in?")?;
        let in_time = Instant::now() < deadline;
        ensure(in_time, "each newcomer hears the room, or is turned away", "one hears nothing")?;
    }
    Ok(())
}
