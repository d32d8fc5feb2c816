//! The command line. Options stand before or after the subcommand and its address.

use std::time::Duration;

use crate::address::{Address, Url};
use crate::say::{Lang, lang};
use crate::tr;

/// What the user asked for.
#[derive(Debug)]
pub struct Cli {
    /// The subcommand, with its address.
    pub action: Action,
    /// The options.
    pub options: Options,
}

/// A subcommand with its address.
#[derive(Debug)]
pub enum Action {
    /// `tcp-server`
    TcpServer(Address),
    /// `tcp-client`
    TcpClient(Address),
    /// `udp-server`
    UdpServer(Address),
    /// `udp-client`
    UdpClient(Address),
    /// `ws-server`
    WsServer(Address),
    /// `ws-client`
    WsClient(Url),
}

/// The options of all subcommands.
#[derive(Debug)]
pub struct Options {
    /// `--max-clients`: how many a server lets in.
    pub max_clients: usize,
    /// `--forget-after`: after how long a silent UDP client may have to make room (D16).
    pub forget_after: Duration,
    /// `--allow-origin`: further web sites whose pages may join (D27).
    pub allow_origin: Vec<String>,
    /// `--open`: show the page in the browser.
    pub open: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            max_clients: 1024,
            forget_after: Duration::from_secs(600),
            allow_origin: Vec::new(),
            open: false,
        }
    }
}

/// A subcommand as it is described.
struct Command {
    name: &'static str,
    /// The address when none is given.
    default: &'static str,
    action: fn(&str) -> Result<Action, String>,
    /// Which options it takes, besides those that all have.
    takes: &'static [&'static str],
    zh: &'static str,
    en: &'static str,
}

const COMMANDS: [Command; 6] = [
    Command {
        name: "tcp-server",
        action: |addr| Address::parse(addr).map(Action::TcpServer),
        default: "127.0.0.1:8080",
        takes: &["--max-clients"],
        zh: "TCP 聊天室服务器；在控制台输入的内容会发给所有人",
        en: "TCP chat server; what you type goes to everyone",
    },
    Command {
        name: "tcp-client",
        action: |addr| Address::parse(addr).map(Action::TcpClient),
        default: "localhost:8080",
        takes: &[],
        zh: "TCP 聊天室客户端",
        en: "TCP chat client",
    },
    Command {
        name: "udp-server",
        action: |addr| Address::parse(addr).map(Action::UdpServer),
        default: "127.0.0.1:8081",
        takes: &["--max-clients", "--forget-after"],
        zh: "UDP 聊天室服务器",
        en: "UDP chat server",
    },
    Command {
        name: "udp-client",
        action: |addr| Address::parse(addr).map(Action::UdpClient),
        default: "localhost:8081",
        takes: &[],
        zh: "UDP 聊天室客户端",
        en: "UDP chat client",
    },
    Command {
        name: "ws-server",
        action: |addr| Address::parse(addr).map(Action::WsServer),
        default: "127.0.0.1:8080",
        takes: &["--max-clients", "--open", "--allow-origin"],
        zh: "WebSocket 聊天室服务器：/ 是网页，/ws 是聊天室",
        en: "WebSocket chat server: the page at /, the room at /ws",
    },
    Command {
        name: "ws-client",
        action: |url| Url::parse(url).map(Action::WsClient),
        default: "ws://localhost:8080/ws",
        takes: &[],
        zh: "WebSocket 聊天室的终端客户端",
        en: "WebSocket chat client for the terminal",
    },
];

/// What parsing came to.
#[derive(Debug)]
pub enum Parsed {
    /// Something to run.
    Run(Cli),
    /// A text asked for: `--help` or `--version`.
    Show(String),
}

/// The options that stand alone.
const FLAGS: [&str; 3] = ["--open", "--help", "--version"];

/// Finds `--lang` ahead of everything else, so that even a usage error is said in that language.
/// `None` if it isn't there or is wrong; [`parse`] says so.
pub fn find_lang(args: &[String]) -> Option<Lang> {
    let after = args.iter().position(|arg| arg == "--lang").and_then(|at| args.get(at + 1));
    let joined = args.iter().find_map(|arg| arg.strip_prefix("--lang="));
    after.map(String::as_str).or(joined).map(Lang::from_name)
}

/// Reads the arguments (without the program's name).
///
/// # Errors
/// One sentence that says what to write instead.
pub fn parse(args: &[String]) -> Result<Parsed, String> {
    let mut options = Options::default();
    let mut words = Vec::new();
    let mut used = Vec::new();
    let mut help = false;
    let mut args = args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        let (name, joined) = match arg.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value)),
            _ => (arg, None),
        };
        if joined.is_some() && FLAGS.contains(&name) {
            return Err(tr!(zh "{name} 后面不要值", en "{name} takes no value"));
        }
        let mut value = || joined.or_else(|| args.next()).ok_or_else(|| needs_value(name));
        match name {
            "--help" | "-h" => help = true,
            "--version" | "-V" => return Ok(Parsed::Show(format!("chatroom {}", env!("CARGO_PKG_VERSION")))),
            "--lang" => check_lang(value()?)?,
            "--max-clients" => options.max_clients = number(name, value()?)?,
            "--forget-after" => options.forget_after = Duration::from_secs(number(name, value()?)? as u64),
            "--allow-origin" => options.allow_origin.push(value()?.to_string()),
            "--open" => options.open = true,
            _ if name.starts_with('-') && name.len() > 1 => return Err(unknown_option(arg)),
            _ => words.push(arg),
        }
        if name.starts_with("--") && !["--help", "--lang"].contains(&name) {
            used.push(name);
        }
    }
    if help {
        return Ok(Parsed::Show(help_for(words.first().and_then(|word| find(word)))));
    }
    let command = command(&words)?;
    if let Some(other) = used.iter().find(|name| !command.takes.contains(name)) {
        let name = command.name;
        return Err(tr!(zh "{name} 没有 {other} 选项；请看 chatroom {name} --help",
                       en "{name} has no option {other}; see chatroom {name} --help"));
    }
    let action = (command.action)(words.get(1).copied().unwrap_or(command.default))?;
    Ok(Parsed::Run(Cli { action, options }))
}

fn find(word: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == word)
}

/// The subcommand among the words, if these are a subcommand and at most one address.
fn command(words: &[&str]) -> Result<&'static Command, String> {
    let known = COMMANDS.map(|command| command.name).join(", ");
    let Some(first) = words.first() else {
        return Err(tr!(zh "要运行什么？可用的子命令: {known}", en "what shall I run? There are {known}"));
    };
    let Some(command) = find(first) else {
        return Err(tr!(zh "没有“{first}”这个子命令；可用的有: {known}",
                       en "there is no subcommand '{first}'; there are {known}"));
    };
    if let Some(extra) = words.get(2) {
        return Err(tr!(zh "多余的参数“{extra}”；{first} 只接受一个地址",
                       en "'{extra}' is one word too many; {first} takes one address"));
    }
    Ok(command)
}

fn check_lang(value: &str) -> Result<(), String> {
    if ["zh", "en"].contains(&value) {
        return Ok(());
    }
    Err(tr!(zh "--lang 只能是 zh 或 en，不是“{value}”", en "--lang is zh or en, not '{value}'"))
}

fn number(name: &str, value: &str) -> Result<usize, String> {
    value.parse().ok().filter(|number| (1..=1_000_000).contains(number)).ok_or_else(|| {
        tr!(zh "{name} 需要 1 到 1000000 的整数，而不是“{value}”",
            en "{name} takes a whole number from 1 to 1000000, not '{value}'")
    })
}

fn needs_value(name: &str) -> String {
    tr!(zh "{name} 后面要有一个值", en "{name} needs a value behind it")
}

fn unknown_option(name: &str) -> String {
    tr!(zh "没有 {name} 这个选项；请看 chatroom --help", en "there is no option {name}; see chatroom --help")
}

/// The help for one subcommand, or for all.
fn help_for(command: Option<&Command>) -> String {
    let title = |command: &Command| match lang() {
        Lang::Zh => command.zh,
        Lang::En => command.en,
    };
    let mut text = match command {
        Some(command) => {
            let what = title(command);
            let (name, default) = (command.name, command.default);
            let word = if name == "ws-client" { "URL" } else { "ADDR" };
            tr!(zh "{what}\n\n用法: chatroom {name} [{word}] [选项]\n\n  {word}  默认 {default}\n",
                en "{what}\n\nUsage: chatroom {name} [{word}] [OPTIONS]\n\n  {word}  {default} if not given\n")
        }
        None => {
            let list =
                COMMANDS.each_ref().map(|c| format!("  {:<11} {:<24} {}\n", c.name, c.default, title(c)));
            let list = list.concat();
            tr!(zh "TCP、UDP 和 WebSocket 聊天室。\n\n用法: chatroom 子命令 [地址] [选项]\n\n子命令、默认地址和用途:\n{list}",
                en "Chat rooms over TCP, UDP and WebSocket.\n\nUsage: chatroom COMMAND [ADDR] [OPTIONS]\n\nCommands, with the default address:\n{list}")
        }
    };
    text.push_str(&tr!(zh "\n地址写作 主机:端口、[::1]:端口，或 :端口（所有网卡）。\n\n选项:\n",
                       en "\nADDR is HOST:PORT, [::1]:PORT, or :PORT for every interface.\n\nOptions:\n"));
    for (name, line) in option_lines() {
        let general = ["--lang", "--help", "--version"].contains(&name);
        if general || command.is_none_or(|command| command.takes.contains(&name)) {
            text.push_str(&line);
        }
    }
    text.trim_end().to_string()
}

fn option_lines() -> [(&'static str, String); 7] {
    [
        (
            "--max-clients",
            tr!(zh "  --max-clients N       最多多少个客户端（默认 1024）\n",
                              en "  --max-clients N       let in at most N clients (1024)\n"),
        ),
        (
            "--forget-after",
            tr!(zh "  --forget-after SEC    udp-server：满员时，沉默超过 SEC 秒的客户端让位（默认 600）\n",
                               en "  --forget-after SEC    udp-server: when full, who was silent for SEC seconds makes room (600)\n"),
        ),
        (
            "--open",
            tr!(zh "  --open                ws-server：在浏览器中打开网页\n",
                       en "  --open                ws-server: open the page in the browser\n"),
        ),
        (
            "--allow-origin",
            tr!(zh "  --allow-origin ORIGIN ws-server：允许来自该网站的网页，例如 https://example.com；也可写 null 或 any\n",
                               en "  --allow-origin ORIGIN ws-server: let in pages of that site, e.g. https://example.com; or null, or any\n"),
        ),
        (
            "--lang",
            tr!(zh "  --lang zh|en          语言（默认按 LC_ALL、LC_MESSAGES、LANG）\n",
                       en "  --lang zh|en          the language (else by LC_ALL, LC_MESSAGES, LANG)\n"),
        ),
        (
            "--help",
            tr!(zh "  --help                显示帮助\n", en "  --help                show this help\n"),
        ),
        (
            "--version",
            tr!(zh "  --version             显示版本\n", en "  --version             show the version\n"),
        ),
    ]
}
