//! Chat rooms over TCP, UDP and WebSocket: blocking, std-only, for teaching.
//!
//! # Reading index
//!
//! | the notes | here |
//! |---|---|
//! | TCP: `server.go` | [`tcp::server`], with the list in [`room`] |
//! | TCP: `client.go` | [`tcp::client`] |
//! | UDP: `server.go` | [`udp::server`] |
//! | UDP: `client.go` | [`udp::client`] |
//! | WebSocket: `server.go` | [`ws::server`] |
//! | WebSocket: the page | `web/` |
//! | – (the notes have none) | [`ws::client`] |
//!
//! Each of these files follows its Go file from top to bottom, with `// Go: …` at each step and a
//! number such as `D4` at each deliberate difference. What the notes don't have lives next door:
//! [`room`] (the list, and who is waited for how long), [`door`] (who gets in), [`stop`] (Ctrl-C),
//! [`mod@say`] (both languages, safe printing), [`line`](mod@line) (one message is one line),
//! [`keyboard`], [`address`], [`cli`]. [`check`] tries all of it from outside.

#![allow(rustdoc::private_intra_doc_links)] // the limits are private, and worth reading

pub mod address;
pub mod check;
pub mod cli;
pub mod door;
pub mod keyboard;
pub mod line;
pub mod room;
pub mod say;
pub mod stop;
pub mod tcp;
pub mod udp;
pub mod ws;
