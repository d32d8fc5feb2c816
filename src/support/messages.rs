//! Messages from a WebSocket: bounded, and as many at a time as one read brings (RFC 6455).

use std::borrow::Cow;
use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tungstenite::error::{Error, ProtocolError};
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame, FrameHeader};
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

use super::farewell::last_word;
use super::lines::{MAX_LINE, came_back_empty, push_line};
use super::room::{Clients, write_to};
use super::silence::Silence;

/// The longest message, in bytes (D21): as a line of the TCP room.
pub const MAX_MESSAGE: usize = MAX_LINE;

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

/// Each line as a text frame. A server's frames are not masked (RFC 6455, 5.1), so the same bytes
/// fit every client.
pub fn text_frames(mut lines: &[u8]) -> Vec<u8> {
    let mut frames = Vec::with_capacity(lines.len() + lines.len() / 8 + 16);
    while !lines.is_empty() {
        let all = lines;
        let length = lines.skip_until(b'\n').unwrap_or(all.len()); // reading from memory cannot fail
        push_frame(&mut frames, OpCode::Data(Data::Text), &all[..length]);
    }
    frames
}

/// Lines from elsewhere as text, which frames have to be: a TCP room's lines are bytes.
pub fn as_text(lines: &[u8]) -> Cow<'_, [u8]> {
    match String::from_utf8_lossy(lines) {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

fn push_frame(out: &mut Vec<u8>, opcode: OpCode, payload: &[u8]) {
    let header = FrameHeader { opcode, ..FrameHeader::default() };
    let _ = header.format(payload.len() as u64, out); // writing to a Vec cannot fail
    out.extend_from_slice(payload);
}

/// A close frame with a status code (RFC 6455, 7.4).
pub fn close_frame(code: CloseCode) -> Vec<u8> {
    let mut out = Vec::new();
    let _ = Frame::close(Some(CloseFrame { code, reason: "".into() })).format(&mut out);
    out
}

/// Why there is no message any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The client said good-bye, and gets a good-bye back.
    Closed,
    /// The connection is gone.
    Gone,
    /// The client broke the rules, and is told which.
    Refused(CloseCode),
}

/// Reads messages from a WebSocket: the notes' `conn.ReadMessage()`.
pub struct Messages<'a> {
    wire: Wire<'a>,
    /// What came right behind the handshake.
    tail: Vec<u8>,
    /// Made when the first byte is there: most clients only listen, and need no buffer.
    socket: Option<WebSocket<Wire<'a>>>,
    /// What one read brought, each message as one line.
    lines: Vec<u8>,
    /// Known, but to be told after the lines before it.
    ended: Option<Ended>,
}

impl<'a> Messages<'a> {
    /// Reads from `conn`, after `tail`, which was read with the handshake. Whoever is silent for
    /// `ping` gets one (D32). Pings and pongs go through the lock of the list.
    pub fn new(conn: &'a TcpStream, tail: Vec<u8>, clients: &'a Clients, ping: Duration) -> Messages<'a> {
        let _ = conn.set_read_timeout(Some(ping));
        let wire = Wire { conn, clients, silence: Silence::new(ping), hold: false };
        Messages { wire, tail, socket: None, lines: Vec::new(), ended: None }
    }

    /// Waits for a message, and returns it with all the others that came in the same read, each as
    /// one line (D23).
    ///
    /// # Errors
    /// Why there is no message any more.
    pub fn read_lines(&mut self) -> Result<&[u8], Ended> {
        self.lines.clear();
        if self.lines.capacity() > READ {
            self.lines = Vec::new(); // who has sent a lot may now be silent
        }
        if let Some(ended) = self.ended {
            return Err(ended);
        }
        if self.socket.is_none() && self.tail.is_empty() {
            self.wire.wait(|conn| conn.peek(&mut [0])).map_err(|_| Ended::Gone)?;
        }
        self.ended = self.read_messages().err();
        match self.ended {
            Some(ended) if self.lines.is_empty() => Err(ended),
            _ => Ok(&self.lines),
        }
    }

    /// Adds all that one read brings to the lines.
    fn read_messages(&mut self) -> Result<(), Ended> {
        let (wire, tail) = (self.wire, &mut self.tail);
        let socket = self.socket.get_or_insert_with(|| {
            let tail = std::mem::take(tail);
            WebSocket::from_partially_read(wire, tail, Role::Server, Some(config(MAX_MESSAGE)))
        });
        loop {
            // With something in hand, no more is read from the socket, only from what is here.
            socket.get_mut().hold = !self.lines.is_empty();
            match socket.read() {
                Ok(Message::Text(text)) => push_line(&mut self.lines, text.as_bytes()),
                // D22: relayed as the text it is, if it is one.
                Ok(Message::Binary(bytes)) => match std::str::from_utf8(&bytes) {
                    Ok(text) => push_line(&mut self.lines, text.as_bytes()),
                    Err(_) => return Err(Ended::Refused(CloseCode::Unsupported)),
                },
                Ok(Message::Close(_)) => return Err(Ended::Closed),
                Ok(_) => {} // a ping, which the next read answers, or a pong
                Err(Error::Io(err)) if err.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(err) => return Err(why(&err)),
            }
        }
    }

    /// The last word to a client that has left the list: the reply to its close, or why it must go.
    pub fn close(&mut self, ended: Ended) {
        match (ended, &mut self.socket) {
            (Ended::Closed, Some(socket)) => {
                let _ = socket.read(); // the next call after a close sends the reply to it
                last_word(self.wire.conn, b"");
            }
            (Ended::Refused(code), _) => last_word(self.wire.conn, &close_frame(code)),
            _ => {}
        }
    }
}

// ANCHOR: why
/// What an error of tungstenite's says about the client. It sends nothing for any of them.
fn why(err: &Error) -> Ended {
    match err {
        Error::Capacity(_) => Ended::Refused(CloseCode::Size), // D21
        Error::Utf8(_) => Ended::Refused(CloseCode::Invalid),  // D20
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Ended::Gone, // a closed tab
        Error::Protocol(_) => Ended::Refused(CloseCode::Protocol), // D20
        _ => Ended::Gone,
    }
}
// ANCHOR_END: why

/// What a client's `WebSocket` reads from and writes to.
#[derive(Clone, Copy)]
struct Wire<'a> {
    conn: &'a TcpStream,
    clients: &'a Clients,
    silence: Silence,
    /// Lines wait to be sent: reading from the socket would make them wait longer.
    hold: bool,
}

impl Wire<'_> {
    /// Waits in `read`, and pings who is silent for too long (D32).
    fn wait(&mut self, mut read: impl FnMut(&TcpStream) -> io::Result<usize>) -> io::Result<usize> {
        loop {
            match read(self.conn) {
                Err(err) if came_back_empty(&err) => {
                    if self.silence.is_time_to_ask()? {
                        let mut ping = Vec::new();
                        push_frame(&mut ping, OpCode::Control(Control::Ping), b"");
                        write_to(self.clients, self.conn, &ping)?;
                    }
                }
                read => {
                    self.silence.broken();
                    return read;
                }
            }
        }
    }
}

impl Read for Wire<'_> {
    /// tungstenite asks for bytes only when no whole frame is left. With lines in hand that is the
    /// moment to send them, so it gets "would block", which it takes well.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.hold {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.wait(|mut conn| conn.read(buffer))
    }
}

// ANCHOR: write
impl Write for Wire<'_> {
    /// Pongs and close replies: under the lock of the list and whole, or they would tear the frames
    /// of a broadcast.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write_to(self.clients, self.conn, bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
// ANCHOR_END: write
