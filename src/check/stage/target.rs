//! What is checked: a command, and the address it serves or dials.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::check::Kind;

/// The program under test.
#[derive(Clone, Debug)]
pub struct Target {
    /// The command as words, the program first. `{addr}`, `{host}` and `{port}` in a word stand for the address.
    pub words: Vec<String>,
    /// `HOST:PORT`. With port 0 the program chooses, and names the address in its first line.
    pub address: String,
    /// It is this `chatroom`: it knows `--max-clients` and `--lang`, which other programs need not.
    pub is_chatroom: bool,
    /// How long the checker waits for what must come. Shorter only where failing is expected.
    pub patience: Duration,
    /// The servers that share one room, where that is what is checked: it is the first of them.
    pub rooms: Vec<Room>,
    /// Somebody watches: events are printed as they happen, at a pace that one can follow.
    pub is_watched: bool,
}

impl Target {
    /// Any program, by its command line and its address.
    #[must_use]
    pub fn new(command: &str, address: &str) -> Self {
        let words = split_words(command);
        Target {
            words,
            address: address.to_string(),
            is_chatroom: false,
            patience: Duration::from_secs(10),
            rooms: vec![],
            is_watched: false,
        }
    }

    /// The address of a program that is told where to listen: this machine, and for each case another port.
    pub const FRESH: &'static str = "127.0.0.1:{fresh}";

    /// Servers that share one room: the first is what is checked.
    #[must_use]
    pub fn sharing(rooms: Vec<Room>) -> Self {
        let words = rooms.first().map_or(vec![], |room| room.words.clone());
        Target { words, rooms, ..Target::new("", Target::FRESH) }
    }

    /// With a port that is free, if each case is to have another.
    #[must_use]
    pub fn at_fresh_port(&self) -> Target {
        let mut target = self.clone();
        if self.address == Target::FRESH {
            target.address = fresh_address();
        }
        target
    }

    /// Whether the program chooses its port itself.
    #[must_use]
    pub fn chooses_port(&self) -> bool {
        self.address.ends_with(":0")
    }
}

/// A server that shares its room with others.
#[derive(Clone, Debug)]
pub struct Room {
    /// What its clients speak, as the server of that kind.
    pub kind: Kind,
    /// Its command, as words.
    pub words: Vec<String>,
}

impl Room {
    /// By a command line, which may begin with what its clients speak: `udp: python3 room.py {port} {nats}`.
    #[must_use]
    pub fn new(command: &str) -> Room {
        let kinds = [("tcp:", Kind::TcpServer), ("udp:", Kind::UdpServer), ("ws:", Kind::WsServer)];
        let command = command.trim_start();
        let named = kinds.into_iter().find_map(|(start, kind)| Some((kind, command.strip_prefix(start)?)));
        let (kind, command) = named.unwrap_or((Kind::TcpServer, command));
        Room { kind, words: split_words(command) }
    }
}

/// An address with a free port, on this machine.
#[must_use]
pub fn fresh_address() -> String {
    let free = (0..1000).map(|_| next_address()).find(|address| is_free(*address));
    free.map_or("127.0.0.1:0".to_string(), |address| address.to_string())
}

/// The ports that programs are told to take. Systems hand out higher ones by themselves, so nobody else comes upon one
/// of these between our look at it and the program's start.
const PORTS: Range<u32> = 20_000..30_000;

/// Another address each time, and other ones than another checker's.
fn next_address() -> SocketAddr {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mixed = std::process::id().wrapping_mul(7919).wrapping_add(COUNT.fetch_add(1, Ordering::Relaxed));
    let port = PORTS.start + mixed % (PORTS.end - PORTS.start);
    SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).unwrap_or_default()))
}

fn is_free(address: SocketAddr) -> bool {
    TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok()
}

/// Words as a shell takes them.
#[must_use]
pub fn command_line(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_@%+=:,./-{}".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Splits at blanks outside quotes. A backslash is a character like any other: paths of Windows have it.
fn split_words(command: &str) -> Vec<String> {
    let mut words = vec![];
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in command.chars() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ' | '\t' | '\n') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Finds the last `HOST:PORT` in a banner: the digits after a colon, and what stands before it.
#[must_use]
pub fn address_in(banner: &str) -> Option<(String, u16)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '[' | ']' | '-');
    banner.split(|c| !is_part(c)).rev().find_map(|word| {
        let (host, port) = word.trim_end_matches(['.', ':']).rsplit_once(':')?;
        Some((host.to_string(), port.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_words_together() {
        assert_eq!(split_words(r#" "a b"  c\d '' e"f"g "#), ["a b", r"c\d", "", "efg"]);
    }

    #[test]
    fn a_command_line_is_taken_apart_as_it_was_put_together() {
        let words = ["sh", "-c", "kill -SEGV $$", "", "127.0.0.1:80"].map(str::to_string);
        assert_eq!(command_line(&words), "sh -c 'kill -SEGV $$' '' 127.0.0.1:80");
        assert_eq!(split_words(&command_line(&words)), words);
    }

    #[test]
    fn banners_name_the_address() {
        let found = |banner| address_in(banner).map(|(host, port)| format!("{host} {port}"));
        assert_eq!(found("TCP 服务器启动，监听 127.0.0.1:4711").as_deref(), Some("127.0.0.1 4711"));
        assert_eq!(found("listening on [::]:80.").as_deref(), Some("[::] 80"));
        assert_eq!(found("page at http://localhost:8080/ now").as_deref(), Some("localhost 8080"));
        assert_eq!(found("ready at :8080").as_deref(), Some(" 8080"));
        assert_eq!(found("ready"), None);
    }
}
