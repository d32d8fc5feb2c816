//! Messages from a WebSocket: bounded, and as many at a time as one read brings.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;

use tungstenite::error::{Error, ProtocolError};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

use super::{MAX_MESSAGE, close_frame, push_text_frame};
use crate::door;
use crate::line::push_one_line;
use crate::room::{self, Clients};

/// What one read asks for. tungstenite zero-fills as much before each read, so it is also what an
/// idle client costs; and it is how many bytes of frames become one batch.
const READ: usize = 8 << 10;

/// How WebSockets of this room are read: nobody makes us keep more than one message. (The defaults
/// are 64 MiB, and 128 KiB for every idle client.)
pub fn config(longest: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ)
        .write_buffer_size(0) // what is written goes out at once
        .max_write_buffer_size(longest + READ)
        .max_message_size(Some(longest))
        .max_frame_size(Some(longest))
}

/// Why a client is no longer there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// It said good-bye, and gets a good-bye back.
    Closed,
    /// The connection is gone.
    Gone,
    /// It broke the rules, and is told which.
    Refused(CloseCode),
}

/// What one read brought, twice: to be printed, and to be sent.
#[derive(Default)]
pub struct Batch {
    /// Lines: `[ip:port]: message\n`.
    pub lines: Vec<u8>,
    /// The same as text frames.
    pub frames: Vec<u8>,
}

impl Batch {
    /// Empties it. What a flood has made it grow to is given back: its client may now be silent.
    fn clear(&mut self) {
        if self.frames.capacity() > READ {
            *self = Batch::default();
        }
        self.lines.clear();
        self.frames.clear();
    }

    /// Adds a message: one line, one frame (D23).
    fn push(&mut self, prefix: &str, message: &[u8]) {
        let start = self.lines.len();
        push_one_line(&mut self.lines, prefix, message);
        push_text_frame(&mut self.frames, &self.lines[start..]);
    }
}

/// Reads a client's messages and puts its name before each: the notes' `ReadMessage` and `Sprintf`.
pub struct Messages<'a> {
    prefix: String,
    wire: Wire<'a>,
    /// What came right behind the handshake.
    tail: Vec<u8>,
    /// Made when the first byte is there: most clients only listen, and need no buffer.
    socket: Option<WebSocket<Wire<'a>>>,
    batch: Batch,
    /// Known, but to be told after the batch before it.
    left: Option<Left>,
}

impl<'a> Messages<'a> {
    /// A reader whose lines begin with `prefix`; `tail` was read with the handshake.
    pub fn new(conn: &'a TcpStream, tail: Vec<u8>, clients: &'a Clients, prefix: String) -> Messages<'a> {
        let wire = Wire { conn, clients, hold: false };
        Messages { prefix, wire, tail, socket: None, batch: Batch::default(), left: None }
    }

    /// Waits for a message, and returns it with all the others that came in the same read.
    ///
    /// # Errors
    /// Why there is no message any more.
    pub fn read_messages(&mut self) -> Result<&Batch, Left> {
        self.batch.clear();
        if let Some(left) = self.left {
            return Err(left);
        }
        if self.socket.is_none() {
            self.wait_for_first_byte();
        }
        let tail = &mut self.tail;
        let socket = self.socket.get_or_insert_with(|| {
            let tail = std::mem::take(tail);
            WebSocket::from_partially_read(self.wire, tail, Role::Server, Some(config(MAX_MESSAGE)))
        });
        loop {
            // With something in hand, no more is read from the socket, only from what is here.
            socket.get_mut().hold = !self.batch.lines.is_empty();
            let left = match socket.read() {
                Ok(Message::Text(text)) => {
                    self.batch.push(&self.prefix, text.as_bytes());
                    continue;
                }
                // D22: relayed as the text it is, if it is one.
                Ok(Message::Binary(bytes)) if std::str::from_utf8(&bytes).is_ok() => {
                    self.batch.push(&self.prefix, &bytes);
                    continue;
                }
                Ok(Message::Binary(_)) => Left::Refused(CloseCode::Unsupported),
                Ok(Message::Close(_)) => Left::Closed,
                Ok(_) => continue, // a ping, which the next read answers, or a pong
                Err(Error::Io(err)) if err.kind() == ErrorKind::WouldBlock => return Ok(&self.batch),
                Err(err) => why(&err),
            };
            if self.batch.lines.is_empty() {
                return Err(left);
            }
            self.left = Some(left);
            return Ok(&self.batch);
        }
    }

    fn wait_for_first_byte(&self) {
        while self.tail.is_empty() {
            match self.wire.conn.peek(&mut [0]) {
                // A broadcast may have made the socket non-blocking for a moment.
                Err(err) if matches!(err.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                _ => return, // reading tells what it is
            }
        }
    }

    /// The last word to a client that has left the list: the reply to its close, or why it must go.
    pub fn close(&mut self, left: Left) {
        match (left, &mut self.socket) {
            (Left::Closed, Some(socket)) => {
                let _ = socket.read(); // the next call after a close sends the reply to it
                door::last_word(self.wire.conn, b"");
            }
            (Left::Refused(code), _) => door::last_word(self.wire.conn, &close_frame(code)),
            _ => {}
        }
    }
}

/// What an error of tungstenite's says about the client. It sends nothing for any of them.
fn why(err: &Error) -> Left {
    match err {
        Error::Capacity(_) => Left::Refused(CloseCode::Size), // D21
        Error::Utf8(_) => Left::Refused(CloseCode::Invalid),  // D20
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Left::Gone, // a closed tab
        Error::Protocol(_) => Left::Refused(CloseCode::Protocol), // D20
        _ => Left::Gone,
    }
}

/// What a client's `WebSocket` reads from and writes to.
#[derive(Clone, Copy)]
struct Wire<'a> {
    conn: &'a TcpStream,
    clients: &'a Clients,
    /// A batch waits to be sent: reading from the socket would make it wait longer.
    hold: bool,
}

impl Read for Wire<'_> {
    /// tungstenite asks for bytes only when no whole frame is left. With a batch in hand that is
    /// the moment to send it, so it gets "would block", which it takes well.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.hold {
            return Err(ErrorKind::WouldBlock.into());
        }
        loop {
            match self.conn.read(buffer) {
                // A broadcast may have made the socket non-blocking for a moment.
                Err(err) if matches!(err.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                read => return read,
            }
        }
    }
}

impl Write for Wire<'_> {
    /// Pongs and close replies: under the lock of the list and whole, or they would tear the frames
    /// of a broadcast.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        room::reply(self.clients, self.conn, bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
