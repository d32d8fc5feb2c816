//! What goes over the wire, how a client starts, how it is stopped, and what it shows (D12).

use crate::check::cases::shared::{self, client, wire};
use crate::check::stage::speaker::Speaker;
use crate::check::stage::tcp_peer::Peer;
use crate::check::{Case, Scene, Verdict};
use crate::text;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "client-send",
        title: text!(zh "输入的每一行都立刻发送，逐字节不变，连同换行",
                     en "each typed line is sent at once, byte for byte, with its line break"),
        hint: text!(zh "输入的行没有发送，或者留在缓冲区里，到输入结束才发送（每行之后要 flush），或者被转成文本再转回来",
                    en "typed lines are not sent, or stay in a buffer until the input ends (flush it after each line), \
                        or are turned into text and back"),
        run: client::send::<Peer>,
    },
    Case {
        id: "client-print",
        title: text!(zh "服务器发来的内容原样打印",
                     en "what the server sends is printed as it is"),
        hint: text!(zh "服务器发来的行没有打印，或者缓冲区满了才打印（每行之后要 flush），或者被转成文本再转回来",
                    en "lines from the server are not printed, or only when a buffer is full (flush it after each line), \
                        or are turned into text and back"),
        run: client::print::<Peer>,
    },
    Case {
        id: "client-last-line",
        title: text!(zh "输入的最后一行没有换行时，补上换行再发送",
                     en "a last typed line without a line break is sent with one"),
        hint: text!(zh "输入结束时，可能还剩没有换行的一行：补上换行，发出去",
                    en "at the end of input there may be a line without its line break: add one, and send it"),
        run: last_line,
    },
    Case {
        id: "client-prompt",
        title: text!(zh "一行紧接着一行输入时，每一行都马上发送",
                     en "lines that follow each other closely are sent without delay"),
        hint: text!(zh "每一行都在等前一行的确认，最多等 40 毫秒：请设置 TCP_NODELAY",
                    en "each waits for the acknowledgement of the one before it, up to 40 ms: set TCP_NODELAY"),
        run: prompt,
    },
    client::refused::<Peer>(),
    shared::usage("client-usage"),
    Case {
        id: "client-zh",
        title: text!(zh "说中文时，客户端说的是笔记里的原话",
                     en "in Chinese a client says what the notes' client says"),
        hint: text!(zh "有一句话不是笔记的原话",
                    en "a message isn't in the notes' words"),
        run: client::chinese::<Peer>,
    },
    client::interrupt::<Peer>(),
    client::terminal::<Peer>(),
    client::typing::<Peer>(),
    Case {
        id: "D12-pipe",
        title: text!(zh "输出到管道时，别人发来的内容原样打印",
                     en "in a pipe, what peers send is printed as it is"),
        hint: text!(zh "stdout 不是终端，却换掉了控制字符，或者把字节转成了文本",
                    en "control characters are spelled out although stdout is no terminal, \
                        or the bytes are turned into text"),
        run: client::pipe::<Peer>,
    },
];

fn last_line(scene: &Scene<'_>) -> Verdict {
    let (mut client, mut server) = Peer::call(scene, scene.launch())?;
    client.type_in("last words")?;
    client.end_input();
    server.expect_typed("last words")
}

fn prompt(scene: &Scene<'_>) -> Verdict {
    let (mut client, mut server) = Peer::call(scene, scene.launch())?;
    wire::prompt(|| {
        for line in ["one", "two"] {
            client.type_in(format!("{line}\n"))?;
            server.expect_typed(line)?;
        }
        server.say("[1.2.3.4:5]: and?")
    })
}
