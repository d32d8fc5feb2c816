//! What is asked of the checker on the command line.

use super::{Case, Kind, Level, Target, cases};
use crate::course::Exercise;
use crate::tr;

/// What is asked of the checker.
#[derive(Debug)]
pub struct Order {
    /// What is checked.
    pub kind: Kind,
    /// By the cases of an exercise, rather than by all.
    pub exercise: Option<&'static Exercise>,
    /// The command to check; ours, or the exercise's starter, if none is given.
    pub run: Option<String>,
    /// Where a program with a fixed port listens, or calls.
    pub addr: Option<String>,
    /// These cases alone.
    pub only: Vec<String>,
    /// The cases of this level alone.
    pub level: Option<Level>,
    /// Name the cases, and try none.
    pub list: bool,
    /// For programs to read.
    pub json: bool,
    /// Again and again.
    pub watch: bool,
    /// At a pace that one can follow.
    pub slow: bool,
    /// The page to write.
    pub report: Option<String>,
}

impl Order {
    /// Reads the words behind `check`.
    ///
    /// # Errors
    /// One sentence that says what to write instead.
    pub fn parse(words: &[&str]) -> Result<Order, String> {
        let (mut kind, mut exercise, mut run, mut addr, mut level) = (None, None, None, None, None);
        let (mut only, mut list, mut json, mut watch) = (Vec::new(), false, false, false);
        let (mut slow, mut report) = (false, None);
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
                "--slow" => slow = true,
                "--report" => report = Some(value()?),
                _ if word.starts_with('-') => {
                    return Err(tr!(zh "check 没有 {word} 选项；请看 chatroom check --help",
                                   en "check has no option {word}; see chatroom check --help"));
                }
                _ if word.bytes().all(|byte| byte.is_ascii_digit()) => {
                    exercise = Some(Exercise::from_number(word)?);
                }
                _ => kind = Some(Kind::from_name(word).ok_or_else(|| no_kind(word))?),
            }
        }
        let kind = exercise.map(|exercise| exercise.kind).or(kind).ok_or_else(|| no_kind(""))?;
        let order = Order { kind, exercise, run, addr, only, level, list, json, watch, slow, report };
        let all = order.all();
        if let Some(unknown) = order.only.iter().find(|id| !all.iter().any(|case| case.id == **id)) {
            let whose = exercise.map_or(kind.to_string(), |exercise| exercise.number().to_string());
            return Err(tr!(zh "没有 {unknown} 这一项；chatroom check {whose} --list 列出全部",
                           en "there is no case {unknown}; chatroom check {whose} --list names them all"));
        }
        match &order.run {
            Some(command) if order.addr.is_none() && !names_port(command) => Err(tr!(
                zh "--run 的命令里要有 {{addr}} 或 {{port}}，端口固定的程序用 --addr 主机:端口 说明",
                en "the command of --run needs {{addr}} or {{port}} in it; a program with a fixed port is told by --addr HOST:PORT"
            )),
            _ => Ok(order),
        }
    }

    /// The program that is checked.
    ///
    /// # Errors
    /// One sentence, when there is none.
    pub fn target(&self) -> Result<Target, String> {
        let watched = |target| Target { is_watched: self.slow && !self.json, ..target };
        let starter = || {
            self.exercise.map(|exercise| exercise.build().map(|file| self.kind.command(&file))).transpose()
        };
        let Some(command) = self.run.clone().map_or_else(starter, |run| Ok(Some(run)))? else {
            return self.ours().map(watched);
        };
        Ok(watched(Target::new(&command, self.addr.as_deref().unwrap_or(Target::FRESH))))
    }

    /// Our own program of this kind.
    ///
    /// # Errors
    /// One sentence, when it can't be found.
    pub fn ours(&self) -> Result<Target, String> {
        let program = std::env::current_exe()
            .map_err(|err| tr!(zh "找不到自己的程序: {err}", en "cannot find our own program: {err}"))?;
        let command = self.kind.ours().replacen("chatroom", &format!("\"{}\"", program.display()), 1);
        let address = self.addr.as_deref().filter(|_| self.run.is_none()).unwrap_or("127.0.0.1:0");
        Ok(Target { is_chatroom: true, ..Target::new(&command, address) })
    }

    /// All cases of the exercise, or of the kind.
    fn all(&self) -> Vec<&'static Case> {
        match self.exercise {
            None => cases(self.kind),
            Some(exercise) => exercise.cases.iter().filter_map(|id| Case::find(self.kind, id)).collect(),
        }
    }

    /// Those that are asked for.
    pub fn asked(&self) -> impl Iterator<Item = &'static Case> {
        self.all().into_iter().filter(|case| {
            (self.only.is_empty() || self.only.iter().any(|id| id == case.id))
                && self.level.is_none_or(|level| case.level() == level)
        })
    }
}

/// Whether the port is filled in.
fn names_port(command: &str) -> bool {
    ["{addr}", "{port}"].iter().any(|part| command.contains(part))
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
