//! The likely cause, as far as it is read off what came or what a program complained of: pairs of both, in both
//! languages, as they are stored. No program is run for it, so it is asked in every run.

use std::{env, fs};

use chatroom::check::stage::frame::{BINARY, FIN, Frame, TEXT};
use chatroom::check::stage::guess;
use chatroom::check::stage::speaker::Heard;
use chatroom::check::telling::complaint;

use super::reports::LANGUAGES;
use super::{again_in, blesses, stored};

/// What programs in several languages really write to stderr when an error ends them.
const COMPLAINTS: [&str; 22] = [
    "RuntimeError: dictionary changed size during iteration",
    "fatal error: concurrent map iteration and map write",
    "Exception in thread \"Thread-7\" java.util.ConcurrentModificationException",
    "ValueError: list.remove(x): x not in list",
    "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
    "thread '<unnamed>' (71) panicked at src/main.rs:23:40:\nError: stream did not contain valid UTF-8",
    "java.nio.charset.MalformedInputException: Input length = 1",
    "IndexError: list assignment index out of range",
    "panic: runtime error: index out of range [16] with length 16",
    "*** stack smashing detected ***: terminated",
    "BrokenPipeError: [Errno 32] Broken pipe",
    "Error: read ECONNRESET",
    "java.net.SocketException: Connection reset",
    "OSError: [Errno 24] Too many open files",
    "OSError: [Errno 90] Message too long",
    "EOFError: EOF when reading a line",
    "java.util.NoSuchElementException: No line found",
    "AttributeError: 'NoneType' object has no attribute 'sendall'",
    "panic: runtime error: invalid memory address or nil pointer dereference",
    "TypeError: Cannot read properties of undefined (reading 'write')",
    "thread '<unnamed>' (72) panicked at src/main.rs:69:26:\ncalled `Result::unwrap()` on an `Err` value: Os { code: 107, kind: NotConnected, message: \"Transport endpoint is not connected\" }",
    "thread 'main' (70) panicked at starter.rs:31:5:\nnot yet implemented: send the line to everyone but its sender",
];

/// What should come, and what came in its place.
const WORDS: [(&[u8], &[u8]); 16] = [
    (b"[1.2.3.4:5]: hello\n", b"[9.8.7.6:5]: hello\n"),
    (b"[9.8.7.6:5]: \n", b"[9.8.7.6:5]: hello\n"),
    (b"[1.2.3.4:5]: hello\n", b"[1.2.3.4:5]: hello\0\0\0\n"),
    (b"[1.2.3.4:5]: a\0b\n", b"[1.2.3.4:5]: a\n"),
    (b"[1.2.3.4:5]: \xff\n", "[1.2.3.4:5]: \u{fffd}\n".as_bytes()),
    (b"[1.2.3.4:5]: hello", b"[1.2.3.4:5]: hello\n"),
    (b"[1.2.3.4:5]: hello", b"[1.2.3.4:5]: \x5f\x9f\x4d\x51\x58"),
    (b"[1.2.3.4:5]: hello\n", b"[::ffff:1.2.3.4:5]: hello\n"),
    (b"[1.2.3.4:5]: hello\n", b"[1.2.3.4:5]: hello"),
    (b"[1.2.3.4:5]: hello\n", b"[1.2.3.4:5]: hello\r\n"),
    (b"[1.2.3.4:5]:  hello \n", b"[1.2.3.4:5]: hello\n"),
    (b"[1.2.3.4:5]: hello\n", b"[1.2.3.4:5]: "),
    (b"[1.2.3.4:5]: hello\n", b"1.2.3.4:5: hello\n"),
    (b"[1.2.3.4:5]: \n", b""),
    (b"[1.2.3.4:5]: hello\n", b""),
    (b"[1.2.3.4:5]: hello\n", b"[1.2.3.4:5]: goodbye\n"),
];

/// What a program should print, and what it printed.
const PRINTED: [(&[u8], &[u8]); 3] = [
    (b"caf\xe9\n", "caf\u{fffd}\n".as_bytes()),
    (b"hello\n", b"b'hello\\n'\n"),
    (b"hello\n", b"hello\n\0\0\0\0"),
];

fn because(cause: Option<String>) -> String {
    cause.unwrap_or_else(|| "-".to_string())
}

/// All pairs, a line each for what came and for what it tells.
fn told() -> String {
    let mut told = String::new();
    for stderr in COMPLAINTS {
        let cause = complaint::still_to_write(stderr).or_else(|| complaint::explained(stderr));
        told += &format!("! {}\n  {}\n", stderr.replace('\n', "\n! "), because(cause));
    }
    for (wanted, came) in WORDS {
        let heard = if came.is_empty() { Heard::Nothing } else { Heard::Words(came.to_vec()) };
        let cause = guess::cause(&Heard::Words(wanted.to_vec()), &heard, b"", "[9.8.7.6:5]: ");
        told += &format!("{}\n{}\n  {}\n", wanted.escape_ascii(), came.escape_ascii(), because(cause));
    }
    for (first, masked) in [(FIN | BINARY, false), (FIN | TEXT, true), (FIN | TEXT, false)] {
        let frame = Frame { first, masked, payload: b"hello".to_vec() };
        let cause = guess::cause(&Heard::Words(b"hello".to_vec()), &Heard::Frame(frame), b"", "");
        told += &format!("a frame {first:#x}, masked: {masked}\n  {}\n", because(cause));
    }
    for (wanted, printed) in PRINTED {
        let cause = guess::of_printed(wanted, printed).map(String::from);
        told += &format!("prints {}\n  {}\n", printed.escape_ascii(), because(cause));
    }
    for came in ["HTTP/1.1 400 Bad Request\r\n", ""] {
        told +=
            &format!("\"{}\", and the end\n  {}\n", came.escape_default(), guess::of_an_end(came.as_bytes()));
    }
    told
}

#[test]
fn what_came_tells_the_cause_as_stored() {
    if let Ok(file) = env::var("CHATROOM_CAUSES") {
        return fs::write(file, told()).unwrap();
    }
    for (end, language) in LANGUAGES {
        let told =
            again_in(language, "causes::what_came_tells_the_cause_as_stored", &[("CHATROOM_CAUSES", "")]);
        let file = stored(&format!("causes.{end}.txt"));
        if blesses() {
            fs::write(file, told).unwrap();
            continue;
        }
        let wanted = fs::read_to_string(file).unwrap();
        for (came, wanted) in told.lines().zip(wanted.lines()) {
            assert_eq!(came, wanted, "not as stored in tests/graded/causes.{end}.txt");
        }
        assert_eq!(told.lines().count(), wanted.lines().count(), "tests/graded/causes.{end}.txt");
    }
}
