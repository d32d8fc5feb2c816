//! What goes over the wire, how a client starts, how it is stopped, and what it shows (D12).

use crate::check::cases::shared::{self, client, wire};
use crate::check::stage::speaker::Speaker;
use crate::check::stage::tcp_peer::Peer;
use crate::check::{Case, Scene, Verdict};
use crate::text;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "client-send",
        title: text!(zh "",
                     en "each typed line is sent at once, byte for byte, with its line break"),
        hint: text!(zh "",
                    en "typed lines are not sent, or not before the input ends, or turned into text and back"),
        run: client::send::<Peer>,
    },
    Case {
        id: "client-print",
        title: text!(zh "",
                     en "what the server sends is printed as it is"),
        hint: text!(zh "",
                    en "lines from the server are not printed, or only when a buffer is full, or turned into text and back"),
        run: client::print::<Peer>,
    },
    Case {
        id: "client-last-line",
        title: text!(zh "",
                     en "a last typed line without a line break is sent with one"),
        hint: text!(zh "",
                    en "at the end of input there may be a line without its line break"),
        run: last_line,
    },
    Case {
        id: "client-prompt",
        title: text!(zh "",
                     en "lines that follow each other closely are sent at once"),
        hint: text!(zh "",
                    en "each waits for the acknowledgement of the one before it, up to 40 ms: set TCP_NODELAY"),
        run: prompt,
    },
    client::refused::<Peer>(),
    shared::usage("client-usage"),
    Case {
        id: "client-zh",
        title: text!(zh "",
                     en "in Chinese a client says what the notes' client says"),
        hint: text!(zh "",
                    en "a message isn't in the notes' words"),
        run: client::chinese::<Peer>,
    },
    client::interrupt::<Peer>(),
    client::terminal::<Peer>(),
    client::typing::<Peer>(),
    Case {
        id: "D12-pipe",
        title: text!(zh "",
                     en "in a pipe, what peers send is printed as it is"),
        hint: text!(zh "",
                    en "control characters are spelled out although stdout is no terminal, or the bytes are turned into text"),
        run: client::pipe::<Peer>,
    },
];

fn last_line(scene: &Scene<'_>) -> Verdict {
    let (mut client, mut server) = Peer::call(scene, scene.launch())?;
    client.type_in("last words")?;
    client.end_input();
    server.expect_typed("last words")
}

fn prompt(scene: &Scene<'_>) -> Verdict {
    let (mut client, mut server) = Peer::call(scene, scene.launch())?;
    wire::prompt(|| {
        for line in ["one", "two"] {
            client.type_in(format!("{line}\n"))?;
            server.expect_typed(line)?;
        }
        server.say("[1.2.3.4:5]: and?")
    })
}
