//! `chatroom check class FILE`: the programs of a whole class, and which of them chat with each other.
//!
//! Reading order: [`list`] (who and what), [`entry`] (one program, by a checker of its own), [`kept`] (what a stopped run
//! has found out), [`pairs`] (every server with every client), and [`tell`] (table, JSON, CSV, JUnit, page).

mod entry;
mod kept;
mod list;
pub mod order;
mod page;
mod pairs;
mod tell;

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::{Mutex, RwLock};
use std::thread;
use std::time::Duration;

use self::entry::Result as Found;
use self::kept::Kept;
use self::list::Entry;
use self::order::Order;
use super::Kind;
use super::command::{in_a_row, must_be_writable};
use super::stage::program;
use crate::support::terminal::visible;
use crate::support::{lock, print, stop};
use crate::warn;

/// What came of a class.
#[derive(Debug)]
struct Class {
    /// The programs, in the list's order.
    entries: Vec<Entry>,
    /// What came of each; nothing of those that weren't come to.
    results: Vec<Option<Found>>,
    /// The pairs, server and client by their places in the list, and whether they chat.
    pairs: Vec<Pair>,
}

/// A server and a client that were tried with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pair {
    server: usize,
    client: usize,
    /// Nothing, where one of them doesn't do by itself what it takes.
    chat: Option<bool>,
}

/// How long the end may take once it is asked for: checkers end what they have started.
const ENDING: Duration = Duration::from_secs(30);

/// Ended by Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Checks a class, and tells it.
///
/// # Errors
/// A sentence, when the list can't be read or a file can't be written.
pub fn run(order: &Order) -> Result<ExitCode, String> {
    let entries = list::read(&order.file)?;
    order.files().try_for_each(must_be_writable)?; // better now than after an hour
    stop::on_signal(|| {
        program::end_all();
        thread::sleep(ENDING); // Meanwhile all is told that was found out.
        stop::exit(i32::from(INTERRUPTED));
    })?;
    let kept = Kept::open(&order.file, &order.asked);
    let known = entries.iter().filter(|entry| kept.of(entry).is_some()).count();
    if known > 0 {
        let (all, file) = (entries.len(), kept.path.display());
        warn!(zh "{all} 个程序里，{known} 个的结果来自上一次中断了的检查；要全部重新检查，就删掉 {file}",
              en "known from the run that was stopped: {known} of {all} programs; delete {file} to check all anew");
    }
    let results = each(&entries, order.jobs, |entry| look_at(entry, order, &kept));
    let pairs = pairs_of(&entries, &results, order.jobs);
    let class = Class { entries, results, pairs };
    tell::all(&class, order)?;
    if stop::requested() {
        let file = &order.file;
        if kept.is_kept() {
            warn!(zh "检查中断了；再运行一次，从这里接着检查 {file}", en "stopped; run it again, and it goes on from here with {file}");
        }
        return Ok(ExitCode::from(INTERRUPTED));
    }
    kept.forget();
    Ok(ExitCode::from(u8::from(!class.is_all_right())))
}

impl Class {
    /// Whether nothing fails.
    fn is_all_right(&self) -> bool {
        self.results.iter().flatten().all(|result| result.first().is_none() && result.why_not.is_none())
    }
}

/// Those that have a fixed port come one after the other.
static FIXED: Mutex<()> = Mutex::new(());

/// What is known of a program already, or what its checker says.
fn look_at(entry: &Entry, order: &Order, kept: &Kept) -> Option<Found> {
    if let Some(known) = kept.of(entry) {
        return Some(known);
    }
    let _turn = entry.addr.as_ref().map(|_| lock(&FIXED));
    let found = entry::check(entry, &order.asked)?;
    kept.add(entry, &found);
    if !order.json && io::stdout().is_terminal() {
        let line = format!("{}  {}  {}", entry.name, entry.what, tell::in_words(&found));
        print::progress(&in_a_row(&visible(&line))); // the next takes its place
    }
    Some(found)
}

/// Does the same with all, some of them at a time, until all is to end. What came of each, in their order.
fn each<T: Sync, R: Send>(all: &[T], jobs: usize, does: impl Fn(&T) -> Option<R> + Sync) -> Vec<Option<R>> {
    let queue: Mutex<VecDeque<usize>> = Mutex::new((0..all.len()).collect());
    let done = Mutex::new(all.iter().map(|_| None).collect::<Vec<Option<R>>>());
    thread::scope(|scope| {
        for _ in 0..jobs.min(all.len()) {
            scope.spawn(|| {
                while !stop::requested() {
                    let Some(at) = lock(&queue).pop_front() else { return };
                    let came = does(&all[at]);
                    lock(&done)[at] = came;
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Every server with every client of its transport. Who doesn't relay, or doesn't send and print, chats with nobody; that
/// stands in the table already.
fn pairs_of(entries: &[Entry], results: &[Option<Found>], jobs: usize) -> Vec<Pair> {
    let places =
        |is_wanted: fn(Kind) -> bool| (0..entries.len()).filter(move |at| is_wanted(entries[*at].kind));
    let mut pairs: Vec<Pair> = Vec::new();
    for server in places(Kind::is_server) {
        let same = |client: &usize| entries[*client].kind.transport() == entries[server].kind.transport();
        let clients = places(|kind| !kind.is_server()).filter(same);
        pairs.extend(clients.map(|client| Pair { server, client, chat: None }));
    }
    let can = |at: usize, needs: &[&str]| {
        let cases = || results[at].iter().flat_map(|result| &result.cases);
        needs.iter().all(|end| cases().any(|told| told.id.ends_with(end) && told.outcome == "passed"))
    };
    let chats = each(&pairs, jobs, |pair| {
        let (server, client) = (&entries[pair.server], &entries[pair.client]);
        let is_tried = client.addr.is_none()
            && can(pair.server, &["-relay"])
            && can(pair.client, &["client-send", "client-print"]);
        // Who listens at a fixed port does so alone.
        static ALONE: RwLock<()> = RwLock::new(());
        let is_alone = server.addr.is_some();
        let _turn = (is_alone.then(|| ALONE.write()), (!is_alone).then(|| ALONE.read()));
        let chat = is_tried.then(|| pairs::chat(server, client));
        chat.filter(|_| !stop::requested()) // or they were ended in the middle of it
    });
    pairs.iter_mut().zip(chats).for_each(|(pair, chat)| pair.chat = chat);
    pairs
}
