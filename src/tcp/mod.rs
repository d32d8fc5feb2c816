//! The TCP chat room: the notes' first section.

pub mod client;
mod lines;
pub mod server;

/// The longest line, its `\n` not counted (D2, D13). It bounds what one client can make the server
/// keep; the notes' clients cannot type a longer one either: `bufio.Scanner` stops one byte sooner.
pub const MAX_LINE: usize = 64 << 10;
