//! What is seen inside a program that is silent: Linux tells in which call each thread is, and what lies unread.
#![allow(clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use chatroom::check::stage::xray::{Look, lines, looks};
use serde_json::Value;

use crate::strangers::{C, JAVA, PYTHON, Stranger, is_asked_for, make_and, run_check, server};

/// More than the buffers of S hold by the time that nothing goes on. (Together they take 4 MB, or less where memory is
/// short.)
const FULL: u64 = 1_000_000;

/// Far more than it takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is seen in a server when the room waits for S.
#[track_caller]
fn seen_in_d4(run: &str) -> Vec<Value> {
    let (code, told) = run_check("tcp-server", run, &["--only", "D4"]);
    assert_eq!((code, &told[0]["outcome"]), (Some(1), &"failed".into()), "{:#}", told[0]);
    told[0]["xray"].as_array().expect("a list").clone()
}

fn is_full(look: &Value) -> bool {
    look["peer"] == "S" && look["unread"].as_u64().is_some_and(|unread| unread > FULL)
}

/// One thread, and only one, is in a call that writes to S.
#[track_caller]
fn names_the_thread(run: &str, calls: &[&str]) {
    let seen = seen_in_d4(run);
    let writes =
        |look: &&Value| ["send", "write", "sendmsg", "writev"].iter().any(|call| look["call"] == *call);
    let writers: Vec<&Value> = seen.iter().filter(writes).collect();
    assert!(writers.len() == 1 && is_full(writers[0]), "{run}: {writers:#?}");
    let call = writers[0]["call"].as_str().expect("a name");
    assert!(calls.contains(&call) && writers[0]["state"] == "waits", "{run}: {:#}", writers[0]);
    let says = writers[0]["says"].as_str().expect("words");
    assert!(says.starts_with(&format!("in {call}() to S, ")) && says.ends_with(" unread"), "{run}: {says}");
}

fn naive() -> String {
    let target = crate::faulty("tcp-server", "");
    format!("\"{}\" tcp-server {{addr}}", target.words[0])
}

#[test]
fn the_thread_that_writes_to_who_does_not_read_is_named() {
    names_the_thread(&naive(), &["send"]);
}

#[test]
fn it_is_told_below_the_transcript_in_both_languages() {
    let heads =
        [("en", "\nInside the program, while nothing came:\n"), ("zh", "\n什么也没有来的时候，程序里面：\n")];
    let lines = [
        ("en", ": in send() to S, ", "S takes nothing more, "),
        ("zh", "停在 send() 里，写给 S，", "S 不再接收，"),
    ];
    for ((language, head), (_, writes, full)) in heads.into_iter().zip(lines) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatroom"));
        command.args(["check", "tcp-server", "--only", "D4", "--lang", language, "--run", &naive()]);
        let ran = command.stdin(Stdio::null()).output().expect("the checker runs");
        let told = String::from_utf8(ran.stdout).expect("UTF-8");
        let inside = told.split_once(head).unwrap_or_else(|| panic!("no X-ray:\n{told}")).1;
        let inside = inside.split("\n\n").next().unwrap_or_default();
        assert!(inside.contains(writes) && inside.contains(full), "{inside}");
        assert!((3..12).contains(&inside.lines().count()), "many do the same, and share a line:\n{inside}");
    }
}

/// Without the checker: a naive server, its clients by name, and S, which doesn't read.
struct Room {
    program: Child,
    members: Vec<(String, TcpStream)>,
}

impl Room {
    fn new(names: &[&str]) -> Room {
        let target = crate::faulty("tcp-server", "");
        let mut command = Command::new(&target.words[0]);
        command.args(["tcp-server", "127.0.0.1:0"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut program = command.stderr(Stdio::null()).spawn().expect("the server starts");
        let address = address_of(&mut program);
        let join = |name: &&str| ((*name).to_string(), TcpStream::connect(address).expect("it serves"));
        Room { program, members: names.iter().map(join).collect() }
    }

    fn looks(&self) -> Vec<Look> {
        let address = |stream: &TcpStream| stream.local_addr().expect("an address");
        let roles: Vec<(String, SocketAddr)> =
            self.members.iter().map(|(name, stream)| (name.clone(), address(stream))).collect();
        looks(&[self.program.id()], &roles)
    }

    /// Looks until it is as wanted.
    #[track_caller]
    fn until(&self, what: &str, wanted: impl Fn(&[Look]) -> bool) -> Vec<Look> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let looks = self.looks();
            if wanted(&looks) {
                return looks;
            }
            assert!(Instant::now() < deadline, "{what}:\n{}", lines(&looks).join("\n"));
            thread::yield_now();
        }
    }

    fn stream(&self, name: &str) -> &TcpStream {
        &self.members.iter().find(|(other, _)| other == name).expect("a member").1
    }

    /// Says so much that the buffers of all others are full.
    fn flood(&self, name: &str) {
        let mut stream = self.stream(name);
        stream.set_write_timeout(Some(Duration::from_secs(1))).expect("a deadline");
        let line = [&[b'.'; 1023][..], b"\n"].concat();
        while stream.write_all(&line).is_ok() {}
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// Reads on what the server prints, so that it never waits for that, and tells where it listens.
fn address_of(program: &mut Child) -> SocketAddr {
    let mut stdout = program.stdout.take().expect("a pipe");
    let mut banner = Vec::new();
    while !banner.ends_with(b"\n") {
        let mut byte = [0];
        stdout.read_exact(&mut byte).expect("a banner");
        banner.extend(byte);
    }
    thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
    let banner = String::from_utf8(banner).expect("UTF-8");
    banner.split_whitespace().last().and_then(|word| word.parse().ok()).expect("an address")
}

fn in_call<'a>(looks: &'a [Look], call: &str) -> Vec<&'a Look> {
    looks.iter().filter(|look| look.call == call).collect()
}

#[test]
fn who_waits_for_the_lock_is_told_with_whoever_may_hold_it() {
    let room = Room::new(&["A", "B", "S"]);
    room.flood("A"); // B doesn't read either: the server waits for whoever of both came first
    let sends = |looks: &[Look]| in_call(looks, "send").len() == 1;
    room.until("one thread sends", sends);
    room.stream("S").write_all(b"hello\n").expect("its own words go out");
    let looks =
        room.until("another one wants the lock", |looks| sends(looks) && !in_call(looks, "futex").is_empty());
    let (sender, waiter) = (in_call(&looks, "send")[0], in_call(&looks, "futex")[0]);
    assert!(sender.peer == "B" && sender.unread.is_some_and(|unread| unread > FULL), "{sender:?}");
    assert_eq!((&waiter.waits_for, waiter.unread), (&sender.thread, None), "{waiter:?}");
    let unread: Vec<&Look> = looks.iter().filter(|look| look.state == "unread").collect();
    assert_eq!(unread.iter().map(|look| look.peer.as_str()).collect::<Vec<_>>(), ["A"], "{unread:?}");
    assert_eq!(in_call(&looks, "accept").len(), 1, "the main thread accepts");
}

#[test]
fn a_program_that_is_stopped_is_told_to_be() {
    let room = Room::new(&["A"]);
    room.until("A is served", |looks| looks.iter().any(|look| look.call == "recv" && look.peer == "A"));
    let stopped = Command::new("kill").args(["-STOP", &room.program.id().to_string()]).status();
    assert!(stopped.is_ok_and(|status| status.success()), "kill works");
    let is_stopped = |look: &Look| look.state == "stopped" && look.call.is_empty();
    let are_stopped = |looks: &[Look]| !looks.is_empty() && looks.iter().all(is_stopped);
    let looks = room.until("all threads are stopped", are_stopped);
    assert_eq!(lines(&looks).len(), 1, "{:?}", lines(&looks));
}

#[test]
fn a_program_that_computes_is_told_to_run() {
    let mut program = Command::new("sh").args(["-c", "while :; do :; done"]).spawn().expect("sh runs");
    let deadline = Instant::now() + PATIENCE;
    let runs = |looks: &[Look]| looks.len() == 1 && looks[0].state == "runs" && looks[0].call.is_empty();
    let mut seen = looks(&[program.id()], &[]);
    while !runs(&seen) && Instant::now() < deadline {
        seen = looks(&[program.id()], &[]);
    }
    let _ = program.kill();
    let _ = program.wait();
    assert!(runs(&seen), "{seen:?}");
}

#[test]
fn of_a_program_that_has_ended_nothing_is_seen() {
    let mut program = Command::new("true").spawn().expect("it starts");
    let deadline = Instant::now() + PATIENCE;
    while !looks(&[program.id()], &[]).is_empty() {
        assert!(Instant::now() < deadline, "it isn't waited for, but it has ended");
    }
    let _ = program.wait();
    assert_eq!(looks(&[program.id()], &[]), []);
    let (_, told) = run_check("tcp-server", "false {addr}", &["--only", "tcp-relay"]);
    assert_eq!(told[0]["xray"], Value::Array(vec![]));
}

#[test]
fn a_server_that_does_not_listen_is_looked_into() {
    let (_, told) = run_check("tcp-server", "sleep 4713 {port}", &["--only", "tcp-relay"]);
    let xray = told[0]["xray"].as_array().expect("a list");
    assert_eq!(xray.len(), 1, "{xray:#?}");
    let keys: Vec<&String> = xray[0].as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["call", "peer", "says", "state", "thread", "unread", "waits_for"]);
    assert_eq!((&xray[0]["thread"], &xray[0]["call"]), (&"1".into(), &"sleep".into()));
    assert_eq!(xray[0]["unread"], Value::Null);
}

/// The notes' mistake in other languages.
#[track_caller]
fn stranger_is_seen(stranger: &Stranger, calls: &[&str]) {
    if is_asked_for() {
        make_and(stranger, |run| names_the_thread(run, calls));
    }
}

#[test]
fn the_thread_is_named_in_python() {
    stranger_is_seen(&server("stalled.py", PYTHON, "D4", ""), &["send"]);
}

#[test]
fn the_thread_is_named_in_c() {
    stranger_is_seen(&Stranger { make: C, ..server("stalled.c", "{out} {port}", "D4", "") }, &["send"]);
}

#[test]
fn the_thread_is_named_in_java() {
    let stranger =
        Stranger { make: JAVA, ..server("Stalled.java", "java -cp {dir} Stalled {port}", "D4", "") };
    stranger_is_seen(&stranger, &["write", "send"]);
}

/// Goroutines aren't threads: no thread writes, so the connection itself is told.
#[test]
fn the_connection_is_named_in_go() {
    let make = Some("go build -o {out} {src}");
    let stranger = Stranger { make, ..server("stalled.go", "{out} {port}", "D4", "") };
    if !is_asked_for() {
        return;
    }
    make_and(&stranger, |run| {
        let seen = seen_in_d4(run);
        let full: Vec<&Value> = seen.iter().filter(|look| look["state"] == "full").collect();
        assert!(
            !full.is_empty() && full.iter().all(|look| is_full(look) && look["thread"] == ""),
            "{full:#?}"
        );
        let says = full[0]["says"].as_str().expect("words");
        assert!(says.contains("perhaps a goroutine that writes to it waits inside Go's runtime"), "{says}");
        let threads = seen.iter().filter(|look| look["thread"] != "");
        assert!(threads.clone().all(|look| look["call"] != "send" && look["call"] != "write"), "{seen:#?}");
    });
}
