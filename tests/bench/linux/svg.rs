//! A picture in SVG: text, lines and dots, in colours for a light page and for a dark one.

use std::fmt::Write as _;

use super::plot::Lang;

/// Narrow: shown on a phone it shrinks to two thirds, and its letters with it.
pub const WIDTH: f64 = 480.0;

/// How a file's name ends, and: ground, ink, fainter ink, grid, ours, others.
pub const THEMES: [(&str, Colours); 2] = [
    ("", ["#ffffff", "#1f2328", "#59636e", "#d8dee4", "#1c5fc4", "#b04a00"]),
    (".dark", ["#0d1117", "#e6edf3", "#9aa4af", "#30363d", "#79b0ff", "#ff9e5e"]),
];

type Colours = [&'static str; 6];

/// A drawing that has no colours yet.
pub struct Picture {
    lang: Lang,
    title: String,
    /// All the figures in words, for who can't see them.
    description: String,
    height: f64,
    body: String,
}

impl Picture {
    pub fn new(lang: Lang, proto: &str, title: &str, scale: &str, height: f64) -> Self {
        let title = format!("{proto}{}{title}", lang.say(": ", "："));
        let unit = lang.say("Microseconds of the server's CPU; ", "服务器 CPU 的微秒数；");
        let mut picture =
            Self { lang, title: title.clone(), description: String::new(), height, body: String::new() };
        picture.text("title", 16.0, 28.0, &title);
        picture.text("faint", 16.0, 50.0, &format!("{unit}{scale}"));
        picture
    }

    pub fn describe(&mut self, what: &str, figures: &[String]) {
        let (colon, comma) = (self.lang.say(": ", "："), self.lang.say(", ", "，"));
        let _ = writeln!(self.description, "{}", escaped(&format!("{what}{colon}{}", figures.join(comma))));
    }

    pub fn text(&mut self, class: &str, x: f64, y: f64, words: &str) {
        let words = escaped(words);
        let _ = writeln!(self.body, r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{words}</text>"#);
    }

    pub fn path(&mut self, class: &str, path: &str) {
        let _ = writeln!(self.body, r#"<path class="{class}" d="{path}"/>"#);
    }

    /// A line over these spots, each with a dot.
    pub fn line(&mut self, class: &str, spots: &[(f64, f64)]) {
        let path: Vec<_> = spots.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        self.path(class, &format!("M{}", path.join("L")));
        spots.iter().for_each(|(x, y)| self.dot(class, *x, *y, 3.5));
    }

    pub fn dot(&mut self, class: &str, x: f64, y: f64, radius: f64) {
        let _ = writeln!(self.body, r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="{radius}"/>"#);
    }

    pub fn finish(&self, [ground, ink, faint, grid, ours, other]: Colours) -> String {
        let Self { title, description, height, body, .. } = self;
        let lang = self.lang.say("en", "zh-CN");
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" lang="{lang}" role="img" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">
<title>{title}</title>
<desc>
{description}</desc>
<style>
text {{ font: 14px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif }}
text {{ fill: {ink}; stroke: {ground}; stroke-width: 4px; paint-order: stroke }}
path {{ fill: none; stroke: {grid} }}
circle {{ stroke: {ground}; stroke-width: 1.5 }}
rect {{ fill: {ground} }}
text.title {{ font-size: 17px; font-weight: 600 }}
text.bold, text.ours {{ font-weight: 600 }}
text.mid {{ text-anchor: middle }}
text.end {{ text-anchor: end }}
text.faint, text.floor {{ fill: {faint} }}
text.ours, circle.ours {{ fill: {ours} }}
text.other, circle.other {{ fill: {other} }}
circle.floor {{ fill: {ground}; stroke: {faint} }}
path.row {{ stroke-dasharray: 1 4 }}
path.ours {{ stroke: {ours}; stroke-width: 3 }}
path.other {{ stroke: {other}; stroke-width: 2 }}
path.floor {{ stroke: {faint}; stroke-width: 2; stroke-dasharray: 5 4 }}
</style>
<rect width="100%" height="100%"/>
{body}</svg>
"#
        )
    }
}

fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;")
}
