//! A program's threads, and the system calls in which they are, as Linux shows them.

use std::fs::{self, File};
use std::io::Read;
use std::thread::sleep;
use std::time::Duration;

/// A thread, as it was found.
#[derive(Debug)]
pub(super) struct Thread {
    pub(super) id: u32,
    /// Its name, where it isn't just the program's.
    pub(super) name: String,
    /// One word: what the system says of it.
    pub(super) state: &'static str,
    /// Where it waits, and what for.
    pub(super) call: Option<Call>,
}

/// A system call by the name that C has for it, and what it was given.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) args: Vec<u64>,
}

/// What a program is made of, as far as it changes what its threads tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runtime {
    /// Goroutines aren't threads.
    Go,
    /// Has many threads of its own.
    Java,
    /// Lets one thread run at a time.
    Python,
    /// Never waits for a socket.
    Node,
    Other,
}

/// System calls in which programs wait: their names, and their numbers on `x86_64` and on `aarch64`.
const CALLS: [(&str, &[u64], &[u64]); 21] = [
    ("read", &[0], &[63]),
    ("write", &[1], &[64]),
    ("readv", &[19], &[65]),
    ("writev", &[20], &[66]),
    ("send", &[44], &[206]),
    ("recv", &[45], &[207]),
    ("sendmsg", &[46], &[211]),
    ("recvmsg", &[47], &[212]),
    ("recvmmsg", &[299], &[243]),
    ("sendmmsg", &[307], &[269]),
    ("sendfile", &[40], &[71]),
    ("accept", &[43, 288], &[202, 242]),
    ("connect", &[42], &[203]),
    ("futex", &[202], &[98]),
    ("poll", &[7, 271], &[73]),
    ("select", &[23, 270], &[72]),
    ("epoll_wait", &[232, 281, 441], &[22, 441]),
    ("sleep", &[35, 230], &[101, 115]),
    ("wait", &[61, 247], &[95, 260]),
    ("io_uring_enter", &[426], &[426]),
    ("sigwait", &[128], &[137]),
];

/// Where the kernel itself waits, for who can't see system calls: parts of names, and the call that it is.
const PLACES: [(&str, &str); 6] = [
    ("futex", "futex"),
    ("csk_accept", "accept"),
    ("nanosleep", "sleep"),
    ("poll_schedule", "poll"),
    ("ep_poll", "epoll_wait"),
    ("epoll_wait", "epoll_wait"),
];

/// The main thread first, then the others as they came.
pub(super) fn threads(pid: u32, machine: u16) -> Vec<Thread> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let mut ids: Vec<u32> = tasks.filter_map(|task| task.file_name().to_str()?.parse().ok()).collect();
    ids.sort_by_key(|id| (*id != pid, *id));
    let common = read(pid, pid, "comm").unwrap_or_default();
    ids.into_iter().filter_map(|id| thread(pid, id, machine, &common)).collect()
}

fn read(pid: u32, id: u32, file: &str) -> Option<String> {
    Some(fs::read_to_string(format!("/proc/{pid}/task/{id}/{file}")).ok()?.trim_end().to_string())
}

fn thread(pid: u32, id: u32, machine: u16, common: &str) -> Option<Thread> {
    let name = read(pid, id, "comm").filter(|name| name != common).unwrap_or_default();
    let name = name.escape_debug().to_string(); // a program calls its threads what it likes
    let (state, call) = standing(pid, id)?;
    let call = match call {
        Some(text) => call_of(&text, machine),
        None => read(pid, id, "wchan").and_then(|place| by_place(&place)),
    };
    Some(Thread { id, name, state, call: call.filter(|_| state == "waits") })
}

/// Its state, and the text about its system call, where one may see that. Who only woke for a moment waits again soon;
/// what changes between two looks is moving.
fn standing(pid: u32, id: u32) -> Option<(&'static str, Option<String>)> {
    const TRIES: usize = 3;
    const MOMENT: Duration = Duration::from_millis(2);
    for _ in 0..TRIES {
        let before = read(pid, id, "syscall");
        let state = state(&read(pid, id, "stat")?)?;
        if state != "runs" && before == read(pid, id, "syscall") {
            return Some((state, before));
        }
        sleep(MOMENT);
    }
    Some(("runs", None))
}

fn state(stat: &str) -> Option<&'static str> {
    match stat.rsplit_once(')')?.1.trim_start().chars().next()? {
        'R' => Some("runs"),
        'T' | 't' => Some("stopped"),
        'S' | 'D' => Some("waits"),
        _ => None, // it has ended
    }
}

/// `44 0x9 0x7f380c004920 …`, a number and its arguments.
fn call_of(text: &str, machine: u16) -> Option<Call> {
    let mut words = text.split_whitespace();
    let number: u64 = words.next()?.parse().ok()?;
    let args = words.filter_map(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok()).collect();
    let numbers = |call: &&(_, &[u64], &[u64])| match machine {
        X86_64 => call.1.contains(&number),
        AARCH64 => call.2.contains(&number),
        _ => false,
    };
    let name = CALLS.iter().find(numbers).map_or(String::new(), |call| call.0.to_string());
    Some(Call { name, args })
}

fn by_place(place: &str) -> Option<Call> {
    let (_, name) = PLACES.iter().find(|(part, _)| place.contains(part))?;
    Some(Call { name: (*name).to_string(), args: vec![] })
}

const X86_64: u16 = 62;
const AARCH64: u16 = 183;

/// What machine a process was built for (as ELF numbers them; 0 if it isn't one of 64 bits), and what it is made of.
pub(super) fn made_of(pid: u32) -> (u16, Runtime) {
    let mut head = Vec::new();
    let file = format!("/proc/{pid}/exe");
    let _ = File::open(&file).and_then(|exe| exe.take(32 << 10).read_to_end(&mut head));
    let machine = match head.get(..20) {
        Some([0x7f, b'E', b'L', b'F', 2, .., low, high]) => u16::from_le_bytes([*low, *high]),
        _ => 0,
    };
    let name = fs::read_link(&file).ok().and_then(|path| Some(path.file_name()?.to_str()?.to_string()));
    (machine, runtime(&head, &name.unwrap_or_default()))
}

fn runtime(head: &[u8], name: &str) -> Runtime {
    const GO_NOTE: &[u8] = b"\x04\0\0\0Go\0\0"; // the type and the owner of the note that holds its build id
    let named = [("java", Runtime::Java), ("python", Runtime::Python), ("node", Runtime::Node)];
    match named.into_iter().find(|(start, _)| name.starts_with(start)) {
        Some((_, runtime)) => runtime,
        None if head.windows(GO_NOTE.len()).any(|part| part == GO_NOTE) => Runtime::Go,
        None => Runtime::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_known_by_its_number_on_its_machine() {
        let named = |text, machine| call_of(text, machine).map(|call| call.name);
        assert_eq!(named("44 0x9 0x0 0x413 0x4000 0x0 0x0 0x7f 0x7f", X86_64).as_deref(), Some("send"));
        assert_eq!(named("206 0x9 0x0 0x413 0x4000 0x0 0x0 0x7f 0x7f", AARCH64).as_deref(), Some("send"));
        assert_eq!(named("44 0x9 0x0", 0).as_deref(), Some(""));
        assert_eq!(named("running", X86_64), None);
        assert_eq!(by_place("futex_wait_queue").map(|call| call.name).as_deref(), Some("futex"));
    }

    #[test]
    fn a_runtime_is_known_by_its_name_or_its_note() {
        assert_eq!(runtime(b"..\x04\0\0\0S\0\0\0\x04\0\0\0Go\0\0..", "server"), Runtime::Go);
        assert_eq!(runtime(b"..", "python3.11"), Runtime::Python);
        assert_eq!(runtime(b"..", "server"), Runtime::Other);
    }
}
