//! What may reach a terminal, for servers and clients alike (D12).

use super::program::Program;
use super::scene::{Launch, Scene};
use super::speaker::Speaker;
use super::system::need;
use crate::check::telling::events::show;
use crate::check::telling::verdict::{Verdict, ensure, fail};
use crate::text;

/// Words that would retitle the terminal, clear it, overwrite the sender's name and change colours, in characters of
/// one byte, of two, and in whatever else this kind of words may hold. Every room relays them as they are.
#[must_use]
pub fn hostile<S: Speaker>() -> Vec<u8> {
    [&b"before\x1b]0;owned\x07\x1b[2J\x08forged\xc2\x9b31m"[..], S::RAW, b"32m\x7fafter"].concat()
}

impl<'a> Scene<'a> {
    /// To be started on a terminal of its own.
    pub fn on_terminal(&'a self) -> Verdict<Launch<'a>> {
        need(&["script"])?;
        Ok(self.launch().on_terminal())
    }
}

/// The size of a screen to type at.
pub const ROWS: usize = 24;
/// How wide it is.
pub const COLUMNS: usize = 80;

/// What a screen shows, when all this was written on it: as much of a terminal as it takes to judge programs that
/// move the cursor (ECMA-48; DEC's `ESC 7` and `ESC 8` save and restore it).
#[must_use]
pub fn screen(written: &[u8]) -> Vec<String> {
    let mut screen = Screen { rows: vec![[' '; COLUMNS]; ROWS], row: 0, column: 0, saved: (0, 0) };
    let text = String::from_utf8_lossy(written);
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\r' => screen.column = 0,
            '\n' => screen.index(),
            '\x08' => screen.column = screen.column.saturating_sub(1),
            '\x1b' => screen.escape(&mut rest),
            _ if c.is_control() => {}
            _ => screen.put(c),
        }
    }
    screen.rows.iter().map(|row| row.iter().collect::<String>().trim_end().to_string()).collect()
}

struct Screen {
    rows: Vec<[char; COLUMNS]>,
    row: usize,
    column: usize,
    saved: (usize, usize),
}

impl Screen {
    fn put(&mut self, c: char) {
        if self.column == COLUMNS {
            self.column = 0;
            self.index();
        }
        self.rows[self.row][self.column] = c;
        self.column += 1;
    }

    /// One row down; at the bottom all others go up.
    fn index(&mut self) {
        if self.row + 1 < ROWS {
            self.row += 1;
        } else {
            self.rows.rotate_left(1);
            self.rows[self.row] = [' '; COLUMNS];
        }
    }

    /// What stands behind an ESC.
    fn escape(&mut self, rest: &mut impl Iterator<Item = char>) {
        match rest.next() {
            Some('D') => self.index(),
            Some('7') => self.saved = (self.row, self.column),
            Some('8') => (self.row, self.column) = self.saved,
            _ => {
                let mut count = String::new();
                for c in rest.by_ref() {
                    if c.is_alphabetic() {
                        return self.control(c, count.parse().unwrap_or(1));
                    }
                    count.push(c);
                }
            }
        }
    }

    /// A control sequence, by its last letter. Colours and the like are left aside.
    fn control(&mut self, letter: char, count: usize) {
        match letter {
            'A' => self.row = self.row.saturating_sub(count),
            'B' => self.row = self.row.saturating_add(count).min(ROWS - 1),
            'K' => self.rows[self.row][self.column.min(COLUMNS - 1)..].fill(' '),
            'L' => {
                self.rows[self.row..].rotate_right(1);
                self.rows[self.row] = [' '; COLUMNS];
            }
            _ => {}
        }
    }
}

/// Waits for the hostile words on a terminal: nothing raw may stand between its beginning and its end, and
/// something must stand for what it hides.
pub fn expect_visible(program: &Program) -> Verdict {
    program.expect_printed("after")?;
    let printed = program.stdout.bytes();
    let line = text!(zh "终端上的这一行，从 \"before\" 到 \"after\"",
                     en "the line on the terminal, from \"before\" to \"after\"");
    let (Some(start), Some(end)) = (position(&printed, b"before"), position(&printed, b"after")) else {
        return fail(line, show(&printed));
    };
    if end < start {
        return fail(line, show(&printed));
    }
    let shown = &printed[start..end];
    let raw = std::str::from_utf8(shown).map_or(true, |text| text.chars().any(char::is_control));
    let harmless = text!(zh "没有控制字符到达终端",
                         en "no control character reaches the terminal");
    let marked = text!(zh "每个控制字符都有看得见的写法",
                       en "each control character is shown as something visible");
    ensure(!raw, harmless, show(shown))?;
    ensure(all_marked(shown), marked, show(shown))
}

/// Whether the harmless parts are there, in order, with something between each two.
fn all_marked(mut shown: &[u8]) -> bool {
    ["before", "]0;owned", "[2J", "forged", "31m", "32m"].iter().enumerate().all(|(i, part)| {
        let found = position(shown, part.as_bytes());
        shown = found.map_or(shown, |at| &shown[at + part.len()..]);
        found.is_some_and(|at| at > 0 || i == 0)
    }) && !shown.is_empty()
}

fn position(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}
