//! A UDP client (or, for a client under test, the server) that the checker plays.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::program::Program;
use super::scene::{Launch, Scene, Server, must_be_free, resolve};
use super::speaker::{Heard, Role, Speaker};
use crate::check::telling::events::Log;
use crate::check::telling::text::Text;
use crate::check::telling::verdict::{Likely, Verdict, fail, not_checked};
use crate::{text, tr};

/// More than any datagram holds: a longer one would be cut silently.
const BUFFER: usize = 1 << 16;

/// Ports of clients that the checker has played. A room goes on speaking to them when they are
/// closed, so no server that it plays may come upon one of them.
static SPOKEN_TO: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// Binds a socket, at a port where no room speaks to anybody if it must be `quiet` there.
fn bind(at: SocketAddr, quiet: bool) -> io::Result<(SocketAddr, UdpSocket)> {
    let socket = UdpSocket::bind(at)?;
    let address = socket.local_addr()?;
    let mut spoken_to = SPOKEN_TO.lock().unwrap_or_else(PoisonError::into_inner);
    if !quiet {
        spoken_to.insert(address.port());
    } else if spoken_to.contains(&address.port()) {
        drop(spoken_to);
        return bind(at, quiet); // with this one still in hand, so the system chooses another
    }
    Ok((address, socket))
}

/// A socket that the checker holds.
#[derive(Debug)]
pub struct UdpPeer {
    role: Role,
    /// Who it talks to; not known yet to a server whose client hasn't said a word.
    other: Option<SocketAddr>,
    socket: UdpSocket,
}

impl UdpPeer {
    fn bind(name: &str, at: SocketAddr, other: Option<SocketAddr>, scene: (&Log, Duration)) -> Verdict<Self> {
        match bind(at, other.is_none() && at.port() == 0) {
            Ok((address, socket)) => {
                Ok(UdpPeer { role: Role::new(name, address, scene.0, scene.1), other, socket })
            }
            Err(e) => not_checked(tr!(zh "检查器无法在 {at} 打开 UDP 套接字：{e}",
                                      en "the checker can't open a UDP socket on {at}: {e}")),
        }
    }

    /// Takes whoever speaks next for the other side.
    pub fn forget(&mut self) {
        self.other = None;
    }

    /// Sends one datagram.
    pub fn send(&mut self, datagram: impl AsRef<[u8]>) -> Verdict {
        let datagram = datagram.as_ref();
        self.role.sends(datagram);
        let Some(other) = self.other else {
            let wanted = self.role.does(text!(zh "知道该发给谁", en "knows whom to send to"));
            return fail(wanted, text!(zh "还没有人说过话", en "nobody has said a word yet"));
        };
        match self.socket.send_to(datagram, other) {
            Ok(_) => Ok(()),
            Err(e) => fail(self.role.does(text!(zh "能够发送", en "can send")), e.to_string()),
        }
    }
}

impl Speaker for UdpPeer {
    const END: &'static str = "\n";
    const RAW: &'static [u8] = b"\xff\x9b";
    const DEAF: Text = text!(zh "每个数据报都登记它的发送者，并转发给其他所有登记过的客户端",
                             en "each datagram registers its sender, and reaches all who are registered but its sender");

    fn serve(launch: Launch<'_>) -> Verdict<Server> {
        launch.udp_server()
    }

    /// A socket of its own: the server hears of it with its first datagram.
    fn connect(server: &Server, name: &str) -> Verdict<Self> {
        let mut local = server.address;
        local.set_port(0);
        UdpPeer::bind(name, local, Some(server.address), (&server.log, server.patience))
    }

    fn occupy(scene: &Scene<'_>, address: &str) -> Verdict<(SocketAddr, impl Sized)> {
        scene.udp_host_at(address).map(|host| (host.role.address, host))
    }

    /// Lets the client say a first line, too: before that, no server can know of it.
    fn call(scene: &Scene<'_>, launch: Launch<'_>) -> Verdict<(Program, Self)> {
        let mut server = scene.udp_host()?;
        let mut client = launch.at(server.role.address).program("client")?;
        client.type_in("first words\n")?;
        server.expect_typed("first words")?;
        Ok((client, server))
    }

    fn role(&self) -> &Role {
        &self.role
    }

    fn say(&mut self, words: impl AsRef<[u8]>) -> Verdict {
        self.send([words.as_ref(), b"\n"].concat())
    }

    fn receive(&mut self, within: Duration) -> Heard {
        let deadline = Instant::now() + within;
        let mut buffer = vec![0; BUFFER];
        loop {
            let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            let _ = self.socket.set_read_timeout(Some(left)); // Zero would mean "for ever".
            match self.socket.recv_from(&mut buffer) {
                Ok((n, from)) if *self.other.get_or_insert(from) == from => {
                    buffer.truncate(n);
                    return Heard::Words(buffer);
                }
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Heard::Nothing;
                }
                _ if left <= Duration::from_millis(1) => return Heard::Nothing,
                _ => {} // A stranger's, or a refusal of something sent before.
            }
        }
    }

    fn knock(&mut self) -> Verdict {
        self.say("knock, knock")
    }

    /// Nobody hears over UDP that somebody has left.
    fn expect_farewell(&mut self) -> Verdict {
        Ok(())
    }

    /// The notes' server has words of its own for it, so just these count.
    fn shown(&self, words: impl AsRef<[u8]>) -> Vec<u8> {
        [words.as_ref(), b"\n"].concat()
    }
}

/// How often one looks whether a server has started.
const POLL: Duration = Duration::from_millis(10);

/// Whether somebody has a UDP socket at this port, where the system tells (Linux).
fn is_bound(address: SocketAddr) -> bool {
    let port = format!(":{:04X}", address.port());
    ["/proc/net/udp", "/proc/net/udp6"].into_iter().any(|table| {
        let sockets = fs::read_to_string(table).unwrap_or_default();
        sockets.lines().filter_map(|line| line.split_whitespace().nth(1)).any(|local| local.ends_with(&port))
    })
}

impl Launch<'_> {
    /// Starts a UDP server and waits until it serves. There is no knocking over UDP: the system tells who is bound, or
    /// the program's first line has to.
    pub fn udp_server(self) -> Verdict<Server> {
        if self.chooses_port() {
            return self.server();
        }
        let (scene, address) = (self.scene, self.address.clone());
        let Some(address) = resolve(&address) else {
            return not_checked(
                tr!(zh "{address} 不是可以发送的地址", en "{address} is no address to send to"),
            );
        };
        must_be_free(address, |at| UdpSocket::bind(at).is_ok())?;
        let program = self.program("server")?;
        let deadline = Instant::now() + scene.patience();
        while !is_bound(address) && !program.stdout.wait_for(POLL, |all| all.contains(&b'\n')) {
            program.expect_running()?;
            if Instant::now() > deadline {
                let wanted =
                    tr!(zh "服务器在 {address} 上接收数据报", en "the server takes datagrams at {address}");
                return fail(wanted, program.printed()).likely(text!(
                    zh "服务器没有启动，或者不在这个地址上",
                    en "the server doesn't start, or not at this address"));
            }
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
        self.udp_host_at(&self.target.address)
    }

    /// The same, at another address than the target's.
    pub fn udp_host_at(&self, address: &str) -> Verdict<UdpPeer> {
        match resolve(address) {
            Some(at) => {
                let name = tr!(zh "服务器", en "the server");
                UdpPeer::bind(&name, at, None, (&self.log, self.patience()))
            }
            None => {
                not_checked(tr!(zh "{address} 不是可以监听的地址", en "{address} is no address to listen on"))
            }
        }
    }
}
