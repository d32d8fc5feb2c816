//! A started program: its keyboard, its two outputs, its end.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::output::{Output, contains};
use super::system::{self, Usage};
use crate::check::telling::events::{Log, MAX_PRINTED, What, show};
use crate::check::telling::text::Text;
use crate::check::telling::verdict::{Evidence, Likely, Verdict, ensure, fail, fail_by};
use crate::{text, tr};

/// How often a process is asked whether it has ended: std can't wait with a deadline.
const POLL: Duration = Duration::from_millis(5);

/// How long the last words of a program that has ended are waited for: what it has started may still hold its outputs.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// What programs are called, in the transcript and in sentences. The cases name them in English.
const NAMES: [Text; 3] =
    [text!(zh "服务器", en "server"), text!(zh "客户端", en "client"), text!(zh "程序", en "program")];

/// A running program. It is killed when dropped, so no case leaves one behind.
#[derive(Debug)]
pub struct Program {
    /// What it is called in the transcript.
    pub name: Text,
    pid: u32,
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
        log.add(name, What::Starts(words.join(" ")));
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
        #[cfg(unix)] // with all that it starts, so that all of it ends with the case
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = match command.spawn() {
            Ok(child) => {
                groups().insert(child.id());
                child
            }
            Err(e) => return fail(tr!(zh "`{program}` 启动", en "`{program}` starts"), e.to_string()),
        };
        Ok(Program {
            name,
            keyboard: child.stdin.take().map(keyboard_of),
            stdout: Output::capture(child.stdout.take(), log_of(log, name, What::Prints)),
            stderr: Output::capture(child.stderr.take(), log_of(log, name, What::Warns)),
            pid: child.id(),
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
        let (name, part) = (self.name, show(part));
        fail(tr!(zh "{name}打印 {part}", en "the {name} prints {part}"), self.printed())
    }

    /// What it printed and warned of, for the end of a sentence.
    #[must_use]
    pub fn printed(&self) -> String {
        let tail = |output: &Output| {
            let bytes = output.bytes();
            show(&bytes[bytes.len().saturating_sub(400)..])
        };
        let (out, err) = (tail(&self.stdout), tail(&self.stderr));
        tr!(zh "它在 stdout 上打印了 {out}，在 stderr 上打印了 {err}",
            en "on stdout it printed {out}, on stderr {err}")
    }

    /// How it ended, and what it printed, for the same. Its last words may still be on their way.
    fn ended_and_printed(&self, status: ExitStatus) -> String {
        for output in [&self.stdout, &self.stderr] {
            let _ = output.wait_for_end(LAST_WORDS);
        }
        let (ended, printed) = (ended(status), self.printed());
        tr!(zh "它{ended}；{printed}", en "it {ended}; {printed}")
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its process number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends it a signal by name.
    pub fn signal(&self, signal: &str) -> Verdict {
        let name = self.name;
        self.log.note(tr!(zh "kill -{signal}，发给{name}", en "kill -{signal}, to the {name}"));
        system::signal(self.pid(), signal)
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
        system::usage(self.pid())
    }

    /// Goes on only if it still runs.
    pub fn expect_running(&self) -> Verdict {
        let name = self.name;
        let runs_on = || tr!(zh "{name}继续运行", en "the {name} runs on");
        match self.child().try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => fail_by(
                runs_on(),
                self.ended_and_printed(status),
                Evidence { cause: by_sigpipe(status), differs_at: None },
            ),
            Err(e) => fail(runs_on(), e.to_string()),
        }
    }

    /// Waits for its end.
    pub fn wait(&self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            match self.child().try_wait() {
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
            Some(status) => fail(wanted, self.ended_and_printed(status)),
            None => fail(wanted, text!(zh "它还在运行", en "it still runs")),
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
        let text = self.stderr.text();
        let mut wanted = ONE_SENTENCE.to_string();
        if !part.is_empty() {
            let part = show(part.as_bytes());
            wanted += &tr!(zh "，其中有 {part}", en " that holds {part}");
        }
        ensure(text.trim_end().lines().count() == 1 && text.contains(part), wanted, show(text.as_bytes()))
    }
}

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

/// What the end by SIGPIPE tells. Most languages ignore that signal; C doesn't.
#[cfg(unix)]
fn by_sigpipe(status: ExitStatus) -> Option<String> {
    const SIGPIPE: i32 = 13;
    let ended_it = std::os::unix::process::ExitStatusExt::signal(&status) == Some(SIGPIPE);
    ended_it.then(|| {
        tr!(zh "它写给了一个已经离开的客户端，被 SIGPIPE 信号结束了：忽略这个信号，检查 write 的返回值",
            en "it wrote to somebody who has left, and the signal SIGPIPE ended it: ignore that signal, and look at what write returns")
    })
}

#[cfg(not(unix))]
fn by_sigpipe(_: ExitStatus) -> Option<String> {
    None
}

impl Drop for Program {
    fn drop(&mut self) {
        end_group(self.pid);
        groups().remove(&self.pid);
        let mut child = self.child();
        let _ = child.kill();
        let _ = child.wait();
    }
}
