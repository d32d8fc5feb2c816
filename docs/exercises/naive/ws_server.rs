//! The notes' WebSocket server in Rust, and nothing else: what it can't do, this can't either.
#![allow(clippy::result_large_err)] // how large an answer is, is up to tungstenite

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::exit;
use std::sync::{Arc, Mutex};
use std::{env, thread};

use tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

type Clients = Arc<Mutex<Vec<(SocketAddr, WebSocket<TcpStream>)>>>;

// Go: var upgrader
fn upgrader(request: &Request, response: Response) -> Result<Response, ErrorResponse> {
    // Go: CheckOrigin. Everybody may come, from whatever page.
    if request.uri().path() == "/ws" {
        return Ok(response);
    }
    let mut not_found = ErrorResponse::new(None);
    *not_found.status_mut() = tungstenite::http::StatusCode::NOT_FOUND;
    Err(not_found)
}

// Go: func main()
fn main() {
    let clients = Clients::default(); // Go: make(map[*websocket.Conn]bool); var mutex sync.Mutex

    // Go: http.HandleFunc("/ws", …)
    let handle_ws = move |stream: TcpStream, peer: SocketAddr| {
        let second = stream.try_clone().unwrap(); // In Go, `conn` is a pointer: it can be in two places.
        // Go: upgrader.Upgrade(w, r, nil)
        let mut conn = match tungstenite::accept_hdr(stream, upgrader) {
            Ok(conn) => conn,
            Err(err) => {
                eprintln!("cannot upgrade: {err}"); // Go: log.Println
                return; // Go: return
            }
        };
        println!("new client: {peer}"); // Go: fmt.Printf("…", conn.RemoteAddr())
        let mut room = clients.lock().unwrap(); // Go: mutex.Lock()
        room.push((peer, WebSocket::from_raw_socket(second, Role::Server, None))); // Go: clients[conn] = true
        drop(room); // Go: mutex.Unlock()

        loop {
            // Go: conn.ReadMessage()
            let msg = match conn.read() {
                Ok(msg) if msg.is_text() || msg.is_binary() => msg.into_data(),
                Ok(_) => continue, // a ping, a pong, a close: gorilla keeps them to itself
                Err(_) => {
                    println!("client left: {peer}"); // Go: fmt.Printf("…", conn.RemoteAddr())
                    let mut room = clients.lock().unwrap(); // Go: mutex.Lock()
                    room.retain(|(c, _)| *c != peer); // Go: delete(clients, conn)
                    drop(room); // Go: mutex.Unlock()
                    return; // Go: conn.Close(); return
                }
            };
            let broadcast = format!("[{peer}]: {}\n", String::from_utf8_lossy(&msg)); // Go: fmt.Sprintf("[%s]: %s\n", conn.RemoteAddr(), msg)
            let _ = io::stdout().write_all(broadcast.as_bytes()); // Go: fmt.Print(broadcast)

            let mut room = clients.lock().unwrap(); // Go: mutex.Lock()
            // Go: range clients
            for (c, conn) in room.iter_mut() {
                // Go: c != conn
                if *c != peer {
                    let _ = conn.send(Message::text(&broadcast)); // Go: c.WriteMessage(…)
                }
            }
            drop(room); // Go: mutex.Unlock()
        }
    };

    let addr = env::args().nth(1).unwrap_or("127.0.0.1:8080".to_string());
    println!("WebSocket server on {addr}"); // Go: fmt.Println
    // Go's net/http has a goroutine for each request by itself. Go: log.Fatal(http.ListenAndServe(…))
    let listener = TcpListener::bind(&addr).unwrap_or_else(|err| fatal(&addr, &err));
    for stream in listener.incoming().map_while(Result::ok) {
        let Ok(peer) = stream.peer_addr() else { continue };
        stream.set_nodelay(true).unwrap(); // Go does this by itself
        let handle_ws = handle_ws.clone();
        thread::spawn(move || handle_ws(stream, peer));
    }
}

fn fatal(addr: &str, err: &io::Error) -> ! {
    eprintln!("cannot listen on {addr}: {err}");
    exit(1);
}
