//! What the faulty servers have in common: how they listen, print, and stop.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
#[cfg(target_os = "linux")]
use std::os::fd::AsRawFd;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio, exit};
use std::thread;
use std::time::Duration;

use crate::Fault;

/// `println!` panics when stdout is gone: the whole program ends, as by SIGPIPE.
pub fn print(line: &[u8], fault: Fault) {
    if fault.is("stops-printing") && line.windows(8).any(|part| part == b"the last") {
        return;
    }
    let filtered: String =
        String::from_utf8_lossy(line).chars().filter(|c| !c.is_control() || *c == '\n').collect();
    let line = if fault.is("filter") { filtered.as_bytes() } else { line };
    if io::stdout().write_all(line).is_err() && !fault.is("uncounted") {
        exit(141);
    }
}

/// `:PORT` is every interface, and for one fault half of them when the rest is taken.
pub fn bind<T>(addr: &str, fault: Fault, bind: impl Fn(&str) -> io::Result<T>) -> io::Result<T> {
    if !addr.starts_with(':') {
        return bind(addr);
    }
    let everywhere = bind(&format!("[::]{addr}"));
    if fault.is("half") { everywhere.or_else(|_| bind(&format!("0.0.0.0{addr}"))) } else { everywhere }
}

/// A listener that std makes; or one without SO_REUSEADDR, which std sets.
pub fn listen(addr: &str, fault: Fault) -> io::Result<TcpListener> {
    match addr.parse() {
        #[cfg(target_os = "linux")]
        Ok(SocketAddr::V4(addr)) if fault.is("no-reuse") => {
            use nix::sys::socket::{self, AddressFamily, Backlog, SockFlag, SockType, SockaddrIn};
            let socket = socket::socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None)?;
            socket::bind(socket.as_raw_fd(), &SockaddrIn::from(addr))?;
            socket::listen(&socket, Backlog::new(100)?)?;
            Ok(socket.into())
        }
        _ => TcpListener::bind(addr),
    }
}

/// A child that holds this socket, and lives for a while.
pub fn hold(socket: impl Into<OwnedFd>) {
    let _ = Command::new("sleep").arg("9").stdin(Stdio::from(socket.into())).spawn();
}

/// Faulty ways to stop; without a fault, the signal kills.
pub fn stop_with(fault: Fault) {
    let code = match fault.0 {
        "slow-stop" | "silent-stop" | "mute-stop" | "uncounted" => 0,
        "holds-port" | "holds-clients" | "no-reuse" => 0,
        "stop-code" => 130,
        "jumpy" => return stop_at_the_second(),
        _ => return,
    };
    let handler = move || {
        if fault.is("slow-stop") {
            thread::sleep(Duration::from_secs(5));
        }
        if !["slow-stop", "silent-stop", "uncounted", "stop-code"].contains(&fault.0) {
            println!("bye"); // But to nobody else.
        }
        exit(code)
    };
    ctrlc::set_handler(handler).unwrap();
}

/// In order after a moment, unless there's a second signal, however soon.
fn stop_at_the_second() {
    let mut signals = 0;
    let handler = move || {
        signals += 1;
        if signals > 1 {
            exit(130);
        }
        thread::spawn(|| {
            thread::sleep(Duration::from_millis(50));
            exit(0)
        });
    };
    ctrlc::set_handler(handler).unwrap();
}
