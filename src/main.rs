//! The `chatroom` command: parse, bind, run.

use std::process::ExitCode;
use std::time::Duration;

use chatroom::cli::{self, Cli, Parsed};
use chatroom::support::{lang, print, stop, typing};
use chatroom::{check, compare, course, relay, tcp, udp, ws};

fn main() -> ExitCode {
    let args: Vec<String> =
        std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    if let Some(lang) = cli::find_lang(&args) {
        lang::set(lang);
    }
    let ended = match cli::parse(&args) {
        Ok(Parsed::Run(cli)) => {
            typing::begin();
            run(&cli)
        }
        Ok(Parsed::Check(order)) => match check::command::run(&order) {
            Ok(code) => return told(code),
            Err(sentence) => Err(sentence),
        },
        Ok(Parsed::Class(order)) => match check::class::run(&order) {
            Ok(code) => return told(code),
            Err(sentence) => Err(sentence),
        },
        Ok(Parsed::Course) => course::show().map(|()| print::finish(Duration::from_secs(1))),
        Ok(Parsed::Hint(asked)) => {
            check::hints::command::run(&asked);
            return ExitCode::SUCCESS;
        }
        Ok(Parsed::Compare(notes, options)) => {
            compare::run(&notes, options.output.as_deref(), options.open, options.naive)
        }
        Ok(Parsed::Show(text)) => {
            print::out(&text);
            return ExitCode::SUCCESS;
        }
        Err(sentence) => {
            print::err(&format!("chatroom: {sentence}"));
            return ExitCode::from(2);
        }
    };
    match ended {
        Ok(()) => {
            relay::finish(Duration::from_millis(200));
            stop::exit(0)
        }
        Err(_) if stop::requested() => stop::exit(0), // a call that failed because it was interrupted
        Err(sentence) => {
            print::err(&format!("chatroom: {sentence}"));
            stop::exit(1)
        }
    }
}

fn run(Cli { command, addr, options }: &Cli) -> Result<(), String> {
    match *command {
        "tcp-server" => tcp::server::run(addr, options),
        "tcp-client" => tcp::client::run(addr),
        "udp-server" => udp::server::run(addr, options),
        "udp-client" => udp::client::run(addr),
        "ws-server" => ws::server::run(addr, options),
        _ => ws::client::run(addr, options),
    }
}

/// Ends when all is printed.
fn told(code: ExitCode) -> ExitCode {
    print::finish(Duration::from_secs(1));
    code
}
