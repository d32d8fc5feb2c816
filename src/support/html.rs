//! What our HTML pages have in common: one file that needs nothing else.

use super::lang::{Lang, lang};

/// Text as HTML. All that is put into a page goes through here, but what is written in the source.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A page: its title, its style besides the common one, and what is in it.
pub fn document(title: &str, style: &str, body: &str) -> String {
    let code = match lang() {
        Lang::Zh => "zh-CN",
        Lang::En => "en",
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{common}\n{style}</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        common = include_str!("html.css"),
    )
}
