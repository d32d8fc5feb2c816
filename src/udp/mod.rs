//! The UDP chat room: the notes' second section.

pub mod client;
mod members;
pub mod server;

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

/// The most that one datagram carries over IPv4: 65,535 bytes less the headers of IP (20) and UDP
/// (8). Prefix and line together may have as many (D14).
pub const MAX_DATAGRAM: usize = 65_507;

/// A buffer that holds any datagram whole, over IPv6 too: a longer one would be cut silently.
pub const BUFFER: usize = 1 << 16;

/// What a client leaves free for the prefix, `[ip:port]: ` with the longest IPv6 address (D18).
pub const PREFIX_ROOM: usize = 64;

/// How long a broadcast may wait for room in the socket's send buffer; then datagrams are lost, as
/// they may be. A network that is down must not stop the room.
const SEND_PATIENCE: Duration = Duration::from_millis(100);

/// Sends one datagram to each. `conn` has [`SEND_PATIENCE`] as its time-out; who made it pass has made
/// it pass for all: the rest are sent without waiting.
fn send_to_all(conn: &UdpSocket, datagram: &[u8], addrs: impl Iterator<Item = SocketAddr>) {
    let mut stuck = false;
    for addr in addrs {
        match conn.send_to(datagram, addr) {
            Err(err) if !stuck && matches!(err.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                stuck = conn.set_nonblocking(true).is_ok();
            }
            _ => {}
        }
    }
    if stuck {
        let _ = conn.set_nonblocking(false);
    }
}
