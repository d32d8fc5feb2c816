//! Texts in both languages, for what is said of a case.

use std::fmt;

use crate::support::lang::{Lang, lang};

/// A text in both languages, at the place where it is used: `text!(zh "…", en "…")`.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// Simplified Chinese.
    pub zh: &'static str,
    /// English.
    pub en: &'static str,
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match lang() {
            Lang::Zh if !self.zh.is_empty() => f.write_str(self.zh),
            _ => f.write_str(self.en),
        }
    }
}

impl From<Text> for String {
    fn from(text: Text) -> String {
        text.to_string()
    }
}

/// Two parts of a sentence as one: with a blank between them, but none between Chinese and Chinese.
pub fn join(start: impl fmt::Display, end: impl fmt::Display) -> String {
    let is_chinese = |c: char| c >= '\u{2E80}';
    let (start, end) = (start.to_string(), end.to_string());
    let gap = if start.ends_with(is_chinese) && end.starts_with(is_chinese) { "" } else { " " };
    start + gap + &end
}

/// A [`Text`] that is known beforehand; for one that is put together, there is `tr!`.
#[macro_export]
macro_rules! text {
    (zh $zh:literal, en $en:literal) => {
        $crate::check::telling::text::Text { zh: $zh, en: $en }
    };
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn blanks_stand_where_each_language_has_them() {
        assert_eq!(join("the server", "gets \"hi\""), "the server gets \"hi\"");
        assert_eq!(join("A", join("收到", "\"hi\"")), "A 收到 \"hi\"");
        assert_eq!(join("服务器", "读到连接结束"), "服务器读到连接结束");
    }
}
