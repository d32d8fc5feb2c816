//! What a request may look like (RFC 9110, RFC 9112), and what is said to one that is wrong.

use crate::check::stage::reply::{Reply, read_reply};
use crate::check::stage::scene::Server;
use crate::check::stage::speaker::{Connected, Heard, Speaker, relay};
use crate::check::stage::tcp_peer::Peer;
use crate::check::stage::ws_peer::{WsPeer, request};
use crate::check::telling::events::show;
use crate::check::telling::verdict::{ensure, fail};
use crate::check::{Case, Likely, Scene, Text, Verdict};

use super::two;
use crate::{text, tr};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D24-old",
        title: text!(zh "用 HTTP/1.0 也能得到网页，有些代理就这样请求；用 HTTP/1.0 请求 /ws，\
                         会被告知要用 HTTP/1.1",
                     en "the page can be had by HTTP/1.0, too, as some proxies ask for it; who asks for /ws \
                         by HTTP/1.0 is told to use HTTP/1.1"),
        hint: text!(zh "HTTP/1.0 被拒绝，或者被升级：它不需要 Host，它的 Upgrade 要忽略（RFC 9110，7.8 节）",
                    en "HTTP/1.0 is refused, or upgraded: it needs no Host, and its Upgrade must be ignored \
                        (RFC 9110, 7.8)"),
        run: old,
    },
    Case {
        id: "D24-head",
        title: text!(zh "HEAD 得到网页的响应头，但没有网页本身；健康检查就这样请求",
                     en "HEAD gets the page's head without the page, as health checks ask for it"),
        hint: text!(zh "HEAD 的回答与 GET 相同，包括 Content-Length，只是没有正文（RFC 9110，9.3.2 节）",
                    en "HEAD gets the answer to GET without the body, but with its Content-Length (RFC 9110, \
                        9.3.2)"),
        run: head,
    },
    Case {
        id: "D24-fields",
        title: text!(zh "请求头的字段可以写成几行或一个列表，不分大小写；写错的得到 400",
                     en "header fields may come on several lines or as one list, in any letter case; broken \
                         ones get 400"),
        hint: text!(zh "同名的几行合起来是一个用逗号分隔的列表；Host 只能有一个（RFC 9110，5.3 节；RFC 9112，\
                        3.2 节）",
                    en "several lines of one name are one list, joined by commas; there is only one Host \
                        (RFC 9110, 5.3; RFC 9112, 3.2)"),
        run: fields,
    },
    Case {
        id: "D24-words",
        title: text!(zh "请求有错时，用一句话说明该怎么办：TLS、别的 WebSocket 版本、写错的请求头",
                     en "whoever asks wrongly is told in words what to do: TLS, another version of \
                         WebSocket, a broken head"),
        hint: text!(zh "回答里没有一句说明，或者露出了程序库的内部信息",
                    en "the answer has no sentence, or shows the insides of a library"),
        run: words,
    },
];

fn old(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let reply = server.http("GET / HTTP/1.0\r\n\r\n")?;
    reply.expect(&[200])?;
    ensure(reply.body.starts_with(b"<!"), tr!(zh "网页", en "the page"), show(&reply.body))?;
    let asked = request("/ws", server.address, "").replace("HTTP/1.1", "HTTP/1.0");
    let reply = server.http(asked)?;
    reply.expect(&[426, 400])?;
    says(&reply, "1.1")
}

/// The body must be a sentence that holds this.
fn says(reply: &Reply, part: &str) -> Verdict {
    let body = String::from_utf8_lossy(&reply.body);
    let wanted = if part.is_empty() {
        tr!(zh "正文里有一句说明", en "a sentence in the body")
    } else {
        tr!(zh "正文里有一句说明，其中有 \"{part}\"", en "a sentence that holds \"{part}\", in the body")
    };
    ensure(body.split_whitespace().count() > 2 && body.contains(part), wanted, show(&reply.body))
}

fn head(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let length = server.get("/")?.body.len().to_string();
    let mut peer = Peer::join(&server, "A")?;
    peer.send(format!("HEAD / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.address))?;
    let reply = read_to_end(&mut peer, scene)?;
    reply.expect(&[200])?;
    let told = reply.header("content-length");
    let wanted = tr!(zh "Content-Length: {length}，与 GET 相同", en "Content-Length: {length}, as for GET");
    ensure(told == length, wanted, show(reply.head.as_bytes()))?;
    ensure(reply.body.is_empty(), tr!(zh "没有正文", en "no body"), show(&reply.body))
}

/// Reads an answer whose length says nothing about what comes.
fn read_to_end(peer: &mut Peer, scene: &Scene<'_>) -> Verdict<Reply> {
    let mut lines = Vec::new();
    while let Heard::Words(some) | Heard::End(some) = peer.next(scene.patience()) {
        let is_end = !some.ends_with(b"\n");
        lines.extend(some);
        if is_end {
            break;
        }
    }
    match Reply::parse(&lines) {
        Some(reply) => Ok(reply),
        None => fail(tr!(zh "一个 HTTP 回答", en "an HTTP answer"), show(&lines)),
    }
}

/// Heads of a request for the page, and what they must get.
const HEADS: &[(Text, &str, u16)] = &[
    (text!(zh "没有 Host", en "without a Host"), "", 400),
    (text!(zh "有两个 Host", en "with two Hosts"), "Host: a\r\nHost: b\r\n", 400),
    (
        text!(zh "有一行末尾没有回车", en "with a line end that has no carriage return"),
        "Host: x\nX: y\r\n",
        200,
    ),
    (text!(zh "冒号前面有空格", en "with a blank before a colon"), "Host: x\r\nAccept : text/html\r\n", 400),
    (
        text!(zh "有一行接着上一行写", en "with a line that goes on with the one before"),
        "Host: x\r\nX: y\r\n z\r\n",
        400,
    ),
    (text!(zh "有一行没有冒号", en "with a line that has no colon"), "Host: x\r\nnonsense\r\n", 400),
    (text!(zh "有控制字符", en "with a control character"), "Host: x\r\nX: a\0b\r\n", 400),
    (text!(zh "有 ASCII 以外的字符", en "with a letter beyond ASCII"), "Host: x\r\nX: \u{e9}\r\n", 200),
];

fn fields(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    for (what, lines, status) in HEADS {
        server.log.note(tr!(zh "发送一个请求：{what}", en "a request {what}"));
        server.http(format!("GET / HTTP/1.1\r\n{lines}\r\n"))?.expect(&[*status])?;
    }
    server.http(format!("GET http://{0}/ HTTP/1.1\r\nHost: x\r\n\r\n", server.address))?.expect(&[200])?;
    let asked = request("/ws", server.address, "")
        .replace("Upgrade: websocket", "upgrade: h2c,\r\nUPGRADE:\tWebSocket")
        .replace("Connection: Upgrade", "Connection: keep-alive\r\nconnection: , upgrade");
    WsPeer::ask(&server, "A", asked)?.expect_upgrade()
}

fn words(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    refused(&server, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", &[400], "http")?;
    refused(&server, b"what is this?\r\n\r\n", &[400], "HTTP")?;
    refused(&server, b"GET / HTTP/1.1\r\nnonsense\r\n\r\n", &[400], "")?;
    let asked = request("/ws", server.address, "");
    let reply = refused(&server, asked.replace("Version: 13", "Version: 8").as_bytes(), &[426, 400], "13")?;
    let named = reply.header("sec-websocket-version") == "13";
    let wanted = tr!(zh "回答里有 Sec-WebSocket-Version: 13", en "Sec-WebSocket-Version: 13 in the answer");
    ensure(named, wanted, show(reply.head.as_bytes()))?;
    refused(&server, asked.replace("Upgrade: websocket\r\n", "").as_bytes(), &[426, 400], "Upgrade")?;
    refused(&server, asked.replace("dGhl", "?").as_bytes(), &[400], "Key")?;
    let [mut a, mut b] = two(&server)?;
    relay(&mut a, &mut b, "none the worse")
}

/// Whatever the server is built of, its users need not know.
const INSIDES: [&str; 5] = ["httparse", "panicked", "error:", "Error {", "Protocol("];

/// Sends something wrong, and gets one of these statuses and a sentence with `part` in it.
fn refused(server: &Server, bytes: &[u8], statuses: &[u16], part: &str) -> Verdict<Reply> {
    let mut peer = Peer::join(server, &tr!(zh "客户端", en "a client"))?;
    peer.send(bytes)?;
    let reply = read_reply(peer.stream(), server.patience)
        .likely(&tr!(zh "对不是 HTTP 的内容没有回答，或者等到它结束才回答：要立刻说明错在哪里",
                     en "what isn't HTTP is not answered, or not before it ends: say at once what is wrong"))?;
    reply.expect(statuses)?;
    says(&reply, part)?;
    let body = String::from_utf8_lossy(&reply.body);
    match INSIDES.iter().find(|inside| body.contains(*inside)) {
        Some(inside) => {
            let shown = show(&reply.body);
            fail(
                tr!(zh "用自己的话回答", en "an answer in the server's own words"),
                tr!(zh "{shown} 里有 \"{inside}\"", en "\"{inside}\" in {shown}"),
            )
        }
        None => Ok(reply),
    }
}
