//! Whatever the checker may say, in both languages, is said in one of the stored reports, notes and commands: or here
//! stands why not.

use std::fs;
use std::path::{Path, PathBuf};

use super::reports::{LANGUAGES, without_numbers};
use super::{blesses, stored};

/// Messages that are shown nowhere, in English, and why.
const UNSHOWN: &[(&str, &str)] = &[
    ("visitors come and go", BROKEN),
    ("the checker broke", BROKEN),
    ("the checker runs on", BROKEN),
    ("cannot find our own program: {err}", "a system that can't tell where a program lies"),
    ("again when the program's files change; Ctrl-C ends", "`--watch` has no end that a test could wait for"),
    ("there is no /proc here", "a system without /proc"),
    ("the checker has no descriptor left: {e}", "no test can use up the descriptors of its own process"),
    ("the server doesn't listen on loopback", "the address of a network that is there everywhere"),
    ("`sh` sends two signals", "`sh` was there a moment before"),
    ("it doesn't run", "`sh` was there a moment before"),
    ("A can send", SUDDEN),
    ("it can't", SUDDEN),
    ("a client for each name", TYPES),
    ("another number of them", TYPES),
    ("knows whom to send to", TYPES),
    ("nobody has said a word yet", TYPES),
    ("the machine is too busy: our own program doesn't make it now, either", BUSY),
    (
        "exercise {number} is not decided: some cases could not be judged; try again when the machine is idle",
        BUSY,
    ),
    (
        "exercise {number} isn't solved yet: mend {id} first; its sheet is docs/exercises/{folder}/README.md",
        COURSE,
    ),
    ("the report is in {file}", "tests/it/report.rs sees it"),
    ("exercise {number} is solved; next is {next}: {title}", COURSE),
    ("exercise {number} is solved; it was the last", COURSE),
    ("the broadcast goes to every client; leave out the one the line came from", FALLBACK),
    ("the broadcast goes to every client; leave out the one the message came from", FALLBACK),
    ("the broadcast goes to every client; leave out the one the datagram came from", FALLBACK),
    ("the line is read as text: lines are bytes, so read and write them as bytes", FALLBACK),
    ("the datagram is turned into text and back: it is bytes, so leave it as it is", FALLBACK),
    ("not every program sends the line break: add it where it is missing", FALLBACK),
    ("datagrams are not printed, or only when a buffer is full, or turned into text and back", FALLBACK),
    ("typed lines are not sent, or without their line break, or turned into text and back", FALLBACK),
    (
        "lines from the server are not printed, or only when a buffer is full (flush it after each line), or are turned into text and back",
        FALLBACK,
    ),
    (
        "not everybody is in the list, or a line is lost on the way: is there a limit on the list, on threads or on descriptors?",
        FALLBACK,
    ),
    (
        "the prefix is `[`, the sender's address as the server sees it, `]: `; prefix and words go out in one datagram",
        FALLBACK,
    ),
    (
        "the prefix is `[`, the sender's address as the server sees it, `]: `; and there is a line break at the end",
        FALLBACK,
    ),
];

const FALLBACK: &str =
    "the case's own cause, said where what came tells nothing better: no faulty program is so odd";
const COURSE: &str = "tests/it/exercises.rs sees it";
const BUSY: &str = "no test can keep a machine busy to order";
const BROKEN: &str = "the checker itself would have to panic";
const SUDDEN: &str = "the connection would have to break between two steps";
const TYPES: &str = "no case comes to it: the types ask for an answer";

/// A message of the source: where it stands, and what it says in Chinese and in English.
struct Message {
    at: String,
    texts: [String; 2],
}

/// Those about exercises are shown by `tests/it/exercises.rs`, those of hints by `tests/it/hints.rs`, those of a class by
/// `tests/it/class.rs`, those of pages and of `--slow` by `tests/it/report.rs`, and those of a look into a program by
/// `tests/it/xray.rs`.
const ELSEWHERE: [&str; 10] = [
    "class",
    "hints",
    "course.rs",
    "break_it.rs",
    "nick.rs",
    "telling/page.rs",
    "telling/timeline.rs",
    "telling/lanes.rs",
    "shared/slow.rs",
    "xray",
];

/// All messages below `src/check`.
fn messages() -> Vec<Message> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for path in sources(&root.join("src/check")) {
        let source = fs::read_to_string(&path).unwrap();
        let at = |rest: &str| source[..source.len() - rest.len()].lines().count();
        let name = path.strip_prefix(root).unwrap().display();
        let mut rest = source.as_str();
        while let Some((is_template, chinese)) = next_message(rest) {
            let line = at(chinese);
            let (zh, behind) = literal(chinese);
            let english = behind.trim_start_matches(',').trim_start().strip_prefix("en ").unwrap();
            let (en, behind) = literal(english.trim_start());
            let fragments = |text: String| if is_template { without_values(&text) } else { text };
            found.push(Message { at: format!("{name}:{line}"), texts: [zh, en].map(fragments) });
            rest = behind;
        }
    }
    found
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let entries = entries.filter(|path| !ELSEWHERE.iter().any(|name| path.ends_with(name)));
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// The Chinese literal of the next `text!(zh "…", en "…")`, `tr!` or `say!`, with all that stands behind; and whether
/// there are values to be put in.
fn next_message(rest: &str) -> Option<(bool, &str)> {
    let starts = [("text!(", false), ("tr!(", true), ("say!(", true)];
    let found = starts.into_iter().flat_map(|(start, is_template)| {
        let all = rest.match_indices(start).map(|(at, _)| (at, &rest[at + start.len()..]));
        let of_messages = all.filter_map(|(at, behind)| Some((at, behind.trim_start().strip_prefix("zh ")?)));
        of_messages.map(move |(at, behind)| (at, is_template, behind.trim_start())).next()
    });
    found.min_by_key(|(at, ..)| *at).map(|(_, is_template, literal)| (is_template, literal))
}

/// A string literal's text, and what stands behind it.
fn literal(source: &str) -> (String, &str) {
    let mut text = String::new();
    let mut rest = source.strip_prefix('"').unwrap();
    loop {
        let mut chars = rest.chars();
        match (chars.next().unwrap(), chars.clone().next()) {
            ('"', _) => return (text, chars.as_str()),
            ('\\', Some('\n')) => rest = rest[2..].trim_start(),
            ('\\', Some(c)) => {
                let (c, length) = escaped(&rest[1..], c);
                text.push(c);
                rest = &rest[1 + length..];
            }
            (c, _) => {
                text.push(c);
                rest = chars.as_str();
            }
        }
    }
}

/// The character that is written behind a backslash, and how much of the source it takes.
fn escaped(rest: &str, first: char) -> (char, usize) {
    let code = rest.strip_prefix("u{").and_then(|rest| rest.split_once('}')).map(|(code, _)| code);
    match (first, code) {
        ('u', Some(code)) => {
            (char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap(), code.len() + 3)
        }
        ('n', _) => ('\n', 1),
        _ => (first, first.len_utf8()),
    }
}

/// What stands between the values of a template, as lines of a pattern: `\0` is anything.
fn without_values(template: &str) -> String {
    let (mut text, mut depth) = (String::new(), 0);
    let mut chars = template.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' | '}' if depth == 0 && chars.peek() == Some(&c) => text.extend(chars.next()),
            '{' => depth = 1,
            '}' => {
                text.push('\0');
                depth = 0;
            }
            _ if depth == 0 => text.push(c),
            _ => {}
        }
    }
    text
}

/// Whether a line holds all fragments of a pattern, in order.
fn holds(line: &str, pattern: &str) -> bool {
    let mut rest = line;
    pattern.split('\0').all(|fragment| match rest.split_once(fragment) {
        Some((_, behind)) => {
            rest = behind;
            true
        }
        None => false,
    })
}

/// All lines that are stored in a language, without numbers: some are stored so.
fn told(end: &str) -> Vec<String> {
    let in_reports = fs::read_dir(stored("reports")).unwrap().map(|entry| entry.unwrap().path());
    let files =
        in_reports.chain(["notes", "commands", "causes"].map(|name| stored(&format!("{name}.{end}.txt"))));
    let of_language = files.filter(|path| path.display().to_string().ends_with(&format!(".{end}.txt")));
    let texts = of_language.map(|path| fs::read_to_string(path).unwrap());
    texts.flat_map(|text| text.lines().map(without_numbers).collect::<Vec<_>>()).collect()
}

/// Messages that programs of `tests/strangers` provoke, or that wait for a faulty program of their own: a list that may
/// only become shorter.
const OWED: &str = "unshown.txt";

#[test]
fn every_message_is_shown() {
    let [en, zh] = LANGUAGES.map(|(end, _)| told(end));
    let mut unshown = Vec::new();
    for Message { at, texts: [chinese, english] } in messages() {
        let is_listed = UNSHOWN.iter().any(|(text, _)| without_values(text) == english);
        let is_shown = |text: &str, lines: &[String]| {
            text.lines().map(without_numbers).all(|part| lines.iter().any(|line| holds(line, &part)))
        };
        if !(is_listed || is_shown(&chinese, &zh) && is_shown(&english, &en)) {
            let file = at.split(':').next().unwrap().to_string();
            unshown.push(format!("{file}: {}", english.replace('\0', "…").replace('\n', " / ")));
        }
    }
    if blesses() {
        return fs::write(stored(OWED), unshown.join("\n") + "\n").unwrap();
    }
    let owed = fs::read_to_string(stored(OWED)).unwrap();
    let new: Vec<&String> = unshown.iter().filter(|one| !owed.lines().any(|line| line == *one)).collect();
    assert!(new.is_empty(), "no faulty program makes the checker say this:\n{new:#?}");
}

#[test]
fn what_is_listed_as_shown_nowhere_is_in_the_source() {
    let all = messages();
    assert!(all.len() > 600, "only {} messages found", all.len());
    for (text, reason) in UNSHOWN {
        let is_there = all.iter().any(|message| message.texts[1] == without_values(text));
        assert!(is_there, "no message any more: {text} ({reason})");
    }
}

#[test]
fn messages_are_found_in_a_source() {
    let source = r#"x(text!(zh "甲 \"x\"", en "a \
                    b")); tr!(
        zh "乙{n}丙", en "{n:?} of {{n}}")"#;
    let (is_template, rest) = next_message(source).unwrap();
    let (zh, rest) = literal(rest);
    assert_eq!((is_template, zh.as_str()), (false, "甲 \"x\""));
    assert_eq!(literal(rest.strip_prefix(", en ").unwrap()).0, "a b");
    let (is_template, rest) = next_message(rest).unwrap();
    let (zh, rest) = literal(rest);
    assert_eq!((is_template, without_values(&zh).as_str()), (true, "乙\0丙"));
    let en = without_values(&literal(rest.strip_prefix(", en ").unwrap()).0);
    assert_eq!(en, "\0 of {n}");
    assert!(holds("so 3 of {n} come", &en) && !holds("{n} of 3", &en));
}
