//! The notes' TCP client, as naive, and its faults.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::process::exit;
use std::thread;
use std::time::Duration;

use crate::Fault;

pub fn run(addr: &str, fault: Fault) {
    let mut conn = TcpStream::connect(addr).unwrap(); // A panic is no sentence.
    println!("connected");
    let reader = BufReader::new(conn.try_clone().unwrap());
    let listener = thread::spawn(move || listen(reader, fault));
    for mut line in io::stdin().lock().split(b'\n').map_while(Result::ok) {
        if line.len() >= 65_536 && fault.is("quit-long") {
            exit(0);
        }
        if line.len() > 65_536 && fault.is("skip-long") || line == b"last words" && fault.is("lose-last") {
            continue;
        }
        if fault.is("text") {
            line = String::from_utf8_lossy(&line).into_owned().into_bytes();
        }
        line.push(b'\n');
        if !fault.is("mute") {
            let _ = conn.write_all(&line);
        }
    }
    match fault.0 {
        "no-half-close" => drop(listener.join()),
        "impatient" => {
            conn.shutdown(Shutdown::Write).unwrap();
            thread::sleep(Duration::from_secs(1));
        }
        "forever" => {
            conn.shutdown(Shutdown::Write).unwrap();
            thread::sleep(Duration::from_secs(60));
        }
        _ => {} // And leaves at once.
    }
}

fn listen(reader: BufReader<TcpStream>, fault: Fault) {
    for mut line in reader.split(b'\n').map_while(Result::ok) {
        if fault.is("lossy") {
            line = String::from_utf8_lossy(&line).into_owned().into_bytes();
        }
        if fault.is("filter") {
            line.retain(|byte| !byte.is_ascii_control() && *byte != 0x9b);
        }
        line.push(b'\n');
        let _ = io::stdout().write_all(&line);
    }
    if fault.is("silent-end") {
        exit(1);
    }
    if fault.is("zero-end") {
        eprintln!("server left");
        exit(0);
    }
    eprintln!("server left"); // And goes on waiting at the keyboard.
}
