//! Plays that are the same for all kinds of programs, whatever carries the words.
//!
//! A function that takes a scene is a whole play; a case names it with its kind of [`Speaker`]. Where the title and
//! the hint are the same too, a `const fn` is the whole case. The rest are scenes of plays.

pub mod client;
pub mod crowd;
pub mod flood;
pub mod pace;
pub mod screen;
pub mod slow;
pub mod wire;

use std::fmt;
use std::time::Duration;

use crate::check::Case;
use crate::check::stage::scene::{Scene, Server};
use crate::check::stage::speaker::{Speaker, relay};
use crate::check::stage::system::need;
use crate::check::telling::events::show;
use crate::check::telling::verdict::{Likely, Verdict, ensure, not_checked};
use crate::{text, tr};

/// Within this a program that is asked to end has ended, whatever its peers do.
pub const END: Duration = Duration::from_secs(2);

/// A server that listens on every interface.
pub const fn ipv4<S: Speaker>(id: &'static str) -> Case {
    Case {
        id,
        title: text!(zh "服务器监听所有网卡时，用 IPv4 连来的客户端显示为 IPv4 地址",
                     en "a client that comes by IPv4 is shown as IPv4 when the server listens on every interface"),
        hint: text!(zh "在 IPv6 和 IPv4 共用的套接字上，系统把 1.2.3.4 显示成 ::ffff:1.2.3.4：打印之前要还原成 IPv4 地址",
                    en "on a socket for IPv6 and IPv4 the system shows 1.2.3.4 as ::ffff:1.2.3.4: print the canonical address"),
        run: is_shown_as_ipv4::<S>,
    }
}

fn is_shown_as_ipv4<S: Speaker>(scene: &Scene<'_>) -> Verdict {
    let everywhere = if scene.target.chooses_port() { ":0" } else { &scene.target.address };
    if !everywhere.starts_with(':') && !everywhere.starts_with("[::]:") {
        return not_checked(tr!(zh "{everywhere} 不是所有网卡", en "{everywhere} is not every interface"));
    }
    let server = S::serve(scene.launch().at(everywhere))?;
    let [mut a, mut b] = S::room(&server, ["A", "B"])?;
    a.say("who am I?")?;
    b.expect(format!("[127.0.0.1:{}]: who am I?\n", a.role().address.port()))
}

/// A server whose address is taken.
pub const fn in_use<S: Speaker>(id: &'static str) -> Case {
    Case {
        id,
        title: text!(zh "服务器无法监听时，用一句话说明，并写明地址，退出码 1",
                     en "a server that can't listen says so in one sentence that names the address, with exit code 1"),
        hint: text!(zh "没有检查 bind 的错误，或者没有把它说出来",
                    en "the error of bind is not looked at, or not told"),
        run: finds_its_address_taken::<S>,
    }
}

fn finds_its_address_taken<S: Speaker>(scene: &Scene<'_>) -> Verdict {
    let (taken, _held) = S::occupy(scene, &scene.target.address)?;
    scene.log.note(tr!(zh "检查器在监听 {taken}", en "the checker listens on {taken}"));
    let program = scene.launch().at(taken).program("server")?;
    program.unless_uncaught(program.expect_exit(1, scene.patience()))?;
    // Go's `:8080` has no host to name.
    program.expect_one_sentence(&format!(":{}", taken.port()))
}

/// A server that is killed while its clients are connected, and started again.
pub const fn restart<S: Speaker>(id: &'static str) -> Case {
    Case {
        id,
        title: text!(zh "服务器被强行结束之后，可以立刻在同一个端口上再次启动",
                     en "a server that was killed can be started again at once, at the same port"),
        hint: text!(zh "上一次的连接还没有完全结束，系统就还留着端口：绑定之前要设置 SO_REUSEADDR",
                    en "the system keeps a port whose last connections aren't quite over: set SO_REUSEADDR before bind"),
        run: starts_again::<S>,
    }
}

fn starts_again<S: Speaker>(scene: &Scene<'_>) -> Verdict {
    let server = S::serve(scene.launch())?;
    let members = S::room(&server, ["A", "B"])?;
    scene.log.note(text!(zh "服务器被强行结束，A 和 B 还连着；随后再次启动",
                         en "the server is killed while A and B are connected, and started again"));
    let address = server.address;
    drop(server);
    drop(members);
    let again = S::serve(scene.launch().at(address))?;
    S::room(&again, ["C", "D"]).map(|_| ())
}

/// A server that is to listen everywhere, where somebody has a part of it.
pub const fn half_in_use<S: Speaker>(id: &'static str) -> Case {
    Case {
        id,
        title: text!(zh "[::1] 的这个端口被别的程序占用时，`:端口` 拒绝启动，以免聊天室有一半地址连不上",
                     en "`:PORT` is refused when another program has that port of [::1]: no room that half the machine can't reach"),
        hint: text!(zh "IPv6 出了任何错误，服务器都改为只监听 IPv4：只有在没有 IPv6 的机器上才可以这样",
                    en "after any error of IPv6 the server listens on IPv4 alone: do that only where there is no IPv6"),
        run: finds_half_its_address_taken::<S>,
    }
}

fn finds_half_its_address_taken<S: Speaker>(scene: &Scene<'_>) -> Verdict {
    if !scene.target.chooses_port() {
        return not_checked(
            text!(zh "这个程序不能换一个地址启动", en "it can't be started on another address"),
        );
    }
    let (taken, _held) = S::occupy(scene, "[::1]:0")?;
    scene.log.note(tr!(zh "检查器在监听 {taken}", en "the checker listens on {taken}"));
    let program = scene.launch().at(format!(":{}", taken.port())).program("server")?;
    program.expect_exit(1, scene.patience())?;
    program.expect_one_sentence(&format!(":{}", taken.port()))
}

/// An option that no program has.
pub const fn usage(id: &'static str) -> Case {
    Case {
        id,
        title: text!(zh "不认识的选项是用法错误：一句话说明，退出码 2",
                     en "an option that isn't known is a usage error: one sentence, exit code 2"),
        hint: text!(zh "不认识的选项被忽略了",
                    en "unknown options are ignored"),
        run: is_called_wrongly,
    }
}

fn is_called_wrongly(scene: &Scene<'_>) -> Verdict {
    if !scene.target.is_chatroom {
        return not_checked(text!(zh "只有 chatroom 规定了用法错误的退出码",
                                 en "only chatroom has an exit code for usage errors"));
    }
    let program = scene.launch().with(&["--nonsense"]).program("program")?;
    program.expect_exit(2, scene.patience())?;
    program.expect_one_sentence("--nonsense")
}

/// A server that is to speak Chinese.
pub fn in_chinese<S: Speaker>(scene: &Scene<'_>) -> Verdict<Server> {
    scene.needs_chatroom("--lang zh")?;
    S::serve(scene.launch().with(&["--lang", "zh"]))
}

/// All that a server printed, once its end has come.
pub fn expect_all_printed(server: &Server, all: &str) -> Verdict {
    let last = all.trim_end().rsplit('\n').next().unwrap_or_default();
    server.program.expect_printed(format!("{last}\n"))?;
    let printed = server.program.stdout.bytes();
    let all_shown = show(all.as_bytes());
    let wanted = tr!(zh "stdout 上恰好是 {all_shown}", en "on stdout just {all_shown}");
    ensure(printed == all.as_bytes(), wanted, show(&printed))
}

/// Ctrl-C.
pub fn interrupt<S: Speaker>(scene: &Scene<'_>) -> Verdict {
    let server = S::serve(scene.launch())?;
    let members = S::room(&server, ["A", "B"])?;
    stop(scene, &server, "INT", members)
}

/// The same, asked for by another program.
pub fn terminate<S: Speaker>(scene: &Scene<'_>) -> Verdict {
    let server = S::serve(scene.launch())?;
    let members = S::room(&server, ["A", "B"])?;
    stop(scene, &server, "TERM", members)
}

/// Asks a server to end by a signal: it says good-bye on its console and to its members, ends in time with exit
/// code 0, and leaves its address free.
pub fn stop<S: Speaker>(scene: &Scene<'_>, server: &Server, signal: &str, members: [S; 2]) -> Verdict {
    need(&["kill"])?;
    let [mut a, mut b] = members;
    relay(&mut a, &mut b, "last words")?;
    let printed = server.program.expect_printed(a.shown("last words"));
    printed.likely(text!(zh "服务器没有打印大家说的话",
                         en "the server prints nothing of what is said"))?;
    let before = server.program.stdout.bytes().len(); // What is printed from here on is the good-bye.
    server.program.signal(signal)?;
    server.program.expect_exit(0, END)?;
    let _ = server.program.stdout.wait_for_end(scene.patience());
    let said = server.program.stdout.bytes().len() > before;
    let (good_bye, nothing) = (
        text!(zh "控制台上有一句告别", en "a good-bye on the console"),
        text!(zh "什么也没有", en "nothing more"),
    );
    ensure(said, good_bye, nothing)
        .likely(text!(zh "有序结束了，但一句话也没有说", en "the end is in order, but silent"))?;
    let told = [&mut a, &mut b].into_iter().try_for_each(S::expect_farewell);
    told.likely(text!(zh "程序结束时，客户端的套接字还没有关闭",
                      en "the program ends with its clients' sockets still open"))?;
    is_free::<S>(scene, server)
}

/// An address is free again when the checker can have it, and then another server.
fn is_free<S: Speaker>(scene: &Scene<'_>, server: &Server) -> Verdict {
    let address = server.address.to_string();
    let free = S::occupy(scene, &address).is_ok();
    let wanted = tr!(zh "{address} 又可以用了", en "{address} is free again");
    ensure(free, wanted, text!(zh "它仍被占用", en "it is still taken"))
        .likely(text!(zh "程序启动的别的进程还占着这个套接字",
                      en "something that the program has started still holds the socket"))?;
    let again = S::serve(scene.launch().at(address)).rather(
        text!(zh "端口没有空出来：要设置 SO_REUSEADDR", en "the port isn't free: set SO_REUSEADDR"),
    )?;
    S::room(&again, ["C", "D"]).map(|_| ())
}

/// A line that tells why a client is sent away, or not served.
pub fn expect_reason<S: Speaker>(peer: &mut S, what: impl fmt::Display) -> Verdict {
    let word = peer.expect_words(what)?;
    let wanted = peer.role().does(text!(zh "收到一行，其中写明原因", en "is told why, in a line"));
    ensure(word.len() > 1 && word.ends_with(b"\n"), wanted, show(&word))
}
