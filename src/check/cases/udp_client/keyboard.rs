//! The end of input, nobody at the other end (D17), and what is too long to send (D18).

use std::time::{Duration, Instant};

use crate::check::cases::shared::client;
use crate::check::stage::output::contains;
use crate::check::stage::program::Program;
use crate::check::stage::speaker::{Heard, Speaker};
use crate::check::stage::system::need_tracing;
use crate::check::stage::udp_peer::UdpPeer;
use crate::check::telling::events::show;
use crate::check::telling::verdict::{ensure, fail};
use crate::check::{Case, Likely, Scene, Verdict};
use crate::{text, tr};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "client-end",
        title: text!(zh "输入结束时，输入的内容全部发送，客户端以退出码 0 结束",
                     en "at the end of input all that was typed is sent, and the client ends with exit code 0"),
        hint: text!(zh "没有注意到输入结束，或者没有换行的最后一行丢了",
                    en "the end of input isn't noticed, or a last line without a line break is lost"),
        run: end,
    },
    Case {
        id: "D17",
        title: text!(zh "没有程序在监听时，客户端说一次，继续运行；有程序监听之后，又能收到消息",
                     en "when nobody listens the client says so once and goes on, \
                         and hears again when somebody listens"),
        hint: text!(zh "被拒绝只是一个数据报的错误，到下一次调用才报告：继续运行，不要退出循环",
                    en "a refusal is an error of one datagram, reported at the next call: go on after it, \
                        don't end the loop"),
        run: nobody,
    },
    Case {
        id: "D17-again",
        title: text!(zh "服务器重启以后，客户端又能收到它的消息",
                     en "a server that is restarted is heard again"),
        hint: text!(zh "接收循环一出错就结束，客户端从此什么也收不到",
                    en "the loop that receives ends at the first error, and the client is deaf from then on"),
        run: restarted,
    },
    Case {
        id: "D18",
        title: text!(zh "输入的一行太长、一个数据报装不下时，客户端用一句话说明，接着发送下一行",
                     en "a typed line too long for a datagram is refused with one sentence, \
                         and the next line is sent"),
        hint: text!(zh "超过数据报上限的内容发送不了，客户端因此结束：只跳过这一行就好",
                    en "sending more than a datagram carries fails, and the failure ends the client: \
                        leave out that line alone"),
        run: too_long,
    },
    Case {
        id: "D18-refused",
        title: text!(zh "数据报太大、被系统拒绝时，客户端用一句话说明，接着发送下一行",
                     en "when the system refuses a datagram for its size, \
                         the client says so in one sentence, and sends the next line"),
        hint: text!(zh "只要发送出错，客户端就结束：UDP 的发送错误只关系到一个数据报，说明之后继续运行",
                    en "any error of sending ends the client: over UDP it is about one datagram, \
                        so say it and go on"),
        run: refused,
    },
    Case {
        id: "D18-most",
        title: text!(zh "输入的一行有 64,000 字节，也完整发送",
                     en "a typed line of 64,000 bytes is sent whole"),
        hint: text!(zh "上限远远低于一个数据报能装的长度",
                    en "the limit is far below what a datagram carries"),
        run: most,
    },
];

fn end(scene: &Scene<'_>) -> Verdict {
    let (mut client, mut server) = UdpPeer::call(scene, scene.launch())?;
    client.type_in("one\ntwo\nlast words")?;
    client.end_input();
    ["one", "two", "last words"].iter().try_for_each(|line| server.expect_typed(line))?;
    client.expect_exit(0, scene.patience())?;
    // The notes' client closes its socket while it still listens, and may warn of that.
    if scene.target.is_chatroom { client.expect_no_warning() } else { Ok(()) }
}

/// How long a line is waited for before another is typed: a datagram may be lost to a refusal.
const AGAIN: Duration = Duration::from_millis(250);

/// Time for a refusal to be told again, as it mustn't.
const A_MOMENT: Duration = Duration::from_millis(30);

/// Types lines until the server gets one. None of an earlier server's may come.
fn heard_again(scene: &Scene<'_>, client: &mut Program, server: &mut UdpPeer) -> Verdict {
    let deadline = Instant::now() + scene.patience();
    for i in 0.. {
        client.type_in(format!("are you there? {i}\n"))?;
        if matches!(server.next(AGAIN), Heard::Words(line) if line.starts_with(b"are you there? ")) {
            break;
        }
        server.forget(); // It may have been a stray datagram for whoever had this port before.
        client.expect_running()?;
        if Instant::now() > deadline {
            return fail(
                tr!(zh "服务器已经在监听，能收到输入的内容",
                    en "the server gets what is typed, now that it listens"),
                tr!(zh "什么也没收到",
                    en "nothing of it"),
            );
        }
    }
    server.say("[1.2.3.4:5]: welcome")?;
    client.expect_printed("[1.2.3.4:5]: welcome\n").likely(&tr!(
        zh "被拒绝一次之后，客户端就什么也收不到了",
        en "the client is deaf after a refusal"))
}

/// Types lines until the client says that nobody listens.
fn is_told(scene: &Scene<'_>, client: &mut Program) -> Verdict {
    let deadline = Instant::now() + scene.patience();
    while !client.stderr.wait_for(AGAIN, |all| contains(all, b"\n")) {
        if client.stderr.wait_for_end(Duration::ZERO) {
            client.wait(AGAIN); // It is ending, so there is nothing to wait for but that.
        }
        client.expect_running()?;
        client.type_in("anybody there?\n")?;
        if Instant::now() > deadline {
            let said = fail(
                tr!(zh "在 stderr 上说明没有程序在监听",
                    en "a word on stderr that nobody listens"),
                tr!(zh "什么也没有",
                    en "nothing"),
            );
            return said.likely(&tr!(
                zh "数据报被拒绝了，却没有说明",
                en "the refusal isn't told"));
        }
    }
    Ok(())
}

fn nobody(scene: &Scene<'_>) -> Verdict {
    let address = scene.udp_host()?.role().address.to_string(); // Which nobody listens on from here on.
    let mut client = scene.launch().at(&address).program("client")?;
    is_told(scene, &mut client)?;
    for i in 0..5 {
        client.type_in(format!("and now? {i}\n"))?;
        client.stderr.wait_for(A_MOMENT, |all| all.iter().filter(|&&byte| byte == b'\n').count() > 1);
    }
    client.expect_running()?;
    let mut server = scene.udp_host_at(&address)?;
    scene.log.note(tr!(zh "现在有程序在监听了",
                       en "now somebody listens"));
    heard_again(scene, &mut client, &mut server)?;
    let said = client.stderr.text();
    let wanted = tr!(zh "stderr 上有一句话，只说一次",
                     en "one sentence on stderr, once");
    ensure(said.lines().count() == 1, wanted, show(said.as_bytes()))
}

fn restarted(scene: &Scene<'_>) -> Verdict {
    let (mut client, server) = UdpPeer::call(scene, scene.launch())?;
    let address = server.role().address.to_string();
    scene.log.note(tr!(zh "服务器结束",
                       en "the server ends"));
    drop(server);
    is_told(scene, &mut client)?;
    scene.log.note(tr!(zh "服务器再次启动",
                       en "the server starts again"));
    heard_again(scene, &mut client, &mut scene.udp_host_at(&address)?)
}

fn too_long(scene: &Scene<'_>) -> Verdict {
    let (mut client, mut server) = UdpPeer::call(scene, scene.launch())?;
    client::leaves_out(&mut client, &mut server, 65_507)?;
    // With the prefix, this one would be too long for the server to relay.
    client.type_in("y".repeat(65_500) + "\nlast\n")?;
    server.expect_typed("last").likely(&tr!(
        zh "没有给服务器要加的前缀留出空间",
        en "no room is left for the prefix that the server adds"))
}

/// Systems differ in what they refuse. Here strace makes this one refuse the second datagram.
fn refused(scene: &Scene<'_>) -> Verdict {
    need_tracing()?;
    let refusing = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=sendto,sendmsg", "-e"];
    let inject = "inject=sendto,sendmsg:error=EMSGSIZE:when=2";
    let launch = scene.launch().under(&refusing).under(&[inject]);
    let (mut client, mut server) = UdpPeer::call(scene, launch)?;
    scene.log.note(tr!(zh "下一个数据报会因为太大被系统拒绝",
                       en "the system refuses the next datagram for its size"));
    client.type_in("refused\nnext\n")?;
    server.expect_typed("next")?;
    client.expect_one_warning()
}

fn most(scene: &Scene<'_>) -> Verdict {
    client::sends_whole::<UdpPeer>(scene, 64_000)
}
