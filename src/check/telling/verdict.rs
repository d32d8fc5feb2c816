//! What a case has to say: passed, failed (and how), or not checked here (and why).

use std::fmt;
use std::time::Instant;

use super::events::{Event, MAX_LINES, columns, is_cut, transcript};
use super::text::Text;
use crate::check::stage::xray::{self, Look};
use crate::tr;

/// How a step of a case ends: with a value, or with the end of the case.
pub type Verdict<T = ()> = Result<T, Halt>;

/// Why a case stops before its end.
#[derive(Debug)]
pub enum Halt {
    /// The program doesn't do what it must.
    Failed(Box<Failure>),
    /// This machine, or this program, lacks what the case needs: no verdict.
    NotChecked(String),
}

/// One sentence in three parts.
#[derive(Debug)]
pub struct Failure {
    /// What should have happened.
    pub expected: String,
    /// What happened.
    pub got: String,
    /// The likely cause, where the failing step knows better than the case.
    pub hint: Option<String>,
    /// What it tells by itself.
    pub evidence: Evidence,
    /// When.
    pub at: Instant,
}

/// Ends a case: expected this, got that.
pub fn fail<T>(expected: impl Into<String>, got: impl Into<String>) -> Verdict<T> {
    fail_by(expected, got, Evidence::default())
}

/// What came, looked at.
#[derive(Debug, Default)]
pub struct Evidence {
    /// The cause that it tells of.
    pub cause: Option<String>,
    /// Where it differs from what was expected: so many columns into what is shown of it.
    pub differs_at: Option<usize>,
}

/// The same, with what the evidence tells by itself.
pub fn fail_by<T>(expected: impl Into<String>, got: impl Into<String>, evidence: Evidence) -> Verdict<T> {
    let (expected, got, at) = (expected.into(), got.into(), Instant::now());
    Err(Halt::Failed(Box::new(Failure { expected, got, hint: None, evidence, at })))
}

/// Goes on only if `holds`.
pub fn ensure(holds: bool, expected: impl Into<String>, got: impl Into<String>) -> Verdict {
    if holds { Ok(()) } else { fail(expected, got) }
}

/// Ends a case without a verdict.
pub fn not_checked<T>(reason: impl Into<String>) -> Verdict<T> {
    Err(Halt::NotChecked(reason.into()))
}

/// Names a likely cause for a step that may fail.
pub trait Likely {
    /// Sets the hint, unless a step further in has set one.
    #[must_use]
    fn likely(self, hint: impl fmt::Display) -> Self;

    /// Sets the hint, whatever a step further in says.
    #[must_use]
    fn rather(self, hint: impl fmt::Display) -> Self;
}

impl<T> Likely for Verdict<T> {
    fn likely(self, hint: impl fmt::Display) -> Self {
        self.map_err(|halt| match halt {
            Halt::Failed(mut failure) if failure.hint.is_none() => {
                failure.hint = Some(hint.to_string());
                Halt::Failed(failure)
            }
            other => other,
        })
    }

    fn rather(mut self, hint: impl fmt::Display) -> Self {
        if let Err(Halt::Failed(failure)) = &mut self {
            failure.hint = Some(hint.to_string());
        }
        self
    }
}

/// What came of a case.
#[derive(Debug)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It doesn't, and this is how it went.
    Failed(Box<Report>),
    /// No verdict, and why.
    NotChecked(String),
}

/// A failed case, to be read by whoever wrote the program.
#[derive(Debug)]
pub struct Report {
    /// The case.
    pub id: &'static str,
    /// What must hold.
    pub title: Text,
    /// The command, who said what, and what came back.
    pub events: Vec<Event>,
    /// What the program was doing, if it was silent.
    pub xray: Vec<Look>,
    /// What should have happened.
    pub expected: String,
    /// What happened.
    pub got: String,
    /// So many columns into that it differs.
    pub differs_at: Option<usize>,
    /// The likely cause.
    pub hint: String,
    /// Where the program was to listen, or whom it was to call.
    pub address: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { id, title, events, expected, got, differs_at, hint, .. } = self;
        writeln!(f, "{id}  {title}\n")?;
        for line in transcript(events).lines() {
            writeln!(f, "    {line}")?;
        }
        f.write_str(&xray::told(&self.xray))?;
        // Under the first byte that differs.
        let label = tr!(zh "实际：", en "Got:      ").chars().map(columns).sum::<usize>();
        let caret = differs_at.map_or(String::new(), |at| format!("\n{}^", " ".repeat(label + at)));
        let verdict = tr!(zh "预期：{expected}\n实际：{got}{caret}\n可能的原因：{hint}",
                          en "Expected: {expected}\nGot:      {got}{caret}\nLikely cause: {hint}");
        writeln!(f, "\n{verdict}")?;
        if events.iter().any(is_cut) || events.len() > MAX_LINES {
            let whole = tr!(zh "“…”处省略的内容，在 --json 的输出里是完整的", en "What … leaves out is whole in the output of --json.");
            writeln!(f, "{whole}")?;
        }
        Ok(())
    }
}
