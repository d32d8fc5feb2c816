//! Servers that share one room: ours.

use std::process::Command;

use chatroom::check::Kind;

crate::cases! { Kind::Relay, "relay";
    tell: "relay-tell",
    hear: "relay-hear",
    once: "relay-once",
    ping: "relay-ping",
    pieces: "relay-pieces",
    order: "relay-order",
    forged: "relay-forged",
    absent: "relay-absent",
    restart: "relay-restart",
    stalled: "relay-stalled",
}

/// Runs `chatroom check relay`, and returns its exit code and what it says.
fn check(args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatroom"));
    let ended = command.args(["check", "relay"]).args(args).env("LC_ALL", "C").output().unwrap();
    let said = [ended.stdout, ended.stderr].concat();
    (ended.status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn up_to_three_programs_are_given_in_any_transport() {
    let ours = |kind: &str| format!("'{}' {kind} {{addr}} --nats {{nats}}", env!("CARGO_BIN_EXE_chatroom"));
    let (one, two) = (format!("ws: {}", ours("ws-server")), ours("tcp-server"));
    let (code, said) = check(&["--only", "relay-ping", "--run", &one, "--run", &two]);
    assert_eq!(code, Some(0), "{said}");
    for (args, wanted) in [
        (&["--run", "./room {port}"][..], "needs {nats} in it"),
        (&["--run", "./room {nats}"], "needs {addr} or {port} in it"),
        (&["--run", &two, "--run", &two, "--run", &two, "--run", &two], "three times at most"),
        (&["--only", "tcp-relay"], "there is no case tcp-relay"),
    ] {
        let (code, said) = check(args);
        assert!(code == Some(2) && said.contains(wanted), "{args:?}: {said}");
    }
}
