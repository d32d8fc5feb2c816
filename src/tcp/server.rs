//! The TCP server, in the order of the notes' `server.go`.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::cli::Options;
use crate::relay;
use crate::support::address::Address;
use crate::support::door::{Door, STACK, Seat};
use crate::support::farewell::{last_word, room_is_full};
use crate::support::keyboard::Keyboard;
use crate::support::lines::{Ended, LineReader, MAX_LINE, prefixed};
use crate::support::patience::{self, Patience};
use crate::support::room::{self, Clients, Id, id};
use crate::support::trouble::no_thread;
use crate::support::{lock, print, stop};
use crate::{say, tr, warn};

/// Runs the server until Ctrl-C.
///
/// # Errors
/// A sentence, when it can't listen at `addr`.
// ANCHOR: listen
// Go: func main()
pub fn run(addr: &Address, options: &Options) -> Result<(), String> {
    let bound = addr.to_listen().and_then(|addrs| TcpListener::bind(&addrs[..])); // Go: net.Listen("tcp", ":8080")
    // Go: log.Fatal
    let listener = bound.map_err(|err| {
        let why = addr.why_not("tcp-server", &err);
        tr!(zh "监听失败:listen tcp {addr}: {why}",
            en "cannot listen on {addr}: {why}")
    })?;
    // Go: defer listener.Close(). Dropping it closes it.
    let local = stop::wake_listener(&listener)?; // D6
    print::in_background().map_err(no_thread)?; // D7
    say!(zh "TCP 服务器启动，监听 {local}", en "TCP server listening on {local}"); // Go: fmt.Println
    // ANCHOR_END: listen

    // ANCHOR: list
    // In Rust the mutex owns what it protects: the only way to the list is through the lock.
    let clients: Arc<Mutex<Vec<TcpStream>>> = Arc::default(); // Go: var clients []net.Conn; var mutex sync.Mutex
    // ANCHOR_END: list

    // ANCHOR: relay
    // With --nats, one room on many servers: what others publish is told here.
    let here = Arc::clone(&clients);
    relay::join(options, local, move |lines| room::tell_all(&here, lines))?;
    // ANCHOR_END: relay

    // ANCHOR: console
    let everyone = Arc::clone(&clients);
    // Go: go func()
    let console = thread::Builder::new().spawn(move || {
        let mut keyboard = Keyboard::new(MAX_LINE); // Go: bufio.NewReader(os.Stdin)
        loop {
            let typed = keyboard.next_line(); // Go: reader.ReadString('\n')
            let Some(msg) = typed else {
                let why = keyboard.why_ended();
                warn!(zh "读取控制台输入失败: {why}", en "console input has ended: {why}"); // Go: log.Println
                return; // D1
            };
            let broadcast = [b"[Server]: ", &msg[..], b"\n"].concat(); // Go: fmt.Sprintf("[Server]: %s", msg)
            let room = lock(&everyone); // Go: mutex.Lock()
            let mut patience = Patience::of_room(); // D4
            // Go: range clients
            for client in room.iter() {
                patience.write(client, &broadcast); // Go: c.Write(…)
            }
            drop(room); // Go: mutex.Unlock()
            relay::publish(&broadcast);
        }
    });
    console.map_err(no_thread)?;
    // ANCHOR_END: console

    // ANCHOR: accept
    let mut door = Door::new(options.max_clients, room_is_full()); // D8
    loop {
        let accepted = listener.accept(); // Go: listener.Accept()
        if stop::requested() {
            break; // D6
        }
        let Some((conn, peer, seat)) = door.admit(accepted) else {
            continue; // Go: log.Println; continue (D5)
        };
        say!(zh "新客户端连接: {peer}", en "new client: {peer}"); // Go: fmt.Printf("…", conn.RemoteAddr())
        // ANCHOR_END: accept

        // ANCHOR: handle
        // Go puts one conn into the list and into the goroutine. Here each owns a handle of its
        // own to the same socket, which closes when the last of them is dropped.
        let Some(handle) = door.second_handle(|| conn.try_clone()) else { continue };
        let me = id(&handle);
        patience::welcome(&handle); // D4
        lock(&clients).push(handle); // Go: mutex.Lock(); append(clients, conn); mutex.Unlock()
        // ANCHOR_END: handle

        // ANCHOR: thread
        let room = Arc::clone(&clients);
        let work = move || handle_client(conn, peer, me, &room, seat);
        let started = thread::Builder::new().stack_size(STACK).spawn(work); // Go: go handleClient(…)
        if let Err(err) = started {
            lock(&clients).retain(|client| id(client) != me);
            door.no_thread(&err); // D9
        }
        // ANCHOR_END: thread
    }
    // ANCHOR: stop
    stop::good_bye(); // D6
    room::close_all(&clients, b"", Shutdown::Both);
    door.wait_until_empty(stop::GRACE);
    Ok(())
}
// ANCHOR_END: stop

/// One client's thread: what it says goes to all the others, until it leaves.
// ANCHOR: read
// Go: func handleClient(…)
fn handle_client(conn: TcpStream, peer: SocketAddr, me: Id, clients: &Clients, _seat: Seat) {
    // Go: defer conn.Close(). `retain` drops the list's handle, the end of this function `conn`.
    let mut reader = LineReader::new(&conn, MAX_LINE); // Go: bufio.NewReader(conn)
    loop {
        // One line, or all that one read brought: that costs one write per client.
        let read = reader.read_lines(); // Go: reader.ReadString('\n') (D2, D3)
        let lines = match read {
            Ok(lines) => lines,
            Err(ended) => {
                say!(zh "客户端 {peer} 断开: {ended}", en "client {peer} left: {ended}"); // Go: fmt.Printf("…", conn.RemoteAddr(), err)
                let mut room = lock(clients); // Go: mutex.Lock()
                room.retain(|client| id(client) != me); // Go: range *clients; append(…)
                drop(room); // Go: mutex.Unlock()
                if let Ended::TooLong(_) = ended {
                    last_word(&conn, format!("[Server]: {ended}\n").as_bytes()); // D2
                }
                return; // Go: return
            }
        };
        // ANCHOR_END: read

        // ANCHOR: broadcast
        let broadcast = prefixed(&format!("[{peer}]: "), lines); // Go: fmt.Sprintf("[%s]: %s", conn.RemoteAddr(), msg)
        print::print(&broadcast); // Go: fmt.Print(broadcast) (D7, D12)
        let room = lock(clients); // Go: mutex.Lock()
        let mut patience = Patience::of_room(); // D4
        // Go: range *clients
        for client in room.iter() {
            // Go: c != conn
            if id(client) != me {
                patience.write(client, &broadcast); // Go: c.Write(…)
            }
        }
        drop(room); // Go: mutex.Unlock()
        relay::publish(&broadcast); // with --nats, to the other servers
    }
}
// ANCHOR_END: broadcast
