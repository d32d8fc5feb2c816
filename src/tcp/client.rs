//! The TCP client, in the order of the notes' `client.go`.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::support::address::{self, Address};
use crate::support::keyboard::{self, Keyboard};
use crate::support::lines::{LineReader, MAX_LINE, MAX_RECEIVED};
use crate::support::trouble::{no_socket, no_thread};
use crate::support::{print, stop};
use crate::{say, tr, warn};

/// After the last line was sent: how long without a byte until we stop waiting for answers (D10).
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// After a write has failed: how long the listener may take to notice that the server has left, and
/// to say so.
const LISTENER_KNOWS: Duration = Duration::from_secs(1);

/// Chats until the input ends.
///
/// # Errors
/// A sentence, when the server can't be reached or has left.
// ANCHOR: connect
// Go: func main()
pub fn run(addr: &Address) -> Result<(), String> {
    stop::on_signal(|| stop::exit(0))?;
    let mut conn = addr
        .to_call()
        .and_then(|addrs| TcpStream::connect(&addrs[..])) // Go: net.Dial("tcp", "localhost:8080")
        .and_then(|conn| conn.set_nodelay(true).map(|()| conn)) // Go does that unasked
        .map_err(|err| address::explain(&err))
        // Go: log.Fatal
        .map_err(|why| {
            tr!(zh "连接失败:dial tcp {addr}: {why}",
                en "cannot connect to {addr}: {why}")
        })?;
    // Go: defer conn.Close(). The socket closes when its last handle is dropped: `conn` here, and
    // `listening` in the other thread. Before that, D10 closes its sending side.
    say!(zh "已连接到服务器", en "connected to the server"); // Go: fmt.Println
    keyboard::introduce(conn.local_addr());
    // ANCHOR_END: connect

    // ANCHOR: listener
    let listening = conn.try_clone().map_err(no_socket)?;
    let (heard, answers) = mpsc::sync_channel(1); // "something came": once is enough
    // Go: go func()
    let listener = thread::Builder::new().spawn(move || {
        let mut reader = LineReader::new(&listening, MAX_RECEIVED); // Go: bufio.NewReader(conn)
        loop {
            let read = reader.read_once(); // Go: reader.ReadString('\n')
            let msg = match read {
                Ok(msg) => msg,
                Err(_) if stop::requested() => return,
                Err(ended) => {
                    warn!(zh "服务器断开: {ended}", en "the server has left: {ended}"); // Go: log.Println
                    stop::exit(1); // D11: nobody is there for what is typed. Go: return
                }
            };
            print::print(msg); // Go: fmt.Print(msg) (D12)
            let _ = heard.try_send(());
        }
    });
    listener.map_err(no_thread)?;
    // ANCHOR_END: listener

    // ANCHOR: keyboard
    let mut keyboard = Keyboard::new(MAX_LINE); // Go: bufio.NewScanner(os.Stdin) (D13)
    // Go: scanner.Scan()
    while let Some(mut msg) = keyboard.next_line() {
        msg.push(b'\n'); // Go: scanner.Text() + "\n"
        let sent = conn.write_all(&msg); // Go: conn.Write([]byte(msg))
        if let Err(err) = sent {
            // If the server has left, the listener ends us.
            while answers.recv_timeout(LISTENER_KNOWS).is_ok() {}
            return Err(tr!(zh "发送失败: {err}", en "cannot send: {err}")); // Go: log.Println; return
        }
    }
    // ANCHOR_END: keyboard
    // ANCHOR: end
    stop::request(); // all is sent: that the server closes now is in order
    let _ = conn.shutdown(Shutdown::Write);
    while answers.recv_timeout(LAST_ANSWERS).is_ok() {} // D10
    Ok(())
}
// ANCHOR_END: end
