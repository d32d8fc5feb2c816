//! A server that greets everyone who comes.

use std::env;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let addr = env::args().nth(1).unwrap_or("127.0.0.1:8080".to_string());
    let listener = listen(&addr)?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        match accept(&listener) {
            Ok((conn, peer)) => greet(conn, peer),
            Err(err) => eprintln!("accept: {err}"),
        }
    }
}

/// Go: net.Listen("tcp", addr)
fn listen(addr: &str) -> io::Result<TcpListener> {
    todo!("bind a listener to {addr}, and return it")
}

/// Go: listener.Accept()
fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    todo!(
        "wait for the next client, print its address, and return its connection with the address\n{listener:?}"
    )
}

/// Tells a client its own address. Then `conn` is dropped, and that closes the connection.
fn greet(mut conn: TcpStream, peer: SocketAddr) {
    // Go: conn.Write(…)
    if let Err(err) = conn.write_all(format!("[{peer}]: hello\n").as_bytes()) {
        eprintln!("{peer}: {err}");
    }
}
