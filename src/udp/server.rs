//! The UDP server, in the order of the notes' `server.go`.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::members::Members;
use super::{BUFFER, MAX_DATAGRAM, SEND_PATIENCE, send_to_all};
use crate::address::{self, Address};
use crate::cli::Options;
use crate::door::{self, Trouble};
use crate::line::one_line;
use crate::{say, stop, tr};

/// Refusals are sent at most this often. A source address is easily forged: two full rooms that
/// are each made to take the other for a newcomer would else answer each other for ever.
const REFUSAL_PAUSE: Duration = Duration::from_millis(10);

/// Runs the server until Ctrl-C.
///
/// # Errors
/// A sentence, when it can't listen at `addr`.
pub fn run(addr: &Address, options: &Options) -> Result<(), String> {
    let addrs = addr // Go: net.ResolveUDPAddr("udp", ":8081")
        .to_listen()
        .map_err(|why| tr!(zh "解析地址失败:lookup {addr}: {why}", en "cannot resolve {addr}: {why}"))?; // Go: log.Fatal
    let conn = UdpSocket::bind(&addrs[..]) // Go: net.ListenUDP("udp", addr)
        .map_err(|err| address::explain(&err))
        .map_err(
            |why| tr!(zh "监听端口失败:listen udp {addr}: {why}", en "cannot listen on {addr}: {why}"),
        )?; // Go: log.Fatal
    // Go: defer conn.Close(). Dropping it closes it.
    let local = stop::wake_socket(&conn)?; // D19
    conn.set_write_timeout(Some(SEND_PATIENCE)).map_err(stop::no_socket)?;
    say::print_in_background().map_err(stop::no_thread)?; // D7
    say!(zh "已监听 UDP 端口: {local}", en "UDP server listening on {local}"); // Go: fmt.Println

    // Go: var clients []net.Addr
    let mut clients = Members::new(options.max_clients, options.forget_after); // D16
    // Go: var mutex sync.Mutex. Only this thread uses the list, in the notes too. There the mutex
    // makes sure of that; here `mut` does: the compiler lets no second thread have it.

    let mut buffer = vec![0; BUFFER]; // Go: make([]byte, 1024) (D14)
    let mut trouble = Trouble::default();
    let mut refused = None;
    loop {
        let received = conn.recv_from(&mut buffer); // Go: conn.ReadFromUDP(buffer)
        if stop::requested() {
            break; // D19
        }
        match received {
            Err(err) if err.kind() == ErrorKind::ConnectionReset => {} // Windows, of a client that has gone
            Err(err) => trouble.rest(&tr!(zh "读取失败: {err}", en "cannot receive: {err}")), // Go: log.Println, continue
            Ok((n, client_addr)) => {
                let msg = &buffer[..n]; // Go: string(buffer[:n])
                if let Err(why) = handle_datagram(&conn, &mut clients, client_addr, msg) {
                    refuse(&conn, client_addr, &why, &mut refused); // D14, D16
                }
            }
        }
    }
    stop::good_bye(); // D19
    Ok(())
}

/// What one datagram brings: perhaps a newcomer, perhaps a line for all the others. The error is
/// what its sender has to be told.
fn handle_datagram(
    conn: &UdpSocket,
    clients: &mut Members,
    client_addr: SocketAddr,
    msg: &[u8],
) -> Result<(), String> {
    if !clients.has_room_for(client_addr) {
        return Err(door::room_is_full()); // D16
    }
    let peer = address::printed(client_addr);
    if !msg.is_empty() {
        let received = tr!(zh "收到 {peer}: ", en "from {peer}: ");
        say::print(&one_line(&received, msg)); // Go: fmt.Printf("收到 %s: %s") (D12)
    }

    // Go: mutex.Lock()
    // Go: contains(clients, clientAddr)
    if !clients.contains(client_addr) {
        clients.push(client_addr); // Go: append(clients, clientAddr)
        say!(zh "新客户端: {peer}", en "new client: {peer}"); // Go: fmt.Printf("新客户端: %s")
    }
    // Go: mutex.Unlock()

    if msg.is_empty() {
        return Ok(()); // D15: it wanted to be heard of, and has nothing to say
    }
    let broadcast = one_line(&format!("[{peer}]: "), msg); // Go: fmt.Sprintf("[%s]: %s") (D15)
    if broadcast.len() > MAX_DATAGRAM {
        return Err(too_long()); // D14
    }
    // Go: mutex.Lock()
    let others = clients.iter().filter(|addr| *addr != client_addr); // Go: addr.String() != clientAddr.String()
    send_to_all(conn, &broadcast, others); // Go: conn.WriteToUDP
    // Go: mutex.Unlock()
    Ok(())
}

fn too_long() -> String {
    tr!(zh "[Server]: 消息太长，没有转发\n", en "[Server]: that message is too long and was not relayed\n")
}

/// Tells a sender why its datagram went nowhere.
fn refuse(conn: &UdpSocket, addr: SocketAddr, why: &str, last: &mut Option<Instant>) {
    if last.is_none_or(|at| at.elapsed() >= REFUSAL_PAUSE) {
        *last = Some(Instant::now());
        let _ = conn.send_to(why.as_bytes(), addr);
    }
}
