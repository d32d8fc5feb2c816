//! `chatroom check KIND`: the cases, tried on any program from the command line.

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Instant;

use super::stage::program;
use super::telling::verdict::{Outcome, Report};
use super::{Case, Kind, Level, Target, cases};
use crate::support::{print, stop};
use crate::{say, tr, warn};

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
        let (mut only, mut list) = (Vec::new(), false);
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
        Ok(Order { kind, run, addr, only, level, list })
    }

    fn target(&self) -> Result<Target, String> {
        let url = if self.kind == Kind::WsClient { "ws://{addr}/ws" } else { "{addr}" };
        let ours = match std::env::current_exe() {
            Ok(program) => format!("\"{}\" {} {url}", program.display(), self.kind),
            Err(err) => {
                return Err(tr!(zh "找不到自己的程序: {err}", en "cannot find our own program: {err}"));
            }
        };
        let command = self.run.as_deref().unwrap_or(&ours);
        let names_port = ["{addr}", "{port}"].iter().any(|part| command.contains(part));
        let address = match &self.addr {
            Some(addr) => addr,
            None if self.run.is_none() => "127.0.0.1:0",
            None if names_port => Target::FRESH,
            None => {
                return Err(tr!(
                    zh "--run 的命令里要有 {{addr}} 或 {{port}}，端口固定的程序用 --addr 主机:端口 说明",
                    en "the command of --run needs {{addr}} or {{port}} in it; a program with a fixed port is told by --addr HOST:PORT"
                ));
            }
        };
        Ok(Target { is_chatroom: self.run.is_none(), ..Target::new(command, address) })
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
}

enum Ended {
    Passed,
    Failed(Box<Report>),
    NotChecked(String),
    /// Not tried, because the case that it stands on has failed.
    Waiting(&'static str),
}

/// Runs what was asked for, and tells it.
///
/// # Errors
/// A sentence, when nothing can be run.
pub fn run(order: &Order) -> Result<ExitCode, String> {
    if order.list {
        for case in order.asked() {
            let (id, level, title) = (case.id, case.level(), case.title);
            say!(zh "{id:<20} {level:<6} {title}", en "{id:<20} {level:<6} {title}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let target = order.target()?;
    stop::on_signal(|| {
        program::end_all();
        stop::exit(130);
    })?;
    let mut played: Vec<Played> = Vec::new();
    for case in order.asked() {
        let root = case.stands_on(order.kind);
        let failed = |id: &str| {
            played
                .iter()
                .any(|p| p.case.id == id && matches!(p.outcome, Ended::Failed(_) | Ended::Waiting(_)))
        };
        let outcome = match root.filter(|root| failed(root)) {
            Some(root) => Ended::Waiting(root),
            None => play(case, &target),
        };
        tell(case, &outcome);
        played.push(Played { case, outcome });
    }
    Ok(summary(&played))
}

fn play(case: &'static Case, target: &Target) -> Ended {
    if io::stdout().is_terminal() {
        print::progress(&format!("… {}  {}", case.id, case.title));
    }
    let start = Instant::now();
    let outcome = case.check(target);
    let _ = start;
    match outcome {
        Outcome::Passed => Ended::Passed,
        Outcome::Failed(report) => Ended::Failed(report),
        Outcome::NotChecked(why) => Ended::NotChecked(why),
    }
}

fn tell(case: &Case, outcome: &Ended) {
    let (id, title) = (case.id, case.title);
    match outcome {
        Ended::Passed => say!(zh "✓ {id}  {title}", en "✓ {id}  {title}"),
        Ended::Waiting(root) => say!(zh "· {id}  等 {root} 通过", en "· {id}  waits for {root}"),
        Ended::NotChecked(why) => say!(zh "- {id}  没有检查: {why}", en "- {id}  not checked: {why}"),
        Ended::Failed(report) => say!(zh "✗ {report}", en "✗ {report}"),
    }
}

fn summary(played: &[Played]) -> ExitCode {
    let count = |of: fn(&Ended) -> bool| played.iter().filter(|one| of(&one.outcome)).count();
    let passed = count(|one| matches!(one, Ended::Passed));
    let failed = count(|one| matches!(one, Ended::Failed(_)));
    let waiting = count(|one| matches!(one, Ended::Waiting(_)));
    let unchecked = count(|one| matches!(one, Ended::NotChecked(_)));
    say!(zh "{passed} 项通过，{failed} 项失败，{waiting} 项等待，{unchecked} 项没有检查",
         en "{passed} hold, {failed} fail, {waiting} wait, {unchecked} not checked");
    if let Some(first) = played.iter().find(|one| matches!(one.outcome, Ended::Failed(_))) {
        let id = first.case.id;
        warn!(zh "先修好 {id}", en "mend {id} first");
        return ExitCode::from(1);
    }
    if passed == 0 { ExitCode::from(NOTHING_JUDGED) } else { ExitCode::SUCCESS }
}
