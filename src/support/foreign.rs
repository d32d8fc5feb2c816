//! Lines from other servers: what is new of them, who may have said them, and what was missed.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::broker::Broker;
use super::lines::{MAX_LINE, count_lines, push_line};
use super::nats::{Broken, pieces};
use super::print;
use super::trouble::Trouble;
use crate::{tr, warn};

/// What one read asks for, what goes out in one write, and what is told to the room at once.
pub const PIECE: usize = 64 << 10;

/// How many other servers we know by their stamps.
const MAX_SERVERS: usize = 1000;

/// How often the relay looks at the clock, and says what was lost or missed, at most.
pub const TICK: Duration = Duration::from_secs(1);

/// What is heard from the other servers, on its way to everybody here.
pub struct Ear<F> {
    tell: F,
    /// The room's subject, and who we are in the stamps.
    subject: String,
    me: String,
    lines: Vec<u8>,
    /// How many lines the other servers had said when we heard them last.
    known: HashMap<String, u64>,
    missed: Count,
    lost: Count,
    /// Lines without a sender, and forged ones.
    dropped: Count,
    trouble: Trouble,
}

impl<F: FnMut(&[u8])> Ear<F> {
    /// An ear for the room of this subject; `me` is who we are in the stamps.
    pub fn new(tell: F, subject: &str, me: &str) -> Ear<F> {
        let (lines, known, trouble) = (Vec::new(), HashMap::new(), Trouble::default());
        let [missed, lost, dropped] = [TICK, TICK, 60 * TICK].map(Count::new);
        let (subject, me) = (subject.to_string(), me.to_string());
        Ear { tell, subject, me, lines, known, missed, lost, dropped, trouble }
    }

    /// Takes what was published elsewhere: what is new of it, and has the form of a line of ours.
    pub fn hear(&mut self, stamp: Option<&str>, payload: &[u8]) {
        let stamp = stamp.and_then(|stamp| self.read_stamp(stamp));
        let payload = stamp.map_or(payload, |(server, first)| self.unheard(server, first, payload));
        for line in payload.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match end_of_sender(line) {
                Some(end) => push_line(&mut self.lines, &line[..line.len().min(end + MAX_LINE)]),
                None => self.dropped.count += 1,
            }
        }
        if self.lines.len() >= PIECE {
            self.pass_on();
        }
    }

    // ANCHOR: unheard
    /// Of lines that a server published, those that we have not heard. What it said before them and we
    /// have not heard either, we have missed: while there was no link, or a broker threw it away.
    fn unheard<'a>(&mut self, server: &str, first: u64, lines: &'a [u8]) -> &'a [u8] {
        if server == self.me {
            return b""; // our own, back by way of another broker
        }
        let next = self.known.get(server).copied().unwrap_or(first);
        let heard = usize::try_from(next.saturating_sub(first)).unwrap_or(usize::MAX);
        let missed = usize::try_from(first.saturating_sub(next)).unwrap_or(usize::MAX);
        self.missed.count = self.missed.count.saturating_add(missed); // whoever publishes may claim any number
        if self.known.len() >= MAX_SERVERS {
            self.known.clear();
        }
        let end = first.saturating_add(count_lines(lines) as u64);
        self.known.insert(server.to_string(), next.max(end));
        let mut ends = lines.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        match heard {
            0 => lines,
            _ => &lines[ends.nth(heard - 1).unwrap_or(lines.len())..],
        }
    }
    // ANCHOR_END: unheard

    /// `chatroom.lobby.SERVER.LINES`: who published, and how many lines it had said before.
    fn read_stamp<'a>(&self, stamp: &'a str) -> Option<(&'a str, u64)> {
        let (server, said) = stamp.strip_prefix(&self.subject)?.strip_prefix('.')?.split_once('.')?;
        if server.len() == self.me.len() { Some((server, said.parse().ok()?)) } else { None }
    }

    /// Tells everybody here what was heard, in pieces of the size in which a client's lines come.
    pub fn pass_on(&mut self) {
        for piece in pieces(&self.lines, PIECE) {
            print::print(piece);
            (self.tell)(piece);
        }
        self.lines.clear();
    }

    /// Says, once in a while, what did not go out, and what did not come in: that, to all.
    pub fn report(&mut self, lost: usize) {
        self.lost.count += lost;
        say_lost(self.lost.due());
        let missed = self.missed.due();
        if missed > 0 {
            let said = tr!(zh "[Server]: 其他服务器有 {missed} 行没有送到这里\n",
                           en "[Server]: {missed} lines from other servers did not get here\n");
            print::print(said.as_bytes());
            (self.tell)(said.as_bytes());
        }
        let dropped = self.dropped.due();
        if dropped > 0 {
            warn!(zh "NATS: {dropped} 行没有发送者，或者冒充 [Server]，没有转发",
                  en "NATS: {dropped} lines without a sender, or in the name of [Server], were not told");
        }
    }

    /// What a broker complains of. It hangs up by itself, if it wants to; but at once with who may not
    /// come in.
    ///
    /// # Errors
    /// When the broker refuses us.
    pub fn complain(&mut self, broker: &Broker, text: &str) -> Result<(), Broken> {
        let text: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
        if ["Authorization Violation", "User Authentication", "Account Authentication"]
            .iter()
            .any(|start| text.starts_with(start))
        {
            let why = tr!(zh "拒绝登录（{text}）；请检查 --nats 里的用户、密码或 token",
                          en "it refuses the login ({text}); check the user, password or token of --nats");
            return Err(Broken { why, refused: true });
        }
        self.trouble.say(&tr!(zh "NATS {broker}: {text}", en "NATS {broker}: {text}"));
        Ok(())
    }
}

// ANCHOR: sender
/// Where the text begins in `[ip:port]: text` or `[Server ip:port]: text`. A line of another form is
/// none: `[Server]: …` is our own console's.
fn end_of_sender(line: &[u8]) -> Option<usize> {
    let start = &line[..line.len().min(100)];
    let end = start.windows(3).position(|three| three == b"]: ")?;
    let sender = std::str::from_utf8(start[..end].strip_prefix(b"[")?).ok()?;
    let addr: SocketAddr = sender.strip_prefix("Server ").unwrap_or(sender).parse().ok()?;
    (addr.port() > 0).then_some(end + 3)
}
// ANCHOR_END: sender

/// Says how many lines will not be published.
pub fn say_lost(lost: usize) {
    if lost > 0 {
        warn!(zh "NATS: {lost} 行没有发给其他服务器", en "NATS: {lost} lines did not go out to the other servers");
    }
}

/// How often something happened since it was said last.
struct Count {
    count: usize,
    every: Duration,
    said: Option<Instant>,
}

impl Count {
    fn new(every: Duration) -> Count {
        Count { count: 0, every, said: None }
    }

    /// How often, if it is time to say it.
    fn due(&mut self) -> usize {
        if self.count == 0 || self.said.is_some_and(|said| said.elapsed() < self.every) {
            return 0;
        }
        self.said = Some(Instant::now());
        std::mem::take(&mut self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::end_of_sender;

    #[test]
    fn a_sender_has_an_address() {
        for (line, text) in [
            ("[1.2.3.4:5]: hi", Some("hi")),
            ("[[::1]:5]: [Server]: x", Some("[Server]: x")),
            ("[Server [fe80::1%2]:5]: ", Some("")),
            ("[Server]: x", None),
            ("[Server ]: x", None),
            ("[1.2.3.4]: x", None),
            ("[1.2.3.4:0]: x", None),
            ("[x:5]: x", None),
            (" [1.2.3.4:5]: x", None),
            ("x", None),
        ] {
            assert_eq!(end_of_sender(line.as_bytes()).map(|end| &line[end..]), text, "{line}");
        }
    }
}
