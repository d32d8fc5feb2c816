//! The notes' TCP server, as naive, and its faults.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use crate::Fault;
use crate::screen::{bind, hold, listen, stop_with};

type Clients = Arc<Mutex<Vec<(SocketAddr, TcpStream)>>>;

pub fn run(addr: &str, fault: Fault) {
    let Ok(listener) = bind(addr, fault, |addr| listen(addr, fault)) else {
        exit(if fault.is("in-use-exit") { 0 } else { 1 }) // And not a word.
    };
    let address = listener.local_addr().unwrap();
    match fault.0 {
        "zh" => println!("TCP 服务器启动，监听 {address}"),
        _ => println!("TCP server listening on {address}"),
    }
    if fault.is("holds-port") {
        hold(listener.try_clone().unwrap());
    }
    stop_with(fault);
    let clients = Clients::default();
    let room = clients.clone();
    thread::spawn(move || console(&room, fault));
    let mut accepted = 0;
    loop {
        let (conn, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(_) if fault.is("silent-rest") || fault.is("warns-often") => {
                thread::sleep(Duration::from_millis(100));
                continue;
            }
            Err(e) => {
                eprintln!("accept failed: {e}"); // And again, and again.
                continue;
            }
        };
        match fault.0 {
            "zh" => println!("新客户端连接: {peer}"),
            _ => println!("new client: {peer}"),
        }
        accepted += 1;
        if fault.is("never-free") && accepted > 2 {
            let _ = (&conn).write_all(b"full\n");
            continue;
        }
        conn.set_nodelay(!fault.is("nagle")).unwrap();
        if let Some(patience) = fault.patience() {
            conn.set_write_timeout(Some(patience)).unwrap();
        }
        if !fault.is("few") || clients.lock().unwrap().len() < 400 {
            let Ok(handle) = conn.try_clone() else {
                if fault.is("warns-often") {
                    eprintln!("cannot serve: see ulimit -n");
                }
                continue;
            };
            clients.lock().unwrap().push((peer, handle));
        }
        if fault.is("holds-clients") {
            hold(conn.try_clone().unwrap());
        }
        let room = clients.clone();
        if fault.is("counted") || fault.is("at-the-door") {
            serve_if_possible(conn, peer, room, fault);
        } else {
            thread::spawn(move || handle_client(conn, peer, &room, fault));
        }
    }
}

/// Turns newcomers away once a thread can't be started, and then all of them; or forgets them at the door.
fn serve_if_possible(conn: TcpStream, peer: SocketAddr, room: Clients, fault: Fault) {
    static REFUSES: AtomicBool = AtomicBool::new(false);
    let (kept, clients) = (conn.try_clone().unwrap(), room.clone());
    let served = || thread::Builder::new().spawn(move || handle_client(conn, peer, &room, fault)).is_ok();
    if REFUSES.load(Ordering::Relaxed) || !served() {
        match fault.0 {
            "counted" => {
                REFUSES.store(true, Ordering::Relaxed);
                let _ = kept.shutdown(Shutdown::Both);
            }
            _ => {
                clients.lock().unwrap().retain(|(other, _)| *other != peer);
                std::mem::forget(kept);
            }
        }
    }
}

fn console(clients: &Clients, fault: Fault) {
    loop {
        let mut line = String::new();
        if !matches!(io::stdin().read_line(&mut line), Ok(1..)) {
            if fault.is("console-exit") {
                exit(0);
            }
            eprintln!("console: end of input"); // And again, and again.
            continue;
        }
        if !fault.is("no-console") {
            let prefix = if fault.is("anonymous-console") { "" } else { "[Server]: " };
            broadcast(clients, None, format!("{prefix}{line}").as_bytes(), fault);
        }
    }
}

fn handle_client(conn: TcpStream, peer: SocketAddr, clients: &Clients, fault: Fault) {
    let mut reader = BufReader::new(conn);
    let mut end = Ok(());
    while let Some(mut line) = read_line(&mut reader, fault, &mut end) {
        if fault.is("lossy") {
            line = String::from_utf8_lossy(&line).into_owned().into_bytes();
        }
        if fault.is("trim") {
            line.truncate(line.trim_ascii_end().len());
            line.push(b'\n');
        }
        if fault.is("swallow") && line.starts_with(b"line 2999") {
            continue;
        }
        let prefix = if fault.is("prefix") { format!("{peer}: ") } else { format!("[{peer}]: ") };
        line.splice(0..0, prefix.into_bytes());
        print(&line, fault);
        let sender = if fault.is("echo") { None } else { Some(peer) };
        broadcast(clients, sender, &line, fault);
        if fault.is("cut") && line.len() > 65_536 {
            let _ = reader.read_until(b'\n', &mut vec![]); // Unread, it would be a reset.
            let _ = reader.get_ref().write_all(b"your line is too long\n");
            break;
        }
        if fault.is("half-reason") && line.len() > 65_537 {
            let _ = reader.get_ref().write_all(b"your line is too long");
            break;
        }
        if fault.is("no-reason") && line.len() > 65_537 {
            let _ = reader.get_ref().write_all(b"\n");
            break;
        }
    }
    if fault.is("leak") && end.is_err() {
        return; // Its address can't be asked for any more, so it isn't found in the list.
    }
    match fault.0 {
        "zh" => println!("再见\n客户端 {peer} 断开: EOF"),
        _ => println!("client {peer} left"),
    }
    clients.lock().unwrap().retain(|(other, _)| *other != peer);
}

/// `println!` panics when stdout is gone: the whole program ends, as by SIGPIPE.
fn print(line: &[u8], fault: Fault) {
    if fault.is("no-print") || fault.is("stops-printing") && line.ends_with(b"the last that is printed\n") {
        return;
    }
    let shown = String::from_utf8_lossy(line).into_owned();
    let shown: String = if fault.is("filter") {
        shown.chars().filter(|c| !c.is_control() || *c == '\n').collect()
    } else {
        shown
    };
    if fault.is("forgetful") {
        return print_if_possible(line.to_vec());
    }
    let printed = if fault.is("pipe-text") || fault.is("filter") {
        io::stdout().write_all(shown.as_bytes())
    } else {
        io::stdout().write_all(line)
    };
    if printed.is_err() && !fault.is("uncounted") {
        exit(141);
    }
}

/// Prints from a thread of its own, and forgets what doesn't fit.
fn print_if_possible(line: Vec<u8>) {
    static BACKLOG: OnceLock<SyncSender<Vec<u8>>> = OnceLock::new();
    let backlog = BACKLOG.get_or_init(|| {
        let (sender, lines) = mpsc::sync_channel::<Vec<u8>>(100);
        thread::spawn(move || lines.into_iter().all(|line| io::stdout().write_all(&line).is_ok()));
        sender
    });
    let _ = backlog.try_send(line);
}

/// A line with its line break; a last one without is lost.
fn read_line(reader: &mut BufReader<TcpStream>, fault: Fault, end: &mut io::Result<()>) -> Option<Vec<u8>> {
    let mut line = vec![];
    if fault.is("pieces") {
        line.resize(1024, 0);
        let n = reader.read(&mut line).ok()?;
        line.truncate(n);
        return (n > 0).then_some(line);
    }
    if fault.is("reset") {
        let _ = reader.take(1000).read_until(b'\n', &mut line); // What is left unread resets the connection.
    } else if fault.is("long-forgotten") || fault.is("exit-long") {
        forget_long(reader, &mut line, fault).ok()?;
    } else if fault.is("short-lines") {
        reader.take(65_536).read_until(b'\n', &mut line).ok()?;
    } else if let Err(e) = reader.read_until(b'\n', &mut line) {
        *end = Err(e);
    }
    if fault.is("cut") && line.len() > 65_537 {
        line.truncate(65_536);
        line.push(b'\n');
    }
    let lost = line.is_empty() || !line.ends_with(b"\n") && !fault.is("no-break");
    (!lost).then_some(line)
}

/// Keeps nothing of a line that is too long, but reads it to its end, wherever that is.
fn forget_long(reader: &mut BufReader<TcpStream>, line: &mut Vec<u8>, fault: Fault) -> io::Result<()> {
    loop {
        reader.take(65_537).read_until(b'\n', line)?;
        if line.len() <= 65_536 || line.ends_with(b"\n") {
            return Ok(());
        }
        if fault.is("exit-long") {
            exit(1);
        }
        line.clear();
    }
}

/// Waits for whoever doesn't read, and holds the room's lock meanwhile.
fn broadcast(clients: &Clients, sender: Option<SocketAddr>, line: &[u8], fault: Fault) {
    if fault.is("torn") {
        return broadcast_torn(clients, sender, line);
    }
    let mut clients = clients.lock().unwrap();
    let mut failed = vec![];
    for (peer, conn) in clients.iter_mut() {
        if Some(*peer) != sender && conn.write_all(line).is_err() {
            failed.push(*peer);
            match fault.0 {
                "fragile" => exit(1), // As SIGPIPE ends a program in C.
                "patient" | "hasty" => drop(conn.shutdown(Shutdown::Both)), // Each costs its own second.
                "late" if strikes(*peer) == 14 => drop(conn.shutdown(Shutdown::Both)),
                _ => {}
            }
        }
    }
    match fault.0 {
        "evicts" if !failed.is_empty() => {
            clients.iter().for_each(|(_, conn)| drop(conn.shutdown(Shutdown::Both)));
        }
        "keeps" => clients.retain(|(peer, _)| !failed.contains(peer)),
        _ => {}
    }
}

/// How often something could not be written to this client.
fn strikes(peer: SocketAddr) -> usize {
    static STRIKES: Mutex<Vec<SocketAddr>> = Mutex::new(Vec::new());
    let mut strikes = STRIKES.lock().unwrap();
    strikes.push(peer);
    strikes.iter().filter(|other| **other == peer).count()
}

/// Writes without holding the lock, and in two pieces.
fn broadcast_torn(clients: &Clients, sender: Option<SocketAddr>, line: &[u8]) {
    let list: Vec<_> =
        clients.lock().unwrap().iter().map(|(peer, conn)| (*peer, conn.try_clone().unwrap())).collect();
    for (peer, mut conn) in list {
        if Some(peer) != sender {
            let (head, tail) = line.split_at(line.len() / 2);
            let _ = conn.write_all(head).and_then(|()| conn.write_all(tail));
        }
    }
}
