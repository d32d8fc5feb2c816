//! How a client starts, what it says when it can't, and how it is stopped.

use std::time::Duration;

use crate::check::log::show;
use crate::check::play;
use crate::check::program::Program;
use crate::check::speaker::Speaker;
use crate::check::system::need;
use crate::check::verdict::{ensure, not_checked};
use crate::check::{Case, Likely, Scene, Verdict};

use super::{Call, call, call_with};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "client-wss",
        title: "a URL with wss:// gets one sentence",
        hint: "there is no encryption here: say so, and don't try",
        run: encrypted,
    },
    Case {
        id: "client-refused",
        title: "when nobody listens: one sentence that names the address, exit code 1",
        hint: "the error of connect is not looked at, or told as a panic",
        run: nobody,
    },
    Case {
        id: "client-path",
        title: "when there is no room at that path: one sentence, exit code 1",
        hint: "the answer to the handshake is not looked at, or told as a panic",
        run: no_room,
    },
    Case {
        id: "client-no-websocket",
        title: "when the server speaks something else: one sentence, exit code 1",
        hint: "whatever the server answers is taken for a WebSocket, or the failure is told as a panic",
        run: no_websocket,
    },
    play::usage("client-usage"),
    Case {
        id: "client-zh",
        title: "in Chinese a client says what the notes' TCP client says",
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

fn encrypted(scene: &Scene<'_>) -> Verdict {
    let host = scene.host()?;
    let words = scene.launch().at(host.address).words();
    let changed: Vec<String> = words.iter().map(|word| word.replace("ws://", "wss://")).collect();
    if changed == words {
        return not_checked("the command holds no ws:// URL");
    }
    let client = Program::start("client", &changed, true, &scene.log, scene.patience())?;
    let code = client.wait(scene.patience()).and_then(|status| status.code());
    ensure(matches!(code, Some(1 | 2)), "the client ends with exit code 2 or 1", format!("{code:?}"))?;
    client.expect_one_sentence("")
}

/// It ends with exit code 1, and says why in one sentence.
fn gives_up(scene: &Scene<'_>, client: &mut Program, part: &str) -> Verdict {
    client.expect_exit(1, scene.patience())?;
    client.expect_one_sentence(part)
}

fn nobody(scene: &Scene<'_>) -> Verdict {
    let address = scene.host()?.address; // Which nobody listens on from here on.
    let mut client = scene.launch().at(address).program("client")?;
    gives_up(scene, &mut client, &address.to_string())
}

const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: close\r\n\r\nno.\n";

fn no_room(scene: &Scene<'_>) -> Verdict {
    let host = scene.host()?;
    let mut client = scene.launch().at(host.address).program("client")?;
    let (mut server, _) = host.ws_request()?;
    server.send_raw(NOT_FOUND)?;
    gives_up(scene, &mut client, "")
}

/// A page; a handshake with a wrong accept key; something else altogether.
const ANSWERS: &[&str] = &[
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
    "220 mail.example ESMTP\r\n\r\n",
];

fn no_websocket(scene: &Scene<'_>) -> Verdict {
    for answer in ANSWERS {
        let host = scene.host()?;
        let mut client = scene.launch().at(host.address).program("client")?;
        let (mut server, _) = host.ws_request()?;
        scene.log.note(format!("the server answers {}", show(answer.as_bytes())));
        server.send_raw(answer)?;
        gives_up(scene, &mut client, "")?;
    }
    Ok(())
}

fn chinese(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--lang zh")?;
    let Call { client, server } = call_with(scene, scene.launch().with(&["--lang", "zh"]))?;
    client.expect_printed("已连接到服务器\n")?;
    drop(server);
    let _ = client.stderr.wait_for_end(scene.patience());
    let said = client.stderr.text();
    ensure(said.starts_with("服务器断开: "), "服务器断开: …", show(said.as_bytes()))
}

fn interrupt(scene: &Scene<'_>) -> Verdict {
    need(&["kill"])?;
    for signal in ["INT", "TERM"] {
        let Call { mut client, mut server } = call(scene)?;
        client.type_in("hello\n")?;
        server.expect("hello").likely("typed lines are not sent")?;
        client.signal(signal)?;
        client.expect_exit(0, Duration::from_secs(2))?;
    }
    Ok(())
}
