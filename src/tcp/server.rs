//! The TCP server, in the order of the notes' `server.go`.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::MAX_LINE;
use super::lines::{Left, LineReader};
use crate::address::{self, Address};
use crate::cli::Options;
use crate::door::{self, Door, Newcomer};
use crate::keyboard::Keyboard;
use crate::room::{self, Clients, Member, To};
use crate::{say, stop, tr, warn};

/// A client's thread mostly waits, so a small stack does. Only pages that are touched cost memory.
const STACK: usize = 128 << 10;

/// Runs the server until Ctrl-C.
///
/// # Errors
/// A sentence, when it can't listen at `addr`.
pub fn run(addr: &Address, options: &Options) -> Result<(), String> {
    let listener = addr
        .to_listen()
        .and_then(|addrs| TcpListener::bind(&addrs[..])) // Go: net.Listen("tcp", ":8080")
        .map_err(|err| address::explain(&err))
        .map_err(|why| tr!(zh "监听失败:listen tcp {addr}: {why}", en "cannot listen on {addr}: {why}"))?; // Go: log.Fatal
    // Go: defer listener.Close(). Dropping it closes it.
    let local = stop::wake_listener(&listener)?; // D6
    say::print_in_background().map_err(stop::no_thread)?; // D7
    say!(zh "TCP 服务器启动，监听 {local}", en "TCP server listening on {local}"); // Go: fmt.Println

    // Go: var clients []net.Conn; var mutex sync.Mutex
    let clients: Arc<Mutex<Vec<TcpStream>>> = Arc::default();

    let everyone = clients.clone();
    // Go: go func()
    let console = move || {
        let mut keyboard = Keyboard::new(MAX_LINE); // Go: bufio.NewReader(os.Stdin)
        loop {
            let typed = keyboard.next_line(); // Go: reader.ReadString('\n')
            let Some(msg) = typed else {
                let why = keyboard.why_ended();
                return warn!(zh "读取控制台输入失败: {why}", en "console input has ended: {why}"); // Go: log.Println (D1)
            };
            let broadcast = [b"[Server]: ", &msg[..], b"\n"].concat(); // Go: fmt.Sprintf("[Server]: %s", msg)
            room::broadcast(&everyone, To::All, &broadcast); // Go: mutex.Lock(), c.Write, mutex.Unlock() (D4)
        }
    };
    thread::Builder::new().spawn(console).map_err(stop::no_thread)?;

    let mut door = Door::new(&listener, options.max_clients, STACK, door::room_is_full().into_bytes())?; // D8
    loop {
        let accepted = listener.accept(); // Go: listener.Accept()
        if stop::requested() {
            break; // D6
        }
        let Some(Newcomer { conn, handle, peer, seat }) = door.admit(accepted) else {
            continue; // Go: log.Println, continue (D5, D8)
        };
        let clients = clients.clone();
        let newcomer = move || {
            say!(zh "新客户端连接: {peer}", en "new client: {peer}"); // Go: fmt.Printf
            let joined = room::join(&clients, handle); // Go: mutex.Lock(), append(clients, conn), mutex.Unlock()
            match joined {
                Ok(me) => handle_client(&conn, peer, me, &clients),
                Err(gone) => say!(zh "客户端 {peer} 断开: {gone}", en "client {peer} left: {gone}"),
            }
            drop(seat);
        };
        door.start(newcomer); // Go: go handleClient(…) (D9)
    }
    stop::good_bye(); // D6
    let _closed = room::close_all(&clients, b"", Shutdown::Both);
    door.wait_until_empty(stop::GRACE);
    Ok(())
}

/// One client's thread: what it says goes to all the others, until it leaves.
// Go: func handleClient(conn, clients, mutex)
fn handle_client(conn: &TcpStream, peer: SocketAddr, me: Member, clients: &Clients) {
    // Go: defer conn.Close(). Dropping it closes it.
    let mut reader = LineReader::new(conn, format!("[{peer}]: ")); // Go: bufio.NewReader(conn)
    loop {
        // One line, or all that one read brought: together they cost one write per client.
        let lines = reader.read_lines(); // Go: reader.ReadString('\n') (D2, D3)
        let broadcast = match lines {
            Err(left) => {
                say!(zh "客户端 {peer} 断开: {left}", en "client {peer} left: {left}"); // Go: fmt.Printf
                room::leave(clients, me); // Go: mutex.Lock(), remove conn, mutex.Unlock()
                if let Left::TooLong = left {
                    door::last_word(conn, format!("[Server]: {left}\n").as_bytes()); // D2
                }
                return; // Go: return
            }
            Ok(lines) => lines, // Go: fmt.Sprintf("[%s]: %s")
        };
        say::print(broadcast); // Go: fmt.Print(broadcast) (D7, D12)
        room::broadcast(clients, To::Except(me), broadcast); // Go: mutex.Lock(), c.Write, mutex.Unlock() (D4)
    }
}
