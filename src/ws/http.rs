//! As much of HTTP as a chat room needs: the page, and the way to `/ws` (RFC 9112, D24–D26).
//!
//! The notes leave all this to Go's `net/http`. One request a connection; whoever asks for
//! something else than the page or the room is told so, and the connection is closed.

use std::fmt;
use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use tungstenite::error::{Error, ProtocolError};
use tungstenite::handshake::machine::TryParse;
use tungstenite::handshake::server::Request;
use tungstenite::http::HeaderMap;

use crate::door::{self, Door, Newcomer};
use crate::{stop, tr};

/// The longest request head: a browser's is about 1 KiB (D26).
const MAX_HEAD: usize = 8 << 10;

/// How long a request may take to arrive, in all: who is slower keeps a place from others (D25).
const HEAD_TIME: Duration = Duration::from_secs(10);

/// The stack of a thread that reads a request, and of one that chats. Reading a request touches
/// more of it, and glibc hands used stacks on to new threads, but none over four times as large as
/// wanted: so an idle client keeps only what a chat has touched.
const REQUEST_STACK: usize = 512 << 10;
const CHAT_STACK: usize = 96 << 10;

/// The page and what it needs, embedded so that the program is one file (D24).
const FILES: [(&str, &str, &str); 3] = [
    ("/", "text/html; charset=utf-8", include_str!("../../web/index.html")),
    ("/chat.js", "text/javascript; charset=utf-8", include_str!("../../web/chat.js")),
    ("/style.css", "text/css; charset=utf-8", include_str!("../../web/style.css")),
];

/// What the page may do: load its own two files and talk to its own server, nothing else. (Safari
/// before 15.4 does not take the WebSocket for a part of 'self'.)
const PAGE_HEADERS: &str = "Content-Security-Policy: default-src 'none'; script-src 'self'; \
     style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'\r\nReferrer-Policy: no-referrer\r\nCache-Control: no-cache\r\n";

/// An answer other than "switching protocols".
pub struct Answer {
    status: &'static str,
    content_type: &'static str,
    headers: &'static str,
    body: String,
}

impl Answer {
    /// A refusal: a status such as `403 Forbidden`, and a sentence.
    pub fn refusal(status: &'static str, sentence: String) -> Answer {
        Answer {
            status,
            content_type: "text/plain; charset=utf-8",
            headers: "",
            body: sentence.trim_end().to_string() + "\n",
        }
    }

    fn file(content_type: &'static str, body: &str) -> Answer {
        Answer { status: "200 OK", content_type, headers: PAGE_HEADERS, body: body.to_string() }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let Answer { status, content_type, headers, body } = self;
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\
             X-Content-Type-Options: nosniff\r\nConnection: close\r\n{headers}\r\n{body}"
        )
        .into_bytes()
    }

    /// Sends the answer and ends the connection.
    pub fn send(&self, conn: &TcpStream) {
        door::last_word(conn, &self.to_bytes());
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.body.trim_end())
    }
}

/// Serves until Ctrl-C: a thread per connection, which sends the page, or calls `room` with a
/// request for `/ws` and what came right behind it.
///
/// # Errors
/// When there is no thread to be had.
pub fn listen_and_serve<F>(listener: &TcpListener, max_clients: usize, room: F) -> Result<Door, String>
where
    F: Fn(Newcomer, Request, Vec<u8>) + Clone + Send + 'static,
{
    let full = Answer::refusal("503 Service Unavailable", door::room_is_full());
    let mut door = Door::new(listener, max_clients, REQUEST_STACK, full.to_bytes())?; // D8
    loop {
        let accepted = listener.accept();
        if stop::requested() {
            return Ok(door); // D6
        }
        let Some(newcomer) = door.admit(accepted) else {
            continue;
        };
        let room = room.clone();
        door.start(move || serve(newcomer, room)); // D9
    }
}

/// Serves one request.
fn serve<F>(newcomer: Newcomer, room: F)
where
    F: Fn(Newcomer, Request, Vec<u8>) + Send + 'static,
{
    match read_request(&newcomer.conn) {
        Ok(Some((request, tail))) if request.uri().path() == "/ws" => {
            door::start_thread(CHAT_STACK, move || room(newcomer, request, tail));
        }
        Ok(Some((request, _))) => find_file(request.uri().path()).send(&newcomer.conn),
        Ok(None) => {}
        Err(answer) => answer.send(&newcomer.conn),
    }
}

/// Reads a request's head, and what came behind it. `None` if the peer left or took too long.
fn read_request(conn: &TcpStream) -> Result<Option<(Request, Vec<u8>)>, Answer> {
    let mut head = Vec::new();
    let deadline = Instant::now() + HEAD_TIME;
    loop {
        match Request::try_parse(&head) {
            Ok(Some((size, request))) => {
                let _ = conn.set_read_timeout(None); // members may be silent
                return Ok(Some((request, head.split_off(size))));
            }
            Ok(None) if head.len() >= MAX_HEAD => return Err(too_large()),
            Ok(None) => {}
            Err(err) => return Err(malformed(&err)),
        }
        if !read_some(conn, &mut head, deadline) {
            return Ok(None);
        }
    }
}

/// Reads a piece of the head, before the deadline; whether there was one.
fn read_some(mut conn: &TcpStream, head: &mut Vec<u8>, deadline: Instant) -> bool {
    let mut piece = [0; 1024];
    let room = piece.len().min(MAX_HEAD - head.len());
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || conn.set_read_timeout(Some(left)).is_err() {
            return false;
        }
        match conn.read(&mut piece[..room]) {
            Ok(0) => return false,
            Ok(read) => {
                head.extend_from_slice(&piece[..read]);
                return true;
            }
            Err(err) if err.kind() == ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
}

fn find_file(path: &str) -> Answer {
    match FILES.iter().find(|(name, _, _)| *name == path) {
        Some((_, content_type, body)) => Answer::file(content_type, body),
        None => {
            Answer::refusal("404 Not Found", tr!(zh "这里只有 / 和 /ws", en "there is only / and /ws here"))
        }
    }
}

fn too_large() -> Answer {
    Answer::refusal(
        "431 Request Header Fields Too Large",
        tr!(zh "请求头超过 {MAX_HEAD} 字节", en "the request head is longer than {MAX_HEAD} bytes"),
    )
}

fn malformed(err: &Error) -> Answer {
    match err {
        Error::Protocol(ProtocolError::WrongHttpMethod) => Answer {
            headers: "Allow: GET\r\n",
            ..Answer::refusal("405 Method Not Allowed", tr!(zh "只接受 GET", en "only GET is served here"))
        },
        _ => Answer::refusal("400 Bad Request", tr!(zh "看不懂这个请求: {err}", en "not a request: {err}")),
    }
}

/// Why a request for `/ws` cannot become a WebSocket.
pub fn no_upgrade(err: &Error) -> Answer {
    use ProtocolError::{
        MissingConnectionUpgradeHeader, MissingSecWebSocketVersionHeader, MissingUpgradeWebSocketHeader,
    };
    match err {
        Error::Protocol(
            MissingConnectionUpgradeHeader | MissingUpgradeWebSocketHeader | MissingSecWebSocketVersionHeader,
        ) => Answer {
            headers: "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            ..Answer::refusal(
                "426 Upgrade Required",
                tr!(zh "/ws 只接受 WebSocket: {err}", en "/ws is for WebSockets: {err}"),
            )
        },
        _ => Answer::refusal(
            "400 Bad Request",
            tr!(zh "WebSocket 握手有误: {err}", en "a wrong WebSocket handshake: {err}"),
        ),
    }
}

/// Whether a page from this origin may join (D27): one of this server, by host and port as the
/// browser knows them, or one that was allowed. The scheme is left aside, since a TLS proxy may
/// stand in front. Who sends no Origin is not a browser.
pub fn may_join(headers: &HeaderMap, local: SocketAddr, allowed: &[String]) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = headers.get("Origin") else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    if allowed.iter().any(|one| one == "any" || one.trim_end_matches('/').eq_ignore_ascii_case(origin)) {
        return true;
    }
    match origin.split_once("://") {
        Some((_, origin)) => text("Host").is_some_and(|host| host.eq_ignore_ascii_case(origin)),
        // The page opened as a file. Sandboxed frames of any site say the same, so only here.
        None => origin == "null" && local.ip().to_canonical().is_loopback(),
    }
}
