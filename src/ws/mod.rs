//! The WebSocket room.
pub mod client;
pub mod server;
