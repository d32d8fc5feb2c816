//! The room: the list of those who are in it, and its lock.
//!
//! Who owns what: a client's thread alone reads its socket. The list holds a second handle to the
//! same socket, for all the others to write through. The socket closes when both are dropped.
//!
//! What nobody may do:
//! - write to a joined client's socket without holding the lock of the list: two writers would
//!   tear each other's lines;
//! - wait under that lock without a deadline: one reader that stalls would freeze the room (D4);
//! - do anything under that lock that can panic.

use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;

use super::lock;
use super::patience::Patience;

/// The list and its lock: the notes' `clients` and `mutex`.
pub type Clients = Mutex<Vec<TcpStream>>;

/// Who somebody in the list is: the number of the list's handle to its socket. The notes compare
/// two `conn`; here the list and the thread have different handles to one socket, so a thread
/// remembers the number of the other. To compare it costs no system call, where `peer_addr` costs
/// one per client and line, and fails after a reset. It stays good because only the client's own
/// thread takes that handle off the list.
#[cfg(unix)]
pub type Id = std::os::fd::RawFd;
/// Who somebody in the list is: the number of the list's handle to its socket.
#[cfg(windows)]
pub type Id = std::os::windows::io::RawSocket;

/// The number of a handle.
#[cfg(unix)]
pub fn id(handle: &TcpStream) -> Id {
    std::os::fd::AsRawFd::as_raw_fd(handle)
}

/// The number of a handle.
#[cfg(windows)]
pub fn id(handle: &TcpStream) -> Id {
    std::os::windows::io::AsRawSocket::as_raw_socket(handle)
}

/// Writes `bytes` to one joined client, from its own thread: a ping, a pong, a close.
///
/// # Errors
/// When the client did not take them in time; it has been shut out then.
pub fn write_to(clients: &Clients, conn: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    let room = lock(clients);
    let mut patience = Patience::of_room();
    let written = patience.write(conn, bytes);
    drop(room);
    if written { Ok(()) } else { Err(ErrorKind::TimedOut.into()) }
}

/// Tells everybody something, as a console line is told: what other servers said.
pub fn tell_all(clients: &Clients, bytes: &[u8]) {
    let room = lock(clients);
    let mut patience = Patience::of_room();
    for client in room.iter() {
        patience.write(client, bytes);
    }
    drop(room);
}

/// Ends the room: writes `last` to every client, and shuts its socket down. Each thread then takes
/// its client off the list.
pub fn close_all(clients: &Clients, last: &[u8], how: Shutdown) {
    let room = lock(clients);
    let mut patience = Patience::of_room();
    for client in room.iter() {
        if patience.write(client, last) {
            let _ = client.shutdown(how);
        }
    }
}
