//! What is left when something is over: a flood, a room, an attempt to connect. About our own program,
//! so these are no cases for others.

#![allow(clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);

/// A running program, killed with its value.
struct Running(Child);

impl Running {
    fn start(args: &[&str]) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatroom"));
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        Running(command.spawn().expect("our program starts"))
    }

    /// The address in the banner. What comes after it is read and thrown away.
    fn address(&mut self) -> SocketAddr {
        let mut out = BufReader::new(self.0.stdout.take().expect("stdout is piped"));
        let mut banner = String::new();
        out.read_line(&mut banner).expect("the server prints a banner");
        thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        let last = banner.split_whitespace().last().unwrap_or_default();
        last.parse().unwrap_or_else(|_| panic!("no address at the end of the banner: {banner:?}"))
    }

    fn memory_kib(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).ok()?;
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok())
    }

    fn terminate(&self) {
        let killed = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        assert!(killed.is_ok_and(|status| status.success()), "kill -TERM works");
    }

    #[track_caller]
    fn exit_code(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.0.try_wait().expect("the program can be waited for") {
                return status.code();
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("the program still runs {PATIENCE:?} after it was told to stop");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[track_caller]
fn connect(addr: SocketAddr) -> TcpStream {
    let conn = TcpStream::connect_timeout(&addr, PATIENCE).expect("the server accepts");
    conn.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    conn.set_write_timeout(Some(PATIENCE)).expect("a time-out can be set");
    conn
}

#[test]
fn who_has_flooded_and_then_listens_keeps_no_buffers() {
    const CLIENTS: u64 = 60;
    let mut server = Running::start(&["tcp-server", "127.0.0.1:0"]);
    let addr = server.address();
    let Some(before) = server.memory_kib() else { return }; // only Linux tells
    let mut flood = vec![b'\n'; 9000];
    flood.extend(vec![b'y'; 60_000]);
    flood.extend(b"\nthe end\n");
    let mut silent = Vec::new();
    for _ in 0..CLIENTS {
        // The others leave, so that nobody is in the room but who has just spoken, and a listener.
        let listener = connect(addr);
        let mut speaker = connect(addr);
        let mut heard = BufReader::new(listener);
        say_until_heard(&mut speaker, &mut heard);
        speaker.write_all(&flood).expect("the flood is sent");
        read_until(&mut heard, "the end");
        silent.push(speaker);
        // What the earlier ones hear must be read, or they are shut out.
        for client in &silent {
            drain(client);
        }
    }
    let each = (server.memory_kib().unwrap_or(0).saturating_sub(before)) / CLIENTS;
    assert!(
        each < 120,
        "{each} KiB for each client that once sent a lot and is silent now: \
         give big buffers back before waiting for the next line"
    );
}

/// Both are in the room when the one hears the other.
#[track_caller]
fn say_until_heard(speaker: &mut TcpStream, heard: &mut BufReader<TcpStream>) {
    heard.get_ref().set_read_timeout(Some(Duration::from_millis(50))).expect("a time-out can be set");
    let deadline = Instant::now() + PATIENCE;
    let mut line = Vec::new();
    while !line.ends_with(b"hello\n") {
        assert!(Instant::now() < deadline, "the listener never heard the speaker");
        speaker.write_all(b"hello\n").expect("a line is sent");
        let _ = heard.read_until(b'\n', &mut line);
    }
    heard.get_ref().set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
}

#[track_caller]
fn read_until(heard: &mut BufReader<TcpStream>, end: &str) {
    let mut line = String::new();
    while !line.contains(end) {
        line.clear();
        let read = heard.read_line(&mut line).expect("the flood arrives");
        assert!(read > 0, "the server closed before \"{end}\" came");
    }
}

fn drain(mut conn: &TcpStream) {
    let _ = conn.set_nonblocking(true);
    let mut buffer = [0; 1 << 16];
    while conn.read(&mut buffer).is_ok_and(|read| read > 0) {}
    let _ = conn.set_nonblocking(false);
}

#[test]
fn nobody_joins_a_room_that_has_ended() {
    let mut server = Running::start(&["ws-server", "127.0.0.1:0"]);
    let addr = server.address();
    let mut late = connect(addr);
    late.write_all(b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n")
        .expect("half");
    // Who came after it has been served, so it has been let in, and its thread waits for the rest.
    let mut other = connect(addr);
    other.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").expect("a request is sent");
    other.read_to_end(&mut Vec::new()).expect("the page arrives");
    server.terminate();
    // The room has ended when nobody can come in any more.
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect_timeout(&addr, PATIENCE).is_ok_and(|conn| is_open(&conn)) {
        assert!(Instant::now() < deadline, "the server still accepts {PATIENCE:?} after SIGTERM");
    }
    let rest = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let mut answer = Vec::new();
    if late.write_all(rest).is_ok() {
        let _ = late.read_to_end(&mut answer);
    }
    let answer = String::from_utf8_lossy(&answer);
    assert!(!answer.contains("101"), "let in after the room's last word, so it never heard that: {answer}");
    assert_eq!(server.exit_code(), Some(0), "the server stops in order");
}

/// Whether a server takes care of a connection; one that is ending leaves it in the queue.
fn is_open(mut conn: &TcpStream) -> bool {
    let asked = conn.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    let _ = conn.set_read_timeout(Some(Duration::from_millis(200)));
    asked.is_ok() && conn.read(&mut [0; 64]).is_ok_and(|read| read > 0)
}

#[test]
fn a_client_that_still_connects_stops_in_order() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("ws://{}/ws", silent.local_addr().expect("it has an address"));
    let mut client = Running::start(&["ws-client", &url]);
    let (mut conn, _) = silent.accept().expect("the client comes");
    let _ = conn.read(&mut [0; 1024]); // its handshake, which nobody answers
    client.terminate();
    assert_eq!(client.exit_code(), Some(0), "SIGTERM during the handshake is a stop in order");
}
