//! `--slow`: events are printed as they happen, with the lanes growing on a terminal, and elsewhere as plain lines.

use std::io::{self, IsTerminal};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use super::events::{Event, What, columns};
use super::lanes::{Lane, Lanes};
use crate::support::terminal::visible;
use crate::support::{lock, print};

/// How long the checker rests after each thing that it does itself.
const REST: Duration = Duration::from_millis(300);

/// A lane's columns, and a terminal's.
const LANE: usize = 7;
const ROW: usize = 79;
/// What a label has at least, be there ever so many lanes.
const LABEL: usize = 24;

/// Who watches.
#[derive(Debug, Default)]
pub struct Live {
    lanes: Mutex<Lanes>,
}

/// Whether somebody watches on a terminal: there the lanes are drawn.
#[must_use]
pub fn on_terminal() -> bool {
    io::stdout().is_terminal()
}

impl Live {
    /// Shows an event. After what the checker does itself there is time to read it.
    pub fn show(&self, event: &Event) {
        let line = visible(&event.to_string());
        if on_terminal() {
            self.draw(event, &line);
        } else {
            print::out(&line);
        }
        if !matches!(event.what, What::Prints(_) | What::Warns(_) | What::Gets(_)) {
            thread::sleep(REST);
        }
    }

    fn draw(&self, event: &Event, line: &str) {
        let mut lanes = lock(&self.lanes);
        let known = lanes.0.len();
        let ends = lanes.ends(event);
        let count = lanes.0.len();
        if count > known {
            print::out(&format!("{:9}{}", "", lanes.0.iter().map(heading).collect::<String>()));
        }
        let (at, label) = line.split_at(9.min(line.len()));
        let room = ROW.saturating_sub(9 + count * LANE).max(LABEL);
        let is_prose = matches!(event.what, What::Starts(_) | What::Says(_));
        let label = if is_prose { wrapped(label, room) } else { cut(label, room) };
        for (row, part) in label.iter().enumerate() {
            let (at, ends) = if row == 0 { (at, ends) } else { ("         ", None) };
            print::out(&format!("{at}{}{part}", picture(count, ends)));
        }
    }
}

/// A name above its lane.
fn heading(lane: &Lane) -> String {
    let (mut name, mut used) = (String::new(), 0);
    for c in visible(&lane.name()).chars() {
        used += columns(c);
        if used < LANE {
            name.push(c);
        }
    }
    let used: usize = name.chars().map(columns).sum();
    name + &" ".repeat(LANE - used)
}

/// All lanes in one row, with an arrow from one to another, or a dot in one.
fn picture(count: usize, ends: Option<(usize, usize)>) -> String {
    let (from, to) = ends.unwrap_or((count, count));
    let (left, right) = (from.min(to), from.max(to));
    let cell = |lane: usize| {
        let sign = match lane {
            _ if lane == from && from == to => '●',
            _ if lane == to => {
                if to > from {
                    '▶'
                } else {
                    '◀'
                }
            }
            _ if lane == from => {
                if to > from {
                    '├'
                } else {
                    '┤'
                }
            }
            _ if (left..right).contains(&lane) => '┼',
            _ => '│',
        };
        let rest = if (left..right).contains(&lane) { "─" } else { " " };
        format!("{sign}{}", rest.repeat(LANE - 1))
    };
    (0..count).map(cell).collect()
}

/// Text in rows of so many columns.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let (mut rows, mut used) = (vec![String::new()], 0);
    for c in text.chars() {
        if used + columns(c) > room {
            rows.push(String::new());
            used = 0;
        }
        used += columns(c);
        rows.last_mut().into_iter().for_each(|row| row.push(c));
    }
    rows
}

/// Lines, each cut to so many columns.
fn cut(text: &str, room: usize) -> Vec<String> {
    let lines = text.lines().map(|line| wrapped(line.trim_start(), room));
    lines.map(|rows| rows[0].clone() + if rows.len() > 1 { "…" } else { "" }).collect()
}

#[cfg(test)]
mod tests {
    use super::{cut, picture, wrapped};

    #[test]
    fn arrows_go_from_lane_to_lane() {
        assert_eq!(picture(3, Some((0, 2))), "├──────┼──────▶      ");
        assert_eq!(picture(3, Some((2, 0))), "◀──────┼──────┤      ");
        assert_eq!(picture(2, Some((1, 1))), "│      ●      ");
        assert_eq!(picture(2, None), "│      │      ");
    }

    #[test]
    fn labels_are_wrapped_by_columns() {
        assert_eq!(wrapped("ab\u{597d}\u{597d}x", 3), ["ab", "\u{597d}", "\u{597d}x"]);
        assert_eq!(cut("abcd\n         abc", 3), ["abc…", "abc"]);
    }
}
