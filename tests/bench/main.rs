//! `cargo bench`: this chat room beside others of the same wire protocol, and beside the floor,
//! which is a bare loop that writes the same bytes to the same sockets. `cargo bench -- --help`
//! says how. Nothing here is a timed test: it prints ratios, and fails for no number.

#![allow(missing_docs, reason = "a program, not a library")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for a terminal")]

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("The bench measures by /proc and CPU clocks: it runs on Linux only.");
}
