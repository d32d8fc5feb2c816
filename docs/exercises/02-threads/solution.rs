//! A server that gives each client its lines back, all of them at the same time, and announces whoever comes.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

fn main() -> io::Result<()> {
    let addr = env::args().nth(1).unwrap_or("127.0.0.1:8080".to_string());
    let listener = TcpListener::bind(addr)?; // Go: net.Listen("tcp", addr)
    println!("listening on {}", listener.local_addr()?);
    let mut last: Option<TcpStream> = None; // whoever came last hears of the next
    loop {
        // Go: listener.Accept()
        match listener.accept() {
            Ok((conn, peer)) => {
                println!("new client: {peer}");
                announce(last, peer);
                last = start(conn, peer).ok();
            }
            Err(err) => eprintln!("accept: {err}"),
        }
    }
}

/// Tells the client before that somebody has come.
fn announce(last: Option<TcpStream>, newcomer: SocketAddr) {
    if let Some(mut conn) = last {
        let _ = conn.write_all(format!("[Server]: {newcomer} comes\n").as_bytes()); // it may have left: so be it
    }
}

/// Starts a thread that gives a client back every line it sends. The thread takes `conn` with it, so `main` gets a
/// second handle of the same connection.
fn start(conn: TcpStream, peer: SocketAddr) -> io::Result<TcpStream> {
    let handle = conn.try_clone()?;
    // Go: go handleClient(…)
    thread::spawn(move || {
        if let Err(err) = serve(&conn, peer) {
            eprintln!("{peer}: {err}");
        }
    });
    Ok(handle)
}

/// Gives back every line that comes, until the client leaves.
fn serve(mut conn: &TcpStream, peer: SocketAddr) -> io::Result<()> {
    let mut reader = BufReader::new(conn); // Go: bufio.NewScanner(conn)
    let mut line = Vec::new(); // bytes: what a client sends needn't be text
    while reader.read_until(b'\n', &mut line)? > 0 {
        conn.write_all(format!("[{peer}]: ").as_bytes())?;
        conn.write_all(&line)?;
        line.clear();
    }
    Ok(())
}
