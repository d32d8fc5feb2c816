//! The notes' UDP server in Rust, and nothing else: what it can't do, this can't either.

use std::env;
use std::fmt::Display;
use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::process::exit;
use std::sync::Mutex;

// Go: func main()
fn main() {
    let addr = env::args().nth(1).unwrap_or("127.0.0.1:8081".to_string());
    let mut addrs = addr.to_socket_addrs().unwrap_or_else(|err| fatal(&addr, &err)); // Go: net.ResolveUDPAddr("udp", ":8081"); log.Fatal
    let addr = addrs.next().expect("an address");
    let conn = UdpSocket::bind(addr).unwrap_or_else(|err| fatal(&addr, &err)); // Go: net.ListenUDP("udp", addr); log.Fatal
    // Go: defer conn.Close(). Dropping it closes it.
    println!("UDP server listening on {addr}"); // Go: fmt.Println

    let clients: Mutex<Vec<SocketAddr>> = Mutex::default(); // Go: var clients []net.Addr; var mutex sync.Mutex

    let mut buffer = [0; 1024]; // Go: make([]byte, 1024)
    loop {
        // Go: conn.ReadFromUDP(buffer)
        let (n, client_addr) = match conn.recv_from(&mut buffer) {
            Ok(received) => received,
            Err(err) => {
                eprintln!("cannot receive: {err}"); // Go: log.Println
                continue; // Go: continue
            }
        };
        let msg = &buffer[..n]; // Go: string(buffer[:n])
        print!("from {client_addr}: "); // Go: fmt.Printf("…", clientAddr.String(), msg)
        let _ = io::stdout().write_all(msg);

        let mut list = clients.lock().unwrap(); // Go: mutex.Lock()
        // Go: contains(…)
        if !contains(&list, client_addr) {
            list.push(client_addr); // Go: append(clients, clientAddr)
            println!("new client: {client_addr}"); // Go: fmt.Printf("…", clientAddr.String())
        }
        drop(list); // Go: mutex.Unlock()

        let list = clients.lock().unwrap(); // Go: mutex.Lock()
        // Go: range clients
        for addr in list.iter() {
            // Go: addr.String(); clientAddr.String()
            if *addr != client_addr {
                let broadcast = [format!("[{client_addr}]: ").as_bytes(), msg].concat();
                let _ = conn.send_to(&broadcast, addr); // Go: conn.WriteToUDP(fmt.Sprintf("…", clientAddr.String(), msg), addr)
            }
        }
        drop(list); // Go: mutex.Unlock()
    }
}

// Go: func contains(…)
fn contains(clients: &[SocketAddr], addr: SocketAddr) -> bool {
    // Go: range clients
    for c in clients {
        // Go: c.String(); addr.String()
        if *c == addr {
            return true; // Go: return true
        }
    }
    false // Go: return false
}

fn fatal(addr: &dyn Display, err: &io::Error) -> ! {
    eprintln!("cannot listen on {addr}: {err}");
    exit(1);
}
