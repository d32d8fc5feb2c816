//! A chat room that is one with others: what is said here is published, and what is published elsewhere is told here.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process;
use std::sync::{Arc, Mutex};
use std::thread;

/// A second handle of each connection. The mutex owns the list: the only way to it is through the lock.
type Clients = Arc<Mutex<Vec<TcpStream>>>; // Go: var clients []net.Conn; var mutex sync.Mutex

/// The handle by which we write to the broker. Its lock is not the list's: the room never waits for a network.
type Link = Arc<Mutex<TcpStream>>;

/// The subject on which the rooms meet.
const ROOM: &str = "chatroom.lobby";

fn main() -> io::Result<()> {
    let mut args = env::args().skip(1);
    let addr = args.next().unwrap_or("127.0.0.1:8080".to_string());
    let nats = args.next().unwrap_or("127.0.0.1:4222".to_string());
    let mut broker = join(&nats).unwrap_or_else(|err| {
        eprintln!("cannot join the other rooms, by {nats}: {err}");
        process::exit(1)
    });
    let link = Link::new(Mutex::new(broker.get_ref().try_clone()?));
    let listener = TcpListener::bind(addr)?; // Go: net.Listen("tcp", addr)
    println!("listening on {}", listener.local_addr()?);
    let clients = Clients::default();
    let (answers, everyone) = (Arc::clone(&link), Arc::clone(&clients));
    thread::spawn(move || match hear(&mut broker, &answers, &everyone) {
        Ok(()) => eprintln!("the broker has hung up; the room here goes on"),
        Err(err) => eprintln!("the broker is lost: {err}; the room here goes on"),
    });
    loop {
        // Go: listener.Accept()
        match listener.accept() {
            Ok((conn, peer)) => {
                println!("new client: {peer}");
                if let Err(err) = start(conn, peer, &clients, &link) {
                    eprintln!("{peer}: {err}");
                }
            }
            Err(err) => eprintln!("accept: {err}"),
        }
    }
}

/// Connects to the broker, and asks for all that is said in the room. What comes next is for the same reader.
fn join(nats: &str) -> io::Result<BufReader<TcpStream>> {
    let mut broker = BufReader::new(TcpStream::connect(nats)?); // Go: net.Dial("tcp", nats)
    broker.get_ref().set_nodelay(true)?;
    let mut info = String::new();
    broker.read_line(&mut info)?;
    if !info.starts_with("INFO ") {
        return Err(io::Error::other("that is no NATS server"));
    }
    let connect = r#"CONNECT {"verbose":false,"pedantic":false,"echo":false}"#;
    broker.get_mut().write_all(format!("{connect}\r\nSUB {ROOM} 1\r\nPING\r\n").as_bytes())?;
    Ok(broker)
}

/// Tells everybody here what others publish, and gives the broker its answers, until it hangs up.
fn hear(broker: &mut BufReader<TcpStream>, link: &Link, clients: &Clients) -> io::Result<()> {
    let mut line = String::new();
    while broker.read_line(&mut line)? > 0 {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["MSG", .., length] => {
                let mut payload = vec![0; length.parse().map_err(io::Error::other)?];
                broker.read_exact(&mut payload)?; // Go: io.ReadFull(reader, payload)
                broker.read_exact(&mut [0; 2])?; // the line break behind it
                if payload.last().is_some_and(|last| *last != b'\n') {
                    payload.push(b'\n'); // or it would run into the next line
                }
                broadcast(&payload, None, clients);
            }
            ["PING"] => link.lock().unwrap().write_all(b"PONG\r\n")?,
            ["PONG"] => println!("joined the other rooms"), // so it has taken what stood before our PING
            ["-ERR", ..] => eprintln!("the broker says {}", line.trim_end()),
            _ => {}
        }
        line.clear();
    }
    Ok(())
}

/// Publishes a line: the broker passes it on to all the other rooms.
fn publish(line: &[u8], link: &Link) {
    // One write under the lock: nothing comes between the length and the bytes.
    let publication = [format!("PUB {ROOM} {}\r\n", line.len()).as_bytes(), line, b"\r\n"].concat();
    let _ = link.lock().unwrap().write_all(&publication); // the thread that hears says it if the broker is lost
}

/// Puts a client into the list, and starts a thread that serves it.
fn start(conn: TcpStream, peer: SocketAddr, clients: &Clients, link: &Link) -> io::Result<()> {
    conn.set_nodelay(true)?; // Go does this by itself: a line goes out at once, however short
    enter(&conn, clients)?;
    let (clients, link) = (Arc::clone(clients), Arc::clone(link));
    // Go: go handleClient(…)
    thread::spawn(move || {
        if let Err(err) = serve(&conn, peer, &clients, &link) {
            eprintln!("{peer}: {err}");
        }
        leave(peer, &clients); // however it has ended
    });
    Ok(())
}

/// Sends every line that comes to all the others, here and elsewhere, until the client leaves.
fn serve(conn: &TcpStream, peer: SocketAddr, clients: &Clients, link: &Link) -> io::Result<()> {
    let mut reader = BufReader::new(conn); // Go: bufio.NewReader(conn)
    let mut line = format!("[{peer}]: ").into_bytes();
    let prefix = line.len();
    // Go: reader.ReadString('\n')
    while reader.read_until(b'\n', &mut line)? > 0 {
        broadcast(&line, Some(peer), clients);
        publish(&line, link); // the lock of the list has been given back by now
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

/// Takes a client off the list: with its second handle the connection closes.
fn leave(peer: SocketAddr, clients: &Clients) {
    println!("client {peer} left");
    // After a reset there is no address to ask for: whoever has none has left, too. Go: range clients; append(…)
    clients.lock().unwrap().retain(|client| client.peer_addr().is_ok_and(|addr| addr != peer));
}

/// Sends a line to everyone here but the client that it comes from.
fn broadcast(line: &[u8], from: Option<SocketAddr>, clients: &Clients) {
    // The lock is held until the end: two lines never mix. Go: mutex.Lock(); range clients; mutex.Unlock()
    for mut client in clients.lock().unwrap().iter() {
        // Go: c != conn
        if client.peer_addr().is_ok_and(|peer| Some(peer) != from) {
            let _ = client.write_all(line); // Go: c.Write(…). It may have left: the others still want the line
        }
    }
}
