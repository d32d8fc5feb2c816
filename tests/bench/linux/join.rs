//! Idle clients: how long until all have joined, what each costs, and what stays when they left.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Result;
use super::floor::Mode;
use super::plan::{How, Run};
use super::report::Figures;
use super::server::{Memory, Server, listen_overflows};
use super::wire::Sock;

/// One look at the server's /proc.
struct Look {
    memory: Memory,
    threads: usize,
    descriptors: usize,
}

pub fn join(run: &Run, clients: usize, pin: bool) -> Result<Figures> {
    let server = Server::start(run, clients, 0, 0, pin)?;
    let (before, overflows) = (look(&server)?, listen_overflows());
    let (crowd, took) = arrive(run, &server, clients, before.descriptors, BURST)?;
    let overflowed = listen_overflows().zip(overflows).map(|(after, before)| after - before);
    let full = look(&server)?;
    let each = |after: f64, before: f64| (after - before) / clients as f64;
    let mut figures = Figures::from([
        ("seconds", took.as_secs_f64()),
        ("rss_kib", each(full.memory.rss_kib, before.memory.rss_kib)),
        ("pss_kib", each(full.memory.pss_kib, before.memory.pss_kib)),
        ("threads", each(full.threads as f64, before.threads as f64)),
        ("descriptors", each(full.descriptors as f64, before.descriptors as f64)),
    ]);
    figures.extend(overflowed.map(|count| ("overflows", count as f64)));

    drop(crowd);
    if !matches!(run.subject.how, How::Floor(Mode::Accept)) {
        figures.extend(afterwards(run, &server, clients, &before, &full)?);
    }
    Ok(figures)
}

/// What stays when they have left, and what a second crowd adds.
fn afterwards(run: &Run, server: &Server, clients: usize, before: &Look, full: &Look) -> Result<Figures> {
    let left = after_leaving(server, before)?;
    let mut figures = Figures::from([
        ("left_threads", left.threads as f64 - before.threads as f64),
        ("left_descriptors", left.descriptors as f64 - before.descriptors as f64),
        ("left_kib", left.memory.rss_kib - before.memory.rss_kib),
    ]);
    let _crowd = arrive(run, server, clients, left.descriptors, GENTLY)?;
    figures.insert("again_kib", look(server)?.memory.rss_kib - full.memory.rss_kib);
    Ok(figures)
}

/// A pause after every few clients: none; or so that no accept queue overflows.
const BURST: Duration = Duration::ZERO;
const GENTLY: Duration = Duration::from_micros(500);

/// One after the other, as fast as they are let in; it is done when the server holds them all.
fn arrive(
    run: &Run,
    server: &Server,
    clients: usize,
    held: usize,
    pause: Duration,
) -> Result<(Vec<Sock>, Duration)> {
    let (start, mut crowd) = (Instant::now(), Vec::with_capacity(clients));
    let in_time = || {
        if start.elapsed() < PATIENCE { Ok(()) } else { Err("takes over 10 s for all to join") }
    };
    while crowd.len() < clients {
        crowd.push(Sock::connect(run.proto, server.addr)?);
        if crowd.len() % 8 == 0 && !pause.is_zero() {
            sleep(pause);
        }
        in_time()?;
    }
    crowd.iter().try_for_each(|client| client.joined(run.proto))?;
    while server.descriptors()? < held + clients {
        in_time()?;
        sleep(Duration::from_millis(1));
    }
    Ok((crowd, start.elapsed()))
}

const PATIENCE: Duration = Duration::from_secs(10);

/// A server may take a moment to notice; what it holds after three seconds it keeps.
fn after_leaving(server: &Server, before: &Look) -> Result<Look> {
    let start = Instant::now();
    while server.descriptors()? > before.descriptors && start.elapsed() < Duration::from_secs(3) {
        sleep(Duration::from_millis(10));
    }
    look(server)
}

fn look(server: &Server) -> Result<Look> {
    sleep(Duration::from_millis(200)); // until threads that begin or end have done so
    Ok(Look { memory: server.memory()?, threads: server.threads()?, descriptors: server.descriptors()? })
}
