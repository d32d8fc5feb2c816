//! A WebSocket client (or, for a client under test, the server) that the checker plays.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use tungstenite::handshake::derive_accept_key;

use super::frame::{self, CLOSE, FIN, Frame, TEXT};
use super::log::{Log, show};
use super::output::contains;
use super::peer::Peer;
use super::scene::{Host, Server};
use super::speaker::{self, Speaker};
use super::verdict::{Likely, Verdict, ensure, fail};

/// Any 16 bytes in Base64.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// The end of a WebSocket that the checker holds. No call on it waits for ever.
#[derive(Debug)]
pub struct WsPeer {
    /// A, B, C … in the transcript.
    pub name: String,
    /// Its own address, as others should see it.
    pub address: SocketAddr,
    stream: TcpStream,
    is_server: bool,
    came: Vec<u8>,
    log: Log,
    patience: Duration,
    quiet: bool,
}

/// What came next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A frame.
    Frame(Frame),
    /// The end, in order.
    End,
    /// The end, by a reset.
    Reset,
    /// Nothing whole, for as long as one waited.
    Nothing,
}

impl Heard {
    /// Whether it is this frame.
    #[must_use]
    pub fn is(&self, first: u8, payload: &[u8], masked: bool) -> bool {
        matches!(self, Heard::Frame(frame)
            if frame.first == first && frame.payload == payload && frame.masked == masked)
    }

    /// Whether it is a frame, any frame.
    #[must_use]
    pub fn is_some_frame(&self) -> bool {
        matches!(self, Heard::Frame(_))
    }

    /// For the end of a sentence.
    #[must_use]
    pub fn told(&self) -> String {
        match self {
            Heard::Frame(Frame { first: 0x81, payload, .. }) => format!("the text message {}", show(payload)),
            Heard::Frame(Frame { first: 0x88, payload, .. }) => match payload.get(..2) {
                Some(&[high, low]) => format!("Close {}", u16::from_be_bytes([high, low])),
                _ => "Close without a code".into(),
            },
            Heard::Frame(Frame { first, payload, .. }) => {
                format!("a frame that begins with {first:#04x} and holds {}", show(payload))
            }
            Heard::End => "the end of the connection".into(),
            Heard::Reset => "a reset of the connection".into(),
            Heard::Nothing => "nothing".into(),
        }
    }
}

/// The request that asks for a WebSocket, with further header lines (each with its `\r\n`).
#[must_use]
pub fn request(path: &str, host: impl ToString, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{more}\r\n",
        host.to_string()
    )
}

impl WsPeer {
    fn new(peer: &Peer, is_server: bool, patience: Duration, log: &Log) -> Verdict<Self> {
        match peer.stream().try_clone() {
            Ok(stream) => Ok(WsPeer {
                name: peer.name.clone(),
                address: peer.address,
                stream,
                is_server,
                came: vec![],
                log: log.clone(),
                patience,
                quiet: false,
            }),
            Err(e) => fail(format!("{} is connected", peer.name), e.to_string()),
        }
    }

    /// A second hold on the same connection, for a thread that reads while this one sends.
    pub fn second(&self) -> Verdict<WsPeer> {
        match self.stream.try_clone() {
            Ok(stream) => Ok(WsPeer {
                name: self.name.clone(),
                came: self.came.clone(),
                log: self.log.clone(),
                stream,
                ..*self
            }),
            Err(e) => fail(format!("{} is connected", self.name), e.to_string()),
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

    /// What the others should get when this peer says `words`: one line.
    #[must_use]
    pub fn prefixed(&self, words: impl AsRef<[u8]>) -> Vec<u8> {
        [self.prefix().as_bytes(), words.as_ref(), b"\n"].concat()
    }

    /// A frame as this side has to send it.
    #[must_use]
    pub fn frame(&self, first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
        if self.is_server {
            frame::unmasked(first, payload.as_ref())
        } else {
            frame::masked(first, payload.as_ref())
        }
    }

    /// Sends bytes as they are.
    pub fn send_raw(&mut self, bytes: impl AsRef<[u8]>) -> Verdict {
        match self.stream.write_all(bytes.as_ref()) {
            Ok(()) => Ok(()),
            Err(e) => fail(format!("{} can send", self.name), e.to_string()),
        }
    }

    /// Sends bytes if the other side still takes them: for who expects to be thrown out. Says whether it did.
    pub fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Sends one frame.
    pub fn send(&mut self, first: u8, payload: impl AsRef<[u8]>) -> Verdict {
        let payload = payload.as_ref();
        self.note(|| format!("{} sends a frame, {first:#04x} {}", self.name, show(payload)));
        self.send_raw(self.frame(first, payload))
    }

    /// Sends one text message.
    pub fn text(&mut self, text: impl AsRef<[u8]>) -> Verdict {
        self.note(|| format!("{} sends the text message {}", self.name, show(text.as_ref())));
        self.send_raw(self.frame(FIN | TEXT, text))
    }

    /// Sends a close frame with a code.
    pub fn close(&mut self, code: u16) -> Verdict {
        self.note(|| format!("{} sends Close {code}", self.name));
        self.send_raw(self.frame(FIN | CLOSE, frame::code(code)))
    }

    /// Whether something has come that wasn't read. (Dropped then, this peer leaves by a reset.)
    #[must_use]
    pub fn has_something(&self, within: Duration) -> bool {
        let _ = self.stream.set_read_timeout(Some(within));
        !self.came.is_empty() || matches!(self.stream.peek(&mut [0]), Ok(1))
    }

    /// The next frame, or what came instead.
    pub fn next(&mut self, within: Duration) -> Heard {
        let heard = self.receive(Instant::now() + within);
        self.note(|| format!("{} gets {}", self.name, heard.told()));
        heard
    }

    fn receive(&mut self, deadline: Instant) -> Heard {
        let mut piece = [0; 16 * 1024];
        loop {
            if let Some(frame) = frame::take(&mut self.came) {
                return Heard::Frame(frame);
            }
            // Zero would mean "for ever".
            let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            let _ = self.stream.set_read_timeout(Some(left));
            match self.stream.read(&mut piece) {
                Ok(0) => return Heard::End,
                Ok(n) => self.came.extend_from_slice(&piece[..n]),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Heard::Nothing;
                }
                Err(_) => return Heard::Reset,
            }
            if left <= Duration::from_millis(1) {
                return frame::take(&mut self.came).map_or(Heard::Nothing, Heard::Frame);
            }
        }
    }

    /// The next frame must be this one, from a server unmasked and from a client masked.
    pub fn expect_frame(&mut self, first: u8, payload: impl AsRef<[u8]>) -> Verdict {
        let wanted = Frame { first, masked: self.is_server, payload: payload.as_ref().to_vec() };
        let heard = self.next(self.patience);
        if heard == Heard::Frame(wanted.clone()) {
            return Ok(());
        }
        let mut got = heard.told();
        if matches!(&heard, Heard::Frame(frame) if frame.masked != self.is_server) {
            got += if self.is_server { ", not masked" } else { ", masked" };
        }
        if heard == Heard::Nothing && !self.came.is_empty() {
            got += &format!(" but {}, which is no whole frame", show(&self.came));
        }
        fail(format!("{} gets {}", self.name, Heard::Frame(wanted).told()), got)
    }

    /// The next frame must be this text message.
    pub fn expect(&mut self, text: impl AsRef<[u8]>) -> Verdict {
        self.expect_frame(FIN | TEXT, text)
    }

    /// The next frame must be what `from` said: `[ip:port]: `, the words, and a line break.
    pub fn expect_from(&mut self, from: &WsPeer, words: impl AsRef<[u8]>) -> Verdict {
        self.expect(from.prefixed(words))
    }

    /// The next frame must be a close frame with this code, whatever its words.
    pub fn expect_close(&mut self, code: u16) -> Verdict {
        match self.next(self.patience) {
            Heard::Frame(Frame { first: 0x88, payload, .. }) if payload.starts_with(&frame::code(code)) => {
                Ok(())
            }
            other => fail(format!("{} gets Close {code}", self.name), other.told()),
        }
    }

    /// The connection must end now, in order.
    pub fn expect_end(&mut self, within: Duration) -> Verdict {
        match self.next(within) {
            Heard::End => Ok(()),
            other => {
                fail(format!("{} gets the end of the connection within {within:?}", self.name), other.told())
            }
        }
    }

    /// Reads to the end of the connection, past whatever else comes.
    pub fn read_to_end(&mut self, within: Duration) -> Heard {
        let deadline = Instant::now() + within;
        loop {
            match self.next(deadline.saturating_duration_since(Instant::now())) {
                Heard::Frame(_) => {}
                other => return other,
            }
        }
    }

    /// Reads an HTTP head, up to and with its empty line; what comes behind it is kept.
    fn read_head(&mut self) -> Verdict<String> {
        let deadline = Instant::now() + self.patience;
        let mut piece = [0; 4096];
        loop {
            if let Some(end) = self.came.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: Vec<u8> = self.came.drain(..end + 4).collect();
                return Ok(String::from_utf8_lossy(&head).into_owned());
            }
            let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            let _ = self.stream.set_read_timeout(Some(left));
            match self.stream.read(&mut piece) {
                Ok(n @ 1..) if left > Duration::from_millis(1) => self.came.extend_from_slice(&piece[..n]),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                _ => return fail("the head of an HTTP message", show(&self.came)),
            }
        }
    }

    /// Reads the server's answer to [`request`]: it must be "switching protocols".
    pub fn expect_upgrade(&mut self) -> Verdict {
        let head = self.read_head()?;
        let accepted = header(&head, "sec-websocket-accept");
        let upgraded =
            head.starts_with("HTTP/1.1 101 ") && accepted == Some(&derive_accept_key(KEY.as_bytes()));
        let wanted = "HTTP/1.1 101 and the accept key that belongs to the request's key";
        ensure(upgraded, wanted, show(head.as_bytes()))
    }
}

/// The value of a header line, its name given in lower case.
#[must_use]
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (is, value) = line.split_once(':')?;
        is.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

impl Speaker for WsPeer {
    fn name(&self) -> &str {
        &self.name
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn say(&mut self, words: &str) -> Verdict {
        self.text(words)
    }

    fn hear_from(&mut self, from: &str, words: &str) -> Verdict {
        self.expect(format!("{from}{words}\n"))
    }

    fn hears(&mut self, part: &[u8], within: Duration) -> bool {
        let deadline = Instant::now() + within;
        loop {
            match self.next(deadline.saturating_duration_since(Instant::now())) {
                Heard::Frame(frame) if contains(&frame.payload, part) => return true,
                Heard::Frame(_) => {}
                _ => return false,
            }
        }
    }

    fn set_quiet(&mut self, quiet: bool) {
        self.quiet = quiet;
    }
}

impl Server {
    /// Connects and sends this request, whatever it says. The answer is for the caller.
    pub fn ws_ask(&self, name: &str, request: impl AsRef<[u8]>) -> Verdict<WsPeer> {
        let mut peer = WsPeer::new(&self.connect(name)?, false, self.patience, &self.log)?;
        peer.send_raw(request)?;
        Ok(peer)
    }

    /// Opens a WebSocket. That isn't being in the room yet: see [`Server::ws_room`].
    pub fn ws_connect(&self, name: &str) -> Verdict<WsPeer> {
        let mut peer = self.ws_ask(name, request("/ws", self.address, ""))?;
        peer.expect_upgrade().likely("the handshake (RFC 6455, 4.2.2) is refused, or answered wrongly")?;
        Ok(peer)
    }

    /// The same, and says so in the transcript.
    pub fn ws_join(&self, name: &str) -> Verdict<WsPeer> {
        let peer = self.ws_connect(name)?;
        self.log.note(format!("{name} opens a WebSocket from {}", peer.address));
        Ok(peer)
    }

    /// WebSocket clients that all are in the room: each has heard each other one.
    pub fn ws_room<const N: usize>(&self, names: [&str; N]) -> Verdict<[WsPeer; N]> {
        let mut peers = names.iter().map(|name| self.ws_join(name)).collect::<Verdict<Vec<WsPeer>>>()?;
        let hint = "a message isn't relayed to every other client, or not as text";
        self.unless_ended(self.ws_greet(&mut peers, N).likely(hint))?;
        match <[WsPeer; N]>::try_from(peers) {
            Ok(peers) => Ok(peers),
            Err(_) => fail("as many peers as names", "others"),
        }
    }

    /// Lets the first few greet all the others.
    pub fn ws_greet(&self, peers: &mut [WsPeer], speakers: usize) -> Verdict {
        speaker::greet(&self.log, self.patience, &mut peers.iter_mut().collect::<Vec<_>>(), speakers)
    }

    /// One more client, once there is room for it: it tries until it hears `member`.
    pub fn ws_late(&self, name: &str, member: &mut WsPeer) -> Verdict<WsPeer> {
        let deadline = Instant::now() + self.patience;
        loop {
            let mut peer = self.ws_ask(name, request("/ws", self.address, ""))?;
            if peer.expect_upgrade().is_ok() {
                member.say("anybody new?")?;
                if peer.hears(b"anybody new?", speaker::GREETING) {
                    speaker::greet(&self.log, self.patience, &mut [&mut peer, member], 2)?;
                    return Ok(peer);
                }
            }
            if Instant::now() > deadline {
                let wanted = format!("{name} gets in, as there is room again");
                return fail(wanted, "it hears nothing, or is turned away");
            }
        }
    }
}

impl Host {
    /// The client that connects; the request that it sends.
    pub fn ws_request(&self) -> Verdict<(WsPeer, String)> {
        let mut peer = WsPeer::new(&self.accept()?, true, self.patience, &self.log)?;
        let head = peer.read_head()?;
        self.log.note(format!("it asks: {}", head.lines().next().unwrap_or_default()));
        Ok((peer, head))
    }

    /// The client that opens a WebSocket.
    pub fn ws_accept(&self) -> Verdict<WsPeer> {
        let (mut peer, head) = self.ws_request()?;
        let Some(key) = header(&head, "sec-websocket-key") else {
            return fail("a request for a WebSocket", show(head.as_bytes()));
        };
        let accept = derive_accept_key(key.as_bytes());
        peer.send_raw(format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        ))?;
        Ok(peer)
    }
}
