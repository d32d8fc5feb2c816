//! Which runs there are: every case with every server that can play it.

use super::args::{Against, Args};
use super::floor::Mode;
use super::wire::Proto;

/// One server under one case.
pub struct Run {
    pub proto: Proto,
    pub case: Case,
    pub subject: Subject,
}

#[derive(Clone)]
pub struct Case {
    pub group: &'static str,
    pub name: String,
    pub kind: Kind,
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.group, self.name)
    }
}

#[derive(Clone, Copy)]
pub enum Kind {
    /// `senders` clients send, and hear each other; `listeners` more only hear.
    Flood {
        senders: usize,
        listeners: usize,
        len: usize,
    },
    Paced {
        listeners: usize,
    },
    Join {
        clients: usize,
    },
    /// More lines of 1,000 bytes than a socket's two buffers hold (3,000 didn't always stall).
    Stall {
        stalled: usize,
        lines: u64,
    },
}

#[derive(Clone)]
pub struct Subject {
    pub name: String,
    pub how: How,
}

#[derive(Clone)]
pub enum How {
    Ours,
    /// So many of our servers, and one room by a broker.
    Relayed(usize),
    /// No server: the same lines to a broker that nobody listens at.
    Publishing,
    Command(Against),
    Floor(Mode),
}

/// Bytes of a line as its sender writes it, its `\n` included.
pub const LINE: usize = 80;

pub fn runs(args: &Args, descriptors: usize) -> Vec<Run> {
    let mut runs = Vec::new();
    for &proto in &args.protos {
        for case in args.only.iter().flat_map(|group| cases(group, proto, args.quick, descriptors)) {
            if args.case.as_ref().is_some_and(|text| !case.name.contains(text.as_str())) {
                continue;
            }
            for subject in subjects(args, proto, &case) {
                runs.push(Run { proto, case: case.clone(), subject });
            }
        }
    }
    runs
}

/// How long each run that measures a rate may do so, if all of these shall be done in `left` seconds.
pub fn seconds_each<'a>(left: f64, runs: impl Iterator<Item = &'a Run>) -> f64 {
    let (mut fixed, mut rated) = (0.0, 0u32);
    for run in runs {
        fixed += fixed_cost(run.case.kind);
        rated += u32::from(run.case.kind.is_rated());
    }
    ((left - fixed) / f64::from(rated.max(1))).clamp(0.1, 2.0)
}

impl Kind {
    fn is_rated(self) -> bool {
        matches!(self, Self::Flood { .. } | Self::Paced { .. })
    }
}

/// Seconds for starting, joining and warming up.
fn fixed_cost(kind: Kind) -> f64 {
    match kind {
        Kind::Flood { .. } | Kind::Paced { .. } => 0.25,
        Kind::Join { clients } => 1.0 + clients as f64 / 500.0,
        Kind::Stall { .. } => 3.0,
    }
}

fn cases(group: &str, proto: Proto, quick: bool, descriptors: usize) -> Vec<Case> {
    let flood = |senders, listeners, len| Kind::Flood { senders, listeners, len };
    let connected = proto != Proto::Udp;
    let case = |group, name: String, kind| Case { group, name, kind };
    match group {
        "flood" => {
            let sizes = if quick { vec![100] } else { vec![10, 100, 500] };
            let mut all: Vec<_> =
                sizes.iter().map(|&n| case("flood", format!("1x{n}"), flood(1, n, LINE))).collect();
            all.push(case("flood", "10x10".into(), flood(10, 0, LINE)));
            all
        }
        "paced" => vec![case("paced", "200/s x100".into(), Kind::Paced { listeners: 100 })],
        // Without connections nobody idles, and a datagram for a full buffer is dropped.
        "join" if connected => {
            let clients = if quick { 100 } else { 1000 };
            vec![case("join", format!("{clients} idle"), Kind::Join { clients })]
        }
        "stall" if connected && !(quick && proto == Proto::Ws) => {
            let (counts, lines) = if quick { (vec![5], 6000) } else { (vec![5, 50], 8000) };
            counts
                .into_iter()
                .map(|n| case("stall", format!("{n} deaf"), Kind::Stall { stalled: n, lines }))
                .collect()
        }
        // A server may need two descriptors for each client.
        "scale" => [10, 30, 100, 300, 1000, 3000, 10_000.min(descriptors / 2 - 50)]
            .into_iter()
            .filter(|&n| connected || n <= 1000)
            .map(|n| case("scale", format!("1x{n}"), flood(1, n, LINE)))
            .collect(),
        "size" => [16, 64, 256, 1024, 4096, 16384]
            .into_iter()
            .filter(|&len| connected || len <= 1024) // the notes' UDP server cuts longer ones
            .map(|len| case("size", format!("{len} B"), flood(1, 100, len)))
            .collect(),
        "relay" => vec![
            case("relay", "1x10".into(), flood(1, 10, LINE)),
            case("relay", "1x100".into(), flood(1, 100, LINE)),
            case("relay", "200/s x100".into(), Kind::Paced { listeners: 100 }),
        ],
        _ => Vec::new(),
    }
}

fn subjects(args: &Args, proto: Proto, case: &Case) -> Vec<Subject> {
    let mut all = Vec::new();
    if args.ours {
        all.push(Subject { name: "ours".into(), how: How::Ours });
    }
    if case.group == "relay" {
        if args.floor {
            all.push(Subject { name: "publishing".into(), how: How::Publishing });
        }
        // Over a broker, a flood of datagrams is no longer slowed by those who hear it: they are dropped.
        let most = if proto == Proto::Udp { 1 } else { 4 };
        let relayed = |servers| Subject { name: format!("{servers} and broker"), how: How::Relayed(servers) };
        all.extend((1..=most).map(relayed));
        return all;
    }
    for against in args.against.iter().filter(|against| against.proto == proto) {
        all.push(Subject { name: against.name.clone(), how: How::Command(against.clone()) });
    }
    for mode in if args.floor { floors(proto, case.kind, args.quick) } else { &[] } {
        all.push(Subject { name: format!("floor-{mode}"), how: How::Floor(*mode) });
    }
    all
}

fn floors(proto: Proto, kind: Kind, quick: bool) -> &'static [Mode] {
    match (kind, proto) {
        (Kind::Join { .. }, Proto::Ws) => &[Mode::Thread],
        (Kind::Join { .. }, _) => &[Mode::Accept, Mode::Thread],
        (Kind::Paced { .. }, _) | (_, Proto::Udp) => &[Mode::Line],
        (Kind::Stall { stalled, .. }, _) if stalled > 5 || quick => &[], // it hangs, as with five
        (Kind::Stall { .. }, _) => &[Mode::Batch],
        (Kind::Flood { .. }, _) => &[Mode::Line, Mode::Batch],
    }
}
