//! The end of input (D10), the end of the server (D11), and what is too long to send (D13).

use std::time::{Duration, Instant};

use crate::check::cases::shared::{END, client};
use crate::check::stage::speaker::Speaker;
use crate::check::stage::ws_peer::WsPeer;
use crate::check::telling::verdict::ensure;
use crate::check::{Case, Likely, Scene, Verdict};
use crate::{text, tr};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D10",
        title: text!(zh "输入结束后，客户端发送 Close 1000，打印之后到来的内容，以退出码 0 结束",
                     en "at the end of input the client sends Close 1000, prints what still comes, and ends \
                         with exit code 0"),
        hint: text!(zh "输入一结束，程序就结束了：应当发送 Close 1000，并继续读到连接结束",
                    en "the end of input ends the program: send Close 1000, and read on to the end of the \
                        connection"),
        run: answers,
    },
    Case {
        id: "D10-wait",
        title: text!(zh "输入结束后，最多等 3 秒，让服务器道别",
                     en "after the end of input the client waits for the server's good-bye, for at most 3 s"),
        hint: text!(zh "等待最后的回答没有期限，或者期限太短",
                    en "the wait for last answers has no limit, or a shorter one"),
        run: wait,
    },
    Case {
        id: "D11",
        title: text!(zh "服务器一声不响地离开时，说一句话，退出码为 1，即使键盘输入还没有结束",
                     en "when the server leaves without a word: one sentence, exit code 1, although the \
                         keyboard is still open"),
        hint: text!(zh "读键盘的线程还在等：得知连接结束的线程必须结束整个程序",
                    en "the thread that reads the keyboard goes on waiting: the one that hears of the end \
                        must end the program"),
        run: client::server_leaves::<WsPeer>,
    },
    client::reset::<WsPeer>(),
    Case {
        id: "D11-close",
        title: text!(zh "服务器发来 Close 1001 时，客户端回应它，说一句话，退出码为 1",
                     en "when the server sends Close 1001: an answer to it, one sentence, exit code 1"),
        hint: text!(zh "关闭帧也表示结束：回应它，说明情况，再结束程序",
                    en "a close frame is the end, too: answer it, say so, and end the program"),
        run: server_closes,
    },
    client::too_long::<WsPeer>(),
    client::exact::<WsPeer>(),
];

/// How long a server may think about its last answer.
const THINKING: Duration = Duration::from_millis(300);

fn answers(scene: &Scene<'_>) -> Verdict {
    let (mut client, mut server) = WsPeer::call(scene, scene.launch())?;
    client.type_in("question\nlast words")?;
    client.end_input();
    ["question", "last words"].iter().try_for_each(|line| server.expect_typed(line))?;
    let said = server.expect_close(1000);
    said.likely(&tr!(zh "客户端没有道别，也就是没有发送 Close 1000",
                     en "the client doesn't say good-bye: Close 1000"))?;
    let waits = client.wait(THINKING).is_none();
    let wanted = tr!(zh "客户端等待之后到来的内容", en "the client waits for what still comes");
    ensure(waits, wanted, client.printed())?;
    server.say("[1.2.3.4:5]: answer")?;
    client.expect_printed("[1.2.3.4:5]: answer\n")?;
    server.close(1000)?;
    drop(server);
    client.expect_exit(0, END)?;
    client.expect_no_warning()
}

fn wait(scene: &Scene<'_>) -> Verdict {
    let (mut client, mut server) = WsPeer::call(scene, scene.launch())?;
    client.end_input();
    server.expect_close(1000)?;
    let start = Instant::now();
    client.expect_exit(0, Duration::from_secs(5))?;
    let waited = start.elapsed();
    let wanted = tr!(zh "客户端等待 3 秒", en "the client waits for 3 s");
    ensure(waited > Duration::from_secs(2), wanted, format!("{waited:?}"))
}

fn server_closes(scene: &Scene<'_>) -> Verdict {
    let (client, mut server) = WsPeer::call(scene, scene.launch())?;
    server.close(1001)?;
    server.expect_close(1001)?;
    client.expect_exit(1, END)?;
    client.expect_one_sentence("")
}
