//! The client's screen: D12.

use crate::check::peer::Peer;
use crate::check::system::need;
use crate::check::terminal::{expect_visible, hostile};
use crate::check::{Case, Scene, Verdict};

use super::{Call, call, call_with};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D12",
        title: "on a terminal, control characters from peers are made visible",
        hint: "what a peer sends is printed as it is: on a terminal, spell control characters out",
        run: terminal,
    },
    Case {
        id: "D12-pipe",
        title: "in a pipe, what peers send is printed as it is",
        hint: "control characters are spelled out although stdout is no terminal, or the bytes are turned into text",
        run: pipe,
    },
];

fn from_a_stranger() -> Vec<u8> {
    [b"[1.2.3.4:5]: ", &hostile::<Peer>()[..], b"\n"].concat()
}

fn terminal(scene: &Scene<'_>) -> Verdict {
    need(&["script"])?;
    let Call { client, mut server, .. } = call_with(scene, scene.launch().on_terminal())?;
    server.send(from_a_stranger())?;
    expect_visible(&client)
}

fn pipe(scene: &Scene<'_>) -> Verdict {
    let Call { client, mut server, .. } = call(scene)?;
    server.send(from_a_stranger())?;
    client.expect_printed(from_a_stranger())
}
