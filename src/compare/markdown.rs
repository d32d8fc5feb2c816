//! As much Markdown as the explanations of the differences use.

use crate::support::html::escape;

/// A difference: its number, its title, and its explanation as HTML.
pub type Difference<'a> = (u8, &'a str, String);

/// The sections `### D4: Title` of the page of differences.
pub fn differences(text: &str) -> Vec<Difference<'_>> {
    let mut all = Vec::new();
    for section in text.split("\n### D").skip(1) {
        let Some((head, body)) = section.split_once('\n') else { continue };
        let Some((number, title)) = head.split_once([':', '：']) else { continue };
        let end = body.find("\n<a id").into_iter().chain(body.find("\n## ")).min().unwrap_or(body.len());
        if let Ok(number) = number.parse() {
            all.push((number, title.trim(), html(&body[..end])));
        }
    }
    all
}

/// Paragraphs, lists and blocks of code.
fn html(text: &str) -> String {
    let mut out = String::new();
    for (at, part) in text.split("```").enumerate() {
        if at % 2 == 1 {
            let code = part.split_once('\n').map_or("", |(_, code)| code);
            out += &format!("<pre tabindex=0><code>{}</code></pre>", escape(code.trim_end()));
            continue;
        }
        for block in part.split("\n\n").map(str::trim).filter(|block| !block.is_empty()) {
            match block.strip_prefix("- ") {
                Some(list) => {
                    let items = list.split("\n- ").map(|item| format!("<li>{}</li>", spans(item)));
                    out += &format!("<ul>{}</ul>", items.collect::<String>());
                }
                None => out += &format!("<p>{}</p>", spans(block)),
            }
        }
    }
    out
}

/// Code, emphasis, and links, of which the text is kept: what they lead to isn't in the page.
fn spans(text: &str) -> String {
    let mut out = String::new();
    for (at, part) in text.split('`').enumerate() {
        if at % 2 == 1 {
            out += &format!("<code>{}</code>", escape(part));
            continue;
        }
        let plain = without_links(part);
        for (at, part) in plain.split('*').enumerate() {
            let (open, close) = if at % 2 == 1 && !part.is_empty() { ("<em>", "</em>") } else { ("", "") };
            out += &format!("{open}{}{close}", escape(part));
        }
    }
    out
}

fn without_links(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        out += before;
        match after.split_once("](").and_then(|(label, after)| Some((label, after.split_once(')')?.1))) {
            Some((label, after)) => {
                out += label;
                rest = after;
            }
            None => {
                out.push('[');
                rest = after;
            }
        }
    }
    out + rest
}
