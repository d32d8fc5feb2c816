//! The notes' TCP server, as naive, and its faults.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::Fault;

type Clients = Arc<Mutex<Vec<(SocketAddr, TcpStream)>>>;

pub fn run(addr: &str, fault: Fault) {
    let listener = TcpListener::bind(addr).unwrap();
    println!("TCP server listening on {}", listener.local_addr().unwrap());
    let clients = Clients::default();
    let room = clients.clone();
    thread::spawn(move || console(&room, fault));
    loop {
        let Ok((conn, peer)) = listener.accept() else {
            continue;
        };
        println!("new client: {peer}");
        conn.set_nodelay(true).unwrap();
        clients
            .lock()
            .unwrap()
            .push((peer, conn.try_clone().unwrap()));
        let room = clients.clone();
        thread::spawn(move || handle_client(conn, peer, &room, fault));
    }
}

fn console(clients: &Clients, fault: Fault) {
    loop {
        let mut line = String::new();
        if !matches!(io::stdin().read_line(&mut line), Ok(1..)) {
            eprintln!("console: end of input"); // And again, and again.
            continue;
        }
        if !fault.is("no-console") {
            let prefix = if fault.is("anonymous-console") {
                ""
            } else {
                "[Server]: "
            };
            broadcast(clients, None, format!("{prefix}{line}").as_bytes());
        }
    }
}

fn handle_client(conn: TcpStream, peer: SocketAddr, clients: &Clients, fault: Fault) {
    let mut reader = BufReader::new(conn);
    while let Some(mut line) = read_line(&mut reader, fault) {
        if fault.is("lossy") {
            line = String::from_utf8_lossy(&line).into_owned().into_bytes();
        }
        if fault.is("swallow") && line.starts_with(b"line 2999") {
            continue;
        }
        let prefix = if fault.is("prefix") {
            format!("{peer}: ")
        } else {
            format!("[{peer}]: ")
        };
        line.splice(0..0, prefix.into_bytes());
        print!("{}", String::from_utf8_lossy(&line));
        let sender = if fault.is("echo") { None } else { Some(peer) };
        broadcast(clients, sender, &line);
    }
    println!("client {peer} left");
    clients.lock().unwrap().retain(|(other, _)| *other != peer);
}

/// A line with its line break; a last one without is lost.
fn read_line(reader: &mut BufReader<TcpStream>, fault: Fault) -> Option<Vec<u8>> {
    let mut line = vec![];
    if fault.is("pieces") {
        line.resize(1024, 0);
        let n = reader.read(&mut line).ok()?;
        line.truncate(n);
        return (n > 0).then_some(line);
    }
    reader.read_until(b'\n', &mut line).ok()?;
    line.ends_with(b"\n").then_some(line)
}

/// Waits for whoever doesn't read, and holds the room's lock meanwhile.
fn broadcast(clients: &Clients, sender: Option<SocketAddr>, line: &[u8]) {
    for (peer, conn) in clients.lock().unwrap().iter_mut() {
        if Some(*peer) != sender {
            let _ = conn.write_all(line);
        }
    }
}
