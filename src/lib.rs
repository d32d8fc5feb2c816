//! Chat rooms over TCP, UDP and WebSocket: blocking, std-only, for teaching.

pub mod check;
