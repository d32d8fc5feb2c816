//! A chat room in which nobody waits for anybody: each client has a queue, and a thread that writes.

use std::env;
use std::io::{self, BufRead, BufReader};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::thread;

/// What the room knows of a client.
#[derive(Debug)]
struct Client {
    peer: SocketAddr,
    /// What is still to be written to it, and how many bytes that is.
    queue: Sender<Arc<[u8]>>,
    waiting: Arc<AtomicUsize>,
    /// A second handle, to cut it off with.
    conn: TcpStream,
}

type Clients = Arc<Mutex<Vec<Client>>>;

/// So many bytes may wait for a client. One that falls behind further has stopped reading, or is too slow for this room.
const MOST: usize = 4 << 20;

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

/// Sends every line that comes to all the others, until the client leaves.
fn serve(conn: &TcpStream, peer: SocketAddr, clients: &Clients) -> io::Result<()> {
    let mut reader = BufReader::new(conn); // Go: bufio.NewReader(conn)
    let mut line = format!("[{peer}]: ").into_bytes();
    let prefix = line.len();
    // Go: reader.ReadString('\n')
    while reader.read_until(b'\n', &mut line)? > 0 {
        broadcast(&line, Some(peer), clients);
        line.truncate(prefix);
    }
    Ok(())
}

/// Puts a client into the list, with a queue, and starts the thread that writes what is in it.
fn enter(conn: &TcpStream, peer: SocketAddr, clients: &Clients) -> io::Result<()> {
    todo!(
        "put {peer} into the list, with a queue, and start a thread that writes what is in the queue\n{conn:?}\n{clients:?}"
    )
}

/// Takes a client off the list, and its queue ends. Its connection is closed, too: the thread that writes may still wait
/// for one that has said its last and doesn't read.
fn leave(peer: SocketAddr, clients: &Clients) {
    println!("client {peer} left");
    let mut clients = clients.lock().unwrap();
    if let Some(at) = clients.iter().position(|client| client.peer == peer) {
        cut_off(&clients.swap_remove(at));
    }
}

/// Closes a client's connection, whoever holds it. What waits for it, to read or to write, waits no longer.
fn cut_off(client: &Client) {
    let _ = client.conn.shutdown(Shutdown::Both); // it may be closed already
}

/// Puts a line into the queue of everyone but the client that it comes from.
fn broadcast(line: &[u8], from: Option<SocketAddr>, clients: &Clients) {
    let line: Arc<[u8]> = line.into(); // one copy for all
    // The lock is held until it is in every queue: all hear the same in the same order.
    for client in clients.lock().unwrap().iter().filter(|client| Some(client.peer) != from) {
        deliver(&line, client);
    }
}

/// Puts a line into a client's queue. It never waits, as the lock is held; who has no more room is cut off.
fn deliver(line: &Arc<[u8]>, client: &Client) {
    todo!(
        "put the line into the queue, and count its bytes; cut off the client if more than {MOST} wait\n{}\n{:?}\n{:?}",
        line.escape_ascii(),
        client.queue,
        client.waiting
    )
}
