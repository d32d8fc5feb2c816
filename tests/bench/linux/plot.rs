//! `plot FILE DIR`: the results as SVG, by hand, since bars and lines on logarithmic scales are all
//! there is to draw.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::Result;

/// One server's figure under one case, out of the JSON.
struct Point {
    proto: String,
    group: String,
    case: String,
    server: String,
    colour: &'static str,
    /// What the server was worth, or why it has no worth.
    value: std::result::Result<f64, String>,
}

impl Point {
    fn spot(&self) -> Option<(f64, f64)> {
        // The case's number: `1x300` and `1024 B` carry one.
        let digits = self.case.trim_start_matches("1x").trim_end_matches(" B");
        Some((digits.parse().ok()?, *self.value.as_ref().ok()?))
    }
}

/// A server has one colour in all charts, distinct without its hue, too.
const OURS: &str = "#0b3c5d";
const OTHERS: [&str; 3] = ["#d9730d", "#3a8f5c", "#c2417c"];
const FLOORS: [&str; 2] = ["#7a5ea8", "#8a919c"];
const LEFT: f64 = 150.0;
const WIDTH: f64 = 760.0;

pub fn draw(from: &Path, into: &Path) -> Result<()> {
    let text = fs::read_to_string(from).map_err(|error| format!("{}: {error}", from.display()))?;
    let all = points(&serde_json::from_str(&text)?);
    fs::create_dir_all(into)?;
    for proto in ["tcp", "udp", "ws"] {
        let of = |group: &str| -> Vec<&Point> {
            all.iter().filter(|point| point.proto == proto && point.group == group).collect()
        };
        let title = |what: &str| format!("{}: {what}", proto.to_uppercase());
        let bars: Vec<_> = of("flood").into_iter().chain(of("paced")).collect();
        save(into, &format!("{proto}-cpu.svg"), bar_chart(&title("server CPU per delivery, µs"), &bars))?;
        let scale = line_chart(&title("server CPU per delivery, µs, by number of receivers"), &of("scale"));
        save(into, &format!("{proto}-scale.svg"), scale)?;
        let size = line_chart(&title("server CPU per delivery, µs, by bytes of a line"), &of("size"));
        save(into, &format!("{proto}-size.svg"), size)?;
    }
    Ok(())
}

fn points(results: &Value) -> Vec<Point> {
    let rows = results["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut others = Vec::new();
    let mut colour = |server: &str| match server {
        "ours" => OURS,
        "floor-line" => FLOORS[0],
        "floor-batch" => FLOORS[1],
        _ => {
            let known = others.iter().position(|known| known == server);
            if known.is_none() {
                others.push(server.to_string());
            }
            OTHERS[known.unwrap_or(others.len() - 1) % OTHERS.len()]
        }
    };
    let point = |row: &Value| {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_string();
        let value = match row["note"].as_str() {
            Some(note) => Err(note.split(',').next().unwrap_or_default().into()),
            None => Ok(row["median"]["cpu_us"].as_f64().filter(|value| *value > 0.0)?),
        };
        let (proto, group, server) = (text("proto"), text("group"), text("server"));
        let colour = colour(&server);
        Some(Point { proto, group, case: text("case"), server, colour, value })
    };
    rows.iter().filter_map(point).collect()
}

fn save(into: &Path, name: &str, chart: Option<String>) -> Result<()> {
    if let Some(svg) = chart {
        fs::write(into.join(name), svg)?;
        println!("{}", into.join(name).display());
    }
    Ok(())
}

/// A logarithmic scale over whole decades.
struct Scale {
    low: f64,
    decades: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// `None` without any values.
    fn new(values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Option<Self> {
        let low = values.clone().min_by(f64::total_cmp)?.log10().floor();
        let high = values.max_by(f64::total_cmp)?.log10().ceil();
        Some(Self { low, decades: (high - low).max(1.0), from, to })
    }

    fn at(&self, value: f64) -> f64 {
        self.from + (value.log10() - self.low) / self.decades * (self.to - self.from)
    }

    fn decades(&self) -> impl Iterator<Item = f64> {
        let low = self.low as i32;
        (low..=low + self.decades as i32).map(|exponent| 10f64.powi(exponent))
    }
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

fn bar_chart(title: &str, points: &[&Point]) -> Option<String> {
    let (row, mut y) = (15.0, 64.0);
    let x = Scale::new(values(points), LEFT, WIDTH - 70.0)?;
    let cases = distinct(points, |point| &point.case);
    let height = y + points.len() as f64 * row + cases.len() as f64 * 14.0 + 24.0;
    let mut svg = open(title, height, points);
    for decade in x.decades() {
        vertical(&mut svg, x.at(decade), 54.0, height - 24.0, &plain(decade));
    }
    for case in cases {
        text(&mut svg, LEFT - 10.0, y + 11.0, "end", case);
        for point in points.iter().filter(|point| point.case == case) {
            bar(&mut svg, &x, y, point);
            y += row;
        }
        y += 14.0;
    }
    Some(svg + "</svg>\n")
}

fn bar(svg: &mut String, x: &Scale, y: f64, point: &Point) {
    let (width, label) = match &point.value {
        Ok(value) => (x.at(*value) - LEFT, plain(*value)),
        Err(note) => (0.0, format!("{}: {note}", point.server)),
    };
    let (width, colour) = (width.max(1.0), point.colour);
    let _ = writeln!(svg, r#"<rect x="{LEFT}" y="{y:.1}" width="{width:.1}" height="12" fill="{colour}"/>"#);
    text(svg, LEFT + width + 5.0, y + 10.0, "start", &label);
}

fn line_chart(title: &str, points: &[&Point]) -> Option<String> {
    let (left, right, bottom) = (70.0, WIDTH - 30.0, 386.0);
    let x = Scale::new(points.iter().filter_map(|point| Some(point.spot()?.0)), left, right)?;
    let y = Scale::new(values(points), bottom, 64.0)?;
    let mut svg = open(title, bottom + 34.0, points);
    for decade in x.decades() {
        vertical(&mut svg, x.at(decade), 64.0, bottom, &plain(decade));
    }
    for decade in y.decades() {
        let at = y.at(decade);
        let _ = writeln!(svg, r##"<path d="M{left} {at:.1}H{right}" stroke="#ddd"/>"##);
        text(&mut svg, left - 6.0, at + 4.0, "end", &plain(decade));
    }
    for server in distinct(points, |point| &point.server) {
        let own = points.iter().filter(|point| point.server == server);
        line(&mut svg, &x, &y, own.copied());
    }
    Some(svg + "</svg>\n")
}

fn line<'a>(svg: &mut String, x: &Scale, y: &Scale, own: impl Iterator<Item = &'a Point> + Clone) {
    let colour = own.clone().map(|point| point.colour).next().unwrap_or_default();
    let spots: Vec<_> = own.filter_map(Point::spot).map(|(across, up)| (x.at(across), y.at(up))).collect();
    let path: String = spots.iter().map(|(x, y)| format!("{x:.1},{y:.1} ")).collect();
    let _ = writeln!(svg, r#"<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>"#);
    for (x, y) in spots {
        let _ = writeln!(svg, r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{colour}"/>"#);
    }
}

fn values<'a>(points: &'a [&Point]) -> impl Iterator<Item = f64> + Clone + use<'a> {
    points.iter().filter_map(|point| point.value.as_ref().ok().copied())
}

/// Frame, title and legend. The white ground keeps it readable on a dark page.
fn open(title: &str, height: f64, points: &[&Point]) -> String {
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12" fill="#222">
<title>{title}</title>
<rect width="{WIDTH}" height="{height}" fill="#fff"/>
<text x="20" y="22" font-size="15">{title}</text>
"##
    );
    let servers = distinct(points, |point| &point.server);
    for (number, server) in servers.into_iter().enumerate() {
        let x = 20.0 + 120.0 * number as f64;
        let own = points.iter().find(|point| point.server == server);
        let colour = own.map_or(OURS, |point| point.colour);
        let _ = writeln!(svg, r#"<rect x="{x}" y="33" width="12" height="12" fill="{colour}"/>"#);
        text(&mut svg, x + 17.0, 43.0, "start", server);
    }
    svg
}

fn vertical(svg: &mut String, x: f64, top: f64, bottom: f64, label: &str) {
    let _ = writeln!(svg, r##"<path d="M{x:.1} {top}V{bottom}" stroke="#ddd"/>"##);
    text(svg, x, bottom + 16.0, "middle", label);
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(svg, r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{words}</text>"#);
}

/// Two digits that count, without a power of ten.
fn plain(value: f64) -> String {
    let decimals = (1.0 - value.log10().floor()).clamp(0.0, 4.0) as usize;
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').into(),
        false => text,
    }
}
