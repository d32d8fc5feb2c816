//! A client that makes a naive UDP room say what it never said.

use std::env;
use std::io;

fn main() -> io::Result<()> {
    let addr = env::args().nth(1).unwrap_or("127.0.0.1:8081".to_string());
    attack(&addr)
}

/// Makes the others in the room at `addr` see a line that looks like the server's.
fn attack(addr: &str) -> io::Result<()> {
    todo!("send the room at {addr} what the others will read as `[Server]: …`")
}
