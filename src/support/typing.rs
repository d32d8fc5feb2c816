//! What arrives goes above the line that is being typed, which stays, cursor and all.
//!
//! The terminal echoes what is typed, and only it knows how much that is. So nothing is taken away
//! and printed again: room is made above the line, with control sequences that nearly all terminals
//! have (ECMA-48, and DEC's for the cursor). A typed line that takes several rows is the limit: what
//! arrives then stands above its last row.

use std::io::{self, IsTerminal, Write};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::lock;

/// How often the terminal's width is asked for: windows are resized.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The terminal at which somebody types.
struct Screen {
    columns: usize,
    asked_at: Instant,
}

static SCREEN: Mutex<Option<Screen>> = Mutex::new(None);

/// Somebody may type from here on. Nothing changes where it isn't a terminal at both ends, or one
/// whose width isn't known.
pub fn begin() {
    let able = std::env::var("TERM").is_ok_and(|term| !term.is_empty() && term != "dumb");
    // rlwrap keeps the typed line together by itself. The shell says who started us.
    let wrapped = std::env::var("_").is_ok_and(|starter| starter.ends_with("rlwrap"));
    if able && !wrapped && io::stdin().is_terminal() && io::stdout().is_terminal() {
        *lock(&SCREEN) = ask_columns().map(|columns| Screen { columns, asked_at: Instant::now() });
    }
}

/// What is typed stays with the terminal: the last row is cleared for whoever is next, the shell.
pub fn end() {
    if lock(&SCREEN).take().is_some() {
        let mut out = io::stdout().lock();
        let _ = out.write_all(b"\r\x1b[K").and_then(|()| out.flush());
    }
}

/// These lines, to be printed above what is being typed; `None` where they are printed as they are.
pub fn above(lines: &[u8]) -> Option<String> {
    let mut screen = lock(&SCREEN);
    let Screen { columns, asked_at } = screen.as_mut()?;
    if asked_at.elapsed() > ASK_AGAIN {
        (*columns, *asked_at) = (ask_columns()?, Instant::now());
    }
    Some(insert(&String::from_utf8_lossy(lines), *columns))
}

/// Only the system knows; std doesn't ask it, but a command does.
fn ask_columns() -> Option<usize> {
    let mut stty = Command::new("stty");
    let asked = stty.arg("size").stdin(Stdio::inherit()).stderr(Stdio::null()).output().ok()?;
    let answer = String::from_utf8(asked.stdout).ok()?;
    answer.split_whitespace().nth(1)?.parse().ok().filter(|columns| *columns > 1)
}

/// Each row: down and up again, so that there is a row below, even at the bottom of the screen.
/// Remember the cursor, insert a row where it is, write there; back, and down to where the typed
/// line is now.
fn insert(lines: &str, columns: usize) -> String {
    let mut out = String::new();
    for line in lines.lines() {
        for row in rows(line, columns) {
            out += "\x1bD\x1b[A\x1b7\r\x1b[L";
            out += row;
            out += "\x1b8\x1b[B";
        }
    }
    out
}

/// Cuts a line into rows that surely fit. A row that is cut too early does no harm, one too late
/// would run over the typed line: so all that may be two columns wide counts as two.
fn rows(line: &str, columns: usize) -> Vec<&str> {
    let (mut rows, mut start, mut width, mut in_sequence) = (Vec::new(), 0, 0, false);
    for (at, c) in line.char_indices() {
        in_sequence = in_sequence || c == '\x1b';
        let wide = match c {
            _ if in_sequence => 0, // a colour
            '\t' => 8 - width % 8,
            _ => 1 + usize::from(c >= '\u{1100}'),
        };
        in_sequence = in_sequence && !(c.is_ascii_alphabetic());
        if width + wide > columns {
            rows.push(&line[start..at]);
            (start, width) = (at, 0);
        }
        width += wide;
    }
    rows.push(&line[start..]);
    rows
}

#[cfg(test)]
mod tests {
    use super::rows;

    #[test]
    fn rows_fit() {
        assert_eq!(rows("", 4), [""]);
        assert_eq!(rows("abcdef", 4), ["abcd", "ef"]);
        assert_eq!(rows("大家好", 4), ["大家", "好"]);
        assert_eq!(rows("a大家", 4), ["a大", "家"]);
        assert_eq!(rows("\x1b[1;38;5;63m[a]:\x1b[0m b", 6), ["\x1b[1;38;5;63m[a]:\x1b[0m b"]);
    }
}
