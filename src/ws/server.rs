//! The WebSocket server, in the order of the notes' `server.go`.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use tungstenite::handshake::server::{Request, create_response, write_response};
use tungstenite::protocol::frame::coding::CloseCode;

use super::http::{self, Answer};
use super::messages::Messages;
use super::{browser, close_frame};
use crate::address::{self, Address};
use crate::cli::Options;
use crate::door::Newcomer;
use crate::room::{self, To};
use crate::{say, stop, tr, warn};

/// Whose pages may join (D27).
// Go: var upgrader = websocket.Upgrader, CheckOrigin: func(r *http.Request) bool
fn check_origin(request: &Request, local: SocketAddr, allowed: &[String]) -> Result<(), Answer> {
    if http::may_join(request.headers(), local, allowed) {
        return Ok(());
    }
    Err(Answer::refusal(
        "403 Forbidden",
        tr!(zh "不允许来自其他网站的网页；见 --allow-origin", en "pages of other sites may not join; see --allow-origin"),
    ))
}

/// The answer that turns an HTTP connection into a WebSocket.
fn upgrade(request: &Request, local: SocketAddr, allowed: &[String]) -> Result<Vec<u8>, Answer> {
    check_origin(request, local, allowed)?;
    let mut switching = Vec::new();
    create_response(request)
        .and_then(|response| write_response(&mut switching, &response))
        .map_err(|err| http::no_upgrade(&err))?;
    Ok(switching)
}

/// Runs the server until Ctrl-C.
///
/// # Errors
/// A sentence, when it can't listen at `addr`.
pub fn run(addr: &Address, options: &Options) -> Result<(), String> {
    // Bound before anything else, to announce the real address; Go does it all in ListenAndServe.
    let listener = addr
        .to_listen()
        .and_then(|addrs| TcpListener::bind(&addrs[..]))
        .map_err(|err| address::explain(&err))
        .map_err(|why| tr!(zh "监听失败:listen tcp {addr}: {why}", en "cannot listen on {addr}: {why}"))?; // Go: log.Fatal
    let local = stop::wake_listener(&listener)?; // D6
    say::print_in_background().map_err(stop::no_thread)?; // D7

    // Go: var clients = make(map[*websocket.Conn]bool); var mutex sync.Mutex
    let clients: Arc<Mutex<Vec<TcpStream>>> = Arc::default();

    let everyone = clients.clone();
    let allowed = options.allow_origin.clone();
    // Go: http.HandleFunc("/ws", …)
    let handle_ws = move |newcomer: Newcomer, request: Request, tail: Vec<u8>| {
        let Newcomer { conn, handle, peer, seat: _seat } = newcomer;
        let upgraded = upgrade(&request, local, &allowed); // Go: upgrader.Upgrade(w, r, nil)
        drop(request); // has been read; what an idle client keeps counts a thousand times
        let switching = match upgraded {
            Ok(switching) => switching,
            Err(refusal) => {
                warn!(zh "升级失败: {peer}: {refusal}", en "no upgrade for {peer}: {refusal}"); // Go: log.Println, return
                return refusal.send(&conn);
            }
        };
        say!(zh "新客户端连接:{peer}", en "new client: {peer}"); // Go: fmt.Printf
        let joined = room::join_with(&clients, handle, &switching); // Go: mutex.Lock(), clients[conn] = true, mutex.Unlock()
        let Ok(me) = joined else {
            return say!(zh "客户端断开连接:{peer}", en "client left: {peer}");
        };
        let mut messages = Messages::new(&conn, tail, &clients, format!("[{peer}]: "));
        loop {
            // One message, or all that one read brought: together they cost one write per client.
            let read = messages.read_messages(); // Go: conn.ReadMessage() (D20–D23)
            let broadcast = match read {
                Err(left) => {
                    say!(zh "客户端断开连接:{peer}", en "client left: {peer}"); // Go: fmt.Printf
                    room::leave(&clients, me); // Go: mutex.Lock(), delete(clients, conn), mutex.Unlock()
                    return messages.close(left); // Go: conn.Close(), return
                }
                Ok(batch) => batch, // Go: fmt.Sprintf("[%s]: %s\n")
            };
            say::print(&broadcast.lines); // Go: fmt.Print(broadcast) (D7, D12)
            room::broadcast(&clients, To::Except(me), &broadcast.frames); // Go: mutex.Lock(), c.WriteMessage, mutex.Unlock() (D31)
        }
    };

    say!(zh "WebSocket 服务器启动，监听 {local}", en "WebSocket server listening on {local}"); // Go: fmt.Println
    if options.open {
        browser::open(local);
    }
    let door = http::listen_and_serve(&listener, options.max_clients, handle_ws)?; // Go: http.ListenAndServe(":8080", nil)
    stop::good_bye(); // D6
    let _closed = room::close_all(&everyone, &close_frame(CloseCode::Away), Shutdown::Write); // D28
    door.wait_until_empty(stop::GRACE);
    Ok(())
}
