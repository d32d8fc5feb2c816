//! How a server starts, what it says then, and what it is called when it can't.

use std::net::TcpListener;

use crate::check::log::show;
use crate::check::peer::Peer;
use crate::check::speaker::Speaker;
use crate::check::system::need;
use crate::check::verdict::{ensure, fail, not_checked};
use crate::check::{Case, Scene, Verdict};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "tcp-ipv4",
        title: "a client that comes by IPv4 is shown as IPv4 when the server listens on every interface",
        hint: "on a socket for IPv6 and IPv4 the system shows 1.2.3.4 as ::ffff:1.2.3.4: print the canonical address",
        run: ipv4,
    },
    Case {
        id: "tcp-in-use",
        title: "a server that can't listen says so in one sentence that names the address, with exit code 1",
        hint: "the error of bind is not looked at, or not told",
        run: in_use,
    },
    Case {
        id: "tcp-usage",
        title: "an option that isn't known is a usage error: one sentence, exit code 2",
        hint: "unknown options are ignored",
        run: usage,
    },
    Case {
        id: "tcp-zh",
        title: "in Chinese a server's console reads as the notes' does, line for line",
        hint: "a message isn't in the notes' words, or a line is printed that theirs doesn't print",
        run: chinese,
    },
    Case {
        id: "tcp-lang",
        title: "the language is that of --lang, else of the first set of LC_ALL, LC_MESSAGES and LANG",
        hint: "the order of the variables, or what counts as set, or `zh` at the start of the name",
        run: language,
    },
];

fn ipv4(scene: &Scene<'_>) -> Verdict {
    let everywhere = if scene.target.chooses_port() { ":0" } else { &scene.target.address };
    if !everywhere.starts_with(':') && !everywhere.starts_with("[::]:") {
        return not_checked(format!("{everywhere} is not every interface"));
    }
    let server = scene.launch().at(everywhere).server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    a.say("who am I?")?;
    b.expect(format!("[127.0.0.1:{}]: who am I?\n", a.role().address.port()))
}

pub(in crate::check) fn in_use(scene: &Scene<'_>) -> Verdict {
    let Ok(listener) = TcpListener::bind(scene.target.address.as_str()) else {
        return not_checked(format!("the checker can't listen on {} itself", scene.target.address));
    };
    let Ok(taken) = listener.local_addr() else { return not_checked("a listener has no address here") };
    scene.log.note(format!("the checker listens on {taken}"));
    let program = scene.launch().at(taken).program("server")?;
    program.expect_exit(1, scene.patience())?;
    program.expect_one_sentence(&format!(":{}", taken.port()))
}

fn usage(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("exit code 2")?;
    let program = scene.launch().with(&["--nonsense"]).program("server")?;
    program.expect_exit(2, scene.patience())?;
    program.expect_one_sentence("--nonsense")
}

fn chinese(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--lang zh")?;
    let server = scene.launch().with(&["--lang", "zh"]).server()?;
    let banner = format!("TCP 服务器启动，监听 {}\n", server.address);
    let mut a = Peer::join(&server, "A")?;
    let at = a.role().address;
    server.program.expect_printed(format!("新客户端连接: {at}\n"))?;
    a.say("你好")?;
    server.program.expect_printed(format!("[{at}]: 你好\n"))?;
    a.leave();
    server.program.expect_printed(format!("客户端 {at} 断开: EOF\n"))?;
    let all = format!("{banner}新客户端连接: {at}\n[{at}]: 你好\n客户端 {at} 断开: EOF\n");
    let printed = server.program.stdout.bytes();
    ensure(printed == all.as_bytes(), format!("just {}", show(all.as_bytes())), show(&printed))
}

/// The environment, what stands behind the command, and whether Chinese is to be spoken.
const LANGUAGES: &[(&[&str], &[&str], bool)] = &[
    (&["LC_ALL=zh_CN.UTF-8", "LANG=en_US.UTF-8"], &[], true),
    (&["LC_ALL=C", "LC_MESSAGES=zh_CN.UTF-8", "LANG=zh_CN.UTF-8"], &[], false),
    (&["LC_ALL=", "LC_MESSAGES=zh_TW.UTF-8", "LANG=de_DE"], &[], true),
    (&["LANG=zh_CN.UTF-8"], &[], true),
    (&["LC_ALL=zh_CN.UTF-8"], &["--lang", "en"], false),
];

fn language(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--lang")?;
    need(&["env"])?;
    for (environment, options, chinese) in LANGUAGES {
        let clean = ["env", "-u", "LC_ALL", "-u", "LC_MESSAGES", "-u", "LANG"];
        let server = scene.launch().under(&clean).under(environment).with(options).server()?;
        let banner = server.program.stdout.text();
        if banner.starts_with("TCP 服务器启动，监听 ") != *chinese {
            return fail(
                format!("a banner {} Chinese", if *chinese { "in" } else { "not in" }),
                show(banner.as_bytes()),
            );
        }
    }
    Ok(())
}
