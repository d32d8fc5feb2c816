//! A client (or, for a client under test, the server) that the checker plays.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::log::{Log, show};
use super::speaker::Speaker;
use super::verdict::{Verdict, fail, not_checked};

/// The end of a TCP connection that the checker holds. No call on it waits for ever.
#[derive(Debug)]
pub struct Peer {
    /// A, B, C … in the transcript.
    pub name: String,
    /// Its own address, as others should see it.
    pub address: SocketAddr,
    reader: BufReader<TcpStream>,
    partial: Vec<u8>,
    log: Log,
    patience: Duration,
    quiet: bool,
}

/// What came next.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// A line, with its line break.
    Line(Vec<u8>),
    /// The end, in order, with what came after the last line break.
    End(Vec<u8>),
    /// The end, by a reset.
    Reset,
    /// Nothing, for as long as one waited.
    Nothing,
}

impl Heard {
    /// For the end of a sentence.
    #[must_use]
    pub fn told(&self) -> String {
        match self {
            Heard::Line(line) => show(line),
            Heard::End(rest) if rest.is_empty() => "the end of the connection".into(),
            Heard::End(rest) => format!("{} and the end of the connection", show(rest)),
            Heard::Reset => "a reset of the connection".into(),
            Heard::Nothing => "nothing".into(),
        }
    }
}

impl Peer {
    /// Takes over a connection.
    pub fn new(name: &str, stream: TcpStream, log: &Log, patience: Duration) -> Verdict<Self> {
        let ready = stream.set_nodelay(true).and_then(|()| stream.set_write_timeout(Some(patience)));
        match ready.and_then(|()| stream.local_addr()) {
            Ok(address) => Ok(Peer {
                name: name.to_string(),
                address,
                reader: BufReader::with_capacity(64 * 1024, stream),
                partial: vec![],
                log: log.clone(),
                patience,
                quiet: false,
            }),
            Err(e) => fail(format!("{name} is connected"), e.to_string()),
        }
    }

    /// A second hold on the same connection, for a thread that reads while this one sends.
    pub fn second(&self) -> Verdict<Peer> {
        let clone = match self.stream().try_clone() {
            Ok(clone) => Peer::new(&self.name, clone, &self.log, self.patience),
            Err(e) => not_checked(format!("the checker has no descriptor left: {e}")),
        };
        clone.map(|peer| Peer { quiet: self.quiet, ..peer })
    }

    /// Keeps what this peer says and hears out of the transcript: for floods and crowds.
    pub fn hush(&mut self) {
        self.quiet = true;
    }

    /// Puts them into it again.
    pub fn unhush(&mut self) {
        self.quiet = false;
    }

    fn note(&self, what: impl AsRef<str>) {
        if !self.quiet {
            self.log.note(what);
        }
    }

    /// The connection itself.
    #[must_use]
    pub fn stream(&self) -> &TcpStream {
        self.reader.get_ref()
    }

    /// What the others should get when this peer says `line`.
    #[must_use]
    pub fn prefixed(&self, line: impl AsRef<[u8]>) -> Vec<u8> {
        [format!("[{}]: ", self.address).as_bytes(), line.as_ref()].concat()
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Verdict {
        self.note(format!("{} sends {}", self.name, show(bytes.as_ref())));
        match self.reader.get_mut().write_all(bytes.as_ref()) {
            Ok(()) => Ok(()),
            Err(e) => fail(format!("{} can send", self.name), e.to_string()),
        }
    }

    /// Sends bytes if the other side still takes them: for who expects to be thrown out. Says whether it did.
    pub fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.reader.get_mut().write_all(bytes).is_ok()
    }

    /// Says that nothing more will be sent; goes on hearing.
    pub fn end_sending(&self) {
        self.note(format!("{} half-closes", self.name));
        let _ = self.stream().shutdown(Shutdown::Write);
    }

    /// Leaves in order.
    pub fn leave(self) {
        self.note(format!("{} leaves", self.name));
    }

    /// Whether something has come that wasn't read. (Dropped then, this peer leaves by a reset: that is what
    /// closing a socket with unread data does.)
    #[must_use]
    pub fn has_something(&self, within: Duration) -> bool {
        let _ = self.stream().set_read_timeout(Some(within));
        matches!(self.stream().peek(&mut [0]), Ok(1))
    }

    /// The next line, or what came instead.
    pub fn next(&mut self, within: Duration) -> Heard {
        // Zero would mean "for ever".
        let _ = self.stream().set_read_timeout(Some(within.max(Duration::from_millis(1))));
        let heard = match self.reader.read_until(b'\n', &mut self.partial) {
            Ok(_) if self.partial.ends_with(b"\n") => Heard::Line(std::mem::take(&mut self.partial)),
            Ok(_) => Heard::End(std::mem::take(&mut self.partial)),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Heard::Nothing,
            Err(_) => Heard::Reset,
        };
        self.note(format!("{} gets {}", self.name, heard.told()));
        heard
    }

    /// The next line must be this one.
    pub fn expect(&mut self, line: impl AsRef<[u8]>) -> Verdict {
        let heard = self.next(self.patience);
        if matches!(&heard, Heard::Line(got) if got == line.as_ref()) {
            return Ok(());
        }
        let mut got = heard.told();
        if heard == Heard::Nothing {
            got += &format!(" for {:?}", self.patience);
            if !self.partial.is_empty() {
                got += &format!(" but {}, without a line break", show(&self.partial));
            }
        }
        fail(format!("{} gets {}", self.name, show(line.as_ref())), got)
    }

    /// The next line must be what `from` said: `[ip:port]: ` and the line.
    pub fn expect_from(&mut self, from: &Peer, line: impl AsRef<[u8]>) -> Verdict {
        self.expect(from.prefixed(line))
    }

    /// Some line, whatever it says.
    pub fn expect_line(&mut self, what: &str) -> Verdict<Vec<u8>> {
        match self.next(self.patience) {
            Heard::Line(line) => Ok(line),
            other => fail(format!("{} gets {what}", self.name), other.told()),
        }
    }

    /// Reads up to a line that holds `part`, past whatever else comes. Says whether it came in time.
    pub fn hears(&mut self, part: &[u8], within: Duration) -> bool {
        let deadline = Instant::now() + within;
        loop {
            match self.next(deadline.saturating_duration_since(Instant::now())) {
                Heard::Line(line) if super::output::contains(&line, part) => return true,
                Heard::Line(_) => {}
                _ => return false,
            }
        }
    }

    /// Reads to the end of the connection, past whatever else comes.
    pub fn read_to_end(&mut self, within: Duration) -> Heard {
        let deadline = Instant::now() + within;
        loop {
            match self.next(deadline.saturating_duration_since(Instant::now())) {
                Heard::Line(_) => {}
                other => return other,
            }
        }
    }

    /// The connection must end in order, whatever comes before its end.
    pub fn expect_end(&mut self, within: Duration) -> Verdict {
        match self.read_to_end(within) {
            Heard::End(_) => Ok(()),
            other => {
                fail(format!("{} gets the end of the connection within {within:?}", self.name), other.told())
            }
        }
    }
}

impl Speaker for Peer {
    fn name(&self) -> &str {
        &self.name
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn say(&mut self, words: &str) -> Verdict {
        self.send(format!("{words}\n"))
    }

    fn hear_from(&mut self, from: &str, words: &str) -> Verdict {
        self.expect(format!("{from}{words}\n"))
    }

    fn hears(&mut self, part: &[u8], within: Duration) -> bool {
        Peer::hears(self, part, within)
    }

    fn set_quiet(&mut self, quiet: bool) {
        self.quiet = quiet;
    }
}
