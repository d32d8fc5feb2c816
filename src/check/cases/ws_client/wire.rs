//! What goes over the wire, and what is shown of it (D12).

use std::thread;

use crate::check::cases::shared::client;
use crate::check::stage::frame::{BINARY, CONTINUATION, FIN, Frame, PING, PONG, TEXT};
use crate::check::stage::speaker::{Connected, Heard, Speaker};
use crate::check::stage::ws_peer::WsPeer;
use crate::check::telling::verdict::{ensure, fail};
use crate::check::{Case, Likely, Scene, Verdict};
use crate::{text, tr};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "client-send",
        title: text!(zh "输入的每一行立刻作为一条文本消息发出，不带换行",
                     en "each typed line is sent at once, as one text message without its line break"),
        hint: text!(zh "输入的行没有发出，或者带着换行，或者没有掩码；客户端的帧必须有掩码",
                    en "typed lines are not sent, or with their line break, or not masked as a client's \
                        frames must be"),
        run: client::send::<WsPeer>,
    },
    Case {
        id: "client-print",
        title: text!(zh "每条消息打印成一行",
                     en "each message is printed as one line"),
        hint: text!(zh "打印的消息末尾有两个换行，或者没有换行，或者还留着中间的换行",
                    en "a message is printed with two line breaks at its end, or none, or with those inside \
                        it"),
        run: print,
    },
    Case {
        id: "client-lengths",
        title: text!(zh "不管多长的消息，都完整发出，也完整打印",
                     en "messages of all lengths are sent whole, and printed whole"),
        hint: text!(zh "长度有三种写法：不到 126 的写在一个字节里；126 后面还有两个字节；127 后面还有八个字节（RFC 6455，5.2 节）。\
                        读和写都要会",
                    en "a length is written in one of three ways: below 126 in one byte; as 126 and two more bytes; as \
                        127 and eight more (RFC 6455, 5.2). Read them all, and write them all"),
        run: lengths,
    },
    Case {
        id: "client-ping",
        title: text!(zh "对 ping 的回答是内容相同的 pong，没有人打字时也一样",
                     en "a ping is answered with a pong that holds the same, even while nothing is typed"),
        hint: text!(zh "等待键盘时没有人回答：负责接收的一方也要能发送",
                    en "nobody answers while the keyboard is waited for: the listening side must be able to \
                        write"),
        run: ping,
    },
    Case {
        id: "client-fragments",
        title: text!(zh "分片到来的消息会拼成一条",
                     en "a message that comes in fragments is put together"),
        hint: text!(zh "把每个帧都当成了一条消息：消息到带 FIN 的帧才结束",
                    en "each frame is taken for a message: a message goes on until a frame with FIN"),
        run: fragments,
    },
    Case {
        id: "client-both-ways",
        title: text!(zh "输入的行和对 ping 的回答不会混在一起，每个帧都完整",
                     en "typed lines and answers to pings don't tear each other's frames"),
        hint: text!(zh "两个线程同时写一个套接字：要在锁内写完整的帧",
                    en "two threads write to one socket at a time: write whole frames, under a lock"),
        run: both_ways,
    },
    client::terminal::<WsPeer>(),
    client::typing::<WsPeer>(),
    Case {
        id: "D12-pipe",
        title: text!(zh "输出到管道时，别人发来的内容原样打印",
                     en "into a pipe, what others send is printed as it is"),
        hint: text!(zh "stdout 不是终端，控制字符却仍写成看得见的样子",
                    en "control characters are spelled out although stdout is no terminal"),
        run: client::pipe::<WsPeer>,
    },
];

fn print(scene: &Scene<'_>) -> Verdict {
    let (client, mut server) = WsPeer::call(scene, scene.launch())?;
    if !scene.target.is_chatroom {
        return client::prints(&client, &mut server);
    }
    let banner = client.stdout.wait_for(scene.patience(), |all| all.contains(&b'\n'));
    let wanted = tr!(zh "一行说明已经连接", en "a line that says that it is connected");
    ensure(banner, wanted, client.printed())?;
    server.say("[1.2.3.4:5]: hello")?;
    server.send(FIN | TEXT, "[1.2.3.4:5]: without a line break")?;
    server.say("[1.2.3.4:5]: one\n[Server]: two")?;
    server.send(FIN | BINARY, "[1.2.3.4:5]: binary\n")?;
    server.say("[1.2.3.4:5]: 好")?;
    client.expect_printed("好\n")?;
    let printed = client.stdout.text();
    let lines: Vec<&str> = printed.lines().skip(1).collect();
    let wanted = [
        "[1.2.3.4:5]: hello",
        "[1.2.3.4:5]: without a line break",
        "[1.2.3.4:5]: one [Server]: two",
        "[1.2.3.4:5]: binary",
        "[1.2.3.4:5]: 好",
    ];
    let printed = tr!(zh "第一行之后是 {wanted:?}", en "after its first line: {wanted:?}");
    ensure(lines == wanted, printed, format!("{lines:?}"))
}

/// With what stands before it, the last one takes the third way of writing a length on its way back.
const LENGTHS: [usize; 6] = [1, 125, 126, 1000, 65_000, 65_530];

fn lengths(scene: &Scene<'_>) -> Verdict {
    let (mut client, mut server) = WsPeer::call(scene, scene.launch())?;
    for length in LENGTHS {
        client.type_in("x".repeat(length) + "\n")?;
        server.expect_typed("x".repeat(length))?;
    }
    for length in LENGTHS {
        let said = format!("[1.2.3.4:5]: {}", "y".repeat(length));
        server.say(&said)?;
        client.expect_printed(said + "\n")?;
    }
    Ok(())
}

fn fragments(scene: &Scene<'_>) -> Verdict {
    let (client, mut server) = WsPeer::call(scene, scene.launch())?;
    server.send(TEXT, "[1.2.3.4:5]: one ")?;
    server.send(FIN | PING, "between")?;
    server.send(CONTINUATION, "two ")?;
    server.send(FIN | CONTINUATION, "three\n")?;
    server.expect_frame(FIN | PONG, "between").likely(
        text!(zh "分片之间的 ping 也要立刻回答", en "a ping between two fragments is answered at once, too"),
    )?;
    client.expect_printed("[1.2.3.4:5]: one two three\n")
}

fn ping(scene: &Scene<'_>) -> Verdict {
    let (mut client, mut server) = WsPeer::call(scene, scene.launch())?;
    for payload in ["", "are you there?", &"x".repeat(125)] {
        server.send(FIN | PING, payload)?;
        server.expect_frame(FIN | PONG, payload)?;
    }
    client.type_in("yes\n")?;
    server.expect_typed("yes")
}

/// So many lines, and so many pings.
const MANY: usize = 2000;

fn both_ways(scene: &Scene<'_>) -> Verdict {
    let (mut client, mut server) = WsPeer::call(scene, scene.launch())?;
    let pong =
        |i: usize| Heard::Frame(Frame { first: FIN | PONG, masked: true, payload: i.to_string().into() });
    let line = |i: usize| format!("{i:06} {}", "x".repeat(200));
    client.type_in((0..MANY).map(|i| line(i) + "\n").collect::<String>())?;
    scene.log.note(tr!(zh "输入 {MANY} 行，同时服务器发 {MANY} 个 ping",
                       en "{MANY} lines are typed while the server pings {MANY} times"));
    server.set_quiet(true);
    let mut reader = server.second()?;
    let pings: Vec<u8> = (0..MANY).flat_map(|i| server.frame(FIN | PING, i.to_string())).collect();
    thread::scope(|scope| {
        scope.spawn(|| server.try_send(&pings));
        let (mut lines, mut pongs) = (0, 0);
        while lines < MANY || pongs < MANY {
            let heard = reader.next(scene.patience());
            if heard == Heard::Words(line(lines).into()) {
                lines += 1;
            } else if heard == pong(pongs) {
                pongs += 1;
            } else {
                let wanted = tr!(zh "完整的第 {lines} 行或第 {pongs} 个 pong",
                                 en "line {lines} or pong {pongs}, whole");
                return fail(wanted, heard.told());
            }
        }
        Ok(())
    })
}
