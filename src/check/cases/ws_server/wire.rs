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
use crate::{text, tr};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "ws-relay",
        title: text!(zh "一条文本消息会到达其他每个客户端，内容是 `[ip:port]: 消息\\n`，也是文本消息",
                     en "a text message reaches every other client, as the text message `[ip:port]: message\\n`"),
        hint: text!(zh "前缀是 `[`、服务器看到的发送者地址、`]: `；末尾有一个换行",
                    en "the prefix is `[`, the sender's address as the server sees it, `]: `; and there is a \
                        line break at the end"),
        run: wire::relays::<WsPeer>,
    },
    Case {
        id: "ws-handshake",
        title: text!(zh "接受各种浏览器的握手，不答应任何扩展",
                     en "the handshakes of all browsers are accepted, and no extension is agreed to"),
        hint: text!(zh "字段名和 websocket、upgrade 这些词不分大小写，Connection 里可以有好几项；\
                        自己不会的扩展不能答应",
                    en "in header names, and in `upgrade` and `websocket`, case doesn't matter; Connection \
                        may name several things; an extension that isn't spoken must not be agreed to"),
        run: handshake,
    },
    Case {
        id: "ws-echo",
        title: text!(zh "消息不会发回给它的发送者",
                     en "a message isn't sent back to its sender"),
        hint: text!(zh "广播发给了每个客户端：跳过发来这条消息的那个",
                    en "the broadcast goes to every client; leave out the one the message came from"),
        run: wire::echo::<WsPeer>,
    },
    Case {
        id: "ws-order",
        title: text!(zh "一次写入的几条消息逐条转发，内容完整，顺序不变",
                     en "several messages in one write are relayed one by one, whole and in order"),
        hint: text!(zh "把一次读到的内容当成了一个帧：这个帧后面的内容属于下一个帧",
                    en "what one read brings is taken for one frame: what comes behind that frame belongs to \
                        the next"),
        run: wire::order::<WsPeer>,
    },
    Case {
        id: "ws-early",
        title: text!(zh "紧跟在请求后面、在同一个报文段里到来的消息不会丢",
                     en "a message sent right behind the request, in the same segment, isn't lost"),
        hint: text!(zh "读请求用的缓冲区里已经有了最前面的几个帧：把它交给读帧的代码",
                    en "the buffer that the request was read into may hold the first frames, too: hand it \
                        on"),
        run: early,
    },
    Case {
        id: "ws-lengths",
        title: text!(zh "不管多长的消息，从空的到 65,520 字节，都完整转发",
                     en "messages of all lengths, from none to 65,520 bytes, are relayed whole"),
        hint: text!(zh "长度有三种写法：不到 126 的写在一个字节里；126 后面还有两个字节；127 后面还有八个字节（RFC 6455，5.2 节）。\
                        读和写都要会",
                    en "a length is written in one of three ways: below 126 in one byte; as 126 and two more bytes; as \
                        127 and eight more (RFC 6455, 5.2). Read them all, and write them all"),
        run: lengths,
    },
    Case {
        id: "ws-ping",
        title: text!(zh "对 ping 的回答是内容相同的 pong，别人收不到 ping",
                     en "a ping is answered with a pong that holds the same, and nobody else gets the ping"),
        hint: text!(zh "pong 排在队里，要等别的内容要发时才一起发出，或者 ping 被转发了",
                    en "a pong is queued, and isn't sent before something else is, or pings are relayed"),
        run: ping,
    },
    Case {
        id: "ws-fragments",
        title: text!(zh "分片的消息会拼成一条，分片之间夹着 ping 也一样",
                     en "a fragmented message is put together, even if a ping comes between its fragments"),
        hint: text!(zh "把每个帧都当成了一条消息：消息到带 FIN 的帧才结束，中间还可能有 ping",
                    en "each frame is taken for a message: a message goes on until a frame with FIN, and a \
                        ping may come in between"),
        run: fragments,
    },
    Case {
        id: "ws-pieces",
        title: text!(zh "一个字节一个字节到来的帧仍是一条消息",
                     en "a frame that comes byte by byte is one message"),
        hint: text!(zh "把一次读到的内容当成了一个完整的帧",
                    en "what one read brings is taken for a whole frame"),
        run: pieces,
    },
    Case {
        id: "ws-close",
        title: text!(zh "对关闭帧的回答是状态码相同的关闭帧，然后连接正常结束",
                     en "a close frame is answered with one of the same code, and then the connection ends \
                         in order"),
        hint: text!(zh "回答排在队里，始终没有发出；或者关闭套接字时还有内容没读，于是连接被重置",
                    en "the answer is queued and never sent, or the socket is closed with something unread, \
                        which resets the connection"),
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
        let shown = show(request.as_bytes());
        scene.log.note(tr!(zh "A 请求：{shown}", en "A asks: {shown}"));
        let mut peer = server.connect("A")?;
        peer.set_quiet(true);
        peer.send(request)?;
        peer.finish()?;
        let reply = read_reply(peer.stream(), scene.patience())?;
        reply.expect(&[101])?;
        let extensions = reply.header("sec-websocket-extensions");
        ensure(extensions.is_empty(), tr!(zh "不答应扩展", en "no extension is agreed to"), extensions)?;
    }
    Ok(())
}

/// With its prefix, a message of the last length is over 65,535 bytes, which takes the third way of writing a length.
const LENGTHS: [usize; 8] = [0, 1, 104, 125, 126, 1000, 65_000, 65_520];

fn lengths(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = two(&server)?;
    relay(&mut a, &mut b, "  blanks \t ")?;
    LENGTHS.into_iter().try_for_each(|length| relay(&mut a, &mut b, "x".repeat(length)))
}

fn early(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut b, mut c] = WsPeer::room(&server, ["B", "C"])?;
    let frame = b.frame(FIN | TEXT, "early");
    let mut a = WsPeer::ask(&server, "A", [request("/ws", server.address, "").as_bytes(), &frame].concat())?;
    scene.log.note(tr!(zh "A 发送请求，紧跟着一条消息", en "A sends a request and, with it, a message"));
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
    a.expect_frame(FIN | PONG, "between").likely(
        text!(zh "分片之间的 ping 也要立刻回答", en "a ping between two fragments is answered at once, too"),
    )?;
    b.expect_from(&a, "one 好 three")
}

fn pieces(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b, mut c] = WsPeer::room(&server, ["A", "B", "C"])?;
    let frame = a.frame(FIN | TEXT, "byte by byte");
    for cut in [1, 3, 9] {
        scene.log.note(tr!(zh "A 发送一个帧的前 {cut} 个字节", en "A sends a frame up to byte {cut}"));
        a.send_raw(&frame[..cut])?;
        // By then the server has read A's piece.
        (0..5).try_for_each(|_| relay(&mut c, &mut b, "marker"))?;
        scene.log.note(tr!(zh "A 逐个字节发送其余部分", en "A sends the rest, byte by byte"));
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
    answered.likely(&tr!(zh "关闭帧可以不带状态码", en "a close frame need not hold a code"))?;
    relay(&mut b, &mut c, "marker")
}
