//! A client: what is typed goes to the server, and what the server sends is shown, both at the same time.

use std::env;
use std::io::{self, BufRead, Write};
use std::net::TcpStream;
use std::thread;

fn main() -> io::Result<()> {
    let addr = env::args().nth(1).unwrap_or("127.0.0.1:8080".to_string());
    let conn = TcpStream::connect(addr)?; // Go: net.Dial("tcp", addr)
    conn.set_nodelay(true)?; // Go does this by itself: a line goes out at once, however short
    chat(conn)
}

/// Sends what is typed, until the input ends. Meanwhile a thread shows what the server sends.
fn chat(conn: TcpStream) -> io::Result<()> {
    let (mut incoming, mut outgoing) = (conn.try_clone()?, conn);
    thread::spawn(move || io::copy(&mut incoming, &mut io::stdout())); // Go: go func()
    let mut keyboard = io::stdin().lock(); // Go: bufio.NewReader(os.Stdin)
    let mut line = Vec::new();
    // Go: reader.ReadString('\n')
    while keyboard.read_until(b'\n', &mut line)? > 0 {
        if !line.ends_with(b"\n") {
            line.push(b'\n'); // the last one
        }
        outgoing.write_all(&line)?; // Go: conn.Write(…)
        line.clear();
    }
    Ok(())
}
