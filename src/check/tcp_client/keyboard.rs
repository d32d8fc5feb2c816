//! The end of input (D10), the end of the server (D11), and what is too long to send (D13).

use std::thread;
use std::time::{Duration, Instant};

use crate::check::log::show;
use crate::check::output::contains;
use crate::check::speaker::{Connected, Speaker};
use crate::check::verdict::{ensure, fail};
use crate::check::{Case, Likely, Scene, Verdict};

use super::{Call, call};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D10",
        title: "at the end of input the client half-closes, prints what still comes, and ends with exit code 0",
        hint: "the end of input ends the program: shut down only the sending side, and read on to the end",
        run: answers,
    },
    Case {
        id: "D10-wait",
        title: "after the end of input it waits for answers for at most 5 s without a byte",
        hint: "the wait for last answers has no limit, or a shorter one, or isn't begun anew by each byte",
        run: wait,
    },
    Case {
        id: "D11",
        title: "when the server leaves: one sentence, exit code 1, although the keyboard is still open",
        hint: "the thread that reads the keyboard goes on waiting: the one that hears the end must end the program",
        run: server_leaves,
    },
    Case {
        id: "D11-reset",
        title: "the same when the connection is reset",
        hint: "an error while reading is not taken for the end of the connection",
        run: server_resets,
    },
    Case {
        id: "D13",
        title: "a typed line over 64 KiB is refused with one sentence, and the next line is sent",
        hint: "a line that is too long ends the reading of the keyboard, or is sent: leave out that line alone",
        run: too_long,
    },
    Case {
        id: "D13-exact",
        title: "a typed line of just 65,536 bytes is sent whole",
        hint: "the limit counts the line without its line break, and is reached, not exceeded",
        run: exact,
    },
];

fn answers(scene: &Scene<'_>) -> Verdict {
    let Call { mut client, mut server, host } = call(scene)?;
    client.type_in("question\n")?;
    client.end_input();
    server.expect("question\n")?;
    server
        .expect_end(scene.patience())
        .likely("the client doesn't say that it won't send any more: half-close")?;
    server.send("[1.2.3.4:5]: answer 1\n[1.2.3.4:5]: answer 2\n")?;
    client.expect_printed("[1.2.3.4:5]: answer 2\n")?;
    client.expect_running()?;
    server.leave();
    drop(host);
    client.expect_exit(0, Duration::from_secs(2))?;
    ensure(client.stderr.bytes().is_empty(), "no warning: this end is in order", show(&client.stderr.bytes()))
}

/// Between two bytes: less than the limit, but two of them are more.
const PAUSE: Duration = Duration::from_secs(3);

fn wait(scene: &Scene<'_>) -> Verdict {
    let Call { mut client, mut server, .. } = call(scene)?;
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

fn server_leaves(scene: &Scene<'_>) -> Verdict {
    let Call { client, mut server, .. } = call(scene)?;
    server.send("[Server]: bye\n")?;
    client.expect_printed("[Server]: bye\n")?;
    server.leave();
    client.expect_exit(1, Duration::from_secs(2))?;
    client.expect_one_sentence("")
}

fn server_resets(scene: &Scene<'_>) -> Verdict {
    let Call { mut client, server, .. } = call(scene)?;
    client.type_in("unread\n")?;
    ensure(server.has_something(scene.patience()), "the typed line is sent", "nothing comes")?;
    scene.log.note("the server leaves by a reset");
    drop(server);
    client.expect_exit(1, Duration::from_secs(2))?;
    client.expect_one_sentence("")
}

/// The longest line, its line break not counted.
const MAX_LINE: usize = 64 * 1024;

fn too_long(scene: &Scene<'_>) -> Verdict {
    let Call { mut client, mut server, .. } = call(scene)?;
    client.type_in([&vec![b'x'; MAX_LINE + 4000][..], b"\nnext\n"].concat())?;
    server.expect("next\n")?;
    if !client.stderr.wait_for(scene.patience(), |all| contains(all, b"\n")) {
        return fail("one sentence on stderr", "nothing").likely("the line is left out, but silently");
    }
    let said = client.stderr.text();
    ensure(said.lines().count() == 1, "one sentence on stderr", show(said.as_bytes()))
}

fn exact(scene: &Scene<'_>) -> Verdict {
    let Call { mut client, mut server, .. } = call(scene)?;
    let line = [&vec![b'y'; MAX_LINE][..], b"\n"].concat();
    client.type_in(&line)?;
    server.expect(&line)?;
    client.type_in("next\n")?;
    server.expect("next\n")
}
