//! What goes over the wire, how a client starts, how it is stopped, and what it shows (D12, D14).

use crate::check::cases::shared::{self, client};
use crate::check::stage::output::contains;
use crate::check::stage::speaker::Speaker;
use crate::check::stage::udp_peer::UdpPeer;
use crate::check::telling::events::show;
use crate::check::telling::verdict::ensure;
use crate::check::{Case, Likely, Scene, Verdict};
use crate::{text, tr};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "client-send",
        title: text!(zh "输入的每一行都立刻发送，逐字节不变，连同换行，一行一个数据报",
                     en "each typed line is sent at once, byte for byte, as one datagram with its line break"),
        hint: text!(zh "输入的行没有发送，或者没有带换行，或者被转成文本再转回来",
                    en "typed lines are not sent, or without their line break, or turned into text and back"),
        run: client::send::<UdpPeer>,
    },
    Case {
        id: "client-print",
        title: text!(zh "服务器发来的内容原样打印",
                     en "what the server sends is printed as it is"),
        hint: text!(zh "数据报没有打印，或者缓冲区满了才打印，或者被转成文本再转回来",
                    en "datagrams are not printed, or only when a buffer is full, or turned into text and back"),
        run: client::print::<UdpPeer>,
    },
    Case {
        id: "client-localhost",
        title: text!(zh "连接 `localhost` 时使用 IPv4，与笔记的客户端一样",
                     en "`localhost` is reached over IPv4, as by the notes' client"),
        hint: text!(zh "许多系统把 `localhost` 首先解析成 ::1，而 UDP “连接”它总会成功：请优先使用 IPv4",
                    en "`localhost` is ::1 first on many systems, and connecting UDP to it always succeeds: \
                        prefer IPv4"),
        run: localhost,
    },
    Case {
        id: "client-start",
        title: text!(zh "客户端启动时说明：发出第一行之后，聊天室才知道它在这里",
                     en "at its start the client says that the room hears of it with its first line"),
        hint: text!(zh "UDP 服务器不认识没有说过话的客户端：只听不说的人等不到任何消息，要告诉他",
                    en "a UDP server knows no client that hasn't said anything: \
                        a user who only listens waits in vain, and must be told"),
        run: start,
    },
    shared::usage("client-usage"),
    client::interrupt::<UdpPeer>(),
    client::terminal::<UdpPeer>(),
    client::typing::<UdpPeer>(),
    Case {
        id: "D12-pipe",
        title: text!(zh "输出到管道时，别人发来的内容原样打印",
                     en "in a pipe, what peers send is printed as it is"),
        hint: text!(zh "stdout 不是终端，却换掉了控制字符，或者把字节转成了文本",
                    en "control characters are spelled out although stdout is no terminal, \
                        or the bytes are turned into text"),
        run: client::pipe::<UdpPeer>,
    },
    Case {
        id: "D14",
        title: text!(zh "不管多长的数据报，都完整地打印",
                     en "a datagram of any length is printed whole"),
        hint: text!(zh "接收缓冲区装不下最长的数据报，多出来的部分无声无息地丢掉了",
                    en "the receive buffer is shorter than a datagram may be, and the rest is cut off silently"),
        run: whole,
    },
];

fn localhost(scene: &Scene<'_>) -> Verdict {
    let mut server = scene.udp_host()?;
    let address = format!("localhost:{}", server.role().address.port());
    let mut client = scene.launch().at(address).program("client")?;
    client.type_in("hello\n")?;
    server.expect_typed("hello")
}

fn start(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--lang")?;
    for (language, words) in
        [("en", ["connected", "first line"]), ("zh", ["已连接到 UDP 服务器\n", "第一行"])]
    {
        let server = scene.udp_host()?;
        let client =
            scene.launch().at(server.role().address).with(&["--lang", language]).program("client")?;
        words.iter().try_for_each(|part| client.expect_printed(part))?;
        let lines = client.stdout.text().lines().count();
        let wanted = tr!(zh "stdout 上有两行",
                         en "two lines on stdout");
        ensure(lines == 2, wanted, client.printed())?;
    }
    Ok(())
}

fn whole(scene: &Scene<'_>) -> Verdict {
    let (client, mut server) = UdpPeer::call(scene, scene.launch())?;
    for (size, letter) in [(1100, "a"), (9000, "b"), (60 * 1024, "c"), (65_507, "d")] {
        let line = format!("[1.2.3.4:5]: {}\n", letter.repeat(size - 14));
        server.send(&line)?;
        let came = client.stdout.wait_for(scene.patience(), |all| contains(all, line.as_bytes()));
        let wanted = tr!(zh "{size} 字节的数据报完整打印",
                         en "a datagram of {size} bytes is printed whole");
        ensure(came, wanted, show(&client.stdout.bytes())).likely(&tr!(
            zh "接收缓冲区装不下的部分无声无息地丢掉了",
            en "what doesn't fit into the receive buffer is cut off, silently"))?;
    }
    Ok(())
}
