//! The `chatroom` command: parse, bind, run.

use std::process::ExitCode;

use chatroom::cli::{self, Action, Cli, Parsed};
use chatroom::{say, stop, tcp, udp, ws};

fn main() -> ExitCode {
    let args: Vec<String> =
        std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    if let Some(lang) = cli::find_lang(&args) {
        say::set_lang(lang);
    }
    let cli = match cli::parse(&args) {
        Ok(Parsed::Run(cli)) => cli,
        Ok(Parsed::Show(text)) => {
            say::out(&text);
            return ExitCode::SUCCESS;
        }
        Err(sentence) => {
            say::err(&format!("chatroom: {sentence}"));
            return ExitCode::from(2);
        }
    };
    match run(&cli) {
        Ok(()) => stop::exit(0),
        Err(_) if stop::requested() => stop::exit(0), // a call that failed because it was interrupted
        Err(sentence) => {
            say::err(&format!("chatroom: {sentence}"));
            stop::exit(1)
        }
    }
}

fn run(cli: &Cli) -> Result<(), String> {
    match &cli.action {
        Action::TcpServer(addr) => tcp::server::run(addr, &cli.options),
        Action::TcpClient(addr) => tcp::client::run(addr),
        Action::UdpServer(addr) => udp::server::run(addr, &cli.options),
        Action::UdpClient(addr) => udp::client::run(addr),
        Action::WsServer(addr) => ws::server::run(addr, &cli.options),
        Action::WsClient(url) => ws::client::run(url),
    }
}
