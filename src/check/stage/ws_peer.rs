//! A WebSocket client (or, for a client under test, the server) that the checker plays.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use tungstenite::handshake::derive_accept_key;

use super::frame::{self, CLOSE, FIN, Frame, TEXT};
use super::guess;
use super::program::Program;
use super::scene::{Host, Launch, Scene, Server};
use super::speaker::{Connected, Heard, MAX_UNFINISHED, Role, Speaker};
use super::tcp_peer::Peer;
use crate::check::telling::events::show;
use crate::check::telling::verdict::{Evidence, Likely, Verdict, ensure, fail, fail_by};
use crate::{text, tr};

/// Any 16 bytes in Base64.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// The end of a WebSocket that the checker holds.
#[derive(Debug)]
pub struct WsPeer {
    role: Role,
    stream: TcpStream,
    is_server: bool,
    came: Vec<u8>,
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
    fn new(peer: &Peer, is_server: bool) -> Verdict<Self> {
        match peer.stream().try_clone() {
            Ok(stream) => Ok(WsPeer { role: peer.role().clone(), stream, is_server, came: vec![] }),
            Err(e) => unconnected(peer.role(), &e),
        }
    }

    /// Connects and sends this request, whatever it says. The answer is for the caller.
    pub fn ask(server: &Server, name: &str, request: impl AsRef<[u8]>) -> Verdict<Self> {
        let mut peer = WsPeer::new(&server.connect(name)?, false)?;
        peer.send_raw(request)?;
        Ok(peer)
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
            Err(e) => fail(self.role.does(text!(zh "能够发送", en "can send")), e.to_string()),
        }
    }

    /// Sends one frame.
    pub fn send(&mut self, first: u8, payload: impl AsRef<[u8]>) -> Verdict {
        let payload = payload.as_ref();
        self.role.note(|| {
            let shown = show(payload);
            tr!(zh "发送一个帧，{first:#04x} {shown}", en "sends a frame, {first:#04x} {shown}")
        });
        self.send_raw(self.frame(first, payload))
    }

    /// Sends a close frame with a code.
    pub fn close(&mut self, code: u16) -> Verdict {
        self.role.note(|| tr!(zh "发送 Close {code}", en "sends Close {code}"));
        self.send_raw(self.frame(FIN | CLOSE, frame::code(code)))
    }

    /// The next frame must be this one, from a server unmasked and from a client masked.
    pub fn expect_frame(&mut self, first: u8, payload: impl AsRef<[u8]>) -> Verdict {
        let payload = payload.as_ref().to_vec();
        self.expect_heard(&Heard::Frame(Frame { first, masked: self.is_server, payload }))
    }

    /// The next frame must be a close frame with this code, whatever its words.
    pub fn expect_close(&mut self, code: u16) -> Verdict {
        match self.next(self.role.patience) {
            Heard::Frame(Frame { first: 0x88, payload, .. }) if payload.starts_with(&frame::code(code)) => {
                Ok(())
            }
            other => {
                let gets = tr!(zh "收到 Close {code}", en "gets Close {code}");
                fail(self.role.does(gets), other.told())
            }
        }
    }

    /// The same, and then nothing but the end, in order.
    pub fn expect_close_and_end(&mut self, code: u16) -> Verdict {
        self.expect_close(code)?;
        self.expect_end_at_once()
    }

    /// Nothing more must come but the end, in order.
    pub fn expect_end_at_once(&mut self) -> Verdict {
        match self.next(self.role.patience) {
            Heard::End(_) => Ok(()),
            other => {
                let gets = text!(zh "读到连接结束", en "gets the end of the connection");
                fail(self.role.does(gets), other.told())
            }
        }
    }

    /// Reads what comes next, if anything does until then.
    fn read_some(&mut self, deadline: Instant) -> Result<(), Heard> {
        // Zero would mean "for ever".
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let _ = self.stream.set_read_timeout(Some(left));
        let mut piece = [0; 16 * 1024];
        match self.stream.read(&mut piece) {
            Ok(0) => return Err(Heard::End(self.came.clone())),
            Ok(n) => self.came.extend_from_slice(&piece[..n]),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Err(Heard::Nothing);
            }
            Err(_) => return Err(Heard::Reset),
        }
        Ok(())
    }

    /// Reads an HTTP head, up to and with its empty line; what comes behind it is kept.
    fn read_head(&mut self) -> Verdict<String> {
        let deadline = Instant::now() + self.role.patience;
        loop {
            if let Some(end) = self.came.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: Vec<u8> = self.came.drain(..end + 4).collect();
                return Ok(String::from_utf8_lossy(&head).into_owned());
            }
            if Instant::now() > deadline || self.read_some(deadline).is_err() {
                let nothing = self.came.is_empty() && !self.is_server;
                let cause = nothing.then(|| guess::unserved(&self.role)).flatten();
                return fail_by(
                    tr!(zh "完整的 HTTP 消息头", en "the whole head of an HTTP message"),
                    show(&self.came),
                    Evidence { cause, differs_at: None },
                );
            }
        }
    }

    /// Reads the server's answer to [`request`]: it must be "switching protocols".
    pub fn expect_upgrade(&mut self) -> Verdict {
        let head = self.read_head()?;
        let wanted = tr!(zh "HTTP/1.1 101，以及与请求的 key 对应的 accept key",
                         en "HTTP/1.1 101 and the accept key that belongs to the request's key");
        ensure(head.starts_with("HTTP/1.1 101 "), wanted, show(head.as_bytes()))?;
        let (key, accepted) = (derive_accept_key(KEY.as_bytes()), header(&head, "sec-websocket-accept"));
        let accepted = accepted.unwrap_or_default();
        ensure(accepted == key, format!("Sec-WebSocket-Accept: {key}"), show(accepted.as_bytes())).likely(
            text!(zh "accept key 算得不对：请求的 key 原样接上 258EAFA5-E914-47DA-95CA-C5AB0DC85B11，取 SHA-1 的 20 个字节\
                      （不是它的十六进制写法），再转成 Base64",
                  en "the accept key is computed wrongly: the request's key as it is, and behind it \
                      258EAFA5-E914-47DA-95CA-C5AB0DC85B11; of that the 20 bytes of SHA-1 (not their hexadecimal \
                      digits), in Base64"),
        )
    }
}

impl Speaker for WsPeer {
    const END: &'static str = "";
    const RAW: &'static [u8] = "\u{9b}".as_bytes();
    const DEAF: crate::check::Text = crate::text!(zh "消息没有转发给其他所有客户端，或者不是作为文本消息转发的",
                                                  en "a message isn't relayed to every other client, or not as text");

    fn connect(server: &Server, name: &str) -> Verdict<Self> {
        let mut peer = WsPeer::ask(server, name, request("/ws", server.address, ""))?;
        let upgraded = peer.expect_upgrade();
        upgraded.likely(&tr!(zh "握手（RFC 6455，4.2.2 节）被拒绝，或者回答有错",
                             en "the handshake (RFC 6455, 4.2.2) is refused, or answered wrongly"))?;
        Ok(peer)
    }

    fn occupy(scene: &Scene<'_>, address: &str) -> Verdict<(SocketAddr, impl Sized)> {
        scene.host_at(address).map(|host| (host.address, host))
    }

    fn call(scene: &Scene<'_>, launch: Launch<'_>) -> Verdict<(Program, Self)> {
        let host = scene.host()?;
        let client = launch.at(host.address).program("client")?;
        let server = host.ws_accept(&client)?;
        Ok((client, server))
    }

    fn role(&self) -> &Role {
        &self.role
    }

    fn say(&mut self, words: impl AsRef<[u8]>) -> Verdict {
        self.role.sends(words.as_ref());
        self.send_raw(self.encode(words))
    }

    fn receive(&mut self, within: Duration) -> Heard {
        let (deadline, mut over) = (Instant::now() + within, false);
        loop {
            match frame::take(&mut self.came) {
                Some(frame) if frame.first == FIN | TEXT && frame.masked == self.is_server => {
                    return Heard::Words(frame.payload);
                }
                Some(frame) => return Heard::Frame(frame),
                None if over || self.came.len() >= MAX_UNFINISHED => return Heard::Nothing,
                None => {}
            }
            if let Err(heard) = self.read_some(deadline) {
                return heard;
            }
            over = Instant::now() > deadline; // What that brought may be whole.
        }
    }

    fn unfinished(&self) -> &[u8] {
        &self.came
    }

    /// Of a server, Close 1001; of a client, no more than the end.
    fn expect_farewell(&mut self) -> Verdict {
        if self.is_server {
            return self.expect_end(self.role.patience);
        }
        let told = self.expect_close_and_end(1001);
        told.likely(&tr!(zh "没有告诉客户端，服务器要停止了",
                         en "the clients aren't told that the server goes away"))
    }
}

impl Connected for WsPeer {
    fn stream(&self) -> &TcpStream {
        &self.stream
    }

    fn second(&self) -> Verdict<Self> {
        match self.stream.try_clone() {
            Ok(stream) => Ok(WsPeer {
                role: self.role.clone(),
                stream,
                came: self.came.clone(),
                is_server: self.is_server,
            }),
            Err(e) => unconnected(&self.role, &e),
        }
    }

    /// As everywhere a server's words end with a line break, and here a client's don't.
    fn encode(&self, words: impl AsRef<[u8]>) -> Vec<u8> {
        let end: &[u8] = if self.is_server { b"\n" } else { b"" };
        self.frame(FIN | TEXT, [words.as_ref(), end].concat())
    }

    fn finish(&mut self) -> Verdict {
        self.close(1000)
    }
}

/// The connection can't be held any longer.
fn unconnected<T>(role: &Role, err: &io::Error) -> Verdict<T> {
    fail(role.does(text!(zh "已连接", en "is connected")), err.to_string())
}

/// The value of a header line, its name given in lower case.
#[must_use]
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (is, value) = line.split_once(':')?;
        is.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

impl Host {
    /// The client that connects; the request that it sends.
    pub fn ws_request(&self, client: &Program) -> Verdict<(WsPeer, String)> {
        let mut peer = WsPeer::new(&self.accept(client)?, true)?;
        let head = peer.read_head().likely(
            text!(zh "客户端连上了，却没有请求 WebSocket（GET … Upgrade: websocket，RFC 6455，4.1 节）",
                  en "the client connects, but doesn't ask for a WebSocket (GET … Upgrade: websocket, RFC 6455, 4.1)"),
        )?;
        let line = head.lines().next().unwrap_or_default();
        self.log.note(tr!(zh "客户端请求：{line}", en "the client asks: {line}"));
        Ok((peer, head))
    }

    /// The client that opens a WebSocket.
    pub fn ws_accept(&self, client: &Program) -> Verdict<WsPeer> {
        let (mut peer, head) = self.ws_request(client)?;
        let Some(key) = header(&head, "sec-websocket-key") else {
            return fail(
                tr!(zh "一个 WebSocket 请求", en "a request for a WebSocket"),
                show(head.as_bytes()),
            );
        };
        let accept = derive_accept_key(key.as_bytes());
        peer.send_raw(format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        ))?;
        Ok(peer)
    }
}
