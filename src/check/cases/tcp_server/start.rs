//! How a server starts, what it says then, and what it is called when it can't.

use crate::check::cases::shared;
use crate::check::stage::speaker::Speaker;
use crate::check::stage::system::need;
use crate::check::stage::tcp_peer::Peer;
use crate::check::telling::events::show;
use crate::check::telling::verdict::fail;
use crate::check::{Case, Scene, Verdict};
use crate::text;

pub(super) const CASES: &[Case] = &[
    shared::ipv4::<Peer>("tcp-ipv4"),
    shared::in_use::<Peer>("tcp-in-use"),
    shared::half_in_use::<Peer>("tcp-half-in-use"),
    shared::usage("tcp-usage"),
    Case {
        id: "tcp-zh",
        title: text!(zh "",
                     en "in Chinese a server's console reads as the notes' does, line for line"),
        hint: text!(zh "",
                    en "a message isn't in the notes' words, or a line is printed that theirs doesn't print"),
        run: chinese,
    },
    Case {
        id: "tcp-lang",
        title: text!(zh "",
                     en "the language is that of --lang, else of the first set of LC_ALL, LC_MESSAGES and LANG"),
        hint: text!(zh "",
                    en "the order of the variables, or what counts as set, or `zh` at the start of the name"),
        run: language,
    },
];

fn chinese(scene: &Scene<'_>) -> Verdict {
    let server = shared::in_chinese::<Peer>(scene)?;
    let mut a = Peer::join(&server, "A")?;
    let (address, at) = (server.address, a.role().address);
    a.say("你好")?;
    a.leave();
    let all =
        format!("TCP 服务器启动，监听 {address}\n新客户端连接: {at}\n[{at}]: 你好\n客户端 {at} 断开: EOF\n");
    shared::expect_all_printed(&server, &all)
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
