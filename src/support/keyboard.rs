//! Lines typed at the keyboard, or piped in: bounded, bytes, without their line end.

use std::io::{self, BufRead, IsTerminal, Read, StdinLock};
use std::net::SocketAddr;

use super::terminal::is_terminal;
use crate::{say, tr, warn};

/// Reads stdin line by line, as `bufio.NewScanner(os.Stdin)` does.
pub struct Keyboard {
    input: StdinLock<'static>,
    longest: usize,
    ended: Option<io::Error>,
}

impl Keyboard {
    /// A keyboard whose lines may have `longest` bytes, the line end not counted.
    pub fn new(longest: usize) -> Keyboard {
        Keyboard { input: io::stdin().lock(), longest, ended: None }
    }

    /// Why there are no more lines: the end of the input, or what went wrong.
    pub fn why_ended(&self) -> String {
        self.ended.as_ref().map_or_else(|| tr!(zh "EOF", en "end of input"), io::Error::to_string)
    }

    /// The next line, or `None` when there are no more. One that is too long is skipped, with a
    /// sentence about it (D13, D18): the notes' scanner stops reading for good there.
    pub fn next_line(&mut self) -> Option<Vec<u8>> {
        let longest = self.longest;
        let with_end = longest + 2; // "\r\n"
        loop {
            let mut line = Vec::new();
            // ANCHOR: ended
            match self.input.by_ref().take(with_end as u64).read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(err) => {
                    self.ended = Some(err);
                    return None;
                }
            }
            // ANCHOR_END: ended
            let cut = line.len() == with_end && !line.ends_with(b"\n");
            strip_end(&mut line);
            if !cut && line.len() <= longest {
                return Some(line);
            }
            if cut {
                let _ = self.input.skip_until(b'\n'); // an error shows at the next line
            }
            warn!(zh "这一行超过 {longest} 字节，没有发送；请分成几行",
                  en "that line is longer than {longest} bytes and was not sent; split it into several");
        }
    }
}

/// On a terminal: tells a client's user who they are to the others, how to speak, and how to leave.
pub fn introduce(me: io::Result<SocketAddr>) {
    let (Ok(me), true) = (me, io::stdin().is_terminal() && is_terminal()) else { return };
    let end = if cfg!(windows) { "Ctrl-Z" } else { "Ctrl-D" };
    say!(zh "你是 {me} · 回车发送，{end} 离开", en "you are {me} · Enter sends, {end} leaves");
}

/// Takes the line end off, `\r\n` too, as the notes' scanner does.
fn strip_end(line: &mut Vec<u8>) {
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
}
