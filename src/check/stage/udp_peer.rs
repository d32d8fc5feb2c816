//! A UDP client (or, for a client under test, the server) that the checker plays.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::program::Program;
use super::scene::{Launch, Scene, Server};
use super::speaker::{Heard, Role, Speaker};
use super::start::{Start, is_open, must_be_free, nobody_at, resolve};
use super::system::has_proc;
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

/// How often one looks whether a socket is there.
const LOOK: Duration = Duration::from_millis(20);

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
        let mut start = Start::new(server.role.patience);
        loop {
            let is_over = client.has_ended() || start.is_over(&client); // It may speak and end at once.
            match server.receive(LOOK) {
                Heard::Nothing if is_over => {
                    let address = server.role.address;
                    let sends = tr!(zh "客户端把输入的一行发到 {address}", en "the client sends a typed line to {address}");
                    return fail(sends, client.found())
                        .likely(text!(zh "输入的行没有发送，或者没有发到给它的地址",
                                      en "typed lines are not sent, or not to the address it was given"));
                }
                Heard::Nothing => {}
                heard => {
                    server.role.hears(&heard);
                    let wanted = Heard::Words(b"first words\n".to_vec());
                    server.judge(&wanted, &heard, LOOK)?;
                    return Ok((client, server));
                }
            }
        }
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

impl Launch<'_> {
    /// Starts a UDP server and waits until it serves.
    pub fn udp_server(self) -> Verdict<Server> {
        if let (false, Some(at)) = (self.chooses_port(), resolve(&self.address)) {
            must_be_free(at, &self.scene.log, |at| UdpSocket::bind(at).is_ok(), |_| true)?;
        }
        self.serving(knock)
    }
}

/// Waits until a server serves at the address that it was given. There is no knocking over UDP: that its socket is
/// there shows in the system's tables; where there are none, its first line must say so.
fn knock(program: &Program, address: &str, patience: Duration) -> Verdict<SocketAddr> {
    let Some(address) = resolve(address) else {
        return not_checked(tr!(zh "{address} 不是可以发送的地址", en "{address} is no address to send to"));
    };
    let mut start = Start::new(patience);
    while !is_open(program, address, true) {
        if !has_proc() && program.stdout.bytes().contains(&b'\n') {
            break;
        }
        program.expect_running()?;
        if start.is_over(program) {
            return nobody_at(address, program);
        }
        thread::sleep(LOOK);
    }
    Ok(address)
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
