//! D6: stopping in order.

use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::check::cases::shared::{self, END, flood};
use crate::check::stage::speaker::Speaker;
use crate::check::stage::system::need;
use crate::check::stage::tcp_peer::Peer;
use crate::check::telling::verdict::ensure;
use crate::check::{Case, Likely, Scene, Verdict};
use crate::{text, tr};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D6",
        title: text!(zh "Ctrl-C：道别，有序关闭每个客户端的连接，退出码 0，端口立刻可以再用",
                     en "Ctrl-C: a good-bye, the end in order for every client, exit code 0, \
                         and the port is free at once"),
        hint: text!(zh "没有处理 SIGINT，或者处理时唤醒不了 `accept`：自己连接一次监听的地址，就能唤醒它",
                    en "SIGINT isn't handled, or the handler can't wake `accept`: \
                        wake it by connecting to the listener"),
        run: shared::interrupt::<Peer>,
    },
    Case {
        id: "D6-term",
        title: text!(zh "SIGTERM 与 Ctrl-C 效果相同",
                     en "SIGTERM does the same as Ctrl-C"),
        hint: text!(zh "没有像处理 SIGINT 那样处理 SIGTERM",
                    en "SIGTERM isn't handled as SIGINT is"),
        run: shared::terminate::<Peer>,
    },
    Case {
        id: "D6-stalled",
        title: text!(zh "即使有客户端不读，服务器也能在两秒内结束",
                     en "a client that doesn't read can't keep the server from ending within two seconds"),
        hint: text!(zh "要结束时，还有线程拿着锁在等这个客户端：给结束的过程设一个期限",
                    en "when the server should end, a thread that holds the lock still waits for the client: \
                        give the end a deadline"),
        run: stalled,
    },
    Case {
        id: "D6-pair",
        title: text!(zh "几毫秒之内的两个信号（`timeout` 就这样发）当作一个：有序结束，退出码 0",
                     en "two signals within a few milliseconds, as `timeout` sends them, are one: \
                         the end is in order, exit code 0"),
        hint: text!(zh "第一个信号还没来得及起作用，第二个就让进程立刻结束了：给结束的过程留一点时间",
                    en "the second signal ends the process at once, before the first could take effect: \
                        give the end a moment"),
        run: pair,
    },
    Case {
        id: "D6-twice",
        title: text!(zh "第二次 Ctrl-C 立刻结束进程",
                     en "a second Ctrl-C ends the process at once"),
        hint: text!(zh "道别是在信号处理函数里做的，第二个信号只能等它做完：把它交给另一个线程",
                    en "the good-bye is said in the signal handler, so a second signal waits for it: \
                        do it on another thread"),
        run: twice,
    },
];

fn stalled(scene: &Scene<'_>) -> Verdict {
    need(&["kill"])?;
    flood::while_stalled::<Peer>(scene, |server, b| {
        server.program.signal("INT")?;
        server.program.expect_exit(0, END)?;
        b.expect_farewell().likely(&tr!(
            zh "程序结束时，没有关闭客户端的套接字",
            en "the program ends with its clients' sockets still open"))
    })
}

/// `timeout` signals a process and then its group; on a busy machine the two are not seen at the same moment.
fn pair(scene: &Scene<'_>) -> Verdict {
    need(&["sh", "kill"])?;
    let server = scene.server()?;
    let [mut a, _b] = Peer::room(&server, ["A", "B"])?;
    let pid = server.program.pid();
    scene.log.note(tr!(zh "kill -TERM，两次，相隔几毫秒",
                       en "kill -TERM, twice, a few milliseconds apart"));
    let twice = format!("kill -TERM {pid}; sleep 0.005; kill -TERM {pid} 2>/dev/null; true");
    let sent = Command::new("sh").args(["-c", &twice]).status().is_ok_and(|status| status.success());
    let (wanted, got) = (
        tr!(zh "`sh` 发出两个信号",
            en "`sh` sends two signals"),
        tr!(zh "它没能运行",
            en "it doesn't run"),
    );
    ensure(sent, wanted, got)?;
    server.program.expect_exit(0, END)?;
    a.expect_farewell()
}

fn twice(scene: &Scene<'_>) -> Verdict {
    need(&["kill"])?;
    flood::while_stalled::<Peer>(scene, |server, _| {
        let before = server.program.stdout.bytes().len();
        server.program.signal("INT")?;
        // Two signals at the same moment are one: wait until the first shows, if it does, and until
        // a busy system has surely delivered it.
        server.program.stdout.wait_for(flood::SILENCE, |all| all.len() > before);
        thread::sleep(Duration::from_millis(100));
        server.program.signal("INT")?;
        let ended = server.program.wait(Duration::from_millis(500)).is_some();
        let (wanted, got) = (
            tr!(zh "服务器立刻结束",
                en "the server ends at once"),
            tr!(zh "半秒以后还在运行",
                en "it still runs half a second later"),
        );
        ensure(ended, wanted, got)
    })
}
