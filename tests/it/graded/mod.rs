//! The grader is graded: each deliberately faulty program (tests/faulty) is blamed for what it does, all of it, and
//! for nothing else; what is told of it is told as stored, in both languages; and nothing that the checker may say is
//! never said.
//!
//! All of it takes minutes, so most of it runs only where the environment asks for it:
//!
//! ```sh
//! CHATROOM_GRADED=1 cargo test --test it graded -- --nocapture             # every kind
//! CHATROOM_GRADED=ws-server cargo test --test it graded -- --nocapture     # some kinds, with commas between them
//! CHATROOM_BLESS=1 CHATROOM_GRADED=1 cargo test --test it graded           # store what comes as what must come
//! ```
//!
//! What is stored stands under tests/graded. Two marks there are put by hand, and stay: `~` before a case that may come
//! out either way, and behind a report's head before what of it is never twice the same.

mod causes;
mod commands;
mod messages;
mod more;
mod notes;
pub mod reports;
mod sets;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::{env, fs, thread};

use chatroom::check::Kind;

/// Whether the environment asks for all that there is about this kind.
fn is_asked_for(kind: Kind) -> bool {
    let asked = env::var("CHATROOM_GRADED").unwrap_or_default();
    asked == "1" || asked.split(',').any(|name| name == kind.to_string())
}

/// Whether what comes is to be stored, not compared.
fn blesses() -> bool {
    env::var_os("CHATROOM_BLESS").is_some()
}

/// A stored file.
fn stored(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/graded").join(name)
}

/// Does the same with all, some of them at a time. What came of each, in their order.
fn with_all<T: Send, R: Send>(
    all: impl IntoIterator<Item = T>,
    at_once: usize,
    does: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let queue: Mutex<VecDeque<_>> = Mutex::new(all.into_iter().enumerate().collect());
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let Some((at, one)) = queue.lock().unwrap().pop_front() else { break };
                    let result = does(one);
                    done.lock().unwrap().push((at, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Starts a test of this module again, in another language. What it wrote to the file whose name it finds in the first
/// of these variables.
fn again_in(language: &str, test: &str, variables: &[(&str, &str)]) -> String {
    let (file, more) = variables.split_first().unwrap();
    let path = env::temp_dir().join(format!("chatroom-{}-{}-{language}", std::process::id(), file.0));
    let ran = Command::new(env::current_exe().unwrap())
        .args(["--exact", &format!("graded::{test}")])
        .env("LC_ALL", language)
        .env(file.0, &path)
        .envs(more.iter().copied())
        .output()
        .unwrap();
    assert!(
        ran.status.success(),
        "{}:\n{}",
        ran.status,
        String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat())
    );
    let told = fs::read_to_string(&path).unwrap();
    let _ = fs::remove_file(&path);
    told
}
