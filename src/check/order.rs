//! What is asked of the checker on the command line.

use super::stage::target::Room;
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
    /// Of servers that share a room, the others that are given.
    pub beside: Vec<String>,
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
        let (mut kind, mut exercise, mut runs, mut addr, mut level) = (None, None, Vec::new(), None, None);
        let (mut only, mut list, mut json, mut watch) = (Vec::new(), false, false, false);
        let (mut slow, mut report) = (false, None);
        let mut words = words.iter().copied().peekable();
        while let Some(word) = words.next() {
            let mut value = || words.next().map(str::to_string).ok_or_else(|| needs_value(word));
            match word {
                "--run" => runs.push(value()?),
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
        if runs.len() > if kind == Kind::Relay { MOST_ROOMS } else { 1 } {
            return Err(
                tr!(zh "--run 只能写一次（check relay 最多三次）", en "--run is given once (for check relay three times at most)"),
            );
        }
        let mut runs = runs.into_iter();
        let (run, beside) = (runs.next(), runs.collect());
        let order = Order { kind, exercise, run, beside, addr, only, level, list, json, watch, slow, report };
        let all = order.all();
        if let Some(unknown) = order.only.iter().find(|id| !all.iter().any(|case| case.id == **id)) {
            let whose = exercise.map_or(kind.to_string(), |exercise| exercise.number().to_string());
            return Err(tr!(zh "没有 {unknown} 这一项；chatroom check {whose} --list 列出全部",
                           en "there is no case {unknown}; chatroom check {whose} --list names them all"));
        }
        order.must_fill_in_addresses()?;
        Ok(order)
    }

    /// A program must be told where to listen, or whom to call; and a relay, where its broker is.
    fn must_fill_in_addresses(&self) -> Result<(), String> {
        let names = |command: &str, parts: &[&str]| parts.iter().any(|part| command.contains(part));
        for command in self.run.iter().chain(&self.beside) {
            if self.addr.is_none() && !names(command, &["{addr}", "{port}"]) {
                return Err(tr!(
                    zh "--run 的命令里要有 {{addr}} 或 {{port}}，端口固定的程序用 --addr 主机:端口 说明",
                    en "the command of --run needs {{addr}} or {{port}} in it; a program with a fixed port is told by --addr HOST:PORT"));
            }
            if self.kind == Kind::Relay && !names(command, &["{nats}"]) {
                return Err(tr!(
                    zh "--run 的命令里还要有 {{nats}}，那里会写上消息代理的 主机:端口",
                    en "the command of --run needs {{nats}} in it, too: the broker's HOST:PORT is put there"));
            }
        }
        Ok(())
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
        if self.kind == Kind::Relay {
            return self.with_ours([command].iter().chain(&self.beside)).map(watched);
        }
        Ok(watched(Target::new(&command, self.addr.as_deref().unwrap_or(Target::FRESH))))
    }

    /// Our own program of this kind.
    ///
    /// # Errors
    /// One sentence, when it can't be found.
    pub fn ours(&self) -> Result<Target, String> {
        if self.kind == Kind::Relay {
            return Ok(Target { is_chatroom: true, ..self.with_ours([].iter())? });
        }
        let address = self.addr.as_deref().filter(|_| self.run.is_none()).unwrap_or("127.0.0.1:0");
        Ok(Target { is_chatroom: true, ..Target::new(&our_command(self.kind)?, address) })
    }

    /// Three servers that share a room: those that are given, and ours for what is missing.
    fn with_ours<'a>(&self, given: impl Iterator<Item = &'a String>) -> Result<Target, String> {
        let mut rooms: Vec<Room> = given.map(|command| Room::new(command)).collect();
        for kind in [Kind::TcpServer, Kind::UdpServer, Kind::WsServer] {
            if rooms.len() < MOST_ROOMS && !rooms.iter().any(|room| room.kind == kind) {
                let command = our_command(kind)? + " --nats {nats}";
                rooms.push(Room { kind, ..Room::new(&command) });
            }
        }
        Ok(Target::sharing(rooms))
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

/// How many servers share a room when that is checked.
const MOST_ROOMS: usize = 3;

/// Our own program of this kind, as it is started at an `{addr}`.
fn our_command(kind: Kind) -> Result<String, String> {
    let program = std::env::current_exe()
        .map_err(|err| tr!(zh "找不到自己的程序: {err}", en "cannot find our own program: {err}"))?;
    Ok(kind.ours().replacen("chatroom", &format!("\"{}\"", program.display()), 1))
}

fn needs_value(option: &str) -> String {
    tr!(zh "{option} 后面要有一个值", en "{option} needs a value after it")
}

fn no_kind(word: &str) -> String {
    let known = Kind::all().map(|kind| kind.to_string()).collect::<Vec<_>>().join(", ");
    if word.is_empty() {
        return tr!(zh "请写明要检查什么: {known}", en "say what to check: {known}");
    }
    tr!(zh "没有“{word}”这一种；可用的有: {known}", en "there is no kind '{word}'; the kinds are {known}")
}
