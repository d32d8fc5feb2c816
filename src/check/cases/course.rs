//! Cases for exercises whose program isn't a chat room yet.

use std::ops::Range;
use std::thread;
use std::time::Duration;

use crate::check::cases::shared::flood::{self, follow, words};
use crate::check::stage::scene::Server;
use crate::check::stage::speaker::{Connected, Heard, Speaker};
use crate::check::stage::tcp_peer::Peer;
use crate::check::telling::verdict::{Halt, ensure, fail};
use crate::check::{Case, Likely, Scene, Text, Verdict};
use crate::{text, tr};

/// For a TCP server that is on its way.
pub const TCP_SERVER: &[Case] = &[
    Case {
        id: "greet",
        title: text!(zh "每个连进来的客户端都收到一行 `[ip:端口]: hello`，写着它自己的地址，然后连接结束",
                     en "each client that connects gets the line `[ip:port]: hello`, with its own address, and then the end"),
        hint: text!(zh "accept 要一次又一次地调用：每个客户端各有一个连接",
                    en "call accept again and again: each client has a connection of its own"),
        run: greets,
    },
    Case {
        id: "echo",
        title: text!(zh "客户端发的每一行都会回到它那里，形式是 `[ip:端口]: 内容`",
                     en "each line comes back to the client that sent it, as `[ip:port]: line`"),
        hint: text!(zh "读到一行就写回去，直到客户端离开；写进缓冲区的，要刷新（flush）才发出去",
                    en "read a line and write it back, until the client leaves; what is written into a buffer goes out \
                        when it is flushed"),
        run: echoes,
    },
    Case {
        id: "echo-silent",
        title: text!(zh "一个客户端什么也不说的时候，后来的客户端照样得到服务",
                     en "while one client says nothing, those who come after it are served"),
        hint: text!(zh "accept 在等前一个客户端：每个客户端用一个线程",
                    en "accept waits for the client before: give each client a thread of its own"),
        run: serves_all_at_once,
    },
    Case {
        id: "announce",
        title: text!(zh "有人来的时候，上一个来的客户端收到 `[Server]: ip:端口 comes`",
                     en "when somebody comes, the client that came before gets `[Server]: ip:port comes`"),
        hint: text!(zh "主线程要记住上一个来的连接，向它写；在 Rust 里，线程拿走了连接，要先留一个句柄（try_clone）",
                    en "the main thread must keep the connection that came last, and write to it; in Rust the thread has \
                        taken it along, so keep a second handle (try_clone)"),
        run: announces,
    },
    Case {
        id: "no-pause",
        title: text!(zh "有人停住不读的时候，别人一次也不用等",
                     en "while somebody doesn't read, the others don't wait, not even once"),
        hint: text!(zh "写的时候还在等：广播只能把内容放进队列，写交给另一个线程",
                    en "somebody is waited for: let a broadcast only put lines into queues, and another thread write"),
        run: never_waits,
    },
    Case {
        id: "stalled",
        title: text!(zh "一个客户端不再读取，别人照样收到每一行，等待不超过 3 秒；它会被断开",
                     en "when a client stops reading, the others get every line and never wait over 3 s; it is disconnected"),
        hint: text!(zh "它的缓冲区满了，写给它就会一直等下去，而且拿着锁：写要有期限，错过期限的要断开",
                    en "once its buffers are full a write to it waits for ever, with the lock held: \
                        give each write a deadline, and disconnect whoever misses it"),
        run: one_stalls,
    },
    Case {
        id: "batch",
        title: text!(zh "许多行一起到来时，比一行一行到来时省下四分之三以上的处理器时间",
                     en "lines that come together cost less than a quarter of the processor time that they cost one by one"),
        hint: text!(zh "每一行对每个客户端各写一次：一次读到的各行，应当合在一起，对每个客户端只写一次",
                    en "each line is written to each client by itself: write what one read brought at once, \
                        one write for each client"),
        run: saves_by_the_batch,
    },
];

/// Where somebody has a deadline, B waits for longer, each time anew. A busy machine may keep it waiting too, but hardly
/// each time.
const DEADLINE: Duration = Duration::from_millis(500);
const TRIES: usize = 3;

fn never_waits(scene: &Scene<'_>) -> Verdict {
    let mut waits = vec![];
    while waits.len() < TRIES {
        let wait = flood::beside_a_stalled_one::<Peer>(scene)?;
        if wait < DEADLINE {
            return Ok(());
        }
        waits.push(wait);
    }
    let wanted = tr!(zh "{TRIES} 次里至少有一次，B 总共等了不到 {DEADLINE:?}",
                     en "B waits for less than {DEADLINE:?} in all, at least once in {TRIES} times");
    fail(wanted, format!("{waits:.1?}"))
}

fn greets(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let mut first = Peer::join(&server, "A")?;
    server.unless_ended(greeted(scene, &mut first)).likely(text!(
        zh "不要先读，客户端什么也不说；一次写完整的一行，末尾是换行符（\\n），然后关闭连接",
        en "read nothing first, for the client says nothing; write one whole line, with a line feed (\\n) at its end, \
            and then close the connection"))?;
    ["B", "C"].into_iter().try_for_each(|name| {
        let greeted = Peer::join(&server, name).and_then(|mut peer| greeted(scene, &mut peer));
        server.unless_ended(greeted)
    })
}

fn greeted(scene: &Scene<'_>, peer: &mut Peer) -> Verdict {
    peer.expect(peer.relayed("hello"))?;
    peer.expect_end(scene.patience()).likely(text!(
        zh "发完一行之后，连接没有关闭",
        en "the connection isn't closed behind the line"))
}

fn echo(peer: &mut Peer, words: &str) -> Verdict {
    peer.say(words)?;
    peer.expect(peer.relayed(words))
}

fn echoes(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let mut peer = Peer::join(&server, "A")?;
    let all = ["hello", "", "好 <b>\t", "good-bye"].into_iter().try_for_each(|words| echo(&mut peer, words));
    server.unless_ended(all)
}

fn serves_all_at_once(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let mut silent = Peer::join(&server, "A")?;
    echo(&mut Peer::join(&server, "B")?, "is anybody here?")?;
    echo(&mut Peer::join(&server, "C")?, "and for me?")?;
    silent.say("and I am still served")?;
    let served = silent.hears(b"and I am still served", scene.patience());
    let wanted = silent.role().does(text!(zh "也收到自己的那一行", en "gets its line back, too"));
    ensure(served, wanted, text!(zh "没有收到", en "it doesn't"))
}

fn announces(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let mut last = served(&server, "A")?;
    for name in ["B", "C", "D"] {
        let newcomer = served(&server, name)?;
        last.expect(format!("[Server]: {} comes\n", newcomer.role().address))?;
        last = newcomer;
    }
    Ok(())
}

/// A client that has been served: it is the last that came.
fn served(server: &Server, name: &str) -> Verdict<Peer> {
    let mut peer = Peer::join(server, name)?;
    echo(&mut peer, "here I am")?;
    Ok(peer)
}

/// 6 MB: more than the 4.3 MB that the buffers of one who never reads may hold. After each step, which fits any buffer,
/// the speaker waits for whoever reads.
const FLOOD: usize = 6 * 1024;
const STEP: usize = 128;
const SIZE: usize = 1024;

fn one_stalls(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b, mut s] = Peer::room(&server, ["A", "B", "S"])?;
    scene.log.note(tr!(zh "S 不再读取；A 说 {FLOOD} 行，每行 {SIZE} 字节；B 读取",
                       en "S stops reading; A says {FLOOD} lines of {SIZE} bytes; B reads"));
    [&a, &b, &s].into_iter().for_each(|peer| peer.set_quiet(true));
    let from = a.prefix();
    for start in (0..FLOOD).step_by(STEP) {
        let lines = start..start + STEP;
        ensure(say_at_once(&mut a, lines.clone(), SIZE), CAN_SEND, CANNOT)?;
        server.unless_ended(follow(&mut b, &from, lines, SIZE))?;
    }
    let gone = s.read_to_end(scene.patience()) != Heard::Nothing;
    ensure(
        gone,
        text!(zh "S 被断开", en "S is disconnected"),
        text!(zh "它的连接一直开着", en "its connection stays open"),
    )
}

const CAN_SEND: Text = text!(zh "A 能够发送", en "A can send");
const CANNOT: Text = text!(zh "发不出去", en "it can't");

/// Says lines of a flood in one write. Says whether it could.
fn say_at_once(peer: &mut Peer, lines: Range<usize>, size: usize) -> bool {
    let bytes: Vec<u8> = lines.flat_map(|i| peer.encode(words(i, size))).collect();
    peer.try_send(&bytes)
}

/// So many lines of so many bytes in a round; so many rounds at most, and so much processor time, to be measured well.
const ROUND: usize = 500;
const SHORT: usize = 60;
const ROUNDS: usize = 40;
const ENOUGH: Duration = Duration::from_millis(400);

/// What lines cost together must be less than this part of what they cost one by one.
const PART: u32 = 4;

/// The control is the same program: it gets the same lines, one after the other, so that each must be sent on alone.
fn saves_by_the_batch(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut hearers @ ..] = Peer::room(&server, ["A", "B", "C", "D", "E", "F", "G", "H", "I"])?;
    [&a].into_iter().chain(&hearers).for_each(|peer| peer.set_quiet(true));
    let (mut lines, start) = (0, server.program.usage()?.cpu);
    let mut one_by_one = Duration::ZERO;
    while one_by_one < ENOUGH && lines < ROUND * ROUNDS {
        for i in lines..lines + ROUND {
            a.say(words(i, SHORT))?;
            hearers.iter_mut().try_for_each(|hearer| hearer.expect_from(&a, words(i, SHORT)))?;
        }
        lines += ROUND;
        one_by_one = server.program.usage()?.cpu - start;
    }
    scene.log.note(tr!(zh "A 一行一行地说 {lines} 行，每一行都等大家收到：服务器用了 {one_by_one:?}",
                       en "A says {lines} lines, each when all have the one before: that costs the server {one_by_one:?}"));
    let start = server.program.usage()?.cpu;
    server.unless_ended(all_at_once(&mut a, &mut hearers, lines))?;
    let together = server.program.usage()?.cpu - start;
    scene.log.note(tr!(zh "A 一口气说完同样多的行：服务器用了 {together:?}",
                       en "A says as many without a pause: that costs the server {together:?}"));
    let most = one_by_one / PART;
    let wanted = tr!(zh "一口气说的 {lines} 行用去的处理器时间不到 {most:?}，即一行一行说时的 1/{PART}",
                     en "{lines} lines without a pause cost less than {most:?} of processor time, 1/{PART} of what they cost one by one");
    ensure(together < most, wanted, format!("{together:?}"))
}

/// One floods, and all others hear each line.
fn all_at_once(a: &mut Peer, hearers: &mut [Peer], lines: usize) -> Verdict {
    let from = a.prefix();
    thread::scope(|scope| {
        let follow_all = |hearer| scope.spawn(|| follow(hearer, &from, 0..lines, SHORT).map(drop));
        let all: Vec<_> = hearers.iter_mut().map(follow_all).collect();
        let said = (0..lines).step_by(ROUND).all(|start| say_at_once(a, start..start + ROUND, SHORT));
        let heard = all.into_iter().try_for_each(|one| one.join().unwrap_or_else(|_| broken()));
        heard.and(ensure(said, CAN_SEND, CANNOT))
    })
}

fn broken() -> Verdict {
    Err(Halt::NotChecked(tr!(zh "检查器自己出错了", en "the checker broke")))
}
