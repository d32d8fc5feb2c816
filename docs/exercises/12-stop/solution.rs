//! The chat room, which ends in order when it is asked to.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// A second handle of each connection. The mutex owns the list: the only way to it is through the lock.
type Clients = Arc<Mutex<Vec<TcpStream>>>; // Go: var clients []net.Conn; var mutex sync.Mutex

/// Set once it is time to end.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// The longest line, its line break not counted. How much memory a line takes isn't for its sender to decide.
const MAX_LINE: u64 = 65_536;

/// Whoever must go is listened to for so long, and for so many bytes. Without an end it would not have to go.
const A_WHILE: Duration = Duration::from_secs(1);
const MAX_REST: u64 = 1 << 20;

/// Before the next try. Somebody may leave meanwhile; and a newcomer hardly notices the wait.
const REST: Duration = Duration::from_millis(100);

/// So long a broadcast waits for those who don't read.
const PATIENCE: Duration = Duration::from_secs(1);

fn main() -> io::Result<()> {
    let addr = env::args().nth(1).unwrap_or("127.0.0.1:8080".to_string());
    let listener = TcpListener::bind(addr)?; // Go: net.Listen("tcp", addr)
    println!("listening on {}", listener.local_addr()?);
    let clients = Clients::default();
    let everyone = Arc::clone(&clients);
    thread::spawn(move || console(&everyone)); // Go: go func()
    stop_on_signal(listener.local_addr()?)?;
    let mut told = false;
    loop {
        let came = listener.accept(); // Go: listener.Accept()
        if STOPPING.load(Ordering::Relaxed) {
            break;
        }
        if let Err(err) = came.and_then(|(conn, peer)| start(conn, peer, &clients)) {
            if !told {
                eprintln!("cannot let anybody in: {err}; see ulimit -n"); // Go: log.Println(…); continue
            }
            told = true;
            thread::sleep(REST);
        }
    }
    for client in clients.lock().unwrap().iter() {
        let _ = client.shutdown(Shutdown::Both);
    }
    println!("good-bye");
    Ok(())
}

/// On SIGINT and SIGTERM, says that it is time to end. A signal doesn't wake `accept`, so somebody comes.
fn stop_on_signal(addr: SocketAddr) -> io::Result<()> {
    let stop = move || {
        STOPPING.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(addr);
    };
    ctrlc::set_handler(stop).map_err(io::Error::other)
}

/// Sends every line that is typed to all clients, until the input ends.
fn console(clients: &Clients) {
    // Go: reader.ReadString('\n')
    for line in io::stdin().lock().split(b'\n').map_while(Result::ok) {
        broadcast(&[b"[Server]: ", &line[..], b"\n"].concat(), None, clients);
    }
    eprintln!("the console's input has ended; the room goes on");
}

/// Puts a client into the list, and starts a thread that serves it.
fn start(conn: TcpStream, peer: SocketAddr, clients: &Clients) -> io::Result<()> {
    conn.set_nodelay(true)?; // Go does this by itself: a line goes out at once, however short
    let handle = conn.try_clone()?;
    println!("new client: {peer}"); // Go: fmt.Printf(…, conn.RemoteAddr())
    clients.lock().unwrap().push(handle); // Go: mutex.Lock(); append(clients, conn); mutex.Unlock()
    let clients = Arc::clone(clients);
    // Go: go handleClient(…)
    thread::spawn(move || {
        let end = serve(&conn, peer, &clients);
        leave(peer, &clients);
        if let Err(why) = end {
            eprintln!("{peer}: {why}");
            let _ = last_word(&conn, &why); // it may be gone already
        }
    });
    Ok(())
}

/// Sends every line that comes to all the others, until the client leaves.
fn serve(conn: &TcpStream, peer: SocketAddr, clients: &Clients) -> io::Result<()> {
    let mut reader = BufReader::new(conn); // Go: bufio.NewReader(conn)
    while let Some(line) = read_line(&mut reader)? {
        let line = [format!("[{peer}]: ").as_bytes(), &line].concat(); // Go: fmt.Sprintf("[%s]: %s", …)
        let _ = io::stdout().write_all(&line); // Go: fmt.Print(broadcast)
        broadcast(&line, Some(peer), clients);
    }
    Ok(())
}

/// Reads a line and its line break. `None` if there are no more.
fn read_line(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    reader.take(MAX_LINE + 1).read_until(b'\n', &mut line)?; // Go: reader.ReadString('\n')
    match line.last() {
        None => return Ok(None),
        Some(b'\n') => {}
        Some(_) if line.len() as u64 > MAX_LINE => {
            return Err(io::Error::other(format!("a line longer than {MAX_LINE} bytes")));
        }
        Some(_) => line.push(b'\n'), // the last line
    }
    Ok(Some(line))
}

/// Tells a client why it must go; it is off the list, so nobody else writes to it. Then it is listened to for a while:
/// a connection that is closed with something unread is reset, and the reset may overtake these words.
fn last_word(mut conn: &TcpStream, why: &io::Error) -> io::Result<()> {
    conn.write_all(format!("[Server]: {why}\n").as_bytes())?;
    conn.shutdown(Shutdown::Write)?;
    conn.set_read_timeout(Some(A_WHILE))?;
    let (mut rest, end) = (conn.take(MAX_REST), Instant::now() + A_WHILE);
    while Instant::now() < end && rest.read(&mut [0; 4096])? > 0 {}
    Ok(())
}

/// Takes a client off the list.
fn leave(peer: SocketAddr, clients: &Clients) {
    println!("client {peer} left"); // Go: fmt.Printf
    // After a reset there is no address to ask for: whoever has none has left, too. Go: range clients; append(…)
    clients.lock().unwrap().retain(|client| client.peer_addr().is_ok_and(|addr| addr != peer));
}

/// Sends a line to everyone, or to everyone but the client that it comes from.
fn broadcast(line: &[u8], from: Option<SocketAddr>, clients: &Clients) {
    // The lock is held until the end: two lines never mix. Go: mutex.Lock(); range clients; mutex.Unlock()
    let clients = clients.lock().unwrap();
    let deadline = Instant::now() + PATIENCE; // one for all: however many can't take this line, it costs a second
    for client in clients.iter() {
        // Go: c != conn, c.Write(…)
        if client.peer_addr().is_ok_and(|peer| Some(peer) != from) && write(client, line, deadline).is_err() {
            let _ = client.shutdown(Shutdown::Both); // no write waits for it again, and its thread takes it off the list
        }
    }
}

/// Writes a line whole, or gives up at the deadline. Each write may take a part of it, and has its own time-out.
fn write(mut client: &TcpStream, mut line: &[u8], deadline: Instant) -> io::Result<()> {
    while !line.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        client.set_write_timeout(Some(left.max(Duration::from_millis(1))))?; // zero isn't a time-out
        let written = client.write(line)?;
        line = &line[written..];
    }
    Ok(())
}
