//! The notes' UDP client in Rust, and nothing else: what it can't do, this can't either.

use std::fmt::Display;
use std::io::{self, BufRead, Write};
use std::net::{ToSocketAddrs, UdpSocket};
use std::process::exit;
use std::{env, thread};

// Go: func main()
fn main() {
    let addr = env::args().nth(1).unwrap_or("localhost:8081".to_string());
    let mut addrs = addr.to_socket_addrs().unwrap_or_else(|err| fatal(&addr, &err)); // Go: net.ResolveUDPAddr("udp", "localhost:8081"); log.Fatal
    let addr = addrs.find(|addr| addr.is_ipv4()).expect("an IPv4 address"); // as Go prefers it
    let conn = UdpSocket::bind("0.0.0.0:0").expect("a socket"); // std has no call for both
    conn.connect(addr).unwrap_or_else(|err| fatal(&addr, &err)); // Go: net.DialUDP("udp", nil, addr); log.Fatal
    // Go: defer conn.Close(). The end of the program closes it.
    println!("connected to the UDP server"); // Go: fmt.Println

    let listening = conn.try_clone().unwrap(); // In Go, `conn` is a pointer: two goroutines can have it.
    // Go: go func()
    thread::spawn(move || {
        let mut buffer = [0; 1024]; // Go: make([]byte, 1024)
        loop {
            // Go: conn.ReadFromUDP(buffer)
            let n = match listening.recv(&mut buffer) {
                Ok(n) => n,
                Err(err) => {
                    eprintln!("cannot receive: {err}"); // Go: log.Println; return
                    return;
                }
            };
            let _ = io::stdout().write_all(&buffer[..n]); // Go: fmt.Print(string(…))
        }
    });

    let scanner = io::stdin().lock().split(b'\n'); // Go: bufio.NewScanner(os.Stdin)
    // Go: scanner.Scan()
    for text in scanner.map_while(Result::ok) {
        let msg = [&text[..], b"\n"].concat(); // Go: scanner.Text() + "\n"
        let sent = conn.send(&msg); // Go: conn.Write([]byte(msg))
        if let Err(err) = sent {
            eprintln!("cannot send: {err}"); // Go: log.Println; return
            return;
        }
    }
}

fn fatal(addr: &dyn Display, err: &io::Error) -> ! {
    eprintln!("cannot connect to {addr}: {err}");
    exit(1);
}
