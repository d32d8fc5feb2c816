//! What goes over the wire, and to whom: the notes' server does all of this.

use std::time::{Duration, Instant};

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
    let [mut a, mut b, mut c] = server.room(["A", "B", "C"])?;
    a.send("hello\n")?;
    b.expect_from(&a, "hello\n")?;
    c.expect_from(&a, "hello\n")?;
    c.send("好\n")?;
    a.expect_from(&c, "好\n")?;
    b.expect_from(&c, "好\n")
}

fn echo(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = server.room(["A", "B"])?;
    a.send("do I hear myself?\n")?;
    b.expect_from(&a, "do I hear myself?\n")?;
    b.send("marker\n")?;
    a.expect_from(&b, "marker\n")
}

fn bytes(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = server.room(["A", "B"])?;
    for line in [&b"\xff\xfe\xc3(\n"[..], b"\0\x01\x1b[2J\x7f\xc2\x9b\n", b"  blanks \t\r\n", b"\n"] {
        a.send(line)?;
        b.expect_from(&a, line)?;
    }
    Ok(())
}

fn console(scene: &Scene<'_>) -> Verdict {
    let mut server = scene.server()?;
    let [mut a, mut b] = server.room(["A", "B"])?;
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
    let [mut a, mut b] = server.room(["A", "B"])?;
    let all: String = (0..MANY).map(|i| format!("line {i}\n")).collect();
    a.send(all)?;
    b.hush();
    (0..MANY).try_for_each(|i| b.expect_from(&a, format!("line {i}\n")))
}

fn pieces(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b, mut c] = server.room(["A", "B", "C"])?;
    a.send("one li")?;
    // By then the server has read A's piece; and if it sent it on, C gets it somewhere among these.
    for _ in 0..5 {
        b.send("marker\n")?;
        c.expect_from(&b, "marker\n")?;
    }
    a.send("ne\n")?;
    c.expect_from(&a, "one line\n")?;
    a.send("two\nthree\n\nfour")?;
    a.send("\n")?;
    ["two\n", "three\n", "\n", "four\n"].iter().try_for_each(|line| c.expect_from(&a, line))
}

/// So many times two lines and an answer: were each second line to wait for the acknowledgement of the first, which
/// a system holds back for 40 ms from who has just answered, these would take 2.4 s.
const TIMES: usize = 60;

fn prompt(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = server.room(["A", "B"])?;
    scene.log.note(format!("{TIMES} times A says two lines, one after the other, and B answers"));
    a.hush();
    b.hush();
    let start = Instant::now();
    for _ in 0..TIMES {
        for line in ["one\n", "two\n"] {
            a.send(line)?;
            b.expect_from(&a, line)?;
        }
        b.send("and?\n")?;
        a.expect_from(&b, "and?\n")?;
    }
    let took = start.elapsed();
    ensure(
        took < Duration::from_millis(1500),
        "that takes less than a second and a half",
        format!("{took:?}"),
    )
}
