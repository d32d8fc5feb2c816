//! What goes over the wire, and to whom: the notes' server does all of this.

use std::time::{Duration, Instant};

use crate::check::cases::shared::{crowd, wire};
use crate::check::stage::speaker::{Heard, Speaker, relay};
use crate::check::stage::udp_peer::UdpPeer;
use crate::check::telling::verdict::{ensure, fail};
use crate::check::{Case, Likely, Scene, Verdict};
use crate::{text, tr};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "udp-relay",
        title: text!(zh "一个客户端发的数据报，其他客户端都会收到，仍是一个数据报，形式是 `[ip:端口]: 内容`",
                     en "a datagram reaches every other client, as `[ip:port]: datagram`, in one datagram"),
        hint: text!(zh "前缀是 `[`，接着是服务器看到的发送者地址，再接着是 `]: `；前缀和内容放在同一个数据报里发出",
                    en "the prefix is `[`, the sender's address as the server sees it, `]: `; \
                        prefix and words go out in one datagram"),
        run: wire::relays::<UdpPeer>,
    },
    Case {
        id: "udp-register",
        title: text!(zh "客户端的第一个数据报就是登记：之后别人说的话它都会收到",
                     en "a client's first datagram registers it: it gets whatever is said afterwards"),
        hint: text!(zh "收到一个发送者的第一个数据报时，就要把它放进列表",
                    en "put each new sender into the list, with its first datagram"),
        run: register,
    },
    Case {
        id: "udp-echo",
        title: text!(zh "发出的数据报不会发回给发送者自己",
                     en "a datagram isn't sent back to its sender"),
        hint: text!(zh "广播发给了所有客户端；发来这个数据报的那个要跳过",
                    en "the broadcast goes to every client; leave out the one the datagram came from"),
        run: wire::echo::<UdpPeer>,
    },
    Case {
        id: "udp-bytes",
        title: text!(zh "不管是不是合法的 UTF-8，数据报都逐字节原样转发",
                     en "a datagram is relayed byte for byte, valid UTF-8 or not"),
        hint: text!(zh "数据报被转成文本再转回来：它是字节，不要转换",
                    en "the datagram is turned into text and back: it is bytes, so leave it as it is"),
        run: bytes,
    },
    Case {
        id: "udp-order",
        title: text!(zh "一个客户端发的数据报全部转发，顺序不变",
                     en "one client's datagrams are relayed in the order they came, all of them"),
        hint: text!(zh "数据报交给了会打乱顺序或丢失内容的环节：由同一个线程接收和转发",
                    en "datagrams are handed to something that reorders or drops them: \
                        let one thread receive and send on"),
        run: order,
    },
    crowd::twelve::<UdpPeer>("udp-crowd"),
    Case {
        id: "udp-gone",
        title: text!(zh "有客户端不声不响地走了，其他人照样能聊天",
                     en "a client that has gone without a word doesn't keep the others from talking"),
        hint: text!(zh "发给一个客户端时出错，整个广播就停了，甚至服务器也结束了：应当接着发给下一个",
                    en "an error while sending to one client ends the broadcast, or the server: \
                        go on with the next client"),
        run: gone,
    },
    Case {
        id: "udp-harmless",
        title: text!(zh "不管来的是什么样的数据报，空的、很长的，服务器都照常运行",
                     en "no datagram ends the server, be it empty or very long"),
        hint: text!(zh "一个数据报就让服务器停下了：空的数据报不是结束；加上前缀就发不出去的，出错只关系到它自己",
                    en "one datagram stops the server: an empty one isn't the end; and one that is too long with its \
                        prefix is an error of that datagram alone"),
        run: harmless,
    },
];

fn register(scene: &Scene<'_>) -> Verdict {
    let server = scene.udp_server()?;
    let [mut a, mut b] = [UdpPeer::join(&server, "A")?, UdpPeer::join(&server, "B")?];
    a.say("one")?;
    b.say("two")?;
    a.expect_from(&b, "two")?;
    a.say("three")?;
    b.expect_from(&a, "three").likely(&tr!(
        zh "B 来之前别人说的话，不该发给 B",
        en "what was said before B came isn't B's to hear"))
}

fn bytes(scene: &Scene<'_>) -> Verdict {
    wire::bytes::<UdpPeer>(scene, "  blanks \t ")
}

/// So many, of which so many are under way at a time: no socket's buffer may overflow.
const MANY: usize = 1024;
const WINDOW: usize = 16;

fn order(scene: &Scene<'_>) -> Verdict {
    let server = scene.udp_server()?;
    let [mut a, mut b] = UdpPeer::room(&server, ["A", "B"])?;
    scene.log.note(tr!(zh "A 说 {MANY} 行，每次 {WINDOW} 行",
                       en "A says {MANY} lines, {WINDOW} at a time"));
    [&a, &b].into_iter().for_each(|peer| peer.set_quiet(true));
    for from in (0..MANY).step_by(WINDOW) {
        (from..from + WINDOW).try_for_each(|i| a.say(format!("line {i}")))?;
        (from..from + WINDOW).try_for_each(|i| b.expect_from(&a, format!("line {i}")))?;
    }
    Ok(())
}

/// So much is said after one has gone: the first few may go well.
const GONE: usize = 300;

fn gone(scene: &Scene<'_>) -> Verdict {
    let server = scene.udp_server()?;
    let [mut a, b, mut c] = UdpPeer::room(&server, ["A", "B", "C"])?;
    scene.log.note(tr!(zh "B 走了",
                       en "B is gone"));
    drop(b);
    [&a, &c].into_iter().for_each(|peer| peer.set_quiet(true));
    (0..GONE).try_for_each(|i| relay(&mut a, &mut c, format!("line {i}")))?;
    ensure_quiet(&mut c)?;
    server.program.expect_running()
}

/// How long a marker is waited for before it is said again.
const AGAIN: Duration = Duration::from_millis(250);

/// The most that a datagram carries: with its prefix it is too long.
const MOST: usize = 65_507;

fn harmless(scene: &Scene<'_>) -> Verdict {
    let server = scene.udp_server()?;
    let [mut a, mut b] = UdpPeer::room(&server, ["A", "B"])?;
    let mut c = UdpPeer::join(&server, "C")?;
    for datagram in [&b""[..], b"\n", b"\0", b"%s%n", &[b'x'; 1500], &[b'y'; 20_000], &[b'z'; MOST]] {
        c.send(datagram)?;
        let deadline = Instant::now() + scene.patience();
        let mut heard = false;
        while !heard && !server.program.has_ended() && Instant::now() < deadline {
            a.say("marker")?; // again, for a datagram may be lost
            heard = b.hears(b"marker", AGAIN);
        }
        let goes_on = ensure(
            heard,
            text!(zh "之后 B 仍然收到 A 说的话", en "B gets what A says afterwards"),
            text!(zh "什么也没有", en "nothing"),
        );
        server.unless_ended(goes_on)?;
    }
    Ok(())
}

/// Nothing more than what was said.
fn ensure_quiet(peer: &mut UdpPeer) -> Verdict {
    match peer.next(Duration::from_millis(1)) {
        Heard::Nothing => Ok(()),
        more => {
            let name = &peer.role().name;
            let wanted = tr!(zh "{name} 每一行只收到一次",
                             en "{name} gets each line once");
            fail(wanted, more.told())
        }
    }
}
