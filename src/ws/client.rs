//! A WebSocket client for the terminal, which the notes lack. It follows their TCP client.
//!
//! tungstenite's `WebSocket` does one thing at a time: while it waits in `read`, nothing can be
//! sent. A client does both, so it has two of them over one socket: one reads, and answers pings;
//! one sends. What they write goes through one lock, so that no frame gets into another.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tungstenite::error::{Error, ProtocolError};
use tungstenite::handshake::HandshakeRole;
use tungstenite::http::Response;
use tungstenite::protocol::Role;
use tungstenite::protocol::frame::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Bytes, HandshakeError, Message, WebSocket};

use crate::cli::Options;
use crate::support::address::{self, Address};
use crate::support::keyboard::{self, Keyboard};
use crate::support::lines::{MAX_RECEIVED, came_back_empty, one_line};
use crate::support::messages::{MAX_MESSAGE, config};
use crate::support::silence::Silence;
use crate::support::trouble::no_thread;
use crate::support::{lock, print, stop};
use crate::{say, tr, warn};

/// How long the server may take for the handshake. A server of another protocol may wait as we do.
const HANDSHAKE_TIME: Duration = Duration::from_millis(2500);

/// After our close: how long we wait for the server's (D10).
const LAST_ANSWERS: Duration = Duration::from_secs(3);

/// After a write has failed: how long the listener may take to notice that the server has left, and
/// to say so.
const LISTENER_KNOWS: Duration = Duration::from_secs(1);

/// Chats until the input ends.
///
/// # Errors
/// A sentence, when the server can't be reached, is no WebSocket server, or has left.
// ANCHOR: chat
pub fn run(addr: &Address, options: &Options) -> Result<(), String> {
    stop::on_signal(|| stop::exit(0))?;
    let (listening, mut sending) = connect(addr, options.ping)?;
    say!(zh "已连接到服务器", en "connected to the server");
    keyboard::introduce(sending.get_ref().conn.local_addr());

    let (over, ended) = mpsc::channel::<()>();
    let listener = thread::Builder::new().spawn(move || {
        listen(listening);
        drop(over);
    });
    listener.map_err(no_thread)?;

    let mut keyboard = Keyboard::new(MAX_MESSAGE);
    while let Some(line) = keyboard.next_line() {
        let Ok(msg) = String::from_utf8(line) else {
            warn!(zh "这一行不是 UTF-8，没有发送", en "that line is not UTF-8 and was not sent");
            continue;
        };
        if let Err(err) = sending.send(Message::text(msg)) {
            let _ = ended.recv_timeout(LISTENER_KNOWS); // if the server has left, that ends us
            return Err(tr!(zh "发送失败: {err}", en "cannot send: {err}"));
        }
    }
    stop::request(); // after our good-bye, that the server closes is in order
    let _ = sending.close(Some(CloseFrame { code: CloseCode::Normal, reason: "".into() }));
    let _ = ended.recv_timeout(LAST_ANSWERS); // D10
    Ok(())
}
// ANCHOR_END: chat

/// The listening thread: prints what comes, each message as one line, until the server leaves.
// ANCHOR: listener
fn listen(mut socket: WebSocket<Wire>) {
    let why = loop {
        match socket.read() {
            Ok(Message::Text(msg)) => print::print(&one_line("", msg.as_bytes())),
            Ok(Message::Binary(msg)) => print::print(&one_line("", &msg)),
            Ok(Message::Close(frame)) => {
                if !stop::requested() {
                    let _ = socket.flush(); // sends the reply
                }
                let code = frame.map(|frame| frame.code);
                if code == Some(CloseCode::Again) {
                    warn!(zh "聊天室已满，请稍后再来", en "the room is full, please come back later"); // D8
                    stop::exit(1);
                }
                break goodbye(code);
            }
            Ok(_) => {}
            Err(Error::Io(err)) if came_back_empty(&err) => match socket.get_mut().silence.is_time_to_ask() {
                Ok(true) => drop(socket.send(Message::Ping(Bytes::new()))), // D32
                Ok(false) => {}
                Err(_) => break tr!(zh "没有回应", en "it does not answer"),
            },
            Err(Error::Io(err)) => break err.to_string(),
            Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => {
                break tr!(zh "连接中断了", en "the connection was cut");
            }
            Err(_) => break tr!(zh "它发来的不是 WebSocket", en "what it sends is not WebSocket"),
        }
    };
    if !stop::requested() {
        warn!(zh "服务器断开: {why}", en "the server has left: {why}");
        stop::exit(1); // D11
    }
}
// ANCHOR_END: listener

/// What a close frame says, in words (RFC 6455, 7.4).
fn goodbye(code: Option<CloseCode>) -> String {
    match code {
        Some(CloseCode::Away) => tr!(zh "它停止了", en "it was stopped"),
        Some(CloseCode::Size) => tr!(zh "那条消息太长", en "that message was too long for it"),
        Some(CloseCode::Normal) | None => tr!(zh "它道别了", en "it said good-bye"),
        Some(code) => {
            let code = u16::from(code);
            tr!(zh "它关闭了连接（代码 {code}）", en "it closed the connection (code {code})")
        }
    }
}

/// Connects and shakes hands: a `WebSocket` to read from, and one to send with.
fn connect(addr: &Address, ping: Duration) -> Result<(WebSocket<Wire>, WebSocket<Wire>), String> {
    let fail = |why: String| tr!(zh "连接失败:dial tcp {addr}: {why}", en "cannot connect to {addr}: {why}");
    let conn = addr
        .to_call()
        .and_then(|addrs| TcpStream::connect(&addrs[..]))
        .and_then(|conn| conn.set_nodelay(true).map(|()| conn))
        .map_err(|err| fail(address::explain(&err)))?;
    // ANCHOR: two
    let wire = Wire {
        conn: Arc::new(conn),
        writing: Arc::default(),
        deadline: Some(Instant::now() + HANDSHAKE_TIME),
        silence: Silence::new(ping),
    };
    let (url, config) = (format!("ws://{addr}{}", addr.path), Some(config(MAX_RECEIVED)));
    let (mut listening, _) = tungstenite::client::client_with_config(&url, wire.clone(), config)
        .map_err(|err| fail(not_a_room(err, &addr.path)))?;
    listening.get_mut().deadline = None;
    wire.conn.set_read_timeout(Some(ping)).map_err(|err| fail(err.to_string()))?;
    let sending = WebSocket::from_raw_socket(Wire { deadline: None, ..wire }, Role::Client, config);
    Ok((listening, sending))
    // ANCHOR_END: two
}

/// Why the handshake failed, in words that say what to do.
fn not_a_room<R: HandshakeRole>(err: HandshakeError<R>, path: &str) -> String {
    match err {
        HandshakeError::Failure(Error::Http(response)) => answered(&response, path),
        HandshakeError::Failure(Error::Protocol(ProtocolError::HandshakeIncomplete)) => {
            tr!(zh "那边没有回答就关闭了连接；那里不像是 WebSocket 服务器",
                en "the other side hung up without an answer; that is hardly a WebSocket server")
        }
        HandshakeError::Failure(Error::Io(err)) => {
            tr!(zh "连接中断: {err}", en "the connection was cut: {err}")
        }
        HandshakeError::Failure(_) => {
            tr!(zh "那里回答的不是 WebSocket 服务器", en "what answers there is not a WebSocket server")
        }
        HandshakeError::Interrupted(_) => {
            tr!(zh "那里没有人用 WebSocket 回答；如果是 TCP 聊天室，请用 tcp-client",
                en "nobody there speaks WebSocket; for a TCP room, use tcp-client")
        }
    }
}

/// What an answer of HTTP means for somebody who looks for a room.
fn answered(response: &Response<Option<Vec<u8>>>, path: &str) -> String {
    let location = response.headers().get("location").and_then(|location| location.to_str().ok());
    match (response.status().as_u16(), location) {
        (301..=308, Some(there)) => {
            tr!(zh "聊天室搬到了 {there}；请连接那里", en "the room has moved to {there}; connect to that")
        }
        (401 | 407, _) => {
            tr!(zh "那里要求登录，这个客户端不会", en "a login is asked for there, which this client cannot do")
        }
        (403, _) => {
            tr!(zh "那里不允许这个客户端加入 (403)", en "that server does not let this client in (403)")
        }
        (404, _) => tr!(zh "{path} 那里没有聊天室 (404)；路径通常是 /ws",
                        en "there is no room at {path} (404); its path is usually /ws"),
        (502 | 504, _) => tr!(zh "那里的代理连不上它后面的聊天室；聊天室启动了吗？",
                              en "the proxy there cannot reach the room behind it; is that running?"),
        (503, _) => tr!(zh "那里暂时不接受更多连接 (503)，请稍后再来",
                        en "no more connections are taken there for now (503); come back later"),
        (200..=299, _) => tr!(zh "{path} 那里是网页，不是聊天室；路径通常是 /ws",
                              en "there is a web page at {path}, no room; its path is usually /ws"),
        (status, _) => tr!(zh "那里回答 {status}，不是聊天室；路径通常是 /ws",
                           en "the answer there is {status}, no room; its path is usually /ws"),
    }
}

// ANCHOR: wire
/// The socket as both see it: whole frames, one writer at a time.
#[derive(Clone)]
struct Wire {
    conn: Arc<TcpStream>,
    writing: Arc<Mutex<()>>,
    /// Until when the handshake must be over.
    deadline: Option<Instant>,
    silence: Silence,
}
// ANCHOR_END: wire

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(deadline) = self.deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            self.conn.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        }
        loop {
            match (&*self.conn).read(buffer) {
                Err(err) if err.kind() == ErrorKind::Interrupted => {} // a read with a time-out isn't restarted
                Err(err) => return Err(err),
                Ok(read) => {
                    self.silence.broken();
                    return Ok(read);
                }
            }
        }
    }
}

// ANCHOR: write
impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _writing = lock(&self.writing);
        (&*self.conn).write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
// ANCHOR_END: write
