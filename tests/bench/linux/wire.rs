//! The three wire protocols, from the clients' side: joining, and what a line looks like.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::str::FromStr;
use std::time::Duration;

use chatroom::check::stage::frame::{self, FIN, TEXT};
use chatroom::check::stage::ws_peer::request;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Proto {
    Tcp,
    Udp,
    Ws,
}

impl FromStr for Proto {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "tcp" => Ok(Self::Tcp),
            "udp" => Ok(Self::Udp),
            "ws" => Ok(Self::Ws),
            _ => Err(format!("{word} is none of tcp, udp, ws")),
        }
    }
}

impl fmt::Display for Proto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Ws => "ws",
        })
    }
}

/// What a client writes to say `text`: a line, or a masked text frame (the server adds the `\n`).
pub fn say(proto: Proto, text: &str) -> Vec<u8> {
    if proto == Proto::Ws {
        return frame::masked(FIN | TEXT, text.as_bytes());
    }
    format!("{text}\n").into_bytes()
}

/// What each of the others gets for it.
pub fn hear(proto: Proto, prefix: &str, text: &str) -> Vec<u8> {
    let line = format!("{prefix}{text}\n").into_bytes();
    if proto == Proto::Ws { frame::unmasked(FIN | TEXT, &line) } else { line }
}

/// The length of the first line, frame or datagram in `data`, or `None` if it isn't whole yet.
pub fn first(proto: Proto, data: &[u8]) -> Option<usize> {
    match proto {
        Proto::Tcp => data.iter().position(|&byte| byte == b'\n').map(|at| at + 1),
        Proto::Udp => Some(data.len()),
        Proto::Ws => {
            let (head, len) = match *data {
                [_, 126, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
                [_, 126 | 127, ..] | [] | [_] => return None,
                [_, len, ..] => (2, usize::from(len)),
            };
            Some(head + len).filter(|&end| end <= data.len())
        }
    }
}

pub enum Sock {
    Tcp(TcpStream),
    Udp(UdpSocket),
}

impl Sock {
    /// Connects, blocking. A WebSocket client has asked for its upgrade, but not yet read the answer.
    pub fn connect(proto: Proto, server: SocketAddr) -> io::Result<Self> {
        let mut stream = TcpStream::connect_timeout(&server, Duration::from_secs(5))?;
        stream.set_nodelay(true)?;
        if proto == Proto::Ws {
            stream.write_all(request("/ws", server, "").as_bytes())?;
        }
        Ok(Self::Tcp(stream))
    }

    /// The rest of the joining; from here on no call waits.
    pub fn joined(&self, proto: Proto) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => {
                if proto == Proto::Ws {
                    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
                    expect_switch(&read_head(stream)?)?;
                }
                stream.set_nonblocking(true)
            }
            Self::Udp(socket) => socket.set_nonblocking(true),
        }
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.local_addr(),
            Self::Udp(socket) => socket.local_addr(),
        }
    }

    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => (&*stream).read(buffer),
            Self::Udp(socket) => socket.recv(buffer),
        }
    }

    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => (&*stream).write(bytes),
            Self::Udp(socket) => socket.send(bytes),
        }
    }
}

impl AsFd for Sock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Udp(socket) => socket.as_fd(),
        }
    }
}

/// The answer to that key, for the floor, which knows no hash.
pub const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Byte by byte, so that nothing behind the head is taken along.
pub fn read_head(mut stream: &TcpStream) -> io::Result<Vec<u8>> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    Ok(head)
}

fn expect_switch(head: &[u8]) -> io::Result<()> {
    if head.starts_with(b"HTTP/1.1 101") {
        return Ok(());
    }
    let answer =
        String::from_utf8_lossy(head.split(|&byte| byte == b'\r').next().unwrap_or_default()).into_owned();
    Err(io::Error::other(format!("no upgrade: {answer}")))
}
