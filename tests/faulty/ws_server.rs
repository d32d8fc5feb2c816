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
    let mut count = 0;
    loop {
        match listener.accept() {
            Ok((conn, peer)) => {
                count += 1;
                if fault.is("counts-all") && count > 50 {
                    thread::spawn(move || answer(&conn, "503 Full", "no.\n"));
                    continue;
                }
                let clients = clients.clone();
                thread::spawn(move || serve(conn, peer, &clients, fault));
                if fault.is("closes") && count == 60 {
                    drop(listener);
                    loop {
                        thread::park(); // Deaf to whoever comes later.
                    }
                }
            }
            Err(e) => eprintln!("accept failed: {e}"), // And again, and again.
        }
    }
}

/// What a page should be sent with.
const SAFE: &str = "X-Content-Type-Options: nosniff\r\nContent-Security-Policy: default-src 'self'";

fn serve(mut conn: TcpStream, peer: SocketAddr, clients: &Clients, fault: Fault) {
    conn.set_nodelay(true).unwrap();
    if let Some(patience) = fault.patience() {
        conn.set_write_timeout(Some(patience)).unwrap();
    }
    if fault.is("idle-timeout") {
        conn.set_read_timeout(Some(Duration::from_secs(10))).unwrap(); // Anew with each byte.
    }
    match fault.0 {
        "hurried" => conn.set_read_timeout(Some(Duration::from_secs(1))).unwrap(),
        "rude" => return drop(conn.read_exact(&mut [0])), // What is left unread resets the connection.
        "half-answer" => return drop(conn.read(&mut [0; 8192]).and_then(|_| conn.write_all(b"HTTP/1.1 20"))),
        _ if fault.0.starts_with("words-") => return answer_wrong(&conn, fault),
        _ => {}
    }
    let Some((head, mut came)) = read_head(&mut conn, fault) else { return };
    if fault.is("small-head") && head.len() > 4096 {
        return answer(&conn, "431 Too Large", "");
    }
    let strict = fault.is("strict-head") && !head.contains("\r\nConnection: Upgrade\r\n");
    let is_room = head.starts_with("GET /ws") && !strict && !fault.is("refuse");
    let Some(key) = header(&head, "sec-websocket-key").filter(|_| is_room) else {
        return match fault.0 {
            "no-head" if head.starts_with("HEAD") => {}
            "head-zero" if head.starts_with("HEAD") => answer(&conn, "200 OK", ""),
            "bare-page" | "head-zero" | "no-head" => answer(&conn, "200 OK", "<html>"),
            "no-html" => answer(&conn, &format!("200 OK\r\n{SAFE}"), "hello"),
            "unsafe-page" => answer(&conn, "200 OK\r\nX-Content-Type-Options: nosniff", "<html>"),
            _ => answer(&conn, "404 Not Found", "no.\n"),
        };
    };
    let accept = if fault.is("wrong-key") { key.to_string() } else { derive_accept_key(key.as_bytes()) };
    let more = if fault.is("agrees") { "Sec-WebSocket-Extensions: permessage-deflate\r\n" } else { "" };
    let _ = conn.write_all(
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n{more}\r\n"
        )
        .as_bytes(),
    );
    if fault.is("early-lost") {
        came.clear();
    }
    if !fault.is("few") || clients.lock().unwrap().len() < 8 {
        for _ in 0..if fault.is("twice") { 2 } else { 1 } {
            clients.lock().unwrap().push((peer, conn.try_clone().unwrap()));
        }
    }
    if fault.is("pings") || fault.is("drops") {
        ping(conn.try_clone().unwrap(), fault);
    }
    let by_error = chat(&mut conn, peer, clients, came, fault);
    if !(fault.is("leak") && by_error) {
        clients.lock().unwrap().retain(|(other, _)| *other != peer);
    }
    match fault.0 {
        "hoard" => drop(vec![1_u8; 64 * 1024].leak()),
        "threads" => {
            thread::spawn(thread::park);
        }
        "holds" => std::mem::forget(conn),
        _ => {}
    }
}

/// Pings for ever, or ends the connection instead.
fn ping(mut conn: TcpStream, fault: Fault) {
    thread::spawn(move || {
        loop {
            thread::sleep(Duration::from_secs(1));
            if fault.is("drops") {
                let _ = conn.shutdown(Shutdown::Both);
            }
            if conn.write_all(&frame::unmasked(FIN | PING, b"")).is_err() {
                return;
            }
        }
    });
}

/// Answers what is wrong, each time with one thing missing.
fn answer_wrong(mut conn: &TcpStream, fault: Fault) {
    let mut piece = [0; 8192];
    let n = conn.read(&mut piece).unwrap_or(0);
    let asked = String::from_utf8_lossy(&piece[..n]);
    match fault.0 {
        _ if asked.contains("nonsense") && fault.is("words-none") => answer(conn, "400 No", ""),
        _ if asked.contains("Version: 8") => answer(conn, "426 No", "speak version 13 here"),
        "words-wrong" => answer(conn, "400 No", "no."),
        "words-inside" => answer(conn, "400 No", "httparse error: http HTTP Token"),
        _ => answer(conn, "400 No", "this is http, or HTTP, or none"),
    }
}

fn answer(mut conn: &TcpStream, status: &str, body: &str) {
    let length = body.len();
    let _ = conn.write_all(
        format!("HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes(),
    );
}

/// However long it is, and however long it takes.
fn read_head(conn: &mut TcpStream, fault: Fault) -> Option<(String, Vec<u8>)> {
    let (mut came, mut piece, mut seen) = (vec![], [0; 8192], 0_usize);
    loop {
        let start = seen.saturating_sub(3);
        if let Some(at) = came[start..].windows(4).position(|four| four == b"\r\n\r\n") {
            let tail = came.split_off(start + at + 4);
            return Some((String::from_utf8_lossy(&came).into_owned(), tail));
        }
        seen = came.len();
        if fault.is("late-limit") && seen > 10_000 {
            answer(conn, "431 Too Large", "");
            return None;
        }
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
            let thousand = frame::code(1000);
            let payload = match fault.0 {
                "close-1000" => &thousand[..],
                "empty-1000" if frame.payload.is_empty() => &thousand,
                "close-empty" => &[],
                _ => &frame.payload,
            };
            reply(conn, clients, &frame::unmasked(FIN | CLOSE, payload), fault);
            return fault.is("stays");
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
            if fault.is("one-line") || fault.is("no-cr") && !message.contains(&b'\r') {
                message.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
            } else if fault.is("no-cr") {
                return false;
            }
            if frame.first & FIN != 0 || fault.is("no-fragments") {
                relay(peer, clients, message, fault);
                if fault.is("relays-bad") && std::str::from_utf8(message).is_err() {
                    reply(conn, clients, &frame::unmasked(FIN | CLOSE, &frame::code(1007)), fault);
                    return false;
                }
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
    if fault.is("dumb") {
        return;
    }
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
