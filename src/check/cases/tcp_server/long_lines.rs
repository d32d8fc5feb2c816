//! What is a line: D2 (its length) and D3 (its end).

use crate::check::cases::shared::{crowd, expect_reason};
use crate::check::stage::speaker::{Speaker, relay};
use crate::check::stage::tcp_peer::Peer;
use crate::check::{Case, Likely, Scene, Verdict};
use crate::{text, tr};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D2",
        title: text!(zh "一行超过 64 KiB 时，发送者收到说明并被断开，这一行的任何内容都不转发",
                     en "a client that sends a line over 64 KiB is told so and disconnected, \
                         and nothing of that line reaches anyone"),
        hint: text!(zh "不管一行有多长，都一直读到换行为止：要设一个上限，到了就停",
                    en "a line is collected until its line break, however far that is: stop at a limit"),
        run: too_long,
    },
    Case {
        id: "D2-exact",
        title: text!(zh "恰好 65,536 字节的一行（换行不算在内）会完整转发",
                     en "a line of exactly 65,536 bytes, its line break not counted, is relayed whole"),
        hint: text!(zh "长度不包括换行；刚好达到上限，不算超过",
                    en "the length is that of the line without its line break, \
                        and reaching the limit isn't exceeding it"),
        run: exact,
    },
    Case {
        id: "D2-memory",
        title: text!(zh "永远不换行的一行不会占满内存，它的发送者会被断开",
                     en "a line that never ends doesn't fill the memory, and its sender is disconnected"),
        hint: text!(zh "读到的内容一直保存到换行出现：到了上限就放弃，余下的不再保存",
                    en "what is read of a line is kept until its line break comes: give up at the limit, \
                        and don't keep the rest"),
        run: endless,
    },
    Case {
        id: "D3",
        title: text!(zh "发送者没有换行就离开时，最后一行照样送到，并补上换行",
                     en "the last line is delivered, with a line break, when its sender leaves without one"),
        hint: text!(zh "连接结束时，可能还剩没有换行的一行：先转发这一行，再删掉客户端",
                    en "at the end of a connection there may be a line without its line break: \
                        send it on before the client is removed"),
        run: last_line,
    },
];

/// The longest line, its line break not counted.
const MAX_LINE: usize = 64 * 1024;

fn too_long(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b, mut c] = Peer::room(&server, ["A", "B", "C"])?;
    a.send("x".repeat(MAX_LINE + 4000) + "\n[Server]: and this?\n")?;
    let why = tr!(zh "一行，写明断开的原因",
                  en "a line that says why it is disconnected");
    expect_reason(&mut a, &why)?;
    a.expect_end(scene.patience())?;
    // Were anything of it relayed, B would get it somewhere among these.
    (0..5).try_for_each(|_| relay(&mut c, &mut b, "marker")).likely(&tr!(
        zh "这一行超过上限之前已经读到的部分被转发了",
        en "what had been read of the line before it grew too long was relayed"))
}

fn exact(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    relay(&mut a, &mut b, "y".repeat(MAX_LINE))?;
    relay(&mut a, &mut b, "still here")
}

/// The most by which memory may have grown, in KiB.
const MAX_GROWTH: u64 = 8 * 1024;

fn endless(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b, mut c] = Peer::room(&server, ["A", "B", "C"])?;
    let before = server.program.usage()?.peak;
    scene.log.note(tr!(zh "A 说永远不换行的一行",
                       en "A says a line that never ends"));
    crowd::endless(&server, &mut a, vec![b'z'; 1 << 20], (before, MAX_GROWTH))?;
    relay(&mut c, &mut b, "marker")
}

fn last_line(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    let expected = a.relayed("last words");
    a.send("last words")?;
    a.leave();
    b.expect(expected)
}
