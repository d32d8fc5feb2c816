//! The end of input (D10), the end of the server (D11), and what is too long to send (D13).

use std::time::{Duration, Instant};

use crate::check::cases::shared::{END, client};
use crate::check::stage::speaker::Speaker;
use crate::check::stage::ws_peer::WsPeer;
use crate::check::telling::verdict::ensure;
use crate::check::{Case, Likely, Scene, Verdict};
use crate::text;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D10",
        title: text!(zh "",
                     en "at the end of input the client sends Close 1000, prints what still comes, and ends with exit code 0"),
        hint: text!(zh "",
                    en "the end of input ends the program: send Close 1000, and read on to the end"),
        run: answers,
    },
    Case {
        id: "D10-wait",
        title: text!(zh "",
                     en "after the end of input it waits for the server's good-bye for at most 3 s"),
        hint: text!(zh "",
                    en "the wait for last answers has no limit, or a shorter one"),
        run: wait,
    },
    Case {
        id: "D11",
        title: text!(zh "",
                     en "when the server leaves without a word: one sentence, exit code 1, although the keyboard is still open"),
        hint: text!(zh "",
                    en "the thread that reads the keyboard goes on waiting: the one that hears the end must end the program"),
        run: client::server_leaves::<WsPeer>,
    },
    client::reset::<WsPeer>(),
    Case {
        id: "D11-close",
        title: text!(zh "",
                     en "the same when the server says Close 1001, which is answered"),
        hint: text!(zh "",
                    en "a close frame is the end too: answer it, say it, and end the program"),
        run: server_closes,
    },
    client::too_long::<WsPeer>(),
    client::exact::<WsPeer>(),
];

/// How long a server may think about its last answer.
const THINKING: Duration = Duration::from_millis(300);

fn answers(scene: &Scene<'_>) -> Verdict {
    let (mut client, mut server) = WsPeer::call(scene, scene.launch())?;
    client.type_in("question\nlast words")?;
    client.end_input();
    ["question", "last words"].iter().try_for_each(|line| server.expect_typed(line))?;
    server.expect_close(1000).likely("the client doesn't say good-bye: Close 1000")?;
    let waits = client.wait(THINKING).is_none();
    ensure(waits, "the client waits for what still comes", client.printed())?;
    server.say("[1.2.3.4:5]: answer")?;
    client.expect_printed("[1.2.3.4:5]: answer\n")?;
    server.close(1000)?;
    drop(server);
    client.expect_exit(0, END)?;
    client.expect_no_warning()
}

fn wait(scene: &Scene<'_>) -> Verdict {
    let (mut client, mut server) = WsPeer::call(scene, scene.launch())?;
    client.end_input();
    server.expect_close(1000)?;
    let start = Instant::now();
    client.expect_exit(0, Duration::from_secs(5))?;
    let waited = start.elapsed();
    ensure(waited > Duration::from_secs(2), "it waits for 3 s", format!("{waited:?}"))
}

fn server_closes(scene: &Scene<'_>) -> Verdict {
    let (client, mut server) = WsPeer::call(scene, scene.launch())?;
    server.close(1001)?;
    server.expect_close(1001)?;
    client.expect_exit(1, END)?;
    client.expect_one_sentence("")
}
