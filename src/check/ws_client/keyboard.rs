//! The end of input (D10), the end of the server (D11), and what is too long to send (D13).

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
        title: "at the end of input the client sends Close 1000, prints what still comes, and ends with exit code 0",
        hint: "the end of input ends the program: send Close 1000, and read on to the end",
        run: answers,
    },
    Case {
        id: "D10-wait",
        title: "after the end of input it waits for the server's good-bye for at most 3 s",
        hint: "the wait for last answers has no limit, or a shorter one",
        run: wait,
    },
    Case {
        id: "D11",
        title: "when the server leaves without a word: one sentence, exit code 1, although the keyboard is still open",
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
        id: "D11-close",
        title: "the same when the server says Close 1001, which is answered",
        hint: "a close frame is the end too: answer it, say it, and end the program",
        run: server_closes,
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

/// How long after its reason an end may come.
const SOON: Duration = Duration::from_secs(2);

/// How long a server may think about its last answer.
const THINKING: Duration = Duration::from_millis(300);

fn answers(scene: &Scene<'_>) -> Verdict {
    let Call { mut client, mut server } = call(scene)?;
    client.type_in("question\nlast words")?;
    client.end_input();
    server.expect("question")?;
    server.expect("last words")?;
    server.expect_close(1000).likely("the client doesn't say good-bye: Close 1000")?;
    let waits = client.wait(THINKING).is_none();
    ensure(waits, "the client waits for what still comes", client.printed())?;
    server.say("[1.2.3.4:5]: answer")?;
    client.expect_printed("[1.2.3.4:5]: answer\n")?;
    server.close(1000)?;
    drop(server);
    client.expect_exit(0, SOON)?;
    ensure(client.stderr.bytes().is_empty(), "no warning: this end is in order", show(&client.stderr.bytes()))
}

fn wait(scene: &Scene<'_>) -> Verdict {
    let Call { mut client, mut server } = call(scene)?;
    client.end_input();
    server.expect_close(1000)?;
    let start = Instant::now();
    client.expect_exit(0, Duration::from_secs(5))?;
    let waited = start.elapsed();
    ensure(waited > Duration::from_secs(2), "it waits for 3 s", format!("{waited:?}"))
}

fn server_leaves(scene: &Scene<'_>) -> Verdict {
    let Call { client, mut server } = call(scene)?;
    server.say("[1.2.3.4:5]: bye")?;
    client.expect_printed("[1.2.3.4:5]: bye\n")?;
    scene.log.note("the server leaves");
    drop(server);
    client.expect_exit(1, SOON)?;
    client.expect_one_sentence("")
}

fn server_resets(scene: &Scene<'_>) -> Verdict {
    let Call { mut client, server } = call(scene)?;
    client.type_in("unread\n")?;
    ensure(server.has_something(scene.patience()), "the typed line is sent", "nothing comes")?;
    scene.log.note("the server leaves by a reset");
    drop(server);
    client.expect_exit(1, SOON)?;
    client.expect_one_sentence("")
}

fn server_closes(scene: &Scene<'_>) -> Verdict {
    let Call { client, mut server } = call(scene)?;
    server.close(1001)?;
    server.expect_close(1001)?;
    client.expect_exit(1, SOON)?;
    client.expect_one_sentence("")
}

/// The longest line, its line break not counted.
const MAX_LINE: usize = 64 * 1024;

fn too_long(scene: &Scene<'_>) -> Verdict {
    let Call { mut client, mut server } = call(scene)?;
    client.type_in("x".repeat(MAX_LINE + 4000) + "\nnext\n")?;
    server.expect("next")?;
    if !client.stderr.wait_for(scene.patience(), |all| contains(all, b"\n")) {
        return fail("one sentence on stderr", "nothing").likely("the line is left out, but silently");
    }
    let said = client.stderr.text();
    ensure(said.lines().count() == 1, "one sentence on stderr", show(said.as_bytes()))
}

fn exact(scene: &Scene<'_>) -> Verdict {
    let Call { mut client, mut server } = call(scene)?;
    let line = "y".repeat(MAX_LINE);
    client.type_in(format!("{line}\nnext\n"))?;
    server.expect(&line)?;
    server.expect("next")
}
