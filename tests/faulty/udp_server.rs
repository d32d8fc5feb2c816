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
    let (mut clients, mut seen, mut said) = (vec![], vec![], Vec::<Vec<u8>>::new());
    let mut buffer = vec![0; if fault.is("big-buffer") || fault.is("part") { 65_536 } else { 1024 }];
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
        if !clients.contains(&peer) && clients.len() >= 2 && ["guest", "swap"].contains(&fault.0) {
            relay(&conn, &clients, peer, &buffer[..n], fault);
            if fault.is("swap") && seen.is_empty() {
                seen.push(peer); // The first newcomer takes the place of the first member.
                clients[0] = peer;
            }
            continue;
        }
        if !clients.contains(&peer) {
            for line in &said {
                let _ = conn.send_to(line, peer);
            }
            if full {
                let _ = conn.send_to(b"full\n", peer);
                continue;
            }
            clients.push(peer);
        }
        let line = relay(&conn, &clients, peer, &buffer[..n], fault);
        if fault.is("history") {
            said.push(line);
        }
    }
}

fn relay(conn: &UdpSocket, clients: &[SocketAddr], peer: SocketAddr, msg: &[u8], fault: Fault) -> Vec<u8> {
    let text = String::from_utf8_lossy(msg).into_owned().into_bytes();
    let msg = if fault.is("lossy") { &text[..] } else { msg };
    if fault.is("swallow") && msg.starts_with(b"line 999") {
        return vec![];
    }
    let prefix = if fault.is("prefix") { format!("{peer}: ") } else { format!("[{peer}]: ") };
    let line = [prefix.as_bytes(), msg].concat();
    print(&line, fault);
    for &other in clients {
        if fault.is("gone") && UdpSocket::bind(other).is_ok() {
            break; // It has gone; that needn't be the others' loss.
        }
        if other != peer || fault.is("echo") {
            let sent = conn.send_to(&line, other);
            if fault.is("double") && msg == b"line 299\n" {
                let _ = conn.send_to(&line, other);
            }
            if fault.is("part") && sent.is_err() {
                let _ = conn.send_to(&line[..60_000], other);
                let _ = conn.send_to(b"too long to be relayed\n", peer);
            }
        }
    }
    line
}
