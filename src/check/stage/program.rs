//! A started program: its keyboard, its two outputs, its end.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::family::{self, Socket};
use super::guess;
use super::output::{Output, contains};
use super::system::{self, Usage};
use super::target::command_line;
use crate::check::telling::complaint;
use crate::check::telling::events::{Log, MAX_PRINTED, What, show};
use crate::check::telling::text::Text;
use crate::check::telling::verdict::{Evidence, Likely, Verdict, ensure, fail, fail_by};
use crate::{text, tr};

/// How often a process is asked whether it has ended: std can't wait with a deadline.
const POLL: Duration = Duration::from_millis(5);

/// From the end of a program's connections to its own: they are closed a moment earlier.
const DYING: Duration = Duration::from_millis(200);
/// How long the last words of a program may be under way. (What it has started may keep its outputs open for ever.)
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What programs are called, in the transcript and in sentences. The cases name them in English.
const NAMES: [Text; 7] = [
    text!(zh "服务器", en "server"),
    text!(zh "客户端", en "client"),
    text!(zh "程序", en "program"),
    text!(zh "第一个服务器", en "first server"),
    text!(zh "第二个服务器", en "second server"),
    text!(zh "第三个服务器", en "third server"),
    text!(zh "消息代理", en "broker"),
];

/// A running program. It is killed when dropped, so no case leaves one behind.
#[derive(Debug)]
pub struct Program {
    /// What it is called in the transcript.
    pub name: Text,
    pid: u32,
    speaker: OnceLock<u32>,
    /// It has ended, and all that it has started, too: its number may be somebody else's by now.
    is_gone: AtomicBool,
    child: Mutex<Child>,
    keyboard: Option<Sender<Vec<u8>>>,
    /// What it printed.
    pub stdout: Output,
    /// What it warned of.
    pub stderr: Output,
    log: Log,
    patience: Duration,
}

impl Program {
    /// Starts a command. Its keyboard is a pipe, or at its end from the start.
    pub fn start(
        name: &'static str,
        words: &[String],
        keyboard: bool,
        log: &Log,
        patience: Duration,
    ) -> Verdict<Self> {
        let name = NAMES.into_iter().find(|known| known.en == name).unwrap_or(Text { zh: name, en: name });
        log.add(name, What::Starts(command_line(words)));
        let Some((program, args)) = words.split_first() else {
            return fail(
                text!(zh "要启动的命令", en "a command to start"),
                text!(zh "命令是空的", en "an empty one"),
            );
        };
        let mut command = Command::new(program);
        command.args(args).stdin(if keyboard { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        // The verdict must not hang on the language of whoever asks for it.
        command.env("LC_ALL", "C.UTF-8").env_remove("LC_MESSAGES").env_remove("LANG");
        command.env_remove("RUST_BACKTRACE"); // what a panic says is enough
        command.env_remove("CHATROOM_NATS"); // or the servers of all cases would be one room
        #[cfg(unix)] // with all that it starts, so that all of it ends with the case
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = match command.spawn() {
            Ok(child) => {
                groups().insert(child.id());
                log.sight.starts(child.id());
                child
            }
            Err(e) => {
                let starts = fail(tr!(zh "`{program}` 启动", en "`{program}` starts"), e.to_string());
                return starts.likely(why_not_started(program, &e));
            }
        };
        Ok(Program {
            name,
            keyboard: child.stdin.take().map(keyboard_of),
            stdout: Output::capture(child.stdout.take(), log_of(log, name, What::Prints)),
            stderr: Output::capture(child.stderr.take(), log_of(log, name, What::Warns)),
            pid: child.id(),
            speaker: OnceLock::new(),
            is_gone: AtomicBool::new(false),
            child: Mutex::new(child),
            log: log.clone(),
            patience,
        })
    }

    /// Types at its keyboard.
    pub fn type_in(&mut self, text: impl AsRef<[u8]>) -> Verdict {
        self.log.add(self.name, What::Types(text.as_ref().to_vec()));
        match &self.keyboard {
            Some(keyboard) if keyboard.send(text.as_ref().to_vec()).is_ok() => Ok(()),
            _ => {
                let name = self.name;
                let wanted = tr!(zh "{name}读取键盘输入", en "the {name} reads its keyboard");
                fail(wanted, text!(zh "它的输入已经结束", en "its input has ended"))
            }
        }
    }

    /// Ends its input, as Ctrl-D does.
    pub fn end_input(&mut self) {
        let name = self.name;
        self.log.note(tr!(zh "{name}的输入结束", en "end of input for the {name}"));
        self.keyboard = None;
    }

    /// Waits until it has printed `part`.
    pub fn expect_printed(&self, part: impl AsRef<[u8]>) -> Verdict {
        let part = part.as_ref();
        if self.stdout.wait_for(self.patience, |all| contains(all, part)) {
            return Ok(());
        }
        self.look();
        let cause = guess::of_printed(part, &self.stdout.bytes()).map(String::from);
        let (name, part) = (self.name, show(part));
        let prints = fail_by(
            tr!(zh "{name}打印 {part}", en "the {name} prints {part}"),
            self.found(),
            Evidence { cause, differs_at: None },
        );
        if self.stdout.bytes().is_empty() && !self.has_ended() { prints.likely(BUFFERED) } else { prints }
    }

    /// Looks into it, as it was waited for in vain.
    pub fn look(&self) {
        self.log.sight.after_silence(self.patience);
    }

    /// What it printed and warned of, for the end of a sentence.
    #[must_use]
    pub fn printed(&self) -> String {
        let last = |output: &Output| show(last_line(&output.bytes()));
        match (self.stdout.bytes().is_empty(), self.stderr.bytes().is_empty()) {
            (true, true) => tr!(zh "它什么也没有打印", en "it printed nothing"),
            (false, true) => {
                let out = last(&self.stdout);
                tr!(zh "它在 stdout 上最后打印的是 {out}", en "the last that it printed is {out}")
            }
            (_, false) => match complaint::last_error(&self.stderr.text()) {
                Some(error) => tr!(zh "它在 stderr 上说 {error}", en "on stderr it says {error}"),
                None => {
                    let err = last(&self.stderr);
                    tr!(zh "它在 stderr 上最后打印的是 {err}", en "the last that it printed on stderr is {err}")
                }
            },
        }
    }

    /// Its end, if that has come. (The lock is given back before anybody looks at it.)
    fn status(&self) -> io::Result<Option<ExitStatus>> {
        let status = self.child().try_wait();
        // A group's number isn't given to others while somebody is in it; so once nobody is, it is forgotten at once.
        let has_ended = matches!(status, Ok(Some(_))) && !self.is_gone.load(Ordering::Relaxed);
        if has_ended && system::has_proc() && !family::has_group(self.pid) {
            self.is_gone.store(true, Ordering::Relaxed);
            groups().remove(&self.pid);
        }
        status
    }

    /// How it is now: that it runs, or how it ended.
    fn state(&self) -> String {
        match self.status() {
            Ok(Some(status)) => ended(status),
            _ => tr!(zh "还在运行", en "still runs"),
        }
    }

    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.status(), Ok(Some(_)))
    }

    /// Waits until all is read that it printed before its end, if it has ended.
    pub fn settle(&self) {
        if self.has_ended() {
            for output in [&self.stdout, &self.stderr] {
                let _ = output.wait_for_end(LAST_WORDS);
            }
        }
    }

    /// How it is now, and what it printed, for the end of a sentence.
    #[must_use]
    pub fn found(&self) -> String {
        self.settle();
        let (state, printed) = (self.state(), self.printed());
        tr!(zh "它{state}；{printed}", en "it {state}; {printed}")
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the process that speaks with others: of the program itself, unless that is a wrapper and what it
    /// has started holds the sockets.
    #[must_use]
    pub fn pid(&self) -> u32 {
        let found = || family::sockets(self.pid).into_iter().max_by_key(|socket| socket.is_open);
        match self.speaker.get().copied().or_else(|| found().map(|socket| socket.pid)) {
            Some(pid) => *self.speaker.get_or_init(|| pid),
            None => self.pid,
        }
    }

    /// Where it can be reached, all of its processes taken together.
    #[must_use]
    pub fn listens_at(&self) -> Vec<Socket> {
        if self.is_gone.load(Ordering::Relaxed) {
            return vec![];
        }
        family::sockets(self.pid).into_iter().filter(|socket| socket.is_open).collect()
    }

    /// The processor time that all of it has used, where that is known.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        family::processes(self.pid)
            .into_iter()
            .filter_map(|pid| system::usage(pid).ok())
            .map(|usage| usage.cpu)
            .sum()
    }

    /// Sends it a signal by name.
    pub fn signal(&self, signal: &str) -> Verdict {
        let name = self.name;
        self.log.note(tr!(zh "kill -{signal}，发给{name}", en "kill -{signal}, to the {name}"));
        if self.has_ended() { Ok(()) } else { system::signal(self.pid(), signal) }
    }

    /// Waits until what it uses is as `enough` says; then, or when time is up, says what it uses.
    pub fn usage_until(&self, enough: impl Fn(&Usage) -> bool) -> Verdict<Usage> {
        let deadline = Instant::now() + self.patience;
        loop {
            let usage = self.usage()?;
            if enough(&usage) || Instant::now() > deadline {
                return Ok(usage);
            }
            thread::sleep(POLL);
        }
    }

    /// What it uses of one processor, 0.0 to 1.0 for each, over `time`. On a busy machine even a program that spins
    /// gets little: if it wants more than half of a processor, what it is kept waiting counts too.
    pub fn load_over(&self, time: Duration) -> Verdict<f64> {
        let (start, before, waited) = (Instant::now(), self.usage()?.cpu, system::kept_waiting(self.pid()));
        thread::sleep(time); // Measuring over a time is to let it pass.
        let share = |time: Duration| time.as_secs_f64() / start.elapsed().as_secs_f64();
        let used = share(self.usage()?.cpu - before);
        let wanted = used + share(system::kept_waiting(self.pid()).saturating_sub(waited));
        let load = if wanted > 0.5 { wanted.min(1.0).max(used) } else { used };
        let (name, percent) = (self.name, load * 100.0);
        self.log.note(tr!(zh "{time:?} 内{name}占用或等待处理器的时间是 {percent:.0} %",
                          en "over {time:?} the {name} used a processor, or waited for one, {percent:.0} % of the time"));
        Ok(load)
    }

    /// What it uses now.
    pub fn usage(&self) -> Verdict<Usage> {
        self.expect_running()?;
        system::usage(self.pid())
    }

    /// Goes on only if it still runs.
    pub fn expect_running(&self) -> Verdict {
        let name = self.name;
        let runs_on = || tr!(zh "{name}继续运行", en "the {name} runs on");
        match self.status() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => {
                let ended =
                    fail_by(runs_on(), self.found(), Evidence { cause: by_signal(status), differs_at: None });
                match complaint::last_error(&self.stderr.text()) {
                    Some(error) => ended.likely(tr!(
                        zh "一个没有人处理的错误结束了程序：{error}",
                        en "an error that nobody catches ends the program: {error}")),
                    None => ended,
                }
            }
            Err(e) => fail(runs_on(), e.to_string()),
        }
    }

    /// A program that has ended explains all the rest.
    pub fn unless_ended<T>(&self, verdict: Verdict<T>) -> Verdict<T> {
        if verdict.is_err() {
            let _ = self.wait(DYING);
            self.expect_running()?;
        }
        verdict
    }

    /// Waits for its end.
    pub fn wait(&self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            match self.status() {
                Ok(Some(status)) => {
                    let (name, ended) = (self.name, ended(status));
                    self.log.note(tr!(zh "{name}{ended}", en "the {name} {ended}"));
                    return Some(status);
                }
                Ok(None) if Instant::now() < deadline => thread::sleep(POLL),
                _ => return None,
            }
        }
    }

    /// Goes on only if it ends within `patience` with this code.
    pub fn expect_exit(&self, code: i32, patience: Duration) -> Verdict {
        let name = self.name;
        let wanted = tr!(zh "{name}在 {patience:?} 内结束，退出码 {code}",
                         en "the {name} ends within {patience:?} with exit code {code}");
        match self.wait(patience) {
            Some(status) if status.code() == Some(code) => Ok(()),
            Some(_) => fail(wanted, self.found()),
            None => {
                self.log.sight.after_silence(patience);
                fail(wanted, text!(zh "它还在运行", en "it still runs"))
            }
        }
    }

    /// Goes on only if it hasn't warned of anything.
    pub fn expect_no_warning(&self) -> Verdict {
        let (name, said) = (self.name, self.stderr.bytes());
        let wanted = tr!(zh "{name}在 stderr 上什么也不打印", en "the {name} prints nothing on stderr");
        ensure(said.is_empty(), wanted, show(&said))
    }

    /// Goes on only if one line has come on stderr. It may run on.
    pub fn expect_one_warning(&self) -> Verdict {
        if !self.stderr.wait_for(self.patience, |all| contains(all, b"\n")) {
            return fail(ONE_SENTENCE, text!(zh "什么也没有", en "nothing"))
                .likely(text!(zh "这一行没有发送，却没有任何说明", en "the line is left out, but silently"));
        }
        let said = self.stderr.text();
        ensure(said.lines().count() == 1, ONE_SENTENCE, show(said.as_bytes()))
    }

    /// Goes on only if all of stderr is one line that holds `part`.
    pub fn expect_one_sentence(&self, part: &str) -> Verdict {
        let _ = self.stderr.wait_for_end(self.patience);
        let text = without_wrapper(&self.stderr.text());
        let mut wanted = ONE_SENTENCE.to_string();
        if !part.is_empty() {
            let part = show(part.as_bytes());
            wanted += &tr!(zh "，其中有 {part}", en " that holds {part}");
        }
        let lines = text.trim_end().lines().count();
        let told = ensure(lines == 1 && text.contains(part), wanted, show(text.as_bytes()));
        if lines == 1 && part.contains(':') {
            told.likely(text!(zh "这句话没有写明地址", en "the sentence doesn't name the address"))
        } else if lines == 0 && self.complains_on_stdout() {
            told.likely(text!(zh "出错的说明打印到了 stdout 上：应当打印到 stderr 上",
                              en "it is told on stdout: what goes wrong belongs on stderr"))
        } else {
            self.unless_uncaught(told)
        }
    }

    /// Whether the last that it printed on stdout tells of something that went wrong, and nobody else has said it.
    fn complains_on_stdout(&self) -> bool {
        let printed = self.stdout.bytes();
        let last = last_line(&printed);
        COMPLAINTS.iter().any(|word| contains(last, word.as_bytes())) && !self.log.was_sent(last)
    }

    /// An error that nobody catches explains how a program ends.
    pub fn unless_uncaught(&self, verdict: Verdict) -> Verdict {
        if complaint::last_error(&self.stderr.text()).is_none() {
            return verdict;
        }
        verdict.likely(text!(zh "没有人处理这个错误，于是打印了调用栈：捕获它，用一句话说明",
                             en "nobody catches the error, and a trace of calls is printed: catch it, and say it in a sentence"))
    }
}

/// Without what `go run` and npm say of the end of a program.
fn without_wrapper(stderr: &str) -> String {
    let is_its = |line: &&str| !["exit status ", "npm "].iter().any(|start| line.starts_with(start));
    stderr.split_inclusive('\n').filter(is_its).collect()
}

/// The last line that isn't blank: of what a runtime says of an error, it names the error.
fn last_line(printed: &[u8]) -> &[u8] {
    let lines = printed.trim_ascii_end().rsplit(|&byte| byte == b'\n');
    lines.map(<[u8]>::trim_ascii).next().unwrap_or_default()
}

const BUFFERED: Text = text!(zh "什么也没有打印出来：输出可能还留在缓冲区里，每打印一行就刷新（flush）一次",
                             en "nothing was printed: perhaps it is still in a buffer; flush it after each line");

/// Parts of words for what goes wrong with a connection.
const COMPLAINTS: [&str; 14] = [
    "rror",
    "efused",
    "ail",
    "annot",
    "an't",
    "losed",
    "isconnect",
    "roken",
    "错",
    "失败",
    "关闭",
    "断开",
    "拒绝",
    "无法",
];

const ONE_SENTENCE: Text = text!(zh "stderr 上恰好一句话", en "one sentence on stderr");

/// Puts what a program prints into the transcript: its beginning, for there may be no end of it.
fn log_of(log: &Log, name: Text, what: fn(Vec<u8>) -> What) -> impl FnMut(&[u8]) + Send + use<> {
    let (log, mut left) = (log.clone(), MAX_PRINTED);
    move |piece| {
        let shown = &piece[..piece.len().min(left)];
        left -= shown.len();
        if !shown.is_empty() {
            log.add(name, what(shown.to_vec()));
        }
    }
}

/// What is wrong with a command that can't be started.
fn why_not_started(program: &str, err: &io::Error) -> Text {
    let exec_format = err.raw_os_error() == Some(8); // ENOEXEC, for which std has no name yet
    if Path::new(program).is_dir() {
        text!(zh "这是一个目录，不是程序", en "that is a directory, and no program")
    } else if exec_format {
        text!(zh "系统不知道怎样运行这个文件：脚本要在第一行写明解释器（例如 #!/usr/bin/env python3），或者写成 `python3 文件`",
              en "the system doesn't know how to run that file: a script names its interpreter in its first line (#!/usr/bin/env python3, say), or is run as `python3 FILE`")
    } else {
        match err.kind() {
            ErrorKind::NotFound => text!(
                zh "没有这个程序：看看名字和路径；当前目录里的程序要写成 ./名字",
                en "there is no such program: look at its name and path; one in this directory is ./NAME"),
            ErrorKind::PermissionDenied => text!(
                zh "这个文件不能运行：chmod +x，或者写成 `python3 文件` 这样",
                en "that file can't be run: chmod +x it, or run it as `python3 FILE` or the like"),
            _ => text!(zh "交给检查器的命令不对", en "the command given to the checker is wrong"),
        }
    }
}

/// A thread that types: a program that stops reading its keyboard must not stop the checker.
fn keyboard_of(mut stdin: ChildStdin) -> Sender<Vec<u8>> {
    let (sender, typed) = mpsc::channel::<Vec<u8>>();
    thread::spawn(move || {
        for text in typed {
            // A program that has ended, or closed its input: the case sees that by what doesn't come.
            if stdin.write_all(&text).and_then(|()| stdin.flush()).is_err() {
                break;
            }
        }
    });
    sender
}

/// Behind the program's name: that it ended with a code, or by which signal.
fn ended(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => tr!(zh "已经结束，退出码 {code}", en "ended with exit code {code}"),
        None => tr!(zh "被终止（{status}）", en "ended by {status}"),
    }
}

/// The process groups of the programs that run.
fn groups() -> MutexGuard<'static, BTreeSet<u32>> {
    static GROUPS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends all programs, and whatever they have started: for a checker that is stopped itself.
pub fn end_all() {
    for group in groups().iter() {
        end_group(*group);
    }
}

/// A program may be a wrapper, as `go run` or `sh -c` are: what it has started ends too. (Where there is no `kill`, as
/// on Windows, only the program itself does.)
fn end_group(group: u32) {
    let _ = Command::new("kill")
        .args(["-KILL", "--", &format!("-{group}")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

/// What the end by a signal tells. SIGPIPE is ignored by most languages, but not by C.
#[cfg(unix)]
fn by_signal(status: ExitStatus) -> Option<String> {
    const SIGPIPE: i32 = 13;
    const OF_MEMORY: [i32; 3] = [6, 7, 11]; // SIGABRT, SIGBUS, SIGSEGV
    let by_shell = || status.code().map_or(0, |code| code - 128); // which tells the signal of what it has started so
    match std::os::unix::process::ExitStatusExt::signal(&status).unwrap_or_else(by_shell) {
        SIGPIPE => Some(tr!(
            zh "它写给了一个已经离开的客户端，被 SIGPIPE 信号结束了：忽略这个信号，检查 write 的返回值",
            en "it wrote to somebody who has left, and the signal SIGPIPE ended it: ignore that signal, and look at what write returns")),
        signal if OF_MEMORY.contains(&signal) => Some(tr!(
            zh "它写到了不属于它的内存里：某个数组的长度是固定的，客户端或者字节却更多；或者用到了已经释放的内存",
            en "it went beyond its memory: an array is of a fixed size, for more clients or more bytes than that; or something is used after it was freed")),
        _ => None,
    }
}

#[cfg(not(unix))]
fn by_signal(_: ExitStatus) -> Option<String> {
    None
}

impl Drop for Program {
    fn drop(&mut self) {
        let (name, state) = (self.name, self.state());
        self.log.found(tr!(zh "{name}{state}", en "the {name} {state}"));
        if !self.is_gone.load(Ordering::Relaxed) {
            end_group(self.pid);
            groups().remove(&self.pid);
        }
        self.log.sight.ends(self.pid);
        let mut child = self.child();
        let _ = child.kill();
        let _ = child.wait();
        let _ = self.stderr.wait_for_end(LAST_WORDS); // it may tell why the case has failed
    }
}
