//! What a message may be: D20 to D23.

use crate::check::cases::shared::crowd;
use crate::check::cases::shared::wire::forged;
use crate::check::stage::frame::{BINARY, CLOSE, CONTINUATION, FIN, PING, TEXT, claim, masked, unmasked};
use crate::check::stage::scene::Server;
use crate::check::stage::speaker::{Speaker, relay};
use crate::check::stage::ws_peer::WsPeer;
use crate::check::telling::events::show;
use crate::check::{Case, Likely, Scene, Text, Verdict};

use super::two;
use crate::{text, tr};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D20",
        title: text!(zh "文本不是 UTF-8 时，发送者收到 Close 1007，其他人看不到这条消息",
                     en "whoever sends text that isn't UTF-8 gets Close 1007, and nobody else sees it"),
        hint: text!(zh "文本没有检查就转发，收到它的浏览器都会断开：要检查，并且只断开发送者",
                    en "text is relayed unchecked, and every receiver's browser disconnects: check it, and \
                        disconnect its sender instead"),
        run: not_text,
    },
    Case {
        id: "D20-breach",
        title: text!(zh "以其他方式违反协议的客户端收到 Close 1002，别人不受影响",
                     en "whoever breaks the protocol in another way gets Close 1002, and nobody else \
                         notices"),
        hint: text!(zh "保留位、操作码、掩码、控制帧和分片都有规则（RFC 6455 第 5 节）：要检查每个帧是否遵守",
                    en "there are rules for reserved bits, opcodes, masks, control frames and fragments (RFC \
                        6455, section 5): hold clients to them"),
        run: breaches,
    },
    Case {
        id: "D21",
        title: text!(zh "消息超过 64 KiB 时，发送者收到 Close 1009，这条消息的任何内容都不转发",
                     en "whoever sends a message over 64 KiB gets Close 1009, and nothing of it reaches \
                         anyone"),
        hint: text!(zh "消息一直收集到结束，不管有多长：到了上限就停下，并发送 Close 1009",
                    en "a message is collected until its end, however long it gets: stop at a limit, and \
                        send Close 1009"),
        run: too_long,
    },
    Case {
        id: "D21-exact",
        title: text!(zh "正好 65,536 字节的消息完整转发，装在一个帧里或分成许多帧都一样",
                     en "a message of exactly 65,536 bytes is relayed whole, in one frame or in many"),
        hint: text!(zh "这条消息只是达到上限，没有超过",
                    en "this message has reached the limit, not exceeded it"),
        run: exact,
    },
    Case {
        id: "D21-memory",
        title: text!(zh "永远不结束的消息，或者声称极大的消息，不会多占内存",
                     en "a message that never ends, or claims to be huge, takes no extra memory"),
        hint: text!(zh "读到的内容一直存到消息结束，或者按帧声称的长度一次分配了内存",
                    en "what is read of a message is kept until its end, or memory is reserved at once for \
                        the length that a frame claims"),
        run: endless,
    },
    Case {
        id: "D22",
        title: text!(zh "二进制消息的内容是 UTF-8，就作为文本转发；否则发送者收到 Close 1003",
                     en "a binary message is relayed as text if it is UTF-8; otherwise its sender gets Close \
                         1003"),
        hint: text!(zh "二进制消息没有检查就作为文本转发：只要一条不是 UTF-8，聊天室里的浏览器全都会断开",
                    en "binary messages are relayed as text unchecked: one that isn't UTF-8 disconnects \
                        every browser in the room"),
        run: binary,
    },
    Case {
        id: "D23",
        title: text!(zh "消息里的换行变成空格",
                     en "line breaks inside a message become spaces"),
        hint: text!(zh "消息里的换行会开始新的一行，这一行可以冒充任何人，甚至冒充服务器",
                    en "a line break inside a message starts a line that can look like anybody's, even the \
                        server's"),
        run: forged::<WsPeer>,
    },
];

/// A newcomer sends this, and gets this close code; B and C notice nothing.
fn refused(server: &Server, [b, c]: &mut [WsPeer; 2], bytes: &[u8], code: u16, what: Text) -> Verdict {
    let mut a = WsPeer::join(server, "A")?;
    let shown = show(bytes);
    server.log.note(tr!(zh "A 发送{what}：{shown}", en "A sends {what}: {shown}"));
    a.send_raw(bytes)?;
    a.expect_close_and_end(code)?;
    relay(b, c, "marker").likely(&tr!(zh "其中有内容被转发了", en "something of it was relayed"))
}

fn not_text(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let mut others = two(&server)?;
    let what = text!(zh "一段不是 UTF-8 的文本", en "text that isn't UTF-8");
    refused(&server, &mut others, &masked(FIN | TEXT, b"bad \xff text"), 1007, what)?;
    let split = [masked(TEXT, b"half \xe5"), masked(FIN | CONTINUATION, b"\xffand bad")].concat();
    let what = text!(zh "一段分成两片、不是 UTF-8 的文本", en "such text, in two fragments");
    refused(&server, &mut others, &split, 1007, what)?;
    let what = text!(zh "一段末尾的字不完整的文本", en "text that ends within a character");
    refused(&server, &mut others, &masked(FIN | TEXT, b"cut \xe5\xa5"), 1007, what)
}

fn breaches(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let mut others = two(&server)?;
    let breaches: &[(Text, Vec<u8>)] = &[
        (text!(zh "一个设了保留位的帧", en "a frame with a reserved bit"), masked(FIN | 0x40 | TEXT, b"x")),
        (text!(zh "一个用保留操作码的帧", en "a frame with a reserved opcode"), masked(FIN | 0x3, b"x")),
        (
            text!(zh "一个用保留操作码的控制帧", en "a control frame with such an opcode"),
            masked(FIN | 0xB, b"x"),
        ),
        (text!(zh "一个没有掩码的帧", en "a frame without a mask"), unmasked(FIN | TEXT, b"x")),
        (text!(zh "一个 126 字节的 ping", en "a ping of 126 bytes"), masked(FIN | PING, &[b'x'; 126])),
        (text!(zh "一个分片的 ping", en "a fragmented ping"), masked(PING, b"x")),
        (
            text!(zh "一个没有开头的后续分片", en "a continuation of nothing"),
            masked(FIN | CONTINUATION, b"x"),
        ),
        (
            text!(zh "一条插在另一条中间的消息", en "a message inside another"),
            [masked(TEXT, b"x"), masked(FIN | TEXT, b"y")].concat(),
        ),
        (
            text!(zh "一个只有 1 字节内容的关闭帧", en "a close frame that holds one byte"),
            masked(FIN | CLOSE, b"x"),
        ),
    ];
    breaches.iter().try_for_each(|(what, bytes)| refused(&server, &mut others, bytes, 1002, *what))
}

/// The longest message.
const MAX: usize = 64 * 1024;

fn too_long(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let mut others = two(&server)?;
    let one = masked(FIN | TEXT, &vec![b'x'; MAX + 1]);
    let what = text!(zh "一条超出 1 字节的消息", en "a message too long by a byte");
    refused(&server, &mut others, &one, 1009, what)?;
    let what = text!(zh "一条同样长、分成许多片的消息", en "one of the same length, in fragments");
    refused(&server, &mut others, &fragments(MAX + 1), 1009, what)
}

/// A message of so many bytes in fragments of 1 KiB.
fn fragments(size: usize) -> Vec<u8> {
    let bytes = vec![b'y'; size];
    let last = size.div_ceil(1024) - 1;
    let fragment = |(i, part): (usize, &[u8])| {
        masked(if i == 0 { TEXT } else { CONTINUATION } | if i == last { FIN } else { 0 }, part)
    };
    bytes.chunks(1024).enumerate().flat_map(fragment).collect()
}

fn exact(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = two(&server)?;
    relay(&mut a, &mut b, "x".repeat(MAX))?;
    a.send_raw(fragments(MAX))?;
    b.expect_from(&a, "y".repeat(MAX))?;
    relay(&mut a, &mut b, "still here")
}

/// The most by which memory may have grown, in KiB.
const MAX_GROWTH: u64 = 8 * 1024;

fn endless(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut b, mut c] = two(&server)?;
    let before = server.program.usage()?.peak;
    let fragment = masked(CONTINUATION, &vec![b'z'; 1024 * 1024 - 14]);
    let small: Vec<u8> = (0..64).flat_map(|_| masked(CONTINUATION, &[b'z'; 16 * 1024])).collect();
    let plain = vec![b'z'; 1024 * 1024];
    let beginnings: [(Text, Vec<u8>, &[u8]); 3] = [
        (
            text!(zh "一个声称有 1 TiB 的帧", en "a frame that claims 1 TiB"),
            claim(FIN | TEXT, 1 << 40),
            &plain,
        ),
        (
            text!(zh "一条永远不结束的消息，每片都很长", en "a message that never ends, in long fragments"),
            masked(TEXT, b"z"),
            &fragment,
        ),
        (
            text!(zh "一条永远不结束的消息，每片都很短", en "a message that never ends, in short fragments"),
            masked(TEXT, b"z"),
            &small,
        ),
    ];
    for (what, beginning, rest) in beginnings {
        let mut a = WsPeer::join(&server, "A")?;
        scene.log.note(tr!(zh "A 发送{what}", en "A sends {what}"));
        a.send_raw(beginning)?;
        crowd::endless(&server, &mut a, rest, (before, MAX_GROWTH))?;
        relay(&mut b, &mut c, "marker")?;
    }
    Ok(())
}

fn binary(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = two(&server)?;
    a.send(FIN | BINARY, "binary, but 好")?;
    b.expect_from(&a, "binary, but 好")?;
    let bad = masked(FIN | BINARY, b"\xff\xfe\x00");
    let what = text!(zh "一条不是 UTF-8 的二进制消息", en "a binary message that isn't UTF-8");
    refused(&server, &mut [a, b], &bad, 1003, what)
}
