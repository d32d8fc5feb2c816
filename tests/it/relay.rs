//! One room over many servers, with a real `nats-server`: what is said, what is lost, who lies.
//!
//! Skipped where there is no `nats-server`, unless `CHATROOM_REQUIRE_NATS` is set.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tungstenite::{Message, WebSocket};

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// The broker's program. Debian puts it where not everybody's PATH leads.
pub fn nats_server() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let found = folders.map(|folder| folder.join("nats-server")).find(|program| program.is_file());
    assert!(found.is_some() || env::var_os("CHATROOM_REQUIRE_NATS").is_none(), "there is no nats-server");
    if found.is_none() {
        eprintln!("not run here: there is no nats-server (in Debian and Ubuntu the package nats-server)");
    }
    found
}

/// A process, and what it has said.
pub struct Process {
    pub child: Child,
    stdin: Option<ChildStdin>,
    said: Arc<(Mutex<String>, Condvar)>,
}

impl Process {
    pub fn start(command: &mut Command) -> Process {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = Arc::new((Mutex::new(String::new()), Condvar::new()));
        let pipes: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for pipe in pipes {
            let said = Arc::clone(&said);
            thread::spawn(move || {
                let mut pipe = BufReader::new(pipe);
                let mut line = Vec::new();
                while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                    said.0.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
                    said.1.notify_all();
                    line.clear();
                }
            });
        }
        Process { stdin: child.stdin.take(), child, said }
    }

    pub fn said(&self) -> String {
        self.said.0.lock().unwrap().clone()
    }

    /// Waits until it has said this so many times.
    #[track_caller]
    pub fn wait_for_times(&self, text: &str, times: usize) {
        let missing = |said: &mut String| said.matches(text).count() < times;
        let (said, changed) = &*self.said;
        let (said, waited) = changed.wait_timeout_while(said.lock().unwrap(), PATIENCE, missing).unwrap();
        assert!(!waited.timed_out(), "'{text}' was not said {times} times, but:\n{said}");
    }

    /// Waits until it has said this, and returns what stands behind it in that line.
    #[track_caller]
    pub fn wait_for(&self, text: &str) -> String {
        self.wait_for_times(text, 1);
        let said = self.said();
        let behind = said.split_once(text).unwrap().1;
        behind.lines().next().unwrap_or_default().to_string()
    }

    /// Waits for `NATS: 5 lines …`, and returns how many.
    #[track_caller]
    fn wait_for_count(&self, end: &str) -> usize {
        self.wait_for(end);
        let said = self.said();
        let line = said.lines().find_map(|line| line.strip_suffix(end)?.strip_prefix("NATS: "));
        line.unwrap().parse().unwrap()
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    pub fn type_line(&mut self, line: &str) {
        self.stdin.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A broker, and where it listens.
struct Broker {
    process: Process,
    addr: String,
}

impl Broker {
    /// At a port of its own choice, or at a known one.
    fn start(port: &str, options: &[&str]) -> Option<Broker> {
        let mut command = Command::new(nats_server()?);
        let process = Process::start(command.args(["-a", "127.0.0.1", "-p", port]).args(options));
        let addr = process.wait_for("Listening for client connections on ");
        process.wait_for("Server is ready");
        Some(Broker { process, addr })
    }

    fn url(&self) -> String {
        format!("nats://{}", self.addr)
    }
}

/// A port where nobody listens yet, and the URL of the broker that will.
fn free_port() -> (String, String) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let url = format!("nats://127.0.0.1:{port}");
    (port, url)
}

/// One of our servers.
struct Server {
    kind: &'static str,
    process: Process,
    addr: SocketAddr,
}

impl Server {
    fn start(kind: &'static str, nats: &str, options: &[&str]) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatroom"));
        command.args([kind, "127.0.0.1:0"]).args(options).env("LANG", "C").env_remove("LC_ALL");
        command.env("CHATROOM_NATS", nats);
        let process = Process::start(&mut command);
        let addr = process.wait_for("listening on ").parse().unwrap();
        Server { kind, process, addr }
    }

    /// That is in the room.
    fn joined(kind: &'static str, nats: &str, options: &[&str]) -> Server {
        let server = Server::start(kind, nats, options);
        server.process.wait_for("joined chatroom.");
        server
    }

    /// A client, once the server has it in its list.
    fn client(&self) -> Client {
        let (conn, me) = self.connect();
        self.process.wait_for(&format!("new client: {me}"));
        let mut client = Client { conn, me };
        // A TCP client is put into the list behind that line: what another says proves that it is there.
        if let Conn::Tcp(conn) = &mut client.conn {
            let mut other = TcpStream::connect(self.addr).unwrap();
            conn.get_ref().set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            let (deadline, mut heard) = (Instant::now() + PATIENCE, String::new());
            while !heard.ends_with(PROBE) {
                assert!(Instant::now() < deadline, "it never got into the list");
                other.write_all(PROBE.as_bytes()).unwrap();
                let _ = conn.read_line(&mut heard);
            }
            conn.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
        }
        client
    }

    fn connect(&self) -> (Conn, SocketAddr) {
        if self.kind == "udp-server" {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.connect(self.addr).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket.send(b"").unwrap();
            let me = socket.local_addr().unwrap();
            return (Conn::Udp(socket), me);
        }
        let conn = TcpStream::connect(self.addr).unwrap();
        conn.set_read_timeout(Some(PATIENCE)).unwrap();
        let me = conn.local_addr().unwrap();
        if self.kind == "tcp-server" {
            return (Conn::Tcp(BufReader::new(conn)), me);
        }
        let (socket, _) = tungstenite::client(format!("ws://{}/ws", self.addr), conn).unwrap();
        (Conn::Ws(Box::new(socket)), me)
    }
}

/// What is said to see whether somebody is in the room. It is no part of any talk.
const PROBE: &str = "is anybody there?\n";

/// A client's connection.
enum Conn {
    Tcp(BufReader<TcpStream>),
    Udp(UdpSocket),
    Ws(Box<WebSocket<TcpStream>>),
}

struct Client {
    conn: Conn,
    me: SocketAddr,
}

impl Client {
    fn say(&mut self, line: &str) {
        match &mut self.conn {
            Conn::Tcp(conn) => conn.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap(),
            Conn::Udp(socket) => drop(socket.send(line.as_bytes()).unwrap()),
            Conn::Ws(socket) => socket.send(Message::text(line)).unwrap(),
        }
    }

    /// The next line that it hears.
    #[track_caller]
    fn hear(&mut self) -> String {
        loop {
            let line = match &mut self.conn {
                Conn::Tcp(conn) => {
                    let mut line = Vec::new();
                    conn.read_until(b'\n', &mut line).unwrap();
                    String::from_utf8_lossy(&line).into_owned()
                }
                Conn::Udp(socket) => {
                    let mut buffer = [0; 65536];
                    let length = socket.recv(&mut buffer).unwrap();
                    String::from_utf8_lossy(&buffer[..length]).into_owned()
                }
                Conn::Ws(socket) => match socket.read().unwrap() {
                    Message::Text(text) => text.to_string(),
                    _ => continue,
                },
            };
            assert!(line.ends_with('\n'), "no whole line: '{line}'");
            if !line.ends_with(PROBE) {
                return line.trim_end_matches('\n').to_string();
            }
        }
    }

    /// All that it hears before a line that ends so.
    #[track_caller]
    fn hear_until(&mut self, end: &str) -> Vec<String> {
        let mut heard = Vec::new();
        loop {
            let line = self.hear();
            if line.ends_with(end) {
                return heard;
            }
            heard.push(line);
        }
    }
}

/// Says something on one side until it is heard on the other: the way is open.
fn until_open(from: &mut Client, to: &mut Client) {
    let heard = AtomicBool::new(false);
    thread::scope(|scope| {
        let speaker = scope.spawn(|| {
            let deadline = Instant::now() + PATIENCE;
            while !heard.load(Ordering::SeqCst) && Instant::now() < deadline {
                from.say("open?");
                thread::sleep(Duration::from_millis(50));
            }
            from.say("open!");
        });
        while !to.hear().ends_with("open?") {}
        heard.store(true, Ordering::SeqCst);
        speaker.join().unwrap();
        to.hear_until("open!");
    });
}

/// What each sender said, in the order in which it was heard.
fn by_sender(lines: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in lines {
        let (sender, text) = line.split_once("]: ").unwrap_or_else(|| panic!("no sender: '{line}'"));
        found.entry(sender[1..].to_string()).or_default().push(text.to_string());
    }
    found
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("line {n}")).collect()
}

#[test]
fn three_protocols_share_a_room() {
    let Some(broker) = Broker::start("-1", &[]) else { return };
    let kinds = ["tcp-server", "udp-server", "ws-server"];
    let mut servers = kinds.map(|kind| Server::joined(kind, &broker.url(), &[]));
    let mut clients = [0, 1, 2].map(|at| servers[at].client());
    let lines = numbered(100);
    for line in &lines {
        for client in &mut clients {
            client.say(line);
        }
    }
    let addrs = [0, 1, 2].map(|at: usize| clients[at].me);
    for (at, client) in clients.iter_mut().enumerate() {
        let heard: Vec<String> = (0..200).map(|_| client.hear()).collect();
        let others = addrs.iter().filter(|addr| **addr != addrs[at]);
        let expected = others.map(|addr| (addr.to_string(), lines.clone())).collect();
        assert_eq!(by_sender(&heard), expected, "{}", kinds[at]);
    }
    // And nothing more comes, to anybody: the next line is the next that is said.
    for speaker in 0..3 {
        clients[speaker].say("and now?");
        for listener in (0..3).filter(|listener| *listener != speaker) {
            assert_eq!(clients[listener].hear(), format!("[{}]: and now?", addrs[speaker]));
        }
    }
    servers[0].process.type_line("from the console");
    assert_eq!(clients[0].hear(), "[Server]: from the console");
    for listener in [1, 2] {
        assert_eq!(clients[listener].hear(), format!("[Server {}]: from the console", servers[0].addr));
    }
}

#[test]
fn a_broker_may_come_later_and_go_and_come_back() {
    if nats_server().is_none() {
        return;
    }
    let (port, url) = free_port();
    let [tcp, ws] = ["tcp-server", "ws-server"].map(|kind| Server::start(kind, &url, &[]));
    for server in [&tcp, &ws] {
        server.process.wait_for("Connection refused");
    }
    let (mut speaker, mut neighbour, mut far) = (tcp.client(), tcp.client(), ws.client());
    for outage in 1..=2 {
        for line in numbered(20) {
            speaker.say(&line);
            assert_eq!(neighbour.hear(), format!("[{}]: {line}", speaker.me), "the room itself");
        }
        let broker = Broker::start(&port, &[]).unwrap();
        let heard: Vec<String> = (0..20).map(|_| far.hear()).collect();
        assert_eq!(by_sender(&heard), BTreeMap::from([(speaker.me.to_string(), numbered(20))]));
        drop(broker); // killed
        for server in [&tcp, &ws] {
            server.process.wait_for_times("the connection was closed; the room here goes on", outage);
        }
    }
}

#[test]
fn what_does_not_fit_while_there_is_no_broker_is_counted() {
    if nats_server().is_none() {
        return;
    }
    let (port, url) = free_port();
    let [tcp, ws] = ["tcp-server", "ws-server"].map(|kind| Server::start(kind, &url, &[]));
    let (mut speaker, mut neighbour, mut far) = (tcp.client(), tcp.client(), ws.client());
    let long = "x".repeat(60_000);
    for n in 0..100 {
        speaker.say(&format!("{n} {long}"));
        assert!(neighbour.hear().contains(&format!("]: {n} ")));
    }
    let _broker = Broker::start(&port, &[]).unwrap();
    let lost = tcp.process.wait_for_count(" lines did not go out to the other servers");
    assert!((20..60).contains(&lost), "{lost} of 100 lines of 60 kB, where 4 MiB may wait");
    for n in 0..100 - lost {
        assert!(far.hear().contains(&format!("]: {n} ")));
    }
    // And the others are told that something is missing, when they hear the next.
    speaker.say("the next");
    let notice = format!("[Server]: {lost} lines from other servers did not get here");
    let mut heard = [far.hear(), far.hear()];
    heard.sort();
    assert_eq!(heard, [format!("[{}]: the next", speaker.me), notice]);
}

#[test]
fn a_broker_that_stalls_holds_nobody_up() {
    let Some(broker) = Broker::start("-1", &[]) else { return };
    let [tcp, ws] = ["tcp-server", "ws-server"].map(|kind| Server::joined(kind, &broker.url(), &[]));
    let (mut speaker, mut neighbour, mut far) = (tcp.client(), tcp.client(), ws.client());
    until_open(&mut speaker, &mut far);
    neighbour.hear_until("open!");
    broker.process.signal("STOP");
    for line in numbered(500) {
        speaker.say(&line);
        assert_eq!(neighbour.hear(), format!("[{}]: {line}", speaker.me));
    }
    for server in [&tcp, &ws] {
        server.process.wait_for("it does not answer; the room here goes on");
    }
    // What it took before, it passes on late; and what has no receipt comes again.
    broker.process.signal("CONT");
    speaker.say("the end");
    let heard = far.hear_until("the end");
    assert_eq!(by_sender(&heard), BTreeMap::from([(speaker.me.to_string(), numbered(500))]));
}

/// A broker that only accepts: it says nothing, and reads nothing.
#[test]
fn a_broker_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    let tcp = Server::start("tcp-server", &url, &[]);
    let _silent = listener.accept().unwrap();
    let (mut speaker, mut neighbour) = (tcp.client(), tcp.client());
    for line in numbered(500) {
        speaker.say(&line);
        assert_eq!(neighbour.hear(), format!("[{}]: {line}", speaker.me));
    }
    tcp.process.wait_for("it does not answer; the room here goes on");
    listener.accept().unwrap(); // it tries again
    tcp.process.signal("INT");
    let lost = tcp.process.wait_for_count(" lines did not go out to the other servers");
    assert!(lost >= 500, "{lost} and the probes");
}

/// A broker that asks and asks, and reads no answer, is given up in the end; what it is owed does not pile up.
#[cfg(target_os = "linux")]
#[test]
fn a_broker_that_only_asks_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let tcp = Server::start("tcp-server", &format!("nats://{}", listener.local_addr().unwrap()), &[]);
    let (mut conn, _) = listener.accept().unwrap();
    conn.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    conn.write_all(b"INFO {}\r\nPONG\r\n").unwrap();
    tcp.process.wait_for("joined chatroom.lobby");
    let (mut speaker, mut neighbour) = (tcp.client(), tcp.client());
    let memory = peak_memory(&tcp);
    let (start, given_up) = (Instant::now(), "the room here goes on, and this is tried again");
    let asking = thread::spawn(move || {
        // It answers, too, so no answer is overdue: that nothing is taken is all that can be noticed.
        let many = [b"PING\r\n".repeat(10_000), b"PONG\r\n".repeat(100)].concat();
        while start.elapsed() < PATIENCE && conn.write_all(&many).is_ok() {}
        conn // it stays open: who gives up is the server
    });
    for line in numbered(100) {
        speaker.say(&line);
        assert_eq!(neighbour.hear(), format!("[{}]: {line}", speaker.me), "the room itself");
    }
    tcp.process.wait_for(given_up);
    let more = peak_memory(&tcp) - memory;
    assert!(more < 4096, "{more} KiB more");
    drop(asking.join().unwrap());
}

/// The most memory that a server has had, in KiB.
#[cfg(target_os = "linux")]
fn peak_memory(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn what_is_no_broker_is_no_reason_for_a_storm() {
    for (answer, said) in [
        ("HTTP/1.1 400 Bad Request\r\n\r\n", "what is there does not speak NATS"),
        ("INFO {\"tls_required\":true}\r\n", "it wants TLS, which is not supported"),
        ("INFO {}\r\n-ERR 'Authorization Violation'\r\n", "it refuses the login (Authorization Violation)"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let tcp = Server::start("tcp-server", &format!("nats://me:secret@{addr}"), &[]);
        let (mut conn, _) = listener.accept().unwrap();
        conn.write_all(answer.as_bytes()).unwrap();
        tcp.process.wait_for(said);
        listener.set_nonblocking(true).unwrap();
        let deadline = Instant::now() + Duration::from_secs(3);
        while Instant::now() < deadline {
            assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "{said}: and again");
            thread::sleep(Duration::from_millis(50));
        }
        assert!(!tcp.process.said().contains("secret"), "{}", tcp.process.said());
    }
}

#[test]
fn what_a_broker_complains_of_is_said() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    let tcp = Server::start("tcp-server", &url, &[]);
    for round in 1..=2 {
        let (mut conn, _) = listener.accept().unwrap();
        conn.write_all(b"INFO {}\r\nPONG\r\n-ERR 'Slow\x1b Consumer'\r\n").unwrap();
        tcp.process.wait_for_times("joined chatroom.lobby", round);
        drop(conn);
        tcp.process.wait_for_times("the room here goes on, and this is tried again", round);
    }
    tcp.process.wait_for(&format!("NATS {}: Slow Consumer\n", &url[7..]));
}

#[test]
fn a_broker_may_want_a_password_or_a_token() {
    let Some(guarded) = Broker::start("-1", &["--user", "me", "--pass", "p@ss:1,"]) else { return };
    let wrong = Server::start("tcp-server", &format!("nats://me:wrong@{}", guarded.addr), &[]);
    let right = Server::joined("tcp-server", &format!("nats://me:p%40ss:1%2C@{}", guarded.addr), &[]);
    wrong.process.wait_for("it refuses the login (Authorization Violation); check the user");
    let with_token = Broker::start("-1", &["--auth", "open\"sesame"]).unwrap();
    let known = Server::joined("tcp-server", &format!("nats://open%22sesame@{}", with_token.addr), &[]);
    for (server, secret) in [(&wrong, "wrong"), (&right, "ss:1"), (&known, "sesame")] {
        assert!(!server.process.said().contains(secret), "{}", server.process.said());
    }
}

#[test]
fn rooms_are_apart() {
    let Some(broker) = Broker::start("-1", &[]) else { return };
    let one = Server::joined("tcp-server", &broker.url(), &["--room", "one"]);
    let other = Server::joined("ws-server", &broker.url(), &["--room=one-"]);
    let same = Server::joined("ws-server", &broker.url(), &["--room", "one"]);
    let (mut speaker, mut stranger, mut friend) = (one.client(), other.client(), same.client());
    let mut host = other.client();
    speaker.say("in one");
    assert_eq!(friend.hear(), format!("[{}]: in one", speaker.me));
    host.say("in the other");
    assert_eq!(stranger.hear(), format!("[{}]: in the other", host.me));
    friend.say("in one again");
    assert_eq!(speaker.hear(), format!("[{}]: in one again", friend.me));
}

/// Somebody who speaks to the broker by hand.
struct ByHand {
    conn: BufReader<TcpStream>,
}

impl ByHand {
    fn connect(broker: &Broker) -> ByHand {
        let conn = TcpStream::connect(&broker.addr).unwrap();
        conn.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut hand = ByHand { conn: BufReader::new(conn) };
        hand.send(b"CONNECT {\"verbose\":false}\r\nSUB chatroom.lobby 1\r\nPING\r\n");
        while hand.line() != "PONG" {}
        hand
    }

    fn send(&mut self, bytes: &[u8]) {
        self.conn.get_mut().write_all(bytes).unwrap();
    }

    fn publish(&mut self, stamp: &str, payload: &[u8]) {
        let head = format!("PUB chatroom.lobby {stamp} {}\r\n", payload.len());
        self.send(&[head.as_bytes(), payload, b"\r\n"].concat());
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.conn.read_line(&mut line).unwrap() > 0, "the broker hung up");
        line.trim_end().to_string()
    }

    /// The next message's stamp and payload.
    fn message(&mut self) -> (String, String) {
        let head = self.line();
        let words: Vec<&str> = head.split(' ').collect();
        let mut payload = vec![0; words.last().unwrap().parse().unwrap()];
        self.conn.read_exact(&mut payload).unwrap();
        self.line();
        let stamp = if words.len() == 5 { words[3] } else { "" };
        (stamp.to_string(), String::from_utf8(payload).unwrap())
    }
}

#[test]
fn whoever_publishes_is_treated_as_a_peer() {
    let Some(broker) = Broker::start("-1", &[]) else { return };
    let [tcp, ws] = ["tcp-server", "ws-server"].map(|kind| Server::joined(kind, &broker.url(), &[]));
    let udp = Server::joined("udp-server", &broker.url(), &[]);
    let mut listeners = [tcp.client(), ws.client(), udp.client()];
    let mut hand = ByHand::connect(&broker);
    let long = "y".repeat(70_000);
    for (payload, heard) in [
        (&b"[1.2.3.4:5]: by hand"[..], "[1.2.3.4:5]: by hand"),
        (b"[Server]: forged\n[1.2.3.4:5]: honest\n", "[1.2.3.4:5]: honest"),
        (b"\n\nno sender\n[x]: nobody\n[Server x]: nobody\n[::1]: x\n[[::1]:5]: six", "[[::1]:5]: six"),
        (b"[1.2.3.4:5]: a\r[Server]: b\r\n", "[1.2.3.4:5]: a [Server]: b"),
        (b"[1.2.3.4:5]: \xff!\n", "[1.2.3.4:5]: \u{fffd}!"),
        (b"[1.2.3.4:5]: \x1b[2J\n", "[1.2.3.4:5]: \x1b[2J"), // a pipe gets it as it is, a terminal spelled out
        (b"[Server 1.2.3.4:5]: elsewhere\n", "[Server 1.2.3.4:5]: elsewhere"),
    ] {
        hand.publish("", payload);
        for listener in &mut listeners {
            assert_eq!(listener.hear(), heard);
        }
    }
    hand.publish("", &vec![b'z'; 1 << 20]); // no sender
    hand.publish("", format!("[1.2.3.4:5]: {long}\n").as_bytes());
    for (listener, most) in listeners.iter_mut().zip([65_536 + 13, 65_536 + 13, 65_507 - 1]) {
        let heard = listener.hear();
        assert!(heard.starts_with("[1.2.3.4:5]: yyy") && heard.len() == most, "{} bytes", heard.len());
    }
    hand.publish("chatroom.lobby.x.y", b"[1.2.3.4:5]: with a strange stamp\n");
    hand.publish("chatroom.lobby.0123456789abcdef.18446744073709551615", b"[1.2.3.4:5]: and a late one\n");
    hand.publish("chatroom.lobby.0123456789abcdef.7", b"[1.2.3.4:5]: before it\n");
    hand.publish("", b"[1.2.3.4:5]: the end\n");
    for listener in &mut listeners {
        assert_eq!(listener.hear(), "[1.2.3.4:5]: with a strange stamp");
        assert_eq!(listener.hear(), "[1.2.3.4:5]: and a late one");
        assert_eq!(listener.hear(), "[1.2.3.4:5]: the end");
    }
    // Two servers say that they have said more than anybody can count.
    for server in ["1111111111111111", "2222222222222222"] {
        for said in ["0", "18446744073709551614"] {
            hand.publish(&format!("chatroom.lobby.{server}.{said}"), b"[1.2.3.4:5]: counted\n");
        }
    }
    hand.publish("", b"[1.2.3.4:5]: and still here\n");
    for listener in &mut listeners {
        while listener.hear() != "[1.2.3.4:5]: and still here" {}
    }
    tcp.process.wait_for("lines without a sender, or in the name of [Server], were not told");
}

/// As after a network was healed. Nothing slows who sends datagrams, and the client's buffer holds few.
#[test]
fn a_burst_reaches_a_udp_client_whole() {
    let Some(broker) = Broker::start("-1", &[]) else { return };
    let udp = Server::joined("udp-server", &broker.url(), &[]);
    let (mut listener, mut hand) = (udp.client(), ByHand::connect(&broker));
    let burst: Vec<String> = numbered(3000).iter().map(|line| format!("[1.2.3.4:5]: {line}")).collect();
    hand.publish("", burst.join("\n").as_bytes());
    let mut lines = burst.iter();
    let heard = (0..2900).filter(|_| {
        let heard = listener.hear();
        lines.any(|line| *line == heard) // in order; a busy machine may lose a few
    });
    assert_eq!(heard.count(), 2900);
}

#[test]
fn a_line_that_comes_back_or_comes_twice_is_not_told_again() {
    let Some(broker) = Broker::start("-1", &[]) else { return };
    let [tcp, ws] = ["tcp-server", "ws-server"].map(|kind| Server::joined(kind, &broker.url(), &[]));
    let mut hand = ByHand::connect(&broker);
    let (mut speaker, mut far) = (tcp.client(), ws.client());
    speaker.say("once");
    assert_eq!(far.hear(), format!("[{}]: once", speaker.me));
    let (stamp, payload) = loop {
        let (stamp, payload) = hand.message();
        if payload.contains("once") {
            break (stamp, payload);
        }
    };
    hand.publish(&stamp, payload.as_bytes()); // to `tcp` it is its own, to `ws` a second one
    hand.publish(&stamp, format!("{payload}[{}]: and more\n", speaker.me).as_bytes());
    hand.publish("", b"[1.2.3.4:5]: the end\n");
    assert_eq!(speaker.hear(), "[1.2.3.4:5]: the end");
    assert_eq!(far.hear(), format!("[{}]: and more", speaker.me), "what is new of it");
    assert_eq!(far.hear(), "[1.2.3.4:5]: the end");
}

#[test]
fn a_batch_is_cut_to_what_the_broker_takes() {
    let Some(small) = nats_with_config("max_payload: 200") else { return };
    let [tcp, ws] = ["tcp-server", "ws-server"].map(|kind| Server::joined(kind, &small.url(), &[]));
    let (mut speaker, mut far) = (tcp.client(), ws.client());
    until_open(&mut speaker, &mut far);
    let long = "x".repeat(300);
    let flood = numbered(1000).join("\n");
    speaker.say(&format!("{flood}\n{long}\nthe end"));
    let heard = far.hear_until("the end");
    let (notices, heard): (Vec<_>, Vec<_>) = heard.into_iter().partition(|line| line.starts_with("[Server]"));
    assert_eq!(by_sender(&heard), BTreeMap::from([(speaker.me.to_string(), numbered(1000))]));
    tcp.process.wait_for("NATS: 1 lines did not go out");
    let notice = "[Server]: 1 lines from other servers did not get here";
    let told = if notices.is_empty() { far.hear() } else { notices.concat() };
    assert_eq!(told, notice);
}

/// A broker with a line of configuration.
fn nats_with_config(config: &str) -> Option<Broker> {
    nats_server()?;
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("nats-{}.conf", std::process::id()));
    std::fs::write(&path, config).unwrap();
    Broker::start("-1", &["-c", path.to_str().unwrap()])
}

#[test]
fn a_cluster_may_lose_any_broker() {
    let cluster = ["--cluster_name", "c", "--cluster", "nats://127.0.0.1:-1"];
    let Some(first) = Broker::start("-1", &cluster) else { return };
    let route = first.process.wait_for("Listening for route connections on ");
    let route = format!("nats://{route}");
    let more = [0, 1].map(|_| Broker::start("-1", &[&cluster[..], &["--routes", &route]].concat()).unwrap());
    let [second, third] = more;
    let mut brokers = [Some(first), Some(second), Some(third)];
    for broker in brokers.iter().flatten() {
        broker.process.wait_for_times("Route connection created", 2);
    }
    let urls: Vec<String> = brokers.iter().flatten().map(Broker::url).collect();
    let kinds = ["tcp-server", "ws-server", "tcp-server"];
    let servers = [0, 1, 2].map(|at| {
        let mut urls = urls.clone();
        urls.rotate_left(at); // each at another broker
        Server::joined(kinds[at], &urls.join(","), &[])
    });
    let mut clients = servers.each_ref().map(Server::client);
    let [a, b, c] = &mut clients;
    until_open(a, b);
    until_open(b, c);
    until_open(c, a);
    for client in [&mut *a, &mut *b, &mut *c] {
        client.say("begin");
    }
    for client in [&mut *a, &mut *b, &mut *c] {
        client.hear_until("begin");
        client.hear_until("begin");
    }
    for n in 0..1500 {
        for client in [&mut *a, &mut *b, &mut *c] {
            client.say(&format!("line {n}"));
        }
        if n == 500 {
            brokers[1] = None; // killed
        }
        thread::sleep(Duration::from_millis(1));
    }
    let addrs = clients.each_ref().map(|client| client.me.to_string());
    for client in &mut clients {
        client.say("the end");
    }
    for (at, client) in clients.iter_mut().enumerate() {
        let mut heard = client.hear_until("the end");
        heard.extend(client.hear_until("the end"));
        let (notices, lines): (Vec<_>, Vec<_>) =
            heard.into_iter().partition(|line| line.starts_with("[Server]"));
        let missed: usize =
            notices.iter().filter_map(|line| line.split(' ').nth(1)?.parse::<usize>().ok()).sum();
        let told = by_sender(&lines);
        let mut all = 0;
        for (sender, lines) in &told {
            assert!(addrs.contains(sender) && *sender != addrs[at], "{sender}");
            let numbers: Vec<usize> = lines.iter().map(|line| line[5..].parse().unwrap()).collect();
            assert!(numbers.is_sorted_by(|a, b| a < b), "each line once, in order: {numbers:?}");
            all += numbers.len();
        }
        eprintln!("client {at}: {all} of 3000 lines, {missed} missed");
        assert!(
            all + missed == 3000 || (all < 3000 && missed == 0),
            "{all} heard, {missed} said to be missing"
        );
        if missed == 0 && all < 3000 {
            // The notice comes a second after the last one, at the latest with the next tick.
            let said = client.hear();
            assert_eq!(said, format!("[Server]: {} lines from other servers did not get here", 3000 - all));
        }
    }
}

#[test]
fn the_options_are_understood() {
    let parse = |line: &str| {
        let words: Vec<String> = line.split(' ').map(String::from).collect();
        chatroom::cli::parse(&words).map(|_| ())
    };
    parse("tcp-server --nats nats://u:p@a,b:5 --room x-Y_9").unwrap();
    for (line, said) in [
        ("tcp-server --nats http://a", "--nats takes where the NATS server is"),
        ("ws-server --nats tls://a", "tls:// is encrypted"),
        ("udp-server --nats a --room x.y", "--room takes 1 to 64 letters"),
        ("tcp-client --nats a", "tcp-client has no option --nats"),
    ] {
        let refused = parse(line).unwrap_err();
        assert!(refused.contains(said), "{line}: {refused}");
    }
    let mut alone = Command::new(env!("CARGO_BIN_EXE_chatroom"));
    let alone = alone.args(["tcp-server", "--room", "x"]).env_remove("CHATROOM_NATS").env("LC_ALL", "C");
    let ended = alone.output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("--room needs --nats"));
}
