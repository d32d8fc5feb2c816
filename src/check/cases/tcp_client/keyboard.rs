//! The end of input (D10), the end of the server (D11), and what is too long to send (D13).

use std::thread;
use std::time::{Duration, Instant};

use crate::check::cases::shared::{END, client};
use crate::check::stage::speaker::Speaker;
use crate::check::stage::tcp_peer::Peer;
use crate::check::telling::verdict::ensure;
use crate::check::{Case, Likely, Scene, Verdict};
use crate::{text, tr};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D10",
        title: text!(zh "输入结束时，客户端只关闭发送方向，继续打印收到的内容，最后以退出码 0 结束",
                     en "at the end of input the client half-closes, prints what still comes, \
                         and ends with exit code 0"),
        hint: text!(zh "输入一结束，程序也结束了：应当只关闭发送方向，继续读，直到对方也结束",
                    en "the end of input ends the program: shut down only the sending side, \
                        and read on to the end"),
        run: answers,
    },
    Case {
        id: "D10-wait",
        title: text!(zh "输入结束后继续等回答，直到 5 秒没有收到任何字节",
                     en "after the end of input it waits for answers until 5 s have passed without a byte"),
        hint: text!(zh "等最后的回答没有期限，或者期限太短，或者收到字节后没有重新计时",
                    en "the wait for last answers has no limit, or a shorter one, \
                        or doesn't begin anew with each byte"),
        run: wait,
    },
    Case {
        id: "D11",
        title: text!(zh "服务器离开时：说一句话，退出码 1，哪怕键盘输入还没有结束",
                     en "when the server leaves: one sentence, exit code 1, although the keyboard is still open"),
        hint: text!(zh "读键盘的线程还在等：发现服务器离开的那个线程要结束整个程序",
                    en "the thread that reads the keyboard goes on waiting: \
                        the one that sees the server leave must end the program"),
        run: client::server_leaves::<Peer>,
    },
    client::reset::<Peer>(),
    client::too_long::<Peer>(),
    client::exact::<Peer>(),
];

fn answers(scene: &Scene<'_>) -> Verdict {
    let (mut client, mut server) = Peer::call(scene, scene.launch())?;
    client.type_in("question\n")?;
    client.end_input();
    server.expect_typed("question")?;
    server.expect_end(scene.patience()).likely(&tr!(
        zh "客户端没有让对方知道它不再发送：要半关闭，也就是只关闭发送方向",
        en "the client doesn't let the server know that it won't send any more: half-close the connection"))?;
    server.send("[1.2.3.4:5]: answer 1\n[1.2.3.4:5]: answer 2\n")?;
    client.expect_printed("[1.2.3.4:5]: answer 2\n")?;
    client.expect_running()?;
    server.leave();
    client.expect_exit(0, END)?;
    client.expect_no_warning()
}

/// Between two bytes: less than the limit, but two of them are more.
const PAUSE: Duration = Duration::from_secs(3);

fn wait(scene: &Scene<'_>) -> Verdict {
    let (mut client, mut server) = Peer::call(scene, scene.launch())?;
    client.end_input();
    server.expect_end(scene.patience())?;
    for piece in ["[1.2.3.4:5]: slow ", "answer\n"] {
        thread::sleep(PAUSE); // A slow server is what this is about.
        server.send(piece)?;
    }
    client.expect_printed("[1.2.3.4:5]: slow answer\n")?;
    let start = Instant::now();
    client.expect_exit(0, Duration::from_secs(7))?;
    let waited = start.elapsed();
    let (wanted, got) = (
        tr!(zh "它再等 5 秒",
            en "it waits for another 5 s"),
        tr!(zh "它等了 {waited:?}",
            en "it waited for {waited:?}"),
    );
    ensure(waited > Duration::from_secs(4), wanted, got)
}
