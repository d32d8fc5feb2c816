//! Cases for the exercises in which one writes the client that breaks a server: each naive server that it breaks is a
//! point, and the good one must not suffer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::check::stage::program::Program;
use crate::check::stage::scene::Server;
use crate::check::stage::speaker::{Heard, Speaker};
use crate::check::stage::tcp_peer::Peer;
use crate::check::stage::udp_peer::UdpPeer;
use crate::check::telling::events::show;
use crate::check::telling::verdict::fail;
use crate::check::{Case, Kind, Likely, Scene, Target, Text, Verdict};
use crate::course::build_example;
use crate::{text, tr};

/// For a TCP client that freezes or fills.
pub const TCP_CLIENT: &[Case] = &[
    Case {
        id: "break-none",
        title: text!(zh "`chatroom tcp-server` 扛得住：A 和 B 照常聊天", en "`chatroom tcp-server` stands it: A and B go on chatting"),
        hint: text!(zh "这一项没有通过，就是找到了我们的一个错误：请告诉我们",
                    en "if this fails, you have found a mistake of ours: please tell us"),
        run: |scene| FREEZE.spares(scene),
    },
    Case {
        id: "break-naive",
        title: text!(zh "练习 5 的服务器扛不住：A 和 B 之间停住，或者内存被占满",
                     en "the server of exercise 5 doesn't stand it: A and B fall silent, or its memory fills up"),
        hint: text!(zh "服务器给谁写，就要等谁：什么东西能让它一直等下去？",
                    en "a server waits for whomever it writes to: what makes it wait for ever?"),
        run: |scene| FREEZE.breaks(scene, "05-solution"),
    },
    Case {
        id: "break-lines",
        title: text!(zh "练习 9 的服务器（一行的长度有上限）也扛不住",
                     en "the server of exercise 9, which limits the length of a line, doesn't stand it either"),
        hint: text!(zh "它不会被一行撑满：停住它，不要填满它", en "it can't be filled by a line: stop it rather than fill it"),
        run: |scene| FREEZE.breaks(scene, "09-solution"),
    },
];

/// For a UDP client that fools.
pub const UDP_CLIENT: &[Case] = &[
    Case {
        id: "fool-none",
        title: text!(zh "`chatroom udp-server` 不上当：B 看不到冒充服务器的行",
                     en "`chatroom udp-server` isn't fooled: B sees no line that passes for the server's"),
        hint: text!(zh "这一项没有通过，就是找到了我们的一个错误：请告诉我们",
                    en "if this fails, you have found a mistake of ours: please tell us"),
        run: |scene| FOOL.spares(scene),
    },
    Case {
        id: "fool-naive",
        title: text!(zh "练习 7 的服务器上当：B 看到一行，好像是服务器说的",
                     en "the server of exercise 7 is fooled: B sees a line as if the server had said it"),
        hint: text!(zh "地址只写在数据报的开头：一个数据报里可以有几行？",
                    en "the address stands at the start of a datagram: how many lines can a datagram hold?"),
        run: |scene| FOOL.breaks(scene, "07-solution"),
    },
];

/// What is done to a room, and how one sees that it is broken.
struct Attack<S> {
    kind: Kind,
    /// Plays a round of a chat. Says how A and B suffer, if they do.
    look: fn(&Server, &mut [S; 2], &str) -> Verdict<Option<String>>,
    broken: Text,
    fine: Text,
    /// The likely cause when nothing is broken and the client has left in order, if that tells of one.
    left: Option<Text>,
}

const FREEZE: Attack<Peer> = Attack {
    kind: Kind::TcpServer,
    look: suffers,
    broken: text!(zh "A 和 B 之间停住，或者服务器的内存被占满", en "A and B fall silent, or the server's memory fills up"),
    fine: text!(zh "A 和 B 照常聊天", en "A and B go on chatting"),
    left: Some(text!(zh "客户端走了，服务器就不用再等它：留在聊天室里，不要结束",
                     en "the client has left, so nobody waits for it any more: stay in the room, and don't end")),
};

const FOOL: Attack<UdpPeer> = Attack {
    kind: Kind::UdpServer,
    look: is_fooled,
    broken: text!(zh "B 看到一行，开头是 `[Server]`", en "B sees a line that begins with `[Server]`"),
    fine: text!(zh "B 看到的行，没有一行的开头是 `[Server]`", en "no line that B sees begins with `[Server]`"),
    left: None,
};

/// So long the client has for it.
const TIME: Duration = Duration::from_secs(12);

/// The room is frozen when nothing at all comes for so long.
const FROZEN: Duration = Duration::from_secs(3);

/// So many KiB are a leak, not a chat.
const FULL: u64 = 64 * 1024;

/// Between two rounds of the chat.
const PAUSE: Duration = Duration::from_millis(50);

/// How a room is after an attack.
enum Room {
    Broken(String),
    /// It isn't. How the client has ended, and whether in order, if it has.
    Fine(Option<(String, bool)>),
}

impl<S: Speaker> Attack<S> {
    /// The good server must stand the client.
    fn spares(&self, scene: &Scene<'_>) -> Verdict {
        let ours = std::env::current_exe().unwrap_or_default();
        let command = self.kind.ours().replacen("chatroom", &format!("\"{}\"", ours.display()), 1);
        match self.play(scene, &command)? {
            Room::Fine(_) => return Ok(()),
            Room::Broken(how) => scene.log.note(how),
        }
        scene.log.note(text!(zh "也许只是机器太忙：再来一次", en "perhaps the machine is busy: once more"));
        match self.play(scene, &command)? {
            Room::Fine(_) => Ok(()),
            Room::Broken(how) => fail(self.fine, how),
        }
    }

    /// This one must not.
    fn breaks(&self, scene: &Scene<'_>, example: &str) -> Verdict {
        let server = match build_example(example) {
            Ok(file) => file,
            Err(why) => {
                return fail(CAN_BE_BUILT, why)
                    .likely(text!(zh "编译器说了原因", en "the compiler has said why"));
            }
        };
        let fine = self.fine;
        match self.play(scene, &self.kind.command(&server))? {
            Room::Broken(how) => {
                scene.log.note(how);
                Ok(())
            }
            Room::Fine(None) => {
                fail(self.broken, tr!(zh "{TIME:?} 之后，{fine}", en "after {TIME:?}, {fine}"))
            }
            Room::Fine(Some((end, in_order))) => {
                let broken = fail(
                    self.broken,
                    tr!(zh "{fine}；至于客户端，{end}", en "{fine}; as for the client, {end}"),
                );
                match self.left {
                    Some(left) if in_order => broken.likely(left),
                    _ => broken,
                }
            }
        }
    }

    /// A and B chat while the client under test does what it does.
    fn play(&self, scene: &Scene<'_>, server: &str) -> Verdict<Room> {
        let target = Target::new(server, "127.0.0.1:0");
        let stage = Scene { target: &target, log: scene.log.clone() };
        let server = S::serve(stage.launch())?;
        let mut members = S::room(&server, ["A", "B"])?;
        members.iter().for_each(|member| member.set_quiet(true));
        scene.log.note(text!(zh "A 和 B 在聊天；客户端来了", en "A and B chat; the client comes"));
        let client: Program = scene.launch().at(server.address).program("client")?;
        let end = Instant::now() + TIME;
        for round in 0.. {
            // What it has done is seen in one more round.
            let is_last = client.has_ended() || Instant::now() > end;
            let how = (self.look)(&server, &mut members, &format!("round {round}."))?;
            if server.program.has_ended() {
                return Ok(Room::Broken(server.program.found()));
            }
            if let Some(how) = how {
                return Ok(Room::Broken(how));
            }
            if is_last {
                break;
            }
        }
        let status = client.wait(Duration::ZERO);
        Ok(Room::Fine(status.map(|status| (client.found(), status.success()))))
    }
}

const CAN_BE_BUILT: Text =
    text!(zh "那个练习的服务器可以编译", en "the server of that exercise can be built");

/// Frozen, or full. Each of the two speaks in turn.
fn suffers(server: &Server, members: &mut [Peer; 2], words: &str) -> Verdict<Option<String>> {
    members.reverse();
    let [from, to] = members;
    let said = from.relayed(words);
    if from.say(words).is_err() || !reaches(from, to, &said) {
        let (from, to) = (&from.role().name, &to.role().name);
        return Ok(Some(tr!(zh "{from} 说了话，{to} 没有收到，在 {FROZEN:?} 内什么也没有收到",
                           en "{from} says something, and {to} doesn't get it, nor anything for {FROZEN:?}")));
    }
    let memory = server.program.usage().map_or(0, |usage| usage.memory); // where the system tells
    Ok((memory > FULL)
        .then(|| tr!(zh "服务器占了 {memory} KiB 内存", en "the server takes {memory} KiB of memory")))
}

/// Whether what one says reaches the other, in however much else. Both read all the time: nobody has to wait for them.
fn reaches(from: &mut Peer, to: &mut Peer, said: &[u8]) -> bool {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                if !matches!(from.next(PAUSE), Heard::Words(_) | Heard::Nothing) {
                    break;
                }
            }
        });
        let end = Instant::now() + TIME;
        let heard = loop {
            match to.next(FROZEN) {
                Heard::Words(words) if words == said || Instant::now() > end => break true,
                Heard::Words(_) => {}
                _ => break false,
            }
        };
        let _ = to.read_to_end(PAUSE);
        over.store(true, Ordering::Relaxed);
        heard
    })
}

/// A line that doesn't begin as its speaker's do.
fn is_fooled(_: &Server, members: &mut [UdpPeer; 2], words: &str) -> Verdict<Option<String>> {
    let [a, b] = members;
    thread::sleep(PAUSE); // a chat is slow, and datagrams get lost where many come at once
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
