//! A chat room: what one client says goes to all the others.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A second handle of each connection. The mutex owns the list: the only way to it is through the lock.
type Clients = Arc<Mutex<Vec<TcpStream>>>; // Go: var clients []net.Conn; var mutex sync.Mutex

fn main() -> io::Result<()> {
    let addr = env::args().nth(1).unwrap_or("127.0.0.1:8080".to_string());
    let listener = TcpListener::bind(addr)?; // Go: net.Listen("tcp", addr)
    println!("listening on {}", listener.local_addr()?);
    let clients = Clients::default();
    loop {
        // Go: listener.Accept()
        match listener.accept() {
            Ok((conn, peer)) => {
                println!("new client: {peer}");
                if let Err(err) = start(conn, peer, &clients) {
                    eprintln!("{peer}: {err}");
                }
            }
            Err(err) => eprintln!("accept: {err}"),
        }
    }
}

/// Puts a client into the list, and starts a thread that serves it.
fn start(conn: TcpStream, peer: SocketAddr, clients: &Clients) -> io::Result<()> {
    conn.set_nodelay(true)?; // Go does this by itself: a line goes out at once, however short
    enter(&conn, clients)?;
    let clients = Arc::clone(clients);
    // Go: go handleClient(…)
    thread::spawn(move || {
        if let Err(err) = serve(&conn, peer, &clients) {
            eprintln!("{peer}: {err}");
        }
    });
    Ok(())
}

/// Sends every line that comes to all the others, until the client leaves.
fn serve(conn: &TcpStream, peer: SocketAddr, clients: &Clients) -> io::Result<()> {
    let mut reader = BufReader::new(conn); // Go: bufio.NewReader(conn)
    let mut line = format!("[{peer}]: ").into_bytes();
    let prefix = line.len();
    // Go: reader.ReadString('\n')
    while reader.read_until(b'\n', &mut line)? > 0 {
        broadcast(&line, peer, clients);
        line.truncate(prefix);
    }
    Ok(())
}

/// Puts a second handle of a connection into the list.
fn enter(conn: &TcpStream, clients: &Clients) -> io::Result<()> {
    let handle = conn.try_clone()?;
    clients.lock().unwrap().push(handle); // Go: mutex.Lock(); append(clients, conn); mutex.Unlock()
    Ok(())
}

/// Sends a line to everyone but the client that it comes from.
fn broadcast(line: &[u8], from: SocketAddr, clients: &Clients) {
    // The lock is held until the end: two lines never mix. Go: mutex.Lock(); range clients; mutex.Unlock()
    for mut client in clients.lock().unwrap().iter() {
        // Go: c != conn
        if client.peer_addr().is_ok_and(|peer| peer != from) {
            let _ = client.write_all(line); // Go: c.Write(…). It may have left: the others still want the line
        }
    }
}
