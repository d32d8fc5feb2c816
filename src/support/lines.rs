//! Lines of bytes: whole, bounded, and as many at a time as one read brings.

use std::fmt;
use std::io::{self, BufRead, ErrorKind, Read};
use std::net::TcpStream;

use crate::tr;

/// The longest line, its `\n` not counted (D2, D13). It bounds what one client can make the server
/// keep; the notes' clients cannot type a longer one either: `bufio.Scanner` stops one byte sooner.
pub const MAX_LINE: usize = 64 << 10;

/// The longest line, or message, that a client takes from a server. Ours send less; the notes' send
/// whatever they get.
pub const MAX_RECEIVED: usize = 1 << 20;

/// What one read asks for. A flood comes in pieces of this size, and each goes out as one write per
/// client: with the prefixes about 64 KiB, the most that goes into one packet on loopback, or to a
/// network card in one piece. (Nothing but empty lines makes a megabyte, for as long as it takes.)
const READ: usize = 48 << 10;

/// Why there is no line any more.
#[derive(Debug)]
pub enum Ended {
    /// The peer closed its side.
    Eof,
    /// A line was longer than so many bytes (D2).
    TooLong(usize),
    /// The connection broke.
    Broken(io::Error),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Eof => f.write_str(&tr!(zh "EOF", en "the connection was closed")), // Go's word
            Ended::TooLong(most) => {
                f.write_str(&tr!(zh "一行超过 {most} 字节", en "a line longer than {most} bytes"))
            }
            Ended::Broken(err) => err.fmt(f),
        }
    }
}

/// Reads lines from a socket: the notes' `bufio.Reader`.
pub struct LineReader<'a> {
    conn: &'a TcpStream,
    longest: usize,
    /// Whole lines, and then perhaps the beginning of one.
    buffer: Vec<u8>,
    /// How much of it was handed out.
    told: usize,
}

impl<'a> LineReader<'a> {
    /// A reader that takes lines of at most `longest` bytes, their `\n` not counted.
    pub fn new(conn: &'a TcpStream, longest: usize) -> LineReader<'a> {
        LineReader { conn, longest, buffer: Vec::new(), told: 0 }
    }

    /// Waits for a line, and returns it with all the others that came in the same read: whole lines,
    /// each ending in `\n`. The last line of who leaves gets one, if it had none (D3).
    ///
    /// # Errors
    /// Why there is no line any more.
    pub fn read_lines(&mut self) -> Result<&[u8], Ended> {
        while self.read_once()?.is_empty() {}
        Ok(&self.buffer[..self.told])
    }

    /// Waits for something, and returns the lines that are whole by then: perhaps none yet.
    ///
    /// # Errors
    /// Why there is no line any more.
    // ANCHOR: read_once
    pub fn read_once(&mut self) -> Result<&[u8], Ended> {
        self.buffer.drain(..std::mem::take(&mut self.told));
        let start = self.buffer.len(); // what stands before it has no line end
        let read = self.read_some();
        if matches!(read, Ok(0) | Err(_)) && !self.buffer.is_empty() {
            self.buffer.push(b'\n'); // how it left shows at the next read
        } else if read.map_err(Ended::Broken)? == 0 {
            return Err(Ended::Eof);
        }
        let last = self.buffer[start..].iter().rposition(|byte| *byte == b'\n');
        self.told = last.map_or(0, |last| start + last + 1);
        self.expect_fitting()?;
        Ok(&self.buffer[..self.told])
    }
    // ANCHOR_END: read_once

    // ANCHOR: fitting
    /// Only the first line can be too long: all others came in one read, which is shorter.
    fn expect_fitting(&self) -> Result<(), Ended> {
        let too_long = self.buffer.len() > self.longest && !self.buffer[..=self.longest].contains(&b'\n');
        if too_long { Err(Ended::TooLong(self.longest)) } else { Ok(()) }
    }
    // ANCHOR_END: fitting

    /// Adds what one read brings to the buffer.
    fn read_some(&mut self) -> io::Result<usize> {
        if self.buffer.is_empty() {
            self.buffer = Vec::new(); // most only listen, for most of the time: they keep no buffer
            retry(|| self.conn.peek(&mut [0]))?;
        }
        let start = self.buffer.len();
        self.buffer.reserve_exact(READ); // and not twice as much
        self.buffer.resize(start + READ, 0);
        let read = retry(|| (&mut &*self.conn).read(&mut self.buffer[start..]));
        self.buffer.truncate(start + *read.as_ref().unwrap_or(&0));
        read
    }
}

fn retry(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match read() {
            Err(err) if came_back_empty(&err) => {}
            read => return read,
        }
    }
}

/// Whether a call came back without anything, and may be begun again: its time is over, a signal
/// came, or a broadcast made the socket non-blocking for a moment.
pub fn came_back_empty(err: &io::Error) -> bool {
    matches!(err.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Puts `prefix` before each line: `fmt.Sprintf("[%s]: %s", …)`, for all that one read brought.
pub fn prefixed(prefix: &str, mut lines: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(lines.len() + count_lines(lines) * prefix.len());
    while !lines.is_empty() {
        out.extend_from_slice(prefix.as_bytes());
        let _ = lines.read_until(b'\n', &mut out); // reading from memory cannot fail
    }
    out
}

/// How many lines these are. Counted in pieces whose count fits a byte, which is much faster.
pub fn count_lines(text: &[u8]) -> usize {
    let count = |piece: &[u8]| piece.iter().map(|byte| u8::from(*byte == b'\n')).sum::<u8>();
    text.chunks(255).map(|piece| usize::from(count(piece))).sum()
}

// ANCHOR: push_line
/// Appends `message` as one line: the line breaks inside become spaces, or one message could forge
/// lines of others, even the server's (D15, D23).
pub fn push_line(out: &mut Vec<u8>, message: &[u8]) {
    let text = message.strip_suffix(b"\n").unwrap_or(message);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    out.extend(text.iter().map(|&byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }));
    out.push(b'\n');
}
// ANCHOR_END: push_line

/// `prefix` and `message` as one line: see [`push_line`].
pub fn one_line(prefix: &str, message: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(prefix.len() + message.len() + 1);
    line.extend_from_slice(prefix.as_bytes());
    push_line(&mut line, message);
    line
}

#[cfg(test)]
mod tests {
    use super::{one_line, prefixed};

    #[test]
    fn each_line_gets_its_prefix() {
        assert_eq!(prefixed("[a]: ", b"x\n\ny\n"), b"[a]: x\n[a]: \n[a]: y\n");
    }

    #[test]
    fn inner_line_breaks_become_spaces() {
        assert_eq!(one_line("[a]: ", b"x\n[Server]: y\r\nz\r\n"), b"[a]: x [Server]: y  z\n");
    }

    #[test]
    fn a_missing_line_end_is_added() {
        assert_eq!(one_line("[a]: ", b"x"), b"[a]: x\n");
        assert_eq!(one_line("[a]: ", b"x\n"), b"[a]: x\n");
    }
}
