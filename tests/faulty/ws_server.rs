//! The notes' WebSocket server, as naive, and its faults.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::exit;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use chatroom::check::stage::frame::{self, CLOSE, CONTINUATION, FIN, Frame, PING, PONG, TEXT};
use chatroom::check::stage::ws_peer::header;
use tungstenite::handshake::derive_accept_key;

use crate::Fault;
use crate::screen::{bind, listen, print, stop_with};

type Clients = Arc<Mutex<Vec<(SocketAddr, TcpStream)>>>;

pub fn run(addr: &str, fault: Fault) {
    let Ok(listener) = bind(addr, fault, |addr| listen(addr, fault)) else {
        exit(if fault.is("in-use-exit") { 0 } else { 1 }) // And not a word.
    };
    print(format!("WebSocket server on {}\n", listener.local_addr().unwrap()).as_bytes(), fault);
    stop_with(fault);
    let clients = Clients::default();
    loop {
        match listener.accept() {
            Ok((conn, peer)) => {
                let clients = clients.clone();
                thread::spawn(move || serve(conn, peer, &clients, fault));
            }
            Err(e) => eprintln!("accept failed: {e}"), // And again, and again.
        }
    }
}

fn serve(mut conn: TcpStream, peer: SocketAddr, clients: &Clients, fault: Fault) {
    conn.set_nodelay(true).unwrap();
    if let Some(patience) = fault.patience() {
        conn.set_write_timeout(Some(patience)).unwrap();
    }
    if fault.is("idle-timeout") {
        conn.set_read_timeout(Some(Duration::from_secs(10))).unwrap(); // Anew with each byte.
    }
    let Some((head, mut came)) = read_head(&mut conn) else { return };
    if fault.is("small-head") && head.len() > 4096 {
        return answer(&conn, "431 Too Large", "");
    }
    let strict = fault.is("strict-head") && !head.contains("\r\nConnection: Upgrade\r\n");
    let is_room = head.starts_with("GET /ws") && !strict;
    let Some(key) = header(&head, "sec-websocket-key").filter(|_| is_room) else {
        return match fault.0 {
            "bare-page" => answer(&conn, "200 OK", "<html>"),
            _ => answer(&conn, "404 Not Found", "no.\n"),
        };
    };
    let accept = derive_accept_key(key.as_bytes());
    let _ = conn.write_all(
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        )
        .as_bytes(),
    );
    if fault.is("early-lost") {
        came.clear();
    }
    if !fault.is("few") || clients.lock().unwrap().len() < 8 {
        clients.lock().unwrap().push((peer, conn.try_clone().unwrap()));
    }
    let by_error = chat(&mut conn, peer, clients, came, fault);
    if !(fault.is("leak") && by_error) {
        clients.lock().unwrap().retain(|(other, _)| *other != peer);
    }
}

fn answer(mut conn: &TcpStream, status: &str, body: &str) {
    let length = body.len();
    let _ = conn.write_all(
        format!("HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes(),
    );
}

/// However long it is, and however long it takes.
fn read_head(conn: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let (mut came, mut piece, mut seen) = (vec![], [0; 8192], 0_usize);
    loop {
        let start = seen.saturating_sub(3);
        if let Some(at) = came[start..].windows(4).position(|four| four == b"\r\n\r\n") {
            let tail = came.split_off(start + at + 4);
            return Some((String::from_utf8_lossy(&came).into_owned(), tail));
        }
        seen = came.len();
        match conn.read(&mut piece) {
            Ok(n @ 1..) => came.extend_from_slice(&piece[..n]),
            _ => return None,
        }
    }
}

/// Until its end; says whether that was by an error.
fn chat(conn: &mut TcpStream, peer: SocketAddr, clients: &Clients, mut came: Vec<u8>, fault: Fault) -> bool {
    let (mut message, mut piece) = (vec![], vec![0; 64 * 1024]);
    loop {
        while let Some(frame) = frame::take(&mut came) {
            if fault.is("one-per-read") || fault.is("pieces") {
                came.clear();
            }
            if !handle(conn, peer, clients, &mut message, frame, fault) {
                return false;
            }
        }
        if fault.is("pieces") {
            came.clear();
        }
        match conn.read(&mut piece) {
            Ok(0) => return false,
            Ok(n) => came.extend_from_slice(&piece[..n]),
            Err(_) => return true,
        }
    }
}

/// Reserved bits, masks, lengths, UTF-8: it doesn't care.
fn handle(
    conn: &mut TcpStream,
    peer: SocketAddr,
    clients: &Clients,
    message: &mut Vec<u8>,
    frame: Frame,
    fault: Fault,
) -> bool {
    match frame.first & 0xF {
        PING if fault.is("no-pong") => {}
        PING => reply(conn, clients, &frame::unmasked(FIN | PONG, &frame.payload), fault),
        PONG => {}
        CLOSE if fault.is("no-close") => return false,
        CLOSE => {
            let payload = if fault.is("close-1000") { &frame::code(1000)[..] } else { &frame.payload };
            reply(conn, clients, &frame::unmasked(FIN | CLOSE, payload), fault);
            return false;
        }
        opcode => {
            if opcode != CONTINUATION {
                message.clear();
            }
            message.extend(frame.payload);
            if fault.is("short") && message.len() >= 65_536 {
                reply(conn, clients, &frame::unmasked(FIN | CLOSE, &frame::code(1009)), fault);
                return false;
            }
            if frame.first & FIN != 0 || fault.is("no-fragments") {
                relay(peer, clients, message, fault);
                message.clear();
            }
        }
    }
    true
}

fn reply(conn: &mut TcpStream, clients: &Clients, bytes: &[u8], fault: Fault) {
    let guard = (!fault.is("torn")).then(|| clients.lock().unwrap());
    let _ = conn.write_all(bytes);
    drop(guard);
}

fn relay(peer: SocketAddr, clients: &Clients, message: &[u8], fault: Fault) {
    let prefix = if fault.is("prefix") { format!("{peer}: ") } else { format!("[{peer}]: ") };
    let message = if fault.is("cut-long") { &message[..message.len().min(100)] } else { message };
    let line = [prefix.as_bytes(), message, b"\n"].concat();
    print(&line, fault);
    let bytes = frame::unmasked(FIN | TEXT, &line);
    if fault.is("torn") {
        return relay_torn(peer, clients, &bytes);
    }
    for (other, conn) in clients.lock().unwrap().iter_mut() {
        if *other != peer || fault.is("echo") {
            // Waits for whoever doesn't read, with the lock held.
            if conn.write_all(&bytes).is_err() {
                if fault.is("fragile") {
                    exit(1); // As SIGPIPE ends a program in C.
                }
                if fault.patience().is_some() {
                    let _ = conn.shutdown(Shutdown::Both); // Each costs its own second.
                }
            }
        }
    }
}

/// Writes without holding the lock, and in two pieces.
fn relay_torn(peer: SocketAddr, clients: &Clients, bytes: &[u8]) {
    let list: Vec<_> =
        clients.lock().unwrap().iter().map(|(other, conn)| (*other, conn.try_clone().unwrap())).collect();
    for (other, mut conn) in list {
        if other != peer {
            let (head, tail) = bytes.split_at(bytes.len() / 2);
            let _ = conn.write_all(head);
            thread::yield_now(); // So that another thread gets in between.
            let _ = conn.write_all(tail);
        }
    }
}
