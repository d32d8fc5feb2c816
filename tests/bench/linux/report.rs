//! The results: a table for people, JSON for the plots.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::Result;
use super::args::Args;
use super::plan::Run;

/// One run's numbers by name; the unit is the name's end.
pub type Figures = BTreeMap<&'static str, f64>;

pub struct Report {
    rows: Vec<Row>,
    setting: Value,
    /// The machine's load before the first run: how far to trust what follows.
    load: f64,
}

/// One server under one case, over all rounds.
struct Row {
    proto: String,
    group: &'static str,
    case: String,
    server: String,
    rounds: Vec<Figures>,
    /// Why there are no figures, or fewer.
    note: Option<String>,
}

/// Which figures a group's table shows: name, heading, decimals. Ratios are of the first, except
/// that joining is compared by memory.
fn columns(group: &str) -> &'static [(&'static str, &'static str, usize)] {
    match group {
        "paced" => &[("cpu_us", "CPU µs/delivery", 3), ("p50_us", "p50 µs", 0), ("p99_us", "p99 µs", 0)],
        "join" => &[
            ("rss_kib", "RSS KiB each", 2),
            ("pss_kib", "Pss KiB each", 2),
            ("seconds", "s to join", 3),
            ("overflows", "overflows", 0),
            ("threads", "threads each", 2),
            ("descriptors", "fds each", 2),
            ("left_threads", "threads left", 0),
            ("left_descriptors", "fds left", 0),
            ("left_kib", "KiB left", 0),
            ("again_kib", "KiB more, again", 0),
        ],
        "relay" => &[
            ("cpu_us", "CPU µs/delivery", 4),
            ("broker_us", "broker µs/delivery", 4),
            ("rate", "deliveries/s", 0),
            ("p50_us", "p50 µs", 0),
            ("p99_us", "p99 µs", 0),
        ],
        "stall" => &[("silence_ms", "longest silence ms", 1), ("seconds", "s in all", 2)],
        _ => &[("cpu_us", "CPU µs/delivery", 4), ("rate", "deliveries/s", 0)],
    }
}

impl Row {
    fn median(&self, figure: &str) -> Option<f64> {
        let mut values: Vec<f64> =
            self.rounds.iter().filter_map(|round| round.get(figure).copied()).collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        match values.len() {
            0 => None,
            odd if odd % 2 == 1 => Some(values[middle]),
            _ => Some(f64::midpoint(values[middle - 1], values[middle])),
        }
    }

    /// The least and the most of the first figure, if there were several rounds.
    fn spread(&self) -> String {
        let (name, _, decimals) = columns(self.group)[0];
        let values = self.rounds.iter().filter_map(|round| round.get(name));
        let (low, high) =
            values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
        match self.rounds.len() {
            0 | 1 => String::new(),
            rounds => {
                format!("({} to {}, {rounds} rounds)", grouped(low, decimals), grouped(high, decimals))
            }
        }
    }

    fn is(&self, run: &Run) -> bool {
        self.proto == run.proto.to_string()
            && self.group == run.case.group
            && self.case == run.case.name
            && self.server == run.subject.name
    }
}

impl Report {
    pub fn new(args: &Args) -> Self {
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(0.0);
        let setting = json!({ "kernel": kernel.trim(), "cores": cores, "pinned": args.pin, "rounds": args.rounds, "load": load });
        Self { rows: Vec::new(), setting, load }
    }

    pub fn add(&mut self, run: &Run, measured: Result<Figures>) {
        let known = self.rows.iter().position(|row| row.is(run));
        let at = known.unwrap_or_else(|| {
            self.rows.push(Row {
                proto: run.proto.to_string(),
                group: run.case.group,
                case: run.case.name.clone(),
                server: run.subject.name.clone(),
                rounds: Vec::new(),
                note: None,
            });
            self.rows.len() - 1
        });
        match measured {
            Ok(figures) => self.rows[at].rounds.push(figures),
            Err(error) => self.rows[at].note = Some(error.to_string()),
        }
    }

    pub fn failed(&self, run: &Run) -> bool {
        self.rows.iter().any(|row| row.is(run) && row.note.is_some())
    }

    pub fn print(&self) {
        if self.load > 0.5 {
            println!("\nThe machine was busy before the first run (load {}): trust ratios only.", self.load);
        }
        let mut heading = (String::new(), String::new());
        for row in &self.rows {
            let next = (row.proto.clone(), format!("{} {}", row.group, row.case));
            if heading != next {
                print_heading(&next.0, &next.1, row.group);
                heading = next;
            }
            self.print_row(row);
        }
    }

    fn print_row(&self, row: &Row) {
        let figure = |(name, title, decimals): &(&str, &str, usize)| {
            let text = row.median(name).map_or("-".into(), |value| grouped(value, *decimals));
            format!("{text:>width$}", width = title.chars().count().max(10) + 2)
        };
        // A run that failed has no figures, whatever its other rounds said.
        let line = match &row.note {
            Some(note) => format!("  {note}"),
            None => {
                let figures: String = columns(row.group).iter().map(figure).collect();
                format!("{}{figures}  {}", self.ratios(row), row.spread())
            }
        };
        println!("{}", format!("  {:14}{line}", row.server).trim_end());
    }

    /// The first figure as a multiple of ours, and of the lowest floor's. A relay's floor is the room without
    /// it, and publishing alone.
    fn ratios(&self, row: &Row) -> String {
        let name = columns(row.group)[0].0;
        let same =
            |other: &&Row| other.proto == row.proto && other.group == row.group && other.case == row.case;
        let figure = |server: &str| {
            let row =
                self.rows.iter().filter(same).find(|other| other.server == server && other.note.is_none())?;
            row.median(name)
        };
        let floor = match row.group {
            "relay" => figure("ours").zip(figure("publishing")).map(|(room, publishing)| room + publishing),
            _ => ["floor-batch", "floor-line", "floor-thread"].into_iter().find_map(figure),
        };
        let of = |base: Option<f64>| {
            let ratio = row.median(name).zip(base);
            ratio.map_or("-".into(), |(value, base)| format!("{:.2}", value / base))
        };
        format!("{:>9}{:>9}", of(figure("ours")), of(floor))
    }

    pub fn save(&self, file: &Path) -> Result<()> {
        let rows: Vec<_> = self.rows.iter().map(Row::json).collect();
        let all = json!({ "setting": self.setting, "rows": rows });
        fs::write(file, format!("{all:#}\n")).map_err(|error| format!("{}: {error}", file.display()).into())
    }
}

impl Row {
    fn json(&self) -> Value {
        let names = self.rounds.first().into_iter().flat_map(|round| round.keys());
        let medians: BTreeMap<_, _> = names.map(|name| (name, self.median(name))).collect();
        json!({
            "proto": self.proto, "group": self.group, "case": self.case, "server": self.server,
            "median": medians, "rounds": self.rounds, "note": self.note,
        })
    }
}

fn print_heading(proto: &str, case: &str, group: &str) {
    let titles: String = columns(group)
        .iter()
        .map(|(_, title, _)| format!("{title:>width$}", width = title.chars().count().max(10) + 2))
        .collect();
    println!("\n{:16}{:>9}{:>9}{titles}", format!("{proto} {case}"), "÷ ours", "÷ floor");
}

/// `1234567.8` as `1,234,568`.
fn grouped(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if part.is_empty() { format!("{sign}{out}") } else { format!("{sign}{out}.{part}") }
}
