//! `--slow`: a flood that one can follow, the queue of one who doesn't read, and the moment at which the room stops.

use std::net::SocketAddr;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::check::stage::family::{self, Socket};
use crate::check::stage::speaker::Role;
use crate::check::telling::events::Log;
use crate::check::telling::live::on_terminal;
use crate::check::telling::timeline::megabytes;
use crate::support::print;
use crate::tr;

/// How long a speaker rests after each few lines of a flood.
pub const PACE: Duration = Duration::from_millis(25);

/// How often the queue is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Without a line for so long, the room has stopped.
const STOPPED: Duration = Duration::from_secs(1);

/// Shorter than that is no pause: a slow flood is long, and a busy machine has its own little ones.
pub const PAUSE: Duration = Duration::from_millis(500);

/// A full bar: somewhat more than the buffers of two sockets hold.
const FULL: usize = 5 << 20;
const BAR: usize = 30;

/// What somebody watches during a flood.
pub struct Watch {
    log: Log,
    stalled: Role,
    /// So long nobody has got anything, up to the last look.
    silence: Duration,
    /// So many megabytes of the queue were told of.
    told: usize,
}

impl Watch {
    /// The queue of one who doesn't read, if somebody watches.
    pub fn of(stalled: &Role) -> Option<Self> {
        let (log, stalled) = (stalled.log().clone(), stalled.clone());
        log.is_watched().then_some(Watch { log, stalled, silence: Duration::ZERO, told: 0 })
    }

    /// Looks, and tells, until the flood is over.
    pub fn until(mut self, is_over: &AtomicBool) {
        while !is_over.load(Ordering::Relaxed) {
            thread::sleep(LOOK);
            self.look();
        }
        if on_terminal() {
            print::progress("");
        }
    }

    fn look(&mut self) {
        let Some(silence) = self.log.silence() else { return };
        let before = std::mem::replace(&mut self.silence, silence);
        if before < STOPPED && silence >= STOPPED {
            loudly(
                &tr!(zh "■ 聊天室停住了：一秒钟里谁也没有收到任何内容", en "■ the room has stopped: for a second nobody has got anything"),
            );
        }
        if before > PAUSE && silence < before {
            let pause = before.as_secs_f64();
            loudly(
                &tr!(zh "▶ 聊天室继续：停了大约 {pause:.1} 秒", en "▶ the room goes on, after a pause of about {pause:.1} s"),
            );
        }
        self.tell();
    }

    /// The queue: as a bar, or at each megabyte in a line.
    fn tell(&mut self) {
        let (name, said) = (&self.stalled.name, self.log.said());
        let (amount, what) = match unread(self.stalled.address) {
            Some(bytes) => (bytes, tr!(zh "没有读", en "unread")),
            None => (said, tr!(zh "说过", en "said")), // a system that doesn't tell
        };
        let shown = megabytes(amount);
        if on_terminal() {
            let full = (amount * BAR / FULL).min(BAR);
            let bar = "█".repeat(full) + &"░".repeat(BAR - full);
            let said = megabytes(said);
            print::progress(
                &tr!(zh "         {name} {bar} {shown} {what}；一共说了 {said}", en "         {name} {bar} {shown} {what}; {said} said in all"),
            );
        } else if amount / 1_000_000 > self.told {
            self.told = amount / 1_000_000;
            print::out(&format!("         {name}: {shown} {what}"));
        }
    }
}

/// A line that stands out.
fn loudly(line: &str) {
    print::out(&if on_terminal() { format!("\x1b[1;7m {line} \x1b[0m\x1b[K") } else { line.to_string() });
}

/// What lies between the server and this client: in the server's queue, and in its own. Nothing, where no table tells.
fn unread(client: SocketAddr) -> Option<usize> {
    let queue = |socket: Socket| match socket {
        Socket { is_udp: true, .. } => None,
        Socket { local, unread, .. } if local == client => Some(unread),
        Socket { remote, to_send, .. } if remote == client => Some(to_send),
        _ => None,
    };
    let queues: Vec<u64> = family::seen_by(process::id()).into_iter().filter_map(queue).collect();
    usize::try_from(queues.iter().sum::<u64>()).ok().filter(|_| !queues.is_empty())
}
