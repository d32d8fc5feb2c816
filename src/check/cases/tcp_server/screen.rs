//! The server's own screen: D7 (closed, or stalled) and D12 (control characters).

use crate::check::cases::shared::{END, flood, screen};
use crate::check::stage::speaker::Speaker;
use crate::check::stage::system::need;
use crate::check::stage::tcp_peer::Peer;
use crate::check::{Case, Scene, Verdict};
use crate::{text, tr};

pub(super) const CASES: &[Case] = &[
    screen::closed::<Peer>(),
    screen::stalled::<Peer>(),
    Case {
        id: "D7-stop",
        title: text!(zh "即使 stdout 停住了，服务器也能在 Ctrl-C 之后两秒内结束",
                     en "a stalled stdout can't keep the server from ending within two seconds of Ctrl-C"),
        hint: text!(zh "结束之前要等全部内容打印完：给这次等待设一个期限",
                    en "before it ends, the server waits until all is printed: give that wait a deadline"),
        run: stop_while_stalled,
    },
    screen::terminal::<Peer>(),
    screen::pipe::<Peer>(),
];

fn stop_while_stalled(scene: &Scene<'_>) -> Verdict {
    need(&["kill"])?;
    let server = scene.server()?;
    let members = Peer::room(&server, ["A", "B"])?;
    scene.log.note(tr!(zh "没有人读服务器的 stdout",
                       en "nobody reads the server's stdout"));
    server.program.stdout.stall();
    // Whether all lines come is the case before this one.
    flood::until_silent(members, scene.patience() / 4, |_| {
        server.program.signal("INT")?;
        server.program.expect_exit(0, END)
    })
}
