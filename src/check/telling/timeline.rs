//! A case as a picture, time downwards: a table whose rows are what happened, with a lane each for everybody. It needs
//! no more than HTML and CSS, so that labels wrap on a phone, and a long one goes on on the next sheet of paper.

use std::mem;
use std::time::Duration;

use super::events::{Event, Flow, MAX_LINES, Record, SILENCE, What, is_cut, show_up_to};
use super::lanes::{Lane, Lanes};
use crate::check::stage::xray::{self, Look};
use crate::support::html::escape;
use crate::support::terminal::visible;
use crate::tr;

/// Text of anybody, as HTML: harmless, and its control characters visible.
pub fn html(text: &str) -> String {
    escape(&visible(text))
}

/// What one sees in a picture, from top to bottom.
enum Item<'a> {
    Event(&'a Event),
    Flow(&'a Flow),
    /// The case fails: that came.
    Fails(&'a str),
}

impl Item<'_> {
    /// When it begins, and when it ends.
    fn time(&self, end: Duration) -> (Duration, Duration) {
        match self {
            Item::Event(event) => (event.at, event.at),
            Item::Flow(flow) => (flow.from, flow.until),
            Item::Fails(_) => (end, end),
        }
    }

    /// A few bytes that nobody looks at aren't worth a row: they only break a silence.
    fn has_row(&self) -> bool {
        !matches!(self, Item::Flow(flow) if flow.bytes < WORTH_A_ROW)
    }
}

/// Less than that isn't, in bytes: greetings, for example.
const WORTH_A_ROW: usize = 4 << 10;

/// The picture of a case; `got` is where it fails, and `inside` what was seen in the program while it was silent.
#[must_use]
pub fn timeline(record: &Record, got: Option<&str>, inside: &[Look]) -> String {
    let Record { events, flows, end } = record;
    let is_seen = |flow: &&Flow| flow.bytes >= WORTH_A_ROW && flow.from <= *end;
    let seen: Vec<Flow> = flows.iter().filter(is_seen).cloned().collect();
    let mut lanes = Lanes::of(events, &seen);
    let mut items: Vec<Item<'_>> = events.iter().map(Item::Event).collect();
    items.extend(flows.iter().filter(|flow| flow.from <= *end).map(Item::Flow));
    items.extend(got.map(Item::Fails));
    items.sort_by_key(|item| item.time(*end).0);
    let rows = rows(&items, *end, &mut lanes, inside);
    let names: String = lanes.0.iter().map(name).collect();
    let (count, at, what) = (lanes.0.len(), tr!(zh "秒", en "s"), tr!(zh "发生了什么", en "what happens"));
    format!(
        "<table class=\"timeline\" style=\"--lanes:{count}\">\n<thead><tr><th class=\"at\">{at}</th>\
         <th class=\"lanes\"><div>{names}</div></th><th class=\"what\">{what}</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n"
    )
}

/// What stands above a lane: a long name from top to bottom.
fn name(lane: &Lane) -> String {
    let name = lane.name();
    let class = if name.chars().count() > 2 { " class=\"long\"" } else { "" };
    format!("<span{class}>{}</span>", html(&name))
}

/// All of them, with the silence between; the middle of very many left out.
fn rows(items: &[Item<'_>], end: Duration, lanes: &mut Lanes, inside: &[Look]) -> String {
    let left_out = items.iter().filter(|item| item.has_row()).count().saturating_sub(MAX_LINES);
    let hidden = MAX_LINES / 2..MAX_LINES / 2 + left_out;
    let (mut inside, looked_at) = (looks(inside), last_silence(items, end));
    let (mut rows, mut count, mut busy_until) = (String::new(), 0, Duration::ZERO);
    for item in items {
        let (from, until) = item.time(end);
        if hidden.contains(&count) {
            rows += &if count == hidden.start && item.has_row() { gap(left_out) } else { String::new() };
        } else {
            let mut inside_if = |holds| if holds { mem::take(&mut inside) } else { String::new() };
            if from > busy_until + SILENCE {
                rows += &silence(busy_until, from, &inside_if(looked_at == Some(busy_until)));
            }
            rows += &row(item, end, lanes, &inside_if(matches!(item, Item::Fails(_))));
        }
        count += usize::from(item.has_row());
        busy_until = busy_until.max(until);
    }
    rows
}

fn gap(left_out: usize) -> String {
    let gap = tr!(zh "… 省略了 {left_out} 个事件 …", en "… {left_out} events left out …");
    format!("<tr class=\"gap\"><td class=\"at\"></td><td class=\"lanes\"></td><td>{gap}</td></tr>\n")
}

/// The longest silence that is drawn as long as it is, in seconds.
const LONGEST: f64 = 4.0;

/// The failure that a silence ends with comes this soon after it: meanwhile one looks into the program.
const SOON: Duration = Duration::from_secs(1);

/// When the silence begins that the case fails by. Who waits in vain for one thing may hear others all the time.
fn last_silence(items: &[Item<'_>], end: Duration) -> Option<Duration> {
    let (mut busy_until, mut last) = (Duration::ZERO, None);
    for (from, until) in items.iter().map(|item| item.time(end)).filter(|(from, _)| *from <= end) {
        if from > busy_until + SILENCE {
            last = Some(busy_until).filter(|_| end < from + SOON);
        }
        busy_until = busy_until.max(until);
    }
    last
}

/// A hatched bar from then to then, and what was seen in the program meanwhile.
fn silence(from: Duration, to: Duration, inside: &str) -> String {
    let seconds = (to - from).as_secs_f64();
    let label = tr!(zh "沉默 {seconds:.1} 秒", en "{seconds:.1} s of silence");
    let shorter =
        if seconds > LONGEST { tr!(zh "（画短了）", en " (drawn shorter)") } else { String::new() };
    let (at, height) = (from.as_secs_f64(), seconds.min(LONGEST));
    format!(
        "<tr class=\"silence\"><td class=\"at\">{at:.3}</td><td class=\"lanes\">\
         <div style=\"--seconds:{height:.1}\"></div></td><td>{label}{shorter}{inside}</td></tr>\n"
    )
}

/// What was seen in the program, a line each.
fn looks(inside: &[Look]) -> String {
    let looks: String = xray::lines(inside).iter().map(|line| format!("<li>{}</li>", html(line))).collect();
    if looks.is_empty() { looks } else { format!("<ul class=\"inside\">{looks}</ul>") }
}

fn row(item: &Item<'_>, end: Duration, lanes: &mut Lanes, inside: &str) -> String {
    let at = item.time(end).0.as_secs_f64();
    let (class, ends, label) = match item {
        Item::Flow(_) if !item.has_row() => return String::new(),
        Item::Flow(flow) => ("flow", Some(lanes.ends_of(flow)), flow_label(flow, end)),
        Item::Event(event) => (class(event), lanes.ends(event), event_label(event)),
        Item::Fails(got) => {
            let got = html(got);
            ("fails", None, tr!(zh "✗ 没有通过：{got}", en "✗ fails: {got}"))
        }
    };
    let mark = ends.map_or(String::new(), mark);
    format!(
        "<tr class=\"{class}\"><td class=\"at\">{at:.3}</td><td class=\"lanes\">{mark}</td><td>{label}{inside}</td></tr>\n"
    )
}

fn class(event: &Event) -> &'static str {
    match event.what {
        What::Starts(_) => "starts",
        What::Sends(_) | What::Types(_) => "sends",
        What::Gets(_) => "gets",
        What::Prints(_) => "prints",
        What::Warns(_) => "warns",
        What::Says(_) => "says",
    }
}

/// An arrow from one lane to another; a dot where something happens in one.
fn mark((from, to): (usize, usize)) -> String {
    let (left, lanes) = (from.min(to), from.abs_diff(to));
    let class = match from.cmp(&to) {
        std::cmp::Ordering::Less => "right",
        std::cmp::Ordering::Greater => "left",
        std::cmp::Ordering::Equal => "dot",
    };
    format!("<i class=\"{class}\" style=\"--left:{left};--over:{lanes}\"></i>")
}

/// So much of what a row leaves out is there when it is opened. (All of it is in the output of `--json`.)
const MAX_WHOLE: usize = 4 << 10;

/// As in a transcript, without the time. What that cuts can be opened.
fn event_label(event: &Event) -> String {
    let line = event.to_string();
    let line = line.trim_start().split_once("  ").map_or(line.as_str(), |(_, label)| label);
    let label = html(&line.replace("\n         ", "\n"));
    match &event.what {
        What::Sends(bytes)
        | What::Gets(bytes)
        | What::Types(bytes)
        | What::Prints(bytes)
        | What::Warns(bytes)
            if is_cut(event) =>
        {
            let whole = html(&show_up_to(bytes, MAX_WHOLE));
            format!("<details><summary>{label}</summary><code>{whole}</code></details>")
        }
        _ => label,
    }
}

fn flow_label(flow: &Flow, end: Duration) -> String {
    let (who, until) = (html(&flow.who), flow.until.min(end).as_secs_f64());
    let amount = megabytes(flow.bytes);
    let arrow = if flow.is_said { '→' } else { '←' };
    tr!(zh "{who} {arrow} {amount}，到 {until:.3} 秒为止", en "{who} {arrow} {amount}, until {until:.3} s")
}

/// An amount as one says it.
#[must_use]
pub fn megabytes(bytes: usize) -> String {
    let amount = bytes as f64;
    if bytes < 1_000_000 { format!("{:.0} KB", amount / 1e3) } else { format!("{:.1} MB", amount / 1e6) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::lang::{Lang, set};

    fn event(at: u64, who: &str, what: What) -> Event {
        Event { at: Duration::from_millis(at), who: who.to_string(), what }
    }

    #[test]
    fn a_flood_is_no_silence_and_a_stalled_room_is() {
        set(Lang::En);
        let who = "A".to_string();
        let [from, until] = [100, 900].map(Duration::from_millis);
        let record = Record {
            events: vec![
                event(0, "server", What::Starts("./server".to_string())),
                event(50, "A", What::Sends(b"<i>\x1b".to_vec())),
            ],
            flows: vec![Flow { who, is_said: true, from, until, bytes: 4_100_000 }],
            end: Duration::from_millis(13_900),
        };
        let drawn = timeline(&record, Some("nothing"), &[]);
        assert_eq!(drawn.matches("class=\"silence\"").count(), 1, "{drawn}");
        for part in [
            "<td class=\"at\">0.900</td><td class=\"lanes\"><div style=\"--seconds:4.0\">",
            "13.0 s of silence (drawn shorter)",
            "A → 4.1 MB, until 0.900 s",
            "<i class=\"right\" style=\"--left:0;--over:1\"></i></td><td>A → &quot;&lt;i&gt;\\u{1b}&quot;",
            "<span>A</span><span class=\"long\">server</span><span class=\"long\">stderr</span>",
            "✗ fails: nothing",
        ] {
            assert!(drawn.contains(part), "{part} isn't in\n{drawn}");
        }
    }

    #[test]
    fn what_was_seen_inside_stands_beside_the_last_silence_or_below_it() {
        set(Lang::En);
        let drawn = |times: &[u64], end| {
            let events = times.iter().map(|at| event(*at, "A", What::Says("hears".to_string()))).collect();
            let [at, until] = [1, 50].map(Duration::from_millis);
            let hears =
                |who: &str| Flow { who: who.to_string(), is_said: false, from: at, until, bytes: 1 << 20 };
            let (flows, end) = (vec![hears("B"), hears("C")], Duration::from_millis(end));
            timeline(
                &Record { events, flows, end },
                Some("nothing"),
                &[Look { says: "seen".to_string(), ..Look::default() }],
            )
        };
        let list = "<ul class=\"inside\"><li>seen</li></ul>";
        let noise: Vec<u64> = (50..66).map(|tenths| tenths * 100).collect();
        for (beside, drawn) in [
            ("1.2 s of silence", drawn(&[0, 5000, 7500], 8700)),
            ("3.0 s of silence", drawn(&[0], 3050)),
            ("1.5 s of silence", drawn(&[0, 5000, 6500], 6600)),
            ("✗ fails: nothing", drawn(&noise, 6600)),
        ] {
            assert_eq!(drawn.matches(list).count(), 1, "{drawn}");
            assert!(drawn.contains(&format!("{beside}{list}")), "{beside} in\n{drawn}");
        }
    }

    #[test]
    fn the_middle_of_very_many_is_left_out() {
        set(Lang::En);
        let says = |at| event(at, "A", What::Says(format!("step {at}")));
        let events: Vec<Event> = (0..300).map(says).collect();
        let drawn = timeline(&Record { events, ..Record::default() }, None, &[]);
        assert!(drawn.contains("… 100 events left out …"), "{drawn}");
        assert!(drawn.contains("step 99<") && !drawn.contains("step 100<") && drawn.contains("step 200<"));
    }

    #[test]
    fn what_is_cut_can_be_opened() {
        let long = event(1, "A", What::Sends(vec![b'x'; 300]));
        let drawn = timeline(&Record { events: vec![long], ..Record::default() }, None, &[]);
        assert!(drawn.contains("<details><summary>A → ") && drawn.contains(&"x".repeat(300)), "{drawn}");
    }
}
