//! What the faulty servers have in common: how they print, and how they stop.

use std::io::{self, Write};
use std::process::exit;
use std::thread;
use std::time::Duration;

use crate::Fault;

/// `println!` panics when stdout is gone: the whole program ends, as by SIGPIPE.
pub fn print(line: &[u8], fault: Fault) {
    let filtered: String =
        String::from_utf8_lossy(line).chars().filter(|c| !c.is_control() || *c == '\n').collect();
    let line = if fault.is("filter") { filtered.as_bytes() } else { line };
    if io::stdout().write_all(line).is_err() && !fault.is("uncounted") {
        exit(141);
    }
}

/// Faulty ways to stop; without a fault, the signal kills.
pub fn stop_with(fault: Fault) {
    let code = match fault.0 {
        "slow-stop" | "silent-stop" | "mute-stop" | "uncounted" => 0,
        "stop-code" => 130,
        _ => return,
    };
    let handler = move || {
        if fault.is("slow-stop") {
            thread::sleep(Duration::from_secs(5));
        }
        if fault.is("mute-stop") {
            println!("bye"); // But to nobody else.
        }
        exit(code)
    };
    ctrlc::set_handler(handler).unwrap();
}
