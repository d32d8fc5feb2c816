//! D6: stopping in order.

use std::thread;
use std::time::Duration;

use crate::check::peer::Peer;
use crate::check::scene::Server;
use crate::check::speaker::{Heard, Speaker};
use crate::check::system::need;
use crate::check::verdict::ensure;
use crate::check::{Case, Likely, Scene, Verdict};

use super::stall::send_lines;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D6",
        title: "Ctrl-C: a good-bye, the end in order for every client, exit code 0, and the port is free at once",
        hint: "SIGINT isn't handled, or the handler can't wake `accept`: wake it by connecting to the listener",
        run: interrupt,
    },
    Case {
        id: "D6-term",
        title: "SIGTERM does the same",
        hint: "SIGTERM isn't handled as SIGINT is",
        run: terminate,
    },
    Case {
        id: "D6-stalled",
        title: "a client that doesn't read can't keep the server from ending within two seconds",
        hint: "something under the lock waits for the client while the end is asked for: give the end a deadline",
        run: stalled,
    },
    Case {
        id: "D6-twice",
        title: "a second Ctrl-C ends the process at once",
        hint: "the good-bye is said in the signal handler, so a second signal waits for it: do it on another thread",
        run: twice,
    },
];

/// Whatever peers do.
const WITHIN: Duration = Duration::from_secs(2);

fn interrupt(scene: &Scene<'_>) -> Verdict {
    ends_in_order(scene, "INT")
}

fn terminate(scene: &Scene<'_>) -> Verdict {
    ends_in_order(scene, "TERM")
}

fn ends_in_order(scene: &Scene<'_>, signal: &str) -> Verdict {
    need(&["kill"])?;
    let server = scene.server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    a.say("hello")?;
    b.expect_from(&a, "hello")?;
    server.program.expect_printed(a.relayed("hello")).likely("the server prints nothing of what is said")?;
    let before = server.program.stdout.bytes().len();
    server.program.signal(signal)?;
    server.program.expect_exit(0, WITHIN)?;
    a.expect_end(scene.patience()).likely("the program ends with its clients' sockets still open")?;
    b.expect_end(scene.patience())?;
    let _ = server.program.stdout.wait_for_end(scene.patience());
    let said = server.program.stdout.bytes().len() > before;
    ensure(said, "a good-bye on the console", "nothing more").likely("the end is in order, but silent")?;
    let again = scene.launch().at(server.address).server().likely("the port isn't free: set SO_REUSEADDR")?;
    Peer::room(&again, ["C", "D"]).map(|_| ())
}

/// More than the buffers of two sockets hold.
const FLOOD: usize = 12_000;

/// Without a line for so long, the room waits for the client that doesn't read.
const SILENCE: Duration = Duration::from_millis(200);

/// Plays until the room waits for S, then `end`. A floods, B reads, S doesn't.
fn while_stalled(scene: &Scene<'_>, end: impl FnOnce(&mut Server, &mut Peer) -> Verdict) -> Verdict {
    let mut server = scene.server()?;
    let [mut a, mut b, s] = Peer::room(&server, ["A", "B", "S"])?;
    scene.log.note("A floods the room, B reads, S reads nothing");
    b.set_quiet(true);
    thread::scope(|scope| {
        scope.spawn(|| send_lines(&mut a, 0..FLOOD, 1024));
        while let Heard::Words(_) = b.next(SILENCE) {}
        let ended = end(&mut server, &mut b);
        drop(server); // Or A would go on.
        ended
    })?;
    drop(s);
    Ok(())
}

fn stalled(scene: &Scene<'_>) -> Verdict {
    need(&["kill"])?;
    while_stalled(scene, |server, b| {
        server.program.signal("INT")?;
        server.program.expect_exit(0, WITHIN)?;
        b.expect_end(scene.patience()).likely("the program ends with its clients' sockets still open")
    })
}

fn twice(scene: &Scene<'_>) -> Verdict {
    need(&["kill"])?;
    while_stalled(scene, |server, _| {
        let before = server.program.stdout.bytes().len();
        server.program.signal("INT")?;
        // Two signals at the same moment are one: wait until the first shows, if it does.
        server.program.stdout.wait_for(SILENCE, |all| all.len() > before);
        server.program.signal("INT")?;
        let ended = server.program.wait(Duration::from_millis(500)).is_some();
        ensure(ended, "the server ends at once", "it still runs half a second later")
    })
}
