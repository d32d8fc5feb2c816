//! Cases for the exercises in which one writes the client that breaks a server: each naive server that it breaks is a
//! point, and the good one must not suffer.

use std::thread;
use std::time::{Duration, Instant};

use crate::check::stage::program::Program;
use crate::check::stage::scene::Server;
use crate::check::stage::speaker::{Heard, Speaker};
use crate::check::stage::tcp_peer::Peer;
use crate::check::stage::udp_peer::UdpPeer;
use crate::check::telling::events::show;
use crate::check::telling::verdict::fail;
use crate::check::{Case, Kind, Scene, Target, Verdict};
use crate::course::build_example;
use crate::{text, tr};

/// For a TCP client that freezes or fills.
pub const TCP_CLIENT: &[Case] = &[
    Case {
        id: "break-none",
        title: text!(zh "chatroom tcp-server 扛得住：A 和 B 照常聊天", en "chatroom tcp-server stands it: A and B go on chatting"),
        hint: text!(zh "这一项没有通过，就是找到了我们的一个错误：请告诉我们",
                    en "if this fails, you have found a mistake of ours: please tell us"),
        run: |scene| spares::<Peer>(scene, Kind::TcpServer, suffers),
    },
    Case {
        id: "break-naive",
        title: text!(zh "练习 5 的服务器扛不住：A 和 B 之间停住，或者内存被占满",
                     en "the server of exercise 5 doesn't stand it: A and B fall silent, or its memory fills up"),
        hint: text!(zh "服务器给谁写，就要等谁：什么东西能让它一直等下去？",
                    en "a server waits for whomever it writes to: what makes it wait for ever?"),
        run: |scene| breaks::<Peer>(scene, "05-solution", suffers),
    },
    Case {
        id: "break-lines",
        title: text!(zh "练习 9 的服务器（一行的长度有上限）也扛不住",
                     en "nor does that of exercise 9, which limits the length of a line"),
        hint: text!(zh "它不会被一行撑满：停住它，不要填满它", en "it can't be filled by a line: stop it rather than fill it"),
        run: |scene| breaks::<Peer>(scene, "09-solution", suffers),
    },
];

/// For a UDP client that fools.
pub const UDP_CLIENT: &[Case] = &[
    Case {
        id: "fool-none",
        title: text!(zh "chatroom udp-server 不上当：A 和 B 看到的每一行，开头都是说话人的地址",
                     en "chatroom udp-server isn't fooled: each line that A and B see begins with its speaker's address"),
        hint: text!(zh "这一项没有通过，就是找到了我们的一个错误：请告诉我们",
                    en "if this fails, you have found a mistake of ours: please tell us"),
        run: |scene| spares::<UdpPeer>(scene, Kind::UdpServer, is_fooled),
    },
    Case {
        id: "fool-naive",
        title: text!(zh "练习 7 的服务器上当：A 或 B 看到一行，好像是服务器说的",
                     en "the server of exercise 7 is fooled: A or B see a line as if the server had said it"),
        hint: text!(zh "地址只写在数据报的开头：一个数据报里可以有几行？",
                    en "the address stands at the start of a datagram: how many lines can a datagram hold?"),
        run: |scene| breaks::<UdpPeer>(scene, "07-solution", is_fooled),
    },
];

/// So long the client has for it.
const TIME: Duration = Duration::from_secs(12);

/// The room is frozen when nothing comes for so long.
const FROZEN: Duration = Duration::from_secs(3);

/// So many KiB more are a leak, not a chat.
const FULL: u64 = 64 * 1024;

/// How often A and B say something.
const PAUSE: Duration = Duration::from_millis(50);

/// Looks whether a room is broken, for as long as a round of chat takes: how, if it is.
type Look<S> = fn(&Server, &mut [S; 2], &str) -> Verdict<Option<String>>;

/// The good server must stand the client.
fn spares<S: Speaker>(scene: &Scene<'_>, kind: Kind, look: Look<S>) -> Verdict {
    let ours = std::env::current_exe().unwrap_or_default();
    let command = kind.ours().replacen("chatroom", &format!("\"{}\"", ours.display()), 1);
    match attacked(scene, &command, look)? {
        None => Ok(()),
        Some(how) => fail(text!(zh "A 和 B 照常聊天", en "A and B go on chatting"), how),
    }
}

/// This one must not.
fn breaks<S: Speaker>(scene: &Scene<'_>, example: &str, look: Look<S>) -> Verdict {
    let server = match build_example(example) {
        Ok(file) => file,
        Err(why) => {
            return fail(
                text!(zh "那个练习的服务器可以编译", en "the server of that exercise can be built"),
                why,
            );
        }
    };
    match attacked(scene, &Kind::TcpServer.command(&server), look)? {
        Some(how) => {
            scene.log.note(how);
            Ok(())
        }
        None => fail(
            text!(zh "服务器扛不住", en "the server doesn't stand it"),
            tr!(zh "{TIME:?} 之后，A 和 B 还在照常聊天", en "after {TIME:?} A and B still chat as before"),
        ),
    }
}

/// A and B chat while the client under test does what it does. How they suffer, if they do.
fn attacked<S: Speaker>(scene: &Scene<'_>, server: &str, look: Look<S>) -> Verdict<Option<String>> {
    let target = Target::new(server, "127.0.0.1:0");
    let stage = Scene { target: &target, log: scene.log.clone() };
    let server = S::serve(stage.launch())?;
    let mut members = S::room(&server, ["A", "B"])?;
    members.iter().for_each(|member| member.set_quiet(true));
    scene.log.note(text!(zh "A 和 B 在聊天；客户端来了", en "A and B chat; the client comes"));
    let client: Program = scene.launch().at(server.address).program("client")?;
    let start = Instant::now();
    for round in 0.. {
        if let Some(how) = look(&server, &mut members, &format!("round {round}."))? {
            return Ok(Some(how));
        }
        if start.elapsed() > TIME {
            break;
        }
        thread::sleep(PAUSE);
    }
    let _ = client.wait(Duration::ZERO); // how it ended is part of the report
    Ok(None)
}

/// Frozen, full, or gone. Each of the two speaks in turn.
fn suffers(server: &Server, members: &mut [Peer; 2], words: &str) -> Verdict<Option<String>> {
    members.reverse();
    let [from, to] = members;
    if server.program.has_ended() {
        return Ok(Some(server.program.found()));
    }
    let said = from.relayed(words);
    if from.say(words).is_err() || !to.hears(&said, FROZEN) {
        let (from, to) = (&from.role().name, &to.role().name);
        return Ok(Some(tr!(zh "{from} 说了话，{to} 在 {FROZEN:?} 内没有收到",
                           en "{from} says something, and {to} doesn't get it within {FROZEN:?}")));
    }
    let memory = server.program.usage()?.memory;
    Ok((memory > FULL)
        .then(|| tr!(zh "服务器占了 {memory} KiB 内存", en "the server takes {memory} KiB of memory")))
}

/// A line that doesn't begin as its speaker's do.
fn is_fooled(_: &Server, members: &mut [UdpPeer; 2], words: &str) -> Verdict<Option<String>> {
    let [a, b] = members;
    a.say(words)?;
    let said = a.relayed(words);
    let deadline = Instant::now() + FROZEN;
    while Instant::now() < deadline {
        match b.next(PAUSE) {
            Heard::Words(heard) if heard == said => return Ok(None),
            Heard::Words(heard) if forged(&heard) => {
                let heard = show(&heard);
                return Ok(Some(tr!(zh "B 收到 {heard}", en "B gets {heard}")));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// Whether a reader sees a line in it that begins as the server's do.
fn forged(heard: &[u8]) -> bool {
    let mut lines = heard.split(|byte| matches!(byte, b'\r' | b'\n'));
    lines.any(|line| line.starts_with(b"[Server]"))
}
