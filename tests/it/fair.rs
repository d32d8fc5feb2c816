//! Programs that a checker easily wrongs: wrappers, those that print nothing, those that listen elsewhere.
#![cfg(target_os = "linux")] // What holds which socket is read from /proc.

use crate::strangers::run_check;

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
