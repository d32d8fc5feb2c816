//! The chat room for browsers, which trusts nobody.

use std::env;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use tungstenite::handshake::derive_accept_key;

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
                println!("new client: {peer}"); // Go: fmt.Printf
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
    upgrade(&mut reader, conn)?; // Go: upgrader.Upgrade(w, r, nil)
    enter(conn, clients)?;
    // Go: conn.ReadMessage()
    while let Some(words) = read_message(&mut reader)? {
        // A line break would begin a second line, which could look like anybody's.
        let one_line = |&byte: &u8| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte };
        let words: Vec<u8> = words.iter().map(one_line).collect();
        let line = [format!("[{peer}]: ").as_bytes(), &words, b"\n"].concat(); // Go: fmt.Sprintf("[%s]: %s\n", …)
        show(&line);
        broadcast(&frame(&line), peer, clients);
    }
    Ok(())
}

/// Prints what somebody said. A terminal obeys control characters: they clear it, retitle it, write over a name.
fn show(line: &[u8]) {
    let shown = if io::stdout().is_terminal() { visible(line).into_bytes() } else { line.to_vec() };
    let _ = io::stdout().write_all(&shown); // Go: fmt.Print(broadcast)
}

/// The same with control characters spelled out.
fn visible(line: &[u8]) -> String {
    let spell = |c: char| if c.is_control() && c != '\n' { c.escape_unicode().to_string() } else { c.into() };
    String::from_utf8_lossy(line).chars().map(spell).collect()
}

/// Reads the request, up to its blank line, and answers it with the key that proves that it was understood.
fn upgrade(reader: &mut BufReader<&TcpStream>, mut conn: &TcpStream) -> io::Result<()> {
    let head: Vec<String> =
        reader.lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let Some(key) = field(&head, "Sec-WebSocket-Key") else {
        return refuse(conn, "400 Bad Request");
    };
    let host = field(&head, "Host").unwrap_or_default();
    let is_local = conn.local_addr()?.ip().is_loopback();
    // Go: CheckOrigin: func(r *http.Request) bool
    if field(&head, "Origin").is_some_and(|origin| !may_join(origin, host, is_local)) {
        return refuse(conn, "403 Forbidden");
    }
    let accept = derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    conn.write_all(answer.as_bytes())
}

/// The value of a field of the request, if it has such a field.
fn field<'a>(head: &'a [String], name: &str) -> Option<&'a str> {
    let fields = head.iter().filter_map(|line| line.split_once(':'));
    fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}

/// Whether a page may join: one from this server, under the name that the browser knows; or, where nobody else gets in,
/// one that was opened as a file, whose origin is `null`.
fn may_join(origin: &str, host: &str, is_local: bool) -> bool {
    let site = origin.split_once("://").map(|(_, site)| site);
    site.is_some_and(|site| site.eq_ignore_ascii_case(host)) || origin == "null" && is_local
}

/// Answers a request that isn't granted.
fn refuse(mut conn: &TcpStream, status: &str) -> io::Result<()> {
    conn.write_all(
        format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes(),
    )?;
    Err(io::Error::other(status))
}

const TEXT: u8 = 1;
const CLOSE: u8 = 8;

/// Reads frames up to one that holds text, and unmasks it. `None` if the client says good-bye.
fn read_message(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<Vec<u8>>> {
    loop {
        let [first, second] = read(reader)?;
        let length = match second & 0x7F {
            126 => u64::from(u16::from_be_bytes(read(reader)?)),
            127 => u64::from_be_bytes(read(reader)?),
            short => u64::from(short),
        };
        let mask: [u8; 4] = read(reader)?;
        let mut words = Vec::new();
        reader.take(length).read_to_end(&mut words)?;
        words.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        match first & 0x0F {
            TEXT => return Ok(Some(words)),
            CLOSE => return Ok(None),
            _ => {}
        }
    }
}

/// So many bytes.
fn read<const N: usize>(reader: &mut BufReader<&TcpStream>) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A frame that holds text: those of a server are not masked.
fn frame(text: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | TEXT]; // the whole message
    match text.len() {
        short @ 0..126 => frame.push(short as u8),
        long @ 126..0x1_0000 => {
            frame.push(126);
            frame.extend((long as u16).to_be_bytes());
        }
        huge => {
            frame.push(127);
            frame.extend((huge as u64).to_be_bytes());
        }
    }
    frame.extend(text);
    frame
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
