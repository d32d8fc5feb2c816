//! What is told of each case that fails, in full and in both languages, for the first of its faults.
//!
//! A report is told in the language of the process, so this test starts itself once for each.

use std::collections::HashMap;
use std::sync::{Mutex, RwLock};
use std::time::Duration;
use std::{env, fs};

use chatroom::check::telling::events::columns;
use chatroom::check::{self, Kind, Outcome, Target};

use super::more::MORE;
use super::{again_in, blesses, is_asked_for, stored, with_all};
use crate::faulty::PROOFS;

/// The languages: how their files end, and how the environment names them.
pub const LANGUAGES: [(&str, &str); 2] = [("en", "C.UTF-8"), ("zh", "zh_CN.UTF-8")];

/// How many reports are told at a time.
const AT_ONCE: usize = 12;

/// So many of each kind are told in every run.
const ALWAYS: usize = 2;

/// A case, and the first of its faults.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Pair {
    kind: Kind,
    id: &'static str,
    fault: &'static str,
}

/// Each case with the first of its faults, and what is told besides, for messages that none of these shows.
fn pairs(kind: Kind) -> Vec<Pair> {
    let proofs = PROOFS.iter().find(|(this, _)| *this == kind).unwrap().1;
    let first =
        |id: &str| proofs.iter().find(|proof| proof.0 == id).unwrap_or_else(|| panic!("{id}: no proof")).1;
    let firsts = check::cases(kind).into_iter().map(|case| Pair { kind, id: case.id, fault: first(case.id) });
    let more = MORE.iter().filter(|(this, _)| *this == kind).flat_map(|(_, more)| more.iter());
    firsts.chain(more.map(|(id, fault)| Pair { kind, id, fault })).collect()
}

impl Pair {
    /// How its head in the file begins.
    fn name(self) -> String {
        let fault = if self.fault.is_empty() { "" } else { ", " };
        format!("{}{fault}{}", self.id, self.fault)
    }

    fn target(self) -> Target {
        let mut target = crate::faulty(&self.kind.to_string(), self.fault);
        if BY_THE_CLOCK.contains(&self.name().as_str()) || self.fault.starts_with("$ python3") {
            target.patience = Duration::from_secs(10); // Whoever floods is kept waiting for long; Python starts slowly.
        }
        if let Some(command) = self.fault.strip_prefix("$ ") {
            let command = command.replace("FAULTY", &target.words[0]);
            let address = if command.contains("{port}") { Target::FRESH } else { &target.address };
            target =
                Target { is_chatroom: true, patience: target.patience, ..Target::new(&command, address) };
        }
        target
    }

    /// What is told of it, without what is never twice the same.
    fn tell(self) -> String {
        let cases = check::cases(self.kind);
        let case = cases.iter().find(|case| case.id == self.id).unwrap();
        static ALONE: RwLock<()> = RwLock::new(());
        let is_alone = BY_THE_CLOCK.contains(&self.name().as_str());
        let _turn = (is_alone.then(|| ALONE.write()), (!is_alone).then(|| ALONE.read()));
        // Some faults are races: on a busy machine one may stay hidden once, or twice.
        let told = (0..3).find_map(|_| match case.check(&self.target()) {
            Outcome::Failed(report) => Some(normal(&report.to_string())),
            Outcome::NotChecked(why) => Some(format!("{NOT_CHECKED}{why}\n")),
            Outcome::Passed => None,
        });
        told.unwrap_or_else(|| PASSES.to_string())
    }
}

/// Faults that show only if nothing else keeps the machine busy.
const BY_THE_CLOCK: [&str; 2] = ["D4, late", "D4, keeps"];

const PASSES: &str = "It passes.\n";
const NOT_CHECKED: &str = "Not checked here: ";

/// Without times and paths; ports as the names of who has them. What was seen inside a program is left out: it is never
/// twice the same, and `tests/it/xray.rs` is about that.
pub fn normal(report: &str) -> String {
    let target = crate::faulty("", "");
    let names = names(report);
    let lines = without_xray(report).map(|line| {
        let line =
            line.replace(&target.words[0], "faulty").replace(env!("CARGO_BIN_EXE_chatroom"), "chatroom");
        let line = line.replace("/usr/sbin/nats-server", "nats-server");
        let without_time = line
            .get(..13)
            .filter(|start| start.starts_with("    ") && start[4..].trim().parse::<f64>().is_ok());
        let line = without_time.map_or(line.clone(), |_| format!("    {}", &line[13..]));
        with_names(&line, &names) + "\n"
    });
    with_carets(&lines.collect::<String>())
}

/// From its head, which isn't indented, to the next line that isn't either; the blank line before it goes as well.
fn without_xray(report: &str) -> impl Iterator<Item = &str> {
    const HEADS: [&str; 2] = ["Inside the program, while nothing came:", "什么也没有来的时候，程序里面："];
    let mut is_inside = false;
    let mut lines: Vec<&str> = Vec::new();
    for line in report.lines() {
        is_inside = HEADS.contains(&line) || is_inside && line.starts_with("    ");
        match is_inside {
            true if HEADS.contains(&line) => drop(lines.pop()),
            true => {}
            false => lines.push(line),
        }
    }
    lines.into_iter()
}

/// Where two ports begin to differ is chance: a caret that stands in one goes to its beginning.
fn with_carets(report: &str) -> String {
    let mut before = "";
    let mut all = String::new();
    for line in report.lines() {
        let caret = line.strip_suffix('^').filter(|blanks| blanks.trim().is_empty()).map(str::len);
        let ports =
            before.match_indices("PORT").map(|(at, _)| before[..at].chars().map(columns).sum::<usize>());
        let start = caret.and_then(|at| ports.filter(|start| (*start..start + 5).contains(&at)).last());
        all += &(start.map_or(line.to_string(), |start| " ".repeat(start) + "^") + "\n");
        before = line;
    }
    all
}

/// Who has which port, by the transcript.
fn names(report: &str) -> HashMap<String, String> {
    let comes =
        report.lines().filter_map(|line| line.split_once(" comes from ").or(line.split_once(" 来自 ")));
    let named = comes
        .filter_map(|(who, address)| Some((address.rsplit_once(':')?.1, who.split_whitespace().last()?)));
    named.map(|(port, who)| (port.to_string(), who.to_string())).collect()
}

/// Puts names, as long as ports are, for all ports; and for the number of the user that a program runs as.
fn with_names(line: &str, names: &HashMap<String, String>) -> String {
    let mut named = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let end = rest[at..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |len| at + len);
        let (before, number) = (&rest[..at], &rest[at..end]);
        named += before;
        named += &match names.get(number) {
            Some(name) if name.len() < 5 => "PORT"[..5 - name.len()].to_string() + name,
            _ if before.ends_with(':') && number.len() == 5 => "PORT_".to_string(),
            _ if line.trim_start().starts_with("$ ") && number.len() == 5 => "PORT_".to_string(),
            _ if before.ends_with("id ") => "USER".to_string(),
            _ => number.to_string(),
        };
        rest = &rest[end..];
    }
    named + rest
}

/// A report in a file.
struct Stored {
    /// Its case and fault.
    name: String,
    /// What of it is different each time: `transcript`, `expected`, `got`, what was `printed`, only the `numbers`.
    loose: Vec<String>,
    text: String,
}

/// How each file begins.
const START: &str = "\
# What is told of each case that fails, as its reader sees it, but for times and ports: see tests/it/graded/reports.rs.
# What a program prints (`|`, `!`) comes at its own time and isn't compared. `~` stands before what else isn't, as it
# is never twice the same: the transcript, what was expected, what was got or printed, or the numbers in all that.

";

/// The lines before the first report, and the reports.
fn read(file: &str) -> (String, Vec<Stored>) {
    let text = fs::read_to_string(stored(file)).unwrap_or_default();
    let mut parts = text.split("=== ");
    let start = parts.next().unwrap_or_default().to_string();
    let reports = parts.map(|part| {
        let (head, text) = part.split_once("\n\n").unwrap();
        let (name, loose) = head.split_once(" ~ ").unwrap_or((head, ""));
        let loose = loose.split(' ').filter(|word| !word.is_empty()).map(str::to_string).collect();
        Stored { name: name.to_string(), loose, text: text.to_string() }
    });
    (start, reports.collect())
}

fn write(file: &str, start: &str, reports: &[Stored]) {
    let told = reports.iter().map(|Stored { name, loose, text }| {
        let loose = if loose.is_empty() { String::new() } else { format!(" ~ {}", loose.join(" ")) };
        format!("=== {name}{loose}\n\n{text}")
    });
    fs::write(stored(file), start.to_string() + &told.collect::<String>()).unwrap();
}

/// The lines of a report that must be the same each time. What a program prints comes at its own time, so where it
/// stands in the transcript is chance; what of it matters is told again behind "Got".
fn stable(text: &str, loose: &[String]) -> Vec<String> {
    let is_loose = |what: &str| loose.iter().any(|one| one == what);
    let (mut kept, mut is_over) = (Vec::new(), false);
    for line in text.lines().filter(|line| !line.is_empty()) {
        let starts = |words: [&str; 2]| words.iter().any(|word| line.starts_with(word));
        is_over |= starts(["Expected: ", "预期："]);
        let part = match line {
            _ if starts(["Expected: ", "预期："]) => "expected",
            _ if starts(["Got: ", "实际："]) || line.trim() == "^" => "got",
            _ if !is_over && line.starts_with("    ") => "transcript",
            _ => "",
        };
        let lanes = [" | \"", " | …", " ! \"", " ! …"];
        let is_printed = part == "transcript" && lanes.iter().any(|lane| line.contains(lane));
        let is_about_cuts = line.starts_with("What … leaves out") || line.starts_with("“…”");
        if !is_printed && !is_about_cuts && !is_loose(part) {
            let printed = PRINTED.into_iter().filter_map(|start| line.find(start)).min();
            let line = &line[..printed.unwrap_or(line.len())];
            kept.push(if is_loose("numbers") { without_numbers(line) } else { line.to_string() });
        }
    }
    kept
}

/// How a sentence goes on with what a program printed.
const PRINTED: [&str; 4] =
    ["the last that it printed", "on stderr it says", "它在 stdout 上最后打印的是", "它在 stderr 上"];

pub fn without_numbers(text: &str) -> String {
    let mut kept = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' | '.' if kept.ends_with('#') => {}
            '0'..='9' => kept.push('#'),
            _ => kept.push(c),
        }
    }
    // How short a time is shown in is chance, too.
    ["#ms", "#µs", "#ns"].iter().fold(kept, |kept, short| kept.replace(short, "#s"))
}

/// Starts this test in another language, for these reports. What each of them says.
fn told_in(language: &str, pairs: &[Pair], at_once: usize) -> Vec<String> {
    let only: Vec<String> = pairs.iter().map(|pair| format!("{} {}", pair.kind, pair.name())).collect();
    let (only, at_once) = (only.join("\n"), at_once.to_string());
    let variables =
        [("CHATROOM_TELL", ""), ("CHATROOM_TELL_ONLY", &only), ("CHATROOM_TELL_AT_ONCE", &at_once)];
    let told = again_in(language, "reports::what_is_told_is_as_stored", &variables);
    told.split('\0').map(str::to_string).collect()
}

/// What the test does that was started by this one.
fn tell(file: &str) {
    let only = env::var("CHATROOM_TELL_ONLY").unwrap();
    let only: Vec<&str> = only.lines().collect();
    let all = Kind::all().flat_map(pairs);
    let chosen = all.filter(|pair| only.contains(&format!("{} {}", pair.kind, pair.name()).as_str()));
    let at_once = env::var("CHATROOM_TELL_AT_ONCE").unwrap().parse().unwrap();
    let told = with_all(chosen, at_once, Pair::tell);
    fs::write(file, told.join("\0")).unwrap();
}

#[test]
fn what_is_told_is_as_stored() {
    if let Ok(file) = env::var("CHATROOM_TELL") {
        return tell(&file);
    }
    let wrong: Vec<String> =
        LANGUAGES.into_iter().flat_map(|(end, language)| wrong_in(end, language)).collect();
    assert!(wrong.is_empty(), "not as stored under tests/graded/reports:\n\n{}", wrong.join("\n"));
}

/// What isn't as stored in a language. When it is tried again, alone, it may be: the machine may have been busy.
fn wrong_in(end: &str, language: &str) -> Vec<String> {
    let chosen = |kind| pairs(kind).into_iter().take(if is_asked_for(kind) { usize::MAX } else { ALWAYS });
    let mut pairs: Vec<Pair> = Kind::all().flat_map(chosen).collect();
    let mut wrong = Vec::new();
    for tries in 0..3 {
        // After a change to what is said everywhere there may be many of them.
        let at_once = if tries == 0 || pairs.len() > 30 { AT_ONCE } else { 1 };
        let told = told_in(language, &pairs, at_once);
        let differ = |(pair, told): (Pair, String)| {
            let lines = difference(&file_of(pair.kind, end), &pair.name(), &told)?;
            Some((pair, format!("{} {} ({end})\n{lines}", pair.kind, pair.name()), told))
        };
        wrong = pairs.into_iter().zip(told).filter_map(differ).collect();
        pairs = wrong.iter().map(|(pair, ..)| *pair).collect();
        if pairs.is_empty() {
            break;
        }
        wrong.iter().for_each(|(_, difference, _)| eprintln!("not as stored\n{difference}"));
    }
    if blesses() {
        wrong.drain(..).for_each(|(pair, _, told)| bless(end, pair, &told));
    }
    wrong.into_iter().map(|(_, difference, _)| difference).collect()
}

fn file_of(kind: Kind, end: &str) -> String {
    format!("reports/{kind}.{end}.txt")
}

/// How a report differs from the one that is stored, if it does: lines that are gone, and lines that are new.
pub fn difference(file: &str, name: &str, told: &str) -> Option<String> {
    let (_, reports) = read(file);
    let found = reports.iter().find(|report| report.name == name);
    let (wanted, came) = match found {
        Some(report) => (stable(&report.text, &report.loose), stable(told, &report.loose)),
        None => (Vec::new(), stable(told, &[])),
    };
    // In which order two of them come may be chance, too: several threads speak.
    let sorted = |lines: &[String]| lines.iter().cloned().collect::<std::collections::BTreeSet<String>>();
    if sorted(&wanted) == sorted(&came) || told.starts_with(NOT_CHECKED) {
        return None;
    }
    let marked = |mark: char, lines: &[String], others: &[String]| {
        let new = lines.iter().filter(|line| !others.contains(line));
        new.map(|line| format!("  {mark} {line}\n")).collect::<String>()
    };
    Some(marked('-', &wanted, &came) + &marked('+', &came, &wanted))
}

fn bless(end: &str, pair: Pair, text: &str) {
    if text == PASSES {
        return eprintln!("{} {} ({end}) passes: no report to store", pair.kind, pair.name());
    }
    let order: Vec<String> = pairs(pair.kind).into_iter().map(Pair::name).collect();
    store(&file_of(pair.kind, end), &order, &pair.name(), text, &[]);
}

/// Stores a report, in this order; what of a new one is different each time, `loose` says.
pub fn store(file: &str, order: &[String], name: &str, text: &str, loose: &[&str]) {
    let (start, mut reports) = read(file);
    let start = if start.is_empty() { START.to_string() } else { start };
    let text = format!("{text}\n");
    match reports.iter_mut().find(|report| report.name == name) {
        Some(report) => report.text = text,
        None => {
            let loose = loose.iter().map(ToString::to_string).collect();
            reports.push(Stored { name: name.to_string(), loose, text });
        }
    }
    reports.retain(|report| order.contains(&report.name));
    reports.sort_by_key(|report| order.iter().position(|name| *name == report.name));
    write(file, &start, &reports);
}

/// A report that other tests tell, of a file of theirs: its transcript is the program's, and never twice the same.
#[track_caller]
pub fn is_as_stored(file: &str, end: &str, order: &[String], name: &str, told: &str) {
    static FILES: Mutex<()> = Mutex::new(());
    let _turn = FILES.lock().unwrap();
    let (file, told) = (format!("reports/{file}.{end}.txt"), normal(told));
    if blesses() {
        return store(&file, order, name, &told, &["transcript"]);
    }
    let wrong = difference(&file, name, &told);
    assert!(wrong.is_none(), "not as stored in tests/graded/{file}:\n\n{name}\n{}", wrong.unwrap());
}

#[test]
fn every_case_has_its_report() {
    for kind in Kind::all() {
        for (end, _) in LANGUAGES {
            let (_, reports) = read(&file_of(kind, end));
            let stored: Vec<String> = reports.into_iter().map(|report| report.name).collect();
            let wanted: Vec<String> = pairs(kind).into_iter().map(Pair::name).collect();
            assert_eq!(stored, wanted, "{kind}, {end}");
        }
    }
}
