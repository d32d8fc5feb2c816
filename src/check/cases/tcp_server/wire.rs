//! What goes over the wire, and to whom: the notes' server does all of this.

use crate::check::cases::shared::wire;
use crate::check::stage::speaker::{Speaker, relay};
use crate::check::stage::tcp_peer::Peer;
use crate::check::{Case, Scene, Verdict};
use crate::text;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "tcp-relay",
        title: text!(zh "",
                     en "a client's line reaches every other client, as `[ip:port]: line`"),
        hint: text!(zh "",
                    en "the prefix is `[`, the sender's address as the server sees it, `]: `"),
        run: wire::relays::<Peer>,
    },
    Case {
        id: "tcp-echo",
        title: text!(zh "",
                     en "a line isn't sent back to its sender"),
        hint: text!(zh "",
                    en "the broadcast goes to every client; leave out the one the line came from"),
        run: wire::echo::<Peer>,
    },
    Case {
        id: "tcp-bytes",
        title: text!(zh "",
                     en "a line is relayed byte for byte, valid UTF-8 or not"),
        hint: text!(zh "",
                    en "the line is read into a text type: lines are bytes, read and write them as bytes"),
        run: bytes,
    },
    Case {
        id: "tcp-console",
        title: text!(zh "",
                     en "a line typed at the server's console reaches all clients, as `[Server]: line`"),
        hint: text!(zh "",
                    en "nothing reads the console, or what it reads isn't broadcast to all with `[Server]: ` before it"),
        run: console,
    },
    Case {
        id: "tcp-order",
        title: text!(zh "",
                     en "one client's lines arrive in the order they were sent, all of them"),
        hint: text!(zh "",
                    en "lines are handed to something that reorders or drops them: one thread reads a client and sends on"),
        run: wire::order::<Peer>,
    },
    Case {
        id: "tcp-pieces",
        title: text!(zh "",
                     en "what is one line doesn't depend on how it is cut into writes"),
        hint: text!(zh "",
                    en "each read is taken for a line: read up to the line break, and keep what comes after it for the next"),
        run: pieces,
    },
    Case {
        id: "tcp-prompt",
        title: text!(zh "",
                     en "lines that follow each other closely arrive at once"),
        hint: text!(zh "",
                    en "each waits for the acknowledgement of the one before it, up to 40 ms: set TCP_NODELAY"),
        run: prompt,
    },
];

fn bytes(scene: &Scene<'_>) -> Verdict {
    wire::bytes::<Peer>(scene, "  blanks \t\r")
}

fn console(scene: &Scene<'_>) -> Verdict {
    let mut server = scene.server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    for line in ["news for all\n", "再见\n"] {
        server.program.type_in(line)?;
        a.expect(format!("[Server]: {line}"))?;
        b.expect(format!("[Server]: {line}"))?;
    }
    Ok(())
}

fn pieces(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b, mut c] = Peer::room(&server, ["A", "B", "C"])?;
    a.send("one li")?;
    // By then the server has read A's piece; and if it sent it on, C gets it somewhere among these.
    for _ in 0..5 {
        relay(&mut b, &mut c, "marker")?;
    }
    a.say("ne")?;
    c.expect_from(&a, "one line")?;
    a.send("two\nthree\n\nfour")?;
    a.say("")?;
    ["two", "three", "", "four"].iter().try_for_each(|line| c.expect_from(&a, line))
}

fn prompt(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    scene.log.note("again and again A says two lines, one after the other, and B answers");
    [&a, &b].into_iter().for_each(|peer| peer.set_quiet(true));
    wire::prompt(|| {
        relay(&mut a, &mut b, "one")?;
        relay(&mut a, &mut b, "two")?;
        relay(&mut b, &mut a, "and?")
    })
}
