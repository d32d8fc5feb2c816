//! The notes' TCP client, as naive, and its faults.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::process::exit;
use std::thread;
use std::time::Duration;

use crate::Fault;

pub fn run(addr: &str, fault: Fault) {
    let mut conn = TcpStream::connect(addr).unwrap(); // A panic is no sentence.
    println!("{}", if fault.is("half-zh") { "已连接到服务器" } else { "connected" });
    if fault.is("warns") {
        eprintln!("nobody asked");
    }
    let reader = BufReader::new(conn.try_clone().unwrap());
    let listener = thread::spawn(move || listen(reader, fault));
    for mut line in io::stdin().lock().split(b'\n').map_while(Result::ok) {
        if line.len() >= 65_536 && fault.is("quit-long") {
            exit(0);
        }
        if line.len() > 65_536 && fault.is("skip-long") || line == b"last words" && fault.is("lose-last") {
            continue;
        }
        if fault.is("words") && line.is_empty() {
            continue; // As scanf takes words for lines.
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
        "hurried" => {
            conn.shutdown(Shutdown::Write).unwrap();
            thread::sleep(Duration::from_millis(6500));
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
        if fault.is("garbled") {
            line = String::from_utf8_lossy(&line).replace("before", "").into_bytes();
        }
        if fault.is("erases") {
            line = [b"\r\x1b[K", &line[..], b"\r\x1b[Khalf a li"].concat();
        } else {
            line.push(b'\n');
        }
        let _ = io::stdout().write_all(&line).and_then(|()| io::stdout().flush());
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
