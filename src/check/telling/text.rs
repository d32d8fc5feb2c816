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

/// A [`Text`] that is known beforehand; for one that is put together, there is `tr!`.
#[macro_export]
macro_rules! text {
    (zh $zh:literal, en $en:literal) => {
        $crate::check::telling::text::Text { zh: $zh, en: $en }
    };
}
