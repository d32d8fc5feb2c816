//! The chat room for browsers: the same list and lock, behind a WebSocket made by hand (RFC 6455).

use std::env;
use std::io::{self, BufReader, Write};
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
                let clients = Arc::clone(&clients);
                thread::spawn(move || handle(&conn, peer, &clients)); // Go: http.HandleFunc("/ws", …)
            }
            Err(err) => eprintln!("accept: {err}"),
        }
    }
}

/// One client's thread: from its request until it has left.
fn handle(conn: &TcpStream, peer: SocketAddr, clients: &Clients) {
    if let Err(err) = serve(conn, peer, clients) {
        eprintln!("{peer}: {err}");
    }
    leave(peer, clients);
}

/// Opens the WebSocket, and sends every message that comes to all the others, until the client leaves.
fn serve(conn: &TcpStream, peer: SocketAddr, clients: &Clients) -> io::Result<()> {
    conn.set_nodelay(true)?;
    let mut reader = BufReader::new(conn); // one for both: what comes behind the request is the first frame
    upgrade(&mut reader)?; // Go: upgrader.Upgrade(w, r, nil)
    enter(conn, clients)?;
    // Go: conn.ReadMessage()
    while let Some(words) = read_message(&mut reader)? {
        let line = [format!("[{peer}]: ").as_bytes(), &words, b"\n"].concat();
        broadcast(&frame(&line), peer, clients);
    }
    Ok(())
}

/// Reads the request, up to its blank line, and answers it with the key that proves that it was understood.
fn upgrade(reader: &mut BufReader<&TcpStream>) -> io::Result<()> {
    todo!("read the request up to its blank line, and answer it\n{reader:?}")
}

/// Reads frames up to one that holds text, and unmasks it. `None` if the client says good-bye.
fn read_message(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<Vec<u8>>> {
    todo!("read frames up to one that holds text, and unmask it\n{reader:?}")
}

/// A frame that holds text: those of a server are not masked.
fn frame(text: &[u8]) -> Vec<u8> {
    todo!("put the text into a frame\n{}", text.escape_ascii())
}

/// Puts a second handle of a connection into the list.
fn enter(conn: &TcpStream, clients: &Clients) -> io::Result<()> {
    let handle = conn.try_clone()?;
    clients.lock().unwrap().push(handle); // Go: mutex.Lock(); append(clients, conn); mutex.Unlock()
    Ok(())
}

/// Takes a client off the list: with its second handle the connection closes.
fn leave(peer: SocketAddr, clients: &Clients) {
    println!("client {peer} left");
    // After a reset there is no address to ask for: whoever has none has left, too. Go: range clients; append(…)
    clients.lock().unwrap().retain(|client| client.peer_addr().is_ok_and(|addr| addr != peer));
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
