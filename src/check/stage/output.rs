//! What a program prints, kept while it runs.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What is kept of an output, in bytes: more than any program of a chat prints in one case.
const MAX_KEPT: usize = 64 << 20;

/// One output of a program: a thread reads it, so the program never waits for the checker, unless told to.
#[derive(Clone, Debug)]
pub struct Output {
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    ended: bool,
    gate: Gate,
}

/// Whether the reader reads.
#[derive(Debug, Default, PartialEq)]
enum Gate {
    #[default]
    Open,
    Stalled,
    Closed,
}

impl Output {
    /// Starts to read.
    #[must_use]
    pub fn capture(
        source: Option<impl Read + Send + 'static>,
        note: impl FnMut(&[u8]) + Send + 'static,
    ) -> Self {
        let output = Output { shared: Arc::default() };
        let reader = output.clone();
        match source {
            Some(source) => drop(thread::spawn(move || reader.fill(source, note))),
            None => reader.lock().ended = true,
        }
        output
    }

    fn fill(&self, mut source: impl Read, mut note: impl FnMut(&[u8])) {
        let mut chunk = vec![0; 64 * 1024];
        while let Ok(n @ 1..) = source.read(&mut chunk) {
            note(&chunk[..n]);
            self.keep(&chunk[..n]);
            self.shared.1.notify_all();
            let may_go_on = |state: &mut State| state.gate == Gate::Stalled;
            let state =
                self.shared.1.wait_while(self.lock(), may_go_on).unwrap_or_else(PoisonError::into_inner);
            if state.gate == Gate::Closed {
                break;
            }
        }
        drop(source); // Before saying so: who waits for the end wants the pipe closed.
        self.lock().ended = true;
        self.shared.1.notify_all();
    }

    /// Of a program that prints without end, what comes after [`MAX_KEPT`] is not kept.
    fn keep(&self, piece: &[u8]) {
        let mut state = self.lock();
        let room = MAX_KEPT.saturating_sub(state.bytes.len());
        state.bytes.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, gate: Gate) {
        self.lock().gate = gate;
        self.shared.1.notify_all();
    }

    /// Stops reading after the next piece, like a pager or Ctrl-S.
    pub fn stall(&self) {
        self.set(Gate::Stalled);
    }

    /// Reads on.
    pub fn resume(&self) {
        self.set(Gate::Open);
    }

    /// Closes the pipe after the next piece, like a `head` that has seen enough.
    pub fn close(&self) {
        self.set(Gate::Closed);
    }

    /// Waits until `found` says so of all that was printed, or the output ends, or time is up. Says what `found` said.
    pub fn wait_for(&self, patience: Duration, found: impl Fn(&[u8]) -> bool) -> bool {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        while !found(&state.bytes) {
            let left = deadline.saturating_duration_since(Instant::now());
            if state.ended || left.is_zero() {
                return false;
            }
            state = self.shared.1.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Waits for the end of this output.
    #[must_use]
    pub fn wait_for_end(&self, patience: Duration) -> bool {
        self.wait_for(patience, |_| false);
        self.lock().ended
    }

    /// All that was printed so far.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.lock().bytes.clone()
    }

    /// How much of it that is.
    #[must_use]
    pub fn size(&self) -> usize {
        self.lock().bytes.len()
    }

    /// The same as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.lock().bytes).into_owned()
    }
}

/// Whether `part` stands in `bytes`.
#[must_use]
pub fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len().max(1)).any(|window| window == part)
}
