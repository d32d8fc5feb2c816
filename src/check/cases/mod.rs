//! The cases, a folder for each kind of program; what several kinds share stands in [`shared`].

pub mod break_it;
pub mod course;
pub mod nick;
pub mod relay;
pub mod shared;
pub mod tcp_client;
pub mod tcp_server;
pub mod udp_client;
pub mod udp_server;
pub mod ws_client;
pub mod ws_server;
