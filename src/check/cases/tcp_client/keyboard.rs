//! The end of input (D10), the end of the server (D11), and what is too long to send (D13).

use std::thread;
use std::time::{Duration, Instant};

use crate::check::cases::shared::{END, client};
use crate::check::stage::speaker::Speaker;
use crate::check::stage::tcp_peer::Peer;
use crate::check::telling::verdict::ensure;
use crate::check::{Case, Likely, Scene, Verdict};
use crate::text;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D10",
        title: text!(zh "",
                     en "at the end of input the client half-closes, prints what still comes, and ends with exit code 0"),
        hint: text!(zh "",
                    en "the end of input ends the program: shut down only the sending side, and read on to the end"),
        run: answers,
    },
    Case {
        id: "D10-wait",
        title: text!(zh "",
                     en "after the end of input it waits for answers for at most 5 s without a byte"),
        hint: text!(zh "",
                    en "the wait for last answers has no limit, or a shorter one, or isn't begun anew by each byte"),
        run: wait,
    },
    Case {
        id: "D11",
        title: text!(zh "",
                     en "when the server leaves: one sentence, exit code 1, although the keyboard is still open"),
        hint: text!(zh "",
                    en "the thread that reads the keyboard goes on waiting: the one that hears the end must end the program"),
        run: client::server_leaves::<Peer>,
    },
    client::reset::<Peer>(),
    client::too_long::<Peer>(),
    client::exact::<Peer>(),
];

fn answers(scene: &Scene<'_>) -> Verdict {
    let (mut client, mut server) = Peer::call(scene, scene.launch())?;
    client.type_in("question\n")?;
    client.end_input();
    server.expect_typed("question")?;
    server
        .expect_end(scene.patience())
        .likely("the client doesn't say that it won't send any more: half-close")?;
    server.send("[1.2.3.4:5]: answer 1\n[1.2.3.4:5]: answer 2\n")?;
    client.expect_printed("[1.2.3.4:5]: answer 2\n")?;
    client.expect_running()?;
    server.leave();
    client.expect_exit(0, END)?;
    client.expect_no_warning()
}

/// Between two bytes: less than the limit, but two of them are more.
const PAUSE: Duration = Duration::from_secs(3);

fn wait(scene: &Scene<'_>) -> Verdict {
    let (mut client, mut server) = Peer::call(scene, scene.launch())?;
    client.end_input();
    server.expect_end(scene.patience())?;
    for piece in ["[1.2.3.4:5]: slow ", "answer\n"] {
        thread::sleep(PAUSE); // A slow server is what this is about.
        server.send(piece)?;
    }
    client.expect_printed("[1.2.3.4:5]: slow answer\n")?;
    let start = Instant::now();
    client.expect_exit(0, Duration::from_secs(7))?;
    let waited = start.elapsed();
    ensure(waited > Duration::from_secs(4), "it waits for another 5 s", format!("{waited:?}"))
}
