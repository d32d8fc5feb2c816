//! `chatroom check class FILE`: a class with good programs, with hostile ones and with none at all.
#![allow(clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// A folder with a list in it.
struct Class(PathBuf);

impl Class {
    fn new(list: &str) -> Class {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("chatroom-class-{}-{count}", std::process::id()));
        fs::create_dir(&folder).expect("a folder for the test");
        let chatroom = env!("CARGO_BIN_EXE_chatroom");
        let faulty = crate::faulty("", "").words[0].clone();
        let list = list.replace("OURS", &format!("'{chatroom}'")).replace("FAULTY", &format!("'{faulty}'"));
        fs::write(folder.join("list.txt"), list).expect("a list for the test");
        Class(folder)
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap_or_else(|err| panic!("{name}: {err}"))
    }

    fn start(&self, more: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatroom"));
        command.args(["check", "class", "list.txt", "--lang", "en"]).args(more).current_dir(&self.0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("chatroom runs")
    }

    /// Its exit code, and what it prints on stdout and on stderr.
    fn check(&self, more: &[&str]) -> (Option<i32>, String, String) {
        ended(self.start(more))
    }
}

fn ended(child: Child) -> (Option<i32>, String, String) {
    let ran = child.wait_with_output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("it prints UTF-8");
    (ran.status.code(), text(ran.stdout), text(ran.stderr))
}

impl Drop for Class {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A fresh list: two that chat, one that sends without a prefix, one that isn't there, one that ignores being ended, one
/// that starts others without end.
const LIST: &str = "\u{feff}# a class\n\n\
    张三       udp-server OURS udp-server {addr}\n\
    \"Ann, B.\" udp-client OURS udp-client {addr}\n\
    <Bo>       udp-server FAULTY udp-server {addr} --fault prefix\n\
    Carl       tcp-server ./none {port}\n\
    Eve        tcp-server sh -c 'trap \"\" INT TERM HUP; while :; do sleep 4719; done' {port}\n\
    Fred       udp-client sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 4719 & done; wait' {port}\n";

#[test]
fn everybody_is_told_how_far_they_are_and_who_chats_with_whom() {
    let class = Class::new(LIST);
    let files = ["--csv", "c.csv", "--junit", "c.xml", "--report", "c.html"];
    let (code, told, said) = class.check(&[&["--level", "notes", "--jobs", "6"][..], &files[..]].concat());
    assert_eq!((code, said.as_str()), (Some(1), ""), "{told}");
    let row = |name: &str| {
        told.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {told}"))
    };
    assert!(row("张三     udp-server  notes 9/9").ends_with("9/9"), "{told}");
    assert!(row("Ann, B.  udp-client").ends_with("notes 4/4"), "{told}");
    assert!(row("<Bo>").contains("mend udp-relay first"), "{told}");
    assert!(row("Carl").contains("mend tcp-relay first"), "{told}");
    let matrix = told.split("udp: which").nth(1).expect("who chats with whom");
    let chats =
        |name: &str| matrix.lines().find(|line| line.starts_with(name)).map(|line| line[name.len()..].trim());
    assert_eq!((chats("张三"), chats("<Bo>")), (Some("✓  -"), Some("-  -")), "{matrix}");

    let csv = class.file("c.csv");
    assert!(csv.starts_with("\u{feff}name,kind,notes,of,safe,of,first,why,udp-relay,"), "{csv}");
    assert!(csv.contains("\r\n\"Ann, B.\",udp-client,4,4,0,0,,,"), "{csv}");
    let junit = class.file("c.xml");
    assert!(junit.contains("<testsuite name=\"&lt;Bo&gt; udp-server\""), "{junit}");
    assert!(
        junit.contains("<testcase classname=\"Carl tcp-server\" name=\"tcp-relay\"><failure message=\""),
        "{junit}"
    );
    let page = class.file("c.html");
    assert!(page.contains("&lt;Bo&gt;") && !page.contains("<Bo>") && page.contains("张三"), "{page}");
    nobody_is_left("sleep 4719");
    assert!(!class.0.join("list.txt.partial").exists(), "all is known, so nothing is kept");
}

#[test]
fn one_that_takes_too_long_is_told_so() {
    let class = Class::new("Sam udp-client sleep 4720 {port}\nAnn 01 OURS --version {port}\n");
    let (code, told, said) = class.check(&["--limit", "1", "--json"]);
    let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((code, said.as_str(), lines.len()), (Some(1), "", 3), "{told}");
    assert_eq!(
        (&lines[0]["outcome"], &lines[0]["why"]),
        (&"not-finished".into(), &"not finished within 1 s".into())
    );
    assert_eq!(
        (&lines[1]["kind"], &lines[1]["first"]),
        (&"01".into(), &"greet".into()),
        "an exercise will do, too"
    );
    assert_eq!(lines[2]["summary"]["programs"], 2);
}

#[test]
fn a_checker_that_was_killed_has_not_found_all_right() {
    // What belongs to the first case passes; then it kills whoever checks it.
    let class = Class::new(
        "Mallory udp-client sh -c 'if [ -e seen ]; then kill -9 $PPID; sleep 4723; fi; touch seen; exec \"$0\" udp-client \"$1\"' OURS {addr}\n",
    );
    let (code, told, _) = class.check(&["--level", "notes"]);
    assert!(told.contains("the checker ended before it was through") && code == Some(1), "{code:?} {told}");
    nobody_is_left("sleep 4723");
}

#[test]
fn who_left_the_group_ends_all_the_same() {
    let class = Class::new("Dora udp-server sh -c '(setsid sleep 4724 &) ; exit 3' {port}\n");
    let (code, told, _) = class.check(&["--level", "notes"]);
    assert!(told.contains("mend udp-relay first") && code == Some(1), "{code:?} {told}");
    nobody_is_left("sleep 4724");
}

/// (Two thousand, and not without end: this must not harm the machine even where it fails.)
#[test]
fn who_starts_processes_without_end_is_ended() {
    let class = Class::new(
        "Fay udp-client sh -c 'for i in $(seq 2000); do sleep 4725 & done; wait' {port}\nAnn udp-client OURS udp-client {addr}\n",
    );
    let (code, told, _) = class.check(&["--level", "notes", "--jobs", "2"]);
    assert!(
        told.contains("it started more than 300 processes, and was killed") && code == Some(1),
        "{code:?} {told}"
    );
    assert!(told.contains("Ann  udp-client  notes 4/4"), "{told}");
    nobody_is_left("sleep 4725");
}

#[test]
fn who_cannot_be_judged_is_told_why() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address");
    let class = Class::new(&format!("Ann tcp-server --addr {address} OURS tcp-server {{addr}}\n"));
    let (code, told, _) = class.check(&["--level", "notes"]);
    assert!(told.contains(&format!("nothing could be judged: another program has {address}")), "{told}");
    assert_eq!(code, Some(1), "{told}");
}

#[test]
fn a_name_is_only_text() {
    let class = Class::new("\"=1+1\x1b[2J<b>\" udp-client false {addr}\n");
    let files = ["--csv", "c.csv", "--junit", "c.xml", "--report", "c.html", "--level", "notes"];
    let (_, told, _) = class.check(&files);
    assert!(told.starts_with("=1+1\\u{1b}[2J<b>  udp-client"), "{told}");
    assert!(class.file("c.csv").contains("\r\n'=1+1"), "{}", class.file("c.csv"));
    for file in ["c.xml", "c.html"] {
        let text = class.file(file);
        let is_harmless = text.contains("&lt;b&gt;") && !text.contains("<b>") && !text.contains('\x1b');
        assert!(is_harmless, "{text}");
    }
}

#[track_caller]
fn nobody_is_left(command: &str) {
    let left = Command::new("pgrep").args(["-fx", command]).output().expect("pgrep runs");
    assert_eq!(String::from_utf8_lossy(&left.stdout), "", "these still run");
}

/// Waits for something.
#[track_caller]
fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_run_that_was_stopped_is_gone_on_with() {
    let class = Class::new("Ann tcp-server ./none {port}\nSam udp-client sleep 4721 {port}\n");
    let partial = || fs::read_to_string(class.0.join("list.txt.partial")).unwrap_or_default();
    let running = class.start(&["--jobs", "1", "--level", "notes"]);
    until("Ann's result is kept", || partial().ends_with("\n.\n"));
    let asked = Command::new("kill").args(["-INT", &running.id().to_string()]).status().expect("kill runs");
    assert!(asked.success());
    let (code, told, said) = ended(running);
    assert!(told.contains("Ann  tcp-server  notes 0/18  mend tcp-relay first"), "{told}");
    assert!(told.contains("Sam  udp-client  not checked yet") && code == Some(130), "{code:?} {told}");
    assert!(said.contains("it goes on from here"), "{said}");

    // What is known isn't found out again: it would be another program by now.
    fs::write(class.0.join("none"), "#!/bin/sh\nsleep 1").expect("a program for the test");
    let (code, told, said) = class.check(&["--level", "notes", "--limit", "2", "--jobs", "1"]);
    assert!(said.contains("known from the run that was stopped: 1 of 2 programs"), "{said}");
    assert!(told.contains("Ann  tcp-server  notes 0/18") && code == Some(1), "{code:?} {told}");
    assert!(!Path::new(&class.0.join("list.txt.partial")).exists(), "nothing is kept any more");
    nobody_is_left("sleep 4721");
}

#[test]
fn what_is_no_list_gets_one_sentence() {
    for (list, sentence) in [
        ("# nobody\n", "list.txt:1: no program is there; write in each line: name kind command"),
        ("Ann tcp-sever ./a {port}\n", "list.txt:1: there is no kind 'tcp-sever'"),
        ("\nAnn tcp-server\n", "list.txt:2: a line has three parts, name kind command, as in"),
        ("Ann tcp-server ./a\n", "list.txt:1: the command of --run needs {addr} or {port} in it"),
    ] {
        let (code, told, said) = Class::new(list).check(&[]);
        assert!(code == Some(1) && told.is_empty() && said.contains(sentence), "{list}: {code:?} {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    let class = Class::new("Ann tcp-server ./a {port}\n");
    let (code, _, said) = class.check(&["--csv", "no/folder.csv"]);
    assert!(code == Some(1) && said.contains("cannot write no/folder.csv"), "{said}");
    let (code, _, said) = class.check(&["--csv", "list.txt"]);
    assert!(code == Some(2) && said.contains("list.txt is the list"), "{said}");
    let (code, _, said) = class.check(&["--jobs", "many"]);
    assert!(code == Some(2) && said.contains("--jobs takes a whole number"), "{said}");
}
