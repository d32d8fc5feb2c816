//! What came of a class as one HTML page that needs nothing else: the people, their cases, and who chats with whom.

use super::entry::{Result as Found, Told};
use super::tell::{about_pairs, cases, sign, what_next};
use super::{Class, Entry};
use crate::check::telling::timeline::html;
use crate::check::{Kind, Level};
use crate::support::html::document;
use crate::tr;

/// The whole page.
pub fn page(class: &Class) -> String {
    let title = tr!(zh "全班的程序", en "The programs of the class");
    let how = tr!(zh "✓ 通过，✗ 没有通过，· 等别的先通过，– 没有检查。指着一格，可以看到可能的原因。",
                  en "✓ holds, ✗ fails, · waits for another one, – was not checked. Point at a cell for the likely cause.");
    let whos = [people(class), Kind::all().map(|kind| grid(class, kind)).collect(), pairs(class)].concat();
    let body = format!("<h1>{title}</h1>\n<p>{how}</p>\n{whos}");
    document(&title, include_str!("page.css"), &body)
}

fn section(title: &str, head: &str, rows: &str) -> String {
    format!(
        "<section>\n<h2>{title}</h2>\n<div class=\"wide\"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n</section>\n"
    )
}

fn people(class: &Class) -> String {
    let row = |(entry, result): (&Entry, &Option<Found>)| {
        let (name, what) = (html(&entry.name), html(&entry.what));
        let bars = [Level::Notes, Level::Safe].map(|level| bar(result.as_ref(), level)).concat();
        let words = result.as_ref().map_or(tr!(zh "还没有检查", en "not checked yet"), what_next);
        let cause = result.as_ref().and_then(Found::first).map(|told| html(&told.cause)).unwrap_or_default();
        format!(
            "<tr><th scope=\"row\">{name}</th><td>{what}</td>{bars}<td class=\"text\">{}<br><small>{cause}</small></td></tr>\n",
            html(&words)
        )
    };
    let rows: String = class.entries.iter().zip(&class.results).map(row).collect();
    let (name, what) = (tr!(zh "姓名", en "name"), tr!(zh "种类", en "kind"));
    let how = tr!(zh "先修好什么，可能的原因", en "what to mend first, and the likely cause");
    let head = format!("<th>{name}</th><th>{what}</th><th>notes</th><th>safe</th><th>{how}</th>");
    section(&tr!(zh "各人", en "Everybody"), &head, &rows)
}

fn bar(result: Option<&Found>, level: Level) -> String {
    let (held, all) = result.map(|result| result.count(level)).unwrap_or_default();
    if all == 0 {
        return "<td>–</td>".to_string();
    }
    format!("<td><meter value=\"{held}\" max=\"{all}\">{held}/{all}</meter> {held}/{all}</td>")
}

/// The people of a kind, and all its cases.
fn grid(class: &Class, kind: Kind) -> String {
    let of_kind =
        |(entry, _): &(&Entry, &Option<Found>)| entry.kind == kind && entry.what == kind.to_string();
    let rows: Vec<_> = class.entries.iter().zip(&class.results).filter(of_kind).collect();
    let ids = cases(rows.iter().filter_map(|(_, result)| result.as_ref()));
    if ids.is_empty() {
        return String::new();
    }
    let head: String = ids.iter().map(|id| format!("<th class=\"case\"><span>{id}</span></th>")).collect();
    let row = |(entry, result): &(&Entry, &Option<Found>)| {
        let told = |id: &&str| result.iter().flat_map(|result| &result.cases).find(|told| told.id == *id);
        let cells: String = ids.iter().map(|id| case(told(id))).collect();
        format!("<tr><th scope=\"row\">{}</th>{cells}</tr>\n", html(&entry.name))
    };
    section(&kind.to_string(), &format!("<th></th>{head}"), &rows.iter().map(row).collect::<String>())
}

fn case(told: Option<&Told>) -> String {
    let Some(Told { id, outcome, cause, .. }) = told else { return "<td></td>".to_string() };
    let (class, sign) = match outcome.as_str() {
        "passed" => ("yes", "✓"),
        "failed" => ("no", "✗"),
        "waiting" => ("", "·"),
        _ => ("", "–"),
    };
    let about = if cause.is_empty() { id.clone() } else { format!("{id}: {cause}") };
    format!("<td class=\"{class}\" title=\"{}\">{sign}</td>", html(&about))
}

/// Who chats with whom.
fn pairs(class: &Class) -> String {
    let tables = ["tcp", "udp", "ws"].map(|transport| {
        let (servers, clients) = class.sides(transport);
        if servers.is_empty() || clients.is_empty() {
            return String::new();
        }
        let name = |at: &usize| html(&class.entries[*at].name);
        let head: String = clients
            .iter()
            .map(|client| format!("<th class=\"case\"><span>{}</span></th>", name(client)))
            .collect();
        let row = |server: &usize| {
            let cells = clients.iter().map(|client| {
                let chat = class.chat(*server, *client);
                let class = match chat {
                    Some(true) => "yes",
                    Some(false) => "no",
                    None => "",
                };
                format!("<td class=\"{class}\">{}</td>", sign(chat))
            });
            format!("<tr><th scope=\"row\">{}</th>{}</tr>\n", name(server), cells.collect::<String>())
        };
        let rows: String = servers.iter().map(row).collect();
        section(&about_pairs(transport), &format!("<th></th>{head}"), &rows)
    });
    tables.concat()
}
