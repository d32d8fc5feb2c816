//! A chat room over UDP: nobody connects, whoever sends something is in it.

use std::env;
use std::io;
use std::net::{SocketAddr, UdpSocket};

/// The longest datagram there is, so none is cut.
const LONGEST: usize = 65_535;

fn main() -> io::Result<()> {
    let addr = env::args().nth(1).unwrap_or("127.0.0.1:8081".to_string());
    let socket = UdpSocket::bind(addr)?; // Go: net.ListenUDP("udp", addr)
    println!("listening on {}", socket.local_addr()?);
    let mut clients = Vec::new(); // no lock: one thread does it all
    let mut buffer = [0; LONGEST];
    loop {
        // Go: conn.ReadFromUDP(buffer)
        match socket.recv_from(&mut buffer) {
            Ok((n, from)) => relay(&buffer[..n], from, &mut clients, &socket),
            Err(err) => eprintln!("receive: {err}"),
        }
    }
}

/// Remembers whoever a datagram comes from, and sends it on to all the others.
fn relay(words: &[u8], from: SocketAddr, clients: &mut Vec<SocketAddr>, socket: &UdpSocket) {
    if !clients.contains(&from) {
        println!("new client: {from}");
        clients.push(from); // Go: append(clients, addr)
    }
    let datagram = [format!("[{from}]: ").as_bytes(), words].concat();
    for client in clients.iter().filter(|client| **client != from) {
        let _ = socket.send_to(&datagram, client); // Go: conn.WriteToUDP(…). It may be gone: nobody can tell
    }
}
