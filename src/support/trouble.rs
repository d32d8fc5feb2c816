//! What the system refuses: a call that fails again and again, a thread, a socket (D5, D9).

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use super::print;
use crate::tr;

/// How long a thread rests when its call has failed: without a rest it would fail millions of
/// times a second.
const REST: Duration = Duration::from_millis(100);

/// How often it is said that this goes on.
const SAY_AGAIN: Duration = Duration::from_secs(60);

/// A call that may fail again and again, as `accept` does when descriptors have run out (D5).
#[derive(Default)]
pub struct Trouble {
    said_at: Option<Instant>,
}

impl Trouble {
    // ANCHOR: rest
    /// Says `what`, once in a while.
    pub fn say(&mut self, what: &str) {
        if self.said_at.is_none_or(|at| at.elapsed() > SAY_AGAIN) {
            self.said_at = Some(Instant::now());
            print::err(what);
        }
    }

    /// Says `what`, once in a while, and rests.
    pub fn rest(&mut self, what: &str) {
        self.say(what);
        thread::sleep(REST);
    }
    // ANCHOR_END: rest
}

/// What to say when a thread that the program cannot do without is not to be had.
pub fn no_thread(err: io::Error) -> String {
    tr!(zh "无法启动线程: {err}；请检查 ulimit -u", en "cannot start a thread: {err}; check ulimit -u")
}

/// What to say when a socket that was just opened cannot be used: descriptors have run out.
pub fn no_socket(err: io::Error) -> String {
    tr!(zh "无法使用套接字: {err}；请检查 ulimit -n", en "cannot use the socket: {err}; check ulimit -n")
}

/// Whether the system refused a datagram for its size (`EMSGSIZE`, which std has no name for).
pub fn is_too_long(err: &io::Error) -> bool {
    const EMSGSIZE: i32 = if cfg!(windows) {
        10040
    } else if cfg!(any(target_os = "linux", target_os = "android")) {
        90
    } else {
        40
    };
    err.raw_os_error() == Some(EMSGSIZE)
}
