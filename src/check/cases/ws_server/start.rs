//! How a server starts and stops (D28), and what it shows (D7, D12).

use crate::check::cases::shared::{self, END, flood, screen};
use crate::check::stage::speaker::{Heard, Speaker};
use crate::check::stage::system::need;
use crate::check::stage::tcp_peer::Peer;
use crate::check::stage::ws_peer::WsPeer;
use crate::check::telling::verdict::ensure;
use crate::check::{Case, Scene, Verdict};

use super::two;
use crate::text;

pub(super) const CASES: &[Case] = &[
    shared::ipv4::<WsPeer>("ws-ipv4"),
    shared::in_use::<WsPeer>("ws-in-use"),
    shared::half_in_use::<WsPeer>("ws-half-in-use"),
    shared::usage("ws-usage"),
    Case {
        id: "ws-zh",
        title: text!(zh "",
                     en "in Chinese a server's console reads as the notes' does, line for line"),
        hint: text!(zh "",
                    en "a message isn't in the notes' words, or a line is printed that theirs doesn't print"),
        run: chinese,
    },
    screen::closed::<WsPeer>(),
    screen::stalled::<WsPeer>(),
    screen::terminal::<WsPeer>(),
    screen::pipe::<WsPeer>(),
    Case {
        id: "D28",
        title: text!(zh "",
                     en "Ctrl-C: Close 1001 to each client and then the end, a good-bye, exit code 0, and the port is free"),
        hint: text!(zh "",
                    en "SIGINT isn't handled, or the clients' sockets are closed without a word: send Close 1001 first"),
        run: interrupt,
    },
    Case {
        id: "D28-term",
        title: text!(zh "",
                     en "SIGTERM does the same"),
        hint: text!(zh "",
                    en "SIGTERM isn't handled as SIGINT is"),
        run: terminate,
    },
    Case {
        id: "D28-stalled",
        title: text!(zh "",
                     en "a client that doesn't read can't keep the server from ending within two seconds"),
        hint: text!(zh "",
                    en "something under the lock waits for the client while the end is asked for: give the end a deadline"),
        run: stalled,
    },
];

fn chinese(scene: &Scene<'_>) -> Verdict {
    let server = shared::in_chinese::<WsPeer>(scene)?;
    let mut a = WsPeer::join(&server, "A")?;
    let (address, at) = (server.address, a.role().address);
    a.say("你好")?;
    let words = format!("[{at}]: 你好\n");
    server.program.expect_printed(&words)?;
    a.leave();
    let all =
        format!("WebSocket 服务器启动，监听 {address}\n新客户端连接:{at}\n{words}客户端断开连接:{at}\n");
    shared::expect_all_printed(&server, &all)
}

fn interrupt(scene: &Scene<'_>) -> Verdict {
    ends_in_order(scene, "INT")
}

fn terminate(scene: &Scene<'_>) -> Verdict {
    ends_in_order(scene, "TERM")
}

fn ends_in_order(scene: &Scene<'_>, signal: &str) -> Verdict {
    let server = scene.server()?;
    let members = two(&server)?;
    let _idle = Peer::join(&server, "somebody who never asks for anything")?;
    let mut before = Peer::join(&server, "somebody whose request isn't whole")?;
    before.send("GET / HT")?;
    shared::stop(scene, &server, signal, members)
}

fn stalled(scene: &Scene<'_>) -> Verdict {
    need(&["kill"])?;
    flood::while_stalled::<WsPeer>(scene, |server, b| {
        server.program.signal("INT")?;
        server.program.expect_exit(0, END)?;
        // What the room still said before its end.
        let mut last = b.next(scene.patience());
        while let Heard::Words(_) = last {
            last = b.next(scene.patience());
        }
        ensure(last.told() == "Close 1001", "B gets Close 1001", last.told())?;
        b.expect_end_at_once()
    })
}
