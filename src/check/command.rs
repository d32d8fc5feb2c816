//! `chatroom check KIND`: the cases, tried on any program from the command line.

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};
use std::{fs, thread};

use super::hints::{Hands, command::by_hand};
use super::stage::program;
use super::telling::events::columns;
use super::telling::json::{Object, event};
use super::telling::verdict::{Outcome, Report};
use super::{Case, Kind, Level, Target, cases};
use crate::support::{print, stop};
use crate::{say, tr};

/// What is asked of the checker.
#[derive(Debug)]
pub struct Order {
    kind: Kind,
    /// The command to check; ours, if none is given.
    run: Option<String>,
    /// Where a program with a fixed port listens, or calls.
    addr: Option<String>,
    only: Vec<String>,
    level: Option<Level>,
    list: bool,
    json: bool,
    watch: bool,
}

/// Nothing could be judged.
const NOTHING_JUDGED: u8 = 3;

impl Order {
    /// Reads the words behind `check`.
    ///
    /// # Errors
    /// One sentence that says what to write instead.
    pub fn parse(words: &[&str]) -> Result<Order, String> {
        let (mut kind, mut run, mut addr, mut level) = (None, None, None, None);
        let (mut only, mut list, mut json, mut watch) = (Vec::new(), false, false, false);
        let mut words = words.iter().copied().peekable();
        while let Some(word) = words.next() {
            let mut value = || words.next().map(str::to_string).ok_or_else(|| needs_value(word));
            match word {
                "--run" => run = Some(value()?),
                "--addr" => addr = Some(value()?),
                "--level" => level = Some(Level::from_name(&value()?)?),
                "--only" => {
                    only.push(value()?);
                    while let Some(id) =
                        words.next_if(|word| !word.starts_with('-') && Kind::from_name(word).is_none())
                    {
                        only.push(id.to_string());
                    }
                }
                "--list" => list = true,
                "--json" => json = true,
                "--watch" => watch = true,
                _ if word.starts_with('-') => {
                    return Err(tr!(zh "check 没有 {word} 选项；请看 chatroom check --help",
                                   en "check has no option {word}; see chatroom check --help"));
                }
                _ => kind = Some(Kind::from_name(word).ok_or_else(|| no_kind(word))?),
            }
        }
        let kind = kind.ok_or_else(|| no_kind(""))?;
        if let Some(unknown) = only.iter().find(|id| !cases(kind).iter().any(|case| case.id == **id)) {
            return Err(tr!(zh "没有 {unknown} 这一项；chatroom check {kind} --list 列出全部",
                           en "there is no case {unknown}; chatroom check {kind} --list names them all"));
        }
        Ok(Order { kind, run, addr, only, level, list, json, watch })
    }

    /// The program that is checked.
    fn target(&self) -> Result<Target, String> {
        let Some(command) = &self.run else { return self.ours() };
        let names_port = ["{addr}", "{port}"].iter().any(|part| command.contains(part));
        let address = match &self.addr {
            Some(addr) => addr,
            None if names_port => Target::FRESH,
            None => {
                return Err(tr!(
                    zh "--run 的命令里要有 {{addr}} 或 {{port}}，端口固定的程序用 --addr 主机:端口 说明",
                    en "the command of --run needs {{addr}} or {{port}} in it; a program with a fixed port is told by --addr HOST:PORT"
                ));
            }
        };
        Ok(Target::new(command, address))
    }

    /// Our own program of this kind.
    fn ours(&self) -> Result<Target, String> {
        let url = if self.kind == Kind::WsClient { "ws://{addr}/ws" } else { "{addr}" };
        let program = std::env::current_exe()
            .map_err(|err| tr!(zh "找不到自己的程序: {err}", en "cannot find our own program: {err}"))?;
        let command = format!("\"{}\" {} {url}", program.display(), self.kind);
        let address = self.addr.as_deref().filter(|_| self.run.is_none()).unwrap_or("127.0.0.1:0");
        Ok(Target { is_chatroom: true, ..Target::new(&command, address) })
    }

    fn asked(&self) -> impl Iterator<Item = &'static Case> {
        cases(self.kind).into_iter().filter(|case| {
            (self.only.is_empty() || self.only.iter().any(|id| id == case.id))
                && self.level.is_none_or(|level| case.level() == level)
        })
    }
}

fn needs_value(option: &str) -> String {
    tr!(zh "{option} 后面要有一个值", en "{option} needs a value after it")
}

fn no_kind(word: &str) -> String {
    let known = Kind::ALL.map(|kind| kind.to_string()).join(", ");
    if word.is_empty() {
        return tr!(zh "请写明要检查什么: {known}", en "say what to check: {known}");
    }
    tr!(zh "没有“{word}”这一种；可用的有: {known}", en "there is no kind '{word}'; the kinds are {known}")
}

/// How a case of this run came out.
struct Played {
    case: &'static Case,
    outcome: Ended,
    seconds: f64,
}

enum Ended {
    Passed,
    Failed(Box<Report>),
    NotChecked(String),
    /// Not tried, because the case that it stands on has failed, or waits itself.
    Waiting(&'static str),
}

impl Ended {
    /// The word for it in JSON.
    fn word(&self) -> &'static str {
        match self {
            Ended::Passed => "passed",
            Ended::Failed(_) => "failed",
            Ended::Waiting(_) => "waiting",
            Ended::NotChecked(_) => "not-checked",
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
    let target = order.target()?;
    stop::on_signal(|| {
        program::end_all();
        stop::exit(130);
    })?;
    loop {
        let before = changed_at(&target);
        let code = try_all(order, &target);
        if !order.watch {
            return Ok(code);
        }
        say!(zh "等待程序的文件改变，然后再来一次；Ctrl-C 结束", en "again when the program's files change; Ctrl-C ends");
        while changed_at(&target) == before {
            thread::sleep(WATCH);
        }
    }
}

/// How often the files are looked at.
const WATCH: Duration = Duration::from_millis(300);

/// When the files that the command names were changed last.
fn changed_at(target: &Target) -> Vec<Option<SystemTime>> {
    let changed = |word: &String| fs::metadata(word).and_then(|file| file.modified()).ok();
    target.words.iter().map(changed).collect()
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
    if order.json {
        print::out(&json_summary(&all))
    } else {
        summary(&all, order.only.is_empty())
    }
    verdict(&all)
}

/// Tries a case, unless that on which it stands has failed.
fn play(case: &'static Case, order: &Order, target: &Target, before: &[Played]) -> Played {
    let failed = |one: &&Played| matches!(one.outcome, Ended::Failed(_) | Ended::Waiting(_));
    let out = |id: &str| before.iter().filter(failed).any(|one| one.case.id == id);
    if let Some(root) = case.waits_for(order.kind, out) {
        return Played { case, outcome: Ended::Waiting(root), seconds: 0.0 };
    }
    if !order.json {
        announce(case, order.kind);
    }
    let start = Instant::now();
    let outcome = case.check(target);
    let took = start.elapsed();
    let outcome = match outcome {
        Outcome::Passed => Ended::Passed,
        Outcome::NotChecked(why) => Ended::NotChecked(why),
        Outcome::Failed(_) if took > AT_ONCE && !target.is_chatroom && !ours_does(case, order) => {
            Ended::NotChecked(tr!(zh "机器太忙：我们自己的程序这时也做不到",
                                  en "the machine is too busy: our own program doesn't make it now, either"))
        }
        Outcome::Failed(report) => Ended::Failed(report),
    };
    Played { case, outcome, seconds: took.as_secs_f64() }
}

/// Who fails within this hasn't come too late for anything: no limit of a case is shorter.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Whether our own program holds, right afterwards and on the same machine. Where it doesn't, a time can't be judged.
fn ours_does(case: &'static Case, order: &Order) -> bool {
    order.ours().is_ok_and(|ours| matches!(case.check(&ours), Outcome::Passed))
}

/// Says what is being tried: on a terminal, where the result takes its place, and of what takes long.
fn announce(case: &Case, kind: Kind) {
    let (id, title, seconds) = (case.id, case.title, case.seconds(kind));
    let long = seconds.map(|seconds| tr!(zh "（大约 {seconds} 秒）", en " (about {seconds} s)"));
    if io::stdout().is_terminal() {
        let long = long.unwrap_or_default();
        print::progress(&first_columns(&format!("… {id}{long}  {title}"), ROW));
    } else if let Some(long) = long {
        print::out(&format!("… {id}  {title}{long}"));
    }
}

/// What is to be replaced must not take two rows: terminals have 80 columns, or more.
const ROW: usize = 79;

fn first_columns(text: &str, most: usize) -> String {
    let mut used = 0;
    let fits = |c: &char| {
        used += columns(*c);
        used <= most
    };
    text.chars().take_while(fits).collect()
}

fn tell(kind: Kind, target: &Target, Played { case, outcome, .. }: &Played) {
    let (id, title) = (case.id, case.title);
    match outcome {
        Ended::Passed => say!(zh "✓ {id}  {title}", en "✓ {id}  {title}"),
        Ended::Waiting(root) => say!(zh "· {id}  等 {root} 通过", en "· {id}  waits for {root}"),
        Ended::NotChecked(why) => say!(zh "- {id}  没有检查: {why}", en "- {id}  not checked: {why}"),
        Ended::Failed(report) => {
            let by_hand = by_hand(kind, case, &Hands::of(kind, target, &report.address));
            say!(zh "✗ {report}\n{by_hand}", en "✗ {report}\n{by_hand}");
        }
    }
}

fn json(kind: Kind, Played { case, outcome, seconds }: &Played) -> String {
    let report = match outcome {
        Ended::Failed(report) => Some(report),
        _ => None,
    };
    let got = match outcome {
        Ended::Failed(report) => Some(report.got.as_str()),
        Ended::NotChecked(why) => Some(why.as_str()),
        Ended::Waiting(root) => Some(*root),
        Ended::Passed => None,
    };
    let events = report.map_or(&[][..], |report| &report.events);
    Object::default()
        .text("kind", &kind.to_string())
        .text("case", case.id)
        .text("level", &case.level().to_string())
        .text("outcome", outcome.word())
        .text("title", &case.title.to_string())
        .maybe("expected", report.map(|report| report.expected.as_str()))
        .maybe("got", got)
        .maybe("cause", report.map(|report| report.hint.as_str()))
        .maybe("teaches", case.difference())
        .number("seconds", *seconds)
        .list("events", events.iter().map(event))
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
fn summary(all: &[Played], complete: bool) {
    for level in [Level::Notes, Level::Safe] {
        let [passed, failed, waiting, unchecked] =
            ["passed", "failed", "waiting", "not-checked"].map(|word| count(all, word, Some(level)));
        if passed + failed + waiting + unchecked > 0 {
            say!(zh "{level}: {passed} 项通过，{failed} 项没有通过，{waiting} 项在等，{unchecked} 项没有检查",
                 en "{level}: {passed} hold, {failed} fail, {waiting} wait, {unchecked} were not checked");
        }
        if complete && level == Level::Notes && passed > 0 && failed + waiting == 0 {
            say!(zh "做到了笔记里的程序所做的一切", en "as good as the notes' program");
        }
    }
    if let Some(id) = first_to_mend(all) {
        say!(zh "先修好 {id}", en "mend {id} first");
    }
}

fn verdict(all: &[Played]) -> ExitCode {
    match (first_to_mend(all), count(all, "passed", None)) {
        (Some(_), _) => ExitCode::from(1),
        (None, 0) => ExitCode::from(NOTHING_JUDGED),
        (None, _) => ExitCode::SUCCESS,
    }
}
