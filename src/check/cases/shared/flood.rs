//! Floods, readers that stop reading (D4, D31), and a server that is to end meanwhile.

use std::net::Shutdown;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::slow::{self, Watch};
use crate::check::stage::guess;
use crate::check::stage::scene::Server;
use crate::check::stage::speaker::{Connected, Heard, Speaker};
use crate::check::telling::verdict::{ensure, fail};
use crate::check::{Likely, Scene, Verdict};
use crate::{text, tr};

/// The most that a healthy client is without a line, in a flood.
const MAX_SILENCE: Duration = Duration::from_secs(3);

/// Without a line for so long, the room waits for a client that doesn't read.
pub const SILENCE: Duration = Duration::from_millis(200);

/// What stalled clients may cost in all, a busy machine's part included.
const ABOUT_A_SECOND: Duration = Duration::from_millis(1800);

/// 12 MB: far more than the buffers of two sockets hold.
const LINES: usize = 12_000;
const SIZE: usize = 1024;

/// Line `i` of a flood.
pub fn words(i: usize, size: usize) -> String {
    format!("{i:07} {}", ".".repeat(size - 8))
}

/// Sends a part of a flood, some lines at a time. Says whether all could be sent.
fn send<C: Connected>(peer: &mut C, lines: Range<usize>, size: usize) -> bool {
    lines.collect::<Vec<_>>().chunks(32).all(|some| {
        let bytes: Vec<u8> = some.iter().flat_map(|&i| peer.encode(words(i, size))).collect();
        let sent = peer.try_send(&bytes);
        if sent {
            peer.role().floods(bytes.len());
        }
        if peer.role().log().is_watched() {
            thread::sleep(slow::PACE);
        }
        sent
    })
}

/// Must get these lines of the flood of whom others see as `from` (`[ip:port]: `), in order, without a long silence.
/// Says how long it waited in all, short waits aside.
pub fn follow<S: Speaker>(peer: &mut S, from: &str, lines: Range<usize>, size: usize) -> Verdict<Duration> {
    let mut silence = Duration::ZERO;
    let short = if peer.role().log().is_watched() { slow::PAUSE } else { SILENCE };
    for i in lines {
        let start = Instant::now();
        let wanted = Heard::Words(format!("{from}{}\n", words(i, size)).into());
        let heard = peer.next(MAX_SILENCE);
        if heard != wanted {
            let line = wanted.told();
            let gets = tr!(zh "在 {MAX_SILENCE:?} 内收到第 {i} 行：{line}",
                           en "gets line {i} within {MAX_SILENCE:?}: {line}");
            return fail(peer.role().does(gets), heard.told());
        }
        // A busy machine takes its time too: only what is long is counted.
        silence += Some(start.elapsed()).filter(|wait| *wait > short).unwrap_or_default();
    }
    Ok(silence)
}

/// So that a healthy client never lags: after so many lines, which fit its buffers, the speaker waits for it.
const STEP: usize = 128;

/// The speaker is ahead of those who read by no more steps than this, 1 MB: a room that queues what it can't write shuts
/// out who falls behind, and on a busy machine that mustn't be the checker.
const AHEAD: usize = 8;

/// A floods, the others read, and one doesn't. Says how long the first of them waited in all, short waits aside.
fn flood<C: Connected>(a: &mut C, hearers: Vec<&mut C>, stalled: Option<&C>) -> Verdict<Duration> {
    let watch = stalled.and_then(|one| Watch::of(one.role()));
    let is_over = &AtomicBool::new(false);

    let (from, all, connection) = (&a.prefix(), hearers.len(), a.second()?);
    let (reached, steps) = mpsc::channel();
    let is_near = move |step| step < AHEAD || (0..all).all(|_| steps.recv().is_ok());
    let speak = move || steps_of_all().enumerate().all(|(step, lines)| is_near(step) && send(a, lines, SIZE));
    thread::scope(|scope| {
        scope.spawn(speak);
        if let Some(watch) = watch {
            scope.spawn(move || watch.until(is_over));
        }
        let listen = |hearer| {
            let reached = reached.clone();
            scope.spawn(move || follow_in_steps(hearer, from, &reached))
        };
        let listening: Vec<_> = hearers.into_iter().map(listen).collect();
        let broken = |_| {
            fail(
                text!(zh "检查器继续运行", en "the checker runs on"),
                text!(zh "检查器自己出错了", en "the checker broke"),
            )
        };
        drop(reached);
        let heard: Vec<_> = listening.into_iter().map(|one| one.join().unwrap_or_else(broken)).collect();
        is_over.store(true, Ordering::Relaxed);
        // Nobody needs the rest: a system may keep who sends it waiting for long, even if the other side is gone.
        let _ = connection.stream().shutdown(Shutdown::Both);
        heard.into_iter().rev().reduce(|last, first| last.and(first)).unwrap_or(Ok(Duration::ZERO))
    })
}

/// The lines of a flood, a step at a time.
fn steps_of_all() -> impl Iterator<Item = Range<usize>> {
    (0..LINES).step_by(STEP).map(|line| line..LINES.min(line + STEP))
}

/// Follows a flood, and says after each step that it is there; when something is wrong, too: the others go on.
fn follow_in_steps<C: Connected>(hearer: &mut C, from: &str, reached: &Sender<()>) -> Verdict<Duration> {
    let mut silence = Ok(Duration::ZERO);
    for lines in steps_of_all() {
        silence = silence.and_then(|so_far| Ok(so_far + follow(hearer, from, lines, SIZE)?));
        let _ = reached.send(());
    }
    silence
}

/// So many clients stop reading.
const STALLED: usize = 50;

/// Clients that stop reading go; the others hardly notice.
pub fn stalled<C: Connected>(scene: &Scene<'_>) -> Verdict {
    let server = C::serve(scene.launch())?;
    let [mut a, mut b, mut c] = C::room(&server, ["A", "B", "C"])?;
    let mut stallers = (0..STALLED).map(|_| C::connect(&server, "S")).collect::<Verdict<Vec<C>>>()?;
    // Whether they miss a few lines makes no difference; but who comes in late may not get enough to be full.
    let (addresses, start): (Vec<_>, _) =
        (stallers.iter().map(|staller| staller.role().address).collect(), Instant::now());
    while !guess::are_accepted(&addresses) && start.elapsed() < scene.patience() {
        thread::sleep(SILENCE / 10);
    }
    stallers.iter().chain([&b, &c]).for_each(|peer| peer.set_quiet(true));
    scene.log.note(
        tr!(zh "又有 {STALLED} 个客户端连接，什么也不读", en "{STALLED} more connect and read nothing"),
    );
    scene.log.note(tr!(zh "A 说 {LINES} 行，每行 {SIZE} 字节；B 和 C 读取",
                       en "A says {LINES} lines of {SIZE} bytes; B and C read"));
    let silence = flood(&mut a, vec![&mut b, &mut c], stallers.first())?;
    scene.log.note(tr!(zh "B 和 C 收到了每一行；B 总共有 {silence:.1?} 什么也没有收到",
                       en "B and C have every line; B was without one for {silence:.1?} in all"));
    let wanted = tr!(zh "B 什么也收不到的时间，总共不到 {MAX_SILENCE:?}",
                     en "B is without a line for less than {MAX_SILENCE:?} in all");
    ensure(silence < MAX_SILENCE, wanted, format!("{silence:.1?}")).likely(
        text!(zh "每个停住的客户端各占一个期限，或者凭最后一次尝试蒙混过关，留了下来：\
                  大家共用一个期限，错过的就断开",
              en "each late client costs a deadline of its own, or slips through with a last try and keeps its place: \
                  one deadline for all, and who misses it goes"),
    )?;
    let open = stallers.iter_mut().any(|staller| staller.read_to_end(scene.patience()) == Heard::Nothing);
    let wanted = text!(zh "不读取的客户端都被断开", en "each client that doesn't read is disconnected");
    ensure(!open, wanted, text!(zh "有一个连接一直开着", en "one connection stays open"))
}

/// A floods, B reads, S doesn't. Says how long B waited in all.
pub fn beside_a_stalled_one<C: Connected>(scene: &Scene<'_>) -> Verdict<Duration> {
    let server = C::serve(scene.launch())?;
    let [mut a, mut b, s] = C::room(&server, ["A", "B", "S"])?;
    scene.log.note(tr!(zh "S 什么也不读；A 说 {LINES} 行，每行 {SIZE} 字节；B 读取",
                       en "S reads nothing; A says {LINES} lines of {SIZE} bytes; B reads"));
    b.set_quiet(true);
    let silence = flood(&mut a, vec![&mut b], Some(&s))?;
    scene.log.note(
        tr!(zh "B 总共有 {silence:.1?} 什么也没有收到", en "B was without a line for {silence:.1?} in all"),
    );
    Ok(silence)
}

/// Each round a new client comes and stalls, and gets 5 MB: more than the 4.3 MB that its buffers may hold.
const ROUND: usize = 5 * 1024;
const ROUNDS: usize = 4;

/// Clients that come to stall, one after the other. The first of them is another case, `see`.
pub fn again<C: Connected>(scene: &Scene<'_>, see: &str) -> Verdict {
    let server = C::serve(scene.launch())?;
    let [mut a, mut b] = C::room(&server, ["A", "B"])?;
    let from = a.prefix();
    let (mut stallers, mut silence, start) = (vec![], Duration::ZERO, Instant::now());
    let hint = tr!(zh "见 {see}：聊天室停住不动，或者丢了消息", en "see {see}: the room freezes, or loses what is said");
    b.set_quiet(true);
    for round in 0..ROUNDS {
        stallers.push(C::join(&server, &format!("S{round}"))?);
        scene.log.note(tr!(zh "S{round} 什么也不读；A 说 {ROUND} 行，每行 {SIZE} 字节；B 读取",
                           en "S{round} reads nothing; A says {ROUND} lines of {SIZE} bytes; B reads"));
        for step in (round * ROUND..(round + 1) * ROUND).step_by(STEP) {
            send(&mut a, step..step + STEP, SIZE);
            silence += follow(&mut b, &from, step..step + STEP, SIZE).likely(&hint)?;
        }
        let time = start.elapsed();
        scene.log.note(tr!(zh "到现在为止，{time:.1?} 里 B 有 {silence:.1?} 什么也没有收到",
                           en "so far B was without a line for {silence:.1?} of {time:.1?}"));
    }
    // A second once, a tenth of the time, and some for a busy machine.
    let allowed = ABOUT_A_SECOND + start.elapsed() / 10;
    let wanted =
        tr!(zh "B 什么也收不到的时间最多 {allowed:.1?}", en "B is without a line for at most {allowed:.1?}");
    ensure(silence < allowed, wanted, format!("{silence:.1?}"))
}

/// So many lines in each of four floods.
const FLOOD: usize = 3000;
const SMALL: usize = 100;

/// Four flood and read; `e` must get all that each says, in order, in any mixture, and nothing but that and what it
/// `may_hear` besides.
pub fn four<C: Connected>(e: &mut C, floods: [C; 4], may_hear: impl FnMut(&Heard) -> bool) -> Verdict {
    e.set_quiet(true);
    let prefixes: Vec<String> = floods.iter().map(C::prefix).collect();
    thread::scope(|scope| {
        for mut flood in floods {
            flood.set_quiet(true);
            let mut reader = flood.second()?;
            let patience = reader.role().patience.max(MAX_SILENCE);
            scope.spawn(move || while reader.next(patience).is_something() {});
            scope.spawn(move || send(&mut flood, 0..FLOOD, SMALL) && flood.finish().is_ok());
        }
        follow_all(e, &prefixes, may_hear)
    })
}

fn follow_all<C: Connected>(
    e: &mut C,
    prefixes: &[String],
    mut may_hear: impl FnMut(&Heard) -> bool,
) -> Verdict {
    let (mut next, mut last_line) = (vec![0; prefixes.len()], Instant::now());
    while next.iter().any(|&next| next < FLOOD) {
        let patience = e.role().patience.max(MAX_SILENCE);
        let mut heard = e.next(patience);
        if may_hear(&heard) {
            if last_line.elapsed() < patience {
                continue;
            }
            heard = Heard::Nothing; // of what is waited for
        }
        last_line = Instant::now();
        let said = |i: usize| Heard::Words(format!("{}{}\n", prefixes[i], words(next[i], SMALL)).into());
        match (0..prefixes.len()).find(|&i| heard == said(i)) {
            Some(whose) => next[whose] += 1,
            None => {
                let gets = tr!(zh "完整地收到四人之一的下一行（已经收到的行数：{next:?}）",
                               en "gets the next line of one of the four, whole (lines so far: {next:?})");
                return fail(e.role().does(gets), heard.told());
            }
        }
    }
    Ok(())
}

/// Plays until the room waits for S, then `end`. A floods, B reads, S doesn't.
pub fn while_stalled<C: Connected>(
    scene: &Scene<'_>,
    end: impl FnOnce(&Server, &mut C) -> Verdict,
) -> Verdict {
    let server = C::serve(scene.launch())?;
    let [a, b, _s] = C::room(&server, ["A", "B", "S"])?;
    scene.log.note(text!(zh "S 什么也不读", en "S reads nothing"));
    until_silent([a, b], SILENCE, |b| end(&server, b))
}

/// A floods the room and B reads, until nothing comes for so long; then `end`.
pub fn until_silent<C: Connected>(
    [mut a, mut b]: [C; 2],
    silence: Duration,
    end: impl FnOnce(&mut C) -> Verdict,
) -> Verdict {
    a.role().note(|| tr!(zh "说 {LINES} 行，每行 {SIZE} 字节；B 读取", en "says {LINES} lines of {SIZE} bytes; B reads"));
    b.set_quiet(true);
    let connection = a.second()?;
    thread::scope(|scope| {
        scope.spawn(|| send(&mut a, 0..LINES, SIZE));
        while b.next(silence).is_something() {}
        let ended = end(&mut b);
        let _ = connection.stream().shutdown(Shutdown::Both); // The rest of the flood might keep A waiting for long.
        ended
    })
}
