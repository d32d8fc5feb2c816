//! The cases: what a chat room must do, tried from outside, on "the program started by this command
//! at this address", whatever language it is written in.
//!
//! A [`Case`] drives real processes over loopback and says what came of it in an [`Outcome`]. The cases stand in
//! [`mod@cases`], a folder for each kind of program; what they play on is the [`stage`]; how it is told, [`telling`].
//!
//! Two rules hold for every case. Everything that waits has a deadline, so a case fails and never hangs.
//! And "nothing arrives" is proven by order, not by a pause: somebody else says a marker afterwards, and
//! the marker must be the next thing to arrive.

use std::fmt;
use std::iter;
use std::path::Path;
use std::time::Instant;

use crate::tr;

pub mod cases;
pub mod class;
pub mod command;
pub mod hints;
pub mod order;
pub mod stage;
pub mod telling;

pub use stage::scene::Scene;
pub use stage::target::Target;
use telling::complaint;
pub use telling::events::Record;
pub use telling::text::Text;
pub use telling::verdict::{Failure, Halt, Likely, Outcome, Report, Verdict};

/// What kind of program a case is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A TCP chat server.
    TcpServer,
    /// A TCP chat client.
    TcpClient,
    /// A UDP chat server.
    UdpServer,
    /// A UDP chat client.
    UdpClient,
    /// A WebSocket chat server.
    WsServer,
    /// A WebSocket chat client.
    WsClient,
    /// Three servers that share one room by a broker.
    Relay,
}

impl Kind {
    /// The notes' programs, in their order.
    pub const PROGRAMS: [Kind; 6] =
        [Kind::TcpServer, Kind::TcpClient, Kind::UdpServer, Kind::UdpClient, Kind::WsServer, Kind::WsClient];

    /// All that can be checked.
    pub fn all() -> impl Iterator<Item = Kind> {
        Kind::PROGRAMS.into_iter().chain([Kind::Relay])
    }

    /// Whether it is a server.
    #[must_use]
    pub fn is_server(self) -> bool {
        matches!(self, Kind::TcpServer | Kind::UdpServer | Kind::WsServer | Kind::Relay)
    }

    /// The kind of that name, which is also that of our subcommand.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::all().find(|kind| kind.to_string() == name)
    }

    /// What carries the words: `tcp`, `udp` or `ws`; of several servers, what joins them.
    #[must_use]
    pub fn transport(self) -> &'static str {
        match self {
            Kind::TcpServer | Kind::TcpClient => "tcp",
            Kind::UdpServer | Kind::UdpClient => "udp",
            Kind::WsServer | Kind::WsClient => "ws",
            Kind::Relay => "nats",
        }
    }

    /// A program of this kind, as it is started at an `{addr}`.
    #[must_use]
    pub fn command(self, program: &Path) -> String {
        let address = match self {
            Kind::WsClient => "ws://{addr}/ws",
            Kind::Relay => "{addr} {nats}",
            _ => "{addr}",
        };
        format!("\"{}\" {address}", program.display())
    }

    /// Our own program of this kind, as one starts it by hand at an `{addr}`.
    #[must_use]
    pub fn ours(self) -> &'static str {
        match self {
            Kind::TcpServer => "chatroom tcp-server {addr}",
            Kind::TcpClient => "chatroom tcp-client {addr}",
            Kind::UdpServer => "chatroom udp-server {addr}",
            Kind::UdpClient => "chatroom udp-client {addr}",
            Kind::WsServer => "chatroom ws-server {addr}",
            Kind::WsClient => "chatroom ws-client ws://{addr}/ws",
            Kind::Relay => "chatroom tcp-server {addr} --nats {nats}", // and the two others
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::TcpServer => "tcp-server",
            Kind::TcpClient => "tcp-client",
            Kind::UdpServer => "udp-server",
            Kind::UdpClient => "udp-client",
            Kind::WsServer => "ws-server",
            Kind::WsClient => "ws-client",
            Kind::Relay => "relay",
        })
    }
}

/// How much is asked of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// What the notes' own program does on the wire.
    Notes,
    /// What it leaves out: the numbered differences.
    Safe,
}

impl Level {
    /// Reads `notes` or `safe`.
    ///
    /// # Errors
    /// One sentence that says what to write instead.
    pub fn from_name(name: &str) -> Result<Level, String> {
        [Level::Notes, Level::Safe].into_iter().find(|level| level.to_string() == name).ok_or_else(|| {
            tr!(zh "--level 只能是 notes 或 safe，不是“{name}”", en "--level is notes or safe, not '{name}'")
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Level::Notes => "notes",
            Level::Safe => "safe",
        })
    }
}

/// The cases for one kind of program, in the order a student should meet them: all that the notes' programs do comes
/// before what they leave out.
#[must_use]
pub fn cases(kind: Kind) -> Vec<&'static Case> {
    let mut all = match kind {
        Kind::TcpServer => cases::tcp_server::cases(),
        Kind::TcpClient => cases::tcp_client::cases(),
        Kind::UdpServer => cases::udp_server::cases(),
        Kind::UdpClient => cases::udp_client::cases(),
        Kind::WsServer => cases::ws_server::cases(),
        Kind::WsClient => cases::ws_client::cases(),
        Kind::Relay => cases::relay::CASES.iter().collect(),
    };
    all.sort_by_key(|case| case.level() == Level::Safe); // as they were, otherwise
    all
}

/// Those for exercises on the way to such a program, or about it.
fn on_the_way(kind: Kind) -> impl Iterator<Item = &'static Case> {
    let lists: [&[Case]; 2] = match kind {
        Kind::TcpServer => [cases::course::TCP_SERVER, cases::nick::TCP_SERVER],
        Kind::TcpClient => [cases::break_it::TCP_CLIENT, &[]],
        Kind::UdpClient => [cases::break_it::UDP_CLIENT, &[]],
        _ => [&[], &[]],
    };
    lists.into_iter().flatten()
}

/// One thing that a program must do.
#[derive(Debug)]
pub struct Case {
    /// `D4` for a numbered difference (`D4-again` for another side of it), `tcp-echo` and the like for the wire.
    pub id: &'static str,
    /// What must hold, as a sentence.
    pub title: Text,
    /// The likely cause when it doesn't hold and the failing step knows no better.
    pub hint: Text,
    /// Plays the scene.
    pub run: fn(&Scene<'_>) -> Verdict,
}

/// Cases without a number that the notes' programs don't pass either.
const BEYOND_THE_NOTES: [&str; 7] = [
    "client-interrupt",
    "client-typing",
    "client-wss",
    "client-no-websocket",
    "client-refusals",
    "client-silence",
    "ws-early",
];

/// What takes more than two seconds of our own program.
const SLOW: [(Kind, &str, u32); 16] = [
    (Kind::TcpServer, "D4-slow", 9),
    (Kind::TcpServer, "D7-stop", 4),
    (Kind::TcpServer, "tcp-bustle", 4),
    (Kind::TcpServer, "tcp-crowd", 4),
    (Kind::TcpServer, "tcp-churn", 3),
    (Kind::TcpClient, "D10-wait", 11),
    (Kind::WsServer, "ws-bustle", 4),
    (Kind::TcpClient, "break-none", 12),
    (Kind::TcpClient, "break-naive", 4),
    (Kind::TcpClient, "break-lines", 4),
    (Kind::WsServer, "D25", 10),
    (Kind::WsServer, "D8-unfinished", 6),
    (Kind::WsServer, "D31-slow", 11),
    (Kind::WsServer, "D32", 4),
    (Kind::WsClient, "D10-wait", 3),
    (Kind::WsClient, "D32", 4),
];

/// Cases that would be blamed for what another one is about: they stand on that.
const ROOTS: [(&str, &str); 26] = [
    ("relay-order", "relay-once"),
    ("relay-pieces", "relay-ping"),
    ("echo-silent", "echo"),
    ("announce", "echo-silent"),
    ("nick-taken", "nick"),
    ("nick-forged", "nick"),
    ("no-pause", "tcp-flood"),
    ("break-naive", "break-none"),
    ("break-lines", "break-naive"),
    ("fool-naive", "fool-none"),
    ("tcp-pieces", "tcp-order"),
    ("tcp-flood", "tcp-order"),
    ("tcp-bustle", "tcp-flood"),
    ("tcp-crowd", "tcp-bustle"),
    ("tcp-churn", "tcp-crowd"),
    ("ws-pieces", "ws-order"),
    ("ws-lengths", "ws-order"),
    ("ws-ping", "ws-order"),
    ("ws-fragments", "ws-ping"),
    ("ws-flood", "ws-ping"),
    ("ws-bustle", "ws-flood"),
    ("ws-crowd", "ws-bustle"),
    ("ws-churn", "ws-crowd"),
    ("client-ping", "client-lengths"),
    ("client-fragments", "client-ping"),
    ("client-both-ways", "client-ping"),
];

impl Case {
    /// Whether the notes' own program does this.
    #[must_use]
    pub fn level(&self) -> Level {
        let beyond = ["D", "relay-"].iter().any(|start| self.id.starts_with(start))
            || BEYOND_THE_NOTES.contains(&self.id);
        if beyond { Level::Safe } else { Level::Notes }
    }

    /// The case of that name, of those for this kind or of those for exercises on the way to it.
    #[must_use]
    pub fn find(kind: Kind, id: &str) -> Option<&'static Case> {
        on_the_way(kind).chain(cases(kind)).find(|case| case.id == id)
    }

    /// How many seconds it takes a program that does all, where that is more than two.
    #[must_use]
    pub fn seconds(&self, kind: Kind) -> Option<u32> {
        SLOW.iter().find(|(of, id, _)| *of == kind && *id == self.id).map(|(_, _, seconds)| *seconds)
    }

    /// The numbered difference that it is about.
    #[must_use]
    pub fn difference(&self) -> Option<&'static str> {
        self.id.split('-').next().filter(|id| id.starts_with('D'))
    }

    /// The case without which this one says nothing: another side of a difference stands on the difference, and nearly
    /// all stand on the relay; of a client, on the first two, that it sends and that it prints; and the relay itself on
    /// the first case of its kind.
    #[must_use]
    pub fn stands_on(&self, kind: Kind) -> Option<&'static str> {
        let is_on_the_way = on_the_way(kind).any(|case| case.id == self.id);
        let ids = if is_on_the_way { on_the_way(kind).collect() } else { cases(kind) };
        let before: Vec<&'static str> =
            ids.iter().map(|case| case.id).take_while(|id| *id != self.id).collect();
        let named = ROOTS.iter().find(|(id, _)| *id == self.id).map(|(_, root)| *root);
        let is_relay = |id: &&&str| id.ends_with("-relay") || **id == "client-print";
        let relay = before.iter().find(is_relay).copied();
        let roots = [self.difference(), relay, before.first().copied()];
        named.or_else(|| roots.into_iter().flatten().find(|root| before.contains(root)))
    }

    /// The case that this one waits for: of those on which it stands, one upon the other, the first that is `out`, as it
    /// has failed or waits itself. What is said then would be no news.
    #[must_use]
    pub fn waits_for(&self, kind: Kind, out: impl Fn(&str) -> bool) -> Option<&'static str> {
        let below = |id: &&'static str| Case::find(kind, id)?.stands_on(kind);
        iter::successors(self.stands_on(kind), below).find(|root| out(root))
    }

    /// Tries this case on a program.
    #[must_use]
    pub fn check(&self, target: &Target) -> Outcome {
        self.play(target).0
    }

    /// Tries this case on a program; with all that was written down of it, whatever came of it.
    #[must_use]
    pub fn play(&self, target: &Target) -> (Outcome, Record) {
        let target = target.at_fresh_port();
        let scene = Scene::new(&target);
        let (outcome, end) = match (self.run)(&scene) {
            Ok(()) => (Outcome::Passed, Instant::now()),
            Err(Halt::NotChecked(reason)) => (Outcome::NotChecked(reason), Instant::now()),
            Err(Halt::Failed(failure)) => {
                let end = failure.at;
                (Outcome::Failed(Box::new(self.report(&scene, *failure))), end)
            }
        };
        (outcome, scene.log.record(end))
    }

    /// A part that isn't written yet explains everything. Else what came says most about the cause; then what the program
    /// itself complained of; then what the failing step knows; then what the case knows.
    fn report(&self, scene: &Scene<'_>, failure: Failure) -> Report {
        let events = scene.log.events_until(failure.at);
        let complaint = || complaint::explained(&complaint::in_events(&events));
        // Its words may come a moment after the connection's end.
        let all = complaint::in_events(&scene.log.events_until(Instant::now()));
        let unwritten = complaint::still_to_write(&all);
        let hint = unwritten.or(failure.evidence.cause).or_else(complaint).or(failure.hint);
        Report {
            id: self.id,
            title: self.title,
            hint: hint.unwrap_or_else(|| self.hint.to_string()),
            expected: failure.expected,
            got: failure.got,
            differs_at: failure.evidence.differs_at,
            address: scene.target.address.clone(),
            events,
            xray: scene.log.sight.before(failure.at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_case_stands_twice_or_before_what_it_stands_on() {
        for kind in Kind::all() {
            let ids: Vec<&str> = cases(kind).iter().map(|case| case.id).collect();
            for (at, case) in cases(kind).iter().enumerate() {
                assert_eq!(ids.iter().filter(|id| **id == case.id).count(), 1, "{kind} {}", case.id);
                let root = case.stands_on(kind);
                assert!(root.is_none_or(|root| ids[..at].contains(&root)), "{kind} {}: {root:?}", case.id);
            }
        }
    }
}
