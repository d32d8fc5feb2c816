//! What there is only so much of: descriptors (D5), places (D8), threads (D9). And the console's input (D1).

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::check::cases::shared::{END, crowd, expect_reason};
use crate::check::stage::speaker::{Heard, Speaker, relay};
use crate::check::stage::system::need;
use crate::check::stage::tcp_peer::Peer;
use crate::check::telling::verdict::{fail, not_checked};
use crate::check::{Case, Likely, Scene, Verdict};
use crate::{text, tr};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D1",
        title: text!(zh "控制台输入结束后，聊天室照常运行，也不空耗处理器",
                     en "when the console's input ends, the room goes on, and the processor rests"),
        hint: text!(zh "读控制台的循环一次又一次地失败：输入结束时要退出循环，但不要退出程序",
                    en "reading the console fails again and again in a loop: \
                        leave the loop at the end of input, but not the program"),
        run: no_console,
    },
    crowd::descriptors::<Peer>(),
    Case {
        id: "D5-stop",
        title: text!(zh "描述符用完时，Ctrl-C 仍然能让服务器有序结束",
                     en "out of descriptors, Ctrl-C still ends the server in order"),
        hint: text!(zh "唤醒 `accept` 要用一个连接，连接又要用一个描述符：预留一个，\
                        并且每次停顿之后都看一眼停止标志",
                    en "waking `accept` takes a connection, and a connection takes a descriptor: \
                        keep a spare one, and look at the stop flag after each pause"),
        run: stop_without_descriptors,
    },
    Case {
        id: "D8",
        title: text!(zh "聊天室满了以后，多出来的客户端会收到一行说明；有了空位，才能进来",
                     en "one client too many gets a line that says so, and gets in once there is a place"),
        hint: text!(zh "客户端从 accept 起到线程结束都要计数；多出来的那一个，发一行说明，然后关闭",
                    en "count clients from accept to the end of their thread; send one too many a line, \
                        and close it"),
        run: places,
    },
    Case {
        id: "D9",
        title: text!(zh "再也开不出线程时，新来的被拒之门外，聊天室照常运行",
                     en "when no more threads can be started, newcomers are turned away and the room goes on"),
        hint: text!(zh "启动线程可能失败，这时 Rust 的 `thread::spawn` 会 panic：改用 `thread::Builder`，\
                        断开新来的客户端",
                    en "starting a thread can fail, and Rust's `thread::spawn` panics then: \
                        use `thread::Builder`, and drop the newcomer"),
        run: threads,
    },
];

/// How long an answer is waited for before the question is asked again.
const SHORT: Duration = Duration::from_millis(50);

fn no_console(scene: &Scene<'_>) -> Verdict {
    let server = scene.launch().without_keyboard().server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    crowd::expect_rest(&server)?;
    relay(&mut a, &mut b, "the room goes on")?;
    server.program.expect_running()
}

fn stop_without_descriptors(scene: &Scene<'_>) -> Verdict {
    need(&["sh", "kill"])?;
    let server = scene.launch().after_shell("ulimit -n 30").starved().server()?;
    let [mut a, _b] = Peer::room(&server, ["A", "B"])?;
    let _crowd = crowd::too_many(&server)?;
    // It has come to the limit when it warns; one that doesn't warn has had some time.
    server.program.stderr.wait_for(SHORT * 10, |all| !all.is_empty());
    server.program.signal("INT")?;
    server.program.expect_exit(0, END)?;
    a.expect_end(scene.patience())
}

fn places(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--max-clients")?;
    let server = scene.launch().with(&["--max-clients", "2"]).server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    let mut c = Peer::join(&server, "C")?;
    let full = tr!(zh "一行，写明聊天室已满",
                   en "a line that says that the room is full");
    expect_reason(&mut c, &full)?;
    c.expect_end(scene.patience())?;
    relay(&mut a, &mut b, "C isn't here")?;
    b.leave();
    Peer::late(&server, "D", &mut a).map(|_| ())
}

/// The threads that the program may have: a few for itself, a few for clients.
const THREADS: &str = "14:14";

fn threads(scene: &Scene<'_>) -> Verdict {
    need(&["setpriv", "prlimit", "id"])?;
    let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    if !root {
        return not_checked(tr!(
            zh "线程数按用户计算，而只有 root 才能让服务器以一个单独的用户运行",
            en "threads are counted by user, and only root can run the server as a user of its own"));
    }
    // A user that nobody is, and another one each time, so that nobody else's threads count.
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let user = (100_000 + std::process::id() * 16 + COUNT.fetch_add(1, Ordering::Relaxed) % 16).to_string();
    let limited = [
        "setpriv",
        "--reuid",
        &user,
        "--regid",
        &user,
        "--clear-groups",
        "prlimit",
        &format!("--nproc={THREADS}"),
    ];
    let server = scene.launch().under(&limited).starved().server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    let mut crowd = crowd::too_many(&server)?;
    scene.log.note(tr!(zh "每一个要么进来，要么被拒绝，不能卡在门口",
                       en "each of them must get in or be turned away; nobody may be left at the door"));
    relay(&mut a, &mut b, "full, but alive")?;
    crowd.iter_mut().try_for_each(|someone| answered(someone, &mut a, &mut b, scene.patience()))?;
    drop(crowd);
    scene.log.note(tr!(zh "它们离开",
                       en "they leave"));
    let late = Peer::late(&server, "C", &mut a).likely(&tr!(
        zh "已经结束的线程还算在数内",
        en "a thread that has ended is still counted"));
    let mut c = server.unless_ended(late)?;
    relay(&mut c, &mut a, "room again")
}

/// A newcomer must hear the room (if it isn't in it yet, at the next line), or the end of its connection.
fn answered(newcomer: &mut Peer, a: &mut Peer, b: &mut Peer, patience: Duration) -> Verdict {
    let deadline = Instant::now() + patience;
    while newcomer.next(SHORT) == Heard::Nothing {
        relay(a, b, "are you in?")?;
        if Instant::now() >= deadline {
            return fail(
                tr!(zh "每个新来的客户端都能收到别人的话，或者被断开",
                    en "each newcomer hears the room, or is turned away"),
                tr!(zh "有一个什么也收不到",
                    en "one of them hears nothing"),
            );
        }
    }
    Ok(())
}
