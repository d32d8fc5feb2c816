//! What goes over the wire, and to whom.

use crate::check::cases::shared::wire;
use crate::check::stage::frame::{CLOSE, CONTINUATION, FIN, PING, PONG, TEXT};
use crate::check::stage::reply::read_reply;
use crate::check::stage::speaker::{Connected, Speaker, relay};
use crate::check::stage::ws_peer::{WsPeer, request};
use crate::check::telling::events::show;
use crate::check::telling::verdict::ensure;
use crate::check::{Case, Likely, Scene, Verdict};

use super::two;
use crate::text;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "ws-handshake",
        title: text!(zh "",
                     en "the handshakes of all browsers are accepted, and nothing is agreed to that isn't spoken"),
        hint: text!(zh "",
                    en "header names and `Upgrade` are words whose case doesn't matter, and Connection may name several; \
               an extension that isn't spoken must not be agreed to"),
        run: handshake,
    },
    Case {
        id: "ws-relay",
        title: text!(zh "",
                     en "a text message reaches every other client, as the text message `[ip:port]: message\\n`"),
        hint: text!(zh "",
                    en "the prefix is `[`, the sender's address as the server sees it, `]: `; and a line break stands at the end"),
        run: wire::relays::<WsPeer>,
    },
    Case {
        id: "ws-echo",
        title: text!(zh "",
                     en "a message isn't sent back to its sender"),
        hint: text!(zh "",
                    en "the broadcast goes to every client; leave out the one the message came from"),
        run: wire::echo::<WsPeer>,
    },
    Case {
        id: "ws-order",
        title: text!(zh "",
                     en "several messages in one write are relayed one by one, whole and in order"),
        hint: text!(zh "",
                    en "what one read brings is taken for one frame: what comes behind it belongs to the next"),
        run: wire::order::<WsPeer>,
    },
    Case {
        id: "ws-early",
        title: text!(zh "",
                     en "a message sent right behind the request, in the same segment, isn't lost"),
        hint: text!(zh "",
                    en "the buffer that the request was read into holds the first frames too: hand it on"),
        run: early,
    },
    Case {
        id: "ws-fragments",
        title: text!(zh "",
                     en "a fragmented message is put together, whatever comes between its fragments"),
        hint: text!(zh "",
                    en "each frame is taken for a message: one goes on until a frame with FIN, and a ping may come between"),
        run: fragments,
    },
    Case {
        id: "ws-pieces",
        title: text!(zh "",
                     en "a frame that comes byte by byte is one message"),
        hint: text!(zh "",
                    en "what one read brings is taken for a whole frame"),
        run: pieces,
    },
    Case {
        id: "ws-ping",
        title: text!(zh "",
                     en "a ping is answered with a pong that holds the same, and nobody else gets it"),
        hint: text!(zh "",
                    en "a pong is queued and not sent before something else is, or pings are relayed"),
        run: ping,
    },
    Case {
        id: "ws-close",
        title: text!(zh "",
                     en "a close is answered with a close of the same code, and then the connection ends in order"),
        hint: text!(zh "",
                    en "the answer is queued and never sent, or the socket is closed with something unread, which resets it"),
        run: close,
    },
];

fn handshake(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let plain = request("/ws", server.address, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    let requests = [
        plain.replace("Connection: Upgrade", "Connection: keep-alive, Upgrade"),
        plain.replace("Upgrade", "upgrade").replace("Sec-WebSocket", "sec-websocket"),
        plain.replace("Upgrade: websocket", "UPGRADE: WebSocket"),
        plain.replace("/ws ", "/ws?from=here "),
    ];
    for request in requests {
        scene.log.note(format!("A asks: {}", show(request.as_bytes())));
        let mut peer = server.connect("A")?;
        peer.set_quiet(true);
        peer.send(request)?;
        peer.finish()?;
        let reply = read_reply(peer.stream(), scene.patience())?;
        reply.expect(&[101])?;
        let extensions = reply.header("sec-websocket-extensions");
        ensure(extensions.is_empty(), "no extension agreed to", extensions)?;
    }
    Ok(())
}

fn early(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut b, mut c] = WsPeer::room(&server, ["B", "C"])?;
    let frame = b.frame(FIN | TEXT, "early");
    let mut a = WsPeer::ask(&server, "A", [request("/ws", server.address, "").as_bytes(), &frame].concat())?;
    scene.log.note("A sends a request and, with it, a message");
    a.expect_upgrade()?;
    b.expect_from(&a, "early")?;
    c.expect_from(&a, "early")?;
    relay(&mut a, &mut b, "later")
}

fn fragments(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = two(&server)?;
    let (head, tail) = "好".as_bytes().split_at(1);
    a.send(TEXT, [b"one ", head].concat())?;
    a.send(FIN | PING, "between")?;
    a.send(CONTINUATION, tail)?;
    a.send(CONTINUATION, "")?;
    a.send(FIN | CONTINUATION, " three")?;
    a.expect_frame(FIN | PONG, "between")?;
    b.expect_from(&a, "one 好 three")
}

fn pieces(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b, mut c] = WsPeer::room(&server, ["A", "B", "C"])?;
    let frame = a.frame(FIN | TEXT, "byte by byte");
    for cut in [1, 3, 9] {
        scene.log.note(format!("A sends {cut} bytes of a frame"));
        a.send_raw(&frame[..cut])?;
        // By then the server has read A's piece.
        (0..5).try_for_each(|_| relay(&mut c, &mut b, "marker"))?;
        scene.log.note("A sends the rest, byte by byte");
        frame[cut..].iter().try_for_each(|byte| a.send_raw([*byte]))?;
        b.expect_from(&a, "byte by byte")?;
    }
    Ok(())
}

fn ping(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = two(&server)?;
    for payload in ["", "are you there?", &"x".repeat(125)] {
        a.send(FIN | PING, payload)?;
        a.expect_frame(FIN | PONG, payload)?;
    }
    a.send(FIN | PONG, "nobody asked")?;
    relay(&mut a, &mut b, "marker")
}

fn close(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut b, mut c] = WsPeer::room(&server, ["B", "C"])?;
    for code in [1000, 1001, 4000] {
        let mut a = WsPeer::join(&server, "A")?;
        a.close(code)?;
        a.expect_close_and_end(code)?;
    }
    let mut a = WsPeer::join(&server, "A")?;
    a.send(FIN | CLOSE, "")?;
    let answered = a.expect_frame(FIN | CLOSE, "").and_then(|()| a.expect_end_at_once());
    answered.likely("a close frame need not hold a code")?;
    relay(&mut b, &mut c, "marker")
}
