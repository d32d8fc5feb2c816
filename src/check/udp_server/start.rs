//! How a server starts and stops (D19), and what it shows (D7, D12).

use crate::check::play::{self, screen};
use crate::check::speaker::Speaker;
use crate::check::udp_peer::UdpPeer;
use crate::check::{Case, Scene, Verdict};

pub(super) const CASES: &[Case] = &[
    play::ipv4::<UdpPeer>("udp-ipv4"),
    play::in_use::<UdpPeer>("udp-in-use"),
    play::half_in_use::<UdpPeer>("udp-half-in-use"),
    play::usage("udp-usage"),
    Case {
        id: "udp-zh",
        title: "in Chinese a server's console reads as the notes' does, line for line",
        hint: "a message isn't in the notes' words, or a line is printed that theirs doesn't print",
        run: chinese,
    },
    screen::closed::<UdpPeer>(),
    screen::stalled::<UdpPeer>(),
    screen::terminal::<UdpPeer>(),
    screen::pipe::<UdpPeer>(),
    Case {
        id: "D19",
        title: "Ctrl-C: a good-bye, exit code 0 within two seconds, and the port is free at once",
        hint: "SIGINT isn't handled, or the handler can't wake `recv_from`: send the socket a datagram",
        run: play::interrupt::<UdpPeer>,
    },
    Case {
        id: "D19-term",
        title: "SIGTERM does the same",
        hint: "SIGTERM isn't handled as SIGINT is",
        run: play::terminate::<UdpPeer>,
    },
];

fn chinese(scene: &Scene<'_>) -> Verdict {
    let server = play::in_chinese::<UdpPeer>(scene)?;
    let mut a = UdpPeer::join(&server, "A")?;
    a.say("你好")?;
    let (address, at) = (server.address, a.role().address);
    let all = format!("已监听 UDP 端口: {address}\n收到 {at}: 你好\n新客户端: {at}\n");
    play::expect_all_printed(&server, &all)
}
