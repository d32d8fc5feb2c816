//! What `chatroom check` says besides reports: of wrong orders, of what can't be checked, in lists and sums.

use std::collections::HashMap;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::symlink;
use std::process::Command;
use std::{env, fs};

use super::reports::{LANGUAGES, normal};
use super::{blesses, stored, with_all};

/// Behind `chatroom check`. `FAULTY` is the faulty program, `TCP` and `UDP` are addresses that are taken; `PATH` before
/// a command leaves it no tools but a shell, an `strace` that fails and an `id` that isn't root's.
const COMMANDS: &[&str] = &[
    "",
    "irc-server",
    "tcp-server --fast",
    "tcp-server --run",
    "tcp-server --run ./server",
    "tcp-server --level hard",
    "tcp-server --report /nowhere/report.html --run 'FAULTY tcp-server {addr}'",
    "tcp-server --only D99",
    "udp-client --list --level notes",
    "udp-client --level notes",
    "tcp-server --run 'FAULTY tcp-server {addr} --fault prefix' --only tcp-relay tcp-echo",
    "tcp-server --run 'FAULTY tcp-server {addr}' --only tcp-relay tcp-ipv4 tcp-half-in-use tcp-usage tcp-zh",
    "ws-server --run 'FAULTY ws-server {addr}' --only D27-null",
    "ws-server --addr 127.0.0.1:9 --only D27-null",
    "ws-client --run 'FAULTY ws-client {addr}' --only client-wss",
    "tcp-server --run FAULTY --addr TCP --only tcp-relay",
    "tcp-server --run 'sleep 9' --addr nowhere --only tcp-relay",
    "tcp-server --run '' --addr 127.0.0.1:9 --only tcp-relay",
    "tcp-server --run '/nowhere {addr}' --only tcp-relay",
    "tcp-client --run FAULTY --addr TCP --only client-send",
    "udp-server --run 'true {addr}' --only udp-relay",
    "udp-server --run FAULTY --addr nowhere --only udp-relay",
    "udp-client --run FAULTY --addr UDP --only client-send",
    "udp-client --run FAULTY --addr nowhere --only client-send",
    "PATH tcp-client --run 'FAULTY tcp-client {addr}' --only D12 client-interrupt",
    "PATH tcp-server --run 'FAULTY tcp-server {addr}' --only D9",
    "PATH udp-client --run 'FAULTY udp-client {addr}' --only D18-refused",
];

/// A folder with those tools.
fn tools() -> String {
    let folder = env::temp_dir().join(format!("chatroom-tools-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    for (tool, is) in
        [("sh", "sh"), ("strace", "false"), ("id", "false"), ("setpriv", "true"), ("prlimit", "true")]
    {
        symlink(format!("/bin/{is}"), folder.join(tool)).unwrap();
    }
    folder.display().to_string()
}

/// The words of a command, as a shell finds them.
fn words(command: &str) -> Vec<String> {
    let parts = command.split('\'').enumerate();
    let words = parts.flat_map(|(i, part)| match i % 2 {
        0 => part.split_whitespace().map(str::to_string).collect(),
        _ => vec![part.to_string()],
    });
    words.collect()
}

/// What a command says, on both outputs, and how it ends.
fn ask(command: &str, end: &str, holds: &HashMap<&str, String>) -> String {
    let filled = holds.iter().fold(command.to_string(), |filled, (name, is)| filled.replace(name, is));
    let mut chatroom = Command::new(env!("CARGO_BIN_EXE_chatroom"));
    let asked = filled.strip_prefix("PATH ");
    if asked.is_some() {
        chatroom.env("PATH", &holds["TOOLS"]);
    }
    chatroom
        .arg("check")
        .args(words(asked.unwrap_or(&filled)))
        .args(["--lang", end])
        .env_remove("RUST_BACKTRACE");
    let ran = chatroom.output().unwrap();
    let said = String::from_utf8([ran.stdout, ran.stderr].concat()).unwrap();
    format!("=== {command}\n\n{}(exit code {})\n\n", normal(&said), ran.status.code().unwrap_or(-1))
}

#[test]
fn what_is_said_is_as_stored() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let faulty = crate::faulty("", "").words[0].clone();
    let (tcp, udp) = ((tcp.local_addr().unwrap(), tcp), (udp.local_addr().unwrap(), udp));
    let holds = HashMap::from([
        ("FAULTY", faulty),
        ("TCP", tcp.0.to_string()),
        ("UDP", udp.0.to_string()),
        ("TOOLS", tools()),
    ]);
    for (end, _) in LANGUAGES {
        let came: String = with_all(COMMANDS, 6, |command| ask(command, end, &holds)).concat();
        let file = stored(&format!("commands.{end}.txt"));
        if blesses() {
            fs::write(&file, &came).unwrap();
        }
        let wanted = fs::read_to_string(&file).unwrap();
        let is_printed = |line: &&str| !line.contains(" | \"");
        let different =
            came.lines().filter(is_printed).zip(wanted.lines().filter(is_printed)).find(|(a, b)| a != b);
        assert_eq!(different, None, "tests/graded/commands.{end}.txt: what came, and what is stored");
        assert_eq!(came.lines().filter(is_printed).count(), wanted.lines().filter(is_printed).count());
    }
}
