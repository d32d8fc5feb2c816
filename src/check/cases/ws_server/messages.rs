//! What a message may be: D20 to D23.

use crate::check::cases::shared::crowd;
use crate::check::cases::shared::wire::forged;
use crate::check::stage::frame::{BINARY, CLOSE, CONTINUATION, FIN, PING, TEXT, claim, masked, unmasked};
use crate::check::stage::scene::Server;
use crate::check::stage::speaker::{Speaker, relay};
use crate::check::stage::ws_peer::WsPeer;
use crate::check::telling::events::show;
use crate::check::{Case, Likely, Scene, Verdict};

use super::two;
use crate::text;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D20",
        title: text!(zh "",
                     en "who sends text that isn't UTF-8 gets Close 1007, and nobody else sees it"),
        hint: text!(zh "",
                    en "text is relayed unchecked, and the receivers' browsers close: check it, and close the sender"),
        run: not_text,
    },
    Case {
        id: "D20-breach",
        title: text!(zh "",
                     en "who breaks the protocol in another way gets Close 1002, and nobody else notices"),
        hint: text!(zh "",
                    en "reserved bits and opcodes, masks, control frames and fragments have rules (RFC 6455, 5): hold to them"),
        run: breaches,
    },
    Case {
        id: "D21",
        title: text!(zh "",
                     en "who sends a message over 64 KiB gets Close 1009, and nothing of it reaches anyone"),
        hint: text!(zh "",
                    en "a message is collected until its end, however far that is: stop at a limit, and say Close 1009"),
        run: too_long,
    },
    Case {
        id: "D21-exact",
        title: text!(zh "",
                     en "a message of just 65,536 bytes is relayed whole, in one frame or in many"),
        hint: text!(zh "",
                    en "the limit is reached, not exceeded"),
        run: exact,
    },
    Case {
        id: "D21-memory",
        title: text!(zh "",
                     en "a message that never ends, or claims to be huge, costs no memory"),
        hint: text!(zh "",
                    en "what is read of a message is kept until its end, or the claimed length is reserved at once"),
        run: endless,
    },
    Case {
        id: "D22",
        title: text!(zh "",
                     en "a binary message is relayed as text where it is UTF-8; else its sender gets Close 1003"),
        hint: text!(zh "",
                    en "binary is relayed as text unchecked: one such message cuts off every browser in the room"),
        run: binary,
    },
    Case {
        id: "D23",
        title: text!(zh "",
                     en "line breaks inside a message become spaces"),
        hint: text!(zh "",
                    en "a line break inside a message starts a line that looks like anybody's, even the server's"),
        run: forged::<WsPeer>,
    },
];

/// A newcomer sends this, and gets this close code; B and C notice nothing.
fn refused(server: &Server, [b, c]: &mut [WsPeer; 2], bytes: &[u8], code: u16, what: &str) -> Verdict {
    let mut a = WsPeer::join(server, "A")?;
    server.log.note(format!("A sends {what}: {}", show(bytes)));
    a.send_raw(bytes)?;
    a.expect_close_and_end(code)?;
    relay(b, c, "marker").likely("something of it was relayed")
}

fn not_text(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let mut others = two(&server)?;
    refused(&server, &mut others, &masked(FIN | TEXT, b"bad \xff text"), 1007, "text that isn't UTF-8")?;
    let split = [masked(TEXT, b"half \xe5"), masked(FIN | CONTINUATION, b"\xffand bad")].concat();
    refused(&server, &mut others, &split, 1007, "the same in two fragments")?;
    refused(&server, &mut others, &masked(FIN | TEXT, b"cut \xe5\xa5"), 1007, "a character cut off")
}

fn breaches(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let mut others = two(&server)?;
    let breaches: &[(&str, Vec<u8>)] = &[
        ("a reserved bit", masked(FIN | 0x40 | TEXT, b"x")),
        ("a reserved opcode", masked(FIN | 0x3, b"x")),
        ("a reserved control opcode", masked(FIN | 0xB, b"x")),
        ("a frame without a mask", unmasked(FIN | TEXT, b"x")),
        ("a ping of 126 bytes", masked(FIN | PING, &[b'x'; 126])),
        ("a fragmented ping", masked(PING, b"x")),
        ("the continuation of nothing", masked(FIN | CONTINUATION, b"x")),
        ("a message inside another", [masked(TEXT, b"x"), masked(FIN | TEXT, b"y")].concat()),
        ("a close of one byte", masked(FIN | CLOSE, b"x")),
    ];
    breaches.iter().try_for_each(|(what, bytes)| refused(&server, &mut others, bytes, 1002, what))
}

/// The longest message.
const MAX: usize = 64 * 1024;

fn too_long(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let mut others = two(&server)?;
    let one = masked(FIN | TEXT, &vec![b'x'; MAX + 1]);
    refused(&server, &mut others, &one, 1009, "a message too long by a byte")?;
    refused(&server, &mut others, &fragments(MAX + 1), 1009, "the same in fragments")
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
    let beginnings: [(&str, Vec<u8>, &[u8]); 3] = [
        ("a frame that claims 1 TiB", claim(FIN | TEXT, 1 << 40), &plain),
        ("a message in long fragments", masked(TEXT, b"z"), &fragment),
        ("a message in short fragments", masked(TEXT, b"z"), &small),
    ];
    for (what, beginning, rest) in beginnings {
        let mut a = WsPeer::join(&server, "A")?;
        scene.log.note(format!("A sends {what}"));
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
    refused(&server, &mut [a, b], &bad, 1003, "a binary message that isn't UTF-8")
}
