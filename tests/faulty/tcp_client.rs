//! The notes' TCP client, as naive, and its faults.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::thread;

use crate::Fault;

pub fn run(addr: &str, _fault: Fault) {
    let mut conn = TcpStream::connect(addr).unwrap();
    println!("connected");
    let reader = BufReader::new(conn.try_clone().unwrap());
    thread::spawn(move || {
        for line in reader.split(b'\n').map_while(Result::ok) {
            let _ = io::stdout().write_all(&[&line[..], b"\n"].concat());
        }
        eprintln!("server left"); // And goes on waiting at the keyboard.
    });
    for line in io::stdin().lines().map_while(Result::ok) {
        let _ = conn.write_all(format!("{line}\n").as_bytes());
    }
}
