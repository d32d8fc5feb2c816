//! `chatroom compare NOTES`: the reader's own copy of the notes beside this code, step by step.
//!
//! Their programs are recognised by what they call, and paired with ours by the marks, `// Go: …`.
//! There is no parser of Go and none of Rust. The notes are read, shown on the page that the reader
//! asked for, and forgotten.

mod lex;
mod markdown;
mod notes;
mod page;
mod pair;
mod steps;

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use lex::Language;
use notes::Block;
use pair::{Pairing, Problem, pair};
use steps::{Step, marks, steps};

use crate::support::browser;
use crate::support::trouble::no_thread;
use crate::{say, tr, warn};

/// A file of ours: its path, its language, and its text.
struct Source(&'static str, Language, &'static str);

macro_rules! source {
    ($language:ident, $path:literal) => {
        Source($path, Language::$language, include_str!(concat!("../../", $path)))
    };
}

/// A program of the notes, and the files that follow it.
struct Program {
    name: &'static str,
    /// The language of the notes' program.
    language: Language,
    ours: &'static [Source],
}

/// A program in Go.
const fn go(name: &'static str, ours: &'static [Source]) -> Program {
    Program { name, language: Language::Go, ours }
}

static PROGRAMS: [Program; 6] = [
    go("tcp-server", &[source!(Rust, "src/tcp/server.rs")]),
    go("tcp-client", &[source!(Rust, "src/tcp/client.rs")]),
    go("udp-server", &[source!(Rust, "src/udp/server.rs")]),
    go("udp-client", &[source!(Rust, "src/udp/client.rs")]),
    go("ws-server", &[source!(Rust, "src/ws/server.rs")]),
    Program {
        name: "web",
        language: Language::Page,
        ours: &[source!(Page, "web/index.html"), source!(Script, "web/chat.js")],
    },
];

/// The same programs without what the notes leave out: plain ports, which the exercises begin from.
static NAIVE: [Program; 5] = [
    go("tcp-server", &[source!(Rust, "docs/exercises/naive/tcp_server.rs")]),
    go("tcp-client", &[source!(Rust, "docs/exercises/naive/tcp_client.rs")]),
    go("udp-server", &[source!(Rust, "docs/exercises/naive/udp_server.rs")]),
    go("udp-client", &[source!(Rust, "docs/exercises/naive/udp_client.rs")]),
    go("ws-server", &[source!(Rust, "docs/exercises/naive/ws_server.rs")]),
];

impl Program {
    fn marks(&self) -> Vec<Step> {
        let (mut all, mut above) = (Vec::new(), 0);
        for Source(_, language, text) in self.ours {
            all.extend(
                marks(text, *language).into_iter().map(|mark| Step { line: above + mark.line, ..mark }),
            );
            above += text.lines().count();
        }
        all
    }

    /// Where a line of ours is, counted through all files: the file, and the line's number there.
    fn place(&self, mut line: usize) -> String {
        for Source(path, _, text) in self.ours {
            if line < text.lines().count() {
                return format!("{path}:{}", line + 1);
            }
            line -= text.lines().count();
        }
        self.name.to_string()
    }
}

/// A program of the notes that was found, and how it pairs with ours.
struct Found<'a> {
    program: &'static Program,
    block: &'a Block,
    pairing: Pairing,
}

/// Writes the page to `output`, or to stdout, and shows it in the browser if `open`. With `naive`, the plain ports stand
/// at the right.
///
/// # Errors
/// A sentence: when a file can't be read or written, holds no program of the notes, or when a step
/// has no partner. Each such step has then been named on stderr.
pub fn run(paths: &[String], output: Option<&str>, open: bool, naive: bool) -> Result<(), String> {
    let programs: &'static [Program] = if naive { &NAIVE } else { &PROGRAMS };
    let blocks = notes::read(paths)?;
    let found = recognise(&blocks, programs);
    if found.is_empty() {
        let paths = paths.join(", ");
        return Err(tr!(zh "{paths} 里没有笔记的程序；需要含有 Go 代码块的 Markdown，或 .go 文件",
                       en "{paths}: no program of the notes is there; give Markdown with blocks of Go, or .go files"));
    }
    let absent: Vec<_> =
        programs.iter().filter(|p| !found.iter().any(|f| f.program.name == p.name)).collect();
    for Program { name, .. } in &absent {
        warn!(zh "笔记里没有 {name}", en "{name} is not in these notes");
    }
    let problems: Vec<String> = found.iter().flat_map(Found::problems).collect();
    for problem in &problems {
        warn!(zh "{problem}", en "{problem}");
    }
    let html = page::page(&found, &problems);
    // A browser needs a file.
    match output.or(open.then_some("compare.html")) {
        None => to_stdout(html.as_bytes()),
        Some(file) => to_file(file, paths, html.as_bytes(), open),
    }?;
    match problems.len() {
        0 => Ok(()),
        count => Err(tr!(zh "{count} 处没有对上", en "{count} steps are not paired")),
    }
}

fn to_stdout(html: &[u8]) -> Result<(), String> {
    match io::stdout().lock().write_all(html) {
        Err(err) if err.kind() != ErrorKind::BrokenPipe => {
            Err(tr!(zh "无法写入 stdout: {err}", en "cannot write to stdout: {err}"))
        }
        _ => Ok(()),
    }
}

fn to_file(file: &str, notes: &[String], html: &[u8], open: bool) -> Result<(), String> {
    let real = |path: &str| fs::canonicalize(path).ok();
    if notes.iter().any(|path| real(path).is_some() && real(path) == real(file)) {
        return Err(tr!(zh "{file} 就是笔记本身；请给 -o 另一个文件名",
                       en "{file} is the notes themselves; give -o another name"));
    }
    fs::write(file, html).map_err(|err| tr!(zh "无法写入 {file}: {err}", en "cannot write {file}: {err}"))?;
    if open {
        say!(zh "网页写在 {file}", en "the page is in {file}");
        let path = std::path::absolute(file).unwrap_or_else(|_| Path::new(file).to_path_buf());
        let opened = browser::open(path.display().to_string()).map_err(no_thread)?;
        let start = Instant::now(); // a moment, or we end before it is said that there is no browser
        while !opened.is_finished() && start.elapsed() < Duration::from_secs(2) {
            thread::sleep(Duration::from_millis(10));
        }
    }
    Ok(())
}

/// For each program the block that fits it best: at least half of what our marks name, and no other
/// program better.
fn recognise<'a>(blocks: &'a [Block], programs: &'static [Program]) -> Vec<Found<'a>> {
    let marks: Vec<_> = programs.iter().map(Program::marks).collect();
    let mut best: Vec<Option<(usize, Found<'_>)>> = programs.iter().map(|_| None).collect();
    for block in blocks {
        let fits = programs.iter().enumerate().map(|(at, program)| {
            let pairing = pair(&steps(&block.text, program.language), &marks[at]);
            let percent = pairing.pairs.len() * 100 / marks[at].len().max(1);
            (percent, at, Found { program, block, pairing })
        });
        let Some((percent, at, found)) = fits.max_by_key(|fit| fit.0) else { continue };
        if percent >= 50 && best[at].as_ref().is_none_or(|other| other.0 < percent) {
            best[at] = Some((percent, found));
        }
    }
    best.into_iter().flatten().map(|(_, found)| found).collect()
}

impl Found<'_> {
    /// Where a line of theirs is.
    fn their_place(&self, line: usize) -> String {
        format!("{}:{}", self.block.file, self.block.first_line + line)
    }

    /// What has no partner, a sentence each.
    fn problems(&self) -> Vec<String> {
        let theirs = |line: usize| self.their_place(line);
        let ours = |line: usize| self.program.place(line);
        let sentence = |problem: &Problem| match problem {
            Problem::NoMark { name, theirs: line, near } => {
                let (there, near) = (theirs(*line), ours(*near));
                tr!(zh "{there}: “{name}”在我们的代码里没有标记；应在 {near} 附近",
                    en "{there}: no mark names '{name}'; it belongs near {near}")
            }
            Problem::NoStep { name, ours: line, near } => {
                let (here, near) = (ours(*line), theirs(*near));
                tr!(zh "{here}: 标记“{name}”在笔记里找不到；应在 {near} 附近",
                    en "{here}: the notes have no '{name}', which a mark names; it belongs near {near}")
            }
            Problem::Order { name, theirs: line, ours: other } => {
                let (there, here) = (theirs(*line), ours(*other));
                tr!(zh "{there} 和 {here}: “{name}”的先后次序不同",
                    en "{there} and {here}: '{name}' comes in another order")
            }
        };
        self.pairing.problems.iter().map(sentence).collect()
    }
}
