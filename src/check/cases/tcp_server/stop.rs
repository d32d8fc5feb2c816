//! D6: stopping in order.

use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::check::cases::shared::{self, END, flood};
use crate::check::stage::speaker::Speaker;
use crate::check::stage::system::need;
use crate::check::stage::tcp_peer::Peer;
use crate::check::telling::verdict::ensure;
use crate::check::{Case, Likely, Scene, Verdict};
use crate::text;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D6",
        title: text!(zh "",
                     en "Ctrl-C: a good-bye, the end in order for every client, exit code 0, and the port is free at once"),
        hint: text!(zh "",
                    en "SIGINT isn't handled, or the handler can't wake `accept`: wake it by connecting to the listener"),
        run: shared::interrupt::<Peer>,
    },
    Case {
        id: "D6-term",
        title: text!(zh "",
                     en "SIGTERM does the same"),
        hint: text!(zh "",
                    en "SIGTERM isn't handled as SIGINT is"),
        run: shared::terminate::<Peer>,
    },
    Case {
        id: "D6-stalled",
        title: text!(zh "",
                     en "a client that doesn't read can't keep the server from ending within two seconds"),
        hint: text!(zh "",
                    en "something under the lock waits for the client while the end is asked for: give the end a deadline"),
        run: stalled,
    },
    Case {
        id: "D6-pair",
        title: text!(zh "",
                     en "two signals within a few milliseconds, as `timeout` sends them, are one: the end is in order, exit code 0"),
        hint: text!(zh "",
                    en "the second signal ends the process at once, though nobody has seen the first: give the end a moment"),
        run: pair,
    },
    Case {
        id: "D6-twice",
        title: text!(zh "",
                     en "a second Ctrl-C ends the process at once"),
        hint: text!(zh "",
                    en "the good-bye is said in the signal handler, so a second signal waits for it: do it on another thread"),
        run: twice,
    },
];

fn stalled(scene: &Scene<'_>) -> Verdict {
    need(&["kill"])?;
    flood::while_stalled::<Peer>(scene, |server, b| {
        server.program.signal("INT")?;
        server.program.expect_exit(0, END)?;
        b.expect_farewell().likely("the program ends with its clients' sockets still open")
    })
}

/// `timeout` signals a process and then its group; on a busy machine the two are not seen at the same moment.
fn pair(scene: &Scene<'_>) -> Verdict {
    need(&["sh", "kill"])?;
    let server = scene.server()?;
    let [mut a, _b] = Peer::room(&server, ["A", "B"])?;
    let pid = server.program.pid();
    scene.log.note("kill -TERM, twice, a few milliseconds apart");
    let twice = format!("kill -TERM {pid}; sleep 0.005; kill -TERM {pid} 2>/dev/null; true");
    let sent = Command::new("sh").args(["-c", &twice]).status().is_ok_and(|status| status.success());
    ensure(sent, "`sh` sends two signals", "it doesn't run")?;
    server.program.expect_exit(0, END)?;
    a.expect_farewell()
}

fn twice(scene: &Scene<'_>) -> Verdict {
    need(&["kill"])?;
    flood::while_stalled::<Peer>(scene, |server, _| {
        let before = server.program.stdout.bytes().len();
        server.program.signal("INT")?;
        // Two signals at the same moment are one: wait until the first shows, if it does, and until
        // a busy system has surely delivered it.
        server.program.stdout.wait_for(flood::SILENCE, |all| all.len() > before);
        thread::sleep(Duration::from_millis(100));
        server.program.signal("INT")?;
        let ended = server.program.wait(Duration::from_millis(500)).is_some();
        ensure(ended, "the server ends at once", "it still runs half a second later")
    })
}
