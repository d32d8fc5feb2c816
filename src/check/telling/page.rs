//! `--report FILE.html`: what came of a run as a page, to be handed out. Whatever the program under test has said is
//! hostile: it all goes through [`html`].

use std::time::{Duration, SystemTime};

use super::events::{Record, columns};
use super::text::Text;
use super::timeline::{html, timeline};
use super::verdict::{Outcome, Report};
use crate::check::command::{Ended, Played, TOO_BUSY};
use crate::check::hints::{Hands, command::by_hand};
use crate::check::stage::target::command_line;
use crate::check::{Kind, Target};
use crate::course::Exercise;
use crate::support::html::document;
use crate::{text, tr};

/// The whole page. `sums` are the lines below a run.
pub(in crate::check) fn page(kind: Kind, target: &Target, all: &[Played], sums: &[String]) -> String {
    let command = html(&command_line(&target.words));
    let title = tr!(zh "{kind} 检查报告", en "{kind}, checked");
    let (when, sums) = (date(SystemTime::now()), sums.iter().map(|line| format!("<li>{}</li>", html(line))));
    let sums: String = sums.collect();
    let rows: String = all.iter().map(row).collect();
    let labels = [LABELS.case, LABELS.title, LABELS.outcome, LABELS.seconds];
    let labels: String = labels.map(|label| format!("<th scope=\"col\">{label}</th>")).concat();
    let failures: String = all.iter().filter_map(|played| failure(kind, target, played)).collect();
    let how = if failures.is_empty() { String::new() } else { format!("<p class=\"how\">{HOW}</p>\n") };
    let body = format!(
        "<header>\n<h1>{title}</h1>\n<p><code>{command}</code></p>\n<p class=\"quiet\">{when}</p>\n\
         <ul class=\"sums\">{sums}</ul>\n</header>\n<main>\n<table class=\"cases\">\n\
         <thead><tr>{labels}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n{how}{failures}</main>\n"
    );
    document(&title, include_str!("page.css"), &body)
}

struct Labels {
    case: Text,
    title: Text,
    outcome: Text,
    seconds: Text,
}

const LABELS: Labels = Labels {
    case: text!(zh "项目", en "case"),
    title: text!(zh "要做到的", en "what must hold"),
    outcome: text!(zh "结果", en "outcome"),
    seconds: text!(zh "秒", en "s"),
};

const HOW: Text = text!(zh "图里时间从上往下走，每人一条线：检查器扮演的人，你的程序，以及它的 stderr。箭头是说的话，圆点是\
                            那里发生的事，斜线是沉默。省略了的内容可以点开。",
                        en "In the pictures time runs downwards, and everybody has a line: those whom the checker plays, \
                            the program, and its stderr. An arrow is something said, a dot something that happens there, \
                            hatching is silence. What is cut can be opened.");

/// A case in the table of all.
fn row(Played { case, outcome, seconds, .. }: &Played) -> String {
    let (id, word, title) = (case.id, outcome.word(), prose(&case.title.to_string()));
    let name = match outcome {
        Ended::Failed(_) => format!("<a href=\"#{id}\">{id}</a>"),
        _ => id.to_string(),
    };
    let (told, seconds) = (html(&told(outcome)), format!("{seconds:.1}"));
    let is_tried = matches!(outcome, Ended::Passed | Ended::Failed(_));
    let seconds = if is_tried { seconds } else { String::new() };
    format!(
        "<tr class=\"{word}\"><td>{name}</td><td>{title}</td><td>{told}</td><td class=\"number\">{seconds}</td></tr>\n"
    )
}

fn told(outcome: &Ended) -> String {
    match outcome {
        Ended::Passed => tr!(zh "✓ 通过", en "✓ holds"),
        Ended::Failed(_) => tr!(zh "✗ 没有通过", en "✗ fails"),
        Ended::Waiting(root) => tr!(zh "· 等 {root} 通过", en "· waits for {root}"),
        Ended::NotChecked(why) => tr!(zh "- 没有检查: {why}", en "- not checked: {why}"),
        Ended::TooBusy => tr!(zh "- 没有检查: {TOO_BUSY}", en "- not checked: {TOO_BUSY}"),
    }
}

/// A sentence of ours, in which what stands between backticks is code.
fn prose(text: &str) -> String {
    let parts = text.split('`').map(html).enumerate();
    parts.map(|(at, part)| if at % 2 == 0 { part } else { format!("<code>{part}</code>") }).collect()
}

/// All that is to be said of a case that fails.
fn failure(kind: Kind, target: &Target, played: &Played) -> Option<String> {
    let Played { case, outcome: Ended::Failed(report), record, ours, .. } = played else { return None };
    let (id, title) = (report.id, prose(&report.title.to_string()));
    let sentences = sentences(kind, report);
    let by_hand = html(by_hand(kind, case, &Hands::of(kind, target, &report.address)).trim_end());
    let yours = tr!(zh "你的程序", en "Yours");
    let yours = side(&yours, record, Some(report));
    let ours = ours.as_ref().map_or(String::new(), |(outcome, record)| beside(outcome, record));
    Some(format!(
        "<section id=\"{id}\">\n<h2>✗ {id} <span>{title}</span></h2>\n<dl>{sentences}</dl>\n\
         <div class=\"sides\">\n{yours}{ours}</div>\n<pre>{by_hand}</pre>\n</section>\n"
    ))
}

/// The verdict, the cause, and what teaches it.
fn sentences(kind: Kind, report: &Report) -> String {
    let exercise = Exercise::that_teaches(kind, report.id).map(|exercise| {
        let (number, title, folder) = (exercise.number(), exercise.title, exercise.folder);
        tr!(zh "练习 {number}：{title}，docs/exercises/{folder}/README.zh-CN.md",
            en "exercise {number}, {title}: docs/exercises/{folder}/README.md")
    });
    let difference = report.id.split('-').next().filter(|id| id.starts_with('D')).map(|id| {
        let anchor = id.to_lowercase();
        tr!(zh "{id} 的解释: docs/differences.zh-CN.md#{anchor}", en "{id} is explained in docs/differences.md#{anchor}")
    });
    let teaches: Vec<String> = difference.into_iter().chain(exercise).map(|line| html(&line)).collect();
    let mut all = vec![
        (text!(zh "预期", en "Expected"), html(&report.expected)),
        (text!(zh "实际", en "Got"), got(report)),
        (text!(zh "可能的原因", en "Likely cause"), html(&report.hint)),
    ];
    if !teaches.is_empty() {
        all.push((text!(zh "在哪里学", en "Taught in"), teaches.join("<br>")));
    }
    all.into_iter().map(|(label, text)| format!("<dt>{label}</dt><dd>{text}</dd>")).collect()
}

/// What came, with a caret below the first byte that differs, wherever the line breaks.
fn got(Report { got, differs_at, .. }: &Report) -> String {
    let Some(differs_at) = *differs_at else { return html(got) };
    let mut column = 0;
    let at = got.char_indices().find(|(_, c)| {
        column += columns(*c);
        column > differs_at
    });
    let (before, rest) = got.split_at(at.map_or(got.len(), |(at, _)| at));
    let first = rest.chars().next().map_or(String::new(), String::from);
    let behind = &rest[first.len()..];
    format!("{}<mark>{}</mark>{}", html(before), html(&first), html(behind))
}

/// The same case, as our own program plays it.
fn beside(outcome: &Outcome, record: &Record) -> String {
    let seconds = record.end.as_secs_f64();
    match outcome {
        Outcome::Passed => {
            let ours = tr!(zh "我们的程序：通过，{seconds:.1} 秒", en "Ours: holds, in {seconds:.1} s");
            side(&ours, record, None)
        }
        Outcome::Failed(report) => {
            let ours = tr!(zh "我们的程序这时也没有通过", en "Ours: doesn't make it now, either");
            side(&ours, record, Some(report))
        }
        Outcome::NotChecked(_) => String::new(),
    }
}

fn side(caption: &str, record: &Record, report: Option<&Report>) -> String {
    let (got, inside) = (report.map(|report| &*report.got), report.map_or(&[][..], |report| &report.xray));
    format!("<figure>\n<figcaption>{caption}</figcaption>\n{}</figure>\n", timeline(record, got, inside))
}

/// `2026-11-26 14:05 UTC`: std knows no calendar, and no time zone.
fn date(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute) = (seconds / 3600 % 24, seconds / 60 % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

/// The day of the calendar, so many days after 1970-01-01.
fn civil(mut days: u64) -> (u64, usize, u64) {
    let is_leap = |year: u64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= months[month] {
        days -= months[month];
        month += 1;
    }
    (year, month + 1, days + 1)
}

#[cfg(test)]
mod tests {
    use super::civil;

    #[test]
    fn days_have_their_date() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(11_017), (2000, 3, 1));
        assert_eq!(civil(20_783), (2026, 11, 26));
        assert_eq!(civil(20_818), (2026, 12, 31));
    }
}
