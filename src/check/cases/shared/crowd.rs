//! Many clients at once, or one after the other; and what they use up.

use std::collections::HashSet;
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::check::stage::program::Program;
use crate::check::stage::scene::Server;
use crate::check::stage::speaker::{Connected, Heard, Speaker, relay};
use crate::check::stage::system::{Usage, need};
use crate::check::stage::tcp_peer::Peer;
use crate::check::telling::verdict::{ensure, fail};
use crate::check::{Case, Likely, Scene, Text, Verdict};
use crate::{text, tr};

/// A room for twelve.
pub const fn twelve<S: Speaker>(id: &'static str) -> Case {
    Case {
        id,
        title: text!(zh "十二个客户端互相都能收到",
                     en "twelve clients all hear each other"),
        hint: text!(zh "列表里漏了人（是长度固定的数组吗？），或者有人在列表里出现了两次",
                    en "somebody is not in the list (is it an array of a fixed size?), or is in it twice"),
        run: twelve_hear_each_other::<S>,
    }
}

const NAMES: [&str; 12] = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L"];

fn twelve_hear_each_other<S: Speaker>(scene: &Scene<'_>) -> Verdict {
    let server = S::serve(scene.launch())?;
    let mut peers = S::room(&server, NAMES)?;
    all_hear_each_other(scene, &mut peers)
}

/// Each says a line, and gets each other one's, once, in any order.
pub fn all_hear_each_other<S: Speaker>(scene: &Scene<'_>, peers: &mut [S]) -> Verdict {
    scene.log.note(text!(zh "每个客户端说一行", en "each says a line"));
    peers.iter().for_each(|peer| peer.set_quiet(true));
    peers.iter_mut().try_for_each(|peer| peer.say("I am here"))?;
    let said: HashSet<Vec<u8>> = peers.iter().map(|peer| peer.relayed("I am here")).collect();
    for peer in peers {
        let mut missing = said.clone();
        missing.remove(&peer.relayed("I am here"));
        while !missing.is_empty() {
            let heard = peer.next(scene.patience());
            if !matches!(&heard, Heard::Words(words) if missing.remove(words)) {
                let missing = missing.len();
                let gets = tr!(zh "收到其他每个客户端的一行，各一次（还缺 {missing} 行）",
                               en "gets each other client's line, once ({missing} are missing)");
                return fail(peer.role().does(gets), heard.told());
            }
        }
    }
    Ok(())
}

/// As many clients at a time; the first few times warm up.
const AT_ONCE: usize = 100;
const WARM_UP: usize = 4;

/// A language's runtime may keep some threads and descriptors of its own.
const FEW: u64 = 8;

/// How long a line is waited for before it is said again.
const SHORT: Duration = Duration::from_millis(50);

/// A hundred clients come and go, so many times; nothing of them must be left.
pub fn churn<C: Connected>(scene: &Scene<'_>, times: usize) -> Verdict {
    let server = C::serve(scene.launch())?;
    let [mut a, mut b] = C::room(&server, ["A", "B"])?;
    let alone = server.program.usage()?;
    let few = if scene.target.is_chatroom { 0 } else { FEW };
    let mut before = alone;
    [&a, &b].into_iter().for_each(|peer| peer.set_quiet(true));
    for time in 0..WARM_UP + times {
        if time == WARM_UP {
            before = settled(&server.program, &alone, few)?;
        }
        server.unless_ended(come_and_go(&server, &mut a, &mut b))?;
    }
    let clients = (WARM_UP + times) * AT_ONCE;
    scene.log.note(tr!(zh "{clients} 个客户端来了又走，其中一半以重置断开",
                       en "{clients} clients came and went, half of them by a reset"));
    let after = settled(&server.program, &alone, few)?;
    scene.log.note(tr!(zh "之前：{before}", en "before: {before}"));
    scene.log.note(tr!(zh "之后：{after}", en "after: {after}"));
    expect_nothing_left(&alone, &after, few, clients as u64)?;
    if !scene.target.is_chatroom {
        return Ok(()); // a garbage collector keeps as much memory in hand as it likes
    }
    let grown = after.memory.saturating_sub(before.memory);
    let wanted = text!(zh "内存增加不到 1 MiB", en "less than 1 MiB more of memory");
    ensure(grown < 1024, wanted, tr!(zh "增加了 {grown} KiB", en "{grown} KiB more"))
}

/// Neither threads nor descriptors, after so many clients.
fn expect_nothing_left(alone: &Usage, after: &Usage, few: u64, clients: u64) -> Verdict {
    let (was, is) = (alone.threads, after.threads);
    let wanted = tr!(zh "{was} 个线程，或者略多几个", en "{was} threads, or a few more");
    ensure(is <= was + FEW, wanted, tr!(zh "{is} 个线程", en "{is} threads")).likely(
        text!(zh "客户端离开以后，它的线程还没有结束：读到结束或者出错，都要退出循环",
              en "the thread of a client goes on when it has left: leave the loop at the end of input and at an error"),
    )?;
    let (was, is) = (alone.descriptors, after.descriptors);
    let wanted = tr!(zh "{was} 个描述符，与之前一样", en "{was} descriptors, as before");
    let left = ensure(is <= was + few, wanted, tr!(zh "{is} 个描述符", en "{is} descriptors"));
    if is > clients * 3 / 4 {
        return left.likely(text!(zh "离开的人没有一个从列表里删掉，连接也没有关闭：读到结束或者出错时，两件事都要做",
                                 en "nobody who leaves is taken off the list, and its connection isn't closed: do both at the end of input and at an error"));
    }
    left
}

/// What is used once those who have left are forgotten.
fn settled(program: &Program, alone: &Usage, few: u64) -> Verdict<Usage> {
    program.usage_until(|usage| {
        usage.threads <= alone.threads + few && usage.descriptors <= alone.descriptors + few
    })
}

/// One of very many.
fn someone() -> String {
    tr!(zh "某个客户端", en "someone")
}

/// All get a line. Half of them leave it unread, which is a reset. The others leave in order: some say so, and some
/// don't, like a tab that is closed.
fn come_and_go<C: Connected>(server: &Server, a: &mut C, b: &mut C) -> Verdict {
    let peers = (0..AT_ONCE).map(|_| C::connect(server, &someone())).collect::<Verdict<Vec<C>>>()?;
    for peer in &peers {
        peer.set_quiet(true);
        gets_something(a, b, peer)?;
    }
    for (i, mut peer) in peers.into_iter().enumerate() {
        match i % 4 {
            0 => peer.finish()?,
            1 => drop(peer.stream().shutdown(Shutdown::Write)),
            _ => continue,
        }
        let ended = peer.read_to_end(server.patience) != Heard::Nothing;
        let wanted = text!(zh "有序离开的客户端，连接都会结束",
                           en "whoever leaves in order gets the end of its connection");
        ensure(ended, wanted, text!(zh "有一个连接一直开着", en "one connection stays open")).likely(
            text!(zh "离开的人没有从列表里删掉，或者服务器没有关闭自己这一头的连接：读到结束时，两件事都要做",
                  en "whoever leaves isn't taken off the list, or the server doesn't close its own end of the connection: do both at the end of input"),
        )?;
    }
    Ok(())
}

/// A talks until this one has something to read: it may not be in the room yet.
fn gets_something<C: Connected>(a: &mut C, b: &mut C, peer: &C) -> Verdict {
    for _ in 0..100 {
        if peer.has_something(SHORT) {
            return Ok(());
        }
        relay(a, b, "hello")?;
    }
    let wanted = text!(zh "每个客户端都收到别人说的话", en "each client gets what the others say");
    let nothing = text!(zh "说了很多遍，有一个始终什么也没有收到",
                        en "one gets nothing, however often it is said");
    fail(wanted, nothing)
}

/// What breaks a room where people come and go.
const UNGUARDED: Text = text!(zh "遍历列表时，别人正在修改它：两者都要拿着锁。或者，写给一个刚离开的人，结束了整个程序（SIGPIPE、\
                                  没有处理的错误）：忽略这个信号，检查每次写的结果",
                              en "the list is changed while somebody walks it: hold the lock for both. Or a write to \
                                  somebody who has just left ends the program (SIGPIPE, an error nobody looks at): \
                                  ignore the signal, and look at what each write says");

/// Some talk while others come and go.
pub const fn bustle<C: Connected>(id: &'static str) -> Case {
    Case {
        id,
        title: text!(zh "一些客户端不停地说话，同时有许多来来去去，多数以重置断开：聊天室照常运行",
                     en "while some talk without a pause, many come and go, most of them by a reset: the room goes on"),
        hint: UNGUARDED,
        run: goes_on_meanwhile::<C>,
    }
}

/// So many talk, and so many come and go.
const TALKERS: usize = 4;
const VISITORS: usize = 800;

/// So many of them at the same time.
const AT_THE_DOOR: usize = 8;

/// And more of them, up to so many times as many, until this time is over: what two threads must not do at the same
/// moment seldom happens.
const MORE: usize = 12;
const BUSY: Duration = Duration::from_secs(4);
const PAUSE: Duration = Duration::from_millis(3);

/// How long it may take a server to say what it was told meanwhile: there may be thousands on its list by now, all gone.
const BACKLOG: Duration = Duration::from_secs(10);

/// A talker says so many lines at a time: the server is to walk its list often.
const AT_A_TIME: usize = 20;

/// Before a talker says more it waits for as much from each of the others, but no longer than this: whoever serves
/// slowly needn't drown in it.
const BREATH: Duration = Duration::from_millis(300);

fn goes_on_meanwhile<C: Connected>(scene: &Scene<'_>) -> Verdict {
    let mut server = C::serve(scene.launch())?;
    let talkers = C::room::<TALKERS>(&server, ["A", "B", "C", "D"])?;
    let names = "A, B, C, D";
    scene.log.note(tr!(zh "{names} 不停地说话；同时至少有 {VISITORS} 个客户端来来去去，多数以重置断开",
                       en "{names} talk without a pause; meanwhile at least {VISITORS} come and go, most of them by a reset"));
    let (over, start) = (AtomicBool::new(false), Instant::now());
    let visited = thread::scope(|scope| {
        let talks: Vec<_> =
            talkers.into_iter().map(|talker| scope.spawn(|| talk_until(talker, &over))).collect();
        let visits = || {
            let enough = VISITORS / AT_THE_DOOR;
            (0..MORE * enough).take_while(|i| *i < enough || start.elapsed() < BUSY).try_for_each(|_| {
                let visitor = C::connect(&server, &someone())?;
                visitor.set_quiet(true);
                visitor.has_something(SHORT); // unread, it makes a reset of its end
                drop(visitor);
                thread::sleep(PAUSE); // or a fast server would have seen them all before it can err
                Ok(())
            })
        };
        let doors: Vec<_> = (0..AT_THE_DOOR).map(|_| scope.spawn(visits)).collect();
        let broke = || {
            fail(
                text!(zh "访客来去", en "visitors come and go"),
                text!(zh "检查器出错了", en "the checker broke"),
            )
        };
        let visited = doors.into_iter().try_for_each(|door| door.join().unwrap_or_else(|_| broke()));
        over.store(true, Ordering::Relaxed);
        let stayed = talks.into_iter().all(|talk| talk.join().unwrap_or(false));
        visited.and(ensure(
            stayed,
            tr!(zh "{names} 都留在聊天室里", en "{names} all stay in the room"),
            text!(zh "有一个的连接断开了", en "one of them is thrown out"),
        ))
    });
    server.unless_ended(visited)?;
    server.patience = server.patience.max(BACKLOG);
    let [mut e, mut f] = server.unless_ended(C::room(&server, ["E", "F"]).rather(UNGUARDED))?;
    e.say("still here")?;
    // What the talkers said last may still be on its way.
    let said = Heard::Words(e.relayed("still here"));
    let heard = f.hears(&e.relayed("still here"), scene.patience());
    server.unless_ended(ensure(heard, f.role().does(said.gets()), Heard::Nothing.told()))
}

/// Talks, and hears what the others say, until it's `over`. Says whether it could.
fn talk_until<C: Connected>(mut talker: C, over: &AtomicBool) -> bool {
    talker.set_quiet(true);
    let lines = talker.encode("on and on").repeat(AT_A_TIME);
    let (mut due, mut heard) = (0, 0);
    while !over.load(Ordering::Relaxed) {
        if !talker.try_send(&lines) {
            return false;
        }
        due += AT_A_TIME * (TALKERS - 1);
        let deadline = Instant::now() + BREATH;
        while heard < due && Instant::now() < deadline && !over.load(Ordering::Relaxed) {
            match talker.next(SHORT) {
                Heard::End(_) | Heard::Reset => return false,
                Heard::Nothing => {}
                _ => heard += 1,
            }
        }
        due = heard; // What is lost isn't waited for again.
    }
    true
}

/// D5: no descriptors are left for newcomers.
pub const fn descriptors<C: Connected>() -> Case {
    Case {
        id: "D5",
        title: text!(zh "描述符用完时，聊天室照常运行，不空转，只警告一次；有了空余，又能让人进来",
                     en "out of descriptors the room goes on and rests, says so once, and lets people in when there is room again"),
        hint: text!(zh "accept 每次都立刻失败：再试之前先停一停，只警告一次，并提到 `ulimit -n`",
                    en "accept fails at once, again and again: pause before the next try, and say it once, naming `ulimit -n`"),
        run: runs_out_of_descriptors::<C>,
    }
}

/// More than 30 descriptors can hold.
const CROWD: usize = 40;

fn runs_out_of_descriptors<C: Connected>(scene: &Scene<'_>) -> Verdict {
    need(&["sh"])?;
    let server = C::serve(scene.launch().after_shell("ulimit -n 30").starved())?;
    let [mut a, mut b] = C::room(&server, ["A", "B"])?;
    let crowd = too_many(&server)?;
    let said = |all: &[u8]| String::from_utf8_lossy(all).contains("ulimit -n");
    let in_time = server.program.stderr.wait_for(scene.patience(), said);
    expect_rest(&server)?;
    let warning = text!(zh "stderr 上有一句警告，提到 `ulimit -n`",
                        en "a warning on stderr that names `ulimit -n`");
    ensure(in_time, warning, server.program.printed())?;
    relay(&mut a, &mut b, "full, but alive")?;
    drop(crowd);
    scene.log.note(text!(zh "它们都离开了", en "they leave"));
    C::late(&server, "C", &mut a)?;
    let warnings = server.program.stderr.text().matches("ulimit -n").count();
    let wanted = text!(zh "提到 `ulimit -n` 的警告只有一句", en "one warning that names `ulimit -n`");
    ensure(warnings == 1, wanted, tr!(zh "有 {warnings} 句", en "{warnings} of them"))
        .likely(text!(zh "同一句警告反复出现", en "the warning comes again and again"))
}

/// More connections than a server has room for.
pub fn too_many(server: &Server) -> Verdict<Vec<Peer>> {
    let crowd = (0..CROWD).map(|_| server.connect(&someone())).collect::<Verdict<Vec<Peer>>>()?;
    server.log.note(tr!(zh "又有 {CROWD} 个客户端连接", en "{CROWD} more connect"));
    crowd.iter().for_each(|peer| peer.set_quiet(true));
    Ok(crowd)
}

/// How long the load is measured, how much of a processor is still rest, and how many bytes may be printed meanwhile: on
/// a busy machine, one who complains without end waits for the checker to read it, and needs no processor for that.
const A_WHILE: Duration = Duration::from_millis(700);
const REST: f64 = 0.08;
const A_FEW_LINES: usize = 4096;

/// The server must have nothing to do.
pub fn expect_rest(server: &Server) -> Verdict {
    let printed = || server.program.stdout.size() + server.program.stderr.size();
    let before = printed();
    let load = server.program.load_over(A_WHILE)?;
    let (percent, more) = (load * 100.0, printed() - before);
    let got = tr!(zh "它占用或等待处理器的时间是 {percent:.0} %",
                  en "it uses a processor, or waits for one, {percent:.0} % of the time");
    let rests = text!(zh "服务器空闲", en "the server rests");
    ensure(load < REST, rests, got)?;
    ensure(
        more < A_FEW_LINES,
        rests,
        tr!(zh "这段时间它打印了 {more} 字节", en "it prints {more} bytes meanwhile"),
    )
}

/// What somebody tries to send who never comes to an end, in MiB.
const ENDLESS: usize = 64;

/// Somebody sends the same MiB again and again: it must be thrown out, and the server's memory must not have grown by
/// `most` KiB since it was `before`.
pub fn endless<C: Connected>(
    server: &Server,
    peer: &mut C,
    mebibyte: impl AsRef<[u8]>,
    (before, most): (u64, u64),
) -> Verdict {
    let sent = (0..ENDLESS).take_while(|_| peer.try_send(mebibyte.as_ref())).count();
    peer.role()
        .note(|| tr!(zh "发出了 {ENDLESS} MiB 里的 {sent} MiB", en "could send {sent} of {ENDLESS} MiB"));
    let grown = server.program.usage()?.peak - before;
    let wanted = tr!(zh "内存增长不到 {most} KiB", en "memory grows by less than {most} KiB");
    ensure(grown < most, wanted, tr!(zh "增长了 {grown} KiB", en "by {grown} KiB"))?;
    let thrown_out =
        tr!(zh "没等发完 {ENDLESS} MiB 就被断开", en "is disconnected before it has sent {ENDLESS} MiB");
    let all = text!(zh "全都发出去了", en "it could send all of it");
    ensure(sent < ENDLESS, peer.role().does(thrown_out), all)
}
