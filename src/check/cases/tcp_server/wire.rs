//! What goes over the wire, and to whom: the notes' server does all of this.

use crate::check::cases::shared::wire;
use crate::check::stage::speaker::{Speaker, relay};
use crate::check::stage::tcp_peer::Peer;
use crate::check::{Case, Scene, Verdict};
use crate::{text, tr};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "tcp-relay",
        title: text!(zh "一个客户端发的一行，其他客户端都会收到，形式是 `[ip:端口]: 内容`",
                     en "a client's line reaches every other client, as `[ip:port]: line`"),
        hint: text!(zh "前缀是 `[`，接着是服务器看到的发送者地址，再接着是 `]: `",
                    en "the prefix is `[`, the sender's address as the server sees it, `]: `"),
        run: wire::relays::<Peer>,
    },
    Case {
        id: "tcp-echo",
        title: text!(zh "发出的一行不会发回给发送者自己",
                     en "a line isn't sent back to its sender"),
        hint: text!(zh "广播发给了所有客户端；发出这一行的那个要跳过",
                    en "the broadcast goes to every client; leave out the one the line came from"),
        run: wire::echo::<Peer>,
    },
    Case {
        id: "tcp-order",
        title: text!(zh "一个客户端发的行全部到达，顺序不变",
                     en "one client's lines arrive in the order they were sent, all of them"),
        hint: text!(zh "一次读取的内容被当成了一行：按换行符切分，每一行都要有自己的前缀。\
                        或者，这些行交给了会打乱顺序或丢失内容的环节：一个客户端发的行，由同一个线程读取和转发",
                    en "each read is taken for a line: cut at the line breaks, and put the prefix before each line. \
                        Or lines are handed to something that reorders or drops them: \
                        let one thread read a client and send on what it says"),
        run: wire::order::<Peer>,
    },
    Case {
        id: "tcp-pieces",
        title: text!(zh "不管分成几次写，一行还是一行",
                     en "a line is one line, however it is cut into writes"),
        hint: text!(zh "把每次读到的内容当成了一行：要读到换行为止，后面的留给下一行",
                    en "each read is taken for a line: read up to the line break, \
                        and keep what comes after it for the next"),
        run: pieces,
    },
    Case {
        id: "tcp-bytes",
        title: text!(zh "不管是不是合法的 UTF-8，一行都逐字节原样转发",
                     en "a line is relayed byte for byte, valid UTF-8 or not"),
        hint: text!(zh "这一行被当作文本来读：行是字节，要按字节读，按字节写",
                    en "the line is read as text: lines are bytes, so read and write them as bytes"),
        run: bytes,
    },
];

/// What comes once many can talk with each other.
pub(super) const LATER: &[Case] = &[
    Case {
        id: "tcp-console",
        title: text!(zh "在服务器控制台输入的一行，所有客户端都会收到，形式是 `[Server]: 内容`",
                     en "a line typed at the server's console reaches all clients, as `[Server]: line`"),
        hint: text!(zh "没有读控制台，或者读到的一行没有加上 `[Server]: ` 再广播给所有客户端",
                    en "nothing reads the console, \
                        or what is read isn't broadcast to all with `[Server]: ` before it"),
        run: console,
    },
    Case {
        id: "tcp-prompt",
        title: text!(zh "一行紧接着一行发出时，每一行都马上到达",
                     en "lines that follow each other closely arrive without delay"),
        hint: text!(zh "每一行都在等前一行的确认，最多等 40 毫秒：请设置 TCP_NODELAY",
                    en "each waits for the acknowledgement of the one before it, up to 40 ms: set TCP_NODELAY"),
        run: prompt,
    },
];

fn bytes(scene: &Scene<'_>) -> Verdict {
    wire::bytes::<Peer>(scene, "  blanks \t\r")
}

fn console(scene: &Scene<'_>) -> Verdict {
    let mut server = scene.server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    for line in ["news for all\n", "再见\n"] {
        server.program.type_in(line)?;
        a.expect(format!("[Server]: {line}"))?;
        b.expect(format!("[Server]: {line}"))?;
    }
    Ok(())
}

fn pieces(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b, mut c] = Peer::room(&server, ["A", "B", "C"])?;
    a.send("one li")?;
    // By then the server has read A's piece; and if it sent it on, C gets it somewhere among these.
    for _ in 0..5 {
        relay(&mut b, &mut c, "marker")?;
    }
    a.say("ne")?;
    c.expect_from(&a, "one line")?;
    a.send("two\nthree\n\nfour")?;
    a.say("")?;
    ["two", "three", "", "four"].iter().try_for_each(|line| c.expect_from(&a, line))
}

fn prompt(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    scene.log.note(tr!(zh "A 紧接着说两行，B 回答，反复多次",
                       en "again and again A says two lines, one after the other, and B answers"));
    [&a, &b].into_iter().for_each(|peer| peer.set_quiet(true));
    wire::prompt(|| {
        relay(&mut a, &mut b, "one")?;
        relay(&mut a, &mut b, "two")?;
        relay(&mut b, &mut a, "and?")
    })
}
