//! Lines of bytes from a socket: bounded, and as many at a time as one read brings.

use std::fmt;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;

use super::MAX_LINE;
use crate::tr;

/// What one read asks for. A flood comes in pieces of this size, and each piece goes out as one
/// write per client: with the prefixes that is about 64 KiB, the most that goes into one packet on
/// loopback, or to a network card in one piece.
const READ: usize = 48 << 10;

/// A batch is passed on once it has this size: the prefixes make it longer than what was read, and
/// make many times as much of a piece full of empty lines.
const BATCH: usize = 4 * READ;

/// Buffers that have grown beyond this are given back when all is read: what a client has once said
/// must not be kept for as long as it then listens.
const SMALL: usize = 4 << 10;

/// The longest line that a client keeps until it is whole: one of [`MAX_LINE`] with any prefix.
/// (The notes' server relays longer ones; they are printed in pieces.)
const LONGEST: usize = MAX_LINE + 64;

/// Why a client is no longer there.
pub enum Left {
    /// It closed its side.
    Eof,
    /// Its line was longer than [`MAX_LINE`] (D2).
    TooLong,
    /// It did not read what the others said, and was shut out (D4).
    TooSlow,
    /// Its connection broke.
    Broken(io::Error),
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Left::Eof => f.write_str("EOF"), // Go's word
            Left::TooLong => {
                f.write_str(&tr!(zh "一行超过 {MAX_LINE} 字节", en "a line longer than {MAX_LINE} bytes"))
            }
            Left::TooSlow => f.write_str(&tr!(zh "没有及时读取消息", en "did not read in time")),
            Left::Broken(err) => err.fmt(f),
        }
    }
}

/// Reads a client's lines and puts its name before each: the notes' `ReadString` and `Sprintf`.
pub struct LineReader<'a> {
    conn: &'a TcpStream,
    prefix: String,
    /// Made when the first byte is there: most clients only listen, and need none.
    reader: Option<BufReader<&'a TcpStream>>,
    batch: Vec<u8>,
    /// How much of the batch a client has been given.
    told: usize,
}

impl<'a> LineReader<'a> {
    /// A reader whose lines begin with `prefix`.
    pub fn new(conn: &'a TcpStream, prefix: String) -> LineReader<'a> {
        LineReader { conn, prefix, reader: None, batch: Vec::new(), told: 0 }
    }

    /// Waits for a line, and returns it with all the others that came in the same read: whole
    /// lines, each ending in `\n`, the last one of a client that has left too (D3).
    ///
    /// # Errors
    /// Why there is no line any more.
    pub fn read_lines(&mut self) -> Result<&[u8], Left> {
        self.batch.clear();
        if self.batch.capacity() > SMALL && self.buffer().is_empty() {
            (self.reader, self.batch) = (None, Vec::new()); // who may now be silent keeps no flood's buffers
        }
        self.read_line()?; // only this one can wait, or fail
        let unfinished = self.buffer().iter().rev().position(|byte| *byte == b'\n');
        let unfinished = unfinished.unwrap_or(self.buffer().len());
        while self.buffer().len() > unfinished && self.batch.len() < BATCH {
            self.read_line()?;
        }
        Ok(&self.batch)
    }

    /// What was read and not yet taken.
    fn buffer(&self) -> &[u8] {
        self.reader.as_ref().map_or(&[], |reader| reader.buffer())
    }

    /// As a client reads: what one read brings, in whole lines where it can be; empty while a line is
    /// not complete yet. A line over [`LONGEST`] comes in pieces, and one that the end cuts off as it
    /// is.
    ///
    /// # Errors
    /// Why there is no more.
    pub fn read_text(&mut self) -> Result<&[u8], Left> {
        self.batch.drain(..self.told);
        let start = self.batch.len();
        self.batch.resize(start + READ, 0);
        let read = self.conn.read(&mut self.batch[start..]);
        self.batch.truncate(start + *read.as_ref().unwrap_or(&0));
        let at_end = read.map_err(Left::Broken)? == 0;
        if at_end && self.batch.is_empty() {
            return Err(Left::Eof);
        }
        let lines = self.batch.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let piece = at_end || lines == 0 && self.batch.len() > LONGEST;
        self.told = if piece { self.batch.len() } else { lines };
        Ok(&self.batch[..self.told])
    }

    /// Adds one line to the batch.
    fn read_line(&mut self) -> Result<(), Left> {
        self.batch.extend_from_slice(self.prefix.as_bytes());
        let start = self.batch.len();
        let ended = read_until_newline(self.conn, &mut self.reader, &mut self.batch, MAX_LINE + 1);
        let line = &self.batch[start..];
        match ended {
            _ if line.ends_with(b"\n") => Ok(()),
            _ if line.len() > MAX_LINE => Err(Left::TooLong),
            _ if !line.is_empty() => {
                self.batch.push(b'\n'); // D3; how it left shows at the next call
                Ok(())
            }
            // Nothing can be written, but the kernel still knows the peer: it was the room that shut
            // this socket. (After a reset by the peer, it is no longer known.)
            Ok(()) if self.conn.write(b"").is_err() && self.conn.peer_addr().is_ok() => Err(Left::TooSlow),
            Ok(()) => Err(Left::Eof),
            Err(err) => Err(Left::Broken(err)),
        }
    }
}

/// Reads up to and with a `\n`, the end of the stream, or `most` bytes.
fn read_until_newline<'a>(
    conn: &'a TcpStream,
    reader: &mut Option<BufReader<&'a TcpStream>>,
    line: &mut Vec<u8>,
    most: usize,
) -> io::Result<()> {
    let most = line.len() + most;
    loop {
        let read = match reader {
            Some(reader) => reader.take((most - line.len()) as u64).read_until(b'\n', line).map(|_| true),
            None => conn.peek(&mut [0]).map(|_| {
                *reader = Some(BufReader::with_capacity(READ, conn));
                false
            }),
        };
        match read {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            // A broadcast may have made the socket non-blocking for a moment.
            Err(err) if matches!(err.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(err) => return Err(err),
        }
    }
}
