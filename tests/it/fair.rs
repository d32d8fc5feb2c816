//! Programs that a checker easily wrongs: wrappers, those that print nothing, those that listen elsewhere.
#![cfg(target_os = "linux")] // What holds which socket is read from /proc.

use std::process::Command;

use crate::chromium::skipped;
use crate::strangers::{is_asked_for, run_check};

const OURS: &str = env!("CARGO_BIN_EXE_chatroom");

/// Nobody but the shell is started by the checker, and the shell waits for what it has started.
fn in_a_shell(command: &str) -> String {
    format!("sh -c 'cd /; {command}; exit $?' {{addr}}")
}

#[test]
fn of_a_wrapper_the_process_that_listens_is_measured_and_asked_to_end() {
    let run = in_a_shell(&format!("{OURS} tcp-server $0"));
    let (code, told) = run_check("tcp-server", &run, &["--only", "tcp-relay", "D1", "D2-memory", "D6"]);
    assert_eq!(code, Some(0), "{told:#?}");
}

#[test]
fn of_a_wrapper_of_a_client_the_process_that_calls_is() {
    let run = in_a_shell(&format!("{OURS} tcp-client $0"));
    let (code, told) = run_check("tcp-client", &run, &["--only", "client-send", "client-interrupt", "D11"]);
    assert_eq!(code, Some(0), "{told:#?}");
}

#[test]
fn a_server_at_another_port_is_told_where_it_listens() {
    for (kind, protocol) in [("tcp-server", "TCP"), ("udp-server", "UDP")] {
        let run = in_a_shell(&format!("{OURS} {kind} 127.0.0.1:0"));
        let (code, told) = run_check(kind, &run, &[]);
        let got = told[0]["got"].as_str().unwrap_or_default();
        assert!(
            code == Some(1) && got.contains(&format!("it listens on {protocol} 127.0.0.1:")),
            "{:#}",
            told[0]
        );
        assert!(told[1..told.len() - 1].iter().all(|case| case["outcome"] == "waiting"), "{told:#?}");
    }
}

#[test]
fn a_udp_server_need_not_print_anything() {
    let run = in_a_shell(&format!("{OURS} udp-server $0 > /dev/null"));
    let (code, told) = run_check("udp-server", &run, &["--only", "udp-relay", "udp-echo"]);
    assert_eq!(code, Some(0), "{told:#?}");
}

#[test]
fn what_cannot_start_with_so_little_is_not_judged() {
    // A shell that needs more descriptors than the case leaves to it, as a JVM does.
    let greedy =
        format!("for i in $(seq 40); do exec {{fd}}</dev/null || exit 1; done; {OURS} tcp-server $0");
    let run = format!("bash -c '{greedy}' {{addr}}").replace("{fd}", "{x}");
    let (_, told) = run_check("tcp-server", &run, &["--only", "tcp-relay", "D5"]);
    assert_eq!(
        (&told[0]["outcome"], &told[1]["outcome"]),
        (&"passed".into(), &"not-checked".into()),
        "{told:#?}"
    );
}

/// A network that passes ten bytes a second, which is too slow for anybody.
const SLOW_NETWORK: &str =
    "ip link set lo up && tc qdisc add dev lo root tbf rate 80bit burst 100 limit 100000";

#[test] // Named for the step in which it runs: it takes half a minute.
fn strangers_are_not_judged_where_our_own_program_is_too_late_too() {
    if !is_asked_for() {
        return;
    }
    let in_network = |then: &str| {
        let mut command = Command::new("unshare");
        command.args(["-rn", "sh", "-c", &format!("{SLOW_NETWORK} && {then}")]).env("LC_ALL", "C");
        command.output().ok()
    };
    if !in_network("true").is_some_and(|output| output.status.success()) {
        return skipped("a slow network: there is no network of its own here, or no `tc`");
    }
    let check = format!("'{OURS}' check tcp-server --only tcp-relay --run '{OURS} tcp-server {{addr}}'");
    let ended = in_network(&check).unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    let is_told =
        said.contains("tcp-relay  not checked: the machine is too busy: our own program doesn't make it now");
    assert!(is_told && ended.status.code() == Some(3), "{:?}\n{said}", ended.status);
}
