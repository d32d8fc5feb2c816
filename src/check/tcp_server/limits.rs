//! What there is only so much of: descriptors (D5), places (D8), threads (D9). And the console's input (D1).

use std::process::Command;
use std::time::{Duration, Instant};

use crate::check::peer::Peer;
use crate::check::scene::Server;
use crate::check::speaker::{Heard, Speaker, relay};
use crate::check::system::need;
use crate::check::verdict::{ensure, not_checked};
use crate::check::{Case, Likely, Scene, Verdict};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D1",
        title: "when the console's input ends, the room goes on, and the processor rests",
        hint: "reading the console fails again and again in a loop: leave the loop at the end of input",
        run: no_console,
    },
    Case {
        id: "D5",
        title: "out of descriptors the room goes on and rests, says so once, and lets people in when there is room again",
        hint: "accept fails at once, again and again: pause before the next try, and say it once, naming `ulimit -n`",
        run: descriptors,
    },
    Case {
        id: "D5-stop",
        title: "out of descriptors, Ctrl-C still ends the server in order",
        hint: "waking `accept` takes a connection, and that a descriptor: keep a spare one, and look at the flag after \
               each pause",
        run: stop_without_descriptors,
    },
    Case {
        id: "D8",
        title: "one client too many gets a line that says so, and its place when there is one",
        hint: "clients are counted from accept to the end of their thread; one too many gets a line and is closed",
        run: places,
    },
    Case {
        id: "D9",
        title: "when no further thread is to be had, newcomers are turned away and the room goes on",
        hint: "starting a thread can fail, and `thread::spawn` panics then: use `thread::Builder`, drop the newcomer",
        run: threads,
    },
];

/// How long the load is measured, and how much of a processor is still rest: on a busy machine even
/// a program that spins gets no more than its share.
const A_WHILE: Duration = Duration::from_millis(700);
const REST: f64 = 0.08;

/// How long an answer is waited for before the question is asked again.
const SHORT: Duration = Duration::from_millis(50);

fn expect_rest(server: &Server) -> Verdict {
    let load = server.program.load_over(A_WHILE)?;
    ensure(load < REST, "the server rests", format!("it uses {:.0} % of a processor", load * 100.0))
}

fn no_console(scene: &Scene<'_>) -> Verdict {
    let server = scene.launch().without_keyboard().server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    expect_rest(&server)?;
    relay(&mut a, &mut b, "the room goes on")?;
    server.program.expect_running()
}

/// More than 30 descriptors can hold.
const CROWD: usize = 40;

fn descriptors(scene: &Scene<'_>) -> Verdict {
    need(&["sh"])?;
    let server = scene.launch().after_shell("ulimit -n 30").server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    let crowd = (0..CROWD).map(|_| server.connect("someone")).collect::<Verdict<Vec<Peer>>>()?;
    scene.log.note(format!("{CROWD} more clients connect"));
    let said = |all: &[u8]| String::from_utf8_lossy(all).contains("ulimit -n");
    let in_time = server.program.stderr.wait_for(scene.patience(), said);
    expect_rest(&server)?;
    ensure(in_time, "a warning on stderr that names `ulimit -n`", server.program.printed())?;
    relay(&mut a, &mut b, "full, but alive")?;
    drop(crowd);
    scene.log.note("they leave");
    Peer::late(&server, "late", &mut a)?;
    let warnings = server.program.stderr.text().matches("ulimit -n").count();
    ensure(warnings == 1, "one warning that names `ulimit -n`", format!("{warnings} of them"))
}

fn stop_without_descriptors(scene: &Scene<'_>) -> Verdict {
    need(&["sh", "kill"])?;
    let server = scene.launch().after_shell("ulimit -n 30").server()?;
    let [mut a, _b] = Peer::room(&server, ["A", "B"])?;
    let _crowd = (0..CROWD).map(|_| server.connect("someone")).collect::<Verdict<Vec<Peer>>>()?;
    scene.log.note(format!("{CROWD} more clients connect"));
    // It has come to the limit when it warns; one that doesn't warn has had some time.
    server.program.stderr.wait_for(SHORT * 10, |all| !all.is_empty());
    server.program.signal("INT")?;
    server.program.expect_exit(0, Duration::from_secs(2))?;
    a.expect_end(scene.patience())
}

fn places(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--max-clients")?;
    let server = scene.launch().with(&["--max-clients", "2"]).server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    let mut c = Peer::join(&server, "C")?;
    let word = c.expect_words("a line that says that the room is full")?;
    ensure(word.len() > 1, "C is told why", "an empty line")?;
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
    let mut crowd = (0..CROWD).map(|_| server.connect("someone")).collect::<Verdict<Vec<Peer>>>()?;
    scene.log.note(format!("{CROWD} more clients connect; nobody may be left between door and room"));
    crowd.iter_mut().for_each(|peer| peer.set_quiet(true));
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
