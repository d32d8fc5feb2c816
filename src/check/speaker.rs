//! What the checker's clients have in common, whatever carries their words; and how they get to know that
//! all are in the room.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use super::log::Log;
use super::verdict::{Verdict, fail};

/// How long a greeting is waited for before it is said again: its hearer may not be in the room yet.
pub(super) const GREETING: Duration = Duration::from_millis(100);

/// A client that the checker plays.
pub trait Speaker {
    /// A, B, C … in the transcript.
    fn name(&self) -> &str;

    /// Its own address, as others should see it.
    fn address(&self) -> SocketAddr;

    /// Says a few words, given without a line break.
    fn say(&mut self, words: &str) -> Verdict;

    /// What comes next must be what `from` said, as the room relays it.
    fn hear_from(&mut self, from: &str, words: &str) -> Verdict;

    /// Reads on until something holds `part`, past whatever else comes. Says whether it came in time.
    fn hears(&mut self, part: &[u8], within: Duration) -> bool;

    /// Keeps what it says and hears out of the transcript, or puts it in again.
    fn set_quiet(&mut self, quiet: bool);

    /// Makes itself known, where being connected isn't enough.
    fn knock(&mut self) -> Verdict {
        Ok(())
    }

    /// What stands before its words: `[ip:port]: `.
    fn prefix(&self) -> String {
        format!("[{}]: ", self.address())
    }
}

/// One says something, the other hears it next.
pub fn relay<M: Speaker>(from: &mut M, to: &mut M, words: &str) -> Verdict {
    from.say(words)?;
    to.hear_from(&from.prefix(), words)
}

/// Lets the first few greet all the others until they have heard it. Nothing is left unread then.
pub fn greet<M: Speaker>(log: &Log, patience: Duration, members: &mut [&mut M], speakers: usize) -> Verdict {
    members.iter_mut().for_each(|member| member.set_quiet(true));
    // Whoever had to knock again was heard by a speaker too: one more time, until nothing is left unread.
    let mut knocked = true;
    while knocked {
        knocked = false;
        for speaker in 0..speakers {
            knocked |= greet_from(patience, speaker, members)?;
        }
    }
    log.note("their greetings have been heard: they are in the room");
    members.iter_mut().for_each(|member| member.set_quiet(false));
    Ok(())
}

/// One greets, again and again, until each of the others has heard the last greeting: nothing is left behind it.
/// Says whether anybody had to knock.
fn greet_from<M: Speaker>(patience: Duration, speaker: usize, members: &mut [&mut M]) -> Verdict<bool> {
    let deadline = Instant::now() + patience;
    let mut inside = vec![false; members.len()];
    for round in 1.. {
        let greeting = format!("{} is here, {round}.", members[speaker].name());
        members[speaker].say(&greeting)?;
        let (mut missing, round_ends) = (None, Instant::now() + GREETING);
        for i in (0..members.len()).filter(|&i| i != speaker) {
            // Who has heard an earlier one will hear this one too, if late.
            let rest = round_ends.saturating_duration_since(Instant::now());
            let wait = if inside[i] { patience } else { rest };
            match members[i].hears(greeting.as_bytes(), wait) {
                true => inside[i] = true,
                false => missing = Some(i),
            }
        }
        match missing {
            None => return Ok(round > 1),
            Some(i) if Instant::now() > deadline => return deaf(members[i].name(), members[speaker].name()),
            Some(i) => {
                members[i].knock()?;
                // Who was turned away hears nothing at once: no reason to hurry.
                thread::sleep(round_ends.saturating_duration_since(Instant::now()));
            }
        }
    }
    Ok(false)
}

/// Somebody hears nothing at all of somebody else.
fn deaf<T>(hearer: &str, speaker: &str) -> Verdict<T> {
    fail(format!("{hearer} gets what {speaker} says"), "nothing of it, however often it was said")
}
