//! What a request may look like (RFC 9110, RFC 9112), and what is said to one that is wrong.

use crate::check::stage::reply::{Reply, read_reply};
use crate::check::stage::scene::Server;
use crate::check::stage::speaker::{Connected, Heard, Speaker, relay};
use crate::check::stage::tcp_peer::Peer;
use crate::check::stage::ws_peer::{WsPeer, request};
use crate::check::telling::events::show;
use crate::check::telling::verdict::{ensure, fail};
use crate::check::{Case, Likely, Scene, Verdict};

use super::two;
use crate::text;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D24-old",
        title: text!(zh "",
                     en "the page comes by HTTP/1.0 too, as proxies ask for it; /ws by HTTP/1.0 is told to use HTTP/1.1"),
        hint: text!(zh "",
                    en "HTTP/1.0 is refused, or upgraded: it needs no Host, and its Upgrade must be ignored (RFC 9110, 7.8)"),
        run: old,
    },
    Case {
        id: "D24-head",
        title: text!(zh "",
                     en "HEAD gets the page's head without the page, as health checks ask for it"),
        hint: text!(zh "",
                    en "HEAD is GET without the body, Content-Length and all (RFC 9110, 9.3.2)"),
        run: head,
    },
    Case {
        id: "D24-fields",
        title: text!(zh "",
                     en "header fields may come on several lines, as lists, in any letter case; broken ones get 400"),
        hint: text!(zh "",
                    en "several lines of one name are one list, joined by commas; there is one Host (RFC 9110, 5.3; RFC 9112, 3.2)"),
        run: fields,
    },
    Case {
        id: "D24-words",
        title: text!(zh "",
                     en "whoever asks wrongly is told in words what to do: TLS, another version of WebSocket, a broken head"),
        hint: text!(zh "",
                    en "the answer has no sentence, or shows the insides of a library"),
        run: words,
    },
];

fn old(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let reply = server.http("GET / HTTP/1.0\r\n\r\n")?;
    reply.expect(&[200])?;
    ensure(reply.body.starts_with(b"<!"), "the page", show(&reply.body))?;
    let asked = request("/ws", server.address, "").replace("HTTP/1.1", "HTTP/1.0");
    let reply = server.http(asked)?;
    reply.expect(&[426, 400])?;
    says(&reply, "1.1")
}

/// The body must be a sentence that holds this.
fn says(reply: &Reply, part: &str) -> Verdict {
    let body = String::from_utf8_lossy(&reply.body);
    let wanted = format!("a sentence that holds \"{part}\", in the body");
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
    ensure(told == length, format!("Content-Length: {length}, as for GET"), show(reply.head.as_bytes()))?;
    ensure(reply.body.is_empty(), "no body", show(&reply.body))
}

/// Reads an answer whose length says nothing about what comes.
fn read_to_end(peer: &mut Peer, scene: &Scene<'_>) -> Verdict<Reply> {
    let mut lines = Vec::new();
    while let Heard::Words(line) = peer.next(scene.patience()) {
        lines.extend(line);
    }
    match Reply::parse(&lines) {
        Some(reply) => Ok(reply),
        None => fail("an answer of HTTP", show(&lines)),
    }
}

/// Heads of a request for the page, and what they must get.
const HEADS: &[(&str, &str, u16)] = &[
    ("no Host", "", 400),
    ("two Hosts", "Host: a\r\nHost: b\r\n", 400),
    ("an empty line before it, and one line end without a carriage return", "Host: x\nX: y\r\n", 200),
    ("a blank before the colon", "Host: x\r\nAccept : text/html\r\n", 400),
    ("a line that goes on with the one before", "Host: x\r\nX: y\r\n z\r\n", 400),
    ("a line without a colon", "Host: x\r\nnonsense\r\n", 400),
    ("a control character", "Host: x\r\nX: a\0b\r\n", 400),
    ("letters beyond ASCII", "Host: x\r\nX: \u{e9}\r\n", 200),
];

fn fields(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    for (what, lines, status) in HEADS {
        server.log.note(format!("a request with {what}"));
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
    ensure(named, "Sec-WebSocket-Version: 13 in the answer", show(reply.head.as_bytes()))?;
    refused(&server, asked.replace("Upgrade: websocket\r\n", "").as_bytes(), &[426, 400], "Upgrade")?;
    refused(&server, asked.replace("dGhl", "?").as_bytes(), &[400], "Key")?;
    let [mut a, mut b] = two(&server)?;
    relay(&mut a, &mut b, "none the worse")
}

/// Whatever the server is built of, its users need not know.
const INSIDES: [&str; 5] = ["httparse", "panicked", "error:", "Error {", "Protocol("];

/// Sends something wrong, and gets one of these statuses and a sentence with `part` in it.
fn refused(server: &Server, bytes: &[u8], statuses: &[u16], part: &str) -> Verdict<Reply> {
    let mut peer = Peer::join(server, "somebody")?;
    peer.send(bytes)?;
    let reply = read_reply(peer.stream(), server.patience)
        .likely("what isn't HTTP is not answered, or not before it ends: say at once what is wrong")?;
    reply.expect(statuses)?;
    says(&reply, part)?;
    let body = String::from_utf8_lossy(&reply.body);
    match INSIDES.iter().find(|inside| body.contains(*inside)) {
        Some(inside) => {
            fail("an answer in words of its own", format!("\"{inside}\" in {}", show(&reply.body)))
        }
        None => Ok(reply),
    }
}
