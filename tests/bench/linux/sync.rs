//! Opens a room: starts the server, lets the clients in, and waits until all of them hear it.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

use super::Result;
use super::lines::Lines;
use super::load::{Client, Room};
use super::plan::{How, Run};
use super::server::Server;
use super::verify::Check;
use super::wire::{self, Proto, Sock};

/// Who takes part: senders first, then those who only hear, last those who won't even read.
#[derive(Clone, Copy)]
pub struct Cast {
    pub senders: usize,
    pub listeners: usize,
    pub deaf: usize,
    pub len: usize,
}

impl Room {
    pub fn open(run: &Run, cast: Cast, pin: bool) -> Result<Self> {
        let count = cast.senders + cast.listeners + cast.deaf;
        let server = Server::start(run, count, cast.senders, cast.len, pin)?;
        let floor = matches!(run.subject.how, How::Floor(_));
        let socks = match run.proto {
            Proto::Udp => register(&server, count, floor)?,
            _ => connect(run.proto, &server, count)?,
        };
        let mut room = Self::new(run.proto, server, floor, socks, cast.senders)?;
        for sender in 0..cast.senders {
            let prefix = match floor {
                true => format!("[{}]: ", room.clients[sender].sock.address()?),
                false => room.sync(sender)?,
            };
            room.lines.push(Lines::new(run.proto, &prefix, sender, cast.len));
        }
        for client in &mut room.clients[count - cast.deaf..] {
            client.deaf = true;
            room.poll.delete(&client.sock)?;
        }
        Ok(room)
    }

    fn new(proto: Proto, server: Server, floor: bool, socks: Vec<Sock>, senders: usize) -> Result<Self> {
        let poll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        for (number, sock) in socks.iter().enumerate() {
            poll.add(sock, EpollEvent::new(EpollFlags::EPOLLIN, number as u64))?;
        }
        let clients = socks.into_iter().map(|sock| Client::new(sock, Check::new(senders))).collect();
        Ok(Self::with(proto, server, floor, clients, poll, senders))
    }

    /// One client speaks until all the others have heard its latest word: then all have joined, and
    /// nothing else is under way. Returns what the server puts before this client's lines.
    fn sync(&mut self, speaker: usize) -> Result<String> {
        let mut patience = Duration::from_micros(20_000 + 20 * self.clients.len() as u64);
        for attempt in 0..20 {
            let word = format!("sync-{speaker:02}-{attempt:02}");
            self.clients[speaker].sock.write(&wire::say(self.proto, &word))?;
            if let Some(prefix) = self.all_hear(&word, patience)? {
                return Ok(prefix);
            }
            patience = patience.mul_f64(1.3);
        }
        Err("not every client hears the others".into())
    }

    fn all_hear(&mut self, word: &str, patience: Duration) -> Result<Option<String>> {
        let (start, end) = (Instant::now(), format!("{word}\n"));
        let (mut waiting, mut prefix) = (self.clients.len() - 1, None);
        let mut events = vec![EpollEvent::empty(); 256];
        while waiting > 0 && start.elapsed() < patience {
            for event in self.poll.wait(&mut events, 10u8).map(|n| &events[..n])? {
                let client = &mut self.clients[event.data() as usize];
                let count = match client.sock.read(&mut self.buffer) {
                    Ok(0) if self.proto != Proto::Udp => {
                        return Err("a client was cut off at once".into());
                    }
                    Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error.into()),
                    read => read.unwrap_or(0),
                };
                client.tail.extend(&self.buffer[..count]);
                if client.tail.ends_with(end.as_bytes()) {
                    prefix = Some(last_prefix(self.proto, &client.tail, end.len()));
                    client.tail.clear();
                    waiting -= 1;
                }
            }
        }
        Ok(prefix.filter(|_| waiting == 0))
    }
}

/// What stands before the last line's text.
fn last_prefix(proto: Proto, heard: &[u8], text: usize) -> String {
    let before = &heard[..heard.len() - text];
    let line = before.rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
    let head = if proto == Proto::Ws { 2 } else { 0 }; // so short a frame's
    String::from_utf8_lossy(line.get(head..).unwrap_or_default()).into_owned()
}

/// A few at a time, so that they fit the accept queue (`ncat`'s holds ten), and none waits a second.
fn connect(proto: Proto, server: &Server, count: usize) -> Result<Vec<Sock>> {
    let mut socks = Vec::with_capacity(count);
    while socks.len() < count {
        let from = socks.len();
        for number in from..count.min(from + 8) {
            socks.push(Sock::connect(proto, server.addr_of(number))?);
        }
        sleep(Duration::from_micros(500));
        for sock in &socks[from..] {
            sock.joined(proto)?;
        }
    }
    Ok(socks)
}

/// One after the other, each when the one before is surely in the list: no datagram is lost.
fn register(server: &Server, count: usize, floor: bool) -> Result<Vec<Sock>> {
    let mut sockets: Vec<UdpSocket> = Vec::with_capacity(count);
    for number in 0..count {
        let newcomer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        newcomer.connect(server.addr)?;
        newcomer.set_read_timeout(Some(Duration::from_millis(200)))?;
        // The floor answers; of another server's newcomers the first client hears. Of the first
        // itself nobody hears: if its datagram was lost, the second's trials repeat it.
        let answered = (0..25).any(|_| match sockets.first() {
            _ if floor => greet(&newcomer, &newcomer),
            Some(first) => greet(&newcomer, first) || first.send(b"hello\n").is_err(),
            None => newcomer.send(b"hello\n").is_ok(),
        });
        if !answered {
            return Err(format!("UDP client {number} got no answer").into());
        }
        sockets.push(newcomer);
    }
    let socks: Vec<_> = sockets.into_iter().map(Sock::Udp).collect();
    socks.iter().try_for_each(|sock| sock.joined(Proto::Udp))?;
    Ok(socks)
}

fn greet(newcomer: &UdpSocket, hears: &UdpSocket) -> bool {
    newcomer.send(b"hello\n").is_ok() && hears.recv(&mut [0; 64]).is_ok()
}
