//! What goes over the wire, how a client starts, how it is stopped, and what it shows (D12, D14).

use crate::check::cases::shared::{self, client};
use crate::check::stage::output::contains;
use crate::check::stage::speaker::Speaker;
use crate::check::stage::udp_peer::UdpPeer;
use crate::check::telling::events::show;
use crate::check::telling::verdict::ensure;
use crate::check::{Case, Likely, Scene, Verdict};
use crate::text;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "client-send",
        title: text!(zh "",
                     en "each typed line is sent at once, byte for byte, as one datagram with its line break"),
        hint: text!(zh "",
                    en "typed lines are not sent, or without their line break, or turned into text and back"),
        run: client::send::<UdpPeer>,
    },
    Case {
        id: "client-print",
        title: text!(zh "",
                     en "what the server sends is printed as it is"),
        hint: text!(zh "",
                    en "datagrams are not printed, or only when a buffer is full, or turned into text and back"),
        run: client::print::<UdpPeer>,
    },
    Case {
        id: "client-localhost",
        title: text!(zh "",
                     en "`localhost` is called by IPv4, as the notes' client does"),
        hint: text!(zh "",
                    en "`localhost` is ::1 first on many systems, and connecting UDP to it always succeeds: prefer IPv4"),
        run: localhost,
    },
    Case {
        id: "client-start",
        title: text!(zh "",
                     en "at its start the client says that the room hears of it with its first line"),
        hint: text!(zh "",
                    en "a UDP server knows nobody who hasn't said anything: who only listens waits in vain, and must be told"),
        run: start,
    },
    shared::usage("client-usage"),
    client::interrupt::<UdpPeer>(),
    client::terminal::<UdpPeer>(),
    client::typing::<UdpPeer>(),
    Case {
        id: "D12-pipe",
        title: text!(zh "",
                     en "in a pipe, what peers send is printed as it is"),
        hint: text!(zh "",
                    en "control characters are spelled out although stdout is no terminal, or the bytes are turned into text"),
        run: client::pipe::<UdpPeer>,
    },
    Case {
        id: "D14",
        title: text!(zh "",
                     en "a datagram of any length is printed whole"),
        hint: text!(zh "",
                    en "the buffer for receiving is shorter than a datagram may be, and the rest is cut off silently"),
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
    scene.needs_chatroom("its own words for it")?;
    for (language, words) in
        [("en", ["connected", "first line"]), ("zh", ["已连接到 UDP 服务器\n", "第一行"])]
    {
        let server = scene.udp_host()?;
        let client =
            scene.launch().at(server.role().address).with(&["--lang", language]).program("client")?;
        words.iter().try_for_each(|part| client.expect_printed(part))?;
        let lines = client.stdout.text().lines().count();
        ensure(lines == 2, "two lines", client.printed())?;
    }
    Ok(())
}

fn whole(scene: &Scene<'_>) -> Verdict {
    let (client, mut server) = UdpPeer::call(scene, scene.launch())?;
    for (size, letter) in [(1100, "a"), (9000, "b"), (60 * 1024, "c"), (65_507, "d")] {
        let line = format!("[1.2.3.4:5]: {}\n", letter.repeat(size - 14));
        server.send(&line)?;
        let came = client.stdout.wait_for(scene.patience(), |all| contains(all, line.as_bytes()));
        ensure(came, format!("a datagram of {size} bytes is printed whole"), show(&client.stdout.bytes()))
            .likely("what doesn't fit into the buffer for receiving is cut off, silently")?;
    }
    Ok(())
}
