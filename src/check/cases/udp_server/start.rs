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
        title: text!(zh "",
                     en "in Chinese a server's console reads as the notes' does, line for line"),
        hint: text!(zh "",
                    en "a message isn't in the notes' words, or a line is printed that theirs doesn't print"),
        run: chinese,
    },
    screen::closed::<UdpPeer>(),
    screen::stalled::<UdpPeer>(),
    screen::terminal::<UdpPeer>(),
    screen::pipe::<UdpPeer>(),
    Case {
        id: "D19",
        title: text!(zh "",
                     en "Ctrl-C: a good-bye, exit code 0 within two seconds, and the port is free at once"),
        hint: text!(zh "",
                    en "SIGINT isn't handled, or the handler can't wake `recv_from`: send the socket a datagram"),
        run: shared::interrupt::<UdpPeer>,
    },
    Case {
        id: "D19-term",
        title: text!(zh "",
                     en "SIGTERM does the same"),
        hint: text!(zh "",
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
