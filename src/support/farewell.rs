//! The last that somebody hears from us: who is one too many, or must go (D2, D8, D26).

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use super::stop;
use crate::tr;

/// How long, and for how many bytes, we still listen to whom we have told our last word. Closing
/// a socket with unread input resets the connection, and that may destroy what we just sent; but
/// listening without end would let a flooder stay.
const LAST_WORD_TIME: Duration = Duration::from_secs(1);
const LAST_WORD_BYTES: usize = 1 << 20;

/// The same for one too many, which the door waits for: what a newcomer says at once comes at once.
const REFUSAL_TIME: Duration = Duration::from_millis(20);

/// What one too many is told.
pub fn room_is_full() -> String {
    tr!(zh "[Server]: 聊天室已满，请稍后再来\n", en "[Server]: the room is full, please come back later\n")
}

/// Turns one too many away.
pub fn turn_away(conn: &TcpStream, word: &[u8]) {
    say_within(REFUSAL_TIME, conn, word);
}

/// Says the last word to somebody: writes it, closes the sending side, and reads on for a while, until
/// the other side closes too.
pub fn last_word(conn: &TcpStream, word: &[u8]) {
    say_within(LAST_WORD_TIME, conn, word);
}

fn say_within(time: Duration, mut conn: &TcpStream, word: &[u8]) {
    let _ = conn.set_write_timeout(Some(time));
    if conn.write_all(word).is_err() || conn.shutdown(Shutdown::Write).is_err() {
        return;
    }
    let deadline = Instant::now() + time;
    let mut thrown_away = 0;
    let mut buffer = [0; 4096];
    while thrown_away < LAST_WORD_BYTES && !stop::requested() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || conn.set_read_timeout(Some(left)).is_err() {
            return;
        }
        match conn.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(read) => thrown_away += read,
        }
    }
}
