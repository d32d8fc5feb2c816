//! The UDP server, in the order of the notes' `server.go`.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::BUFFER;
use crate::cli::Options;
use crate::relay;
use crate::support::address::{self, Address};
use crate::support::farewell::room_is_full;
use crate::support::lines::one_line;
use crate::support::members::{self, Limit, Member, Refusals};
use crate::support::terminal::is_terminal;
use crate::support::trouble::{Trouble, is_too_long, no_socket, no_thread};
use crate::support::{lock, print, stop};
use crate::{say, tr};

/// How long a broadcast may wait for room in the socket's send buffer; then datagrams are lost, as
/// they may be. A network that is down must not stop the room.
const SEND_TIME: Duration = Duration::from_secs(1);

/// Runs the server until Ctrl-C.
///
/// # Errors
/// A sentence, when it can't listen at `addr`.
// ANCHOR: listen
// Go: func main()
pub fn run(addr: &Address, options: &Options) -> Result<(), String> {
    let addrs = addr // Go: net.ResolveUDPAddr("udp", ":8081")
        .to_listen()
        // Go: log.Fatal
        .map_err(|why| {
            tr!(zh "解析地址失败:lookup {addr}: {why}",
                en "cannot resolve {addr}: {why}")
        })?;
    let conn = UdpSocket::bind(&addrs[..]) // Go: net.ListenUDP("udp", addr)
        .map_err(|err| addr.why_not("udp-server", &err))
        // Go: log.Fatal
        .map_err(|why| {
            tr!(zh "监听端口失败:listen udp {addr}: {why}",
                en "cannot listen on {addr}: {why}")
        })?;
    // Go: defer conn.Close(). Dropping it closes it.
    let local = stop::wake_socket(&conn)?; // D19
    conn.set_write_timeout(Some(SEND_TIME)).map_err(no_socket)?;
    print::in_background().map_err(no_thread)?; // D7
    say!(zh "已监听 UDP 端口: {local}", en "UDP server listening on {local}"); // Go: fmt.Println
    // ANCHOR_END: listen
    if is_terminal() {
        say!(zh "（在这里输入的内容不会发给任何人）", en "(what is typed here goes to nobody)");
    }

    // ANCHOR: list
    let clients: Arc<Mutex<Vec<Member>>> = Arc::default(); // Go: var clients []net.Addr; var mutex sync.Mutex
    let limit = Limit { most: options.max_clients, forget_after: options.forget_after }; // D16
    let (mut refusals, mut trouble) = (Refusals::default(), Trouble::default());
    // ANCHOR_END: list

    // With --nats, one room on many servers: what others publish is told here.
    let conn = Arc::new(conn);
    let (here, socket) = (Arc::clone(&clients), Arc::clone(&conn));
    relay::join(options, local, move |lines| members::tell_all(&here, &socket, lines, SEND_TIME))?;

    // ANCHOR: receive
    let mut buffer = vec![0; BUFFER]; // Go: make([]byte, 1024) (D14)
    loop {
        let received = conn.recv_from(&mut buffer); // Go: conn.ReadFromUDP(buffer)
        if stop::requested() {
            break; // D19
        }
        let (n, client_addr) = match received {
            Ok(received) => received,
            // Windows, of a client that has gone.
            Err(err) if err.kind() == ErrorKind::ConnectionReset => continue,
            Err(err) => {
                trouble.rest(&tr!(zh "读取失败: {err}", en "cannot receive: {err}")); // Go: log.Println
                continue; // Go: continue
            }
        };
        let (msg, peer) = (&buffer[..n], address::printed(client_addr)); // Go: string(buffer[:n])
        if !limit.has_room(&mut lock(&clients), client_addr) {
            refusals.send(&conn, client_addr, &room_is_full()); // D16
            continue;
        }
        if !msg.is_empty() {
            let line = one_line(&tr!(zh "收到 {peer}: ", en "from {peer}: "), msg);
            print::print(&line); // Go: fmt.Printf("…", clientAddr.String(), msg) (D12)
        }
        // ANCHOR_END: receive

        // ANCHOR: register
        let mut list = lock(&clients); // Go: mutex.Lock()
        // Go: contains(…)
        if !contains(&mut list, client_addr) {
            list.push(Member { addr: client_addr, heard: Instant::now() }); // Go: append(clients, clientAddr)
            say!(zh "新客户端: {peer}", en "new client: {peer}"); // Go: fmt.Printf("…", clientAddr.String())
        }
        drop(list); // Go: mutex.Unlock()
        // ANCHOR_END: register

        // ANCHOR: broadcast
        if msg.is_empty() {
            continue; // D15: it wanted to be heard of, and has nothing to say
        }
        let broadcast = one_line(&format!("[{peer}]: "), msg); // D15
        let (mut too_long, deadline) = (false, Instant::now() + SEND_TIME);
        let list = lock(&clients); // Go: mutex.Lock()
        // Go: range clients
        for client in list.iter() {
            // Go: addr.String(); clientAddr.String()
            if client.addr != client_addr && Instant::now() < deadline {
                let sent = conn.send_to(&broadcast, client.addr); // Go: conn.WriteToUDP(fmt.Sprintf("…", clientAddr.String(), msg), addr)
                too_long |= sent.is_err_and(|err| is_too_long(&err));
            }
        }
        drop(list); // Go: mutex.Unlock()
        relay::publish(&broadcast); // with --nats, to the other servers
        if too_long {
            let why = tr!(zh "[Server]: 消息太长，没有转发\n",
                          en "[Server]: that message is too long and was not relayed\n");
            refusals.send(&conn, client_addr, &why); // D14
        }
        // ANCHOR_END: broadcast
    }
    stop::good_bye(); // D19
    Ok(())
}

/// Whether `addr` is in the list; notes that it was heard.
// ANCHOR: contains
// Go: func contains(…)
fn contains(clients: &mut [Member], addr: SocketAddr) -> bool {
    // Go: range clients
    for client in clients {
        // Go: c.String(); addr.String()
        if client.addr == addr {
            client.heard = Instant::now(); // D16
            return true; // Go: return true
        }
    }
    false // Go: return false
}
// ANCHOR_END: contains
