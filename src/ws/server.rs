//! The WebSocket server, in the order of the notes' `server.go`.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use tungstenite::protocol::frame::coding::CloseCode;

use crate::cli::Options;
use crate::relay;
use crate::support::address::Address;
use crate::support::door::Places;
use crate::support::farewell::last_word;
use crate::support::http::{self, Answer, refuse};
use crate::support::lines::prefixed;
use crate::support::messages::{Messages, as_text, close_frame, text_frames};
use crate::support::patience::{self, Patience};
use crate::support::request::Request;
use crate::support::room::{self, id};
use crate::support::trouble::{no_socket, no_thread};
use crate::support::upgrade::{may_join, switching_protocols};
use crate::support::{browser, lock, print, stop};
use crate::{say, tr, warn};

/// The answer that turns an HTTP connection into a WebSocket, if the page may join.
// ANCHOR: upgrade
// Go: var upgrader
fn upgrade(request: &Request, allowed: &[String]) -> Result<Vec<u8>, Answer> {
    let allowed = may_join(request, allowed); // Go: CheckOrigin (D27)
    if !allowed {
        return refuse!("403 Forbidden",
                       zh "不允许来自其他网站的网页；见 --allow-origin",
                       en "pages of other sites may not join; see --allow-origin");
    }
    switching_protocols(request)
}
// ANCHOR_END: upgrade

/// Runs the server until Ctrl-C.
///
/// # Errors
/// A sentence, when it can't listen at `addr`.
// ANCHOR: handle
// Go: func main()
pub fn run(addr: &Address, options: &Options) -> Result<(), String> {
    let clients: Arc<Mutex<Vec<TcpStream>>> = Arc::default(); // Go: make(map[*websocket.Conn]bool); var mutex sync.Mutex

    let (everyone, here) = (Arc::clone(&clients), Arc::clone(&clients));
    let (allowed, ping) = (options.allow_origin.clone(), options.ping);
    let places = Places::new(options.max_clients); // D8
    // Go: http.HandleFunc("/ws", …)
    let handle_ws = move |conn: &TcpStream, peer: SocketAddr, request: Request| {
        let upgraded = upgrade(&request, &allowed); // Go: upgrader.Upgrade(w, r, nil)
        let switching = match upgraded {
            Ok(switching) => switching,
            Err(refusal) => {
                // Go: log.Println
                warn!(zh "升级失败: {peer}: {refusal}",
                      en "no upgrade for {peer}: {refusal}");
                return refusal.to(&request).send(conn); // Go: return
            }
        };
        // ANCHOR_END: handle
        // ANCHOR: join
        // A page can't see an HTTP status: it has to be let in to be told.
        let Some(_seat) = places.take() else {
            return last_word(conn, &[switching, close_frame(CloseCode::Again)].concat()); // D8
        };
        say!(zh "新客户端连接:{peer}", en "new client: {peer}"); // Go: fmt.Printf("…", conn.RemoteAddr())

        // Go puts the conn that it reads from into the map. Here list and thread own a handle
        // each to the same socket, which closes when the last of them is dropped.
        let handle = match conn.try_clone() {
            Ok(handle) => handle,
            Err(err) => return Answer::refusal("503 Service Unavailable", no_socket(err)).send(conn), // D5
        };
        let me = id(&handle);
        patience::welcome(&handle); // D31
        let mut room = lock(&clients); // Go: mutex.Lock()
        if stop::requested() {
            return; // D28: the room has had its last word, or will
        }
        let _ = (&*conn).write_all(&switching); // locked, so that nothing is said before it
        room.push(handle); // Go: clients[conn] = true
        drop(room); // Go: mutex.Unlock()
        // ANCHOR_END: join

        // ANCHOR: read
        let mut messages = Messages::new(conn, request.into_tail(), &clients, ping); // D32
        loop {
            // One message, or all that one read brought: that costs one write per client.
            let read = messages.read_lines(); // Go: conn.ReadMessage() (D20–D23)
            let lines = match read {
                Ok(lines) => lines,
                Err(ended) => {
                    say!(zh "客户端断开连接:{peer}", en "client left: {peer}"); // Go: fmt.Printf("…", conn.RemoteAddr())
                    let mut room = lock(&clients); // Go: mutex.Lock()
                    room.retain(|client| id(client) != me); // Go: delete(clients, conn)
                    drop(room); // Go: mutex.Unlock()
                    return messages.close(ended); // Go: conn.Close(); return
                }
            };
            // ANCHOR_END: read
            // ANCHOR: broadcast
            let broadcast = prefixed(&format!("[{peer}]: "), lines); // Go: fmt.Sprintf("[%s]: %s\n", conn.RemoteAddr(), msg)
            print::print(&broadcast); // Go: fmt.Print(broadcast) (D7, D12)

            let frames = text_frames(&broadcast); // encoded once, for all
            let room = lock(&clients); // Go: mutex.Lock()
            let mut patience = Patience::of_room(); // D31
            // Go: range clients
            for client in room.iter() {
                // Go: c != conn
                if id(client) != me {
                    patience.write(client, &frames); // Go: c.WriteMessage(…)
                }
            }
            drop(room); // Go: mutex.Unlock()
            relay::publish(&broadcast); // with --nats, to the other servers
            // ANCHOR_END: broadcast
        }
    };

    // ANCHOR: serve
    // Bound before the banner, which names the real address. Go does it in ListenAndServe.
    let bound = addr.to_listen().and_then(|addrs| TcpListener::bind(&addrs[..]));
    let listener = bound.map_err(|err| {
        let why = addr.why_not("ws-server", &err);
        tr!(zh "监听失败:listen tcp {addr}: {why}",
            en "cannot listen on {addr}: {why}")
    })?;
    let local = stop::wake_listener(&listener)?; // D6
    print::in_background().map_err(no_thread)?; // D7
    // Go: fmt.Println
    say!(zh "WebSocket 服务器启动，监听 {local}",
         en "WebSocket server listening on {local}");
    // With --nats, one room on many servers: what others publish is told here, as text.
    relay::join(options, local, move |lines| room::tell_all(&here, &text_frames(&as_text(lines))))?;
    browser::show_page(local, options.open);
    let door = http::listen_and_serve(&listener, options.max_clients, handle_ws); // Go: log.Fatal(http.ListenAndServe(…))
    stop::good_bye(); // D6
    room::close_all(&everyone, &close_frame(CloseCode::Away), Shutdown::Write); // D28
    door.wait_until_empty(stop::GRACE);
    // ANCHOR_END: serve
    Ok(())
}
