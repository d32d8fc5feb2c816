//! What came of a case as JSON, an object a line: for programs.

use std::fmt::Write;

use super::events::{Event, What};
use crate::check::stage::xray::Look;

/// An object, put together field by field.
#[derive(Debug, Default)]
pub struct Object(String);

impl Object {
    /// Adds a text.
    #[must_use]
    pub fn text(self, key: &str, value: &str) -> Object {
        let value = quoted(value);
        self.raw(key, &value)
    }

    /// Adds a text, or `null`.
    #[must_use]
    pub fn maybe(self, key: &str, value: Option<&str>) -> Object {
        let value = value.map_or("null".to_string(), quoted);
        self.raw(key, &value)
    }

    /// Adds a number.
    #[must_use]
    pub fn number(self, key: &str, value: f64) -> Object {
        self.raw(key, &format!("{}", (value * 1000.0).round() / 1000.0))
    }

    /// Adds a whole number, or `null`.
    #[must_use]
    pub fn whole(self, key: &str, value: Option<u64>) -> Object {
        let value = value.map_or("null".to_string(), |value| value.to_string());
        self.raw(key, &value)
    }

    /// Adds a list of objects.
    #[must_use]
    pub fn list(self, key: &str, items: impl Iterator<Item = Object>) -> Object {
        let items: Vec<String> = items.map(Object::close).collect();
        self.raw(key, &format!("[{}]", items.join(",")))
    }

    /// Adds an object.
    #[must_use]
    pub fn object(self, key: &str, value: Object) -> Object {
        let value = value.close();
        self.raw(key, &value)
    }

    fn raw(mut self, key: &str, value: &str) -> Object {
        let comma = if self.0.is_empty() { "" } else { "," };
        let _ = write!(self.0, "{comma}{}:{value}", quoted(key)); // writing to a String cannot fail
        self
    }

    /// The whole object.
    #[must_use]
    pub fn close(self) -> String {
        format!("{{{}}}", self.0)
    }
}

/// A string of JSON (RFC 8259, 7).
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out += "\\n",
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out + "\""
}

/// An event: `at` in seconds, `who`, `what` as one word, and `text`. What isn't UTF-8 has its `bytes` too, in
/// hexadecimal.
#[must_use]
pub fn event(event: &Event) -> Object {
    let (what, bytes) = match &event.what {
        What::Starts(command) => ("starts", command.as_bytes()),
        What::Sends(bytes) => ("sends", &bytes[..]),
        What::Gets(bytes) => ("gets", &bytes[..]),
        What::Types(bytes) => ("types", &bytes[..]),
        What::Prints(bytes) => ("prints", &bytes[..]),
        What::Warns(bytes) => ("warns", &bytes[..]),
        What::Says(text) => ("says", text.as_bytes()),
    };
    let object =
        Object::default().number("at", event.at.as_secs_f64()).text("who", &event.who).text("what", what);
    let object = object.text("text", &String::from_utf8_lossy(bytes));
    match std::str::from_utf8(bytes) {
        Ok(_) => object,
        Err(_) => object.text("bytes", &bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
    }
}

/// What was seen of a thread, or of a connection.
#[must_use]
pub fn look(look: &Look) -> Object {
    Object::default()
        .text("thread", &look.thread)
        .text("state", &look.state)
        .text("call", &look.call)
        .text("peer", &look.peer)
        .whole("unread", look.unread)
        .text("waits_for", &look.waits_for)
        .text("says", &look.says)
}
