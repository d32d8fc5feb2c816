//! How a server starts and stops (D19), and what it shows (D7, D12).

use crate::check::cases::shared::{self, screen};
use crate::check::stage::speaker::Speaker;
use crate::check::stage::udp_peer::UdpPeer;
use crate::check::{Case, Scene, Verdict};
use crate::text;

pub(super) const CASES: &[Case] = &[
    shared::ipv4::<UdpPeer>("udp-ipv4"),
    shared::in_use::<UdpPeer>("udp-in-use"),
    shared::half_in_use::<UdpPeer>("udp-half-in-use"),
    shared::usage("udp-usage"),
    Case {
        id: "udp-zh",
        title: text!(zh "说中文时，服务器控制台上的文字与笔记的服务器逐行相同",
                     en "in Chinese a server's console reads as the notes' does, line for line"),
        hint: text!(zh "有一句话不是笔记的原话，或者多打印了笔记的服务器没有的一行",
                    en "a message isn't in the notes' words, \
                        or a line is printed that the notes' server doesn't print"),
        run: chinese,
    },
    screen::closed::<UdpPeer>(),
    screen::stalled::<UdpPeer>(),
    screen::terminal::<UdpPeer>(),
    screen::pipe::<UdpPeer>(),
    Case {
        id: "D19",
        title: text!(zh "Ctrl-C：道别，两秒内以退出码 0 结束，端口立刻可以再用",
                     en "Ctrl-C: a good-bye, exit code 0 within two seconds, and the port is free at once"),
        hint: text!(zh "没有处理 SIGINT，或者处理时唤醒不了 `recv_from`：给自己的套接字发一个数据报，就能唤醒它",
                    en "SIGINT isn't handled, or the handler can't wake `recv_from`: \
                        wake it by sending the socket a datagram"),
        run: shared::interrupt::<UdpPeer>,
    },
    Case {
        id: "D19-term",
        title: text!(zh "SIGTERM 与 Ctrl-C 效果相同",
                     en "SIGTERM does the same as Ctrl-C"),
        hint: text!(zh "没有像处理 SIGINT 那样处理 SIGTERM",
                    en "SIGTERM isn't handled as SIGINT is"),
        run: shared::terminate::<UdpPeer>,
    },
];

fn chinese(scene: &Scene<'_>) -> Verdict {
    let server = shared::in_chinese::<UdpPeer>(scene)?;
    let mut a = UdpPeer::join(&server, "A")?;
    a.say("你好")?;
    let (address, at) = (server.address, a.role().address);
    let all = format!("已监听 UDP 端口: {address}\n收到 {at}: 你好\n新客户端: {at}\n");
    shared::expect_all_printed(&server, &all)
}
