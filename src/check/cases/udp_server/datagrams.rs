//! What is a datagram: D14 (its length) and D15 (line breaks in it).

use crate::check::cases::shared::{expect_reason, wire::forged};
use crate::check::stage::speaker::{Speaker, relay};
use crate::check::stage::udp_peer::UdpPeer;
use crate::check::{Case, Likely, Scene, Verdict};
use crate::{text, tr};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D14",
        title: text!(zh "不管多长的数据报，都完整地转发，仍是一个数据报",
                     en "a datagram of any length is relayed whole, in one datagram"),
        hint: text!(zh "接收缓冲区装不下最长的数据报，多出来的部分无声无息地丢掉了",
                    en "the receive buffer is shorter than a datagram may be, and the rest is cut off silently"),
        run: whole,
    },
    Case {
        id: "D14-most",
        title: text!(zh "加上前缀后一个数据报装不下的内容不转发，并告诉发送者",
                     en "what doesn't fit into a datagram with its prefix is not relayed, and its sender is told"),
        hint: text!(zh "发送超过 65,507 字节会失败：发送前先看长度，太长就回复发送者",
                    en "sending more than 65,507 bytes fails: look at the length first, and answer the sender"),
        run: most,
    },
    Case {
        id: "D15",
        title: text!(zh "数据报里的换行变成空格",
                     en "line breaks inside a datagram become spaces"),
        hint: text!(zh "数据报里的换行会另起一行，看上去像是任何人说的，甚至像服务器说的",
                    en "a line break inside a datagram starts a line that looks like anybody's, even the server's"),
        run: forged::<UdpPeer>,
    },
    Case {
        id: "D15-end",
        title: text!(zh "数据报末尾没有换行时，补上换行",
                     en "a datagram without a line break at its end gets one"),
        hint: text!(zh "不是每个程序都会发送换行：缺的就补上",
                    en "not every program sends the line break: add it where it is missing"),
        run: unfinished,
    },
    Case {
        id: "D15-empty",
        title: text!(zh "空数据报登记发送者，但不转发",
                     en "an empty datagram registers its sender and isn't relayed"),
        hint: text!(zh "空数据报既不表示结束，也不是一行：把发送者放进列表，什么也不转发",
                    en "an empty datagram is neither an end nor a line: put its sender into the list, \
                        and send nothing on"),
        run: empty,
    },
];

/// The most that one datagram carries over IPv4.
const MOST: usize = 65_507;

fn whole(scene: &Scene<'_>) -> Verdict {
    let server = scene.udp_server()?;
    let [mut a, mut b] = UdpPeer::room(&server, ["A", "B"])?;
    for size in [1000, 1025, 2000, 9000, 60 * 1024] {
        relay(&mut a, &mut b, "x".repeat(size - 1))?;
    }
    Ok(())
}

fn most(scene: &Scene<'_>) -> Verdict {
    let server = scene.udp_server()?;
    let [mut a, mut b, mut c] = UdpPeer::room(&server, ["A", "B", "C"])?;
    let room = MOST - a.prefix().len() - 1;
    let line = "y".repeat(room);
    relay(&mut a, &mut b, &line).likely(&tr!(
        zh "刚好装得下的一行没有转发",
        en "the longest line that fits isn't relayed"))?;
    c.expect_from(&a, &line)?;
    a.say("z".repeat(room + 1))?;
    let why = tr!(zh "一行，写明数据报没有转发",
                  en "a line that says that its datagram wasn't relayed");
    expect_reason(&mut a, &why)?;
    relay(&mut c, &mut b, "marker").likely(&tr!(
        zh "太长的数据报有一部分被转发了",
        en "a part of the datagram that is too long was relayed"))
}

fn unfinished(scene: &Scene<'_>) -> Verdict {
    let server = scene.udp_server()?;
    let [mut a, mut b] = UdpPeer::room(&server, ["A", "B"])?;
    a.send("no line break")?;
    b.expect_from(&a, "no line break")
}

fn empty(scene: &Scene<'_>) -> Verdict {
    let server = scene.udp_server()?;
    let [mut a, mut b] = UdpPeer::room(&server, ["A", "B"])?;
    let mut c = UdpPeer::join(&server, "C")?;
    c.send("")?;
    a.say("marker")?;
    c.expect_from(&a, "marker").likely(&tr!(
        zh "空数据报没有登记它的发送者",
        en "the empty datagram doesn't register its sender"))?;
    b.expect_from(&a, "marker")
}
