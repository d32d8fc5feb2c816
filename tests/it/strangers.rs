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

/// How a stranger's program is made, if it has to be, and run. `{src}` is its source, `{out}` where it is made.
struct Stranger {
    file: &'static str,
    make: Option<&'static str>,
    run: &'static str,
    kind: &'static str,
    /// The first case that fails, and words of the cause that is told.
    case: &'static str,
    cause: &'static str,
}

const PYTHON: &str = "python3 {src} {port}";
const C: Option<&str> = Some("cc -w -O1 -o {out} {src} -lpthread");

const STRANGERS: &[Stranger] = &[
    server("one_recv.py", PYTHON, "tcp-order", "taken for a line"),
    server("chunks.js", "node {src} {port}", "tcp-order", "taken for a line"),
    server("decoded.py", PYTHON, "tcp-bytes", "lines are bytes"),
    server("hears_itself.py", PYTHON, "tcp-relay", "comes back to oneself"),
    server("never_removed.py", PYTHON, "tcp-churn", "taken off the list"),
    Stranger { kind: "udp-server", ..server("one_datagram.py", PYTHON, "udp-bytes", "it is bytes") },
    Stranger { make: C, ..server("fixed_array.c", "{out} {port}", "tcp-crowd", "a limit") },
    Stranger { make: C, ..server("sigpipe.c", "{out} {port}", "tcp-bustle", "SIGPIPE") },
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
        make: Some("javac -d {dir} {src}"),
        kind: "tcp-client",
        ..server(
            "Unflushed.java",
            "java -cp {dir} Unflushed {host} {port}",
            "client-send",
            "flush it after each line",
        )
    },
];

const fn server(file: &'static str, run: &'static str, case: &'static str, cause: &'static str) -> Stranger {
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

#[track_caller]
fn is_told(stranger: &Stranger) {
    let Stranger { file, make, run, kind, case, cause } = stranger;
    let (source, dir) =
        (Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/strangers").join(file), folder(file));
    let fill = |text: &str| {
        let (out, dir) = (dir.join("program").display().to_string(), dir.display().to_string());
        text.replace("{src}", &source.display().to_string()).replace("{out}", &out).replace("{dir}", &dir)
    };
    if let Some(missing) = make.iter().chain([run]).find(|command| !is_installed(command)) {
        return skipped(&format!("{file}: there is no `{}`", missing.split(' ').next().unwrap_or_default()));
    }
    if let Some(make) = make {
        let made = Command::new("sh").args(["-c", &fill(make)]).output().expect("sh runs");
        assert!(made.status.success(), "{file}: {}", String::from_utf8_lossy(&made.stderr));
    }
    // What comes behind the expected case needn't be waited for.
    let all = check::cases(Kind::from_name(kind).expect("a kind"));
    let until = all.iter().position(|one| one.id == *case).expect("a case");
    let mut more = vec!["--level", "notes", "--only"];
    more.extend(all[..=until].iter().map(|one| one.id));
    let (code, told) = run_check(kind, &fill(run), &more);
    let _ = fs::remove_dir_all(&dir);
    let first =
        told.iter().find(|one| one["outcome"] == "failed").unwrap_or_else(|| panic!("{file}: nothing fails"));
    let says = first["cause"].as_str().unwrap_or_default();
    assert!(code == Some(1) && says.contains(cause), "{file}: {first:#}");
    // Who has just knocked may be the one that has left: SIGPIPE is met sooner then.
    assert!(first["case"] == **case || *cause == "SIGPIPE", "{file}: {first:#}");
    let summary = told.last().expect("a summary");
    assert_eq!(summary["summary"]["first"], first["case"], "{file}: the summary says what to mend first");
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
    assert!(start.elapsed() < Duration::from_secs(20), "{run} took {:?}", start.elapsed());
}

#[test]
fn the_object_of_a_case_has_its_keys() {
    let (_, told) = run_check("tcp-server", "false {addr}", &["--only", "tcp-relay", "tcp-echo"]);
    let keys =
        |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(keys(&told[0]), "case cause events expected got kind level outcome seconds teaches title");
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
