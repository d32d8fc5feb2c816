//! What happens while a case is played: one list of events, from which everything is told.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::live::Live;
use super::text::join;
use crate::check::stage::output::contains;
use crate::check::stage::xray::Sight;
use crate::tr;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, since the case began.
    pub at: Duration,
    /// Who does it, or to whom it happens: A, B, the program. Nobody for what the checker says.
    pub who: String,
    /// What.
    pub what: What,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A program is started, by this command.
    Starts(String),
    /// Bytes go to the program under test.
    Sends(Vec<u8>),
    /// Bytes come from it.
    Gets(Vec<u8>),
    /// Text is typed at the program's keyboard.
    Types(Vec<u8>),
    /// The program prints on stdout.
    Prints(Vec<u8>),
    /// The program prints on stderr.
    Warns(Vec<u8>),
    /// Anything else, in the reader's language.
    Says(String),
}

/// Of what a program prints so many bytes become events, on each of its outputs: a program may print without end.
pub const MAX_PRINTED: usize = 4 << 10;

/// So many events are kept. A program that says something without end makes no more of them.
const MAX_EVENTS: usize = 10_000;

/// What a program prints within this time is one event.
const IN_ONE_BREATH: Duration = Duration::from_millis(20);

/// Nobody reads ten thousand lines of a flood: the middle of more events than that is only counted.
pub const MAX_LINES: usize = 200;

/// So many of the first lines of what a program prints at once, and as many of the last.
const MAX_ROWS: usize = 4;

/// Of a long piece of data the beginning says enough.
const MAX_SHOWN: usize = 100;

/// What somebody says, or hears, in one go in a flood: of that there are no events.
#[derive(Clone, Debug)]
pub struct Flow {
    /// Who.
    pub who: String,
    /// It goes to the program under test, and doesn't come from it.
    pub is_said: bool,
    /// When it begins.
    pub from: Duration,
    /// When it ends, or pauses for longer than [`SILENCE`].
    pub until: Duration,
    /// How much it is.
    pub bytes: usize,
}

/// Without anything for so long, there is silence.
pub const SILENCE: Duration = Duration::from_millis(200);

/// So many flows are kept, and so many of the last may still go on: a crowd has more of them than anybody looks at.
const MAX_FLOWS: usize = 1000;
const MAX_FLOWING: usize = 16;

/// All that was written down of a case.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// What happened.
    pub events: Vec<Event>,
    /// What there was besides.
    pub flows: Vec<Flow>,
    /// When the case failed, or was over.
    pub end: Duration,
}

/// The events of a case, shared by all who take part.
#[derive(Clone, Debug)]
pub struct Log {
    start: Instant,
    events: Arc<Mutex<Vec<Event>>>,
    /// How the programs were found at the end.
    found: Arc<Mutex<Vec<Event>>>,
    flows: Arc<Mutex<Vec<Flow>>>,
    /// How many of them are over.
    flowed: Arc<AtomicUsize>,
    /// Who watches.
    live: Option<Arc<Live>>,
    /// What is seen in the programs when they are silent.
    pub sight: Sight,
}

impl Log {
    /// No event yet; time begins now.
    #[must_use]
    pub fn new() -> Self {
        Log {
            start: Instant::now(),
            events: Arc::default(),
            found: Arc::default(),
            flows: Arc::default(),
            flowed: Arc::default(),
            live: None,
            sight: Sight::default(),
        }
    }

    /// The same, for somebody who watches.
    #[must_use]
    pub fn watched(self) -> Self {
        Log { live: Some(Arc::default()), ..self }
    }

    /// Whether somebody does.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.live.is_some()
    }

    /// Adds what happened.
    pub fn add(&self, who: impl ToString, what: What) {
        let event = Event { at: self.start.elapsed(), who: who.to_string(), what };
        let shown = self.live.as_ref().map(|live| (live, event.clone()));
        let mut events = lock(&self.events);
        if events.len() < MAX_EVENTS && !events.last_mut().is_some_and(|last| last.goes_on(&event)) {
            events.push(event);
        }
        drop(events);
        if let Some((live, event)) = shown {
            live.show(&event);
        }
    }

    /// Counts what is said or heard in a flood.
    pub fn flows(&self, who: &str, is_said: bool, bytes: usize) {
        let (at, mut flows) = (self.start.elapsed(), lock(&self.flows));
        let is_it = |one: &&mut Flow| one.who == who && one.is_said == is_said && at < one.until + SILENCE;
        let open = self.flowed.load(Ordering::Relaxed).min(flows.len());
        if let Some(flow) = flows[open..].iter_mut().rev().take(MAX_FLOWING).find(is_it) {
            (flow.until, flow.bytes) = (at, flow.bytes + bytes);
        } else if flows.len() < MAX_FLOWS {
            flows.push(Flow { who: who.to_string(), is_said, from: at, until: at, bytes });
        }
    }

    /// How long nobody has heard anything of the flood that is heard now.
    #[must_use]
    pub fn silence(&self) -> Option<Duration> {
        let last = self.flowing(false).map(|flow| flow.until).max()?;
        Some(self.start.elapsed().saturating_sub(last))
    }

    /// How much was said in it.
    #[must_use]
    pub fn said(&self) -> usize {
        self.flowing(true).map(|flow| flow.bytes).sum()
    }

    fn flowing(&self, is_said: bool) -> impl Iterator<Item = Flow> {
        let open = self.flowed.load(Ordering::Relaxed);
        let flows: Vec<Flow> = lock(&self.flows).iter().skip(open).cloned().collect();
        flows.into_iter().filter(move |flow| flow.is_said == is_said)
    }

    /// Adds what the checker says: a new part of the case.
    pub fn note(&self, what: impl Into<String>) {
        self.flowed.store(lock(&self.flows).len(), Ordering::Relaxed);
        self.add("", What::Says(what.into()));
    }

    /// Adds how a program is found when the case is over, unless that was said already.
    pub fn found(&self, how: String) {
        let said = |event: &Event| matches!(&event.what, What::Says(before) if *before == how);
        if !lock(&self.events).iter().any(said) {
            lock(&self.found).push(Event {
                at: self.start.elapsed(),
                who: String::new(),
                what: What::Says(how),
            });
        }
    }

    /// Whether somebody has sent this, or it was typed.
    #[must_use]
    pub fn was_sent(&self, part: &[u8]) -> bool {
        let holds = |event: &Event| match &event.what {
            What::Sends(bytes) | What::Types(bytes) => contains(bytes, part),
            _ => false,
        };
        lock(&self.events).iter().any(holds)
    }

    /// All of them up to now, or to the moment in which a case failed: what comes after it, as its players leave, is
    /// beside the point.
    #[must_use]
    pub fn events_until(&self, end: Instant) -> Vec<Event> {
        let end = end.saturating_duration_since(self.start);
        let mut events = lock(&self.events).clone();
        events.retain(|event| event.at <= end);
        events.extend(lock(&self.found).iter().filter(|event| event.at > end).cloned());
        events
    }

    /// All of it, up to then.
    #[must_use]
    pub fn record(&self, end: Instant) -> Record {
        let flows = lock(&self.flows).clone();
        Record { events: self.events_until(end), flows, end: end.saturating_duration_since(self.start) }
    }
}

fn lock<T>(events: &Mutex<Vec<T>>) -> MutexGuard<'_, Vec<T>> {
    events.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for Log {
    fn default() -> Self {
        Log::new()
    }
}

impl Event {
    /// Takes in what a program prints right after this: it may print a line in many pieces.
    fn goes_on(&mut self, next: &Event) -> bool {
        let soon = self.who == next.who && next.at.saturating_sub(self.at) < IN_ONE_BREATH;
        match (&mut self.what, &next.what) {
            (What::Prints(all), What::Prints(more)) | (What::Warns(all), What::Warns(more)) if soon => {
                all.extend_from_slice(more);
                true
            }
            _ => false,
        }
    }
}

impl fmt::Display for Event {
    /// One line: `  0.310  A → "hello\n"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = &self.who;
        write!(f, "{:7.3}  ", self.at.as_secs_f64())?;
        match &self.what {
            What::Starts(command) => write!(f, "$ {command}"),
            What::Sends(bytes) => write!(f, "{who} → {}", show(bytes)),
            What::Gets(bytes) => write!(f, "{who} ← {}", show(bytes)),
            What::Types(bytes) => write!(f, "{who} ⌨ {}", show(bytes)),
            What::Prints(bytes) => f.write_str(&lines(&format!("{who} |"), bytes)),
            What::Warns(bytes) => f.write_str(&lines(&format!("{who} !"), bytes)),
            What::Says(what) if who.is_empty() => write!(f, "{what}"),
            What::Says(what) => f.write_str(&join(who, what)),
        }
    }
}

/// All events, a line each; the middle of very many left out.
#[must_use]
pub fn transcript(events: &[Event]) -> String {
    let lines = |events: &[Event]| events.iter().map(|event| format!("{event}\n")).collect::<String>();
    if events.len() <= MAX_LINES {
        return lines(events);
    }
    let left_out = events.len() - MAX_LINES;
    let (head, tail) = (&events[..MAX_LINES / 2], &events[events.len() - MAX_LINES / 2..]);
    let gap = tr!(zh "… 省略了 {left_out} 个事件 …", en "… {left_out} events left out …");
    format!("{}         {gap}\n{}", lines(head), lines(tail))
}

/// What a program printed, a row for each line; the middle of many left out.
fn lines(lane: &str, bytes: &[u8]) -> String {
    let all: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
    let left_out = all.len().saturating_sub(2 * MAX_ROWS);
    let (head, tail) = all.split_at(if left_out > 0 { MAX_ROWS } else { all.len() });
    let mut rows: Vec<String> = head.iter().map(|line| show(line)).collect();
    if left_out > 0 {
        rows.push(tr!(zh "…（省略 {left_out} 行）", en "… ({left_out} lines left out)"));
        rows.extend(tail[left_out..].iter().map(|line| show(line)));
    }
    let next_row = format!("\n         {lane} ");
    format!("{lane} {}", rows.join(&next_row))
}

/// Bytes as a reader wants to see them: quoted, control characters visible, long ones cut.
#[must_use]
pub fn show(bytes: &[u8]) -> String {
    show_up_to(bytes, MAX_SHOWN)
}

/// The same, cut at another length.
#[must_use]
pub fn show_up_to(bytes: &[u8], most: usize) -> String {
    let head = &bytes[..bytes.len().min(most)];
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.chars().take(most).flat_map(char::escape_debug).collect(),
        Err(_) => head.escape_ascii().to_string(),
    };
    let text = text.replace("\\'", "'");
    let len = bytes.len();
    if len > most {
        tr!(zh "\"{text}…\"（{len} 字节）", en "\"{text}…\" ({len} bytes)")
    } else {
        format!("\"{text}\"")
    }
}

/// Whether [`show`] leaves out some of it.
#[must_use]
pub fn is_cut(event: &Event) -> bool {
    match &event.what {
        What::Sends(bytes) | What::Gets(bytes) | What::Types(bytes) => bytes.len() > MAX_SHOWN,
        What::Prints(bytes) | What::Warns(bytes) => {
            let mut lines = bytes.split_inclusive(|&byte| byte == b'\n');
            lines.clone().count() > 2 * MAX_ROWS || lines.any(|line| line.len() > MAX_SHOWN)
        }
        What::Starts(_) | What::Says(_) => false,
    }
}

/// Where `heard` differs from `wanted`, as columns into what [`show`] makes of it. `None` where that is cut before.
#[must_use]
pub fn differs_at(wanted: &[u8], heard: &[u8]) -> Option<usize> {
    let mut same = wanted.iter().zip(heard).take_while(|(wanted, heard)| wanted == heard).count();
    while std::str::from_utf8(heard).is_ok_and(|text| !text.is_char_boundary(same)) {
        same -= 1; // a character is one sign
    }
    let shown = show(&heard[..same]);
    // Both as text, or both as bytes: else what is before the place looks different.
    let alike = std::str::from_utf8(&heard[..same]).is_ok() && heard[..same].is_ascii()
        || std::str::from_utf8(heard).is_ok();
    (alike && same < MAX_SHOWN).then(|| shown.chars().map(columns).sum::<usize>() - 1)
}

/// How many columns a character takes on a terminal, for a caret below it: those of Chinese take two.
#[must_use]
pub fn columns(c: char) -> usize {
    1 + usize::from(c >= '\u{1100}')
}

#[cfg(test)]
mod tests {
    use super::differs_at;

    #[test]
    fn the_caret_stands_under_the_first_byte_that_differs() {
        assert_eq!(differs_at(b"[a]: hello\n", b"[a]: hallo\n"), Some(7)); // "[a]: hallo\n"
        assert_eq!(differs_at("\u{597d}b".as_bytes(), "\u{597d}c".as_bytes()), Some(3));
        assert_eq!(differs_at(b"line\n", b"line"), Some(5));
        assert_eq!(differs_at(&[b'x'; 300], &[b'x'; 299]), None);
    }
}
