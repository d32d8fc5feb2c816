//! The notes' UDP client, as naive, and its faults.

use std::io::{self, BufRead, ErrorKind, Write};
use std::net::UdpSocket;
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::Fault;

pub fn run(addr: &str, fault: Fault) {
    let port = addr.rsplit(':').next().unwrap();
    let addr = if fault.is("ipv6") { format!("[::1]:{port}") } else { addr.to_string() };
    let any = if fault.is("ipv6") { "[::]:0" } else { "0.0.0.0:0" };
    let conn = UdpSocket::bind(any).unwrap();
    conn.connect(addr).unwrap();
    println!("connected");
    if fault.is("wordy") {
        println!("the server hears of it with your first line\nso say something");
    }
    let listening = conn.try_clone().unwrap();
    thread::spawn(move || listen(&listening, fault));
    for mut line in io::stdin().lock().split(b'\n').map_while(Result::ok) {
        if is_left_out(&line, fault) {
            continue;
        }
        if fault.is("text") {
            line = String::from_utf8_lossy(&line).into_owned().into_bytes();
        }
        line.push(b'\n');
        match conn.send(&line) {
            Err(e) if e.kind() != ErrorKind::ConnectionRefused || fault.is("quit") => exit(0),
            Err(e) if fault.is("chatty") => eprintln!("cannot send: {e}"), // Each time.
            _ => {}
        }
    }
}

static GIVEN_UP: AtomicBool = AtomicBool::new(false);

fn is_left_out(line: &[u8], fault: Fault) -> bool {
    let most = if fault.is("short") { 60_000 } else { 65_506 };
    if line.len() > most && fault.is("no-room") {
        eprintln!("too long");
    }
    line.len() > most && ["skip-long", "no-room", "short"].contains(&fault.0)
        || line == b"last words" && fault.is("lose-last")
        || fault.is("mute")
        || fault.is("gives-up") && GIVEN_UP.load(Ordering::Relaxed)
}

fn listen(conn: &UdpSocket, fault: Fault) {
    let mut buffer = [0; 1024];
    loop {
        match conn.recv(&mut buffer) {
            Ok(n) => {
                let mut shown = buffer[..n].to_vec();
                if fault.is("lossy") {
                    shown = String::from_utf8_lossy(&shown).into_owned().into_bytes();
                }
                if fault.is("filter") {
                    let kept =
                        String::from_utf8_lossy(&shown).replace(|c: char| c.is_control() && c != '\n', "");
                    shown = kept.into_bytes();
                }
                let _ = io::stdout().write_all(&shown);
            }
            Err(_) if fault.is("quit") => exit(0),
            Err(_) if fault.is("silent") => {}
            Err(e) if fault.is("chatty") => eprintln!("cannot receive: {e}"), // Each time.
            Err(e) => {
                GIVEN_UP.store(true, Ordering::Relaxed);
                eprintln!("cannot receive: {e}");
                return; // Deaf from now on.
            }
        }
    }
}
