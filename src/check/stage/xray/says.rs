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
            _ if of.threads.len() == 1 => in_call(&call.name, "", None), // there is none to wait for
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
        let number = shown(&other.number);
        return (
            other.number.clone(),
            tr!(zh "在等线程 {number} 结束", en "waits for the end of thread {number}"),
        );
    }
    let is_sender = |other: &&Standing<'_>| other.is_in(&SENDS) && other.number != one.number;
    let senders: Vec<&str> = of.threads.iter().filter(is_sender).map(|other| other.number.as_str()).collect();
    let is_timed = argument(3) != 0;
    let says = if !senders.is_empty() && of.runtime != Runtime::Node {
        let all: Vec<String> = senders.iter().map(|number| shown(number)).collect();
        let holder = all.join(&tr!(zh "、", en " or "));
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
pub(super) fn unseen_writer(runtime: Runtime, somebody_may: bool) -> String {
    match runtime {
        Runtime::Go => {
            tr!(zh "；也许有一个 goroutine 在写给它，在 Go 的运行时里等着：goroutine 不是线程，这里看不见",
                           en "; perhaps a goroutine that writes to it waits inside Go's runtime: goroutines aren't threads, so none is seen here")
        }
        _ if somebody_may => String::new(),
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
    let is_read =
        |look: &Look| READS.contains(&look.call.as_str()) && !look.peer.is_empty() && look.peer != STDIN;
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
            tr!(zh "{most}（另有 {more} 个连接也是这样）", en "{most} (and {more} more like it)")
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

#[cfg(test)]
mod tests {
    use super::super::thread::Thread;
    use super::*;
    use crate::check::telling::text::Text;

    /// A process of threads that are in these calls, with these arguments, for these peers.
    fn process(runtime: Runtime, threads: &[(&'static str, &[u64], &str)]) -> Process<'static> {
        let standing = |(at, (name, args, peer)): (usize, &(&'static str, &[u64], &str))| Standing {
            number: (at + 1).to_string(),
            thread: Thread {
                id: 4000 + u32::try_from(at).unwrap_or_default(),
                name: String::new(),
                state: "waits",
                call: Some(Call { name: (*name).to_string(), args: args.to_vec() }),
            },
            socket: None,
            peer: (*peer).to_string(),
        };
        Process { id: 4000, runtime, threads: threads.iter().enumerate().map(standing).collect() }
    }

    #[track_caller]
    fn says(of: &Process<'_>, thread: usize, unread: Option<u64>, waits_for: &str, wanted: Text) {
        let said = of_thread(&of.threads[thread], of, unread);
        assert_eq!(said, (waits_for.to_string(), wanted.to_string()));
    }

    const FUTEX: (&str, &[u64], &str) = ("futex", &[0x7000, 0x189, 0, 0], "");
    const TIMED: (&str, &[u64], &str) = ("futex", &[0x7000, 0x89, 0, 0x7100], "");
    const SEND: (&str, &[u64], &str) = ("send", &[9], "S");

    #[test]
    fn what_a_thread_does_is_a_fact() {
        let of = process(
            Runtime::Other,
            &[SEND, ("recv", &[8], "B"), ("read", &[0], STDIN), ("write", &[1], "stdout")],
        );
        says(
            &of,
            0,
            Some(3_812_000),
            "",
            text!(zh "停在 send() 里，写给 S，3.8 MB 没有被读走", en "in send() to S, 3.8 MB unread"),
        );
        says(
            &of,
            0,
            Some(38_120),
            "",
            text!(zh "停在 send() 里，写给 S，38 kB 没有被读走", en "in send() to S, 38 kB unread"),
        );
        says(
            &of,
            0,
            Some(38),
            "",
            text!(zh "停在 send() 里，写给 S，38 B 没有被读走", en "in send() to S, 38 bytes unread"),
        );
        says(&of, 1, None, "", text!(zh "停在 recv() 里，等的是 B", en "in recv() from B"));
        says(&of, 2, None, "", text!(zh "停在 read() 里，等键盘输入", en "in read() of its keyboard"));
        says(&of, 3, None, "", text!(zh "停在 write() 里，写给 stdout", en "in write() to stdout"));
        let of = process(
            Runtime::Other,
            &[("accept", &[3], ""), ("", &[], ""), FUTEX, ("futex", &[0x7000, 0x109, 4000], "")],
        );
        says(&of, 0, None, "", text!(zh "停在 accept() 里", en "in accept()"));
        says(&of, 1, None, "", text!(zh "在系统里等待", en "waits inside the system"));
        says(&of, 2, None, "", text!(zh "在等另一个线程", en "waits for another thread"));
        says(&of, 3, None, "1", text!(zh "在等线程 1 结束", en "waits for the end of thread 1"));
    }

    #[test]
    fn whose_lock_it_is_is_a_guess() {
        let of = process(Runtime::Python, &[SEND, FUTEX]);
        says(
            &of,
            1,
            None,
            "1",
            text!(zh "在等另一个线程（也许在等线程 1 手里的锁）", en "waits for another thread (perhaps for the lock of thread 1)"),
        );
        let mut of = process(Runtime::Other, &[SEND, FUTEX]);
        of.threads[0].number = "1 of process 7".to_string();
        says(
            &of,
            1,
            None,
            "1 of process 7",
            text!(zh "在等另一个线程（也许在等线程 1（进程 7） 手里的锁）", en "waits for another thread (perhaps for the lock of thread 1 of process 7)"),
        );
        let of = process(Runtime::Other, &[SEND, SEND, FUTEX]);
        says(
            &of,
            2,
            None,
            "1, 2",
            text!(zh "在等另一个线程（也许在等线程 1、2 手里的锁）", en "waits for another thread (perhaps for the lock of thread 1 or 2)"),
        );
        let of = process(Runtime::Python, &[TIMED]);
        says(&of, 0, None, "", text!(zh "停在 futex() 里", en "in futex()"));
        let of = process(Runtime::Python, &[TIMED, TIMED]);
        says(
            &of,
            0,
            None,
            "",
            text!(zh "在等另一个线程（也许在等 Python 的 GIL：同一时刻只有一个线程能运行）", en "waits for another thread (perhaps for Python's GIL, with which only one thread runs at a time)"),
        );
    }

    #[test]
    fn threads_of_a_runtime_are_told_as_such() {
        says(
            &process(Runtime::Go, &[FUTEX]),
            0,
            None,
            "",
            text!(zh "在 Go 的运行时里等待", en "waits inside Go's runtime"),
        );
        says(
            &process(Runtime::Node, &[SEND, FUTEX]),
            1,
            None,
            "",
            text!(zh "在等另一个线程", en "waits for another thread"),
        );
        let mut of = process(Runtime::Java, &[SEND, FUTEX]);
        of.threads[1].thread.name = "GC Thread#0".to_string();
        says(&of, 1, None, "", text!(zh "在 Java 虚拟机内部等待", en "waits inside the JVM"));
        of.threads[1].thread.state = "runs";
        says(&of, 1, None, "", text!(zh "正在运行", en "runs"));
        of.threads[1].thread.state = "stopped";
        says(&of, 1, None, "", text!(zh "被暂停了", en "is stopped"));
    }

    #[test]
    fn who_takes_nothing_more_is_told_with_what_is_known_of_the_writer() {
        let full = |runtime, somebody| of_socket("full", "S", 4_100_000, &unseen_writer(runtime, somebody));
        let start =
            text!(zh "S 不再接收，4.1 MB 没有被读走", en "S takes nothing more, 4.1 MB unread").to_string();
        assert_eq!(full(Runtime::Other, true), start);
        assert!(
            full(Runtime::Go, false).starts_with(&start) && full(Runtime::Go, false).contains("goroutine")
        );
        let rest = text!(zh "；没有线程停在写给它的调用里，程序自己的内存里也许还攒着更多", en "; no thread is in a call that writes to it, and the program's own memory may hold more");
        assert_eq!(full(Runtime::Node, false), format!("{start}{rest}"));
        let unread = text!(zh "A 发来的内容，程序有 950 kB 没有读", en "of what A has sent, the program leaves 950 kB unread");
        assert_eq!(of_socket("unread", "A", 950_123, ""), unread.to_string());
    }

    fn look(thread: &str, call: &str, peer: &str) -> Look {
        let says = in_call(call, peer, None);
        Look {
            thread: thread.to_string(),
            call: call.to_string(),
            peer: peer.to_string(),
            says,
            ..Look::default()
        }
    }

    #[test]
    fn what_many_do_is_one_line_and_what_matters_comes_first() {
        let full = Look {
            state: "full".to_string(),
            peer: "S".to_string(),
            says: "…".to_string(),
            ..Look::default()
        };
        let looks = [
            look("1", "accept", ""),
            look("2", "recv", "B"),
            look("3", "send", "S"),
            look("4 (x)", "recv", "C"),
            look("6", "recv", "C"),
            full.clone(),
            full,
        ];
        let wanted = text!(
            zh "线程 3：停在 send() 里，写给 S\n…（另有 1 个连接也是这样）\n线程 1：停在 accept() 里\n线程 2, 4, 6：都停在 recv() 里，等的是 B、C",
            en "thread 3: in send() to S\n… (and 1 more like it)\nthread 1: in accept()\nthreads 2, 4, 6: each in recv() from B, C");
        assert_eq!(lines(&looks).join("\n"), wanted.to_string());
        let alone = text!(zh "唯一的线程：停在 recv() 里，等的是 A", en "the only thread: in recv() from A");
        assert_eq!(lines(&[look("1", "recv", "A")]), [alone.to_string()]);
        let of_a_pipe = [look("1", "read", "A"), look("2", "read", "")];
        assert_eq!(lines(&of_a_pipe).len(), 2, "{:?}", lines(&of_a_pipe));
        let of_two = [look("1 of process 7", "recv", "A"), look("1 of process 8", "send", "S")];
        let wanted =
            text!(zh "线程 1（进程 8）：停在 send() 里，写给 S", en "thread 1 of process 8: in send() to S");
        assert_eq!(lines(&of_two)[0], wanted.to_string());
        assert_eq!(told(&[]), "");
    }
}
