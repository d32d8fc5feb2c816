//! As much of HTTP as a chat room needs: the page, and the way to `/ws` (RFC 9112, D24).
//!
//! The notes leave all this to Go's `net/http`. One request a connection; whoever asks for
//! something else than the page or the room is told so, and the connection is closed.

use std::fmt;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use super::door::{Door, STACK};
use super::farewell::{last_word, room_is_full};
use super::request::{Request, read_request};
use super::stop;
use crate::tr;

/// How many connections there may be besides those in the room: requests for the page and its files,
/// which a browser makes several at a time, and requests that are not whole yet (D8, D25).
const BESIDES: usize = 64;

/// The page and what it needs, embedded so that the program is one file (D24).
const FILES: [(&str, &str, &str); 4] = [
    ("/", "text/html; charset=utf-8", include_str!("../../web/index.html")),
    ("/chat.js", "text/javascript; charset=utf-8", include_str!("../../web/chat.js")),
    ("/style.css", "text/css; charset=utf-8", include_str!("../../web/style.css")),
    ("/icon.svg", "image/svg+xml", include_str!("../../web/icon.svg")),
];

/// What the page may do: load its own files and talk to its own server, nothing else. (Safari
/// before 15.4 does not take the WebSocket for a part of 'self'.)
const PAGE_HEADERS: &str = "Content-Security-Policy: default-src 'none'; script-src 'self'; \
     style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'\r\nReferrer-Policy: no-referrer\r\nCache-Control: no-cache\r\n";

/// The page, or what it needs.
const OK: &str = "200 OK";
/// What came is not what HTTP or WebSocket ask for.
pub const BAD_REQUEST: &str = "400 Bad Request";
/// Another method; the answer names those that are served.
pub const NOT_ALLOWED: &str = "405 Method Not Allowed";
/// No WebSocket, or a wrong one; the answer names the right one.
pub const UPGRADE_REQUIRED: &str = "426 Upgrade Required";

/// Serves until Ctrl-C: a thread per connection, which sends the page, or calls `handle_ws` with a
/// request for `/ws`.
pub fn listen_and_serve<F>(listener: &TcpListener, max_clients: usize, handle_ws: F) -> Door
where
    F: Fn(&TcpStream, SocketAddr, Request) + Send + Sync + 'static,
{
    let full = Answer::refusal("503 Service Unavailable", room_is_full());
    let mut door = Door::new(max_clients + BESIDES, full.to_bytes()); // D8
    let handle_ws = Arc::new(handle_ws);
    let on_loopback = listener.local_addr().is_ok_and(|addr| addr.ip().to_canonical().is_loopback());
    loop {
        let accepted = listener.accept();
        if stop::requested() {
            return door; // D6
        }
        let Some((conn, peer, seat)) = door.admit(accepted) else {
            continue;
        };
        let handle_ws = Arc::clone(&handle_ws);
        // ANCHOR: serve
        let serve = move || {
            match read_request(&conn) {
                Ok(Some(mut request)) if request.path == "/ws" => {
                    request.on_loopback = on_loopback;
                    handle_ws(&conn, peer, request);
                }
                Ok(Some(request)) => find_file(&request).send(&conn),
                Ok(None) => {} // it left, or took too long
                Err(answer) => answer.send(&conn),
            }
            drop(seat);
        };
        // ANCHOR_END: serve
        if let Err(err) = thread::Builder::new().stack_size(STACK).spawn(serve) {
            door.no_thread(&err); // D9
        }
    }
}

fn find_file(request: &Request) -> Answer {
    let answer = match FILES.iter().find(|(name, _, _)| *name == request.path) {
        Some((_, content_type, body)) => {
            Answer { status: OK, content_type, body: body.to_string(), bare: false }
        }
        None => {
            Answer::refusal("404 Not Found", tr!(zh "这里只有 / 和 /ws", en "there is only / and /ws here"))
        }
    };
    answer.to(request)
}

/// An answer other than "switching protocols".
pub struct Answer {
    status: &'static str,
    content_type: &'static str,
    body: String,
    /// To a HEAD request: without the body.
    bare: bool,
}

impl Answer {
    /// A refusal: a status such as `403 Forbidden`, and a sentence.
    pub fn refusal(status: &'static str, sentence: String) -> Answer {
        let body = sentence.trim_end().to_string() + "\n";
        Answer { status, content_type: "text/plain; charset=utf-8", body, bare: false }
    }

    /// The answer to this request.
    pub fn to(self, request: &Request) -> Answer {
        Answer { bare: request.method == "HEAD", ..self }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let Answer { status, content_type, body, bare } = self;
        let headers = match *status {
            OK => PAGE_HEADERS,
            NOT_ALLOWED => "Allow: GET, HEAD\r\n",
            UPGRADE_REQUIRED => "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            _ => "",
        };
        let length = body.len();
        let body = if *bare { "" } else { body };
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\
             X-Content-Type-Options: nosniff\r\nConnection: close\r\n{headers}\r\n{body}"
        )
        .into_bytes()
    }

    /// Sends the answer and ends the connection.
    pub fn send(&self, conn: &TcpStream) {
        last_word(conn, &self.to_bytes());
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.body.trim_end())
    }
}

/// A refusal as an error: `refuse!(BAD_REQUEST, zh "…", en "…")`.
macro_rules! refuse {
    ($status:expr, zh $zh:literal, en $en:literal) => {
        Err($crate::support::http::Answer::refusal($status, $crate::tr!(zh $zh, en $en)))
    };
}
pub(crate) use refuse;
