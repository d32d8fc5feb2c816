//! `plot FILE... DIR`: the results as SVG, by hand, since dots and lines are all there is to draw.
//! Every picture comes in both languages, for light pages and for dark ones, and is narrow enough
//! for a phone. Nothing in it is told by colour alone.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Result;
use super::svg::{self, Picture, WIDTH};

/// One server's figure under one case, out of the JSON.
struct Point {
    proto: String,
    group: String,
    case: String,
    server: String,
    /// Microseconds of CPU per delivery, or why there is no such figure.
    value: std::result::Result<f64, String>,
}

impl Point {
    /// How many receivers `1x300` has, or bytes a line of `1024 B`; and the figure.
    fn spot(&self) -> Option<(f64, f64)> {
        let digits = self.case.trim_start_matches("1x").trim_end_matches(" B");
        Some((digits.parse().ok()?, *self.value.as_ref().ok()?))
    }

    /// The style: ours, another, or a floor.
    fn class(&self) -> &'static str {
        match self.server.as_str() {
            "ours" => "ours",
            server if server.starts_with("floor") => "floor",
            _ => "other",
        }
    }
}

#[derive(Clone, Copy)]
pub enum Lang {
    En,
    Zh,
}

impl Lang {
    pub fn say<'a>(self, en: &'a str, zh: &'a str) -> &'a str {
        match self {
            Lang::En => en,
            Lang::Zh => zh,
        }
    }

    // The names that the tables of docs/results.md have for things.

    fn server(self, name: &str) -> &str {
        match name {
            "ours" => self.say("ours", "这里"),
            "go" => "Go",
            "ncat" => "ncat --broker",
            "floor-line" => self.say("floor by line", "逐行底线"),
            "floor-batch" => self.say("floor by batch", "成批底线"),
            _ => name,
        }
    }

    fn case(self, name: &str) -> String {
        match (name.split_once('x'), self) {
            (Some(("1", to)), Lang::En) => format!("1 sender, {to} receivers"),
            (Some(("1", to)), Lang::Zh) => format!("1 个发送，{to} 个接收"),
            (Some((all, _)), Lang::En) => format!("{all} who all send and hear"),
            (Some((all, _)), Lang::Zh) => format!("{all} 个人，都发都收"),
            (None, _) => name.into(),
        }
    }

    fn note(self, note: &str) -> &str {
        if note.starts_with("lost") {
            self.say("loses and tears lines", "丢行，而且行被撕裂")
        } else {
            note
        }
    }
}

/// Where a chart begins, below the title.
const TOP: f64 = 84.0;

pub fn draw(from: &[PathBuf], into: &Path) -> Result<()> {
    let mut all = Vec::new();
    for file in from {
        let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        all.extend(points(&serde_json::from_str(&text)?));
    }
    fs::create_dir_all(into)?;
    for (proto, title) in [("tcp", "TCP"), ("udp", "UDP"), ("ws", "WebSocket")] {
        for (group, name) in [("flood", "cpu"), ("scale", "scale"), ("size", "size")] {
            let of = |point: &&Point| point.proto == proto && point.group == group;
            let points: Vec<_> = all.iter().filter(of).collect();
            for (lang, code) in [(Lang::En, "en"), (Lang::Zh, "zh")] {
                let picture = match group {
                    "flood" => dots(lang, title, &points),
                    _ => lines(lang, title, group, &points),
                };
                let Some(picture) = picture else { continue };
                for (theme, colours) in svg::THEMES {
                    let file = into.join(format!("{proto}-{name}.{code}{theme}.svg"));
                    fs::write(&file, picture.finish(colours))?;
                    println!("{}", file.display());
                }
            }
        }
    }
    Ok(())
}

fn points(results: &Value) -> Vec<Point> {
    let rows = results["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
    let point = |row: &Value| {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_string();
        let value = match row["note"].as_str() {
            Some(note) => Err(note.into()),
            None => Ok(row["median"]["cpu_us"].as_f64().filter(|value| *value > 0.0)?),
        };
        let (proto, group, case, server) = (text("proto"), text("group"), text("case"), text("server"));
        Some(Point { proto, group, case, server, value })
    };
    rows.iter().filter_map(point).collect()
}

/// From a value to a place. It begins at zero, unless the values are too far apart for that.
struct Axis {
    low: f64,
    high: f64,
    log: bool,
    from: f64,
    to: f64,
}

impl Axis {
    /// `None` without any values.
    fn over(values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Option<Self> {
        let low = values.clone().min_by(f64::total_cmp)?;
        let high = values.max_by(f64::total_cmp)?;
        let log = high > 10.0 * low;
        let (low, high) = match log {
            true => (1.0 / round_up(1.0 / low, &[1.0, 2.0, 5.0]), round_up(high, &[1.0, 2.0, 5.0])),
            false => (0.0, round_up(high, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0])),
        };
        Some(Self { low, high, log, from, to })
    }

    fn at(&self, value: f64) -> f64 {
        let (low, high, value) = match self.log {
            true => (self.low.log10(), self.high.log10(), value.log10()),
            false => (self.low, self.high, value),
        };
        self.from + (value - low) / (high - low) * (self.to - self.from)
    }

    fn ticks(&self) -> Vec<f64> {
        let decades = (-6..=6).map(|exponent| 10f64.powi(exponent));
        let step = round_up(self.high / 5.0, &[1.0, 2.0, 5.0]);
        let steps = (0..=5).map(|number| f64::from(number) * step);
        let all: Vec<_> = if self.log { decades.collect() } else { steps.collect() };
        all.into_iter().filter(|tick| (self.low..=self.high).contains(tick)).collect()
    }

    /// What to say of it.
    fn words(&self, lang: Lang) -> &'static str {
        match self.log {
            true => lang.say("logarithmic, less is better", "对数刻度，越小越好"),
            false => lang.say("less is better", "越小越好"),
        }
    }
}

/// The next of these digits, times a power of ten, that is no less.
fn round_up(value: f64, digits: &[f64]) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    digits.iter().find(|digit| *digit * power > 0.999 * value).unwrap_or(&10.0) * power
}

/// The values that `key` takes, in the order of their first appearance.
fn distinct<'a>(points: &[&'a Point], key: impl Fn(&'a Point) -> &'a str) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for point in points {
        if !seen.contains(&key(point)) {
            seen.push(key(point));
        }
    }
    seen
}

fn values<'a>(points: &'a [&Point]) -> impl Iterator<Item = f64> + Clone + use<'a> {
    points.iter().filter_map(|point| point.value.as_ref().ok().copied())
}

/// A row for each server, under its case; a dot where its figure is, and the figure beside it.
fn dots(lang: Lang, proto: &str, points: &[&Point]) -> Option<Picture> {
    let (row, heading, left, right) = (21.0, 34.0, 122.0, WIDTH - 44.0);
    let x = Axis::over(values(points), left, right)?;
    let cases = distinct(points, |point| &point.case);
    let bottom = TOP + cases.len() as f64 * heading + points.len() as f64 * row + 4.0;
    let title = lang.say("CPU per delivery", "每次送达的 CPU");
    let mut picture = Picture::new(lang, proto, title, x.words(lang), bottom + 28.0);
    for tick in x.ticks() {
        picture.path("grid", &format!("M{:.1} {TOP}V{bottom:.1}", x.at(tick)));
        for y in [TOP - 8.0, bottom + 18.0] {
            picture.text("faint mid", x.at(tick), y, &tick.to_string());
        }
    }
    let mut y = TOP;
    for case in cases {
        y += heading;
        picture.text("bold", 16.0, y - 9.0, &lang.case(case));
        let mut said = Vec::new();
        for point in points.iter().filter(|point| point.case == case) {
            let (class, name, middle) = (point.class(), lang.server(&point.server), y + row / 2.0);
            picture.text(class, 28.0, middle + 5.0, name);
            picture.path("row", &format!("M{left} {middle:.1}H{right}"));
            let figure = match &point.value {
                Ok(value) => {
                    picture.dot(class, x.at(*value), middle, 5.0);
                    picture.text(class, x.at(*value) + 10.0, middle + 5.0, &figure(*value));
                    figure(*value)
                }
                Err(note) => {
                    picture.text("faint", left + 6.0, middle + 5.0, lang.note(note));
                    lang.note(note).into()
                }
            };
            said.push(format!("{name} {figure}"));
            y += row;
        }
        picture.describe(&lang.case(case), &said);
    }
    Some(picture)
}

/// A line for each server, with its name and last figure at its end.
fn lines(lang: Lang, proto: &str, group: &str, points: &[&Point]) -> Option<Picture> {
    let (left, right, bottom) = (48.0, WIDTH - 166.0, 384.0);
    let mut numbers: Vec<f64> = points.iter().filter_map(|point| Some(point.spot()?.0)).collect();
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    let (low, high) = (*numbers.first()?, *numbers.last()?);
    let x = Axis { low, high, log: true, from: left + 10.0, to: right };
    let y = Axis::over(values(points), bottom, TOP)?;
    let (title, below) = match group {
        "size" => (
            lang.say("CPU per delivery, by length of line", "每次送达的 CPU，按行的长度"),
            lang.say("bytes of a line (logarithmic)", "一行的字节数（对数刻度）"),
        ),
        _ => (
            lang.say("CPU per delivery, by receivers", "每次送达的 CPU，按接收者的数量"),
            lang.say("receivers (logarithmic)", "接收者的数量（对数刻度）"),
        ),
    };
    let mut picture = Picture::new(lang, proto, title, y.words(lang), bottom + 58.0);
    for tick in y.ticks() {
        picture.path("grid", &format!("M{left} {:.1}H{right}", y.at(tick)));
        picture.text("faint end", left - 8.0, y.at(tick) + 5.0, &tick.to_string());
    }
    // What was measured is marked, and labelled where there's room.
    let mut free = 0.0;
    for number in numbers {
        let at = x.at(number);
        picture.path("grid", &format!("M{at:.1} {bottom}v6"));
        if at > free {
            picture.text("faint mid", at, bottom + 22.0, &thousands(number));
            free = at + 50.0;
        }
    }
    picture.text("faint mid", f64::midpoint(left, right), bottom + 46.0, below);
    let mut ends = Vec::new();
    for server in distinct(points, |point| &point.server) {
        let own = points.iter().filter(|point| point.server == server);
        let class = own.clone().next()?.class();
        let (mut spots, mut said, mut end) = (Vec::new(), Vec::new(), None);
        for (number, value) in own.filter_map(|point| point.spot()) {
            spots.push((x.at(number), y.at(value)));
            said.push(format!("{} ({})", figure(value), thousands(number)));
            end = Some((y.at(value), class, format!("{} {}", lang.server(server), figure(value))));
        }
        picture.line(class, &spots);
        picture.describe(lang.server(server), &said);
        ends.extend(end);
    }
    // Where the lines end, but never one label upon another.
    ends.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut free = 0.0;
    for (y, class, label) in ends {
        let place = y.max(free);
        picture.path("grid", &format!("M{:.1} {y:.1}L{:.1} {place:.1}", right + 6.0, right + 16.0));
        picture.text(class, right + 19.0, place + 5.0, &label);
        free = place + 19.0;
    }
    Some(picture)
}

/// As the tables have it.
fn figure(value: f64) -> String {
    if value < 1.0 { format!("{value:.3}") } else { format!("{value:.1}") }
}

/// `9950` as `9,950`.
fn thousands(number: f64) -> String {
    if number < 1000.0 {
        number.to_string()
    } else {
        format!("{},{:03}", (number / 1000.0).floor(), number % 1000.0)
    }
}
