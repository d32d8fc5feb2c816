//! The WebSocket chat room: the notes' third section (RFC 6455).

pub mod client;
pub mod server;
