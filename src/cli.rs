//! The command line. Options stand before or after the subcommand and its address.

use std::time::Duration;

use crate::check::class;
use crate::check::hints::command::Asked;
use crate::check::order::Order;
use crate::support::address::Address;
use crate::support::broker::Broker;
use crate::support::lang::{Lang, lang};
use crate::tr;

/// What the user asked for.
#[derive(Debug)]
pub struct Cli {
    /// The subcommand.
    pub command: &'static str,
    /// Its address: of the command line, or its own.
    pub addr: Address,
    /// The options.
    pub options: Options,
}

/// The options of all subcommands.
#[derive(Debug)]
pub struct Options {
    /// `--max-clients`: how many a server lets in.
    pub max_clients: usize,
    /// `--forget-after`: after how long a silent UDP client may have to make room (D16).
    pub forget_after: Duration,
    /// `--ping`: after how long a silent WebSocket is asked whether it is still there (D32).
    pub ping: Duration,
    /// `--allow-origin`: further web sites whose pages may join (D27).
    pub allow_origin: Vec<String>,
    /// `--nats`: the brokers by which a room is on many servers; none for a room of its own.
    pub nats: Vec<Broker>,
    /// `--room`: what that room is called.
    pub room: String,
    /// `--open`: show the page in the browser.
    pub open: bool,
    /// `--naive`: compare with the plain ports.
    pub naive: bool,
    /// `-o`: the file that `compare` writes.
    pub output: Option<String>,
}

/// A subcommand: its name, its address when none is given, and the options that it takes besides
/// those that all take.
struct Command(&'static str, &'static str, &'static [&'static str]);

const COMMANDS: [Command; 7] = [
    Command("tcp-server", "127.0.0.1:8080", &["--max-clients", "--nats", "--room"]),
    Command("tcp-client", "localhost:8080", &[]),
    Command("udp-server", "127.0.0.1:8081", &["--max-clients", "--forget-after", "--nats", "--room"]),
    Command("udp-client", "localhost:8081", &[]),
    Command(
        "ws-server",
        "127.0.0.1:8080",
        &["--max-clients", "--ping", "--open", "--allow-origin", "--nats", "--room"],
    ),
    Command("ws-client", "ws://localhost:8080/ws", &["--ping"]),
    Command("compare", "", &["--naive", "--open", "--output"]),
];

/// The longest name of a room.
const MAX_NAME: usize = 64;

/// The room when `--room` names none.
const LOBBY: &str = "lobby";

const LANGS: [&str; 2] = ["zh", "en"];

/// What parsing came to.
#[derive(Debug)]
pub enum Parsed {
    /// A server or a client to run.
    Run(Cli),
    /// `check`, and what is asked of it.
    Check(Order),
    /// `check class`, and what is asked of it.
    Class(class::order::Order),
    /// `course`.
    Course,
    /// `hint`, and the case that it is to be about.
    Hint(Asked),
    /// `compare`, with the notes.
    Compare(Vec<String>, Options),
    /// A text asked for: `--help` or `--version`.
    Show(String),
}

/// Finds `--lang` ahead of everything else, so that even a usage error is said in that language.
/// `None` if it isn't there or is wrong; [`parse`] says so.
pub fn find_lang(args: &[String]) -> Option<Lang> {
    let after = args.iter().position(|arg| arg == "--lang").and_then(|at| args.get(at + 1));
    let joined = args.iter().find_map(|arg| arg.strip_prefix("--lang="));
    let named = after.map(String::as_str).or(joined)?;
    LANGS.contains(&named).then(|| Lang::from_name(named))
}

/// Reads the arguments (without the program's name).
///
/// # Errors
/// One sentence that says what to write instead.
pub fn parse(args: &[String]) -> Result<Parsed, String> {
    let args = without_lang(args)?;
    if let Some(first @ (&"check" | &"hint" | &"course")) = args.first() {
        let asks_help = args.iter().any(|arg| ["--help", "-h"].contains(arg));
        return match *first {
            _ if asks_help => Ok(Parsed::Show(help(Some(first)))),
            "check" if args.get(1) == Some(&"class") => {
                class::order::Order::parse(&args[2..]).map(Parsed::Class)
            }
            "check" => Order::parse(&args[1..]).map(Parsed::Check),
            "course" => match args.get(1) {
                None => Ok(Parsed::Course),
                Some(extra) => Err(tr!(zh "多余的参数“{extra}”；course 不接受参数",
                                       en "unexpected '{extra}': course takes nothing")),
            },
            _ => Asked::parse(&args[1..]).map(Parsed::Hint),
        };
    }
    let (max_clients, forget_after, ping) = (1024, Duration::from_secs(600), Duration::from_secs(30));
    let (open, naive, output) = (false, false, None);
    let (allow_origin, nats, room) = (Vec::new(), Vec::new(), LOBBY.to_string());
    let mut options =
        Options { max_clients, forget_after, ping, allow_origin, nats, room, open, naive, output };
    let (mut words, mut used) = (Vec::new(), Vec::new());
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let (name, joined) = match arg.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value)),
            _ => (arg, None),
        };
        let mut value = || joined.or_else(|| args.next()).ok_or_else(|| needs_value(name));
        match name {
            "--max-clients" => options.max_clients = number(name, value()?)?,
            "--forget-after" => options.forget_after = Duration::from_secs(number(name, value()?)? as u64),
            "--ping" => options.ping = Duration::from_secs(number(name, value()?)? as u64),
            "--output" | "-o" => options.output = Some(value()?.to_string()),
            "--nats" => options.nats = Broker::parse_list(value()?)?,
            "--room" => options.room = room_name(value()?)?,
            "--allow-origin" => options.allow_origin.push(origin(value()?)?),
            _ if joined.is_some() => return Err(unknown_option(arg)),
            "--open" => options.open = true,
            "--naive" => options.naive = true,
            "--help" | "-h" => return Ok(Parsed::Show(help(words.first()))),
            "--version" | "-V" => return Ok(Parsed::Show(format!("chatroom {}", env!("CARGO_PKG_VERSION")))),
            _ if name.starts_with('-') && name.len() > 1 => return Err(unknown_option(arg)),
            _ => words.push(arg),
        }
        if name.starts_with('-') {
            used.push(if name == "-o" { "--output" } else { name });
        }
    }
    let Command(name, default, takes) = command(&words)?;
    if let Some(other) = used.iter().find(|option| !takes.contains(option)) {
        return Err(tr!(zh "{name} 没有 {other} 选项；请看 chatroom --help",
                       en "{name} has no option {other}; see chatroom --help"));
    }
    if *name == "compare" {
        let notes: Vec<String> = words[1..].iter().map(ToString::to_string).collect();
        return if notes.is_empty() { Err(needs_notes()) } else { Ok(Parsed::Compare(notes, options)) };
    }
    if takes.contains(&"--nats") && options.nats.is_empty() {
        options.nats = nats_of_env()?;
        if options.nats.is_empty() && used.contains(&"--room") {
            return Err(tr!(zh "--room 要和 --nats 一起用；没有 NATS，一个服务器就是一个聊天室",
                           en "--room needs --nats: without NATS, each server is a room of its own"));
        }
    }
    let parse = if *name == "ws-client" { Address::parse_url } else { Address::parse };
    let addr = parse(words.get(1).unwrap_or(default))?;
    Ok(Parsed::Run(Cli { command: name, addr, options }))
}

/// The subcommand among the words, if these are a subcommand and at most one address.
fn command(words: &[&str]) -> Result<&'static Command, String> {
    let known = COMMANDS.map(|command| command.0).join(", ") + ", check, hint, course";
    let Some(first) = words.first() else {
        return Err(tr!(zh "请写明子命令: {known}", en "a command is missing: {known}"));
    };
    let Some(command) = COMMANDS.iter().find(|command| command.0 == *first) else {
        return Err(tr!(zh "没有“{first}”这个子命令；可用的有: {known}",
                       en "there is no command '{first}'; the commands are {known}"));
    };
    if let (Some(extra), true) = (words.get(2), *first != "compare") {
        return Err(tr!(zh "多余的参数“{extra}”；{first} 只接受一个地址",
                       en "unexpected '{extra}': {first} takes one address"));
    }
    Ok(command)
}

/// The arguments without `--lang`, which [`find_lang`] has seen to, if it is right.
fn without_lang(args: &[String]) -> Result<Vec<&str>, String> {
    let (mut rest, mut args) = (Vec::new(), args.iter().map(String::as_str));
    while let Some(arg) = args.next() {
        let value = match arg.strip_prefix("--lang=") {
            Some(value) => value,
            None if arg == "--lang" => args.next().ok_or_else(|| needs_value(arg))?,
            None => {
                rest.push(arg);
                continue;
            }
        };
        if !LANGS.contains(&value) {
            return Err(
                tr!(zh "--lang 只能是 zh 或 en，不是“{value}”", en "--lang is zh or en, not '{value}'"),
            );
        }
    }
    Ok(rest)
}

/// What a browser sends as `Origin` (RFC 6454, 7): scheme, host and port, and no path.
fn origin(value: &str) -> Result<String, String> {
    let host = value.trim_end_matches('/').split_once("://").map_or("", |(_, host)| host);
    if ["null", "any"].contains(&value) || !(host.is_empty() || host.contains(['/', '?', '#', '@', ' '])) {
        return Ok(value.to_string());
    }
    Err(
        tr!(zh "--allow-origin 需要网站的来源，例如 https://example.com（没有路径），或 null、any，而不是“{value}”",
            en "--allow-origin takes the origin of a site, such as https://example.com (no path), or null, or any, not '{value}'"),
    )
}

/// The brokers that the environment names: a password there is not seen by others, as one on the
/// command line is.
fn nats_of_env() -> Result<Vec<Broker>, String> {
    let named = std::env::var("CHATROOM_NATS").unwrap_or_default();
    if named.is_empty() { Ok(Vec::new()) } else { Broker::parse_list(&named) }
}

/// A room's name. It becomes a part of a subject, where blanks, dots and stars mean something.
fn room_name(value: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !value.is_empty() && value.len() <= MAX_NAME && value.bytes().all(fits) {
        return Ok(value.to_string());
    }
    Err(tr!(zh "--room 是 1 到 {MAX_NAME} 个字母、数字、- 或 _，而不是“{value}”",
            en "--room takes 1 to {MAX_NAME} letters, digits, - and _, not '{value}'"))
}

fn number(name: &str, value: &str) -> Result<usize, String> {
    value.parse().ok().filter(|number| (1..=1_000_000).contains(number)).ok_or_else(|| {
        tr!(zh "{name} 需要 1 到 1000000 的整数，而不是“{value}”",
            en "{name} takes a whole number from 1 to 1000000, not '{value}'")
    })
}

fn needs_value(name: &str) -> String {
    tr!(zh "{name} 后面要有一个值", en "{name} needs a value after it")
}

fn needs_notes() -> String {
    tr!(zh "compare 需要你的笔记: chatroom compare 笔记.md", en "compare needs your notes: chatroom compare NOTES.md")
}

fn unknown_option(name: &str) -> String {
    tr!(zh "没有 {name} 这个选项；请看 chatroom --help", en "there is no option {name}; see chatroom --help")
}

/// The help: of one command, or in general. They stand in one file, a section each.
fn help(command: Option<&&str>) -> String {
    let text = match lang() {
        Lang::Zh => include_str!("help/zh.txt"),
        Lang::En => include_str!("help/en.txt"),
    };
    let of_command =
        |name: &&str| text.split("\n== ").find_map(|part| part.strip_prefix(name)?.strip_prefix('\n'));
    let general = text.split("\n== ").next().unwrap_or(text);
    command.and_then(of_command).unwrap_or(general).trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::{COMMANDS, Command};

    #[test]
    fn the_help_names_what_there_is() {
        for help in [include_str!("help/zh.txt"), include_str!("help/en.txt")] {
            for Command(name, default, takes) in COMMANDS {
                let line = help.lines().find(|line| line.trim_start().starts_with(name));
                assert!(line.is_some_and(|line| line.contains(default)), "{name} {default}: not in\n{help}");
                assert!(takes.iter().all(|option| help.contains(option)), "{takes:?}: not all in\n{help}");
            }
        }
    }
}
