//! What a NATS broker says, found in the bytes that come: lines, and payloads of a known length.

use std::io;

use crate::tr;

/// The most that is published or taken in one piece: a broker's own limit, unless it was told otherwise.
pub const MAX_PAYLOAD: usize = 1 << 20;

/// The longest line of the protocol. INFO is the longest, and names all brokers of a cluster.
const MAX_CONTROL: usize = 64 << 10;

/// What a broker says.
#[derive(Debug, PartialEq, Eq)]
pub enum Op<'a> {
    /// What it is, in JSON.
    Info(&'a str),
    /// What was published.
    Message {
        /// Where an answer would go: for us, who published.
        stamp: Option<&'a str>,
        /// The bytes.
        payload: &'a [u8],
    },
    /// It wants a PONG.
    Ping,
    /// It has taken all that was before our PING.
    Pong,
    /// It complains.
    Error(&'a str),
    /// A message that we skip: of so many bytes.
    TooLong(usize),
    /// What needs no answer.
    Nothing,
}

/// What has come from a broker, and was not looked at.
#[derive(Default)]
pub struct Inbox {
    buffer: Vec<u8>,
    at: usize,
    /// How many of the next bytes belong to a payload that is too long for us.
    skip: usize,
}

impl Inbox {
    /// Adds what one read brought.
    pub fn add(&mut self, bytes: &[u8]) {
        self.buffer.drain(..std::mem::take(&mut self.at));
        self.buffer.extend_from_slice(bytes);
    }

    /// The next that is there as a whole.
    ///
    /// # Errors
    /// When that is not NATS.
    pub fn next_op(&mut self) -> Result<Option<Op<'_>>, Broken> {
        let skipped = self.skip.min(self.buffer.len() - self.at);
        (self.at, self.skip) = (self.at + skipped, self.skip - skipped);
        let Some((op, length)) = parse(&self.buffer[self.at..])? else { return Ok(None) };
        self.at += length;
        if let Op::TooLong(length) = op {
            self.skip = length;
        }
        Ok(Some(op))
    }
}

/// What the bytes begin with, and how many bytes that is; nothing, if the end is still on its way.
fn parse(bytes: &[u8]) -> Result<Option<(Op<'_>, usize)>, Broken> {
    let Some(end) = bytes.iter().take(MAX_CONTROL).position(|byte| *byte == b'\n') else {
        return if bytes.len() < MAX_CONTROL { Ok(None) } else { Err(no_nats()) };
    };
    let (line, behind) = (&bytes[..end], &bytes[end + 1..]);
    let line = std::str::from_utf8(line).map_err(|_| no_nats())?.trim_end();
    let (word, args) = line.split_once(' ').unwrap_or((line, ""));
    let op = match word {
        "INFO" => Op::Info(args),
        "PING" => Op::Ping,
        "PONG" => Op::Pong,
        "-ERR" => Op::Error(args.trim_matches('\'')),
        "+OK" => Op::Nothing,
        "MSG" => {
            // Its subject, our number for it, a stamp or none, and the length of what stands behind.
            let words: Vec<&str> = args.split_whitespace().collect();
            let length: usize = words.last().and_then(|last| last.parse().ok()).ok_or_else(no_nats)?;
            if length > MAX_PAYLOAD {
                return Ok(Some((Op::TooLong(length.saturating_add(2)), end + 1)));
            }
            let Some(whole) = behind.get(..length + 2) else { return Ok(None) };
            let stamp = (words.len() == 4).then(|| words[2]);
            return Ok(Some((Op::Message { stamp, payload: &whole[..length] }, end + 1 + length + 2)));
        }
        _ => return Err(no_nats()),
    };
    Ok(Some((op, end + 1)))
}

fn no_nats() -> Broken {
    Broken {
        why: tr!(zh "那里说的不是 NATS 协议", en "what is there does not speak NATS"), refused: true
    }
}

/// The number that stands behind a key in a JSON object, without a parser for the rest.
pub fn number_behind(json: &str, key: &str) -> Option<usize> {
    let (_, rest) = json.split_once(key)?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Lines in pieces of at most so many bytes. Only a single line may be longer.
pub fn pieces(mut lines: &[u8], most: usize) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let fits = &lines[..most.min(lines.len())];
        let end = if fits.len() == lines.len() { Some(fits.len()) } else { end_of_last_line(fits) };
        let end = end.or_else(|| lines.iter().position(|byte| *byte == b'\n').map(|at| at + 1));
        let (piece, rest) = lines.split_at(end.unwrap_or(lines.len()));
        lines = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

fn end_of_last_line(lines: &[u8]) -> Option<usize> {
    lines.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1)
}

/// Why a link ended.
pub struct Broken {
    /// A sentence.
    pub why: String,
    /// The broker does not want us.
    pub refused: bool,
}

impl Broken {
    /// A reason to try again soon.
    pub fn new(why: String) -> Broken {
        Broken { why, refused: false }
    }
}

impl From<io::Error> for Broken {
    fn from(err: io::Error) -> Broken {
        Broken::new(err.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::{Inbox, MAX_CONTROL, parse, pieces};

    #[test]
    fn lines_are_cut_at_their_ends() {
        let cut = |lines, most| pieces(lines, most).map(|piece| piece.to_vec()).collect::<Vec<_>>();
        assert_eq!(cut(b"a\nbc\nd\n", 4), [&b"a\n"[..], b"bc\n", b"d\n"]);
        assert_eq!(cut(b"a\nbc\nd\n", 5), [&b"a\nbc\n"[..], b"d\n"]);
        assert_eq!(cut(b"a\nbc\nd\n", 100), [b"a\nbc\nd\n"]);
        assert_eq!(cut(b"long\nd\n", 2), [&b"long\n"[..], b"d\n"], "only a single line may be longer");
        assert_eq!(cut(b"", 2), [b""; 0]);
    }

    #[test]
    fn a_broker_is_understood_in_any_pieces() {
        let all = b"INFO {\"a\":1} \r\nPING\r\nMSG s 1 3\r\na\r\n\r\nMSG s 1 s.x.1 0\r\n\r\n\
                    MSG s 1 2000000\r\n"
            .to_vec();
        let all = [all, vec![b'x'; 2_000_000], b"\r\n-ERR 'No, no'\r\n+OK\r\nPONG\r\n".to_vec()].concat();
        for size in [1, 7, 100, all.len()] {
            let (mut inbox, mut heard) = (Inbox::default(), Vec::new());
            let parts = if size == 1 { all[..100].chunks(1) } else { all.chunks(size) };
            for part in parts {
                inbox.add(part);
                while let Some(op) = inbox.next_op().unwrap_or_else(|broken| panic!("{}", broken.why)) {
                    heard.push(format!("{op:?}"));
                }
            }
            let expected = [
                "Info(\"{\\\"a\\\":1}\")",
                "Ping",
                "Message { stamp: None, payload: [97, 13, 10] }",
                "Message { stamp: Some(\"s.x.1\"), payload: [] }",
                "TooLong(2000002)",
                "Error(\"No, no\")",
                "Nothing",
                "Pong",
            ];
            assert_eq!(heard, expected[..if size == 1 { 5 } else { 8 }], "in pieces of {size}");
        }
        for wrong in ["HTTP/1.1 400\r\n", "MSG s 1 x\r\n", "\n", &"x".repeat(MAX_CONTROL)] {
            assert!(parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
