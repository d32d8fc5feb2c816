//! The notes' UDP server, as naive, and its faults.

use std::net::{SocketAddr, UdpSocket};
use std::process::exit;

use crate::Fault;
use crate::screen::{bind, print, stop_with};

pub fn run(addr: &str, fault: Fault) {
    let Ok(conn) = bind(addr, fault, |addr| UdpSocket::bind(addr)) else {
        exit(if fault.is("in-use-exit") { 0 } else { 1 }) // And not a word.
    };
    print(format!("UDP server on {}\n", conn.local_addr().unwrap()).as_bytes(), fault);
    stop_with(fault);
    let (mut clients, mut seen) = (vec![], vec![]);
    let mut buffer = vec![0; if fault.is("big-buffer") { 65_536 } else { 1024 }];
    loop {
        let Ok((n, peer)) = conn.recv_from(&mut buffer) else { continue };
        if fault.is("fragile") && n == 0 {
            exit(0); // As if that were the end.
        }
        if fault.is("skip-empty") && n == 0 {
            continue;
        }
        if fault.is("late-register") && !seen.contains(&peer) {
            seen.push(peer);
            continue;
        }
        let full = fault.is("limit") && clients.len() >= 2 || fault.is("few") && clients.len() >= 8;
        if !clients.contains(&peer) {
            if full {
                let _ = conn.send_to(b"full\n", peer);
                continue;
            }
            clients.push(peer);
        }
        relay(&conn, &clients, peer, &buffer[..n], fault);
    }
}

fn relay(conn: &UdpSocket, clients: &[SocketAddr], peer: SocketAddr, msg: &[u8], fault: Fault) {
    let text = String::from_utf8_lossy(msg).into_owned().into_bytes();
    let msg = if fault.is("lossy") { &text[..] } else { msg };
    if fault.is("swallow") && msg.starts_with(b"line 999") {
        return;
    }
    let prefix = if fault.is("prefix") { format!("{peer}: ") } else { format!("[{peer}]: ") };
    let line = [prefix.as_bytes(), msg].concat();
    print(&line, fault);
    for &other in clients {
        if fault.is("gone") && UdpSocket::bind(other).is_ok() {
            break; // It has gone; that needn't be the others' loss.
        }
        if other != peer || fault.is("echo") {
            let _ = conn.send_to(&line, other);
        }
    }
}
