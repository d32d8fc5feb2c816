//! What was seen, in words: what the system shows as a fact, and what follows from it as a "perhaps".

use std::collections::BTreeSet;

use super::thread::{Call, Runtime};
use super::{Look, OF_PROCESS, Process, READS, SENDS, STDIN, Standing};
use crate::check::telling::text::join;
use crate::{text, tr};

/// How the names of the threads begin that the JVM has for itself.
const OF_THE_JVM: [&str; 19] = [
    "GC Thread",
    "G1 ",
    "VM ",
    "Reference Handl",
    "Finalizer",
    "Signal Dispatch",
    "Service Thread",
    "Monitor Deflati",
    "C1 Compiler",
    "C2 Compiler",
    "Sweeper thread",
    "Notification Th",
    "Common-Cleaner",
    "Attach Listener",
    "ZDriver",
    "ZWorker",
    "Shenandoah",
    "JFR ",
    "process reaper",
];

/// For whom a thread waits, and that in words.
pub(super) fn of_thread(one: &Standing<'_>, of: &Process<'_>, unread: Option<u64>) -> (String, String) {
    let is_of_jvm = || OF_THE_JVM.iter().any(|start| one.thread.name.starts_with(start));
    let says = match (&one.thread.call, one.thread.state) {
        (_, "runs") => tr!(zh "正在运行", en "runs"),
        (_, "stopped") => tr!(zh "被暂停了", en "is stopped"),
        (Some(call), _) if call.name == "futex" => match of.runtime {
            Runtime::Go => tr!(zh "在 Go 的运行时里等待", en "waits inside Go's runtime"),
            Runtime::Java if is_of_jvm() => tr!(zh "在 Java 虚拟机内部等待", en "waits inside the JVM"),
            _ => return for_others(call, one, of),
        },
        (Some(call), _) if !call.name.is_empty() => in_call(&call.name, &one.peer, unread),
        _ => tr!(zh "在系统里等待", en "waits inside the system"),
    };
    (String::new(), says)
}

fn in_call(call: &str, peer: &str, unread: Option<u64>) -> String {
    let to = join(text!(zh "写给", en "to"), peer);
    let from = join(text!(zh "等的是", en "from"), peer);
    match (SENDS.contains(&call), unread.map(size)) {
        _ if peer.is_empty() => tr!(zh "停在 {call}() 里", en "in {call}()"),
        _ if peer == STDIN => tr!(zh "停在 {call}() 里，等键盘输入", en "in {call}() of its keyboard"),
        (true, Some(bytes)) => {
            tr!(zh "停在 {call}() 里，{to}，{bytes} 没有被读走", en "in {call}() {to}, {bytes} unread")
        }
        (true, None) => tr!(zh "停在 {call}() 里，{to}", en "in {call}() {to}"),
        (false, _) => tr!(zh "停在 {call}() 里，{from}", en "in {call}() {from}"),
    }
}

/// Threads wait for each other by futex: for the end of one (its number is what they wait on), for its lock, or for work.
fn for_others(call: &Call, one: &Standing<'_>, of: &Process<'_>) -> (String, String) {
    const PRIVATE: u64 = 128;
    let argument = |at: usize| call.args.get(at).copied().unwrap_or_default();
    let is_waited_for =
        |other: &&Standing<'_>| argument(1) & PRIVATE == 0 && u64::from(other.thread.id) == argument(2);
    if let Some(other) = of.threads.iter().find(is_waited_for) {
        let number = &other.number;
        return (number.clone(), tr!(zh "在等线程 {number} 结束", en "waits for the end of thread {number}"));
    }
    let is_sender = |other: &&Standing<'_>| other.is_in(&SENDS) && other.number != one.number;
    let senders: Vec<&str> = of.threads.iter().filter(is_sender).map(|other| other.number.as_str()).collect();
    let is_timed = argument(3) != 0;
    let says = if !senders.is_empty() && of.runtime != Runtime::Node {
        let holder = senders.join(&tr!(zh "、", en " or "));
        tr!(zh "在等另一个线程（也许在等线程 {holder} 手里的锁）",
            en "waits for another thread (perhaps for the lock of thread {holder})")
    } else if is_timed && of.runtime == Runtime::Python {
        tr!(zh "在等另一个线程（也许在等 Python 的 GIL：同一时刻只有一个线程能运行）",
            en "waits for another thread (perhaps for Python's GIL, with which only one thread runs at a time)")
    } else {
        tr!(zh "在等另一个线程", en "waits for another thread")
    };
    let waits_for = if of.runtime == Runtime::Node { String::new() } else { senders.join(", ") };
    (waits_for, says)
}

/// Why no thread is seen to write to a connection that takes nothing more.
pub(super) fn unseen_writer(runtime: Runtime, somebody_writes: bool) -> String {
    match runtime {
        Runtime::Go => {
            tr!(zh "；也许有一个 goroutine 在写给它，在 Go 的运行时里等着：goroutine 不是线程，这里看不见",
                           en "; perhaps a goroutine that writes to it waits inside Go's runtime: goroutines aren't threads, so none is seen here")
        }
        _ if somebody_writes => String::new(),
        _ => tr!(zh "；没有线程停在写给它的调用里，程序自己的内存里也许还攒着更多",
                 en "; no thread is in a call that writes to it, and the program's own memory may hold more"),
    }
}

/// What lies unread on a connection.
pub(super) fn of_socket(state: &str, peer: &str, unread: u64, why: &str) -> String {
    let bytes = size(unread);
    match state {
        "full" => {
            let stops = join(peer, text!(zh "不再接收", en "takes nothing more"));
            tr!(zh "{stops}，{bytes} 没有被读走{why}", en "{stops}, {bytes} unread{why}")
        }
        _ => {
            let sent = join(peer, text!(zh "发来的内容", en "has sent"));
            tr!(zh "{sent}，程序有 {bytes} 没有读", en "of what {sent}, the program leaves {bytes} unread")
        }
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1000 => tr!(zh "{bytes} B", en "{bytes} bytes"),
        1000..1_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// All that was seen, as a part of a report; nothing where nothing was.
#[must_use]
pub fn told(looks: &[Look]) -> String {
    if looks.is_empty() {
        return String::new();
    }
    let lines: String = lines(looks).iter().map(|line| format!("    {line}\n")).collect();
    tr!(zh "\n什么也没有来的时候，程序里面：\n{lines}", en "\nInside the program, while nothing came:\n{lines}")
}

/// All that was seen, a line each, what matters first: threads that do the same share one, and connections as well.
#[must_use]
pub fn lines(looks: &[Look]) -> Vec<String> {
    let mut groups: Vec<Vec<&Look>> = Vec::new();
    for look in looks {
        match groups.iter_mut().find(|group| is_alike(group[0], look)) {
            Some(group) => group.push(look),
            None => groups.push(vec![look]),
        }
    }
    groups.sort_by_key(|group| rank(group[0]));
    let threads = looks.iter().filter(|look| !look.thread.is_empty()).count();
    groups
        .iter()
        .map(
            |group| {
                if group[0].thread.is_empty() { of_connections(group) } else { of_threads(group, threads) }
            },
        )
        .collect()
}

/// Whether two say the same of different threads, or of different connections.
fn is_alike(one: &Look, other: &Look) -> bool {
    let is_read = |look: &Look| READS.contains(&look.call.as_str()) && look.peer != STDIN;
    let process = |look: &Look| look.thread.split_once(OF_PROCESS).map(|(_, id)| id.to_string());
    match (one.thread.is_empty(), other.thread.is_empty()) {
        (true, true) => (&one.state, &one.peer) == (&other.state, &other.peer),
        (false, false) => {
            process(one) == process(other)
                && (one.says == other.says || is_read(one) && is_read(other) && one.call == other.call)
        }
        _ => false,
    }
}

fn rank(look: &Look) -> usize {
    match look {
        _ if SENDS.contains(&look.call.as_str()) => 0,
        _ if !look.waits_for.is_empty() => 1,
        Look { state, .. } if state == "full" => 2,
        Look { state, .. } if state == "unread" => 3,
        Look { state, .. } if state == "runs" || state == "stopped" => 4,
        Look { call, .. } if READS.contains(&call.as_str()) => 6,
        _ => 5,
    }
}

fn of_connections(group: &[&Look]) -> String {
    let most = group.iter().max_by_key(|look| look.unread).map_or("", |look| &look.says);
    match group.len() - 1 {
        0 => most.to_string(),
        more => {
            tr!(zh "{most}（另有 {more} 个连接也是这样）", en "{most} (and {more} more connections like it)")
        }
    }
}

fn of_threads(group: &[&Look], all: usize) -> String {
    let first = group[0];
    let peers: BTreeSet<&str> = group.iter().map(|look| look.peer.as_str()).collect();
    let says = if peers.len() > 1 { in_call(&first.call, &several(peers), None) } else { first.says.clone() };
    let thread = shown(&first.thread);
    match group.len() {
        1 if all == 1 => tr!(zh "唯一的线程：{says}", en "the only thread: {says}"),
        1 => tr!(zh "线程 {thread}：{says}", en "thread {thread}: {says}"),
        _ => {
            let process = first.thread.split_once(OF_PROCESS).map(|(_, id)| format!("{OF_PROCESS}{id}"));
            let numbers = shown(&(ranges(group) + &process.unwrap_or_default()));
            tr!(zh "线程 {numbers}：都{says}", en "threads {numbers}: each {says}")
        }
    }
}

/// A thread's number as it stands in a sentence.
fn shown(thread: &str) -> String {
    match thread.split_once(OF_PROCESS) {
        Some((number, id)) => tr!(zh "{number}（进程 {id}）", en "{number}{OF_PROCESS}{id}"),
        None => thread.to_string(),
    }
}

/// Their names, or the first of them.
fn several(peers: BTreeSet<&str>) -> String {
    const MOST: usize = 6;
    let more = if peers.len() > MOST { " …" } else { "" };
    let names: Vec<&str> = peers.into_iter().take(MOST).collect();
    names.join(&tr!(zh "、", en ", ")) + more
}

/// `1, 3–7`.
fn ranges(group: &[&Look]) -> String {
    let number = |look: &&Look| look.thread.split(' ').next()?.parse::<usize>().ok();
    let mut all: Vec<(usize, usize)> = Vec::new();
    for number in group.iter().filter_map(number) {
        match all.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => all.push((number, number)),
        }
    }
    let range = |(first, last): &(usize, usize)| {
        if first == last { first.to_string() } else { format!("{first}–{last}") }
    };
    all.iter().map(range).collect::<Vec<_>>().join(", ")
}
