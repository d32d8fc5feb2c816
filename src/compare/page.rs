//! The page: their lines left, ours right, row by row, in one HTML file that needs nothing else.

use std::collections::BTreeSet;
use std::ops::Range;

use super::lex::{Kind, Language, Token, lex};
use super::markdown::{Difference, differences};
use super::pair::{Row, rows};
use super::steps::{is_anchor, is_remark, mark};
use super::{Found, Program, Source};
use crate::support::html::{document, escape};
use crate::support::lang::{Lang, lang};
use crate::tr;

/// The whole page.
pub fn page(found: &[Found<'_>], problems: &[String]) -> String {
    let explanations = match lang() {
        Lang::Zh => include_str!("../../docs/differences.zh-CN.md"),
        Lang::En => include_str!("../../docs/differences.md"),
    };
    let explanations = differences(explanations);
    let title = tr!(zh "笔记与 Rust 代码对照", en "The notes beside the Rust");
    let how = tr!(zh "左边是你的笔记，右边是我们的代码，一行一步。左侧有竖线的行是成对的步骤：指向它，或用 Tab 键走到它，两边会一起亮起。D 加数字是有意的差异，点开可以看说明。",
                  en "Your notes left, our code right, a step a row. The lines with a bar are the paired steps: point at one, or go there with Tab, and both sides light up. D and a number is a deliberate difference; open it to read why.");
    let links = found.iter().map(|Found { program, .. }| format!("<a href=\"#{0}\">{0}</a> ", program.name));
    let problems = problems.iter().map(|problem| format!("<li>{}</li>", escape(problem)));
    let problems: String = problems.collect();
    let problems =
        if problems.is_empty() { String::new() } else { format!("<ul class=\"problems\">{problems}</ul>") };
    let (links, programs): (String, String) =
        (links.collect(), found.iter().map(|found| program(found, &explanations)).collect());
    let body = format!(
        "<header>\n<h1>{title}</h1>\n<p>{how}</p>\n<nav>{links}</nav>\n{problems}</header>\n\
         <main>\n{programs}</main>\n"
    );
    document(&title, include_str!("page.css"), &body)
}

/// A row with more lines on one side is shown in part.
const LONG: usize = 16;

/// A line of code as it is shown. What is empty is left out.
struct Line<'a> {
    /// The file, where another one begins.
    file: Option<&'a str>,
    number: usize,
    text: &'a str,
    tokens: Vec<Token<'a>>,
    /// It has a partner.
    is_step: bool,
}

/// The lines of a text, counted from `first`.
fn lines(text: &str, language: Language, first: usize) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = (first..)
        .zip(text.lines())
        .map(|(number, text)| Line { file: None, number, text, tokens: Vec::new(), is_step: false })
        .collect();
    for token in lex(text, language) {
        if let Some(line) = lines.get_mut(token.line) {
            line.tokens.push(token);
        }
    }
    lines
}

fn our_lines(program: &Program) -> Vec<Line<'_>> {
    let mut all: Vec<Line<'_>> = Vec::new();
    for Source(path, language, text) in program.ours {
        let start = all.len();
        all.extend(lines(text, *language, 1));
        all[start].file = (start > 0).then_some(*path);
    }
    all
}

/// A program: a table, a row for each step. Above the first step and below the last function that
/// has one stands what the notes don't have: that is folded.
fn program(found: &Found<'_>, explanations: &[Difference<'_>]) -> String {
    let Found { program, block, pairing } = found;
    let mut left = lines(&block.text, program.language, block.first_line);
    let mut right = our_lines(program);
    for (theirs, ours) in &pairing.pairs {
        (left[*theirs].is_step, right[*ours].is_step) = (true, true);
    }
    let remarks = |lines: &[Line<'_>]| lines.iter().map(|line| is_remark(line.text)).collect::<Vec<_>>();
    let mut rows = rows(&pairing.pairs, &remarks(&left), &remarks(&right));
    if let Some(Row { left: theirs, right: ours }) = rows.pop() {
        let end = right[ours.clone()].iter().position(|line| line.text == "}");
        let end = end.map_or(ours.end, |at| ours.start + at + 1);
        rows.push(Row { left: theirs.clone(), right: ours.start..end });
        rows.push(Row { left: theirs.end..theirs.end, right: end..ours.end });
    }
    let last = rows.len() - 1;
    let rows = rows.iter().enumerate().map(|(at, Row { left: theirs, right: ours })| {
        let (theirs, ours) = (&left[theirs.clone()], &right[ours.clone()]);
        let (id, folded) = (format!("{}-{at}", program.name), at == 0 || at == last);
        let why = explain(&id, ours, explanations);
        if folded {
            return format!("<tbody>{}</tbody>\n", row(theirs, ours, &id, true) + &why);
        }
        // Remarks stand in a row of their own, so that the step stands beside the step.
        let code = |lines: &[Line<'_>]| lines.iter().position(|line| !is_remark(line.text)).unwrap_or(0);
        let (their_remarks, theirs) = theirs.split_at(code(theirs));
        let (our_remarks, ours) = ours.split_at(code(ours));
        let remarks = row(their_remarks, our_remarks, &id, false);
        format!("<tbody>{}</tbody>\n", remarks + &row(theirs, ours, &id, false) + &why)
    });
    let name = program.name;
    let theirs = escape(&block.file);
    let ours = program.ours.iter().map(|source| source.0).collect::<Vec<_>>().join(", ");
    let rows: String = rows.collect();
    format!(
        "<section id=\"{name}\">\n<h2>{name}</h2>\n<table>\n<thead>\n<tr><th scope=\"col\">{theirs}</th>\
         <th scope=\"col\">{ours}</th></tr>\n</thead>\n{rows}</table>\n</section>\n"
    )
}

/// Lines of theirs beside lines of ours, if there are any to show.
fn row(theirs: &[Line<'_>], ours: &[Line<'_>], id: &str, folded: bool) -> String {
    let (theirs, ours) = (cell(theirs, None, folded), cell(ours, Some(id), folded));
    if theirs.is_empty() && ours.is_empty() {
        return String::new();
    }
    format!("<tr><td class=\"theirs\">{theirs}</td><td class=\"ours\">{ours}</td></tr>\n")
}

/// One side of a row. `id` is for what ours leads to.
fn cell(lines: &[Line<'_>], id: Option<&str>, folded: bool) -> String {
    let lines: Vec<&Line<'_>> = lines.iter().filter(|line| id.is_none() || !is_anchor(line.text)).collect();
    let has_text = |line: &&Line<'_>| !line.text.trim().is_empty();
    let start = lines.iter().position(has_text).unwrap_or(lines.len());
    let end = lines.iter().rposition(has_text).map_or(start, |last| last + 1);
    let lines = &lines[start..end];
    let html = |lines: &[&Line<'_>]| lines.iter().filter_map(|line| line_html(line, id)).collect::<String>();
    // A long stretch without a step is for whoever wants to know.
    let shown = match lines.len() {
        _ if folded => 0,
        many if many > LONG => LONG / 4,
        few => few,
    };
    let (shown, hidden) = lines.split_at(shown);
    match hidden.len() {
        0 => html(shown),
        count => {
            let summary = tr!(zh "另有 {count} 行", en "{count} lines more");
            let hidden = html(hidden);
            html(shown) + &format!("<details><summary>{summary}</summary>{hidden}</details>")
        }
    }
}

/// A line, if there is anything to show in it: the mark of a step isn't, for the step stands beside it.
fn line_html(line: &Line<'_>, id: Option<&str>) -> Option<String> {
    let mut html = String::new();
    for (at, token) in line.tokens.iter().enumerate() {
        let calls = line.tokens.get(at + 1).is_some_and(|next| next.text == "(" || next.text == "!");
        let class = match token.kind {
            Kind::Comment => {
                let comment = id.map_or_else(|| escape(token.text), |id| our_comment(token.text, id));
                if !comment.is_empty() {
                    html += &format!("<span class=\"c\">{comment}</span>");
                }
                continue;
            }
            Kind::Keyword => "k",
            Kind::Text => "s",
            Kind::Number => "n",
            Kind::Tag => "t",
            Kind::Word if calls => "f",
            Kind::Word | Kind::Other => {
                html += &escape(token.text);
                continue;
            }
        };
        html += &format!("<span class=\"{class}\">{}</span>", escape(token.text));
    }
    let step = if line.is_step { " step\" tabindex=\"0" } else { "" };
    let number = line.number;
    let html = html.trim_end();
    let file =
        line.file.map_or(String::new(), |file| format!("<div class=\"file\">{}</div>\n", escape(file)));
    (!html.trim().is_empty() || line.text.is_empty()).then(|| {
        format!("{file}<div class=\"line{step}\" data-line=\"{number}\"><code>{html}</code></div>\n")
    })
}

/// A comment of ours: without the mark in it, and each difference leads to its explanation.
fn our_comment(comment: &str, id: &str) -> String {
    let text = match mark(comment).and_then(|mark| comment.split_once(mark)) {
        Some((before, after)) => {
            let before = before.trim_end_matches("Go: ").trim_end_matches("Notes: ");
            let rest = before.to_string() + after.trim_start_matches(['.', ')', ' ']);
            if rest.contains(char::is_alphanumeric) { rest } else { String::new() }
        }
        None => comment.to_string(),
    };
    let (mut html, mut from) = (String::new(), 0);
    for (at, number) in mentions(&text) {
        let name = &text[at.clone()];
        html += &format!("{}<a href=\"#{id}-d{number}\">{name}</a>", escape(&text[from..at.start]));
        from = at.end;
    }
    html + &escape(text[from..].trim_end())
}

/// Where a text names a difference, as `D4`, and which.
fn mentions(text: &str) -> Vec<(Range<usize>, u8)> {
    let mention = |(at, _)| {
        let digits = text[at + 1..].bytes().take_while(u8::is_ascii_digit).count();
        let end = at + 1 + digits;
        let in_word = text[..at].chars().next_back().is_some_and(char::is_alphanumeric);
        let number = text[at + 1..end].parse().ok().filter(|_| !in_word)?;
        Some((at..end, number))
    };
    text.match_indices('D').filter_map(mention).collect()
}

/// The explanations of the differences that these lines name, folded.
fn explain(id: &str, lines: &[Line<'_>], explanations: &[Difference<'_>]) -> String {
    let mut named = BTreeSet::new();
    for token in lines.iter().flat_map(|line| &line.tokens).filter(|token| token.kind == Kind::Comment) {
        let (mut before, mut last) = (0..0, 0);
        for (at, number) in mentions(token.text) {
            let is_range = &token.text[before.end..at.start] == "–"; // D20–D23
            named.extend(if is_range { last + 1 } else { number }..=number);
            (before, last) = (at, number);
        }
    }
    let folds: String = explanations
        .iter()
        .filter(|(number, ..)| named.contains(number))
        .map(|(number, title, text)| {
            let title = escape(title);
            format!(
                "<details class=\"why\"><summary><b>D{number}</b> {title}</summary>\
                 <div id=\"{id}-d{number}\">{text}</div></details>"
            )
        })
        .collect();
    if folds.is_empty() {
        return folds;
    }
    format!("<tr><td class=\"whys\" colspan=\"2\"><div>{folds}</div></td></tr>\n")
}
