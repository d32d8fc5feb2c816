//! A look into a program that is silent: in which system call each of its threads is, for whom it waits, and what lies
//! unread. Linux shows that of programs of one's own; elsewhere nothing is said.

mod says;
mod sight;
mod thread;

use std::net::SocketAddr;

pub use says::{lines, told};
pub use sight::Sight;
use thread::{Runtime, Thread, made_of, threads};

use super::family::{self, Socket};

/// What was found: a thread; or a connection on which no thread is seen to wait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Which of the program's threads, and its name if it has one: `3`, `3 (worker)`, `3 (worker) of process 47`.
    pub thread: String,
    /// Of a thread `runs`, `waits` or `stopped`. Of a connection `full` when the other side takes nothing more, and
    /// `unread` when the program reads nothing.
    pub state: String,
    /// The system call in which it waits, by C's name.
    pub call: String,
    /// Whom it waits for: a role, or an address, or `stdin`, `stdout`, `stderr`.
    pub peer: String,
    /// Bytes that were sent on that connection and lie unread, in both systems' buffers.
    pub unread: Option<u64>,
    /// The threads that it waits for. If it isn't for their end, that is a conclusion.
    pub waits_for: String,
    /// All that in words.
    pub says: String,
}

/// Where there are several processes, a thread's number goes on with this.
const OF_PROCESS: &str = " of process ";

/// System calls that wait until the other side takes what is written, and those that wait for it to come.
const SENDS: [&str; 6] = ["send", "write", "sendmsg", "writev", "sendmmsg", "sendfile"];
const READS: [&str; 5] = ["recv", "read", "recvmsg", "readv", "recvmmsg"];

/// What a program calls its keyboard.
const STDIN: &str = "stdin";

/// Looks into programs (by their process ids), whose peers are known by their addresses.
#[must_use]
pub fn looks(programs: &[u32], roles: &[(String, SocketAddr)]) -> Vec<Look> {
    programs.iter().flat_map(|program| looks_into(*program, roles)).collect()
}

fn looks_into(program: u32, roles: &[(String, SocketAddr)]) -> Vec<Look> {
    let mut sockets = twice(|| family::sockets_anywhere(program));
    sockets.sort_by_key(|socket| socket.inode);
    sockets.dedup_by_key(|socket| socket.inode);
    let view = View { sockets: &sockets, all: twice(|| family::seen_by(std::process::id())), roles };
    let processes = view.processes(program);
    let threads = processes.iter().flat_map(|of| of.threads.iter().map(|one| view.of_thread(one, of)));
    let found: Vec<Look> = threads.chain(view.connections(&processes)).collect();
    // Of others' programs the system shows that they are there, and no more.
    let may_look = found.iter().any(|look| !look.call.is_empty() || look.state != "waits");
    if may_look { found } else { vec![] }
}

/// While others come and go, a row may stand in the system's table twice, or be missing.
fn twice(read: impl Fn() -> Vec<Socket>) -> Vec<Socket> {
    [read(), read()].concat()
}

/// What is known besides.
struct View<'a> {
    /// The program's sockets.
    sockets: &'a [Socket],
    /// All that the checker sees, its own among them.
    all: Vec<Socket>,
    roles: &'a [(String, SocketAddr)],
}

/// A process that holds sockets, or that may be about to.
struct Process<'a> {
    id: u32,
    runtime: Runtime,
    threads: Vec<Standing<'a>>,
}

/// A thread of a process, and the socket that its call is about.
struct Standing<'a> {
    /// `3`, or `3 of process 47`.
    number: String,
    thread: Thread,
    socket: Option<&'a Socket>,
    /// Whom it waits for.
    peer: String,
}

impl Standing<'_> {
    fn is_in(&self, calls: &[&str]) -> bool {
        self.thread.call.as_ref().is_some_and(|call| calls.contains(&call.name.as_str()))
    }

    /// The system shows in which call it waits, and that is one of those whose meaning is known.
    fn is_known_to_wait(&self) -> bool {
        self.thread.call.as_ref().is_some_and(|call| !call.name.is_empty())
    }
}

impl View<'_> {
    fn processes(&self, program: u32) -> Vec<Process<'_>> {
        let is_its = |inode| self.sockets.iter().any(|socket| socket.inode == inode);
        let family = family::processes(program);
        let mut ids: Vec<u32> =
            family.iter().copied().filter(|pid| family::inodes(*pid).any(is_its)).collect();
        if ids.is_empty() {
            ids.extend(family); // before it has a socket, or without one
        }
        ids.iter().map(|pid| self.process(*pid, ids.len() > 1)).collect()
    }

    fn process(&self, id: u32, is_one_of_many: bool) -> Process<'_> {
        let (machine, runtime) = made_of(id);
        let of = if is_one_of_many { format!("{OF_PROCESS}{id}") } else { String::new() };
        let standing = |(at, thread)| self.standing(id, format!("{}{of}", at + 1), thread);
        Process { id, runtime, threads: threads(id, machine).into_iter().enumerate().map(standing).collect() }
    }

    /// Those on which something lies unread, and no thread is seen to write.
    fn connections(&self, processes: &[Process<'_>]) -> Vec<Look> {
        let threads = || processes.iter().flat_map(|process| &process.threads);
        let senders: Vec<&Standing<'_>> = threads().filter(|one| one.is_in(&SENDS)).collect();
        let may_write = !senders.is_empty() || !threads().all(Standing::is_known_to_wait);
        let has_writer = |socket: &Socket| {
            senders.iter().any(|one| one.socket.is_some_and(|its| its.inode == socket.inode))
        };
        let silent = self.sockets.iter().filter(|socket| !has_writer(socket));
        let look = |socket: &Socket| {
            let holder = processes.iter().find(|process| process.id == socket.pid);
            let runtime = holder.map_or(Runtime::Other, |process| process.runtime);
            self.of_socket(socket, &says::unseen_writer(runtime, may_write))
        };
        silent.filter_map(look).collect()
    }

    fn standing(&self, pid: u32, number: String, thread: Thread) -> Standing<'_> {
        const STANDARD: [&str; 3] = [STDIN, "stdout", "stderr"];
        let about =
            thread.call.as_ref().filter(|call| [&SENDS[..], &READS].concat().contains(&call.name.as_str()));
        let descriptor = about.and_then(|call| call.args.first().copied());
        let inode = descriptor.and_then(|fd| family::inode(format!("/proc/{pid}/fd/{fd}").as_ref()));
        let socket = self.sockets.iter().find(|socket| Some(socket.inode) == inode);
        let standard = descriptor.and_then(|fd| STANDARD.get(usize::try_from(fd).ok()?));
        let peer = match (socket, standard) {
            (Some(socket), _) => self.whose(socket),
            (None, Some(name)) => (*name).to_string(),
            (None, None) => String::new(),
        };
        Standing { number, thread, socket, peer }
    }

    /// Who is at the other end.
    fn whose(&self, socket: &Socket) -> String {
        match self.roles.iter().rfind(|(_, address)| *address == socket.remote) {
            Some((name, _)) => name.clone(),
            None if socket.remote.port() == 0 => String::new(),
            None => socket.remote.to_string(),
        }
    }

    /// The other end itself, if it is on this machine, in the checker's network or the program's own.
    fn other_end(&self, socket: &Socket) -> Option<&Socket> {
        self.all.iter().chain(self.sockets).find(|one| {
            one.is_udp == socket.is_udp && one.local == socket.remote && one.remote == socket.local
        })
    }

    /// What the program has written there and the other side hasn't read.
    fn unread(&self, socket: &Socket) -> u64 {
        socket.to_send + self.other_end(socket).map_or(0, |other| other.unread)
    }

    fn of_thread(&self, one: &Standing<'_>, of: &Process<'_>) -> Look {
        let sends = one.is_in(&SENDS);
        let unread = one.socket.filter(|socket| sends && !socket.is_udp).map(|socket| self.unread(socket));
        let name = if one.thread.name.is_empty() { String::new() } else { format!(" ({})", one.thread.name) };
        let (number, process) = one.number.split_at(one.number.find(' ').unwrap_or(one.number.len()));
        let (waits_for, says) = says::of_thread(one, of, unread);
        Look {
            thread: format!("{number}{name}{process}"),
            state: one.thread.state.to_string(),
            call: one.thread.call.as_ref().map_or(String::new(), |call| call.name.clone()),
            peer: one.peer.clone(),
            unread,
            waits_for,
            says,
        }
    }

    /// A connection on which something lies unread: what the program wrote, or what it should read.
    fn of_socket(&self, socket: &Socket, why: &str) -> Option<Look> {
        let peer = self.whose(socket);
        let (state, unread) = match socket {
            Socket { is_open: true, .. } | Socket { is_udp: true, .. } => return None,
            Socket { is_stuck: true, .. } => ("full", self.unread(socket)),
            Socket { unread: 0, .. } => return None,
            _ => ("unread", socket.unread + self.other_end(socket).map_or(0, |other| other.to_send)),
        };
        let says = says::of_socket(state, &peer, unread, why);
        Some(Look { state: state.to_string(), peer, unread: Some(unread), says, ..Look::default() })
    }
}
