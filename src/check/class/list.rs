//! The list of a class: a name, a kind and a command a line.

use std::fs;

use crate::check::Kind;
use crate::check::order::Order;
use crate::support::terminal::visible;
use crate::tr;

/// Somebody's program.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its line in the list, as it stands there: what was found out about it holds as long as that is the same.
    pub line: String,
    /// Whose it is.
    pub name: String,
    /// A kind, or an exercise's number.
    pub what: String,
    pub kind: Kind,
    /// Where it listens, if its port is fixed.
    pub addr: Option<String>,
    /// How it is started.
    pub command: String,
}

/// Reads a list.
///
/// # Errors
/// One sentence, for the first line that can't be understood.
pub fn read(file: &str) -> Result<Vec<Entry>, String> {
    let bytes =
        fs::read(file).map_err(|err| tr!(zh "无法读取 {file}: {err}", en "cannot read {file}: {err}"))?;
    let text = String::from_utf8(bytes).map_err(
        |_| tr!(zh "{file} 不是 UTF-8；请另存为 UTF-8", en "{file} is not UTF-8; save it as UTF-8"),
    )?;
    parse(&text).map_err(|(line, why)| visible(&format!("{file}:{line}: {why}")))
}

/// The entries of a list, or the number of the first line that is wrong, and why.
fn parse(text: &str) -> Result<Vec<Entry>, (usize, String)> {
    let text = text.trim_start_matches('\u{feff}'); // as Windows' Notepad puts it there
    let mut entries: Vec<Entry> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let entry = entry(line).map_err(|why| (at + 1, why))?;
        if entries.iter().any(|other| other.line == entry.line) {
            return Err((at + 1, tr!(zh "这一行已经有了", en "this line was there before")));
        }
        entries.push(entry);
    }
    if entries.is_empty() {
        return Err((
            1,
            tr!(zh "一个程序也没有；每行写：名字 种类 命令", en "no program is there; write in each line: name kind command"),
        ));
    }
    Ok(entries)
}

fn entry(line: &str) -> Result<Entry, String> {
    let (name, rest) = word(line);
    let (what, rest) = word(rest);
    let (addr, command) =
        match rest.strip_prefix("--addr").filter(|rest| rest.starts_with(char::is_whitespace)) {
            Some(rest) => {
                let (addr, command) = word(rest.trim_start());
                (Some(addr), command)
            }
            None => (None, rest),
        };
    if what.is_empty() || command.is_empty() {
        return Err(tr!(zh "每行要有三样：名字 种类 命令，例如 张三 tcp-server python3 server.py {{port}}",
                       en "a line has three parts, name kind command, as in: Ann tcp-server python3 server.py {{port}}"));
    }
    // The checker's own words for what is wrong with the rest.
    let mut words = vec![what.as_str(), "--run", command];
    words.extend(addr.iter().flat_map(|addr| ["--addr", addr.as_str()]));
    let kind = Order::parse(&words)?.kind;
    Ok(Entry { line: line.to_string(), name, what, kind, addr, command: command.to_string() })
}

/// The first word, which may stand in quotes, and what follows it.
fn word(text: &str) -> (String, &str) {
    let quote = text.chars().next().filter(|c| ['"', '\''].contains(c));
    let (word, rest) = match quote.and_then(|quote| text[1..].split_once(quote)) {
        Some(quoted) => quoted,
        None => text.split_once(char::is_whitespace).unwrap_or((text, "")),
    };
    (word.to_string(), rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_anyone_would_write_it() {
        let entries = parse(
            "\u{feff}# the class of 2026\r\n\n张三 tcp-server python3 张三/server.py {port}\r\n\
             \"Ann B.\"\ttcp-client  './a b' {host} {port}   # and this is the shell's\n\
             \"O'Neil\" udp-server --addr 127.0.0.1:9000 ./o\nBo 07 ./bo {port}\n",
        );
        let entries = entries.unwrap();
        let told: Vec<_> = entries.iter().map(|one| (&*one.name, &*one.what, one.addr.as_deref())).collect();
        assert_eq!(
            told[..2],
            [("张三", "tcp-server", None), ("Ann B.", "tcp-client", None)],
            "names as they are written"
        );
        assert_eq!(told[3], ("Bo", "07", None));
        assert_eq!(entries[0].command, "python3 张三/server.py {port}");
        assert_eq!((entries[3].kind, entries.len()), (Kind::UdpServer, 4));
    }

    #[test]
    fn a_wrong_line_is_named() {
        let wrong = |text| parse(text).unwrap_err().0;
        assert_eq!(wrong("# nothing\n"), 1);
        assert_eq!(wrong("Ann tcp-server ./a {port}\nBo tcp-sever ./b {port}\n"), 2);
        assert_eq!(wrong("Ann tcp-server ./a\n"), 1);
        assert_eq!(wrong("Ann tcp-server\n"), 1);
        assert_eq!(wrong("Ann tcp-server ./a {port}\nAnn tcp-server ./a {port}\n"), 2);
    }
}
