//! What a case plays on: the program, those who speak with it, and the system around them.
//!
//! Reading order: [`target`] (what is checked), [`scene`] (what a case has at hand), [`program`] and [`speaker`] (the
//! two kinds of things on a scene; who speaks is a [`tcp_peer`], a [`udp_peer`] or a [`ws_peer`]).

pub mod broker;
pub mod display;
pub mod family;
pub mod frame;
pub mod guess;
pub mod output;
pub mod program;
pub mod reply;
pub mod rooms;
pub mod scene;
pub mod speaker;
pub mod start;
pub mod system;
pub mod target;
pub mod tcp_peer;
pub mod udp_peer;
pub mod ws_peer;
pub mod xray;
