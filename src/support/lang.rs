//! Both languages, at the place where a message is said.

use std::sync::OnceLock;

/// The languages we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// Simplified Chinese: the notes' own words.
    Zh,
    /// English.
    En,
}

static LANG: OnceLock<Lang> = OnceLock::new();

impl Lang {
    /// Reads a name such as `zh`, `zh_CN.UTF-8` or `C`: `zh*` is Chinese, anything else English.
    pub fn from_name(name: &str) -> Lang {
        if name.to_ascii_lowercase().starts_with("zh") { Lang::Zh } else { Lang::En }
    }

    /// The language of the environment: the first set one of `LC_ALL`, `LC_MESSAGES`, `LANG`.
    fn from_env() -> Lang {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let name = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set);
        name.map_or(Lang::En, |name| Lang::from_name(&name))
    }
}

/// Chooses the language, once, before anything is said.
pub fn set(lang: Lang) {
    let _ = LANG.set(lang);
}

/// The language chosen, or else the environment's.
pub fn lang() -> Lang {
    *LANG.get_or_init(Lang::from_env)
}

/// A text in the reader's language, as a `String`: `tr!(zh "监听失败: {err}", en "…: {err}")`.
#[macro_export]
macro_rules! tr {
    (zh $zh:literal, en $en:literal) => {
        match $crate::support::lang::lang() {
            $crate::support::lang::Lang::Zh => format!($zh),
            $crate::support::lang::Lang::En => format!($en),
        }
    };
}

/// Says a line on stdout in the reader's language.
#[macro_export]
macro_rules! say {
    (zh $zh:literal, en $en:literal) => {
        $crate::support::print::out(&$crate::tr!(zh $zh, en $en))
    };
}

/// Says a line on stderr in the reader's language: warnings and errors.
#[macro_export]
macro_rules! warn {
    (zh $zh:literal, en $en:literal) => {
        $crate::support::print::err(&$crate::tr!(zh $zh, en $en))
    };
}
