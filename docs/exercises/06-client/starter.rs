//! A client: what is typed goes to the server, and what the server sends is shown, both at the same time.

use std::env;
use std::io;
use std::net::TcpStream;

fn main() -> io::Result<()> {
    let addr = env::args().nth(1).unwrap_or("127.0.0.1:8080".to_string());
    let conn = TcpStream::connect(addr)?; // Go: net.Dial("tcp", addr)
    conn.set_nodelay(true)?; // Go does this by itself: a line goes out at once, however short
    chat(conn)
}

/// Sends what is typed, until the input ends. Meanwhile a thread shows what the server sends.
fn chat(conn: TcpStream) -> io::Result<()> {
    todo!("send what is typed, and meanwhile show what comes\n{conn:?}")
}
