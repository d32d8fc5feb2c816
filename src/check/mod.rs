//! The cases: what a chat room must do, tried from outside, on "the program started by this command
//! at this address", whatever language it is written in.
//!
//! A [`Case`] drives real processes over loopback and says what came of it in an [`Outcome`]. Reading
//! order: [`target`] (what is checked), [`scene`] (what a case has at hand), [`program`] and [`speaker`] (the two kinds
//! of things on a scene; who speaks is a [`peer`], a [`udp_peer`] or a [`ws_peer`]), then the lists of cases, one file
//! per concern. What is the same for several kinds of programs stands in [`play`].
//!
//! Two rules hold for every case. Everything that waits has a deadline, so a case fails and never hangs.
//! And "nothing arrives" is proven by order, not by a pause: somebody else says a marker afterwards, and
//! the marker must be the next thing to arrive.

pub mod frame;
pub mod http;
pub mod log;
pub mod output;
pub mod peer;
pub mod play;
pub mod program;
pub mod scene;
pub mod speaker;
pub mod system;
pub mod target;
pub mod tcp_client;
pub mod tcp_server;
pub mod terminal;
pub mod udp_client;
pub mod udp_peer;
pub mod udp_server;
pub mod verdict;
pub mod ws_client;
pub mod ws_peer;
pub mod ws_server;

pub use scene::Scene;
pub use target::Target;
pub use verdict::{Failure, Halt, Likely, Outcome, Report, Verdict};

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
}

/// The cases for one kind of program, in the order a student should meet them.
#[must_use]
pub fn cases(kind: Kind) -> Vec<&'static Case> {
    match kind {
        Kind::TcpServer => tcp_server::cases(),
        Kind::TcpClient => tcp_client::cases(),
        Kind::UdpServer => udp_server::cases(),
        Kind::UdpClient => udp_client::cases(),
        Kind::WsServer => ws_server::cases(),
        Kind::WsClient => ws_client::cases(),
    }
}

/// One thing that a program must do.
#[derive(Debug)]
pub struct Case {
    /// `D4` for a numbered difference (`D4-again` for another side of it), `tcp-echo` and the like for the wire.
    pub id: &'static str,
    /// What must hold, as a sentence.
    pub title: &'static str,
    /// The likely cause when it doesn't hold and the failing step knows no better.
    pub hint: &'static str,
    /// Plays the scene.
    pub run: fn(&Scene<'_>) -> Verdict,
}

impl Case {
    /// Tries this case on a program.
    #[must_use]
    pub fn check(&self, target: &Target) -> Outcome {
        let scene = Scene::new(target);
        match (self.run)(&scene) {
            Ok(()) => Outcome::Passed,
            Err(Halt::NotChecked(reason)) => Outcome::NotChecked(reason),
            Err(Halt::Failed(failure)) => Outcome::Failed(Box::new(Report {
                id: self.id,
                title: self.title,
                transcript: scene.log.text(),
                hint: failure.hint.unwrap_or_else(|| self.hint.to_string()),
                expected: failure.expected,
                got: failure.got,
            })),
        }
    }
}
