//! The floor: what the kernel alone asks for the same bytes on the same sockets, without any chat
//! code. It runs as a child process of its own, so that its CPU is measured as a server's is.

use std::fmt;
use std::io::{self, BufRead, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::thread;

use super::Result;
use super::args::number;
use super::lines::Lines;
use super::wire::{self, Proto};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// One write per line per client.
    Line,
    /// One write per client per 64 KiB of lines.
    Batch,
    /// Accepts and keeps: how fast one can join at all.
    Accept,
    /// A thread per client, which waits for its end: what an idle thread costs.
    Thread,
}

const BATCH: usize = 64 * 1024;

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Line => "line",
            Self::Batch => "batch",
            Self::Accept => "accept",
            Self::Thread => "thread",
        })
    }
}

pub struct Floor {
    pub proto: Proto,
    pub mode: Mode,
    pub addr: SocketAddr,
    pub clients: usize,
    /// The first so many clients are who the lines are from.
    pub senders: usize,
    pub len: usize,
}

impl Floor {
    /// The hidden first argument.
    pub const WORD: &str = "__floor";

    pub fn command(&self) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args([
            Self::WORD.into(),
            self.proto.to_string(),
            self.mode.to_string(),
            self.addr.to_string(),
        ]);
        command.args([self.clients, self.senders, self.len].map(|n| n.to_string()));
        Ok(command)
    }

    pub fn parse(words: &[String]) -> std::result::Result<Self, String> {
        let [proto, mode, addr, clients, senders, len] = words else {
            return Err(format!("{} is the bench's own", Self::WORD));
        };
        let modes = [Mode::Line, Mode::Batch, Mode::Accept, Mode::Thread];
        Ok(Self {
            proto: proto.parse()?,
            mode: modes.into_iter().find(|known| known.to_string() == *mode).ok_or("no such floor")?,
            addr: number(addr)?,
            clients: number(clients)?,
            senders: number(senders)?,
            len: number(len)?,
        })
    }
}

pub fn run(floor: &Floor) -> Result<()> {
    match (floor.mode, floor.proto) {
        (Mode::Accept, _) => accept(floor),
        (Mode::Thread, _) => threads(floor),
        (_, Proto::Udp) => udp(floor),
        _ => streams(floor),
    }
}

/// A stream's socket, or the one UDP socket with one client's address.
trait Hear {
    fn hear(&self, bytes: &[u8]) -> io::Result<()>;
}

impl Hear for TcpStream {
    fn hear(&self, bytes: &[u8]) -> io::Result<()> {
        (&mut &*self).write_all(bytes)
    }
}

impl Hear for (&UdpSocket, SocketAddr) {
    fn hear(&self, bytes: &[u8]) -> io::Result<()> {
        self.0.send_to(bytes, self.1).map(drop)
    }
}

fn streams(floor: &Floor) -> Result<()> {
    let (listener, mut clients) = (TcpListener::bind(floor.addr)?, Vec::new());
    while clients.len() < floor.clients {
        clients.push(welcome(floor.proto, listener.accept()?.0)?);
    }
    let peers = clients.iter().map(TcpStream::peer_addr).collect::<io::Result<Vec<_>>>()?;
    write_on_demand(floor, &clients, &peers)
}

fn welcome(proto: Proto, mut stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    if proto == Proto::Ws {
        wire::read_head(&stream)?;
        stream.write_all(wire::SWITCH.as_bytes())?;
    }
    Ok(stream)
}

/// Each client registers by a datagram, and waits for one back, so that none is lost.
fn udp(floor: &Floor) -> Result<()> {
    let socket = UdpSocket::bind(floor.addr)?;
    let mut peers = Vec::new();
    while peers.len() < floor.clients {
        let (_, peer) = socket.recv_from(&mut [0; 64])?;
        if !peers.contains(&peer) {
            peers.push(peer);
        }
        socket.send_to(b"welcome\n", peer)?;
    }
    let clients: Vec<_> = peers.iter().map(|peer| (&socket, *peer)).collect();
    write_on_demand(floor, &clients, &peers)
}

/// `N\n` on stdin asks for the next N lines of every sender, to all but itself.
fn write_on_demand(floor: &Floor, clients: &[impl Hear], peers: &[SocketAddr]) -> Result<()> {
    let senders: Vec<_> = (0..floor.senders)
        .map(|sender| Lines::new(floor.proto, &format!("[{}]: ", peers[sender]), sender, floor.len))
        .collect();
    let at_once = match (floor.mode, senders.first()) {
        (Mode::Batch, Some(lines)) => (BATCH / lines.heard.unit()).max(1) as u64,
        _ => 1,
    };
    let mut next = 0;
    for demand in io::stdin().lock().lines() {
        let end = next + number::<u64>(&demand?)?;
        while next < end {
            let mut wrote = 1;
            for (sender, lines) in senders.iter().enumerate() {
                let run = lines.heard.run(next, (end - next).min(at_once));
                wrote = (run.len() / lines.heard.unit()) as u64;
                for client in clients.iter().enumerate().filter(|(client, _)| *client != sender) {
                    client.1.hear(run)?;
                }
            }
            next += wrote;
        }
    }
    Ok(())
}

fn accept(floor: &Floor) -> Result<()> {
    let (listener, mut kept) = (TcpListener::bind(floor.addr)?, Vec::new());
    loop {
        kept.push(listener.accept()?.0);
    }
}

fn threads(floor: &Floor) -> Result<()> {
    let (listener, proto) = (TcpListener::bind(floor.addr)?, floor.proto);
    loop {
        let stream = listener.accept()?.0;
        thread::Builder::new().spawn(move || welcome(proto, stream)?.read(&mut [0]))?;
    }
}
