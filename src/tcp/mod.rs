//! The TCP chat room: the notes' first section.

pub mod client;
pub mod server;
