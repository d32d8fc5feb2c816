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
    Stall {
        stalled: usize,
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
    Command(Against),
    Floor(Mode),
}

/// Bytes of a line as its sender writes it, its `\n` included.
pub const LINE: usize = 80;

pub fn runs(args: &Args) -> Vec<Run> {
    let mut runs = Vec::new();
    for &proto in &args.protos {
        for case in args
            .only
            .iter()
            .flat_map(|group| cases(group, proto, args.quick))
        {
            if args
                .case
                .as_ref()
                .is_some_and(|text| !case.name.contains(text.as_str()))
            {
                continue;
            }
            for subject in subjects(args, proto, &case) {
                runs.push(Run {
                    proto,
                    case: case.clone(),
                    subject,
                });
            }
        }
    }
    runs
}

/// What is left of the time for each run that measures a rate, once the fixed costs are taken off.
pub fn seconds_each(args: &Args, runs: &[Run]) -> f64 {
    let fixed: f64 = runs.iter().map(|run| fixed_cost(run.case.kind)).sum();
    let rated = runs
        .iter()
        .filter(|run| matches!(run.case.kind, Kind::Flood { .. } | Kind::Paced { .. }))
        .count();
    let left = args.seconds / args.rounds as f64 - fixed;
    (left / rated.max(1) as f64).clamp(0.1, 2.0)
}

/// Seconds for starting, joining and warming up.
fn fixed_cost(kind: Kind) -> f64 {
    match kind {
        Kind::Flood { .. } | Kind::Paced { .. } => 0.15,
        Kind::Join { .. } | Kind::Stall { .. } => 1.5,
    }
}

fn cases(group: &str, proto: Proto, quick: bool) -> Vec<Case> {
    let flood = |senders, listeners, len| Kind::Flood {
        senders,
        listeners,
        len,
    };
    let connected = proto != Proto::Udp;
    let case = |group, name: String, kind| Case { group, name, kind };
    match group {
        "flood" => {
            let sizes = if quick {
                vec![10, 100]
            } else {
                vec![10, 100, 500]
            };
            let mut all: Vec<_> = sizes
                .iter()
                .map(|&n| case("flood", format!("1x{n}"), flood(1, n, LINE)))
                .collect();
            all.push(case("flood", "10x10".into(), flood(10, 0, LINE)));
            all
        }
        "paced" => vec![case(
            "paced",
            "200/s x100".into(),
            Kind::Paced { listeners: 100 },
        )],
        // Without connections nobody idles, and a datagram for a full buffer is dropped.
        "join" if connected => vec![case(
            "join",
            "1000 idle".into(),
            Kind::Join { clients: 1000 },
        )],
        "stall" if connected => {
            let counts = if quick { vec![5] } else { vec![5, 50] };
            counts
                .iter()
                .map(|&n| case("stall", format!("{n} deaf"), Kind::Stall { stalled: n }))
                .collect()
        }
        "scale" => [10, 30, 100, 300, 1000, 3000, 10_000]
            .into_iter()
            .filter(|&n| connected || n <= 1000)
            .map(|n| case("scale", format!("1x{n}"), flood(1, n, LINE)))
            .collect(),
        "size" => [16, 64, 256, 1024, 4096, 16384]
            .into_iter()
            .filter(|&len| connected || len <= 1024 - 32) // a longer one the notes' UDP server cuts
            .map(|len| case("size", format!("{len} B"), flood(1, 100, len)))
            .collect(),
        _ => Vec::new(),
    }
}

fn subjects(args: &Args, proto: Proto, case: &Case) -> Vec<Subject> {
    let mut all = Vec::new();
    if args.ours {
        all.push(Subject {
            name: "ours".into(),
            how: How::Ours,
        });
    }
    for against in args.against.iter().filter(|against| against.proto == proto) {
        all.push(Subject {
            name: against.name.clone(),
            how: How::Command(against.clone()),
        });
    }
    for mode in if args.floor {
        floors(proto, case.kind)
    } else {
        &[]
    } {
        all.push(Subject {
            name: format!("floor-{mode}"),
            how: How::Floor(*mode),
        });
    }
    all
}

fn floors(proto: Proto, kind: Kind) -> &'static [Mode] {
    match (kind, proto) {
        (Kind::Join { .. }, Proto::Ws) => &[Mode::Thread],
        (Kind::Join { .. }, _) => &[Mode::Accept, Mode::Thread],
        (Kind::Paced { .. }, _) | (_, Proto::Udp) => &[Mode::Line],
        (Kind::Stall { stalled }, _) if stalled > 5 => &[], // it hangs once, and surely again
        (Kind::Stall { .. }, _) => &[Mode::Batch],
        (Kind::Flood { .. }, _) => &[Mode::Line, Mode::Batch],
    }
}
