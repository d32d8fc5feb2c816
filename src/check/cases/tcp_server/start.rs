//! How a server starts, what it says then, and what it is called when it can't.

use crate::check::cases::shared;
use crate::check::stage::speaker::Speaker;
use crate::check::stage::system::need;
use crate::check::stage::tcp_peer::Peer;
use crate::check::telling::events::show;
use crate::check::telling::verdict::fail;
use crate::check::{Case, Scene, Verdict};
use crate::{text, tr};

pub(super) const CASES: &[Case] = &[
    shared::ipv4::<Peer>("tcp-ipv4"),
    shared::in_use::<Peer>("tcp-in-use"),
    shared::restart::<Peer>("tcp-restart"),
    shared::half_in_use::<Peer>("tcp-half-in-use"),
    shared::usage("tcp-usage"),
    Case {
        id: "tcp-zh",
        title: text!(zh "说中文时，服务器控制台上的文字与笔记的服务器逐行相同",
                     en "in Chinese a server's console reads as the notes' does, line for line"),
        hint: text!(zh "有一句话不是笔记的原话，或者多打印了笔记的服务器没有的一行",
                    en "a message isn't in the notes' words, \
                        or a line is printed that the notes' server doesn't print"),
        run: chinese,
    },
    Case {
        id: "tcp-lang",
        title: text!(zh "语言由 `--lang` 决定；没有它时，由 LC_ALL、LC_MESSAGES、LANG 中第一个已设置的决定",
                     en "the language is that of `--lang`, or else of the first of LC_ALL, \
                         LC_MESSAGES and LANG that is set"),
        hint: text!(zh "变量的先后顺序不对，或者把空值也算成设置了，或者没有把以 `zh` 开头的名称当作中文",
                    en "the order of the variables is wrong, or an empty one counts as set, \
                        or a name that begins with `zh` isn't taken for Chinese"),
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
            let wanted = if *chinese {
                tr!(zh "启动时的第一行是中文",
                    en "a first line in Chinese")
            } else {
                tr!(zh "启动时的第一行不是中文",
                    en "a first line that isn't in Chinese")
            };
            return fail(wanted, show(banner.as_bytes()));
        }
    }
    Ok(())
}
