//! The harness: a plan of runs, each with a fresh server, and a table at the end.

mod args;
mod floor;
mod join;
mod lines;
mod load;
mod plan;
mod plot;
mod report;
mod server;
mod sync;
mod verify;
mod wire;

use std::process::ExitCode;
use std::time::Instant;

use args::{Args, Call};
use plan::Run;
use report::Report;

/// Whatever goes wrong ends as one sentence on stderr, or as the note of one run.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

pub fn main() -> ExitCode {
    let done = match args::parse(std::env::args().skip(1)) {
        Ok(Call::Help) => {
            print!("{}", args::HELP);
            Ok(())
        }
        Ok(Call::Floor(floor)) => floor::run(&floor),
        Ok(Call::Plot { from, into }) => plot::draw(&from, &into),
        Ok(Call::Bench(args)) => bench(&args),
        Err(wrong) => {
            eprintln!("{wrong}. See cargo bench -- --help.");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the plan round by round, so that every server meets the machine's good and bad minutes.
fn bench(args: &Args) -> Result<()> {
    server::raise_descriptor_limit()?;
    let runs = plan::runs(args);
    let seconds = plan::seconds_each(args, &runs);
    let mut report = Report::new(args);
    let (started, total) = (Instant::now(), runs.len() * args.rounds);
    for round in 0..args.rounds {
        for (number, run) in runs.iter().enumerate() {
            let (step, at) = (round * runs.len() + number + 1, started.elapsed().as_secs());
            eprint!(
                "\r\x1b[K{at:3} s  {step}/{total}  {} {} {}",
                run.proto, run.case, run.subject.name
            );
            // What hung or lost lines once needn't be waited for again.
            if !report.failed(run) {
                report.add(run, measure(run, seconds, args.pin));
            }
        }
    }
    eprintln!(
        "\r\x1b[K{total} runs in {:.0} s",
        started.elapsed().as_secs_f64()
    );
    report.print();
    args.json.as_ref().map_or(Ok(()), |file| report.save(file))
}

/// One server from its start to its end, under one case.
fn measure(run: &Run, seconds: f64, pin: bool) -> Result<report::Figures> {
    use plan::Kind::{Flood, Join, Paced, Stall};
    match run.case.kind {
        Flood { .. } => load::flood(run, seconds, pin),
        Paced { .. } => load::paced(run, seconds, pin),
        Stall { .. } => load::stall(run, pin),
        Join { clients } => join::join(run, clients, pin),
    }
}
