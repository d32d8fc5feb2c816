//! How a client starts, what it says when it can't, and how it is stopped.

use crate::check::log::show;
use crate::check::play::{self, client};
use crate::check::program::Program;
use crate::check::verdict::{ensure, not_checked};
use crate::check::ws_peer::WsPeer;
use crate::check::{Case, Scene, Verdict};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "client-wss",
        title: "a URL with wss:// gets one sentence",
        hint: "there is no encryption here: say so, and don't try",
        run: encrypted,
    },
    client::refused::<WsPeer>(),
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
        run: client::chinese::<WsPeer>,
    },
    client::interrupt::<WsPeer>(),
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

/// A server answers this to whatever the client asks: it must end with exit code 1, and say why in one sentence.
fn gives_up(scene: &Scene<'_>, answer: &str) -> Verdict {
    let host = scene.host()?;
    let client = scene.launch().at(host.address).program("client")?;
    let (mut server, _) = host.ws_request()?;
    scene.log.note(format!("the server answers {}", show(answer.as_bytes())));
    server.send_raw(answer)?;
    client.expect_exit(1, scene.patience())?;
    client.expect_one_sentence("")
}

const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: close\r\n\r\nno.\n";

fn no_room(scene: &Scene<'_>) -> Verdict {
    gives_up(scene, NOT_FOUND)
}

/// A page; a handshake with a wrong accept key; something else altogether.
const ANSWERS: &[&str] = &[
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
    "220 mail.example ESMTP\r\n\r\n",
];

fn no_websocket(scene: &Scene<'_>) -> Verdict {
    ANSWERS.iter().try_for_each(|answer| gives_up(scene, answer))
}
