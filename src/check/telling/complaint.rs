//! What a program complains of on stderr: the line that names the error, and what that error means in a chat.

use super::events::{Event, What};
use super::text::Text;
use crate::{text, tr};

/// Words of an error in several languages, the most telling first, and what they mean.
const SIGNS: &[(&[&str], Text)] = &[
    (
        &[
            "ConcurrentModification",
            "concurrent map",
            "changed size during",
            "mutated during",
            "changed during",
        ],
        text!(zh "遍历列表时，别人正在修改它：两者都要拿着锁",
              en "the list is changed while somebody walks it: hold the lock for both"),
    ),
    (
        &["not in list", "not in deque"],
        text!(zh "要从列表里删掉的人已经不在里面：有人删了两次，或者在修改列表时没有拿着锁",
              en "somebody is to be taken off the list who isn't in it any more: it is done twice, or without the lock"),
    ),
    (
        &["UnicodeDecodeError", "UnicodeEncodeError", "MalformedInput", "UnmappableCharacter", "valid UTF-8"],
        text!(zh "收到的内容被当作文本来解码，但不是所有字节都是文本：它是字节，不要转换",
              en "what came is decoded as text, and not all bytes are text: it is bytes, so leave it as it is"),
    ),
    (
        &[
            "IndexError",
            "IndexOutOfBounds",
            "out of range",
            "smashing",
            "overflow detected",
            "double free",
            "corrupted",
        ],
        text!(zh "越过了数组的末尾：某个数组的长度是固定的，客户端或者字节却更多；或者取了空行的第一个字符",
              en "this is past the end of an array: one of a fixed size, for more clients or more bytes than that; \
                  or it is the first character of an empty line"),
    ),
    (
        &[
            "BrokenPipe",
            "ConnectionReset",
            "ConnectionAborted",
            "Broken pipe",
            "Connection reset",
            "EPIPE",
            "ECONNRESET",
            "ERR_STREAM",
            "ended by the other party",
        ],
        text!(zh "对方离开了，读写都会出错，而这个错误结束了不该结束的东西（线程、广播或整个程序）：\
                  在出错的地方处理它；服务器把这个人从列表里删掉，接着处理下一个",
              en "the other side has left, so reading and writing fail, and that error ends more than it should (a \
                  thread, a broadcast, the program): catch it where it happens; a server takes that one off its list \
                  and goes on with the next"),
    ),
    (
        &["Too many open files", "too many open files", "EMFILE"],
        text!(zh "描述符用完了：离开的人，连接要关闭；真的全都在用时，停一停再试",
              en "no descriptor is left: close the connections of those who have left; and if all are in use, \
                  pause before the next try"),
    ),
    (
        &["Message too long", "message too long", "EMSGSIZE"],
        text!(zh "一个数据报连同前缀最多 65,507 字节，再长就发不出去；这个错误只关系到这一个数据报：处理它，接着收下一个",
              en "a datagram carries 65,507 bytes at most, prefix and all, and sending more fails; that is an error of \
                  this datagram alone: catch it, and go on with the next"),
    ),
    (
        &["EOFError", "EOF when reading", "No line found"],
        text!(zh "键盘输入已经结束，却还在读：输入结束时退出循环",
              en "the keyboard's input has ended, and is read on: leave the loop at its end"),
    ),
    (
        &["NullPointerException", "nil pointer", "'NoneType'", "of undefined", "of null"],
        text!(zh "用到了一个还没有、或者已经没有的东西：先看看它在不在；不拿锁就修改列表，列表里也会有空位",
              en "something is used that isn't there yet, or any more: look first whether it is; a list that is changed \
                  without the lock may have holes, too"),
    ),
    (
        &["NotConnected"],
        text!(zh "连接被重置之后就没有了，再问它的地址，或者再关闭一个方向（shutdown），得到的是错误：\
                  处理它，不要 unwrap；地址在 accept 时记下",
              en "a connection is gone once it was reset, and whoever asks for its address then, or shuts it down, gets \
                  an error: handle it instead of unwrapping it, and keep the address that accept said"),
    ),
];

/// How an error that nobody caught begins.
const STARTS: [&str; 6] =
    ["panic: ", "fatal error: ", "Exception in thread ", "thread '", "*** ", "free(): "];

/// The most that is quoted of a line, in characters.
const MAX_QUOTED: usize = 160;

/// All that the programs of these events have said on stderr.
#[must_use]
pub fn in_events(events: &[Event]) -> String {
    let said = events.iter().filter_map(|event| match &event.what {
        What::Warns(bytes) => Some(String::from_utf8_lossy(bytes)),
        _ => None,
    });
    said.collect()
}

/// What this complaint means, with the line that names the error.
#[must_use]
pub fn explained(stderr: &str) -> Option<String> {
    let errors: Vec<&str> = errors(stderr).collect();
    SIGNS.iter().find_map(|(signs, meaning)| {
        let line = errors.iter().find(|line| signs.iter().any(|sign| line.contains(sign)))?;
        let line = quoted(line);
        Some(tr!(zh "它在 stderr 上说 {line}：{meaning}", en "on stderr it says {line}: {meaning}"))
    })
}

/// The line that names the error that ended the program, if there is one. A poisoned lock comes of an error before it.
#[must_use]
pub fn last_error(stderr: &str) -> Option<String> {
    let cause = errors(stderr).filter(|line| !line.contains("PoisonError")).last();
    cause.or_else(|| errors(stderr).last()).map(quoted)
}

/// What a `todo!` says that was come upon: a part of the program that nobody has written yet explains all the rest.
#[must_use]
pub fn still_to_write(stderr: &str) -> Option<String> {
    let sentence = errors(stderr).find_map(|line| line.strip_prefix("not yet implemented: "))?;
    let sentence = shown(sentence);
    Some(tr!(zh "这里还没有写：{sentence}", en "still to be written: {sentence}"))
}

/// The lines that name an error. In Rust that is the line behind the one which says where.
fn errors(stderr: &str) -> impl Iterator<Item = &str> {
    let behind = stderr.lines().skip(1).map(Some).chain([None]);
    stderr.lines().zip(behind).filter(|(line, _)| names_an_error(line)).map(|(line, next)| {
        let is_place = line.starts_with("thread '") && line.ends_with(':');
        next.filter(|_| is_place).unwrap_or(line)
    })
}

/// `ValueError: …`, `java.io.IOException: …`, `panic: …`, as languages begin the line that names an error.
fn names_an_error(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or_default();
    let name = name.split(" [").next().unwrap_or_default(); // Node: `Error [ERR_STREAM_DESTROYED]: …`
    let is_name = name.ends_with("Error") || name.ends_with("Exception");
    (is_name && !name.contains(' ')) || STARTS.iter().any(|start| line.starts_with(start))
}

fn quoted(line: &str) -> String {
    format!("`{}`", shown(line))
}

fn shown(line: &str) -> String {
    line.chars().filter(|c| !c.is_control()).take(MAX_QUOTED).collect()
}

#[cfg(test)]
mod tests {
    use super::{explained, last_error, still_to_write};

    const PYTHON: &str = "Traceback (most recent call last):\n  File \"s.py\", line 7, in <module>\n    text = data.decode()\n\
                          UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position 0\n";
    const GO: &str = "fatal error: concurrent map iteration and map write\n\ngoroutine 7 [running]:\n";
    const NODE: &str = "node:events:502\n      throw er; // Unhandled 'error' event\n      ^\n\nError: read ECONNRESET\n    \
                        at TCP.onStreamRead\n";
    const JAVA: &str =
        "Exception in thread \"Thread-3\" java.util.ConcurrentModificationException\n\tat Server.run\n";

    #[test]
    fn errors_are_explained_whatever_the_language() {
        let cases = [(PYTHON, "bytes"), (GO, "the lock"), (NODE, "has left"), (JAVA, "the lock")];
        for (stderr, part) in cases {
            assert!(explained(stderr).is_some_and(|told| told.contains(part)), "{stderr}");
            assert!(last_error(stderr).is_some());
        }
    }

    #[test]
    fn in_rust_the_message_stands_on_the_next_line() {
        let panics = |message| {
            format!("\nthread '<unnamed>' (7) panicked at src/main.rs:1:5:\n{message}\nnote: run with")
        };
        let todo = panics("not yet implemented: bind a listener");
        assert!(still_to_write(&todo).is_some_and(|told| told.ends_with("bind a listener")));
        let unwrap =
            panics("called `Result::unwrap()` on an `Err` value: Os { code: 104, kind: ConnectionReset }");
        assert_eq!(still_to_write(&unwrap), None);
        assert!(explained(&unwrap).is_some_and(|told| told.contains("has left")));
        let old = "thread 'main' panicked at 'no room', src/main.rs:1:5\nnote: run with";
        assert!(last_error(old).is_some_and(|told| told.contains("no room")));
    }

    #[test]
    fn a_poisoned_lock_is_not_the_cause() {
        let panics = |message| format!("\nthread 'main' (7) panicked at src/main.rs:1:5:\n{message}\n");
        let gone =
            panics("called `Result::unwrap()` on an `Err` value: Os { code: 107, kind: NotConnected }");
        let poisoned = panics("called `Result::unwrap()` on an `Err` value: PoisonError { .. }");
        let both = gone + &poisoned;
        assert!(last_error(&both).is_some_and(|told| told.contains("NotConnected")));
        assert!(explained(&both).is_some_and(|told| told.contains("reset")));
        assert!(last_error(&poisoned).is_some_and(|told| told.contains("PoisonError")));
    }

    #[test]
    fn what_is_only_logged_is_no_error() {
        for stderr in ["", "client 127.0.0.1:5 left: read: connection reset by peer\n", "new client\n"] {
            assert_eq!((explained(stderr), last_error(stderr)), (None, None));
        }
    }
}
