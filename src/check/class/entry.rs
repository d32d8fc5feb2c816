//! One program of a class, checked by a checker of its own: whatever it does, the others go on.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{env, thread};

use super::list::Entry;
use crate::check::Level;
use crate::check::stage::{family, system};
use crate::support::stop;
use crate::tr;

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub id: String,
    pub level: String,
    pub outcome: String,
    /// The likely cause of a failure, or why it wasn't checked.
    pub cause: String,
}

/// What came of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Result {
    /// Of each case that was tried, in the checker's order.
    pub cases: Vec<Told>,
    /// Why there are no more, if its time was up, or its checker could not be run.
    pub why_not: Option<String>,
}

impl Result {
    /// How many of a level hold, and of how many that were judged, or wait.
    pub fn count(&self, level: Level) -> (usize, usize) {
        let of_level = || self.cases.iter().filter(|told| told.level == level.to_string());
        let held = of_level().filter(|told| told.outcome == "passed").count();
        (held, of_level().filter(|told| told.outcome != "not-checked").count())
    }

    /// What is to be mended first.
    pub fn first(&self) -> Option<&Told> {
        self.cases.iter().find(|told| told.outcome == "failed")
    }
}

/// What a checker is asked for besides the program.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub level: Option<Level>,
    /// How long a program may take in all.
    pub limit: Duration,
}

/// A checker may say so much; what is beyond that isn't read. A whole run says a few hundred KiB.
const MOST: u64 = 64 << 20;

/// What a program starts without end would take the whole machine. A Java or Go compiler starts a few dozen at most.
const MOST_PROCESSES: usize = 300;

/// How often they are counted.
const RECKONING: Duration = Duration::from_millis(200);

/// How often one looks whether it has ended.
const LOOK: Duration = Duration::from_millis(20);

/// How long a checker that was told to end may take to end what it has started.
const ENDING: Duration = Duration::from_secs(10);

/// Checks a program. `None` if all is to end meanwhile.
pub fn check(entry: &Entry, asked: &Asked) -> Option<Result> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mark = format!("{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let mut checker = match start(entry, asked, &mark) {
        Ok(checker) => checker,
        Err(why) => return Some(Result { cases: Vec::new(), why_not: Some(why) }),
    };
    let said = collect(&mut checker);
    let deadline = Instant::now() + asked.limit;
    let (mut why_not, mut counted) = (None, Instant::now());
    while matches!(checker.try_wait(), Ok(None)) {
        if counted.elapsed() > RECKONING {
            counted = Instant::now();
            if groups(&mark).len() > MOST_PROCESSES {
                end_all_marked(&mark); // at once: it starts more while it is asked to end
                why_not = Some(tr!(zh "它启动了 {MOST_PROCESSES} 个以上的进程，已被终止",
                                   en "it started more than {MOST_PROCESSES} processes, and was killed"));
            }
        }
        if stop::requested() || Instant::now() > deadline {
            end(&mut checker);
            let seconds = asked.limit.as_secs();
            why_not = Some(tr!(zh "{seconds} 秒到了，还没有检查完", en "not finished within {seconds} s"));
        }
        thread::sleep(LOOK);
    }
    end_all_marked(&mark);
    let Said { cases, is_whole } = said.recv_timeout(ENDING).unwrap_or_default();
    let why_not = why_not.or_else(|| why_unknown(&cases, is_whole));
    (!stop::requested()).then_some(Result { cases, why_not })
}

/// What a checker has said that ended by itself may be less than all, or nothing.
fn why_unknown(cases: &[Told], is_whole: bool) -> Option<String> {
    if !is_whole {
        return Some(tr!(zh "检查器没有检查完就结束了", en "the checker ended before it was through"));
    }
    if cases.iter().any(|told| told.outcome != "not-checked") {
        return None;
    }
    let no_case = tr!(zh "没有这一级的项目", en "there is no case of this level");
    let why = cases.first().map_or(no_case, |told| told.cause.clone());
    Some(tr!(zh "没有结论：{why}", en "nothing could be judged: {why}"))
}

/// By this in its environment one knows what belongs to an entry, whoever has started it.
const MARK: &str = "CHATROOM_CLASS_ENTRY";

fn start(entry: &Entry, asked: &Asked, mark: &str) -> std::result::Result<Child, String> {
    let program = env::current_exe()
        .map_err(|err| tr!(zh "找不到自己的程序: {err}", en "cannot find our own program: {err}"))?;
    let mut command = Command::new(program);
    command.args(["check", &entry.what, "--run", &entry.command, "--json"]);
    command.args(["--lang", &tr!(zh "zh", en "en")]);
    command.args(entry.addr.iter().flat_map(|addr| ["--addr", addr]));
    command.args(asked.level.iter().flat_map(|level| ["--level".to_string(), level.to_string()]));
    command.env(MARK, mark).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    #[cfg(unix)] // or Ctrl-C at the terminal would go to it, too, and what it found be taken for the whole
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn().map_err(|err| tr!(zh "无法启动检查器: {err}", en "cannot start the checker: {err}"))
}

/// Tells a checker to end: it ends what it has started. One that doesn't is killed.
fn end(checker: &mut Child) {
    let _ = system::signal(checker.id(), "INT");
    let deadline = Instant::now() + ENDING;
    while matches!(checker.try_wait(), Ok(None)) && Instant::now() < deadline {
        thread::sleep(LOOK);
    }
    let _ = checker.kill();
}

/// What a program has started may have left its process group, as those do that run in the background; and a checker
/// that was killed has ended nothing. While these are ended, they may start more.
fn end_all_marked(mark: &str) {
    const ROUNDS: usize = 10;
    for _ in 0..ROUNDS {
        let left = groups(mark).into_iter().collect::<BTreeSet<u32>>();
        if left.is_empty() {
            return;
        }
        system::kill_groups(&left);
    }
}

/// The process group of each process that belongs to an entry.
fn groups(mark: &str) -> Vec<u32> {
    family::marked(&format!("{MARK}={mark}"))
}

/// What a checker has said.
#[derive(Default)]
struct Said {
    cases: Vec<Told>,
    /// It has summed up.
    is_whole: bool,
}

/// Reads what a checker says, on a thread of its own; all of it at once, when it has ended.
fn collect(checker: &mut Child) -> mpsc::Receiver<Said> {
    let (sender, all) = mpsc::channel();
    if let Some(stdout) = checker.stdout.take() {
        thread::spawn(move || {
            let mut said = Said::default();
            for line in BufReader::new(stdout.take(MOST)).lines().map_while(std::result::Result::ok) {
                said.is_whole = line.starts_with("{\"summary\":");
                said.cases.extend(told(&line));
            }
            let _ = sender.send(said);
        });
    }
    all
}

/// What a line of `check --json` tells of a case; the last one is about all.
fn told(line: &str) -> Option<Told> {
    let text = |key| field(line, key);
    let outcome = text("outcome")?;
    let why = if outcome == "not-checked" { text("got") } else { text("cause") };
    Some(Told { id: text("case")?, level: text("level")?, outcome, cause: why.unwrap_or_default() })
}

/// A text of an object that `check --json` has written. Inside of texts, quotes have a backslash before them, so the key
/// is found where it stands as one.
fn field(line: &str, key: &str) -> Option<String> {
    let (_, value) = line.split_once(&format!("\"{key}\":\""))?;
    let (mut text, mut chars) = (String::new(), value.chars());
    loop {
        match chars.next()? {
            '"' => return Some(text),
            '\\' => match chars.next()? {
                'n' => text.push('\n'),
                'u' => text.extend(
                    char::from_u32(u32::from_str_radix(chars.as_str().get(..4)?, 16).ok()?)
                        .filter(|_| chars.nth(3).is_some()),
                ),
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::telling::json::Object;

    #[test]
    fn what_was_written_is_read() {
        let cause = "it says \"outcome\":\"passed\"\n\u{1b}, and \\ more";
        let line = Object::default().text("case", "D4").text("level", "safe").text("outcome", "failed");
        let line = line.text("title", "\"cause\":\"no\"").text("cause", cause).close();
        let expected =
            Told { id: "D4".into(), level: "safe".into(), outcome: "failed".into(), cause: cause.into() };
        assert_eq!(told(&line), Some(expected));
        assert_eq!(told("{\"summary\":{}}"), None);
    }
}
