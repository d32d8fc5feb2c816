//! Cases for the exercise in which clients give themselves names: `/nick NAME`.

use std::time::Instant;

use crate::check::stage::output::contains;
use crate::check::stage::scene::Server;
use crate::check::stage::speaker::{Connected, Speaker, relay};
use crate::check::stage::tcp_peer::Peer;
use crate::check::telling::events::show;
use crate::check::telling::verdict::{Verdict, ensure};
use crate::check::{Case, Likely, Scene};
use crate::text;

/// For a TCP server.
pub const TCP_SERVER: &[Case] = &[
    Case {
        id: "nick",
        title: text!(zh "说了 `/nick ada` 以后，她的话显示为 `[ada]: 内容`；大家都听说改名的事",
                     en "after `/nick ada` her lines are shown as `[ada]: line`, and all hear of it"),
        hint: text!(zh "名字属于连接，不属于某一行：记住它，直到客户端离开",
                    en "the name belongs to the connection, not to a line: remember it until the client leaves"),
        run: names,
    },
    Case {
        id: "nick-taken",
        title: text!(zh "别人正在用的名字拿不到，直到那个人离开",
                     en "a name that somebody has can't be taken, until that one leaves"),
        hint: text!(zh "看名字有没有人用，和记下名字，要在同一次加锁里做",
                    en "look whether the name is taken, and take it, under one and the same lock"),
        run: taken,
    },
    Case {
        id: "nick-forged",
        title: text!(zh "名字只能是 1 到 16 个字母、数字、`-` 或 `_`，而且不能是 `Server`",
                     en "a name has 1 to 16 letters, digits, `-` or `_`, and isn't `Server`"),
        hint: text!(zh "名字会显示在每一行的开头：凡是能冒充别人或者弄乱屏幕的，都要拒绝",
                    en "a name stands before each line: refuse whatever passes for somebody else, or upsets a screen"),
        run: forged,
    },
];

/// Asks for a name, and gets it.
fn take(server: &mut [&mut Peer], name: &str) -> Verdict {
    let [who, others @ ..] = server else { return Ok(()) };
    who.say(format!("/nick {name}"))?;
    let told = format!("[Server]: {} is now {name}\n", who.role().address);
    who.expect(&told)?;
    others.iter_mut().try_for_each(|other| other.expect(&told))
}

/// Asks for a name, and is told in a line to it alone why it can't have it.
fn refused(who: &mut Peer, name: &str, other: &mut Peer) -> Verdict {
    who.say(format!("/nick {name}"))?;
    let told = who.expect_words(
        text!(zh "一行 `[Server]: …`，说明为什么不行", en "a line `[Server]: …` that says why not"),
    )?;
    let is_refused = told.starts_with(b"[Server]: ") && !contains(&told, b"is now");
    let wanted = text!(zh "服务器用一行 `[Server]: …` 拒绝这个名字", en "the server refuses that name, in a line `[Server]: …`");
    ensure(is_refused, wanted, show(&told))?;
    relay(who, other, "nobody else was told") // and it goes by its address, as before
}

fn names(scene: &Scene<'_>) -> Verdict {
    let server: Server = scene.server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    relay(&mut a, &mut b, "by my address")?;
    take(&mut [&mut a, &mut b], "ada")?;
    a.say("hello")?;
    b.expect("[ada]: hello\n")?;
    a.say("")?;
    b.expect("[ada]: \n")?;
    relay(&mut b, &mut a, "and I by mine")?;
    a.say("/nickname is no command")?;
    b.expect("[ada]: /nickname is no command\n")
}

fn taken(scene: &Scene<'_>) -> Verdict {
    let server: Server = scene.server()?;
    let [mut a, mut b, mut c] = Peer::room(&server, ["A", "B", "C"])?;
    take(&mut [&mut a, &mut b, &mut c], "ada")?;
    refused(&mut b, "ada", &mut c)?;
    // With something unread, it leaves by a reset.
    a.has_something(scene.patience());
    a.leave();
    take_over(&mut b, "ada", &mut c)?;
    b.leave();
    let mut d = Peer::late(&server, "D", &mut c)?;
    take_over(&mut c, "ada", &mut d)
}

/// Asks for a name until the one who had it has left.
fn take_over(who: &mut Peer, name: &str, other: &mut Peer) -> Verdict {
    let told = format!("[Server]: {} is now {name}\n", who.role().address);
    let deadline = Instant::now() + who.role().patience;
    loop {
        who.say(format!("/nick {name}"))?;
        let answer = who.expect_words(text!(zh "一行回答", en "an answer"))?;
        if answer == told.as_bytes() {
            return other.expect(told);
        }
        let wanted = text!(zh "名字又可以用了，因为用它的人离开了", en "the name is free again, as the one who had it has left");
        ensure(Instant::now() < deadline, wanted, show(&answer))
            .likely(text!(zh "离开的人没有让出名字：重置之后就问不到地址了，要用事先记住的", en "who leaves doesn't give the name back: after a reset there is no address to ask for, so use the one that was remembered"))?;
    }
}

fn forged(scene: &Scene<'_>) -> Verdict {
    let server: Server = scene.server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    let (long, address) = ("x".repeat(17), b.role().address.to_string());
    for name in ["Server", "", "a b", "]: x", "\x1b[2J", "好", &long, &address] {
        refused(&mut a, name, &mut b)?;
    }
    take(&mut [&mut a, &mut b], &"y".repeat(16))
}
