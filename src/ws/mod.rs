//! The WebSocket chat room: the notes' third section (RFC 6455).

mod browser;
pub mod client;

mod http;
mod messages;
pub mod server;

use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame, FrameHeader};

/// The longest message, in bytes (D21): as a line of the TCP room.
pub const MAX_MESSAGE: usize = crate::tcp::MAX_LINE;

/// Appends `text` as one text frame. A server's frames are not masked (RFC 6455, 5.1), so the same
/// bytes fit every client.
fn push_text_frame(out: &mut Vec<u8>, text: &[u8]) {
    let header = FrameHeader { opcode: OpCode::Data(Data::Text), ..FrameHeader::default() };
    let _ = header.format(text.len() as u64, out); // writing to a Vec cannot fail
    out.extend_from_slice(text);
}

/// A close frame with a status code (RFC 6455, 7.4).
fn close_frame(code: CloseCode) -> Vec<u8> {
    let mut out = Vec::new();
    let frame = Frame::close(Some(CloseFrame { code, reason: "".into() }));
    let _ = frame.format(&mut out); // writing to a Vec cannot fail
    out
}
