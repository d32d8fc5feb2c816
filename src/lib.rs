//! Chat rooms over TCP, UDP and WebSocket: blocking, std-only, for teaching.
//!
//! # Reading index
//!
//! | the notes | here |
//! |---|---|
//! | TCP: `server.go` | [`tcp::server`] |
//! | TCP: `client.go` | [`tcp::client`] |
//! | UDP: `server.go` | [`udp::server`] |
//! | UDP: `client.go` | [`udp::client`] |
//! | WebSocket: `server.go` | [`ws::server`] |
//! | WebSocket: the page | `web/` |
//! | – (the notes have none) | [`ws::client`] |
//!
//! `chatroom compare NOTES.md --open` shows your copy of the notes beside these files, step by step:
//! [`compare`].
//!
//! Each of these files follows its Go file from top to bottom, with `// Go: …` at each step and a
//! number such as `D4` at each deliberate difference. Listen, accept, the second handle, the list,
//! the lock, the loop, the write and the thread are all there. What the notes don't have lives next
//! door, in [`support`]: a deadline, a limit, a last word. [`relay`] makes one room of many servers;
//! [`cli`] reads the command line; [`check`] tries all of it from outside.

#![allow(rustdoc::private_intra_doc_links)] // the limits are private, and worth reading

pub mod check;
pub mod cli;
pub mod compare;
pub mod course;
pub mod relay;
pub mod support;
pub mod tcp;
pub mod udp;
pub mod ws;
