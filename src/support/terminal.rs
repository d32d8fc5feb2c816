//! Bytes from strangers, made safe for a terminal (D12).

use std::io::{self, IsTerminal};
use std::sync::{Mutex, OnceLock};

use super::lock;

/// Whether stdout is a terminal. It gets what strangers send spelled out; a pipe or a file gets
/// the bytes as they are.
pub fn is_terminal() -> bool {
    static TERMINAL: OnceLock<bool> = OnceLock::new();
    *TERMINAL.get_or_init(|| io::stdout().is_terminal())
}

/// Lines as a terminal may have them: `sender: text`, harmless, the sender in colour.
pub fn for_terminal(lines: &[u8]) -> String {
    static COLOURS: OnceLock<bool> = OnceLock::new();
    coloured(lines, *COLOURS.get_or_init(colours))
}

/// Whether the sender is coloured. Not if `NO_COLOR` is set to anything (<https://no-color.org>),
/// and not on a Windows console that doesn't say what it can: older ones show the sequences as text.
/// Windows Terminal says so by `WT_SESSION`, ConEmu by `ANSICON`, Git Bash by `TERM`.
fn colours() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !set("NO_COLOR") && !dumb && (!cfg!(windows) || ["WT_SESSION", "ANSICON", "TERM"].into_iter().any(set))
}

/// Five hues that can be read on black and on white: each has a contrast of at least 4.5 to both
/// (WCAG 2.1, 1.4.3). There are no others among the 256 colours of a terminal.
const HUES: [u8; 5] = [63, 131, 29, 98, 163];

/// How many senders keep their hue: more than anybody can tell apart.
const MAX_SENDERS: usize = 100;

/// How a sender is written: bold, and in one of the hues, which go round in the order in which people
/// first speak: so the few who talk at a time differ. A server has none.
fn style(sender: &str) -> String {
    static SENDERS: Mutex<Vec<String>> = Mutex::new(Vec::new());
    if sender.starts_with("[Server") {
        return "\x1b[1m".to_string();
    }
    let mut senders = lock(&SENDERS);
    let known = senders.iter().position(|one| one == sender);
    let at = known.unwrap_or_else(|| {
        if senders.len() == MAX_SENDERS {
            senders.clear();
        }
        senders.push(sender.to_string());
        senders.len() - 1
    });
    format!("\x1b[1;38;5;{}m", HUES[at % HUES.len()])
}

fn coloured(lines: &[u8], colours: bool) -> String {
    let mut shown = String::with_capacity(lines.len() + 16);
    for line in String::from_utf8_lossy(lines).split_inclusive('\n') {
        match line.find(": ") {
            Some(end) if colours => {
                shown.push_str(&style(&line[..end]));
                push_visible(&mut shown, &line[..=end]);
                shown.push_str("\x1b[0m");
                push_visible(&mut shown, &line[end + 1..]);
            }
            _ => push_visible(&mut shown, line),
        }
    }
    shown
}

/// Text with the same spelled out, whatever is to show it.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    text.split_inclusive('\n').for_each(|line| push_visible(&mut shown, line));
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

#[cfg(test)]
mod tests {
    use super::coloured;

    #[test]
    fn control_characters_become_visible() {
        let shown = coloured(b"[1.2.3.4:5]: a\x1b[2Jb\x07\xc2\x9b\xff\r\n", false);
        assert_eq!(shown, "[1.2.3.4:5]: a\\u{1b}[2Jb\\u{7}\\u{9b}\u{fffd}\n");
    }

    #[test]
    fn only_our_own_colour_reaches_the_terminal() {
        let shown = coloured(b"[1.2.3.4:5]: hi \x1b[31m\n", true);
        let style = super::style("[1.2.3.4:5]");
        assert_eq!(shown, format!("{style}[1.2.3.4:5]:\x1b[0m hi \\u{{1b}}[31m\n"));
    }

    #[test]
    fn servers_have_no_hue() {
        for server in ["[Server]", "[Server 1.2.3.4:8080]"] {
            assert_eq!(
                coloured(format!("{server}: hi\n").as_bytes(), true),
                format!("\x1b[1m{server}:\x1b[0m hi\n")
            );
        }
    }

    #[test]
    fn text_cannot_be_turned_round() {
        assert_eq!(coloured("a: \u{202e}]revreS[\n".as_bytes(), false), "a: \\u{202e}]revreS[\n");
    }
}
