//! A WebSocket client as naive as the notes' TCP client, and its faults.

use std::io::{self, BufRead, Read, Write};
use std::net::TcpStream;
use std::process::exit;
use std::thread;
use std::time::Duration;

use chatroom::check::stage::frame::{self, CLOSE, FIN, PING, PONG, TEXT};
use chatroom::check::stage::ws_peer::request;

use crate::Fault;

pub fn run(url: &str, fault: Fault) {
    let addr = url.strip_prefix("ws://").unwrap().strip_suffix("/ws").unwrap(); // A panic is no sentence.
    let mut conn = TcpStream::connect(addr).unwrap();
    conn.set_nodelay(true).unwrap();
    let request =
        if fault.is("plain") { "GET / HTTP/1.1\r\n\r\n".to_string() } else { request("/ws", addr, "") };
    conn.write_all(request.as_bytes()).unwrap();
    let answer = read_head(&mut conn);
    assert!(answer.starts_with("HTTP/1.1 101") || fault.is("trusting"), "{answer}");
    if !fault.is("no-banner") {
        println!("connected");
    }
    let listening = conn.try_clone().unwrap();
    thread::spawn(move || listen(listening, fault));
    for line in io::stdin().lock().split(b'\n').map_while(Result::ok) {
        type_line(&mut conn, line, fault);
    }
    if ["rude", "impatient", "forever"].contains(&fault.0) {
        conn.write_all(&frame::masked(FIN | CLOSE, &frame::code(1000))).unwrap();
    }
    match fault.0 {
        "impatient" => thread::sleep(Duration::from_secs(1)),
        "forever" => thread::sleep(Duration::from_secs(60)),
        _ => {} // And leaves at once.
    }
}

fn read_head(conn: &mut TcpStream) -> String {
    let mut head = vec![];
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        conn.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    String::from_utf8_lossy(&head).into_owned()
}

fn type_line(conn: &mut TcpStream, mut line: Vec<u8>, fault: Fault) {
    if line.len() >= 65_536 && fault.is("quit-long") {
        exit(0);
    }
    if line.len() > 65_536 && fault.is("skip-long") || fault.is("mute") {
        return;
    }
    if fault.is("cut-long") {
        line.truncate(100);
    }
    if fault.is("newline") {
        line.push(b'\n');
    }
    let frame = match fault.0 {
        "unmasked" => frame::unmasked(FIN | TEXT, &line),
        _ => frame::masked(FIN | TEXT, &line),
    };
    write(conn, &frame, fault);
}

fn write(conn: &mut TcpStream, bytes: &[u8], fault: Fault) {
    let (head, tail) = bytes.split_at(if fault.is("torn") { bytes.len() / 2 } else { 0 });
    let _ = conn.write_all(head);
    if fault.is("torn") {
        thread::sleep(Duration::from_micros(20)); // Time for the other thread to get in between.
    }
    let _ = conn.write_all(tail);
}

fn listen(mut conn: TcpStream, fault: Fault) {
    let (mut came, mut piece, mut message) = (vec![], [0; 4096], vec![]);
    while let Ok(n @ 1..) = conn.read(&mut piece) {
        came.extend_from_slice(&piece[..n]);
        while let Some(frame) = frame::take(&mut came) {
            match frame.first & 0xF {
                PING if !fault.is("no-pong") => {
                    write(&mut conn, &frame::masked(FIN | PONG, &frame.payload), fault);
                }
                PING | PONG | CLOSE => {}
                _ => {
                    message.extend(frame.payload);
                    if frame.first & FIN != 0 || fault.is("no-fragments") {
                        show(&message, fault);
                        message.clear();
                    }
                }
            }
        }
    }
    if fault.is("silent-end") {
        exit(1);
    }
    eprintln!("server left"); // And goes on waiting at the keyboard.
}

fn show(message: &[u8], fault: Fault) {
    let text = String::from_utf8_lossy(message);
    let text = if fault.is("filter") {
        text.replace(|c: char| c.is_control() && c != '\n', "")
    } else {
        text.into_owned()
    };
    let text = match fault.0 {
        "as-it-comes" => text,
        _ => text.strip_suffix('\n').unwrap_or(&text).replace('\n', " ") + "\n",
    };
    let _ = io::stdout().write_all(text.as_bytes());
    let _ = io::stdout().flush();
}
