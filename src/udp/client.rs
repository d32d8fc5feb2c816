//! The UDP client, in the order of the notes' `client.go`.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::BUFFER;
use crate::support::address::{self, Address};
use crate::support::keyboard::{self, Keyboard};
use crate::support::trouble::{Trouble, no_socket, no_thread};
use crate::support::{print, stop};
use crate::{say, tr, warn};

/// The longest line that is sent (D18): the most that a datagram carries over IPv4 (65,535 bytes
/// less the headers of IP, 20, and UDP, 8), less the prefix, `[ip:port]: `, and the line end.
const MAX_LINE: usize = 65_507 - 64 - 1;

/// Chats until the input ends.
///
/// # Errors
/// A sentence, when the address can't be resolved.
// ANCHOR: call
// Go: func main()
pub fn run(addr: &Address) -> Result<(), String> {
    stop::on_signal(|| stop::exit(0))?;
    let addrs = addr // Go: net.ResolveUDPAddr("udp", "localhost:8081")
        .to_call()
        // Go: log.Fatal
        .map_err(|why| {
            tr!(zh "解析地址失败:lookup {addr}: {why}",
                en "cannot resolve {addr}: {why}")
        })?;
    let conn = connect(&addrs) // Go: net.DialUDP("udp", nil, addr)
        .map_err(|err| address::explain(&err))
        // Go: log.Fatal
        .map_err(|why| {
            tr!(zh "连接失败:dial udp {addr}: {why}",
                en "cannot connect to {addr}: {why}")
        })?;
    // Go: defer conn.Close(). The socket closes with its last handle, at the end of the program.
    say!(zh "已连接到 UDP 服务器", en "connected to the UDP server"); // Go: fmt.Println
    // ANCHOR_END: call
    keyboard::introduce(conn.local_addr());
    say!(zh "（发出第一行之后，聊天室才知道你在这里）",
         en "(the room hears of you with your first line)");

    // ANCHOR: listener
    let listening = conn.try_clone().map_err(no_socket)?;
    // Go: go func()
    let listener = thread::Builder::new().spawn(move || {
        let mut buffer = vec![0; BUFFER]; // Go: make([]byte, 1024) (D14)
        let mut trouble = Trouble::default();
        loop {
            let received = listening.recv(&mut buffer); // Go: conn.ReadFromUDP(buffer)
            match received {
                Err(_) if stop::requested() => return,
                Err(err) if nobody_listens(&err) => say_nobody_there(), // D17
                Err(err) => {
                    trouble.rest(&tr!(zh "读取失败: {err}", en "cannot receive: {err}")); // Go: log.Println; return
                }
                Ok(n) => {
                    NOBODY_THERE.store(false, Ordering::Relaxed);
                    print::print(&buffer[..n]); // Go: fmt.Print(string(…)) (D12)
                }
            }
        }
    });
    listener.map_err(no_thread)?;
    // ANCHOR_END: listener

    // ANCHOR: keyboard
    let mut keyboard = Keyboard::new(MAX_LINE); // Go: bufio.NewScanner(os.Stdin) (D18)
    // Go: scanner.Scan()
    while let Some(mut msg) = keyboard.next_line() {
        msg.push(b'\n'); // Go: scanner.Text() + "\n"
        let sent = send(&conn, &msg); // Go: conn.Write([]byte(msg)) (D17)
        if let Err(err) = sent {
            // Go: log.Println; return (D18)
            warn!(zh "发送失败: {err}；这一行没有发出",
                  en "cannot send: {err}; that line was not sent");
        }
    }
    stop::request();
    // ANCHOR_END: keyboard
    Ok(())
}

// ANCHOR: connect
/// A socket of the family of the first address that works, which will talk to that address only.
fn connect(addrs: &[SocketAddr]) -> io::Result<UdpSocket> {
    let mut last = ErrorKind::AddrNotAvailable.into();
    for addr in addrs {
        let any: IpAddr =
            if addr.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        match UdpSocket::bind((any, 0)).and_then(|conn| conn.connect(addr).map(|()| conn)) {
            Ok(conn) => return Ok(conn),
            Err(err) => last = err,
        }
    }
    Err(last)
}
// ANCHOR_END: connect

// ANCHOR: send
/// Sends one datagram. A refusal speaks of the datagram before, and this one has not gone out: it
/// is sent again, once (D17).
fn send(conn: &UdpSocket, msg: &[u8]) -> io::Result<()> {
    for _ in 0..2 {
        match conn.send(msg) {
            Ok(_) => return Ok(()),
            Err(err) if nobody_listens(&err) => say_nobody_there(),
            Err(err) => return Err(err),
        }
    }
    Ok(())
}
// ANCHOR_END: send

/// Whether an error means that at the other end nobody has the port open. (Windows says "reset".)
fn nobody_listens(err: &io::Error) -> bool {
    matches!(err.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset)
}

/// It was said that nobody listens, and nothing was heard since.
static NOBODY_THERE: AtomicBool = AtomicBool::new(false);

fn say_nobody_there() {
    if !NOBODY_THERE.swap(true, Ordering::Relaxed) {
        warn!(zh "服务器那边没有程序在监听；会继续尝试，请启动服务器",
              en "nobody listens at the server's address; start the server, each line tries again");
    }
}
