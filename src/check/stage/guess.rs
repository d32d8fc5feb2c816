//! What a wrong answer tells about the program that gave it, whatever the case is about.

use std::fs;
use std::net::SocketAddr;

use super::family;
use super::frame::{BINARY, FIN, Frame, KEY, TEXT};
use super::output::contains;
use super::speaker::{Heard, Role};
use crate::check::telling::text::Text;
use crate::{text, tr};

/// The sign for bytes that couldn't be decoded, in UTF-8.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// What it tells that this came, or this part of a line, and not what was wanted. `own` stands before what the hearer
/// says itself.
pub fn cause(wanted: &Heard, heard: &Heard, unfinished: &[u8], own: &str) -> Option<String> {
    match (wanted, heard) {
        (Heard::Words(wanted), Heard::Words(heard)) => of_words(wanted, heard, own),
        (Heard::Words(wanted), Heard::Nothing) => of_nothing(wanted, unfinished).map(String::from),
        (Heard::Words(_) | Heard::Frame(_), Heard::Frame(frame)) => of_frame(wanted, frame).map(String::from),
        _ => None,
    }
}

fn of_words(wanted: &[u8], heard: &[u8], own: &str) -> Option<String> {
    let (text, ended) = (without_break(wanted), without_break(heard));
    let is_echo = wanted.starts_with(own.as_bytes()); // an exercise gives each line back
    let told = if heard.starts_with(own.as_bytes()) && !is_echo {
        text!(zh "发言又回到了发言的人那里：广播时跳过它来自的那个连接",
              en "what one says comes back to oneself: leave out the one it came from")
    } else if heard.contains(&0) && !wanted.contains(&0) {
        WHOLE_BUFFER
    } else if text.split(|byte| *byte == 0).next() == Some(ended) && ended.len() < text.len() {
        text!(zh "内容到字节 0 就断了：strlen 和 %s 都停在那里，长度要用 read 返回的那个",
              en "it ends at a byte 0: strlen and %s stop there, so go by the length that read returned")
    } else if contains(heard, REPLACEMENT) && !contains(wanted, REPLACEMENT) {
        DECODED
    } else if heard.strip_suffix(b"\n") == Some(wanted) {
        text!(zh "换行也一起发了：一条消息就是一行，不带换行",
              en "the words are sent with their line break: a message is a line without it")
    } else if is_masked(text, ended) {
        text!(zh "客户端的掩码没有去掉：每个字节都要与掩码的四个字节轮流异或（RFC 6455，5.3 节）",
              en "the client's mask isn't taken off: XOR each byte with the mask's four bytes in turn (RFC 6455, 5.3)")
    } else if contains(heard, b"::ffff:") {
        text!(zh "在 IPv6 和 IPv4 共用的套接字上，系统把 1.2.3.4 显示成 ::ffff:1.2.3.4：打印之前要还原成 IPv4 地址",
              en "on a socket for IPv6 and IPv4 the system shows 1.2.3.4 as ::ffff:1.2.3.4: print the canonical address")
    } else if text == heard && heard.len() < SHORT {
        NO_BREAK
    } else if ended.strip_suffix(b"\r") == Some(text) {
        text!(zh "行尾是 \\r\\n，应当只有 \\n", en "the line ends with \\r\\n, and should with \\n alone")
    } else if is_echo && text == own.as_bytes() && ended.starts_with(text) {
        text!(zh "说的是一个空行，回来的却还有前面的内容：读下一行之前，先把放一行的地方清空（Rust 是 line.clear()）",
              en "what was said is an empty line, and words from before come along: empty the room for a line before \
                  the next is read (in Rust with line.clear())")
    } else if is_trimmed(text, ended) {
        text!(zh "开头或末尾的空白（空格、\\t、\\r）被去掉了：只去掉换行符",
              en "blanks (spaces, \\t, \\r) at the beginning or the end are cut off: take off the line break alone")
    } else {
        return wrong_prefix(text, ended);
    };
    Some(told.to_string())
}

/// Where the words begin behind `[ip:port]: `.
fn start_of_words(line: &[u8]) -> Option<usize> {
    line.windows(3).position(|three| three == b"]: ").map(|at| at + 3)
}

/// Whether the words come as they do inside a client's frame.
fn is_masked(wanted: &[u8], heard: &[u8]) -> bool {
    let (prefix, words) = wanted.split_at(start_of_words(wanted).unwrap_or_default());
    let masked = words.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key);
    !words.is_empty() && heard.strip_prefix(prefix).is_some_and(|heard| masked.eq(heard.iter().copied()))
}

/// Whether the words differ by blanks around them alone.
fn is_trimmed(wanted: &[u8], heard: &[u8]) -> bool {
    let (prefix, words) = wanted.split_at(start_of_words(wanted).unwrap_or_default());
    let kept = heard.strip_prefix(prefix).filter(|kept| kept.len() < words.len());
    kept.is_some_and(|kept| kept.trim_ascii() == words.trim_ascii())
}

/// The words are right, and what stands before them isn't.
fn wrong_prefix(wanted: &[u8], heard: &[u8]) -> Option<String> {
    let (prefix, words) = wanted.split_at(start_of_words(wanted)?);
    if words.is_empty()
        || heard == words
        || !heard.ends_with(words)
        || heard.starts_with(prefix)
        || heard.ends_with(wanted)
    {
        // Alone, the prefix may have been sent by itself.
        let alone = heard == prefix && !words.is_empty();
        return alone.then(|| {
            tr!(
            zh "前缀和内容是分两次发的：先拼在一起，再一次发出",
            en "prefix and words are sent separately: put them together, and send them at once")
        });
    }
    let prefix = String::from_utf8_lossy(prefix);
    Some(tr!(zh "内容是对的，前缀不对：应当恰好是 \"{prefix}\"，也就是 [ip:端口]、冒号和一个空格",
             en "the words are right, but the prefix is not: it must be just \"{prefix}\", that is [ip:port], a colon and a blank"))
}

fn of_nothing(wanted: &[u8], unfinished: &[u8]) -> Option<Text> {
    if !unfinished.is_empty() && unfinished.ends_with(without_break(wanted)) {
        return Some(NO_BREAK);
    }
    let is_empty = without_break(wanted).ends_with(b"]: ");
    (is_empty && unfinished.is_empty())
        .then_some(text!(zh "空行没有发出来：空行也是一行", en "an empty line is left out: it is a line too"))
}

fn of_frame(wanted: &Heard, heard: &Frame) -> Option<Text> {
    let mask = match wanted {
        Heard::Words(words) if *words != heard.payload => return None,
        Heard::Words(_) if heard.first == FIN | BINARY => {
            return Some(text!(zh "消息是作为二进制发出的（操作码 2）：聊天的消息是文本，操作码是 1",
                              en "the message is sent as binary (opcode 2): what is said is text, opcode 1"));
        }
        Heard::Words(_) if heard.first == FIN | TEXT => true,
        Heard::Frame(wanted) => wanted.first == heard.first && wanted.masked != heard.masked,
        _ => false,
    };
    match (mask, heard.masked) {
        (true, true) => Some(text!(zh "服务器发出的帧不能有掩码，只有客户端的才有（RFC 6455，5.1 节）",
                                   en "this frame is masked: a server's frames must not be, only a client's are (RFC 6455, 5.1)")),
        (true, false) => Some(text!(zh "客户端发出的帧必须有掩码（RFC 6455，5.1 节）",
                                    en "this frame is not masked: a client's frames must be (RFC 6455, 5.1)")),
        _ => None,
    }
}

/// A process for each client, where nobody hears anybody.
pub const FORKED: Text = text!(zh "每个客户端由一个 fork 出来的进程服务，而每个进程各有各的列表，看不到别人：改用线程，或者 select",
                               en "each client is served by a forked process, and each process has a list of its own: use threads, or select");

/// Whether there is a copy of a program among what it has started.
pub fn has_forked(program: u32) -> bool {
    let command = |pid| fs::read(format!("/proc/{pid}/cmdline")).ok().filter(|command| !command.is_empty());
    let mut commands: Vec<Vec<u8>> = family::processes(program).into_iter().filter_map(command).collect();
    let all = commands.len();
    commands.sort();
    commands.dedup();
    commands.len() < all
}

/// What it tells that a program has printed this, and never what was wanted.
pub fn of_printed(wanted: &[u8], printed: &[u8]) -> Option<Text> {
    if contains(printed, REPLACEMENT) && !contains(wanted, REPLACEMENT) {
        Some(DECODED)
    } else if contains(printed, b"b'") && !contains(wanted, b"b'") {
        Some(text!(zh "打印的是 Python 里字节串的写法，b'…'：把字节本身写到 sys.stdout.buffer",
                   en "what is printed is how Python writes bytes, b'…': write the bytes themselves, to sys.stdout.buffer"))
    } else if printed.contains(&0) && !wanted.contains(&0) {
        Some(WHOLE_BUFFER)
    } else {
        None
    }
}

/// Why a server ends the connection of somebody who says a word, by what it said before that.
pub fn of_an_end(came: &[u8]) -> Text {
    if came.starts_with(b"HTTP/") || contains(came, b"<html") || contains(came, b"<!DOCTYPE") {
        text!(zh "程序说的是 HTTP：这是网页服务器，不是聊天室", en "the program speaks HTTP: that is a web server, and no chat room")
    } else {
        text!(zh "有人说话，服务器就断开了他：读到内容以后要接着读，出错也只关系到这一个客户端",
              en "the server ends the connection of whoever speaks: read on after a line, and let an error concern that client alone")
    }
}

/// What is longer may have been cut by a buffer.
const SHORT: usize = 1000;

/// The words came alone.
const NO_BREAK: Text = text!(zh "末尾少了换行：发出去时要带上，缺的就补上",
                             en "it comes without its line break: send it along, and add it where it is missing");

/// Bytes were turned into text.
const DECODED: Text = text!(zh "字节被转成文本，转不了的变成了 \u{fffd}：它是字节，不要转换",
                            en "it is turned into text, and what isn't text becomes \u{fffd}: it is bytes, so leave it as it is");

/// A buffer was passed on, and not what was read into it.
const WHOLE_BUFFER: Text = text!(zh "缓冲区里没有用到的字节（零）也一起出去了：只要读到的那几个字节",
                                 en "the unused bytes of a buffer (zeros) go along: take only as many bytes as were read");

fn without_break(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

/// In a room of this many hearers, some of which hear, one doesn't.
const CROWD: usize = 4;

/// Why somebody hears nothing of what somebody says, while so `many` of `all` the others do.
pub fn deafness(hearer: &Role, speaker: &Role, all: usize, many: usize) -> Option<String> {
    if all >= CROWD && many > 0 {
        return Some(tr!(
            zh "另外 {all} 个客户端里，有 {many} 个收得到，其余的收不到：列表是长度固定的数组吗？",
            en "{many} of the {all} others get it, and the rest don't: is the list an array of a fixed size?"));
    }
    unserved(speaker).or_else(|| {
        let end = at_the_server(hearer.address);
        (end == Some(End::NotAccepted)).then(|| not_accepted(hearer))
    })
}

/// Why somebody gets no answer at all: the server doesn't take it, or what it sends.
pub fn unserved(who: &Role) -> Option<String> {
    let name = &who.name;
    match at_the_server(who.address)? {
        End::NotAccepted => Some(not_accepted(who)),
        End::Unread => Some(tr!(
            zh "{name} 说的话还没有被服务器读走：读它的线程在等别的事（另一个客户端、键盘、一把锁），或者已经结束了",
            en "what {name} says lies unread: the thread that should read it waits for something else (another client, the keyboard, a lock), or has ended")),
        End::Served => None,
    }
}

fn not_accepted(who: &Role) -> String {
    let name = &who.name;
    tr!(zh "服务器还没有 accept {name}：accept 的线程在等别的事，例如读另一个客户端；每个客户端要有自己的线程",
        en "the server hasn't accepted {name}: the thread that accepts waits for something else, for example for what another client says; give each client a thread of its own")
}

/// Whether the server has accepted all of them; where the system doesn't tell, nobody waits for it.
pub fn are_accepted(whose: &[SocketAddr]) -> bool {
    let tables = tables();
    let connections: Vec<(&str, End)> = tables.iter().flat_map(|table| connections(table)).collect();
    let waits = |remote: &String| {
        connections.iter().any(|(of, end)| *end == End::NotAccepted && of.ends_with(remote))
    };
    !whose.iter().filter_map(|client| remote(*client)).any(|remote| waits(&remote))
}

/// How a connection stands at the server's end.
#[derive(Debug, PartialEq, Eq)]
enum End {
    NotAccepted,
    Unread,
    Served,
}

/// The server's end of a client's TCP connection, where the system tells (Linux, IPv4).
fn at_the_server(client: SocketAddr) -> Option<End> {
    let remote = remote(client)?;
    tables()
        .iter()
        .flat_map(|table| connections(table))
        .find(|(of, _)| of.ends_with(&remote))
        .map(|(_, end)| end)
}

/// All TCP connections. (A server for IPv6 and IPv4 holds an address of IPv4 at the end of a longer one.)
fn tables() -> [String; 2] {
    ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| fs::read_to_string(table).unwrap_or_default())
}

/// How the system's table names a client, at the server's end.
fn remote(client: SocketAddr) -> Option<String> {
    let SocketAddr::V4(v4) = client else { return None };
    Some(format!("{:08X}:{:04X}", u32::from_ne_bytes(v4.ip().octets()), v4.port()))
}

/// The connections of a table that aren't over: whom each leads to, and how it stands.
fn connections(table: &str) -> impl Iterator<Item = (&str, End)> {
    const ESTABLISHED: &str = "01";
    table.lines().filter_map(|line| {
        let mut fields = line.split_whitespace().skip(2);
        let (of, state) = (fields.next()?, fields.next()?);
        let (_, unread) = fields.next().filter(|_| state == ESTABLISHED)?.split_once(':')?;
        let end = match (fields.nth(4)?, u32::from_str_radix(unread, 16).ok()?) {
            ("0", _) => End::NotAccepted,
            (_, 0) => End::Served,
            _ => End::Unread,
        };
        Some((of, end))
    })
}
