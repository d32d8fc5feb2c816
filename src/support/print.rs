//! Printing that never holds the room up (D7).
//!
//! `println!` panics when stdout is gone, and waits when it stalls (Ctrl-S, a pager). A server may
//! do neither: it leaves what it prints to a printing thread, with a bounded backlog. A client
//! prints directly: when its screen stalls, waiting is the right thing to do.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::lines::count_lines;
use super::lock;
use super::terminal::{for_terminal, is_terminal};
use super::typing;
use crate::warn;

/// What may wait to be printed, per stream, in bytes: enough for a screen that is slow, and no more
/// than a room can spare for one that has stopped.
const BACKLOG: usize = 1 << 20;

/// How long a speaker waits for a full backlog, once; then the stream counts as stalled.
const PATIENCE: Duration = Duration::from_secs(1);

/// The printing thread's rest after each write: in a flood, all that comes meanwhile is printed in
/// one go.
const GATHER: Duration = Duration::from_millis(1);

static OUT: Printer = Printer::new(true);
static ERR: Printer = Printer::new(false);

/// Prints a line of our own on stdout.
pub fn out(line: &str) {
    // What it takes the place of may be longer.
    let clear = if PROGRESS.swap(false, Ordering::Relaxed) { "\x1b[K" } else { "" };
    OUT.print(format!("{clear}{line}\n").as_bytes());
}

/// Prints a line of our own on stderr.
pub fn err(line: &str) {
    ERR.print(format!("{line}\n").as_bytes());
}

/// Says on a terminal what is going on: the next line takes its place.
pub fn progress(what: &str) {
    OUT.print(format!("{what}\x1b[K\r").as_bytes());
    PROGRESS.store(true, Ordering::Relaxed);
}

/// The cursor stands at the beginning of a line that says what is going on.
static PROGRESS: AtomicBool = AtomicBool::new(false);

/// Prints lines that came from peers on stdout: harmless on a terminal (D12), else as they are.
pub fn print(lines: &[u8]) {
    if is_terminal() {
        OUT.print(for_terminal(lines).as_bytes());
    } else {
        OUT.print(lines);
    }
}

/// From here on, printing holds nobody up for longer than [`PATIENCE`] (D7). For servers.
///
/// # Errors
/// When there is no thread to be had.
pub fn in_background() -> io::Result<()> {
    for printer in [&OUT, &ERR] {
        thread::Builder::new().stack_size(64 << 10).spawn(|| printer.run())?;
        lock(&printer.state).threaded = true;
    }
    Ok(())
}

/// Prints the last line: whatever is still said after it isn't printed.
pub fn good_bye(line: &str) {
    let mut state = lock(&OUT.state);
    state.waiting.extend_from_slice(format!("{line}\n").as_bytes()); // one more than the backlog
    state.finished = true;
    OUT.changed.notify_all();
}

/// Waits until all is printed, at most `limit` per stream: a stalled screen must not keep the
/// program from ending. What could not be printed until then is counted and said on stderr.
pub fn finish(limit: Duration) {
    report(OUT.wait_until_idle(limit));
    ERR.wait_until_idle(limit);
    typing::end();
}

fn report(lost: usize) {
    if lost > 0 {
        warn!(zh "{lost} 行未能显示在 stdout 上", en "{lost} lines could not be printed on stdout");
    }
}

/// A stream, and what waits to be printed on it.
struct Printer {
    is_stdout: bool,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// There is a thread that prints; until then, whoever speaks does.
    threaded: bool,
    waiting: Vec<u8>,
    /// How many lines are being written.
    in_hand: usize,
    /// Somebody has waited in vain: until the stream moves again, nobody waits.
    stalled: bool,
    /// Lines that could not be printed, and have not been reported.
    lost: usize,
    /// The good-bye was said.
    finished: bool,
}

impl State {
    fn has_room_for(&self, text: &[u8]) -> bool {
        self.waiting.is_empty() || self.waiting.len() + text.len() <= BACKLOG
    }
}

impl Printer {
    const fn new(is_stdout: bool) -> Printer {
        let state = State {
            threaded: false,
            waiting: Vec::new(),
            in_hand: 0,
            stalled: false,
            lost: 0,
            finished: false,
        };
        Printer { is_stdout, state: Mutex::new(state), changed: Condvar::new() }
    }

    fn print(&self, text: &[u8]) {
        let state = lock(&self.state);
        if !state.threaded {
            drop(state);
            return self.print_directly(text);
        }
        let full = |state: &mut State| !state.stalled && !state.has_room_for(text);
        let waited = self.changed.wait_timeout_while(state, PATIENCE, full);
        let (mut state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        state.stalled |= waited.timed_out();
        if !state.has_room_for(text) {
            state.lost += count_lines(text);
        } else if !state.finished {
            state.waiting.extend_from_slice(text);
            self.changed.notify_all();
        }
    }

    /// A client's way to print. Whoever closes our stdout has seen enough: that is no failure.
    fn print_directly(&self, text: &[u8]) {
        let written = self.write(text);
        if self.is_stdout && written.is_err_and(|err| err.kind() == ErrorKind::BrokenPipe) {
            process::exit(0);
        }
    }

    fn write(&self, text: &[u8]) -> io::Result<()> {
        let on_screen = if self.is_stdout { is_terminal() } else { io::stderr().is_terminal() };
        let above = if on_screen { typing::above(text) } else { None };
        let text = above.as_deref().map_or(text, str::as_bytes);
        if !self.is_stdout {
            return io::stderr().lock().write_all(text);
        }
        let mut stdout = io::stdout().lock();
        stdout.write_all(text).and_then(|()| stdout.flush())
    }

    /// The printing thread: takes all that waits, and writes it in one go. What was lost is said on
    /// stderr, at the first failure, and when stdout moves again. (What stderr loses, nobody hears.)
    fn run(&self) {
        let (mut failed, mut text) = (false, Vec::new());
        loop {
            let nothing = |state: &mut State| state.waiting.is_empty();
            let state = self.changed.wait_while(lock(&self.state), nothing);
            let mut state = state.unwrap_or_else(PoisonError::into_inner);
            text.clear();
            std::mem::swap(&mut state.waiting, &mut text);
            state.in_hand = count_lines(&text);
            self.changed.notify_all();
            drop(state);

            let written = self.write(&text);
            let mut state = lock(&self.state);
            let in_hand = std::mem::take(&mut state.in_hand);
            self.changed.notify_all();
            match written {
                Ok(()) => {
                    (state.stalled, failed) = (false, false);
                    let lost = if self.is_stdout { std::mem::take(&mut state.lost) } else { 0 };
                    drop(state);
                    report(lost);
                }
                Err(err) => {
                    state.lost += in_hand;
                    drop(state);
                    if self.is_stdout && !failed {
                        warn!(zh "无法写入 stdout: {err}；聊天室继续运行",
                              en "cannot print on stdout: {err}; the room goes on");
                    }
                    failed = true;
                }
            }
            thread::sleep(GATHER);
        }
    }

    /// Waits until all is printed, or `limit` has passed. Returns how many lines were not.
    fn wait_until_idle(&self, limit: Duration) -> usize {
        let busy = |state: &mut State| state.in_hand > 0 || !state.waiting.is_empty();
        let waited = self.changed.wait_timeout_while(lock(&self.state), limit, busy);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut state.lost) + state.in_hand + count_lines(&state.waiting)
    }
}
