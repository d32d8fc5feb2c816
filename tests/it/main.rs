//! The one integration-test binary: real processes, real sockets, over loopback.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)] // Allowed in tests, but not in their helpers.

mod afterwards;
mod bilingual;
#[cfg(target_os = "linux")]
mod blocks;
mod book;
mod browser;
mod chromium;
#[cfg(target_os = "linux")]
mod class;
mod compare;
mod docs;
#[cfg(target_os = "linux")]
mod exercises;
mod fair;
mod faulty;
#[cfg(target_os = "linux")]
mod graded;
#[cfg(target_os = "linux")]
mod hints;
#[cfg(target_os = "linux")]
mod net;
mod relay;
#[cfg(target_os = "linux")]
mod relay_net;
mod report;
mod rooms;
mod strangers;
mod tcp;
mod udp;
mod ws;
#[cfg(target_os = "linux")]
mod xray;

use std::path::Path;
use std::time::Duration;

use chatroom::check::stage::target::Room;
use chatroom::check::{self, Kind, Outcome, Target};

/// A program with a subcommand. A WebSocket client is given a URL, and a relay its broker.
fn command(program: &Path, subcommand: &str) -> String {
    let address = match subcommand {
        "ws-client" => "ws://{addr}/ws",
        "relay" => "{addr} {nats}",
        _ => "{addr}",
    };
    format!("\"{}\" {subcommand} {address}", program.display())
}

/// Our own program, with the subcommand that is checked.
fn ours(subcommand: &str) -> Target {
    if subcommand == "relay" {
        return Target {
            is_chatroom: true,
            ..Target::sharing(vec![our_room("tcp"), our_room("udp"), our_room("ws")])
        };
    }
    let command = command(Path::new(env!("CARGO_BIN_EXE_chatroom")), subcommand);
    Target { is_chatroom: true, ..Target::new(&command, "127.0.0.1:0") }
}

/// Our own server, to share a room with others.
fn our_room(transport: &str) -> Room {
    let program = env!("CARGO_BIN_EXE_chatroom");
    Room::new(&format!("{transport}: \"{program}\" {transport}-server {{addr}} --nats {{nats}}"))
}

/// The faulty program, with a fault. Failing is expected, so the checker needn't be patient.
fn faulty(subcommand: &str, fault: &str) -> Target {
    let debug = Path::new(env!("CARGO_BIN_EXE_chatroom")).parent().unwrap();
    let command = command(&debug.join("examples/faulty"), subcommand);
    let mut target = Target::new(&command, "127.0.0.1:0");
    if !fault.is_empty() {
        target.words.extend(["--fault".to_string(), fault.to_string()]);
    }
    if subcommand == "relay" {
        let first = Room { kind: Kind::TcpServer, words: target.words };
        target = Target::sharing(vec![first, our_room("udp"), our_room("ws")]);
    }
    target.is_chatroom = true; // It doesn't know our options, and that must show too.
    target.patience = Duration::from_millis(1500);
    target
}

/// Another program, where the environment names one: `CHATROOM_CHECK='/tmp/server' CHATROOM_CHECK_ADDR=127.0.0.1:8080`.
fn foreign() -> Option<Target> {
    let command = std::env::var("CHATROOM_CHECK").ok()?;
    let address = std::env::var("CHATROOM_CHECK_ADDR").unwrap_or_else(|_| "127.0.0.1:0".into());
    Some(Target::new(&command, &address))
}

/// Runs one case against our program, and fails with its transcript.
#[track_caller]
fn must_pass(kind: Kind, id: &str, target: &Target) {
    let cases = check::cases(kind);
    let case = cases.iter().find(|case| case.id == id).unwrap_or_else(|| panic!("no case {id}"));
    match case.check(&foreign().unwrap_or_else(|| target.clone())) {
        Outcome::Passed => {}
        Outcome::NotChecked(reason) => eprintln!("{id}: not checked here: {reason}"),
        Outcome::Failed(report) => panic!("\n\n{report}"),
    }
}

/// One test per case, so that a failure has a name; and one that no case is without a test.
macro_rules! cases {
    ($kind:expr, $subcommand:literal; $($name:ident: $id:literal,)*) => {
        $(
            #[test]
            fn $name() {
                crate::must_pass($kind, $id, &crate::ours($subcommand));
            }
        )*

        #[test]
        fn every_case_is_run() {
            let tested = [$($id),*];
            let all: Vec<&str> = chatroom::check::cases($kind).iter().map(|case| case.id).collect();
            let untested: Vec<&&str> = all.iter().filter(|id| !tested.contains(id)).collect();
            assert!(untested.is_empty(), "cases without a test: {untested:?}");
        }
    };
}
use cases;
