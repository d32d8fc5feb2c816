//! The rooms next door: what the notes don't have. A deadline, a limit, a last word, printing that
//! can't stall. They are called from the notes' lines in [`crate::tcp`], [`crate::udp`] and
//! [`crate::ws`], and don't hide them.

pub mod address;
pub mod broker;
pub mod browser;
pub mod door;
pub mod farewell;
pub mod foreign;
pub mod html;
pub mod http;
pub mod keyboard;
pub mod lang;
pub mod lines;
pub mod members;
pub mod messages;
pub mod nats;
pub mod patience;
pub mod print;
pub mod request;
pub mod room;
pub mod silence;
pub mod stop;
pub mod terminal;
pub mod trouble;
pub mod typing;
pub mod upgrade;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks. Nothing that we do under a lock can panic; should it happen all the same, what the lock
/// protects is still whole, and the room goes on.
// ANCHOR: lock
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
// ANCHOR_END: lock
