//! A chat room in which clients give themselves names: `/nick ada`.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the room knows of a client. The mutex owns the list: the only way to it is through the lock.
#[derive(Debug)]
struct Client {
    peer: SocketAddr,
    /// What stands before its lines: its address, until it has a name.
    name: String,
    conn: TcpStream,
}

type Clients = Arc<Mutex<Vec<Client>>>;

fn main() -> io::Result<()> {
    let addr = env::args().nth(1).unwrap_or("127.0.0.1:8080".to_string());
    let listener = TcpListener::bind(addr)?; // Go: net.Listen("tcp", addr)
    println!("listening on {}", listener.local_addr()?);
    let clients = Clients::default();
    let everyone = Arc::clone(&clients);
    thread::spawn(move || console(&everyone)); // Go: go func()
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

/// Sends every line that is typed to all clients, until the input ends.
fn console(clients: &Clients) {
    for line in io::stdin().lines().map_while(Result::ok) {
        broadcast(format!("[Server]: {line}\n").as_bytes(), None, clients);
    }
}

/// Puts a client into the list, and starts a thread that serves it.
fn start(conn: TcpStream, peer: SocketAddr, clients: &Clients) -> io::Result<()> {
    conn.set_nodelay(true)?; // Go does this by itself: a line goes out at once, however short
    enter(&conn, peer, clients)?;
    let clients = Arc::clone(clients);
    // Go: go handleClient(…)
    thread::spawn(move || {
        if let Err(err) = serve(&conn, peer, &clients) {
            eprintln!("{peer}: {err}");
        }
        leave(peer, &clients); // however it has ended
    });
    Ok(())
}

/// Sends every line that comes to all the others, until the client leaves. `/nick NAME` is for the server.
fn serve(conn: &TcpStream, peer: SocketAddr, clients: &Clients) -> io::Result<()> {
    let mut reader = BufReader::new(conn); // Go: bufio.NewReader(conn)
    let mut name = peer.to_string();
    let mut line = Vec::new();
    // Go: reader.ReadString('\n')
    while reader.read_until(b'\n', &mut line)? > 0 {
        match line.strip_prefix(b"/nick ") {
            None => broadcast(&[format!("[{name}]: ").as_bytes(), &line].concat(), Some(peer), clients),
            Some(wanted) => match rename(wanted.trim_ascii_end(), peer, clients) {
                Ok(new) => name = new,
                Err(why) => tell(peer, &format!("[Server]: {why}\n"), clients),
            },
        }
        line.clear();
    }
    Ok(())
}

/// Gives a client the name that it wants, and tells everyone; or says why not.
fn rename(wanted: &[u8], peer: SocketAddr, clients: &Clients) -> Result<String, &'static str> {
    todo!(
        "give the client this name, if it is one and nobody has it, and tell everyone; else say why not\n{peer}\n{}\n{clients:?}",
        wanted.escape_ascii()
    )
}

/// Puts a client into the list, with a second handle of its connection.
fn enter(conn: &TcpStream, peer: SocketAddr, clients: &Clients) -> io::Result<()> {
    let conn = conn.try_clone()?;
    clients.lock().unwrap().push(Client { peer, name: peer.to_string(), conn });
    Ok(())
}

/// Takes a client off the list: with its second handle the connection closes, and its name is free.
fn leave(peer: SocketAddr, clients: &Clients) {
    let mut clients = clients.lock().unwrap();
    if let Some(at) = clients.iter().position(|client| client.peer == peer) {
        println!("client {} left", clients.swap_remove(at).name);
    }
}

/// Sends a line to one client alone. That takes the lock, too: else it could get into the middle of another line.
fn tell(peer: SocketAddr, line: &str, clients: &Clients) {
    for client in clients.lock().unwrap().iter_mut().filter(|client| client.peer == peer) {
        let _ = client.conn.write_all(line.as_bytes());
    }
}

/// Sends a line to everyone but the client that it comes from.
fn broadcast(line: &[u8], from: Option<SocketAddr>, clients: &Clients) {
    // The lock is held until the end: two lines never mix. Go: mutex.Lock(); range clients; mutex.Unlock()
    for client in clients.lock().unwrap().iter_mut().filter(|client| Some(client.peer) != from) {
        let _ = client.conn.write_all(line); // Go: c.Write(…). It may have left: the others still want the line
    }
}
