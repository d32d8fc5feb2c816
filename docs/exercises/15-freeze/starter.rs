//! A client that makes a naive room fall silent, and does a good one no harm.

use std::env;
use std::io;

fn main() -> io::Result<()> {
    let addr = env::args().nth(1).unwrap_or("127.0.0.1:8080".to_string());
    attack(&addr)
}

/// Does to the room at `addr` what its server isn't prepared for.
fn attack(addr: &str) -> io::Result<()> {
    todo!("come into the room at {addr}, and do what makes its server wait for ever")
}
