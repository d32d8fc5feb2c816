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
    let mut rows = vec![[' '; COLUMNS]; ROWS];
    let (mut row, mut column, mut saved) = (0_usize, 0_usize, (0, 0));
    let text = String::from_utf8_lossy(written);
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let (mut down, mut scrolls) = (0, false);
        match c {
            '\r' => column = 0,
            '\n' => (down, scrolls) = (1, true),
            '\x08' => column = column.saturating_sub(1),
            '\x1b' => match rest.next() {
                Some('D') => (down, scrolls) = (1, true),
                Some('7') => saved = (row, column),
                Some('8') => (row, column) = saved,
                _ => {
                    let mut count = String::new();
                    let end = rest.find(|c| {
                        count.push(*c);
                        c.is_alphabetic()
                    });
                    let count: usize = count.trim_end_matches(char::is_alphabetic).parse().unwrap_or(1);
                    match end {
                        Some('A') => row = row.saturating_sub(count),
                        Some('B') => down = count,
                        Some('K') => rows[row][column.min(COLUMNS - 1)..].fill(' '),
                        Some('L') => {
                            rows[row..].rotate_right(1);
                            rows[row] = [' '; COLUMNS];
                        }
                        _ => {} // a colour
                    }
                }
            },
            _ => {
                if column == COLUMNS {
                    (column, down, scrolls) = (0, 1, true);
                }
            }
        }
        for _ in 0..down {
            if row + 1 < ROWS {
                row += 1;
            } else if scrolls {
                rows.rotate_left(1);
                rows[row] = [' '; COLUMNS];
            }
        }
        if !c.is_control() {
            rows[row][column] = c;
            column += 1;
        }
    }
    rows.iter().map(|row| row.iter().collect::<String>().trim_end().to_string()).collect()
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
