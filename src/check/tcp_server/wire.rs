//! What goes over the wire, and to whom: the notes' server does all of this.

use std::time::{Duration, Instant};

use crate::check::peer::Peer;
use crate::check::speaker::{self, Speaker};
use crate::check::verdict::ensure;
use crate::check::{Case, Scene, Verdict};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "tcp-relay",
        title: "a client's line reaches every other client, as `[ip:port]: line`",
        hint: "the prefix is `[`, the sender's address as the server sees it, `]: `",
        run: relay,
    },
    Case {
        id: "tcp-echo",
        title: "a line isn't sent back to its sender",
        hint: "the broadcast goes to every client; leave out the one the line came from",
        run: echo,
    },
    Case {
        id: "tcp-bytes",
        title: "a line is relayed byte for byte, valid UTF-8 or not",
        hint: "the line is read into a text type: lines are bytes, read and write them as bytes",
        run: bytes,
    },
    Case {
        id: "tcp-console",
        title: "a line typed at the server's console reaches all clients, as `[Server]: line`",
        hint: "nothing reads the console, or what it reads isn't broadcast to all with `[Server]: ` before it",
        run: console,
    },
    Case {
        id: "tcp-order",
        title: "one client's lines arrive in the order they were sent, all of them",
        hint: "lines are handed to something that reorders or drops them: one thread reads a client and sends on",
        run: order,
    },
    Case {
        id: "tcp-pieces",
        title: "what is one line doesn't depend on how it is cut into writes",
        hint: "each read is taken for a line: read up to the line break, and keep what comes after it for the next",
        run: pieces,
    },
    Case {
        id: "tcp-prompt",
        title: "lines that follow each other closely arrive at once",
        hint: "each waits for the acknowledgement of the one before it, up to 40 ms: set TCP_NODELAY",
        run: prompt,
    },
];

fn relay(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b, mut c] = Peer::room(&server, ["A", "B", "C"])?;
    a.say("hello")?;
    b.expect_from(&a, "hello")?;
    c.expect_from(&a, "hello")?;
    c.say("好")?;
    a.expect_from(&c, "好")?;
    b.expect_from(&c, "好")
}

fn echo(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    a.say("do I hear myself?")?;
    b.expect_from(&a, "do I hear myself?")?;
    b.say("marker")?;
    a.expect_from(&b, "marker")
}

fn bytes(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    let lines = [&b"\xff\xfe\xc3("[..], b"\0\x01\x1b[2J\x7f\xc2\x9b", b"  blanks \t\r", b""];
    lines.iter().try_for_each(|line| speaker::relay(&mut a, &mut b, line))
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

/// Enough for several reads and for threads to overtake each other.
const MANY: usize = 3000;

fn order(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    let all: String = (0..MANY).map(|i| format!("line {i}\n")).collect();
    a.send(all)?;
    b.set_quiet(true);
    (0..MANY).try_for_each(|i| b.expect_from(&a, format!("line {i}")))
}

fn pieces(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b, mut c] = Peer::room(&server, ["A", "B", "C"])?;
    a.send("one li")?;
    // By then the server has read A's piece; and if it sent it on, C gets it somewhere among these.
    for _ in 0..5 {
        b.say("marker")?;
        c.expect_from(&b, "marker")?;
    }
    a.say("ne")?;
    c.expect_from(&a, "one line")?;
    a.send("two\nthree\n\nfour")?;
    a.say("")?;
    ["two", "three", "", "four"].iter().try_for_each(|line| c.expect_from(&a, line))
}

/// So many times two lines and an answer: were each second line to wait for the acknowledgement of the first, which
/// a system holds back for 40 ms from who has just answered, these would take 2.4 s.
const TIMES: usize = 60;

fn prompt(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    scene.log.note(format!("{TIMES} times A says two lines, one after the other, and B answers"));
    a.set_quiet(true);
    b.set_quiet(true);
    let start = Instant::now();
    for _ in 0..TIMES {
        speaker::relay(&mut a, &mut b, "one")?;
        speaker::relay(&mut a, &mut b, "two")?;
        speaker::relay(&mut b, &mut a, "and?")?;
    }
    let took = start.elapsed();
    ensure(
        took < Duration::from_millis(1500),
        "that takes less than a second and a half",
        format!("{took:?}"),
    )
}
