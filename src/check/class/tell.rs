//! What came of a class: a table, and files for other programs.

use std::fmt::Write;
use std::fs;

use super::entry::{Result as Found, Told};
use super::list::Entry;
use super::order::Order;
use super::{Class, page};
use crate::check::Level;
use crate::check::telling::events::columns;
use crate::check::telling::json::Object;
use crate::support::print;
use crate::support::terminal::visible;
use crate::tr;

/// Tells all that was asked for.
///
/// # Errors
/// A sentence, when a file can't be written.
pub fn all(class: &Class, order: &Order) -> Result<(), String> {
    if order.json {
        json(class).iter().for_each(|line| print::out(line));
    } else {
        print::out(visible(&table(class)).trim_end());
        print::out(visible(&matrix(class)).trim_end());
    }
    let texts =
        [(&order.csv, csv as fn(&Class) -> String), (&order.junit, junit), (&order.report, page::page)];
    let mut asked = texts.iter().filter_map(|(file, text)| Some((file.as_ref()?, text)));
    asked.try_for_each(|(file, text)| write(file, &text(class)))
}

/// Writes a file.
///
/// # Errors
/// A sentence that names it.
pub fn write(file: &str, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|err| tr!(zh "无法写入 {file}: {err}", en "cannot write {file}: {err}"))
}

/// How far somebody is, and what to mend first.
pub fn in_words(found: &Found) -> String {
    let far = [Level::Notes, Level::Safe].map(|level| (level, found.count(level)));
    let far = far
        .iter()
        .filter(|(_, (_, all))| *all > 0)
        .map(|(level, (held, all))| format!("{level} {held}/{all}"));
    (far.collect::<Vec<_>>().join("  ") + &what_next(found)).trim_start().to_string()
}

/// What to mend first, and why no more is known.
pub fn what_next(found: &Found) -> String {
    let mut words = String::new();
    if let Some(Told { id, .. }) = found.first() {
        words += &tr!(zh "  先修好 {id}", en "  mend {id} first");
    }
    if let Some(why) = &found.why_not {
        let _ = write!(words, "  {why}"); // writing to a String cannot fail
    }
    words
}

/// A cell, filled up with blanks to so many columns of a terminal.
fn cell(text: &str, width: usize) -> String {
    text.to_string() + &" ".repeat(width.saturating_sub(text.chars().map(columns).sum()))
}

fn widest<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(|text| text.chars().map(columns).sum()).max().unwrap_or_default()
}

/// Everybody, a line each.
fn table(class: &Class) -> String {
    let names = widest(class.entries.iter().map(|entry| &*entry.name));
    let kinds = widest(class.entries.iter().map(|entry| &*entry.what));
    let not_yet = tr!(zh "还没有检查", en "not checked yet");
    let mut table = String::new();
    for (Entry { name, what, .. }, result) in class.entries.iter().zip(&class.results) {
        let words = result.as_ref().map_or(not_yet.clone(), in_words);
        let _ = writeln!(table, "{}  {}  {words}", cell(name, names), cell(what, kinds));
    }
    table
}

/// What a pair is shown as: they chat, they don't, it wasn't tried.
pub fn sign(chat: Option<bool>) -> &'static str {
    match chat {
        Some(true) => "✓",
        Some(false) => "✗",
        None => "-",
    }
}

/// What a table of servers and clients shows.
pub fn about_pairs(transport: &str) -> String {
    tr!(zh "{transport}：哪个服务器（行）和哪个客户端（列）能聊天：✓ 能，✗ 不能，- 单独检查时就没有通过",
        en "{transport}: which servers (rows) chat with which clients (columns): ✓ they do, ✗ they don't, - one fails by itself")
}

/// Which servers chat with which clients, a table for each transport.
fn matrix(class: &Class) -> String {
    let mut text = String::new();
    for transport in ["tcp", "udp", "ws"] {
        let (servers, clients) = class.sides(transport);
        let is_any =
            servers.iter().any(|server| clients.iter().any(|client| class.chat(*server, *client).is_some()));
        if !is_any {
            continue;
        }
        let _ = writeln!(text, "\n{}", about_pairs(transport));
        for (number, client) in clients.iter().enumerate() {
            let _ = writeln!(text, "  {}  {}", number + 1, class.entries[*client].name);
        }
        let names = widest(servers.iter().map(|server| &*class.entries[*server].name));
        let numbers: Vec<String> = (1..=clients.len()).map(|number| cell(&number.to_string(), 3)).collect();
        let _ = writeln!(text, "{}  {}", cell("", names), numbers.concat().trim_end());
        for server in servers {
            let signs = clients
                .iter()
                .map(|client| sign(class.chat(server, *client)).to_string() + "  ")
                .collect::<String>();
            let _ = writeln!(text, "{}  {}", cell(&class.entries[server].name, names), signs.trim_end());
        }
    }
    text
}

impl Class {
    /// The servers and the clients of a transport, by their places in the list.
    pub fn sides(&self, transport: &str) -> (Vec<usize>, Vec<usize>) {
        let of_transport =
            (0..self.entries.len()).filter(|at| self.entries[*at].kind.transport() == transport);
        of_transport.partition(|at| self.entries[*at].kind.is_server())
    }

    /// Whether these two chat.
    pub fn chat(&self, server: usize, client: usize) -> Option<bool> {
        self.pairs
            .iter()
            .find(|pair| (pair.server, pair.client) == (server, client))
            .and_then(|pair| pair.chat)
    }
}

fn json(class: &Class) -> Vec<String> {
    let mut lines: Vec<String> = class
        .entries
        .iter()
        .zip(&class.results)
        .map(|(entry, result)| person(entry, result.as_ref()))
        .collect();
    for pair in &class.pairs {
        let name = |at: usize| &*class.entries[at].name;
        let chat = pair.chat.map(|chat| if chat { "yes" } else { "no" });
        let object = Object::default().text("server", name(pair.server)).text("client", name(pair.client));
        lines.push(
            object.text("transport", class.entries[pair.server].kind.transport()).maybe("chat", chat).close(),
        );
    }
    let done = class.results.iter().flatten().count();
    let summary =
        Object::default().number("programs", class.entries.len() as f64).number("checked", done as f64);
    lines.push(Object::default().object("summary", summary).close());
    lines
}

fn person(entry: &Entry, result: Option<&Found>) -> String {
    let outcome = match result {
        None => "not-yet",
        Some(Found { why_not: Some(_), .. }) => "not-finished",
        Some(_) => "checked",
    };
    let cases = result.iter().flat_map(|result| &result.cases).map(|told| {
        Object::default().text("case", &told.id).text("level", &told.level).text("outcome", &told.outcome)
    });
    let first = result.and_then(Found::first);
    Object::default()
        .text("name", &entry.name)
        .text("kind", &entry.what)
        .text("command", &entry.command)
        .text("outcome", outcome)
        .maybe("why", result.and_then(|result| result.why_not.as_deref()))
        .maybe("first", first.map(|told| &*told.id))
        .maybe("cause", first.map(|told| &*told.cause))
        .list("cases", cases)
        .close()
}

/// All cases that these were asked, each once.
pub fn cases<'a>(results: impl Iterator<Item = &'a Found>) -> Vec<&'a str> {
    let mut ids: Vec<&str> = Vec::new();
    for told in results.flat_map(|result| &result.cases) {
        if !ids.contains(&&*told.id) {
            ids.push(&told.id);
        }
    }
    ids
}

/// For a spreadsheet (RFC 4180). The mark at the beginning tells Excel that it is UTF-8.
fn csv(class: &Class) -> String {
    let ids = cases(class.results.iter().flatten());
    let head = ["name", "kind", "notes", "of", "safe", "of", "first", "why"];
    let mut text = "\u{feff}".to_string() + &csv_line(head.iter().chain(&ids).map(ToString::to_string));
    for (entry, result) in class.entries.iter().zip(&class.results) {
        let count = |level| result.as_ref().map(|result| result.count(level)).unwrap_or_default();
        let (notes, safe) = (count(Level::Notes), count(Level::Safe));
        let numbers = [notes.0, notes.1, safe.0, safe.1].map(|number| number.to_string());
        let first = result.as_ref().and_then(Found::first).map(|told| told.id.clone()).unwrap_or_default();
        let why = result.as_ref().and_then(|result| result.why_not.clone()).unwrap_or_default();
        let outcomes = ids.iter().map(|id| {
            let told = result.iter().flat_map(|result| &result.cases).find(|told| told.id == *id);
            told.map(|told| told.outcome.clone()).unwrap_or_default()
        });
        let start = [entry.name.clone(), entry.what.clone()].into_iter().chain(numbers).chain([first, why]);
        text += &csv_line(start.chain(outcomes));
    }
    text
}

fn csv_line(cells: impl Iterator<Item = String>) -> String {
    // What looks like a formula is one to a spreadsheet, unless this stands before it.
    let text = |cell: String| match cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{cell}"),
        false => cell,
    };
    let quoted = |cell: String| match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    };
    cells.map(text).map(quoted).collect::<Vec<_>>().join(",") + "\r\n"
}

/// For what reads the reports of JUnit: a suite for each program, a test for each case.
fn junit(class: &Class) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n".to_string();
    for (entry, result) in class.entries.iter().zip(&class.results) {
        let cases = result.as_ref().map(|result| &result.cases[..]).unwrap_or_default();
        let count = |word: &str| cases.iter().filter(|told| told.outcome == word).count();
        let why_not = result.as_ref().and_then(|result| result.why_not.as_deref());
        let (failures, skipped) = (count("failed"), count("waiting") + count("not-checked"));
        let (name, errors) =
            (attribute(&format!("{} {}", entry.name, entry.what)), usize::from(why_not.is_some()));
        let tests = cases.len() + errors;
        let _ = writeln!(
            text,
            "<testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\">"
        );
        for told in cases {
            let _ = writeln!(text, "{}", testcase(&name, told));
        }
        if let Some(why) = why_not {
            let why = attribute(why);
            let _ = writeln!(
                text,
                "<testcase classname=\"{name}\" name=\"check\"><error message=\"{why}\"/></testcase>"
            );
        }
        text += "</testsuite>\n";
    }
    text + "</testsuites>\n"
}

fn testcase(of: &str, Told { id, outcome, cause, .. }: &Told) -> String {
    let came = match outcome.as_str() {
        "passed" => String::new(),
        "failed" => format!("<failure message=\"{}\"/>", attribute(cause)),
        _ => "<skipped/>".to_string(),
    };
    format!("<testcase classname=\"{of}\" name=\"{id}\">{came}</testcase>")
}

/// A text as a value in XML, which has no control characters, and two others neither (XML 1.0, 2.2).
fn attribute(text: &str) -> String {
    let is_none = |c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}');
    let text = text.replace(is_none, " ");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::{attribute, csv_line};

    #[test]
    fn a_cell_is_no_formula() {
        let cells = ["=1+1", "+1", "-1", "@x", "\tx", "a=1", "5", "=\"a\",1"].map(str::to_string);
        let line = "'=1+1,'+1,'-1,'@x,'\tx,a=1,5,\"'=\"\"a\"\",1\"\r\n";
        assert_eq!(csv_line(cells.into_iter()), line);
    }

    #[test]
    fn a_value_has_only_what_xml_has() {
        assert_eq!(attribute("<a\u{1b}\u{0}\u{ffff}&\">"), "&lt;a   &amp;&quot;&gt;");
    }
}
