//! Programs of strangers, written as students write, each with a typical mistake: the checker must name that mistake
//! first. And programs that are no chat at all: one sentence, soon, and nothing of them is left.
#![allow(clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use chatroom::check::{self, Kind};
use serde_json::Value;

use crate::chromium::skipped;
#[cfg(target_os = "linux")]
use crate::graded;

/// How a stranger's program is made, if it has to be, and run. `{src}` is its source, `{out}` where it is made.
pub struct Stranger {
    pub file: &'static str,
    pub make: Option<&'static str>,
    pub run: &'static str,
    pub kind: &'static str,
    /// The first case that fails, and words of the cause that is told.
    pub case: &'static str,
    pub cause: &'static str,
}

pub const PYTHON: &str = "python3 {src} {port}";
pub const C: Option<&str> = Some("cc -w -O1 -o {out} {src} -lpthread");

pub const JAVA: Option<&str> = Some("javac -d {dir} {src}");

/// What happens between threads, or when many come at once, may happen sooner than in the case that is about it.
const RACES: [&str; 4] = ["SIGPIPE", "hold the lock", "has left", "of a fixed size"];

/// Without a mistake: all of the notes' level holds.
const GOOD: &[Stranger] = &[
    Stranger { make: JAVA, ..server("Good.java", "java -cp {dir} Good {port}", "", "") },
    Stranger { kind: "ws-server", ..server("good.js", "node {src} {port}", "", "") },
    Stranger { make: C, kind: "udp-server", ..server("good.c", "{out} {port}", "", "") },
];

const STRANGERS: &[Stranger] = &[
    server("one_recv.py", PYTHON, "tcp-order", "taken for a line"),
    server("chunks.js", "node {src} {port}", "tcp-order", "taken for a line"),
    server("decoded.py", PYTHON, "tcp-bytes", "it is bytes"),
    server("hears_itself.py", PYTHON, "tcp-relay", "comes back to oneself"),
    server("never_removed.py", PYTHON, "tcp-churn", "taken off the list"),
    Stranger { kind: "udp-server", ..server("one_datagram.py", PYTHON, "udp-bytes", "it is bytes") },
    Stranger { make: C, ..server("fixed_array.c", "{out} {port}", "tcp-crowd", "of a fixed size") },
    Stranger { make: C, ..server("sigpipe.c", "{out} {port}", "tcp-bustle", "SIGPIPE") },
    Stranger {
        make: Some("go build -o {out} {src}"),
        ..server("no_lock.go", "{out} {port}", "tcp-churn", "hold the lock")
    },
    server("no_error_handler.js", "node {src} {port}", "tcp-bustle", "has left"),
    server("one_at_a_time.py", PYTHON, "tcp-relay", "a thread of its own"),
    Stranger { make: C, ..server("forked.c", "{out} {port}", "tcp-relay", "a list of its own") },
    Stranger {
        make: JAVA,
        ..server("Decoded.java", "java -cp {dir} Decoded {port}", "tcp-bytes", "it is bytes")
    },
    Stranger {
        make: C,
        kind: "udp-server",
        ..server("five_places.c", "{out} {port}", "udp-crowd", "an array of a fixed size")
    },
    Stranger {
        make: JAVA,
        kind: "udp-server",
        ..server("WholeBuffer.java", "java -cp {dir} WholeBuffer {port}", "udp-relay", "unused bytes")
    },
    Stranger { kind: "ws-server", ..server("still_masked.py", PYTHON, "ws-relay", "isn't taken off") },
    Stranger {
        kind: "ws-server",
        ..server("one_frame.js", "node {src} {port}", "ws-order", "belongs to the next")
    },
    Stranger {
        kind: "tcp-client",
        ..server("turns.py", "python3 {src} {host} {port}", "client-send", "waits for the server's answer")
    },
    Stranger {
        kind: "ws-client",
        ..server("short_frames.py", "python3 {src} ws://{addr}/ws", "client-lengths", "one of three ways")
    },
    Stranger {
        make: C,
        kind: "tcp-client",
        ..server("scanf.c", "{out} {host} {port}", "client-send", "line by line")
    },
    Stranger {
        kind: "tcp-client",
        ..server("no_flush.py", "python3 {src} {host} {port}", "client-print", "flush it after each line")
    },
    Stranger {
        make: JAVA,
        kind: "tcp-client",
        ..server(
            "Unflushed.java",
            "java -cp {dir} Unflushed {host} {port}",
            "client-send",
            "flush it after each line",
        )
    },
];

pub const fn server(
    file: &'static str,
    run: &'static str,
    case: &'static str,
    cause: &'static str,
) -> Stranger {
    Stranger { file, make: None, run, kind: "tcp-server", case, cause }
}

fn is_installed(command: &str) -> bool {
    let tool = command.split_whitespace().next().unwrap_or_default();
    let path = env::var_os("PATH").unwrap_or_default();
    tool.starts_with('{') || env::split_paths(&path).any(|dir| dir.join(tool).is_file())
}

/// Runs the checker: its exit code, and the objects that it prints.
#[track_caller]
pub fn run_check(kind: &str, run: &str, more: &[&str]) -> (Option<i32>, Vec<Value>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatroom"));
    command.args(["check", kind, "--run", run, "--json", "--lang", "en"]).args(more).stdin(Stdio::null());
    command.env_remove("PYTHONUNBUFFERED"); // with it Python prints as few programs do
    let ran = command.output().expect("the checker runs");
    let lines = String::from_utf8(ran.stdout).expect("UTF-8");
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|err| panic!("{err}: {line}\n{said}"));
    (ran.status.code(), lines.lines().map(parse).collect())
}

/// A folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = env::temp_dir().join(format!("chatroom-stranger-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder for the test");
    folder
}

/// Makes a stranger's program, in a folder of its own, and does something with the command that runs it. Nothing where
/// what it takes isn't installed.
#[track_caller]
pub fn make_and<T>(stranger: &Stranger, does: impl FnOnce(&str) -> T) -> Option<T> {
    let Stranger { file, make, run, .. } = stranger;
    if let Some(missing) = make.iter().chain([run]).find(|command| !is_installed(command)) {
        skipped(&format!("{file}: there is no `{}`", missing.split(' ').next().unwrap_or_default()));
        return None;
    }
    let (source, dir) =
        (Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/strangers").join(file), folder(file));
    let fill = |text: &str| {
        let (out, dir) = (dir.join("program").display().to_string(), dir.display().to_string());
        text.replace("{src}", &source.display().to_string()).replace("{out}", &out).replace("{dir}", &dir)
    };
    if let Some(make) = make {
        let made = Command::new("sh").args(["-c", &fill(make)]).output().expect("sh runs");
        assert!(made.status.success(), "{file}: {}", String::from_utf8_lossy(&made.stderr));
    }
    let done = does(&fill(run));
    let _ = fs::remove_dir_all(&dir);
    Some(done)
}

/// Makes a stranger's program and checks it: the exit code, and the objects that are printed.
#[track_caller]
fn make_and_check(stranger: &Stranger, more: &[&str]) -> Option<(Option<i32>, Vec<Value>)> {
    make_and(stranger, |run| run_check(stranger.kind, run, more))
}

/// What its reader is told, in both languages, is as stored.
#[cfg(target_os = "linux")]
#[track_caller]
fn is_told_in_both_languages(stranger: &Stranger) {
    let files: Vec<String> = STRANGERS.iter().map(|one| one.file.to_string()).collect();
    make_and(stranger, |run| {
        for (language, _) in graded::reports::LANGUAGES {
            let told = tell(stranger, run, language);
            graded::reports::is_as_stored("strangers", language, &files, stranger.file, &told);
        }
    });
}

#[cfg(target_os = "linux")]
fn tell(stranger: &Stranger, run: &str, language: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatroom"));
    command.args(["check", stranger.kind, "--run", run, "--lang", language, "--only", stranger.case]);
    let ran = command.env_remove("PYTHONUNBUFFERED").stdin(Stdio::null()).output().expect("the checker runs");
    let told = String::from_utf8(ran.stdout).expect("UTF-8");
    // The rest, what to do by hand and the summary, is about cases, and stored with those.
    let is_last = |part: &&str| !["Expected: ", "预期："].iter().any(|start| part.starts_with(start));
    let parts: Vec<&str> = told.split("\n\n").collect();
    let end = parts.iter().take_while(|part| is_last(part)).count();
    let report = parts[..parts.len().min(end + 1)].join("\n\n");
    let folder = env::temp_dir().display().to_string();
    report
        .replace(env!("CARGO_MANIFEST_DIR"), "…")
        .replace(&folder, "…")
        .replace(&std::process::id().to_string(), "…")
}

#[track_caller]
fn is_told(stranger: &Stranger) {
    if !is_asked_for() {
        return;
    }
    let Stranger { file, kind, case, cause, .. } = stranger;
    // What comes behind the expected case needn't be waited for.
    let all = check::cases(Kind::from_name(kind).expect("a kind"));
    let until = all.iter().position(|one| one.id == *case).expect("a case");
    let mut more = vec!["--level", "notes", "--only"];
    more.extend(all[..=until].iter().map(|one| one.id));
    // On a busy machine something else may break first: a list that only grows is slow, too.
    let failed = |told: &[Value]| told.iter().find(|one| one["outcome"] == "failed").cloned();
    let mut tries = (0..3).map_while(|_| make_and_check(stranger, &more));
    let as_wanted = |(_, told): &(_, Vec<Value>)| failed(told).is_some_and(|one| one["case"] == **case);
    let Some(mut checked) = tries.next() else { return };
    if !as_wanted(&checked) && !RACES.contains(cause) {
        checked = tries.find(as_wanted).unwrap_or(checked);
    }
    let (code, told) = checked;
    let first = failed(&told).unwrap_or_else(|| panic!("{file}: nothing fails"));
    let says = first["cause"].as_str().unwrap_or_default();
    assert!(code == Some(1) && says.contains(cause), "{file}: {first:#}");
    assert!(first["case"] == **case || RACES.contains(cause), "{file}: {first:#}");
    let summary = told.last().expect("a summary");
    assert_eq!(summary["summary"]["first"], first["case"], "{file}: the summary says what to mend first");
    #[cfg(target_os = "linux")]
    if !RACES.contains(cause) {
        is_told_in_both_languages(stranger);
    }
}

/// They keep both processors busy for minutes, and others have limits of time: so they run apart, `CHATROOM_STRANGERS=1`.
pub fn is_asked_for() -> bool {
    let asked = env::var_os("CHATROOM_STRANGERS").is_some();
    if !asked {
        skipped("programs of strangers: set CHATROOM_STRANGERS=1 to run them");
    }
    asked
}

/// What is right isn't blamed.
#[track_caller]
fn is_not_blamed(stranger: &Stranger) {
    if !is_asked_for() {
        return;
    }
    let Some((code, told)) = make_and_check(stranger, &["--level", "notes"]) else { return };
    let blamed: Vec<&Value> = told.iter().filter(|one| one["outcome"] == "failed").collect();
    assert!(code == Some(0) && blamed.is_empty(), "{}: {blamed:#?}", stranger.file);
}

#[test]
fn a_good_server_in_java_is_not_blamed() {
    is_not_blamed(&GOOD[0]);
}

#[test]
fn a_good_websocket_server_by_hand_is_not_blamed() {
    is_not_blamed(&GOOD[1]);
}

#[test]
fn a_good_server_that_says_nothing_is_not_blamed() {
    is_not_blamed(&GOOD[2]);
}

macro_rules! strangers {
    ($($name:ident: $file:literal,)*) => {
        $(
            #[test]
            fn $name() {
                is_told(STRANGERS.iter().find(|stranger| stranger.file == $file).expect("it is in the list"));
            }
        )*
    };
}

strangers! {
    one_recv: "one_recv.py",
    chunks: "chunks.js",
    decoded: "decoded.py",
    hears_itself: "hears_itself.py",
    never_removed: "never_removed.py",
    one_datagram: "one_datagram.py",
    fixed_array: "fixed_array.c",
    sigpipe: "sigpipe.c",
    scanf: "scanf.c",
    no_flush: "no_flush.py",
    unflushed: "Unflushed.java",
    no_lock: "no_lock.go",
    no_error_handler: "no_error_handler.js",
    one_at_a_time: "one_at_a_time.py",
    forked: "forked.c",
    decoded_in_java: "Decoded.java",
    five_places: "five_places.c",
    whole_buffer: "WholeBuffer.java",
    still_masked: "still_masked.py",
    one_frame: "one_frame.js",
    turns: "turns.py",
    short_frames: "short_frames.py",
}

/// Programs that are no chat at all: they don't listen, print without end, end at once, flood whoever comes.
const NO_CHAT: [&str; 8] = [
    "sleep 4711 {port}",
    "yes {port}",
    "cat {addr}",
    "false {addr}",
    "/ {addr}",
    "sh -c 'sleep 4711 & sleep 4712' {port}",
    "python3 {strangers}/flood.py {port} lines",
    "python3 {strangers}/flood.py {port} endless",
];

#[test]
fn what_is_no_chat_is_told_soon_and_nothing_is_left() {
    thread::scope(|scope| {
        for run in NO_CHAT {
            scope.spawn(|| is_no_chat(run));
        }
    });
    let left = Command::new("pgrep").args(["-fx", "sleep 471[12].*"]).output().expect("pgrep runs");
    assert_eq!(String::from_utf8_lossy(&left.stdout), "", "these still run");
}

fn is_no_chat(run: &str) {
    let run = run.replace("{strangers}", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/strangers"));
    if run.starts_with("python3") && !is_installed(&run) {
        return skipped("a program that floods: there is no `python3`");
    }
    let start = Instant::now();
    let (code, told) = run_check("tcp-server", &run, &[]);
    let failed = told.iter().filter(|one| one["outcome"] == "failed").count();
    assert_eq!((code, failed), (Some(1), 1), "{run}: one failure, and the others wait for it");
    assert!(start.elapsed() < Duration::from_secs(40), "{run} took {:?}", start.elapsed());
}

#[test]
fn the_object_of_a_case_has_its_keys() {
    let (_, told) = run_check("tcp-server", "false {addr}", &["--only", "tcp-relay", "tcp-echo"]);
    let keys =
        |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(
        keys(&told[0]),
        "case cause events expected got kind level outcome seconds teaches title xray"
    );
    assert_eq!((&told[0]["outcome"], &told[1]["outcome"]), (&"failed".into(), &"waiting".into()));
    assert_eq!(keys(&told[0]["events"][0]), "at text what who");
    assert_eq!(keys(&told[2]), "summary");
}

#[test]
fn wrong_orders_get_one_sentence() {
    for words in [
        &["check"][..],
        &["check", "irc-server"],
        &["check", "tcp-server", "--only", "D99"],
        &["check", "tcp-server", "--run", "./server"],
        &["check", "tcp-server", "--level", "hard"],
        &["check", "tcp-server", "--fast"],
    ] {
        let ran = Command::new(env!("CARGO_BIN_EXE_chatroom")).args(words).output().expect("it runs");
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(matches!(ran.status.code(), Some(1 | 2)), "{words:?}: {said}");
        assert_eq!((said.lines().count(), ran.stdout.len()), (1, 0), "{words:?}: {said}");
    }
}
