//! `chatroom check KIND`: the cases, tried on any program from the command line.

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::hints::{Hands, command::by_hand};
use super::order::Order;
use super::stage::program;
use super::telling::events::columns;
use super::telling::json::{Object, event, look};
use super::telling::page::page;
use super::telling::verdict::{Outcome, Report};
use super::{Case, Kind, Level, Record, Target, Text, cases};
use crate::course::Exercise;
use crate::support::{print, stop};
use crate::{say, text, tr, warn};

/// Nothing could be judged.
const NOTHING_JUDGED: u8 = 3;

/// How a case of this run came out.
pub(super) struct Played {
    pub(super) case: &'static Case,
    pub(super) outcome: Ended,
    pub(super) seconds: f64,
    /// How it went.
    pub(super) record: Record,
    /// How our own program did, where it was tried.
    pub(super) ours: Option<(Outcome, Record)>,
}

pub(super) enum Ended {
    Passed,
    Failed(Box<Report>),
    NotChecked(String),
    /// Too late for a time, as our own program was.
    TooBusy,
    /// Not tried, because the case that it stands on has failed, or waits itself.
    Waiting(&'static str),
}

impl Ended {
    /// The word for it in JSON.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Ended::Passed => "passed",
            Ended::Failed(_) => "failed",
            Ended::Waiting(_) => "waiting",
            Ended::NotChecked(_) | Ended::TooBusy => "not-checked",
        }
    }
}

/// Runs what was asked for, and tells it.
///
/// # Errors
/// A sentence, when nothing can be run.
pub fn run(order: &Order) -> Result<ExitCode, String> {
    if order.list {
        order
            .asked()
            .for_each(|case| print::out(&format!("{:<20} {:<6} {}", case.id, case.level(), case.title)));
        return Ok(ExitCode::SUCCESS);
    }
    order.report.as_deref().map_or(Ok(()), must_be_writable)?;
    stop::on_signal(|| {
        program::end_all();
        if io::stdout().is_terminal() {
            print::progress(""); // what is there is half a story
        }
        stop::exit(130);
    })?;
    let files = watched(order)?;
    loop {
        let before = changed_at(&files);
        let code = match order.target() {
            Ok(target) => try_all(order, &target),
            Err(why) if order.exercise.is_some() => {
                warn!(zh "{why}", en "{why}"); // while one works on it, it comes to that
                ExitCode::from(NOTHING_JUDGED)
            }
            Err(why) => return Err(why),
        };
        if !order.watch {
            return Ok(code);
        }
        say!(zh "等待程序的文件改变，然后再来一次；Ctrl-C 结束", en "again when the program's files change; Ctrl-C ends");
        while changed_at(&files) == before {
            thread::sleep(WATCH);
        }
    }
}

/// How often the files are looked at.
const WATCH: Duration = Duration::from_millis(300);

/// The files that the command names, or the starter.
fn watched(order: &Order) -> Result<Vec<PathBuf>, String> {
    match (&order.run, order.exercise) {
        (Some(command), _) => Ok(Target::new(command, "").words.iter().map(PathBuf::from).collect()),
        (None, Some(exercise)) => Ok(vec![exercise.starter()?]),
        (None, None) => Ok(std::env::current_exe().into_iter().collect()),
    }
}

/// When they were changed last.
fn changed_at(files: &[PathBuf]) -> Vec<Option<SystemTime>> {
    files.iter().map(|file| fs::metadata(file).and_then(|file| file.modified()).ok()).collect()
}

/// Tries all cases that were asked for, and tells what came of them.
fn try_all(order: &Order, target: &Target) -> ExitCode {
    let mut all: Vec<Played> = Vec::new();
    for case in order.asked() {
        let played = play(case, order, target, &all);
        if order.json {
            print::out(&json(order.kind, &played));
        } else {
            tell(order.kind, target, &played);
        }
        all.push(played);
    }
    let is_whole = order.only.is_empty() && order.level.is_none();
    if let (Some(exercise), true, true) = (order.exercise, is_decided(&all), is_whole) {
        exercise.solved(order.run.is_none());
    }
    let sums = match order.exercise {
        None => summary(&all, order.only.is_empty()),
        Some(exercise) => summary_of(exercise, &all, is_whole).into_iter().collect(),
    };
    match order.json {
        true => print::out(&json_summary(&all)),
        false => sums.iter().for_each(|line| print::out(line)),
    }
    if let Some(file) = &order.report {
        write_report(file, &page(order.kind, target, &all, &sums), order.json);
    }
    verdict(&all)
}

/// Before anything is tried: the file may be there, or not, and is left as it is.
pub(super) fn must_be_writable(file: &str) -> Result<(), String> {
    let was_there = Path::new(file).exists();
    match OpenOptions::new().append(true).create(true).open(file) {
        Ok(_) if was_there => Ok(()),
        Ok(_) => fs::remove_file(file).map_err(|err| cannot_write(file, &err)),
        Err(err) => Err(cannot_write(file, &err)),
    }
}

fn cannot_write(file: &str, err: &io::Error) -> String {
    tr!(zh "无法写入 {file}: {err}", en "cannot write {file}: {err}")
}

fn write_report(file: &str, page: &str, is_json: bool) {
    match fs::write(file, page) {
        Ok(()) if is_json => {}
        Ok(()) => say!(zh "报告在 {file} 里", en "the report is in {file}"),
        Err(err) => print::err(&cannot_write(file, &err)),
    }
}

/// Tries a case, unless that on which it stands has failed.
fn play(case: &'static Case, order: &Order, target: &Target, before: &[Played]) -> Played {
    let failed = |one: &&Played| matches!(one.outcome, Ended::Failed(_) | Ended::Waiting(_));
    let out = |id: &str| before.iter().filter(failed).any(|one| one.case.id == id);
    if let Some(root) = case.waits_for(order.kind, out) {
        let (outcome, record) = (Ended::Waiting(root), Record::default());
        return Played { case, outcome, seconds: 0.0, record, ours: None };
    }
    match (order.json, target.is_watched) {
        (true, _) => {}
        (false, false) => announce(case, order.kind),
        (false, true) => print::out(&format!("… {}  {}", case.id, case.title)),
    }
    let start = Instant::now();
    let (outcome, record) = case.play(target);
    let took = start.elapsed();
    let is_in_doubt = matches!(outcome, Outcome::Failed(_)) && !target.is_chatroom;
    let needs_ours = is_in_doubt && (took > AT_ONCE || order.report.is_some());
    let ours = if needs_ours { played_by_ours(case, order) } else { None };
    let ours_fails = matches!(ours, Some((Outcome::Failed(_), _)));
    let outcome = match outcome {
        Outcome::Passed => Ended::Passed,
        Outcome::NotChecked(why) => Ended::NotChecked(why),
        Outcome::Failed(_) if took > AT_ONCE && ours_fails => Ended::TooBusy,
        Outcome::Failed(report) => Ended::Failed(report),
    };
    Played { case, outcome, seconds: took.as_secs_f64(), record, ours }
}

/// Who fails within this hasn't come too late for anything: no limit of a case is shorter.
const AT_ONCE: Duration = Duration::from_secs(1);

/// How our own program does, right afterwards and on the same machine: if it fails, a time can't be judged. (Of what is
/// on its way to a chat room, ours isn't an example; and one that was built anew meanwhile isn't there any more.)
fn played_by_ours(case: &'static Case, order: &Order) -> Option<(Outcome, Record)> {
    let is_for_ours = cases(order.kind).iter().any(|one| one.id == case.id);
    let ours = order.ours().ok().filter(|ours| is_for_ours && Path::new(&ours.words[0]).exists());
    ours.map(|ours| case.play(&ours))
}

pub(super) const TOO_BUSY: Text = text!(zh "机器太忙：我们自己的程序这时也做不到",
                             en "the machine is too busy: our own program doesn't make it now, either");

/// Says what is being tried: on a terminal, where the result takes its place, and of what takes long.
fn announce(case: &Case, kind: Kind) {
    let (id, title, seconds) = (case.id, case.title, case.seconds(kind));
    let long = seconds.map(|seconds| tr!(zh "（大约 {seconds} 秒）", en " (about {seconds} s)"));
    if io::stdout().is_terminal() {
        let long = long.unwrap_or_default();
        print::progress(&in_a_row(&format!("… {id}{long}  {title}")));
    } else if let Some(long) = long {
        print::out(&format!("… {id}  {title}{long}"));
    }
}

/// What is to be replaced must not take two rows: terminals have 80 columns, or more.
pub(super) fn in_a_row(text: &str) -> String {
    const ROW: usize = 79;
    let mut used = 0;
    let fits = |c: &char| {
        used += columns(*c);
        used <= ROW
    };
    text.chars().take_while(fits).collect()
}

fn tell(kind: Kind, target: &Target, Played { case, outcome, .. }: &Played) {
    let (id, title) = (case.id, case.title);
    match outcome {
        Ended::Passed => say!(zh "✓ {id}  {title}", en "✓ {id}  {title}"),
        Ended::Waiting(root) => say!(zh "· {id}  等 {root} 通过", en "· {id}  waits for {root}"),
        Ended::TooBusy => say!(zh "- {id}  没有检查: {TOO_BUSY}", en "- {id}  not checked: {TOO_BUSY}"),
        Ended::NotChecked(why) => say!(zh "- {id}  没有检查: {why}", en "- {id}  not checked: {why}"),
        Ended::Failed(report) => {
            let by_hand = by_hand(kind, case, &Hands::of(kind, target, &report.address));
            say!(zh "✗ {report}\n{by_hand}", en "✗ {report}\n{by_hand}");
        }
    }
}

fn json(kind: Kind, Played { case, outcome, seconds, .. }: &Played) -> String {
    let report = match outcome {
        Ended::Failed(report) => Some(report),
        _ => None,
    };
    let too_busy = TOO_BUSY.to_string();
    let got = match outcome {
        Ended::Failed(report) => Some(report.got.as_str()),
        Ended::NotChecked(why) => Some(why.as_str()),
        Ended::TooBusy => Some(too_busy.as_str()),
        Ended::Waiting(root) => Some(*root),
        Ended::Passed => None,
    };
    let taught_in = || Exercise::that_teaches(kind, case.id).map(|exercise| exercise.folder);
    let teaches = case.difference().or_else(taught_in);
    let events = report.map_or(&[][..], |report| &report.events);
    let xray = report.map_or(&[][..], |report| &report.xray);
    Object::default()
        .text("kind", &kind.to_string())
        .text("case", case.id)
        .text("level", &case.level().to_string())
        .text("outcome", outcome.word())
        .text("title", &case.title.to_string())
        .maybe("expected", report.map(|report| report.expected.as_str()))
        .maybe("got", got)
        .maybe("cause", report.map(|report| report.hint.as_str()))
        .maybe("teaches", teaches)
        .number("seconds", *seconds)
        .list("events", events.iter().map(event))
        .list("xray", xray.iter().map(look))
        .close()
}

fn count(all: &[Played], word: &str, level: Option<Level>) -> usize {
    let of_level = |one: &&Played| level.is_none_or(|level| one.case.level() == level);
    all.iter().filter(of_level).filter(|one| one.outcome.word() == word).count()
}

fn json_summary(all: &[Played]) -> String {
    let words = ["passed", "failed", "waiting", "not-checked"];
    let counts = |level| {
        words
            .iter()
            .fold(Object::default(), |object, word| object.number(word, count(all, word, level) as f64))
    };
    let levels =
        counts(None).object("notes", counts(Some(Level::Notes))).object("safe", counts(Some(Level::Safe)));
    Object::default().object("summary", levels.maybe("first", first_to_mend(all))).close()
}

fn first_to_mend(all: &[Played]) -> Option<&'static str> {
    all.iter().find(|one| matches!(one.outcome, Ended::Failed(_))).map(|one| one.case.id)
}

/// How far the program is at each level, and what to mend first. Only if `all` are all, they say that a level is complete.
fn summary(all: &[Played], complete: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for level in [Level::Notes, Level::Safe] {
        let [passed, failed, waiting, unchecked] =
            ["passed", "failed", "waiting", "not-checked"].map(|word| count(all, word, Some(level)));
        if passed + failed + waiting + unchecked > 0 {
            lines.push(tr!(zh "{level}: {passed} 项通过，{failed} 项没有通过，{waiting} 项在等，{unchecked} 项没有检查",
                           en "{level}: {passed} hold, {failed} fail, {waiting} wait, {unchecked} were not checked"));
        }
        if complete && level == Level::Notes && passed > 0 && failed + waiting == 0 {
            lines.push(tr!(zh "做到了笔记里的程序所做的一切", en "as good as the notes' program"));
        }
    }
    lines.extend(first_to_mend(all).map(|id| tr!(zh "先修好 {id}", en "mend {id} first")));
    lines
}

/// Whether nothing fails, and nothing was only put off. (What this system can't check, it never can.)
fn is_decided(all: &[Played]) -> bool {
    let is_open = |one: &Played| matches!(one.outcome, Ended::Failed(_) | Ended::Waiting(_) | Ended::TooBusy);
    count(all, "passed", None) > 0 && !all.iter().any(is_open)
}

/// Whether an exercise is solved, and what comes next.
fn summary_of(exercise: &Exercise, all: &[Played], is_whole: bool) -> Option<String> {
    let (number, folder) = (exercise.number(), exercise.folder);
    Some(match (first_to_mend(all), exercise.next()) {
        (Some(id), _) => {
            tr!(zh "练习 {number} 还没有完成：先修好 {id}；说明在 docs/exercises/{folder}/README.zh-CN.md",
                en "exercise {number} isn't solved yet: mend {id} first; its sheet is docs/exercises/{folder}/README.md")
        }
        (None, _) if !is_whole => return None,
        (None, _) if !is_decided(all) => {
            tr!(zh "练习 {number} 还没有结论：有的项目没能检查；机器空闲时再试一次",
                en "exercise {number} is not decided: some cases could not be judged; try again when the machine is idle")
        }
        (None, Some(next)) => {
            let (next, title) = (next.number(), next.title);
            tr!(zh "练习 {number} 完成了；下一个是 {next}：{title}", en "exercise {number} is solved; next is {next}: {title}")
        }
        (None, None) => {
            tr!(zh "练习 {number} 完成了；这是最后一个", en "exercise {number} is solved; it was the last")
        }
    })
}

fn verdict(all: &[Played]) -> ExitCode {
    match (first_to_mend(all), count(all, "passed", None)) {
        (Some(_), _) => ExitCode::from(1),
        (None, 0) => ExitCode::from(NOTHING_JUDGED),
        (None, _) => ExitCode::SUCCESS,
    }
}
