//! The server's own screen: D7 (closed, or stalled) and D12 (control characters).

use crate::check::cases::shared::{END, flood, screen};
use crate::check::stage::speaker::Speaker;
use crate::check::stage::system::need;
use crate::check::stage::tcp_peer::Peer;
use crate::check::{Case, Scene, Verdict};
use crate::text;

pub(super) const CASES: &[Case] = &[
    screen::closed::<Peer>(),
    screen::stalled::<Peer>(),
    Case {
        id: "D7-stop",
        title: text!(zh "",
                     en "a stalled stdout can't keep the server from ending within two seconds of Ctrl-C"),
        hint: text!(zh "",
                    en "the end waits until all is printed: give that wait a deadline"),
        run: stop_while_stalled,
    },
    screen::terminal::<Peer>(),
    screen::pipe::<Peer>(),
];

fn stop_while_stalled(scene: &Scene<'_>) -> Verdict {
    need(&["kill"])?;
    let server = scene.server()?;
    let members = Peer::room(&server, ["A", "B"])?;
    scene.log.note("nobody reads the server's stdout");
    server.program.stdout.stall();
    // Whether all lines come is the case before this one.
    flood::until_silent(members, scene.patience() / 4, |_| {
        server.program.signal("INT")?;
        server.program.expect_exit(0, END)
    })
}
