//! How a client starts, what it says when it can't, and how it is stopped.

use std::time::Duration;

use crate::check::cases::shared::{self, client};
use crate::check::stage::program::Program;
use crate::check::stage::ws_peer::WsPeer;
use crate::check::telling::events::show;
use crate::check::telling::verdict::{Likely, ensure, not_checked};
use crate::check::{Case, Scene, Verdict};
use crate::{text, tr};

/// Within this a client has given up on a server that doesn't answer.
const SILENCE: Duration = Duration::from_secs(3);

pub(super) const CASES: &[Case] = &[
    Case {
        id: "client-wss",
        title: text!(zh "给出 wss:// 的 URL 时，用一句话拒绝",
                     en "a URL with wss:// is refused in one sentence"),
        hint: text!(zh "这里没有加密：说明这一点，不要去连接",
                    en "there is no encryption here: say so, and don't try"),
        run: encrypted,
    },
    client::refused::<WsPeer>(),
    Case {
        id: "client-path",
        title: text!(zh "那个路径没有聊天室时，说一句话，退出码为 1",
                     en "when there is no room at that path: one sentence, exit code 1"),
        hint: text!(zh "没有看握手得到的回答，或者用 panic 来报告",
                    en "the answer to the handshake is not looked at, or told as a panic"),
        run: no_room,
    },
    Case {
        id: "client-no-websocket",
        title: text!(zh "服务器说的不是 WebSocket 时，说一句话，退出码为 1",
                     en "when the server speaks something else: one sentence, exit code 1"),
        hint: text!(zh "不管服务器回答什么，都当成 WebSocket，或者用 panic 来报告失败",
                    en "whatever the server answers is taken for a WebSocket, or the failure is told as a \
                        panic"),
        run: no_websocket,
    },
    Case {
        id: "client-refusals",
        title: text!(zh "重定向、401、403 和 502，各用一句话说明是怎么回事",
                     en "a redirect, 401, 403 and 502 are each told as what they are, in one sentence"),
        hint: text!(zh "除了 101，所有回答都用同样的话报告，或者用 panic 来报告",
                    en "all answers but 101 are told in the same words, or as a panic"),
        run: refusals,
    },
    Case {
        id: "client-silence",
        title: text!(zh "没有人回答握手时，客户端在三秒内说明，退出码为 1",
                     en "when nobody answers the handshake, the client says so within three seconds, exit \
                         code 1"),
        hint: text!(zh "等待回答没有期限",
                    en "the wait for the answer has no limit"),
        run: silence,
    },
    Case {
        id: "D8",
        title: text!(zh "聊天室已满时会收到 Close 1013，客户端说明这一点，退出码为 1",
                     en "when the room is full, which is Close 1013, the client says so, exit code 1"),
        hint: text!(zh "没有看关闭帧的状态码",
                    en "the code of the close frame is not looked at"),
        run: full,
    },
    shared::usage("client-usage"),
    Case {
        id: "client-zh",
        title: text!(zh "用中文时，客户端说的话与笔记的 TCP 客户端相同",
                     en "in Chinese a client says what the notes' TCP client says"),
        hint: text!(zh "有一句不是笔记里的原话",
                    en "a message isn't in the notes' words"),
        run: client::chinese::<WsPeer>,
    },
    client::interrupt::<WsPeer>(),
];

fn encrypted(scene: &Scene<'_>) -> Verdict {
    let host = scene.host()?;
    let words = scene.launch().at(host.address).words();
    let changed: Vec<String> = words.iter().map(|word| word.replace("ws://", "wss://")).collect();
    if changed == words {
        return not_checked(tr!(zh "命令里没有 ws:// 的 URL", en "the command holds no ws:// URL"));
    }
    let client = Program::start("client", &changed, true, &scene.log, scene.patience())?;
    let code = client.wait(scene.patience()).and_then(|status| status.code());
    let wanted = tr!(zh "客户端结束，退出码为 2 或 1", en "the client ends with exit code 2 or 1");
    let got = match code {
        Some(code) => tr!(zh "退出码为 {code}", en "exit code {code}"),
        None => tr!(zh "没有退出码", en "no exit code"),
    };
    ensure(matches!(code, Some(1 | 2)), wanted, got)?;
    client.expect_one_sentence("")
}

/// A server answers this to whatever the client asks: it must end with exit code 1, and say why in one sentence. Ours
/// says it in words that hold `part`.
fn gives_up(scene: &Scene<'_>, answer: &str, part: &str) -> Verdict {
    let host = scene.host()?;
    let client = scene.launch().at(host.address).program("client")?;
    let (mut server, _) = host.ws_request(&client)?;
    let shown = show(answer.as_bytes());
    scene.log.note(tr!(zh "服务器回答 {shown}", en "the server answers {shown}"));
    server.send_raw(answer)?;
    client.expect_exit(1, scene.patience())?;
    client.expect_one_sentence(if scene.target.is_chatroom { part } else { "" })
}

fn answer(status: &str, more: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{more}Content-Length: 4\r\nConnection: close\r\n\r\nno.\n")
}

fn no_room(scene: &Scene<'_>) -> Verdict {
    gives_up(scene, &answer("404 Not Found", ""), "404")
}

/// A page; a handshake with a wrong accept key; something else altogether.
const ANSWERS: &[(&str, &str)] = &[
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "web page"),
    (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
        "not a WebSocket server",
    ),
    ("220 mail.example ESMTP\r\n\r\n", "not a WebSocket server"),
];

fn no_websocket(scene: &Scene<'_>) -> Verdict {
    ANSWERS.iter().try_for_each(|(answer, part)| gives_up(scene, answer, part))
}

fn refusals(scene: &Scene<'_>) -> Verdict {
    gives_up(
        scene,
        &answer("301 Moved Permanently", "Location: ws://there.example/ws\r\n"),
        "ws://there.example/ws",
    )?;
    gives_up(scene, &answer("401 Unauthorized", ""), "login")?;
    gives_up(scene, &answer("403 Forbidden", ""), "403")?;
    gives_up(scene, &answer("502 Bad Gateway", ""), "proxy")?;
    gives_up(scene, &answer("418 I'm a teapot", ""), "418")
}

/// A server of another protocol may wait for the client's first line, as the client waits for it.
fn silence(scene: &Scene<'_>) -> Verdict {
    let host = scene.host()?;
    let client = scene.launch().at(host.address).program("client")?;
    let (_server, _) = host.ws_request(&client)?;
    let ended = client.expect_exit(1, SILENCE);
    ended.likely(&tr!(zh "等待回答没有期限", en "the wait for the answer has no limit"))?;
    client.expect_one_sentence("")
}

fn full(scene: &Scene<'_>) -> Verdict {
    let host = scene.host()?;
    let client = scene.launch().at(host.address).program("client")?;
    let mut server = host.ws_accept(&client)?;
    server.close(1013)?;
    client.expect_exit(1, scene.patience())?;
    client.expect_one_sentence(if scene.target.is_chatroom { "full" } else { "" })
}
