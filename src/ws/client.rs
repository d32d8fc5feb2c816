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

use tungstenite::error::Error;
use tungstenite::protocol::Role;
use tungstenite::protocol::frame::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Bytes, HandshakeError, Message, WebSocket};

use crate::cli::Options;
use crate::support::address::{self, Address};
use crate::support::keyboard::Keyboard;
use crate::support::lines::{MAX_RECEIVED, came_back_empty, one_line};
use crate::support::messages::{MAX_MESSAGE, config};
use crate::support::silence::Silence;
use crate::support::trouble::no_thread;
use crate::support::{lock, print, stop};
use crate::{say, tr, warn};

/// How long the server may take for the handshake.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// After our close: how long we wait for the server's (D10).
const LAST_ANSWERS: Duration = Duration::from_secs(3);

/// After a write has failed: how long the listener may take to notice that the server has left, and
/// to say so.
const LISTENER_KNOWS: Duration = Duration::from_secs(1);

/// Chats until the input ends.
///
/// # Errors
/// A sentence, when the server can't be reached, is no WebSocket server, or has left.
pub fn run(addr: &Address, options: &Options) -> Result<(), String> {
    stop::on_signal(|| stop::exit(0))?;
    let (listening, mut sending) = connect(addr, options.ping)?;
    say!(zh "已连接到服务器", en "connected to the server");

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

/// The listening thread: prints what comes, each message as one line, until the server leaves.
fn listen(mut socket: WebSocket<Wire>) {
    let why = loop {
        match socket.read() {
            Ok(Message::Text(msg)) => print::print(&one_line("", msg.as_bytes())),
            Ok(Message::Binary(msg)) => print::print(&one_line("", &msg)),
            Ok(Message::Close(frame)) => {
                if !stop::requested() {
                    let _ = socket.flush(); // sends the reply
                }
                break frame
                    .map_or_else(|| "Close".to_string(), |frame| format!("Close {}", u16::from(frame.code)));
            }
            Ok(_) => {}
            Err(Error::Io(err)) if came_back_empty(&err) => match socket.get_mut().silence.is_time_to_ask() {
                Ok(true) => drop(socket.send(Message::Ping(Bytes::new()))), // D32
                Ok(false) => {}
                Err(_) => break tr!(zh "没有回应", en "it does not answer"),
            },
            Err(err) => break err.to_string(),
        }
    };
    if !stop::requested() {
        warn!(zh "服务器断开: {why}", en "the server has left: {why}");
        stop::exit(1); // D11
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
    let wire = Wire {
        conn: Arc::new(conn),
        writing: Arc::default(),
        deadline: Some(Instant::now() + HANDSHAKE_TIME),
        silence: Silence::new(ping),
    };
    let (url, config) = (format!("ws://{addr}{}", addr.path), Some(config(MAX_RECEIVED)));
    let (mut listening, _) = tungstenite::client::client_with_config(&url, wire.clone(), config)
        .map_err(|err| fail(not_a_room(err)))?;
    listening.get_mut().deadline = None;
    wire.conn.set_read_timeout(Some(ping)).map_err(|err| fail(err.to_string()))?;
    let sending = WebSocket::from_raw_socket(Wire { deadline: None, ..wire }, Role::Client, config);
    Ok((listening, sending))
}

/// Why the handshake failed, in words.
fn not_a_room<R: tungstenite::handshake::HandshakeRole>(err: HandshakeError<R>) -> String {
    match err {
        HandshakeError::Failure(Error::Http(response)) => {
            let status = response.status();
            tr!(zh "服务器回答 {status}，不是 WebSocket 聊天室；路径通常是 /ws",
                en "the server answered {status}, no WebSocket room is there; its path is usually /ws")
        }
        HandshakeError::Failure(err) => {
            tr!(zh "那里没有 WebSocket 服务器: {err}", en "there is no WebSocket server: {err}")
        }
        HandshakeError::Interrupted(_) => {
            tr!(zh "服务器没有回答握手", en "the server did not answer the handshake")
        }
    }
}

/// The socket as both see it: whole frames, one writer at a time.
#[derive(Clone)]
struct Wire {
    conn: Arc<TcpStream>,
    writing: Arc<Mutex<()>>,
    /// Until when the handshake must be over.
    deadline: Option<Instant>,
    silence: Silence,
}

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
