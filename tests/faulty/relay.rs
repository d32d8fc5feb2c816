//! A TCP server with a relay written in a hurry, and its faults: without one it needs its broker, trusts it, and writes
//! to it with the room's lock held.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::exit;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::Fault;

/// The clients, and the broker.
struct Room {
    clients: Vec<(SocketAddr, TcpStream)>,
    broker: TcpStream,
}

pub fn run(addr: &str, nats: &str, fault: Fault) {
    let Ok(broker) = TcpStream::connect(nats) else {
        eprintln!("no broker at {nats}");
        exit(1)
    };
    broker.set_nodelay(true).unwrap();
    let incoming = BufReader::new(broker.try_clone().unwrap());
    let room = Arc::new(Mutex::new(Room { clients: vec![], broker }));
    if fault.is("babble") {
        let mut broker = room.lock().unwrap().broker.try_clone().unwrap();
        thread::spawn(move || while broker.write_all(b"+babble\r\n").is_ok() {});
    }
    if fault.is("huge") {
        let _ = room.lock().unwrap().broker.write_all(b"PUB chatroom.lobby 18446744073709551615\r\n");
    }
    let (echo, subscribes) = (fault.is("echo"), !fault.is("babble"));
    let hello = format!("CONNECT {{\"verbose\":false,\"echo\":{echo}}}\r\nSUB chatroom.lobby 1\r\n");
    if subscribes {
        room.lock().unwrap().broker.write_all(hello.as_bytes()).unwrap();
    }
    let others = room.clone();
    thread::spawn(move || listen(incoming, &others, fault));
    let listener = TcpListener::bind(addr).unwrap();
    println!("listening on {addr}");
    loop {
        let (conn, peer) = listener.accept().unwrap();
        conn.set_nodelay(true).unwrap();
        room.lock().unwrap().clients.push((peer, conn.try_clone().unwrap()));
        let room = room.clone();
        thread::spawn(move || serve(conn, peer, &room, fault));
    }
}

fn serve(conn: TcpStream, peer: SocketAddr, room: &Mutex<Room>, fault: Fault) {
    let mut broker = room.lock().unwrap().broker.try_clone().unwrap();
    for line in BufReader::new(conn).lines() {
        let Ok(line) = line else { break };
        let line = format!("[{peer}]: {line}\n");
        let length = if fault.is("characters") { line.chars().count() } else { line.len() };
        let head = format!("PUB chatroom.lobby {length}\r\n");
        let mut room = room.lock().unwrap();
        tell(&room.clients, Some(peer), line.as_bytes());
        if fault.is("torn") {
            drop(room);
            let _ = broker.write_all(head.as_bytes());
            thread::yield_now();
            let _ = broker.write_all(format!("{line}\r\n").as_bytes());
        } else if !fault.is("mute") {
            let _ = room.broker.write_all(format!("{head}{line}\r\n").as_bytes());
        }
    }
    room.lock().unwrap().clients.retain(|(one, _)| *one != peer);
}

fn tell(clients: &[(SocketAddr, TcpStream)], but: Option<SocketAddr>, lines: &[u8]) {
    for (peer, conn) in clients {
        if but != Some(*peer) {
            let _ = (&*conn).write_all(lines);
        }
    }
}

fn listen(mut broker: BufReader<TcpStream>, room: &Mutex<Room>, fault: Fault) {
    let mut line = String::new();
    while broker.read_line(&mut line).is_ok_and(|read| read > 0) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.first() {
            Some(&"PING") if !fault.is("no-pong") => {
                let _ = room.lock().unwrap().broker.write_all(b"PONG\r\n");
            }
            Some(&"MSG") => hear(&mut broker, words[words.len() - 1].parse().unwrap(), room, fault),
            _ => {}
        }
        line.clear();
    }
    eprintln!("the broker is gone");
}

fn hear(broker: &mut BufReader<TcpStream>, length: usize, room: &Mutex<Room>, fault: Fault) {
    let mut payload = vec![0; length + 2];
    if fault.is("short-read") {
        let read = broker.read(&mut payload).unwrap();
        payload.truncate(read);
    } else if fault.is("one-line") {
        payload.clear();
        broker.read_until(b'\n', &mut payload).unwrap();
    } else {
        broker.read_exact(&mut payload).unwrap();
    }
    let mut lines = payload.strip_suffix(b"\r\n").unwrap_or(&payload).to_vec();
    if !lines.ends_with(b"\n") {
        lines.push(b'\n');
    }
    let mut room = room.lock().unwrap();
    tell(&room.clients, None, &lines);
    if fault.is("again") {
        let head = format!("PUB chatroom.lobby {}\r\n", lines.len());
        let _ = room.broker.write_all(&[head.as_bytes(), &lines, b"\r\n"].concat());
    }
}
