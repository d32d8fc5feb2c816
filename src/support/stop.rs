//! Ctrl-C, and how a blocked call is woken (D6, D19).
//!
//! The signal handler restarts system calls, so a thread that waits in `accept` or `recv_from`
//! never notices a signal by itself: someone has to give it what it waits for. That is done on a
//! thread of its own, because only one handler runs at a time and a second Ctrl-C must get through.

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::trouble::{no_socket, no_thread};
use super::{address, print};
use crate::tr;

/// How long an orderly end may take once it was asked for; then it is an end all the same.
/// With the time to wake and to print, this keeps D6's two seconds.
pub const GRACE: Duration = Duration::from_millis(1000);

/// `timeout` and some shells signal a process and then its whole group: what comes this soon after
/// the first signal is the first once more.
const SAME_SIGNAL: Duration = Duration::from_millis(1);

/// What a second Ctrl-C leaves of the time. On a busy machine the second of `timeout`'s two signals
/// may look like one, so an end that is nearly there is still one in order.
const AT_ONCE: Duration = Duration::from_millis(150);

/// The shell's own code for "ended by SIGINT".
const INTERRUPTED: i32 = 130;

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Whether the end was asked for. To be looked at after every blocking call that was woken.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}

/// Asks for the end: from here on, a call that fails is no news. (On Windows std closes all sockets
/// before the process ends, and a thread that waits in a read still comes back with an error.)
pub fn request() {
    REQUESTED.store(true, Ordering::SeqCst);
}

/// On the first Ctrl-C, SIGTERM or SIGHUP: notes it and calls `wake`, which has to bring the main
/// thread out of its blocking call. If the process still lives after [`GRACE`] and a bit, it ends.
///
/// # Errors
/// When the system has no thread or no signal handler left for us.
pub fn on_signal(wake: impl FnOnce() + Send + 'static) -> Result<(), String> {
    let (signal, signalled) = mpsc::channel();
    let waker = move || {
        if signalled.recv().is_ok() {
            wake();
            thread::sleep(GRACE + Duration::from_millis(500));
            process::exit(0);
        }
    };
    thread::Builder::new().stack_size(64 << 10).spawn(waker).map_err(no_thread)?;
    let mut first = None;
    ctrlc::set_handler(move || match first {
        None => {
            first = Some(Instant::now());
            request();
            let _ = signal.send(());
        }
        Some(first) if first.elapsed() < SAME_SIGNAL => {}
        Some(_) => {
            thread::sleep(AT_ONCE);
            process::exit(INTERRUPTED);
        }
    })
    .map_err(|err| tr!(zh "无法处理 Ctrl-C: {err}", en "cannot handle Ctrl-C: {err}"))
}

/// On a signal, brings the thread that waits in `listener.accept()` out of it, by connecting to it.
///
/// That takes a descriptor, and they may have run out: a spare one is kept to be dropped first.
/// Returns where the listener is.
///
/// # Errors
/// As [`on_signal`].
pub fn wake_listener(listener: &TcpListener) -> Result<SocketAddr, String> {
    let local = listener.local_addr().map_err(no_socket)?;
    // ANCHOR: wake
    let spare = listener.try_clone().map_err(no_socket)?;
    on_signal(move || {
        drop(spare);
        let _ = address::reachable(local).iter().any(|addr| TcpStream::connect_timeout(addr, GRACE).is_ok());
    })?;
    // ANCHOR_END: wake
    Ok(local)
}

/// On a signal, brings the thread that waits in `conn.recv_from()` out of it, by a datagram from
/// the socket to itself. Returns where that is.
///
/// # Errors
/// As [`on_signal`].
pub fn wake_socket(conn: &UdpSocket) -> Result<SocketAddr, String> {
    let local = conn.local_addr().map_err(no_socket)?;
    let bell = conn.try_clone().map_err(no_socket)?;
    on_signal(move || {
        let _ = address::reachable(local).iter().any(|addr| bell.send_to(b"", addr).is_ok());
    })?;
    Ok(local)
}

/// The server's last line; nothing is printed after it.
pub fn good_bye() {
    print::good_bye(&tr!(zh "服务器已停止，再见", en "server stopped, good-bye"));
}

/// Ends the process with what was said on screen.
pub fn exit(code: i32) -> ! {
    print::finish(Duration::from_millis(200));
    process::exit(code)
}
