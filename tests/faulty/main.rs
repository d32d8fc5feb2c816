//! A deliberately faulty chat program: the checker is checked against it.
//!
//! Without a fault it is as naive as the notes' programs: no limits, the room waits for its slowest
//! reader, the last line is lost. `--fault NAME` adds a fault that the notes don't have.
//!
//!     faulty tcp-server ADDR [--fault NAME]
//!     faulty tcp-client ADDR [--fault NAME]
//!
//! and so on, as `chatroom` itself.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, missing_docs)] // Faulty is what it is for.

mod relay;
mod screen;
mod tcp_client;
mod tcp_server;
mod udp_client;
mod udp_server;
mod ws_client;
mod ws_server;

use std::time::Duration;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let fault = args
        .iter()
        .position(|arg| arg == "--fault")
        .and_then(|i| args.get(i + 1))
        .cloned()
        .unwrap_or_default();
    let fault = Fault(fault.leak());
    // Rust's own words name threads, lines and more that changes.
    std::panic::set_hook(Box::new(|panic| {
        let said = panic.payload().downcast_ref::<String>().cloned();
        eprintln!("panicked: {}", said.unwrap_or_default());
    }));
    match args.first().map(String::as_str) {
        Some("tcp-server") => tcp_server::run(&args[1], fault),
        Some("tcp-client") => tcp_client::run(&args[1], fault),
        Some("udp-server") => udp_server::run(&args[1], fault),
        Some("udp-client") => udp_client::run(&args[1], fault),
        Some("ws-server") => ws_server::run(&args[1], fault),
        Some("ws-client") => ws_client::run(&args[1], fault),
        Some("relay") => relay::run(&args[1], &args[2], fault),
        _ => std::process::exit(3),
    }
}

/// Which fault is asked for.
#[derive(Clone, Copy)]
struct Fault(&'static str);

impl Fault {
    /// How long a server waits for each reader, where the fault is to shut it out then.
    fn patience(self) -> Option<Duration> {
        match self.0 {
            "patient" => Some(Duration::from_secs(1)), // Each costs its own second.
            "hasty" => Some(Duration::from_millis(20)), // A slow reader is taken for a stalled one.
            "late" => Some(Duration::from_millis(8)),  // And shut out at the 14th time.
            "keeps" => Some(Duration::from_millis(20)), // And never shut out.
            _ => None,
        }
    }

    fn is(self, name: &str) -> bool {
        self.0 == name
    }
}
