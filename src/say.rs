//! What the programs say: both languages at the place of use, and bytes from strangers made safe.
//!
//! `println!` panics when stdout is gone and freezes with it when it stalls (Ctrl-S, a pager).
//! A server may do neither, so it prints through a [`Printer`]: a bounded backlog and a thread of
//! its own. A client prints directly: when its screen stalls, waiting is the right thing to do.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The languages we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// Simplified Chinese: the notes' own words.
    Zh,
    /// English.
    En,
}

static LANG: OnceLock<Lang> = OnceLock::new();

impl Lang {
    /// Reads a name such as `zh`, `zh_CN.UTF-8` or `C`: `zh*` is Chinese, anything else English.
    pub fn from_name(name: &str) -> Lang {
        if name.to_ascii_lowercase().starts_with("zh") { Lang::Zh } else { Lang::En }
    }

    /// The language of the environment: the first set one of `LC_ALL`, `LC_MESSAGES`, `LANG`.
    pub fn from_env() -> Lang {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let name = set("LC_ALL").or_else(|| set("LC_MESSAGES")).or_else(|| set("LANG"));
        Lang::from_name(&name.unwrap_or_default())
    }
}

/// Chooses the language, once, before anything is said.
pub fn set_lang(lang: Lang) {
    let _ = LANG.set(lang);
}

/// The language chosen, or else the environment's.
pub fn lang() -> Lang {
    *LANG.get_or_init(Lang::from_env)
}

/// A text in the reader's language, as a `String`: `tr!(zh "监听失败: {err}", en "…: {err}")`.
#[macro_export]
macro_rules! tr {
    (zh $zh:literal, en $en:literal) => {
        match $crate::say::lang() {
            $crate::say::Lang::Zh => format!($zh),
            $crate::say::Lang::En => format!($en),
        }
    };
}

/// Says a line on stdout in the reader's language.
#[macro_export]
macro_rules! say {
    (zh $zh:literal, en $en:literal) => {
        $crate::say::out(&$crate::tr!(zh $zh, en $en))
    };
}

/// Says a line on stderr in the reader's language: warnings and errors.
#[macro_export]
macro_rules! warn {
    (zh $zh:literal, en $en:literal) => {
        $crate::say::err(&$crate::tr!(zh $zh, en $en))
    };
}

/// Prints a line of our own on stdout.
pub fn out(line: &str) {
    OUT.print(format!("{line}\n").as_bytes());
}

/// Prints a line of our own on stderr.
pub fn err(line: &str) {
    ERR.print(format!("{line}\n").as_bytes());
}

/// Prints lines that came from peers on stdout. A terminal gets them harmless (D12) and with the
/// sender in colour; a pipe or a file gets the bytes as they are.
pub fn print(lines: &[u8]) {
    static TERMINAL: OnceLock<bool> = OnceLock::new();
    if *TERMINAL.get_or_init(|| io::stdout().is_terminal()) {
        OUT.print(for_terminal(lines, colours()).as_bytes());
    } else {
        OUT.print(lines);
    }
}

/// Whether the sender is coloured: not if `NO_COLOR` is set to anything (<https://no-color.org>).
fn colours() -> bool {
    static COLOURS: OnceLock<bool> = OnceLock::new();
    *COLOURS.get_or_init(|| std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()))
}

/// Lines as a terminal may have them: `sender: text`, the sender in colour if `colours`.
fn for_terminal(lines: &[u8], colours: bool) -> String {
    let mut shown = String::with_capacity(lines.len() + 16);
    for line in String::from_utf8_lossy(lines).split_inclusive('\n') {
        match line.find(": ") {
            Some(end) if colours => {
                shown.push_str("\x1b[36m");
                push_visible(&mut shown, &line[..=end]);
                shown.push_str("\x1b[0m");
                push_visible(&mut shown, &line[end + 1..]);
            }
            _ => push_visible(&mut shown, line),
        }
    }
    shown
}

/// Appends `line` with what could command a terminal, or reorder what it shows, spelled out:
/// ESC becomes `\u{1b}`. The end of the line, `\r\n` too, and tabs stay.
fn push_visible(shown: &mut String, line: &str) {
    let text = line.trim_end_matches(['\r', '\n']);
    for c in text.chars() {
        if (c.is_control() && c != '\t') || reorders(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    if line.ends_with('\n') {
        shown.push('\n');
    }
}

/// Line and paragraph separators, and the marks that turn the writing direction (Unicode UAX #9):
/// with them "[Server]" can be made to appear where it does not stand.
fn reorders(c: char) -> bool {
    matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}

/// What may wait to be printed, per stream: enough for a screen that is slow, and no more than
/// a room can spare for one that has stopped.
const BACKLOG: usize = 1 << 20;

/// How long a speaker waits for a full backlog, once; then the stream counts as stalled.
const PATIENCE: Duration = Duration::from_secs(1);

/// The printing thread's rest after each write. In a flood all that comes meanwhile is printed in
/// one go, and nobody has to wake it, which costs more than the printing.
const GATHER: Duration = Duration::from_millis(1);

static OUT: Printer = Printer::new("stdout");
static ERR: Printer = Printer::new("stderr");

/// A stream and what waits to be printed on it.
struct Printer {
    name: &'static str,
    /// Set while a thread of its own does the writing; before that, whoever speaks writes.
    threaded: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// The thread waits for something to print; else it need not be woken, which costs a system
    /// call each time.
    idle: bool,
    /// How many lines it is writing.
    in_hand: usize,
    /// How many threads wait for the printing thread to get on.
    waiters: usize,
    /// Somebody waited in vain: until the stream moves again, nobody waits.
    stalled: bool,
    /// The last write failed.
    failed: bool,
    /// Lines that could not be printed and have not been reported.
    lost: usize,
    /// The good-bye was said: whatever else wants to be said comes too late.
    finished: bool,
}

/// From here on, printing never holds anyone up for longer than [`PATIENCE`] (D7). For servers.
pub fn print_in_background() -> io::Result<()> {
    for printer in [&OUT, &ERR] {
        thread::Builder::new().stack_size(64 << 10).spawn(|| printer.run())?;
        printer.threaded.store(true, Ordering::Relaxed);
    }
    Ok(())
}

/// Says the last line. Nothing that threads still say after it is printed.
pub fn good_bye(line: &str) {
    let mut state = OUT.lock();
    state.waiting.extend_from_slice(format!("{line}\n").as_bytes()); // one line more than the backlog
    state.finished = true;
    OUT.wake(&mut state);
}

/// Waits until all that was said is written, at most `limit` per stream: a stalled screen must not keep the
/// program from ending. What could not be printed until then is said on stderr.
pub fn finish(limit: Duration) {
    let deadline = Instant::now() + limit;
    OUT.wait_until_idle(deadline);
    let mut state = OUT.lock();
    let lost = std::mem::take(&mut state.lost) + state.in_hand + count_lines(&state.waiting);
    drop(state);
    report(lost, OUT.name);
    ERR.wait_until_idle(Instant::now() + limit);
}

fn report(lost: usize, name: &str) {
    if lost > 0 {
        warn!(zh "{lost} 行未能显示在 {name} 上", en "{lost} lines could not be printed on {name}");
    }
}

impl Printer {
    const fn new(name: &'static str) -> Printer {
        Printer {
            name,
            threaded: AtomicBool::new(false),
            state: Mutex::new(State {
                waiting: Vec::new(),
                idle: false,
                in_hand: 0,
                waiters: 0,
                stalled: false,
                failed: false,
                lost: 0,
                finished: false,
            }),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the printing thread to get on.
    fn wait<'a>(&self, mut state: MutexGuard<'a, State>, limit: Duration) -> MutexGuard<'a, State> {
        state.waiters += 1;
        let mut state = self.changed.wait_timeout(state, limit).unwrap_or_else(PoisonError::into_inner).0;
        state.waiters -= 1;
        state
    }

    fn wait_until_idle(&self, deadline: Instant) {
        let mut state = self.lock();
        while self.threaded.load(Ordering::Relaxed) && !state.idle {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.wait(state, left);
        }
    }

    fn print(&self, text: &[u8]) {
        if !self.threaded.load(Ordering::Relaxed) {
            return self.print_directly(text);
        }
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.lock();
        while !state.waiting.is_empty() && state.waiting.len() + text.len() > BACKLOG {
            let left = deadline.saturating_duration_since(Instant::now());
            if state.stalled || left.is_zero() {
                state.stalled = true;
                state.lost += count_lines(text);
                return;
            }
            state = self.wait(state, left);
        }
        if !state.finished {
            state.waiting.extend_from_slice(text);
            self.wake(&mut state);
        }
    }

    /// Wakes the printing thread, if it sleeps.
    fn wake(&self, state: &mut State) {
        if std::mem::take(&mut state.idle) {
            self.changed.notify_all();
        }
    }

    /// A client's way to print. Whoever closes our stdout has seen enough: that is no failure.
    fn print_directly(&self, text: &[u8]) {
        if let Err(err) = self.write(text) {
            if self.name == "stdout" && err.kind() == io::ErrorKind::BrokenPipe {
                std::process::exit(0);
            }
        }
    }

    fn write(&self, text: &[u8]) -> io::Result<()> {
        if self.name == "stdout" {
            let mut stdout = io::stdout().lock();
            stdout.write_all(text).and_then(|()| stdout.flush())
        } else {
            io::stderr().lock().write_all(text)
        }
    }

    /// The printing thread: takes all that waits, and writes it in one go.
    fn run(&self) {
        let mut text = Vec::new();
        loop {
            let mut state = self.lock();
            while state.waiting.is_empty() {
                state.idle = true;
                if state.waiters > 0 {
                    self.changed.notify_all();
                }
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            text.clear();
            std::mem::swap(&mut state.waiting, &mut text);
            state.in_hand = count_lines(&text);
            if state.waiters > 0 {
                self.changed.notify_all();
            }
            drop(state);
            let written = self.write(&text);
            self.note(written);
            thread::sleep(GATHER);
        }
    }

    /// Keeps the account of what was lost, and says it: at the first failure, and when the stream
    /// moves again. (What is lost until the end is said with the good-bye.)
    fn note(&self, written: io::Result<()>) {
        let name = self.name;
        let mut state = self.lock();
        let in_hand = std::mem::take(&mut state.in_hand);
        match written {
            Ok(()) => {
                state.stalled = false;
                state.failed = false;
                let lost = std::mem::take(&mut state.lost);
                drop(state);
                report(lost, name);
            }
            Err(err) => {
                state.lost += in_hand;
                let first = !std::mem::replace(&mut state.failed, true);
                drop(state);
                if first && name == "stdout" {
                    warn!(zh "无法写入 {name}: {err}；聊天室继续运行", en "cannot print on {name}: {err}; the room goes on");
                }
            }
        }
    }
}

/// Counts in pieces whose count fits a byte, which the compiler turns into vector instructions: it
/// is done for all that is printed.
fn count_lines(text: &[u8]) -> usize {
    let count = |piece: &[u8]| piece.iter().map(|byte| u8::from(*byte == b'\n')).sum::<u8>();
    text.chunks(u8::MAX.into()).map(|piece| usize::from(count(piece))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_become_visible() {
        let shown = for_terminal(b"[1.2.3.4:5]: a\x1b[2Jb\x07\xc2\x9b\xff\r\n", false);
        assert_eq!(shown, "[1.2.3.4:5]: a\\u{1b}[2Jb\\u{7}\\u{9b}\u{fffd}\n");
    }

    #[test]
    fn only_our_own_colour_reaches_the_terminal() {
        let shown = for_terminal(b"[1.2.3.4:5]: hi \x1b[31m\n", true);
        assert_eq!(shown, "\x1b[36m[1.2.3.4:5]:\x1b[0m hi \\u{1b}[31m\n");
    }

    #[test]
    fn text_cannot_be_turned_round() {
        assert_eq!(for_terminal("a: \u{202e}]revreS[\n".as_bytes(), false), "a: \\u{202e}]revreS[\n");
    }
}
