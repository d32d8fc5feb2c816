//! The UDP chat room: the notes' second section.

pub mod client;
pub mod server;

/// A buffer that holds any datagram whole, over IPv6 too: a longer one would be cut silently (D14).
pub const BUFFER: usize = 1 << 16;
