//! One room on machines of their own: three servers, one of each protocol, and a cluster of three brokers,
//! each in a network namespace. A thousand lines a second are said in all, while brokers and servers are
//! killed and cables are drawn. Who is still there then has heard each line of who is still there, once and
//! in its speaker's order, but for so many as it was told are missing.
//!
//! Skipped where there is no `nats-server`, unless `CHATROOM_REQUIRE_NATS` is set, and where there are no
//! namespaces: containers often forbid them. The conversation is a step of its own. Ten times in a row, with
//! a table of what became of the lines (twelve minutes):
//!
//! ```sh
//! CHATROOM_RELAY=10 cargo test --test it relay_net -- --nocapture
//! ```
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use super::net::{Machine, Network};
use super::relay::{PATIENCE, Process, nats_server};

/// The servers, by their protocol.
const KINDS: [&str; 3] = ["tcp", "udp", "ws"];

/// How many clients each server has.
const CLIENTS: usize = 2;

/// Between a line and the next, whoever says it.
const PACE: Duration = Duration::from_millis(1);

/// How long a cable is drawn.
const CUT: Duration = Duration::from_secs(8);

/// A client as a user has it: a program that is typed to, and that prints what it hears.
struct Client {
    child: Child,
    stdin: ChildStdin,
    name: String,
    /// At which server.
    at: usize,
    /// The server was killed.
    gone: AtomicBool,
    said: AtomicU64,
    heard: Arc<Mutex<Heard>>,
}

/// What a client has heard since the act began: of whom, how many lines it was told are missing, and what
/// should not be.
#[derive(Default)]
struct Heard {
    of: BTreeMap<String, Lines>,
    missing: u64,
    wrong: Vec<String>,
    /// How many datagrams had been dropped before.
    dropped: u64,
}

/// The lines of one speaker that somebody has heard.
struct Lines {
    sender: String,
    first: u64,
    next: u64,
    count: u64,
}

impl Heard {
    fn take(&mut self, line: &str) {
        let Some((sender, text)) = line.split_once("]: ") else { return }; // what the client itself says
        if let Some(count) = text.strip_suffix(" lines from other servers did not get here") {
            self.missing += count.parse::<u64>().unwrap();
            return;
        }
        let said = text.split_once(' ').and_then(|(name, number)| Some((name, number.parse::<u64>().ok()?)));
        let Some((name, number)) = said else { return self.wrong.push(line.to_string()) };
        let fresh = || Lines { sender: sender.to_string(), first: number, next: number, count: 0 };
        let lines = self.of.entry(name.to_string()).or_insert_with(fresh);
        if number < lines.next || lines.sender != sender {
            self.wrong.push(line.to_string());
        }
        lines.next = number + 1;
        lines.count += 1;
    }
}

impl Client {
    fn start(machine: &Machine, at: usize, name: String) -> Client {
        let mut command = machine.command(env!("CARGO_BIN_EXE_chatroom"));
        command.args([format!("{}-client", KINDS[at]), format!("{}:8080", machine.addr)]);
        command.env("LC_ALL", "C").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let heard = Arc::new(Mutex::new(Heard::default()));
        let (stdout, listener) = (BufReader::new(child.stdout.take().unwrap()), Arc::clone(&heard));
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                listener.lock().unwrap().take(&line);
            }
        });
        let stdin = child.stdin.take().unwrap();
        Client { child, stdin, name, at, gone: false.into(), said: 0.into(), heard }
    }

    /// Says its next line.
    fn say(&self) {
        let line = format!("{} {}\n", self.name, self.said.load(Ordering::SeqCst));
        let _ = (&self.stdin).write_all(line.as_bytes()); // it ends with its server
        self.said.fetch_add(1, Ordering::SeqCst);
    }

    fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }

    /// The number behind that of the last line that it heard of a speaker.
    fn heard_of(&self, speaker: &Client) -> u64 {
        self.heard.lock().unwrap().of.get(&speaker.name).map_or(0, |lines| lines.next)
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at the {}-server", self.name, KINDS[self.at])
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Of some lines: how many there were to hear, were heard, were said to be missing, and were thrown away
/// by the kernel because the datagrams came faster than the client read.
#[derive(Clone, Copy, Default)]
struct Sum {
    due: u64,
    heard: u64,
    missing: u64,
    dropped: u64,
}

impl Sum {
    fn is_complete(self) -> bool {
        self.due == self.heard + self.missing + self.dropped
    }

    fn add(&mut self, other: Sum) {
        self.due += other.due;
        self.heard += other.heard;
        self.missing += other.missing;
        self.dropped += other.dropped;
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sum { due, heard, missing, dropped } = self;
        write!(
            f,
            "{due:7} to hear, {heard:7} heard, {missing:5} said to be missing, {dropped:5} datagrams dropped"
        )
    }
}

/// How many datagrams the kernel threw away before a process read them.
fn dropped(process: &Child) -> u64 {
    let proc = format!("/proc/{}", process.id());
    let files = fs::read_dir(format!("{proc}/fd")).into_iter().flatten().flatten();
    let links = files.filter_map(|file| fs::read_link(file.path()).ok());
    let sockets: Vec<String> = links.map(|link| link.to_string_lossy().into_owned()).collect();
    let table = fs::read_to_string(format!("{proc}/net/udp")).unwrap_or_default();
    let rows = table.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
    let own = rows.filter(|row| sockets.contains(&format!("socket:[{}]", row[9])));
    own.map(|row| row.last().unwrap().parse::<u64>().unwrap()).sum()
}

/// All clients of all servers.
#[derive(Default)]
struct Crowd(Vec<Client>);

impl Crowd {
    fn present(&self) -> impl Iterator<Item = &Client> {
        self.0.iter().filter(|client| !client.is_gone())
    }

    /// They speak in turn, until it is over.
    fn talk(&self, over: &AtomicBool) {
        let mut due = Instant::now();
        for client in self.0.iter().cycle() {
            if over.load(Ordering::SeqCst) {
                return;
            }
            if !client.is_gone() {
                thread::sleep(due.saturating_duration_since(Instant::now()));
                client.say();
                due += PACE;
            }
        }
    }

    /// Waits until those whom it concerns have heard each other say something that is not said yet.
    fn hear_news(&self, concerns: impl Fn(&Client, &Client) -> bool) {
        let said: Vec<u64> = self.0.iter().map(|client| client.said.load(Ordering::SeqCst)).collect();
        wait_until(|| {
            let pairs =
                self.0.iter().zip(&said).flat_map(|(speaker, said)| {
                    self.present().map(move |listener| (speaker, listener, *said))
                });
            let mut pairs = pairs.filter(|(speaker, listener, _)| {
                !speaker.is_gone() && speaker.name != listener.name && concerns(speaker, listener)
            });
            let (speaker, listener, said) =
                pairs.find(|(speaker, listener, said)| listener.heard_of(speaker) <= *said)?;
            Some(format!("{listener} heard nothing behind line {said} of {speaker}"))
        });
    }

    /// How far each of one server has heard of those of the others, and these of him.
    fn heard_across(&self, at: usize) -> Vec<u64> {
        let pairs = self.0.iter().flat_map(|speaker| self.0.iter().map(move |listener| (speaker, listener)));
        let across = pairs.filter(|(speaker, listener)| (speaker.at == at) != (listener.at == at));
        across.map(|(speaker, listener)| listener.heard_of(speaker)).collect()
    }

    /// Half a second of talk that all who are there hear.
    fn talk_on(&self) {
        thread::sleep(Duration::from_millis(500));
        self.hear_news(|_, _| true);
    }

    /// Begins an act: they speak until all have heard of all others.
    fn open(&self) {
        for client in &self.0 {
            let mut heard = client.heard.lock().unwrap();
            *heard = Heard { dropped: dropped(&client.child), ..Heard::default() };
        }
        wait_until(|| {
            let deaf = self.0.iter().find(|client| client.heard.lock().unwrap().of.len() < self.0.len() - 1);
            self.0.iter().filter(|_| deaf.is_some()).for_each(Client::say);
            deaf.map(|client| format!("{client} does not hear all others"))
        });
        self.settle();
    }

    /// How many lines they said, ever.
    fn said(&self) -> u64 {
        self.0.iter().map(|client| client.said.load(Ordering::SeqCst)).sum()
    }

    fn sum(&self, listener: &Client) -> Sum {
        let heard = listener.heard.lock().unwrap();
        let dropped = dropped(&listener.child) - heard.dropped;
        let mut sum = Sum { missing: heard.missing, dropped, ..Sum::default() };
        for speaker in self.0.iter() {
            let Some(lines) = heard.of.get(&speaker.name) else { continue };
            let said = if speaker.is_gone() { lines.next } else { speaker.said.load(Ordering::SeqCst) };
            sum.due += said - lines.first;
            sum.heard += lines.count;
        }
        sum
    }

    /// Waits until each has heard all, but for what it was told is missing.
    fn settle(&self) {
        wait_until(|| {
            let mut sums = self.present().map(|client| (client, self.sum(client)));
            let (client, sum) = sums.find(|(_, sum)| !sum.is_complete())?;
            Some(format!("{client}: {sum}"))
        });
        for client in self.present() {
            let wrong = &client.heard.lock().unwrap().wrong;
            assert!(wrong.is_empty(), "{client} should not have heard {wrong:?}");
        }
    }
}

/// Waits until nothing is said to be amiss.
#[track_caller]
fn wait_until(mut amiss: impl FnMut() -> Option<String>) {
    let deadline = Instant::now() + PATIENCE;
    while let Some(what) = amiss() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// What happens while they talk.
#[derive(Clone, Copy)]
enum Fault {
    BrokerKilled(usize),
    ServerKilled(usize),
    ServerCut(usize),
    BrokerCut(usize),
}

impl Fault {
    fn kind(self) -> &'static str {
        match self {
            Fault::BrokerKilled(_) => "a broker is killed",
            Fault::ServerKilled(_) => "a server is killed",
            Fault::ServerCut(_) => "a server's cable is drawn",
            Fault::BrokerCut(_) => "a broker's cable is drawn",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Fault::BrokerKilled(at) | Fault::ServerKilled(at) | Fault::ServerCut(at) | Fault::BrokerCut(at)) =
            *self;
        write!(f, "{} ({})", self.kind(), at + 1)
    }
}

/// Ends the talk, also when something has gone wrong.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct Scene {
    network: Network,
    /// Where the brokers are, and where the servers.
    hubs: [Machine; 3],
    machines: [Machine; 3],
    brokers: Vec<Process>,
    servers: Vec<Process>,
    crowd: Crowd,
    /// How many clients there were.
    names: usize,
}

/// By kind of fault and protocol.
type Sums = BTreeMap<(&'static str, &'static str), Sum>;

impl Scene {
    fn new() -> Option<Scene> {
        nats_server()?;
        let network = Network::new()?;
        let hubs = [1, 2, 3].map(|number| network.machine(number));
        let machines = [11, 12, 13].map(|number| network.machine(number));
        let (brokers, servers, crowd) = (Vec::new(), Vec::new(), Crowd::default());
        let mut scene = Scene { network, hubs, machines, brokers, servers, crowd, names: 0 };
        scene.brokers = (0..3).map(|at| start_broker(&scene.hubs, at)).collect();
        scene.brokers.iter().for_each(wait_for_cluster);
        for at in 0..3 {
            let server = scene.start_server(at);
            scene.servers.push(server);
            scene.add_clients(at);
        }
        Some(scene)
    }

    /// Each server begins at another broker.
    fn start_server(&self, at: usize) -> Process {
        let mut urls = self.hubs.each_ref().map(|hub| format!("nats://{}", hub.addr));
        urls.rotate_left(at);
        let mut command = self.machines[at].command(env!("CARGO_BIN_EXE_chatroom"));
        command.args([format!("{}-server", KINDS[at]), format!("{}:8080", self.machines[at].addr)]);
        let server = Process::start(command.env("CHATROOM_NATS", urls.join(",")).env("LC_ALL", "C"));
        server.wait_for("joined chatroom.lobby");
        server
    }

    fn add_clients(&mut self, at: usize) {
        for _ in 0..CLIENTS {
            self.names += 1;
            self.crowd.0.push(Client::start(&self.machines[at], at, format!("c{}", self.names)));
        }
    }

    /// A talk with a fault in it, and what became of the lines.
    fn act(&mut self, fault: Fault, sums: &mut Sums) {
        self.crowd.open();
        let (start, said_before, over) = (Instant::now(), self.crowd.said(), AtomicBool::new(false));
        let Scene { network, hubs, machines, brokers, servers, crowd, .. } = self;
        thread::scope(|scope| {
            let _end = End(&over);
            scope.spawn(|| crowd.talk(&over));
            crowd.talk_on();
            match fault {
                Fault::BrokerKilled(at) => {
                    brokers[at].signal("KILL");
                    crowd.talk_on();
                    brokers[at] = start_broker(hubs, at);
                    wait_for_cluster(&brokers[at]);
                }
                Fault::ServerKilled(at) => {
                    servers[at].signal("KILL");
                    let lost = crowd.0.iter().filter(|client| client.at == at);
                    lost.for_each(|client| client.gone.store(true, Ordering::SeqCst));
                }
                Fault::ServerCut(at) => {
                    cut(network, &machines[at], || {
                        crowd.hear_news(|a, b| (a.at == at) == (b.at == at));
                        crowd.heard_across(at)
                    });
                }
                Fault::BrokerCut(at) => cut(network, &hubs[at], || crowd.hear_news(|a, b| a.at == b.at)),
            }
            crowd.talk_on();
        });
        let (took, said) = (start.elapsed().as_secs_f64(), self.crowd.said() - said_before);
        self.crowd.settle();
        eprintln!("{fault}: {said} lines in {took:.1} s");
        for client in self.crowd.present() {
            let sum = self.crowd.sum(client);
            eprintln!("  {:4}{sum}", KINDS[client.at]);
            // Who is not cut off misses nothing: all waits until the cable is back.
            let all = match fault {
                Fault::ServerKilled(_) => true,
                Fault::ServerCut(at) => client.at != at,
                Fault::BrokerKilled(_) | Fault::BrokerCut(_) => false,
            };
            assert!(!all || sum.missing == 0, "{fault}, and {client} missed something: {sum}");
            sums.entry((fault.kind(), KINDS[client.at])).or_default().add(sum);
        }
        self.repair();
    }

    /// A server that was killed is started again, and has new clients.
    fn repair(&mut self) {
        let lost = self.crowd.0.iter().find(|client| client.is_gone()).map(|client| client.at);
        if let Some(at) = lost {
            self.crowd.0.retain(|client| !client.is_gone());
            self.servers[at] = self.start_server(at);
            self.add_clients(at);
        }
        assert_eq!(dropped(&self.servers[1].child), 0, "the UDP server did not get all that was said to it");
    }
}

fn start_broker(hubs: &[Machine; 3], at: usize) -> Process {
    let routes = hubs.each_ref().map(|hub| format!("nats://{}:6222", hub.addr));
    let mut command = hubs[at].command(nats_server().unwrap().to_str().unwrap());
    command.args(["-a", &hubs[at].addr, "--cluster_name", "c", "--cluster", &routes[at]]);
    let broker = Process::start(command.args(["--routes", &routes.join(",")]));
    broker.wait_for("Server is ready");
    broker
}

fn wait_for_cluster(broker: &Process) {
    broker.wait_for_times("Route connection created", 2);
}

/// Draws a machine's cable for a while. Meanwhile, once what is on its way has come, nothing changes.
fn cut<T: PartialEq + fmt::Debug>(network: &Network, machine: &Machine, look: impl Fn() -> T) {
    let end = Instant::now() + CUT;
    network.cut(machine);
    thread::sleep(Duration::from_secs(1));
    let before = look();
    thread::sleep(end.saturating_duration_since(Instant::now()));
    assert_eq!(look(), before, "the cable of {} is drawn", machine.addr);
    network.mend(machine);
}

#[test]
fn a_conversation_survives() {
    let (brokers, servers) = ([0, 1, 2].map(Fault::BrokerKilled), [0, 1, 2].map(Fault::ServerKilled));
    let (servers_cut, brokers_cut) = ([0, 1, 2].map(Fault::ServerCut), [0, 1, 2].map(Fault::BrokerCut));
    // Each server begins at a broker of its own. Who loses it goes to the next: so the first broker has one
    // of them, the second two, and the third all.
    let faults = [brokers, servers, servers_cut, brokers_cut].concat();
    let Ok(rounds) = env::var("CHATROOM_RELAY") else {
        return eprintln!("not run here, as it takes a minute: set CHATROOM_RELAY=1 to run it once");
    };
    let mut sums = Sums::new();
    for _ in 0..rounds.parse().unwrap() {
        let Some(mut scene) = Scene::new() else { return };
        for fault in &faults {
            scene.act(*fault, &mut sums);
        }
        scene.crowd.open(); // and nothing comes late
    }
    for ((fault, kind), sum) in &sums {
        eprintln!("{fault:26}{kind:4}{sum}");
    }
}

#[test]
fn two_machines_have_one_room() {
    if nats_server().is_none() {
        return;
    }
    let Some(network) = Network::new() else { return };
    let [hub, other] = [1, 2].map(|number| network.machine(number));
    let broker = Process::start(&mut hub.command(nats_server().unwrap().to_str().unwrap()));
    broker.wait_for("Server is ready");
    let chatroom = |machine: &Machine, words: &[&str]| {
        let mut command = machine.command(env!("CARGO_BIN_EXE_chatroom"));
        Process::start(command.args(words).env("LC_ALL", "C").env_remove("CHATROOM_NATS"))
    };
    let nats = format!("nats://{}", hub.addr);
    let mut tcp = chatroom(&hub, &["tcp-server", ":8080", "--nats", &nats]);
    let ws = chatroom(&other, &["ws-server", ":8080", "--nats", &nats]);
    for server in [&tcp, &ws] {
        server.wait_for("joined chatroom.lobby");
    }
    let mut far = chatroom(&other, &["ws-client"]);
    far.wait_for("connected to the server");
    let mut near = chatroom(&hub, &["tcp-client"]);
    near.type_line("is anybody there?");
    far.wait_for("]: is anybody there?");
    far.type_line("I am, on the other machine");
    near.wait_for("]: I am, on the other machine");
    tcp.type_line("from the console");
    near.wait_for("[Server]: from the console");
    far.wait_for(&format!("[Server {}:8080]: from the console", hub.addr));
}
