//! The UDP chat room: the notes' second section.

pub mod client;
mod members;
pub mod server;

/// The most that one datagram carries over IPv4: 65,535 bytes less the headers of IP (20) and UDP
/// (8). Prefix and line together may have as many (D14).
pub const MAX_DATAGRAM: usize = 65_507;

/// A buffer that holds any datagram whole, over IPv6 too: a longer one would be cut silently.
pub const BUFFER: usize = 1 << 16;

/// What a client leaves free for the prefix, `[ip:port]: ` with the longest IPv6 address (D18).
pub const PREFIX_ROOM: usize = 64;
