//! A UDP client (or, for a client under test, the server) that the checker plays.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::log::{Log, show};
use super::output::contains;
use super::scene::{Launch, Scene, Server, resolve};
use super::speaker::{self, Speaker};
use super::verdict::{Likely, Verdict, fail, not_checked};

/// More than any datagram holds: a longer one would be cut silently.
const BUFFER: usize = 1 << 16;

/// A socket that the checker holds. No call on it waits for ever.
#[derive(Debug)]
pub struct UdpPeer {
    /// A, B, C … in the transcript.
    pub name: String,
    /// Its own address, as others should see it.
    pub address: SocketAddr,
    /// Who it talks to; not known yet to a server whose client hasn't said a word.
    other: Option<SocketAddr>,
    socket: UdpSocket,
    log: Log,
    patience: Duration,
    quiet: bool,
}

impl UdpPeer {
    fn bind(name: &str, at: SocketAddr, other: Option<SocketAddr>, scene: (&Log, Duration)) -> Verdict<Self> {
        let (log, patience) = (scene.0.clone(), scene.1);
        let bound = UdpSocket::bind(at).and_then(|socket| Ok((socket.local_addr()?, socket)));
        match bound {
            Ok((address, socket)) => {
                Ok(UdpPeer { name: name.to_string(), address, other, socket, log, patience, quiet: false })
            }
            Err(e) => not_checked(format!("the checker can't have a UDP socket on {at}: {e}")),
        }
    }

    /// Keeps what this peer says and hears out of the transcript: for floods and crowds.
    pub fn hush(&mut self) {
        self.quiet = true;
    }

    /// Describing a flood costs time: a quiet peer doesn't.
    fn note(&self, what: impl FnOnce() -> String) {
        if !self.quiet {
            self.log.note(what());
        }
    }

    /// What the others should get when this peer says `words`.
    #[must_use]
    pub fn prefixed(&self, words: impl AsRef<[u8]>) -> Vec<u8> {
        [self.prefix().as_bytes(), words.as_ref()].concat()
    }

    /// Takes whoever speaks next for the other side.
    pub fn forget(&mut self) {
        self.other = None;
    }

    /// Sends one datagram.
    pub fn send(&mut self, datagram: impl AsRef<[u8]>) -> Verdict {
        let datagram = datagram.as_ref();
        self.note(|| format!("{} sends {}", self.name, show(datagram)));
        let Some(other) = self.other else {
            return fail(format!("{} knows to whom it talks", self.name), "nobody has said a word");
        };
        match self.socket.send_to(datagram, other) {
            Ok(_) => Ok(()),
            Err(e) => fail(format!("{} can send", self.name), e.to_string()),
        }
    }

    /// The next datagram from the other side, if one comes.
    pub fn next(&mut self, within: Duration) -> Option<Vec<u8>> {
        let heard = self.receive(within);
        self.note(|| format!("{} gets {}", self.name, told(heard.as_deref())));
        heard
    }

    fn receive(&mut self, within: Duration) -> Option<Vec<u8>> {
        let deadline = Instant::now() + within;
        let mut buffer = vec![0; BUFFER];
        loop {
            let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            let _ = self.socket.set_read_timeout(Some(left)); // Zero would mean "for ever".
            match self.socket.recv_from(&mut buffer) {
                Ok((n, from)) if *self.other.get_or_insert(from) == from => {
                    buffer.truncate(n);
                    return Some(buffer);
                }
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return None,
                _ if left <= Duration::from_millis(1) => return None,
                _ => {} // A stranger's, or a refusal of something sent before.
            }
        }
    }

    /// The next datagram must be this one.
    pub fn expect(&mut self, datagram: impl AsRef<[u8]>) -> Verdict {
        let heard = self.next(self.patience);
        if heard.as_deref() == Some(datagram.as_ref()) {
            return Ok(());
        }
        fail(format!("{} gets {}", self.name, show(datagram.as_ref())), told(heard.as_deref()))
    }

    /// The next datagram must be what `from` said: `[ip:port]: ` and the line.
    pub fn expect_from(&mut self, from: &UdpPeer, line: impl AsRef<[u8]>) -> Verdict {
        self.expect(from.prefixed(line))
    }

    /// Some datagram, whatever it says.
    pub fn expect_word(&mut self, what: &str) -> Verdict<Vec<u8>> {
        match self.next(self.patience) {
            Some(word) => Ok(word),
            None => fail(format!("{} gets {what}", self.name), "nothing"),
        }
    }
}

fn told(heard: Option<&[u8]>) -> String {
    heard.map_or_else(|| "nothing".to_string(), show)
}

impl Speaker for UdpPeer {
    fn name(&self) -> &str {
        &self.name
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn say(&mut self, words: &str) -> Verdict {
        self.send(format!("{words}\n"))
    }

    fn hear_from(&mut self, from: &str, words: &str) -> Verdict {
        self.expect(format!("{from}{words}\n"))
    }

    fn hears(&mut self, part: &[u8], within: Duration) -> bool {
        let deadline = Instant::now() + within;
        while let Some(heard) = self.next(deadline.saturating_duration_since(Instant::now())) {
            if contains(&heard, part) {
                return true;
            }
        }
        false
    }

    fn set_quiet(&mut self, quiet: bool) {
        self.quiet = quiet;
    }

    /// A room hears of a client with its first datagram.
    fn knock(&mut self) -> Verdict {
        self.send("knock, knock\n")
    }
}

impl Launch<'_> {
    /// Starts a UDP server and waits until it serves: there is no knocking over UDP, so its first line must say so.
    pub fn udp_server(self) -> Verdict<Server> {
        if self.chooses_port() {
            return self.server();
        }
        let (scene, address) = (self.scene, self.address.clone());
        let Some(address) = resolve(&address) else {
            return not_checked(format!("{address} is no address to talk to"));
        };
        let program = self.program("server")?;
        if !program.stdout.wait_for(scene.patience(), |all| all.contains(&b'\n')) {
            return fail("the server's first line, when it listens", program.printed());
        }
        Ok(Server { address, program, log: scene.log.clone(), patience: scene.patience() })
    }
}

impl Scene<'_> {
    /// The UDP server under test, started as given.
    pub fn udp_server(&self) -> Verdict<Server> {
        self.launch().udp_server()
    }

    /// Plays the UDP server for a client under test.
    pub fn udp_host(&self) -> Verdict<UdpPeer> {
        match resolve(&self.target.address) {
            Some(at) => UdpPeer::bind("the server", at, None, (&self.log, self.patience())),
            None => not_checked(format!("{} is no address to listen on", self.target.address)),
        }
    }

    /// The same, at an address that was used before.
    pub fn udp_host_at(&self, at: SocketAddr) -> Verdict<UdpPeer> {
        UdpPeer::bind("the server", at, None, (&self.log, self.patience()))
    }
}

impl Server {
    /// A socket of its own for a client that hasn't said anything yet.
    pub fn udp_connect(&self, name: &str) -> Verdict<UdpPeer> {
        let mut local = self.address;
        local.set_port(0);
        UdpPeer::bind(name, local, Some(self.address), (&self.log, self.patience))
    }

    /// The same, and says so in the transcript.
    pub fn udp_peer(&self, name: &str) -> Verdict<UdpPeer> {
        let peer = self.udp_connect(name)?;
        self.log.note(format!("{name} is {}", peer.address));
        Ok(peer)
    }

    /// UDP clients that all are in the room: each has heard each other one.
    pub fn udp_room<const N: usize>(&self, names: [&str; N]) -> Verdict<[UdpPeer; N]> {
        let mut peers = names.iter().map(|name| self.udp_peer(name)).collect::<Verdict<Vec<UdpPeer>>>()?;
        let hint = "a datagram registers its sender, and reaches all who are registered, but itself";
        self.unless_ended(self.udp_greet(&mut peers, N).likely(hint))?;
        match <[UdpPeer; N]>::try_from(peers) {
            Ok(peers) => Ok(peers),
            Err(_) => fail("as many peers as names", "others"),
        }
    }

    /// Lets UDP clients join, and the first few greet all the others.
    pub fn udp_greet(&self, peers: &mut [UdpPeer], speakers: usize) -> Verdict {
        peers.iter_mut().for_each(UdpPeer::hush);
        peers.iter_mut().try_for_each(Speaker::knock)?;
        speaker::greet(&self.log, self.patience, &mut peers.iter_mut().collect::<Vec<_>>(), speakers)
    }
}
