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
use crate::check::telling::verdict::{Likely, Verdict, ensure, fail};

/// How often a process is asked whether it has ended: std can't wait with a deadline.
const POLL: Duration = Duration::from_millis(5);

/// A running program. It is killed when dropped, so no case leaves one behind.
#[derive(Debug)]
pub struct Program {
    /// What it is called in the transcript.
    pub name: &'static str,
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
        log.add(name, What::Starts(words.join(" ")));
        let Some((program, args)) = words.split_first() else {
            return fail("a command to start", "an empty one");
        };
        let mut command = Command::new(program);
        command.args(args).stdin(if keyboard { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)] // with all that it starts, so that all of it ends with the case
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = match command.spawn() {
            Ok(child) => {
                groups().insert(child.id());
                child
            }
            Err(e) => return fail(format!("`{program}` starts"), e.to_string()),
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
            _ => fail(format!("the {} reads its keyboard", self.name), "its input has ended"),
        }
    }

    /// Ends its input, as Ctrl-D does.
    pub fn end_input(&mut self) {
        self.log.note(format!("end of input for the {}", self.name));
        self.keyboard = None;
    }

    /// Waits until it has printed `part`.
    pub fn expect_printed(&self, part: impl AsRef<[u8]>) -> Verdict {
        let part = part.as_ref();
        if self.stdout.wait_for(self.patience, |all| contains(all, part)) {
            return Ok(());
        }
        fail(format!("the {} prints {}", self.name, show(part)), self.printed())
    }

    /// What it printed and warned of, for the end of a sentence.
    #[must_use]
    pub fn printed(&self) -> String {
        let tail = |output: &Output| {
            let bytes = output.bytes();
            show(&bytes[bytes.len().saturating_sub(400)..])
        };
        format!("on stdout it printed {}, on stderr {}", tail(&self.stdout), tail(&self.stderr))
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
    pub fn signal(&self, name: &str) -> Verdict {
        self.log.note(format!("kill -{name}, to the {}", self.name));
        system::signal(self.pid(), name)
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

    /// What it uses of one processor, 0.0 to 1.0 for each, over `time`.
    pub fn load_over(&self, time: Duration) -> Verdict<f64> {
        let (start, before) = (Instant::now(), self.usage()?.cpu);
        thread::sleep(time); // Measuring over a time is to let it pass.
        let used = self.usage()?.cpu - before;
        let load = used.as_secs_f64() / start.elapsed().as_secs_f64();
        self.log.note(format!("over {time:?} the {} used {:.0} % of a processor", self.name, load * 100.0));
        Ok(load)
    }

    /// What it uses now.
    pub fn usage(&self) -> Verdict<Usage> {
        system::usage(self.pid())
    }

    /// Goes on only if it still runs.
    pub fn expect_running(&self) -> Verdict {
        match self.child().try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => {
                fail(format!("the {} runs on", self.name), ended(status) + "; " + &self.printed())
            }
            Err(e) => fail(format!("the {} runs on", self.name), e.to_string()),
        }
    }

    /// Waits for its end.
    pub fn wait(&self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            match self.child().try_wait() {
                Ok(Some(status)) => {
                    self.log.note(format!("the {} {}", self.name, ended(status)));
                    return Some(status);
                }
                Ok(None) if Instant::now() < deadline => thread::sleep(POLL),
                _ => return None,
            }
        }
    }

    /// Goes on only if it ends within `patience` with this code.
    pub fn expect_exit(&self, code: i32, patience: Duration) -> Verdict {
        let wanted = format!("the {} ends within {patience:?} with exit code {code}", self.name);
        match self.wait(patience) {
            Some(status) if status.code() == Some(code) => Ok(()),
            Some(status) => fail(wanted, ended(status) + "; " + &self.printed()),
            None => fail(wanted, "it still runs"),
        }
    }

    /// Goes on only if it hasn't warned of anything.
    pub fn expect_no_warning(&self) -> Verdict {
        let said = self.stderr.bytes();
        ensure(said.is_empty(), format!("no warning of the {}", self.name), show(&said))
    }

    /// Goes on only if one line has come on stderr. It may run on.
    pub fn expect_one_warning(&self) -> Verdict {
        if !self.stderr.wait_for(self.patience, |all| contains(all, b"\n")) {
            return fail("one sentence on stderr", "nothing").likely("the line is left out, but silently");
        }
        let said = self.stderr.text();
        ensure(said.lines().count() == 1, "one sentence on stderr", show(said.as_bytes()))
    }

    /// Goes on only if all of stderr is one line that holds `part`.
    pub fn expect_one_sentence(&self, part: &str) -> Verdict {
        let _ = self.stderr.wait_for_end(self.patience);
        let text = self.stderr.text();
        let wanted = format!("one sentence on stderr that holds {}", show(part.as_bytes()));
        ensure(text.trim_end().lines().count() == 1 && text.contains(part), wanted, show(text.as_bytes()))
    }
}

/// Puts what a program prints into the transcript: its beginning, for there may be no end of it.
fn log_of(log: &Log, name: &'static str, what: fn(Vec<u8>) -> What) -> impl FnMut(&[u8]) + Send + use<> {
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

/// `ended with code 1`, or by which signal.
fn ended(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("ended with exit code {code}"),
        None => format!("ended by {status}"),
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

impl Drop for Program {
    fn drop(&mut self) {
        end_group(self.pid);
        groups().remove(&self.pid);
        let mut child = self.child();
        let _ = child.kill();
        let _ = child.wait();
    }
}
