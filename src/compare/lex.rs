//! Cuts Go, Rust, JavaScript and HTML into coloured pieces. No parser: what it takes to tell code
//! from comments and strings, and a keyword from a name.

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A name.
    Word,
    /// A word of the language's own.
    Keyword,
    /// A comment.
    Comment,
    /// A string, a character, or an attribute's value.
    Text,
    /// A number.
    Number,
    /// The beginning of an HTML tag, such as `<input`.
    Tag,
    /// Anything else: blanks and punctuation.
    Other,
}

/// A piece of text. It never reaches over the end of a line.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    /// What it is.
    pub kind: Kind,
    /// The text itself.
    pub text: &'a str,
    /// Its line, counted from 0.
    pub line: usize,
}

/// The language of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Go.
    Go,
    /// Rust.
    Rust,
    /// JavaScript.
    Script,
    /// HTML, with JavaScript between `<script>` and `</script>`.
    Page,
}

const KEYWORDS: [(Language, &str); 3] = [
    (
        Language::Go,
        "break case chan const continue default defer else fallthrough false for func go goto if import \
         interface map nil package range return select struct switch true type var",
    ),
    (
        Language::Rust,
        "as break const continue crate else enum false fn for if impl in let loop match mod move mut pub \
         ref return self Self static struct super trait true type use where while",
    ),
    (
        Language::Script,
        "async await break case catch const continue default delete else export false finally for function \
         if import in let new null of return switch this throw true try typeof undefined var void while",
    ),
];

/// Cuts `text` into tokens.
pub fn lex(text: &str, language: Language) -> Vec<Token<'_>> {
    let mut lexer = Lexer { language, in_tag: None };
    let (mut tokens, mut rest, mut line) = (Vec::new(), text, 0);
    while let Some(first) = rest.chars().next() {
        let (kind, length) = lexer.next(rest, first);
        let (piece, after) = rest.split_at(length);
        for (more, part) in piece.split('\n').enumerate() {
            line += usize::from(more > 0);
            if !part.is_empty() {
                tokens.push(Token { kind, text: part, line });
            }
        }
        rest = after;
    }
    tokens
}

struct Lexer<'a> {
    /// `Script` inside `<script>` of a page.
    language: Language,
    /// In a page: the tag that has begun and not ended.
    in_tag: Option<&'a str>,
}

impl<'a> Lexer<'a> {
    /// What `rest`, which begins with `first`, begins with, and for how many bytes.
    fn next(&mut self, rest: &'a str, first: char) -> (Kind, usize) {
        let all = rest.len();
        let until = |end: &str, from: usize| rest[from..].find(end).map(|at| from + at);
        if self.language == Language::Page || rest.starts_with("</script") {
            return self.next_of_page(rest, first);
        }
        match first {
            '/' if rest.starts_with("//") => (Kind::Comment, until("\n", 0).unwrap_or(all)),
            '/' if rest.starts_with("/*") => (Kind::Comment, until("*/", 2).map_or(all, |at| at + 2)),
            '`' if self.language != Language::Rust => (Kind::Text, until("`", 1).map_or(all, |at| at + 1)),
            '\'' if self.language == Language::Rust && !is_char(rest) => (Kind::Other, 1), // a lifetime
            '"' | '\'' => (Kind::Text, quoted(rest, first, self.language == Language::Rust)),
            _ if first.is_ascii_digit() => (Kind::Number, word(rest)),
            _ if first.is_alphabetic() || first == '_' => {
                let length = word(rest);
                let is_keyword = KEYWORDS.iter().any(|(language, words)| {
                    *language == self.language && words.split_whitespace().any(|word| word == &rest[..length])
                });
                (if is_keyword { Kind::Keyword } else { Kind::Word }, length)
            }
            _ => (Kind::Other, first.len_utf8()),
        }
    }

    fn next_of_page(&mut self, rest: &'a str, first: char) -> (Kind, usize) {
        let name = word(rest.trim_start_matches(['<', '/']));
        let end = rest.find(|c| c != '<' && c != '/').unwrap_or(rest.len()) + name;
        match (first, self.in_tag) {
            ('<', _) if rest.starts_with("<!--") => {
                (Kind::Comment, rest.find("-->").map_or(rest.len(), |at| at + 3))
            }
            ('<', _) if name > 0 => {
                self.language = Language::Page;
                self.in_tag = Some(&rest[..end]);
                (Kind::Tag, end)
            }
            ('"' | '\'', Some(_)) => (Kind::Text, quoted(rest, first, true)),
            ('>', Some(tag)) => {
                if tag.eq_ignore_ascii_case("<script") {
                    self.language = Language::Script;
                }
                self.in_tag = None;
                (Kind::Other, 1)
            }
            _ => (Kind::Other, first.len_utf8()),
        }
    }
}

/// The length of the word at the beginning.
fn word(rest: &str) -> usize {
    rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
}

/// Whether a Rust `'` begins a character, and not a lifetime.
fn is_char(rest: &str) -> bool {
    let mut chars = rest.chars().skip(1);
    chars.next() == Some('\\') || chars.next() == Some('\'')
}

/// The length of a string with its quotes. One without its end stops at the end of the line, unless
/// it may have several.
fn quoted(rest: &str, quote: char, several_lines: bool) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '\n' if !several_lines => return at,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}
