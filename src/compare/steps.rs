//! The steps of a program, and the marks that name them: what the comparison goes by.

use super::lex::{Kind, Language, Token, lex};

/// A step of the notes' program, or what a mark names.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its line, counted from 0. For a mark: the line of code that it belongs to.
    pub line: usize,
    /// A call such as `listener.Accept`, or the text of a line.
    pub name: String,
    /// A call is compared by its name, anything else by its text.
    pub is_call: bool,
    /// It has to have a partner.
    pub must: bool,
}

impl Step {
    /// Whether this mark names that step.
    pub fn names(&self, step: &Step) -> bool {
        if self.is_call { step.is_call && step.name == self.name } else { holds(step, &self.name) }
    }
}

/// Whether a line has this text, as whole words.
fn holds(step: &Step, text: &str) -> bool {
    let part_of_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    !step.is_call
        && step.name.match_indices(text).any(|(at, _)| {
            let (before, after) = (&step.name[..at], &step.name[at + text.len()..]);
            !part_of_word(before.chars().next_back()) && !part_of_word(after.chars().next())
        })
}

/// The steps of the notes' program: each line, and then the calls in it.
///
/// A call must be named by a mark. What only converts an argument, like `string(…)` inside another
/// call, need not.
pub fn steps(text: &str, language: Language) -> Vec<Step> {
    let tokens = lex(text, language);
    let mut calls = calls(&tokens).into_iter().peekable();
    let mut steps = Vec::new();
    for line in 0..text.lines().count() {
        let code = tokens.iter().filter(|token| token.line == line && token.kind != Kind::Comment);
        let name = one_blank(&code.map(|token| token.text).collect::<String>());
        steps.push(Step { line, name, is_call: false, must: false });
        while let Some(call) = calls.next_if(|call| call.line <= line) {
            steps.push(call);
        }
    }
    steps
}

fn one_blank(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Words before a name that belong to the step: `go handleClient` is not `handleClient`.
const PREFIXES: [&str; 5] = ["go", "defer", "func", "function", "new"];

/// Tags that are no step of a page: what every page has.
const EVERY_PAGE: [&str; 7] = ["<html", "<head", "<meta", "<link", "<script", "<body", "<p"];

/// The calls among the tokens, in the order in which they stand there.
fn calls(tokens: &[Token<'_>]) -> Vec<Step> {
    let is_code = |token: &&Token<'_>| token.kind != Kind::Comment && !token.text.trim().is_empty();
    let code: Vec<Token<'_>> = tokens.iter().filter(is_code).copied().collect();
    let text = |at: usize| code.get(at).map_or("", |token| token.text);
    let (mut calls, mut in_tag) = (Vec::new(), false);
    let mut open: Vec<&str> = Vec::new(); // brackets that have no end yet; those of a call as "call"
    let mut at = 0;
    while let Some(Token { kind, text: first, line }) = code.get(at).copied() {
        let mut push = |name: String, must| calls.push(Step { line, name, is_call: true, must });
        let before = if at > 0 { text(at - 1) } else { "" };
        at += 1;
        match (kind, first) {
            (Kind::Tag, _) => {
                in_tag = true;
                if !first.starts_with("</") && !EVERY_PAGE.contains(&first) {
                    push(first.to_string(), true);
                }
            }
            // onclick="sendMessage()"
            (Kind::Text, _) if in_tag && first.ends_with(")\"") => push(first.trim_matches('"').into(), true),
            (Kind::Word | Kind::Keyword, _) => {
                let name = path(&code, &mut at);
                let prefixed = PREFIXES.contains(&before);
                let inside = open.iter().rev().take_while(|open| **open != "{").any(|open| *open == "call");
                if text(at) == "(" && before != "." && (prefixed || kind == Kind::Word) {
                    let must = name.contains('.') || !inside;
                    push(if prefixed { format!("{before} {name}") } else { name }, must);
                    open.push("call");
                    at += 1;
                } else if text(at) == "=" && text(at + 1) == "function" {
                    push(name, true);
                }
            }
            (_, ">") => in_tag = false,
            (_, "(" | "{") => open.push(first), // what stands in a function is no argument
            (_, ")" | "}") => drop(open.pop()),
            _ => {}
        }
    }
    calls
}

/// A name with its dots, such as `conn.RemoteAddr`, of which the first word stands before `at`.
fn path(code: &[Token<'_>], at: &mut usize) -> String {
    let mut name = code[*at - 1].text.to_string();
    while let Some([dot, word]) = code.get(*at..*at + 2) {
        if dot.text != "." || word.kind != Kind::Word {
            break;
        }
        name = name + "." + word.text;
        *at += 2;
    }
    name
}

/// What the marks in our source name, in their order. A mark is `// Go: listener.Accept()`; it
/// stands behind its line of code or above it. `;` is between several, as in Go; what follows a full
/// stop, or a difference in brackets, is for the reader.
pub fn marks(text: &str, language: Language) -> Vec<Step> {
    let lines: Vec<&str> = text.lines().collect();
    let in_page = matches!(language, Language::Page | Language::Script);
    let notes = if in_page { Language::Page } else { Language::Go };
    let mut marks = Vec::new();
    for comment in lex(text, language).iter().filter(|token| token.kind == Kind::Comment) {
        let Some(mark) = mark(comment.text) else { continue };
        let line = code_line(&lines, comment.line);
        for item in mark.split("; ") {
            let tokens = lex(item, if item.starts_with('<') || !in_page { notes } else { Language::Script });
            let is_path = item.contains('.') && item.chars().all(|c| c.is_alphanumeric() || c == '.');
            let mut named: Vec<Step> = calls(&tokens).into_iter().map(|call| Step { line, ..call }).collect();
            if named.is_empty() {
                named.push(Step { line, name: one_blank(item), is_call: is_path, must: true });
            }
            marks.extend(named);
        }
    }
    marks
}

/// What a comment says is the notes' step.
pub fn mark(comment: &str) -> Option<&str> {
    let after = ["Go: ", "Notes: "].iter().find_map(|key| comment.split_once(key))?.1;
    let mark = after.trim_end_matches("-->").trim_end();
    let mark = mark.split_once(". ").map_or(mark, |(mark, _)| mark).trim_end_matches('.');
    Some(mark.rsplit_once(" (D").map_or(mark, |(mark, _)| mark))
}

/// The line of code that a comment in this line belongs to: this one, or the next that has code.
fn code_line(lines: &[&str], line: usize) -> usize {
    (line..lines.len()).find(|at| !is_remark(lines[*at])).unwrap_or(line)
}

/// Whether a line holds no code of its own, but speaks of the one below.
pub fn is_remark(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with("//") || line.starts_with("#[") || line.starts_with("<!--")
}

/// Whether a line is for the book alone: `// ANCHOR: accept` and `// ANCHOR_END: accept` say what it
/// shows of a file.
pub fn is_anchor(line: &str) -> bool {
    let comment = line.trim().trim_start_matches("//").trim_start_matches("<!--").trim_start();
    comment.starts_with("ANCHOR: ") || comment.starts_with("ANCHOR_END: ")
}
