//! The notes' TCP server in Rust, and nothing else: what it can't do, this can't either. Exercises 9 to 14 are about that.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::process::exit;
use std::sync::{Arc, Mutex};
use std::{env, thread};

// Go: func main()
fn main() {
    let addr = env::args().nth(1).unwrap_or("127.0.0.1:8080".to_string());
    let listener = TcpListener::bind(&addr).unwrap_or_else(|err| fatal(&addr, &err)); // Go: net.Listen("tcp", ":8080"); log.Fatal
    // Go: defer listener.Close(). Dropping it closes it.
    println!("TCP server listening on {addr}"); // Go: fmt.Println

    let clients: Arc<Mutex<Vec<TcpStream>>> = Arc::default(); // Go: var clients []net.Conn; var mutex sync.Mutex

    let everyone = Arc::clone(&clients);
    // Go: go func()
    thread::spawn(move || {
        let mut reader = BufReader::new(io::stdin()); // Go: bufio.NewReader(os.Stdin)
        loop {
            // Go: reader.ReadString('\n')
            let msg = match read_string(&mut reader) {
                Ok(msg) => msg,
                Err(err) => {
                    eprintln!("console: {err}"); // Go: log.Println
                    continue;
                }
            };
            let broadcast = [b"[Server]: ", &msg[..]].concat(); // Go: fmt.Sprintf("[Server]: %s", msg)
            let room = everyone.lock().unwrap(); // Go: mutex.Lock()
            // Go: range clients
            for mut c in room.iter() {
                let _ = c.write_all(&broadcast); // Go: c.Write(…)
            }
            drop(room); // Go: mutex.Unlock()
        }
    });

    loop {
        // Go: listener.Accept()
        let (conn, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(err) => {
                eprintln!("cannot accept: {err}"); // Go: log.Println; continue
                continue;
            }
        };
        println!("new client: {peer}"); // Go: fmt.Printf("…", conn.RemoteAddr())
        conn.set_nodelay(true).unwrap(); // Go does this by itself

        let handle = conn.try_clone().unwrap(); // In Go, `conn` is a pointer: it can be in two places.
        clients.lock().unwrap().push(handle); // Go: mutex.Lock(); append(clients, conn); mutex.Unlock()

        let clients = Arc::clone(&clients);
        thread::spawn(move || handle_client(&conn, &clients)); // Go: go handleClient(…)
    }
}

// Go: func handleClient(…)
fn handle_client(conn: &TcpStream, clients: &Mutex<Vec<TcpStream>>) {
    // Go: defer conn.Close(). The list's handle goes with `retain`, and `conn` with this thread.
    let Ok(me) = conn.peer_addr() else { return };
    let mut reader = BufReader::new(conn); // Go: bufio.NewReader(conn)
    loop {
        // Go: reader.ReadString('\n')
        let msg = match read_string(&mut reader) {
            Ok(msg) => msg,
            Err(err) => {
                println!("client {me} left: {err}"); // Go: fmt.Printf("…", conn.RemoteAddr(), err)
                let mut room = clients.lock().unwrap(); // Go: mutex.Lock()
                // After a reset a connection has no address any more. Go: range *clients; append(…)
                room.retain(|c| c.peer_addr().is_ok_and(|peer| peer != me));
                drop(room); // Go: mutex.Unlock()
                return; // Go: return
            }
        };

        let broadcast = [format!("[{me}]: ").as_bytes(), &msg].concat(); // Go: fmt.Sprintf("[%s]: %s", conn.RemoteAddr(), msg)
        let _ = io::stdout().write_all(&broadcast); // Go: fmt.Print(broadcast)
        let room = clients.lock().unwrap(); // Go: mutex.Lock()
        // Go: range *clients
        for mut c in room.iter() {
            // Go: c != conn
            if c.peer_addr().is_ok_and(|peer| peer != me) {
                let _ = c.write_all(&broadcast); // Go: c.Write(…)
            }
        }
        drop(room); // Go: mutex.Unlock()
    }
}

/// Reads to a line break. As in Go, an end before it is an error, and what came until then is lost.
fn read_string(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    if line.ends_with(b"\n") { Ok(line) } else { Err(ErrorKind::UnexpectedEof.into()) }
}

fn fatal(addr: &str, err: &io::Error) -> ! {
    eprintln!("cannot listen on {addr}: {err}");
    exit(1);
}
