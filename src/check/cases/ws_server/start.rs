//! How a server starts and stops (D28), and what it shows (D7, D12).

use crate::check::cases::shared::{self, END, flood, screen};
use crate::check::stage::speaker::{Heard, Speaker};
use crate::check::stage::system::need;
use crate::check::stage::tcp_peer::Peer;
use crate::check::stage::ws_peer::WsPeer;
use crate::check::telling::verdict::ensure;
use crate::check::{Case, Scene, Verdict};

use super::two;
use crate::{text, tr};

pub(super) const CASES: &[Case] = &[
    shared::ipv4::<WsPeer>("ws-ipv4"),
    shared::in_use::<WsPeer>("ws-in-use"),
    shared::restart::<WsPeer>("ws-restart"),
    shared::half_in_use::<WsPeer>("ws-half-in-use"),
    shared::usage("ws-usage"),
    Case {
        id: "ws-zh",
        title: text!(zh "用中文时，服务器控制台上的内容与笔记的服务器逐行相同",
                     en "in Chinese a server's console reads as that of the notes' server does, line for \
                         line"),
        hint: text!(zh "有一句不是笔记里的原话，或者多打印了笔记的服务器不打印的一行",
                    en "a message isn't in the notes' words, or a line is printed that the notes' server \
                        doesn't print"),
        run: chinese,
    },
    screen::closed::<WsPeer>(),
    screen::stalled::<WsPeer>(),
    screen::terminal::<WsPeer>(),
    screen::pipe::<WsPeer>(),
    Case {
        id: "D28",
        title: text!(zh "Ctrl-C：每个客户端收到 Close 1001，然后连接结束；控制台道别，退出码为 0，\
                         端口可以再用",
                     en "Ctrl-C: each client gets Close 1001 and then the end, the console says good-bye, \
                         the exit code is 0, and the port is free"),
        hint: text!(zh "没有处理 SIGINT，或者一句话不说就关闭了客户端的套接字：先发 Close 1001",
                    en "SIGINT isn't handled, or the clients' sockets are closed without a word: send Close \
                        1001 first"),
        run: interrupt,
    },
    Case {
        id: "D28-term",
        title: text!(zh "SIGTERM 与 Ctrl-C 效果相同",
                     en "SIGTERM does the same as Ctrl-C"),
        hint: text!(zh "没有像 SIGINT 那样处理 SIGTERM",
                    en "SIGTERM isn't handled as SIGINT is"),
        run: terminate,
    },
    Case {
        id: "D28-stalled",
        title: text!(zh "即使有客户端不读，服务器也在两秒内结束",
                     en "a client that doesn't read can't keep the server from ending within two seconds"),
        hint: text!(zh "服务器要结束时，还拿着锁等那个客户端：给结束也设一个期限",
                    en "when the server is to end, it still waits for that client, with the lock held: give \
                        the end a deadline"),
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
    let _idle = Peer::join(&server, &tr!(zh "什么也不请求的客户端", en "a client that asks for nothing"))?;
    let mut before =
        Peer::join(&server, &tr!(zh "请求没有发完的客户端", en "a client whose request isn't whole"))?;
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
        let wanted = tr!(zh "B 收到 Close 1001", en "B gets Close 1001");
        ensure(last.told() == "Close 1001", wanted, last.told())?;
        b.expect_end_at_once()
    })
}
