//! What goes over the wire, how a client starts, and how it is stopped.

use std::time::{Duration, Instant};

use crate::check::log::show;
use crate::check::speaker::Speaker;
use crate::check::system::need;
use crate::check::verdict::ensure;
use crate::check::{Case, Scene, Verdict};

use super::{Call, call, call_with};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "client-send",
        title: "each typed line is sent at once, byte for byte, with its line break",
        hint: "typed lines are not sent, or not before the input ends, or turned into text and back",
        run: send,
    },
    Case {
        id: "client-print",
        title: "what the server sends is printed as it is",
        hint: "lines from the server are not printed, or only when a buffer is full, or turned into text and back",
        run: print,
    },
    Case {
        id: "client-last-line",
        title: "a last typed line without a line break is sent with one",
        hint: "at the end of input there may be a line without its line break",
        run: last_line,
    },
    Case {
        id: "client-prompt",
        title: "lines that follow each other closely are sent at once",
        hint: "each waits for the acknowledgement of the one before it, up to 40 ms: set TCP_NODELAY",
        run: prompt,
    },
    Case {
        id: "client-refused",
        title: "when nobody listens: one sentence that names the address, exit code 1",
        hint: "the error of connect is not looked at, or told as a panic",
        run: refused,
    },
    Case {
        id: "client-usage",
        title: "an option that isn't known is a usage error: one sentence, exit code 2",
        hint: "unknown options are ignored",
        run: usage,
    },
    Case {
        id: "client-zh",
        title: "in Chinese a client says what the notes' client says",
        hint: "a message isn't in the notes' words",
        run: chinese,
    },
    Case {
        id: "client-interrupt",
        title: "Ctrl-C and SIGTERM end a client in order, with exit code 0",
        hint: "the signal isn't handled, so it kills",
        run: interrupt,
    },
];

fn send(scene: &Scene<'_>) -> Verdict {
    let Call { mut client, mut server, .. } = call(scene)?;
    for line in [&b"hello\n"[..], "你好\n".as_bytes(), b"\n", b"  a\tb \n", b"\xff\xfe!\n"] {
        client.type_in(line)?;
        server.expect(line)?;
    }
    Ok(())
}

fn print(scene: &Scene<'_>) -> Verdict {
    let Call { client, mut server, .. } = call(scene)?;
    for line in [&b"[1.2.3.4:5]: hello\n"[..], "[Server]: 你好\n".as_bytes(), b"[1.2.3.4:5]: \xff\xfe \x01\n"]
    {
        server.send(line)?;
        client.expect_printed(line)?;
    }
    Ok(())
}

fn last_line(scene: &Scene<'_>) -> Verdict {
    let Call { mut client, mut server, .. } = call(scene)?;
    client.type_in("last words")?;
    client.end_input();
    server.expect("last words\n")
}

/// So many times two lines and an answer: were each second line to wait for the acknowledgement of the first, which
/// a system holds back for 40 ms from who has just answered, these would take 2.4 s.
const TIMES: usize = 60;

fn prompt(scene: &Scene<'_>) -> Verdict {
    let Call { mut client, mut server, .. } = call(scene)?;
    let start = Instant::now();
    for _ in 0..TIMES {
        for line in ["one\n", "two\n"] {
            client.type_in(line)?;
            server.expect(line)?;
        }
        server.send("[1.2.3.4:5]: and?\n")?;
    }
    let took = start.elapsed();
    ensure(
        took < Duration::from_millis(1500),
        "that takes less than a second and a half",
        format!("{took:?}"),
    )
}

fn refused(scene: &Scene<'_>) -> Verdict {
    let address = scene.host()?.address; // Which nobody listens on from here on.
    let client = scene.launch().at(address).program("client")?;
    client.expect_exit(1, scene.patience())?;
    client.expect_one_sentence(&address.to_string())
}

fn usage(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("exit code 2")?;
    let host = scene.host()?;
    let client = scene.launch().at(host.address).with(&["--nonsense"]).program("client")?;
    client.expect_exit(2, scene.patience())?;
    client.expect_one_sentence("--nonsense")
}

fn chinese(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--lang zh")?;
    let Call { client, server, .. } = call_with(scene, scene.launch().with(&["--lang", "zh"]))?;
    client.expect_printed("已连接到服务器\n")?;
    server.leave();
    let _ = client.stderr.wait_for_end(scene.patience());
    let said = client.stderr.text();
    ensure(
        said.starts_with("服务器断开: ") || said.contains(" 服务器断开: "),
        "服务器断开: …",
        show(said.as_bytes()),
    )
}

fn interrupt(scene: &Scene<'_>) -> Verdict {
    need(&["kill"])?;
    for signal in ["INT", "TERM"] {
        let Call { mut client, mut server, .. } = call(scene)?;
        client.type_in("hello\n")?;
        server.expect("hello\n")?;
        client.signal(signal)?;
        client.expect_exit(0, Duration::from_secs(2))?;
        server.expect_end(scene.patience())?;
    }
    Ok(())
}
