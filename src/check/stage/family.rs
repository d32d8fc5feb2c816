//! The processes of a program, and the sockets that they hold. A program may be a wrapper, as `go run` or `sh -c` are:
//! who listens is another process then. Known from Linux's `/proc`; elsewhere a program is taken for one process.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirEntry};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// A socket of the Internet protocols, as `/proc/net/tcp` shows it.
#[derive(Clone, Copy, Debug)]
pub struct Socket {
    /// The process that holds it.
    pub pid: u32,
    /// Its number.
    pub inode: u64,
    /// Its own address.
    pub local: SocketAddr,
    /// The other side's; port 0 where there is none.
    pub remote: SocketAddr,
    /// It is one for datagrams.
    pub is_udp: bool,
    /// Somebody may come to it: it listens, or receives datagrams.
    pub is_open: bool,
    /// Bytes that were written and that the other side's system hasn't confirmed.
    pub to_send: u64,
    /// Bytes that have come and weren't read. (Of datagrams, the memory that they take.)
    pub unread: u64,
    /// The other side's system takes nothing more, and is asked from time to time whether it does again.
    pub is_stuck: bool,
}

/// The tables, and the state in which a socket of that table waits for whoever comes.
const TABLES: [(&str, &str); 4] = [("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")];

/// A program, all that it has started, and all that is in its process group.
#[must_use]
pub fn processes(program: u32) -> BTreeSet<u32> {
    let all: Vec<Process> = all_processes().collect();
    let mut family = BTreeSet::from([program]);
    loop {
        let belongs = |one: &&Process| one.group == program || family.contains(&one.parent);
        let more: BTreeSet<u32> = all.iter().filter(belongs).map(|one| one.pid).collect();
        let known = family.len();
        family.extend(more);
        if family.len() == known {
            return family;
        }
    }
}

/// Whether somebody is in this process group.
#[must_use]
pub fn has_group(group: u32) -> bool {
    all_processes().any(|one| one.group == group)
}

/// The process group of each process that has this in its environment, as `NAME=value`.
#[must_use]
pub fn marked(variable: &str) -> Vec<u32> {
    let has_it = |one: &Process| {
        let all = fs::read(format!("/proc/{}/environ", one.pid)).unwrap_or_default();
        all.split(|byte| *byte == 0).any(|one| one == variable.as_bytes())
    };
    all_processes().filter(has_it).map(|one| one.group).collect()
}

fn all_processes() -> impl Iterator<Item = Process> {
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| process(&entry))
}

struct Process {
    pid: u32,
    parent: u32,
    group: u32,
}

fn process(entry: &DirEntry) -> Option<Process> {
    let pid = entry.file_name().to_str()?.parse().ok()?;
    let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
    // The name in parentheses may hold blanks: behind it stand the state, the parent and the group.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(1);
    let mut next = || fields.next()?.parse().ok();
    Some(Process { pid, parent: next()?, group: next()? })
}

/// The sockets that a program's processes hold in the checker's own network: where it can be reached.
#[must_use]
pub fn sockets(program: u32) -> Vec<Socket> {
    let owners = owners(program);
    seen_by(std::process::id()).into_iter().filter_map(|socket| owned(socket, &owners)).collect()
}

/// The same in any network: a container, for example, has tables of its own.
#[must_use]
pub fn sockets_anywhere(program: u32) -> Vec<Socket> {
    let owners = owners(program);
    let network = |pid: &u32| (fs::read_link(format!("/proc/{pid}/ns/net")).unwrap_or_default(), *pid);
    let networks: BTreeMap<PathBuf, u32> = owners.values().map(network).collect();
    networks.into_values().flat_map(seen_by).filter_map(|socket| owned(socket, &owners)).collect()
}

fn owned(socket: Socket, owners: &BTreeMap<u64, u32>) -> Option<Socket> {
    Some(Socket { pid: *owners.get(&socket.inode)?, ..socket })
}

/// Which process holds which socket.
fn owners(program: u32) -> BTreeMap<u64, u32> {
    let pids = processes(program).into_iter().rev();
    pids.flat_map(|pid| inodes(pid).map(move |inode| (inode, pid))).collect()
}

/// All sockets in the network of a process, whoever holds them: their `pid` is 0.
#[must_use]
pub fn seen_by(pid: u32) -> Vec<Socket> {
    let table = |(name, waiting): (&'static str, &'static str)| {
        let table = fs::read_to_string(format!("/proc/{pid}/net/{name}")).unwrap_or_default();
        table.lines().skip(1).filter_map(|line| row(line, name, waiting)).collect::<Vec<Socket>>()
    };
    TABLES.into_iter().flat_map(table).collect()
}

fn row(line: &str, table: &str, waiting: &str) -> Option<Socket> {
    /// How a row shows the timer of a closed window.
    const PROBES: &str = "04:";
    /// States in which the other side has said that nothing more will come: CLOSE_WAIT, LAST_ACK, CLOSING.
    const AFTER_THE_END: [&str; 3] = ["08", "09", "0B"];
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (to_send, unread) = fields.get(4)?.split_once(':')?;
    let bytes = |number| u64::from_str_radix(number, 16).ok();
    // The end of what the other side sends counts as a byte.
    let end = u64::from(AFTER_THE_END.contains(fields.get(3)?));
    Some(Socket {
        pid: 0,
        inode: fields.get(9)?.parse().ok()?,
        local: address(fields.get(1)?)?,
        remote: address(fields.get(2)?)?,
        is_udp: table.starts_with("udp"),
        is_open: *fields.get(3)? == waiting,
        to_send: bytes(to_send)?,
        unread: bytes(unread)?.saturating_sub(end),
        is_stuck: fields.get(5)?.starts_with(PROBES),
    })
}

/// The numbers of the sockets that a process has open.
pub fn inodes(pid: u32) -> impl Iterator<Item = u64> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    open.filter_map(|entry| inode(&entry.path()))
}

/// The number of the socket that is open at this place, if it is one.
#[must_use]
pub fn inode(descriptor: &Path) -> Option<u64> {
    let link = fs::read_link(descriptor).ok()?;
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// `0100007F:1F90` is 127.0.0.1:8080: the address in words of four bytes, each as this machine keeps numbers.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let words = (0..ip.len() / 8).map(|i| u32::from_str_radix(ip.get(8 * i..8 * i + 8)?, 16).ok());
    let bytes: Vec<u8> =
        words.collect::<Option<Vec<u32>>>()?.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let ip = match <[u8; 16]>::try_from(&bytes[..]) {
        Ok(bytes) => IpAddr::from(bytes).to_canonical(),
        Err(_) => IpAddr::from(<[u8; 4]>::try_from(&bytes[..]).ok()?),
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    #[test]
    fn sockets_are_found_with_their_addresses() {
        let (Ok(tcp), Ok(udp)) = (TcpListener::bind("127.0.0.1:0"), UdpSocket::bind("127.0.0.1:0")) else {
            panic!("no sockets");
        };
        let open: Vec<SocketAddr> =
            sockets(std::process::id()).iter().filter(|one| one.is_open).map(|one| one.local).collect();
        assert!(tcp.local_addr().is_ok_and(|address| open.contains(&address)), "{open:?}");
        assert!(udp.local_addr().is_ok_and(|address| open.contains(&address)), "{open:?}");
    }

    #[test]
    fn the_end_of_a_connection_is_no_byte() {
        let row_of = |state, unread| {
            let line = format!("0: 0100007F:1F90 0100007F:1F91 {state} 00000000:{unread} 00:0 0 1000 0 77 1");
            row(&line, "tcp", "0A").map(|socket| socket.unread)
        };
        assert_eq!(
            [row_of("01", "1"), row_of("08", "1"), row_of("08", "0"), row_of("08", "6")],
            [1, 0, 0, 5].map(Some)
        );
    }

    #[test]
    fn addresses_are_read_as_the_kernel_writes_them() {
        assert_eq!(address("0100007F:1F90"), Some(SocketAddr::from(([127, 0, 0, 1], 8080))));
        let mapped = "0000000000000000FFFF00000100007F:1F90";
        assert_eq!(address(mapped), Some(SocketAddr::from(([127, 0, 0, 1], 8080))));
    }
}
