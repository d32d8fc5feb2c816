//! A TCP client (or, for a client under test, the server) that the checker plays.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::program::Program;
use super::scene::{Launch, Scene, Server};
use super::speaker::{Connected, Heard, MAX_UNFINISHED, Role, Speaker};
use crate::check::telling::events::Log;
use crate::check::telling::text::{Text, join};
use crate::check::telling::verdict::{Verdict, fail, not_checked};
use crate::{text, tr};

/// The end of a TCP connection that the checker holds.
#[derive(Debug)]
pub struct Peer {
    role: Role,
    reader: BufReader<TcpStream>,
    partial: Vec<u8>,
}

impl Peer {
    /// Takes over a connection.
    pub fn new(name: &str, stream: TcpStream, log: &Log, patience: Duration) -> Verdict<Self> {
        let ready = stream.set_nodelay(true).and_then(|()| stream.set_write_timeout(Some(patience)));
        match ready.and_then(|()| stream.local_addr()) {
            Ok(address) => Ok(Peer::hold(Role::new(name, address, log, patience), stream)),
            Err(e) => fail(join(name, text!(zh "已连接", en "is connected")), e.to_string()),
        }
    }

    fn hold(role: Role, stream: TcpStream) -> Self {
        Peer { role, reader: BufReader::with_capacity(64 * 1024, stream), partial: vec![] }
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Verdict {
        self.role.sends(bytes.as_ref());
        match self.reader.get_mut().write_all(bytes.as_ref()) {
            Ok(()) => Ok(()),
            Err(e) => fail(self.role.does(text!(zh "能够发送", en "can send")), e.to_string()),
        }
    }
}

impl Speaker for Peer {
    const END: &'static str = "\n";
    const RAW: &'static [u8] = b"\xff\x9b\r";
    const DEAF: Text = text!(zh "一行没有转发给其他所有客户端：写了以后要 flush；大家要在同一个列表里；\
                                 不要等发送者离开才转发",
                             en "a line isn't relayed to every other client: flush what is written; keep all in one list; \
                                 don't wait until the sender leaves");

    fn connect(server: &Server, name: &str) -> Verdict<Self> {
        server.connect(name)
    }

    fn occupy(scene: &Scene<'_>, address: &str) -> Verdict<(SocketAddr, impl Sized)> {
        scene.host_at(address).map(|host| (host.address, host))
    }

    fn call(scene: &Scene<'_>, launch: Launch<'_>) -> Verdict<(Program, Self)> {
        let host = scene.host()?;
        let client = launch.at(host.address).program("client")?;
        let server = host.accept(&client)?;
        Ok((client, server))
    }

    fn role(&self) -> &Role {
        &self.role
    }

    fn say(&mut self, words: impl AsRef<[u8]>) -> Verdict {
        self.send(self.encode(words))
    }

    fn receive(&mut self, within: Duration) -> Heard {
        let deadline = Instant::now() + within;
        while self.partial.len() < MAX_UNFINISHED {
            // Zero would mean "for ever".
            let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            let _ = self.stream().set_read_timeout(Some(left));
            let came = match self.reader.fill_buf() {
                Ok([]) => return Heard::End(std::mem::take(&mut self.partial)),
                Ok(came) => came,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
                Err(_) => return Heard::Reset,
            };
            let end = came.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(came.len(), |end| end + 1);
            self.partial.extend_from_slice(&came[..taken]);
            self.reader.consume(taken);
            if end.is_some() {
                return Heard::Words(std::mem::take(&mut self.partial));
            }
            if Instant::now() > deadline {
                break;
            }
        }
        Heard::Nothing
    }

    fn unfinished(&self) -> &[u8] {
        &self.partial
    }

    fn expect_farewell(&mut self) -> Verdict {
        self.expect_end(self.role.patience)
    }
}

impl Connected for Peer {
    fn stream(&self) -> &TcpStream {
        self.reader.get_ref()
    }

    fn second(&self) -> Verdict<Self> {
        match self.stream().try_clone() {
            Ok(stream) => Ok(Peer::hold(self.role.clone(), stream)),
            Err(e) => not_checked(
                tr!(zh "检查器没有可用的描述符了：{e}", en "the checker has no descriptor left: {e}"),
            ),
        }
    }

    fn encode(&self, words: impl AsRef<[u8]>) -> Vec<u8> {
        [words.as_ref(), b"\n"].concat()
    }

    fn finish(&mut self) -> Verdict {
        let _ = self.stream().shutdown(Shutdown::Write);
        Ok(())
    }
}
