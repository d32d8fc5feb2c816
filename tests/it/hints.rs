//! Plays the experiments of `chatroom hint` as their reader does, each terminal a bash of its own, with our own program:
//! what they say must appear, appears.
//!
//! It takes a while, so it runs only where the environment asks for it:
//!
//! ```sh
//! CHATROOM_BLOCKS=1 cargo test --test it hints -- --nocapture          # all of them
//! CHATROOM_BLOCKS=D7,D12 cargo test --test it hints -- --nocapture     # those of some cases
//! ```
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use chatroom::check::hints::{Does, Hands, Section, Step, sections};
use chatroom::check::{Kind, cases};
use chatroom::support::lang::Lang;

use super::blocks::{is_line, require_tools, without_escapes};
use super::docs::{PAIRS, read};

/// How many experiments are played at a time: they wait for most of it.
const AT_ONCE: usize = 8;

/// For so long what must appear is waited for, or a command's end.
const PATIENCE: Duration = Duration::from_secs(25);

/// How often one looks.
const POLL: Duration = Duration::from_millis(10);

/// Nothing else prints this.
const PROMPT: &str = "<<ready>>";

/// A terminal: a bash that echoes nothing of what is typed.
struct Terminal {
    process: Child,
    output: Arc<Mutex<Vec<u8>>>,
    /// How many commands it was given.
    commands: usize,
    /// How many lines of what it shows have been accounted for.
    seen: usize,
    /// Nothing may come before what is expected next.
    quiet: bool,
    /// Something here prints lines that no experiment speaks of: ours does, or the program under test.
    is_talkative: bool,
}

impl Terminal {
    fn open(directory: &Path, programs: &Path) -> Terminal {
        let bash = format!("stty -echo cols 200; PS1='{PROMPT}' exec bash --norc --noprofile --noediting -i");
        let mut command = Command::new("script");
        command.args(["-qfc", &bash, "/dev/null"]).current_dir(directory);
        let path = env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", programs.display())).env("TERM", "xterm");
        command
            .env("LC_ALL", "C.UTF-8")
            .env("SHELL", "/bin/sh")
            .env_remove("PROMPT_COMMAND")
            .env_remove("HISTFILE");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut process = command.spawn().unwrap();
        let output = Arc::new(Mutex::new(Vec::new()));
        let (mut from, to) = (process.stdout.take().unwrap(), Arc::clone(&output));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(size @ 1..) = from.read(&mut bytes) {
                to.lock().unwrap().extend(&bytes[..size]);
            }
        });
        Terminal { process, output, commands: 0, seen: 0, quiet: false, is_talkative: false }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().unwrap()).into_owned()
    }

    /// The lines that it shows, prompts and empty lines left out. Our programs make room above the line being typed.
    fn lines(&self) -> Vec<String> {
        let text = self.text().replace("\u{1b}8", "\n").replace("\u{1b}D", "\n").replace("\u{1b}7", "");
        let plain = without_escapes(&text).replace(PROMPT, "\n");
        plain.lines().filter(|line| !line.is_empty()).map(str::to_string).collect()
    }

    /// Whether the shell waits for a command.
    fn is_ready(&self) -> bool {
        self.text().matches(PROMPT).count() > self.commands
    }

    fn write(&self, bytes: &str) {
        self.process.stdin.as_ref().unwrap().write_all(bytes.as_bytes()).unwrap();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // All that was started here is in the session of the shell, which `script` has started.
        let pid = self.process.id();
        let shell = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        for session in shell.split_whitespace() {
            let _ = Command::new("pkill").args(["-KILL", "-s", session]).status();
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until it holds. Says whether it came to hold.
fn wait(limit: Duration, holds: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while !holds() {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(POLL);
    }
    true
}

/// What the system knows of a port.
fn sockets(port: u16) -> Vec<String> {
    let mark = format!(":{port:04X} ");
    let tables = ["tcp", "tcp6", "udp", "udp6"].map(|name| fs::read_to_string(format!("/proc/net/{name}")));
    let lines = tables.iter().flatten().flat_map(|table| table.lines()).filter(|line| line.contains(&mark));
    // Local address, other address, state: the rest changes by itself.
    lines.map(|line| line.split_whitespace().skip(1).take(3).collect::<Vec<_>>().join(" ")).collect()
}

/// A port that nobody has, and no other experiment gets; another test run begins elsewhere.
fn free_port() -> u16 {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    loop {
        let mixed = std::process::id().wrapping_mul(7919).wrapping_add(COUNT.fetch_add(1, Ordering::Relaxed));
        let here = ("127.0.0.1", u16::try_from(10_000 + mixed % 10_000).unwrap());
        if TcpListener::bind(here).is_ok() && UdpSocket::bind(here).is_ok() {
            return here.1;
        }
    }
}

/// An experiment under way.
struct Play<'a> {
    hands: Hands,
    kind: Kind,
    port: u16,
    directory: &'a Path,
    programs: &'a Path,
    terminals: BTreeMap<char, Terminal>,
}

impl Play<'_> {
    /// Does what is done, waits for what must be seen. What is wrong, if something is.
    fn step(&mut self, step: Step, next: Option<Step>) -> Result<(), String> {
        let text = self.hands.fill(step.text);
        let (directory, programs) = (self.directory, self.programs);
        self.terminals.entry(step.lane).or_insert_with(|| Terminal::open(directory, programs));
        match step.does {
            Does::Runs => self.run(step.lane, &text),
            Does::Types => {
                self.type_in(step.lane, &text, next);
                Ok(())
            }
            Does::Shows if text.is_empty() => {
                self.terminal(step.lane).quiet = true;
                Ok(())
            }
            Does::Shows => self.expect(step.lane, &text),
        }
    }

    fn terminal(&mut self, lane: char) -> &mut Terminal {
        self.terminals.get_mut(&lane).unwrap()
    }

    /// Gives a command, once the one before has ended, and waits until it has done something at the port, or has ended.
    fn run(&mut self, lane: char, command: &str) -> Result<(), String> {
        let (port, is_udp) = (self.port, self.kind.transport() == "udp");
        let terminal = self.terminal(lane);
        if !wait(PATIENCE, || terminal.is_ready()) {
            return Err(format!("{lane}$ {command}: what ran there before doesn't end"));
        }
        let before = sockets(port);
        if terminal.is_talkative && !terminal.quiet {
            terminal.seen = terminal.lines().len(); // whatever the last one said besides
        }
        terminal.commands += 1;
        terminal.is_talkative |= command.contains("chatroom"); // it may go on in the background
        terminal.write(&format!("{command}\n"));
        let terminal = &self.terminals[&lane];
        if command.contains(&port.to_string()) {
            let said = self.terminals.get(&'S').map(|server| server.lines().len());
            wait(Duration::from_secs(3), || terminal.is_ready() || sockets(port) != before);
            // Who connects is in the room once a server has said so: one that speaks of it does that soon.
            let server = self.terminals.get(&'S').filter(|_| lane != 'S' && !is_udp);
            if let Some(server) = server {
                wait(Duration::from_millis(300), || Some(server.lines().len()) > said || terminal.is_ready());
            }
        }
        Ok(())
    }

    /// Types a line, and gives it time to arrive wherever it goes; or presses a key, and gives it time to end something.
    fn type_in(&mut self, lane: char, text: &str, next: Option<Step>) {
        let again = next.is_some_and(|next| (next.lane, next.does) == (lane, Does::Types));
        let terminal = &self.terminals[&lane];
        if let Some(key) = text.strip_prefix('^').and_then(|key| key.bytes().next()) {
            terminal.write(&char::from(key & 0x1f).to_string());
            wait(Duration::from_millis(if again { 100 } else { 3000 }), || terminal.is_ready());
            return;
        }
        let others = || self.terminals.iter().filter(|(other, _)| **other != lane);
        let shown = || others().map(|(_, other)| other.text().matches(text).count()).sum::<usize>();
        let before = shown();
        match text.strip_suffix('…') {
            Some(part) => terminal.write(part),
            None => terminal.write(&format!("{text}\n")),
        }
        wait(Duration::from_millis(700), || shown() > before);
    }

    /// Waits for a line. Only whoever is talkative may say something else before.
    fn expect(&mut self, lane: char, expected: &str) -> Result<(), String> {
        let terminal = self.terminal(lane);
        let find = || {
            let lines = terminal.lines();
            let is_it = |line: &String| is_line(expected, line) && (expected != "…" || is_news(line));
            lines.iter().skip(terminal.seen).position(is_it).map(|at| terminal.seen + at)
        };
        if !wait(PATIENCE, || find().is_some()) {
            return Err(format!("{lane}| {expected}: doesn't appear"));
        }
        let at = find().unwrap();
        let extra = terminal.unexpected(at);
        (terminal.seen, terminal.quiet) = (at + 1, false);
        if extra.is_empty() { Ok(()) } else { Err(format!("{lane}| {expected}: before it came {extra:?}")) }
    }

    /// At the end nothing may have appeared where nothing was to.
    fn finish(&self) -> Result<(), String> {
        for (lane, terminal) in self.terminals.iter().filter(|(_, terminal)| terminal.quiet) {
            let extra = terminal.unexpected(usize::MAX);
            if !extra.is_empty() {
                return Err(format!("{lane}| nothing more: but there came {extra:?}"));
            }
        }
        Ok(())
    }

    fn shown(&self) -> String {
        let show = |(lane, terminal): (&char, &Terminal)| {
            let lines: Vec<String> =
                terminal.lines().iter().map(|line| line.chars().take(200).collect()).collect();
            format!("  at {lane}: {lines:#?}\n")
        };
        self.terminals.iter().map(show).collect()
    }
}

impl Terminal {
    /// What it shows before a line, and shouldn't.
    fn unexpected(&self, until: usize) -> Vec<String> {
        let lines = self.lines();
        let between = lines.iter().take(until).skip(self.seen).filter(|line| is_news(line));
        if self.quiet || !self.is_talkative { between.cloned().collect() } else { Vec::new() }
    }
}

/// Whether it isn't what our clients say at their start.
fn is_news(line: &str) -> bool {
    !["connected to", "you are ", "(the room hears"].iter().any(|start| line.starts_with(start))
}

/// Plays an experiment. What is wrong, in words that help.
fn play(section: &Section, kind: Kind, programs: &Path) -> Result<(), String> {
    let (port, start) = (free_port(), Instant::now());
    let directory = fresh(&format!("{kind}-{}", section.ids[0]));
    let hands = Hands::ours(kind, Some(&format!("127.0.0.1:{port}")));
    let mut play = Play { hands, kind, port, directory: &directory, programs, terminals: BTreeMap::new() };
    let steps: Vec<Step> = section.steps().collect();
    let mut steps = steps.iter().enumerate().map(|(at, step)| (*step, steps.get(at + 1).copied()));
    let played = steps.try_for_each(|(step, next)| play.step(step, next)).and_then(|()| play.finish());
    eprintln!("{kind} {} took {:.1} s", section.ids.join(" "), start.elapsed().as_secs_f64());
    played.map_err(|wrong| {
        let (ids, experiment) = (section.ids.join(" "), section.show(&play.hands));
        format!("{kind} {ids}: {wrong}\n\n{experiment}\nWhat the terminals show:\n{}", play.shown())
    })
}

/// An empty directory.
fn fresh(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hints").join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

/// The experiments to play, each with every kind of program that it is for.
fn chosen(only: &str) -> Vec<(Section, Kind)> {
    let is_chosen = |section: &Section| only == "1" || only.split(',').any(|id| section.ids.contains(&id));
    let sections = sections(Lang::En).into_iter().filter(is_chosen);
    let with_kinds = sections.flat_map(|section| {
        let is_for = |kind: &Kind| cases(*kind).iter().any(|case| section.is_about(*kind, case.id));
        Kind::PROGRAMS.into_iter().filter(is_for).map(|kind| (section.clone(), kind)).collect::<Vec<_>>()
    });
    let can_be_played = |(section, kind): &(Section, Kind)| {
        let why = lacks(section);
        why.iter().for_each(|why| eprintln!("{kind} {}: not played here: {why}", section.ids.join(" ")));
        why.is_none() && section.steps().next().is_some()
    };
    with_kinds.filter(can_be_played).collect()
}

/// What an experiment needs and this machine lacks.
fn lacks(section: &Section) -> Option<&'static str> {
    let uses = |word| section.steps().any(|step| step.text.contains(word));
    let can_trace = || {
        Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).status().is_ok_and(|it| it.success())
    };
    let has_ipv6 = || TcpListener::bind("[::1]:0").is_ok();
    if uses("strace") && !can_trace() {
        return Some("strace can't trace here");
    }
    (uses("[::1]") && !has_ipv6()).then_some("there is no IPv6 here")
}

#[test]
fn every_experiment_shows_what_it_says() {
    let Ok(only) = env::var("CHATROOM_BLOCKS") else {
        eprintln!("not run here: the experiments of `hint`; set CHATROOM_BLOCKS=1 to run them");
        return;
    };
    require_tools();
    let programs = fresh("programs");
    symlink(env!("CARGO_BIN_EXE_chatroom"), programs.join("chatroom")).unwrap();
    let chosen = chosen(&only);
    assert!(!chosen.is_empty(), "CHATROOM_BLOCKS={only}: no such case; 1 stands for all, D7 for one");
    let (queue, wrong) = (Mutex::new(chosen.iter()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().next();
                    let Some((section, kind)) = next else { break };
                    if play(section, *kind, &programs).is_err() {
                        wrong.lock().unwrap().push((section, *kind));
                    }
                }
            });
        }
    });
    // Some go by the clock, and the machine was busy. Once more, one at a time.
    let wrong = wrong.into_inner().unwrap().into_iter();
    let again = wrong.filter_map(|(section, kind)| {
        eprintln!("{kind} {}: not as it says; once more, alone", section.ids.join(" "));
        play(section, kind, &programs).err()
    });
    let wrong: Vec<String> = again.collect();
    assert!(wrong.is_empty(), "\n\n{}", wrong.join("\n\n"));
}

/// What `chatroom hint` says: its exit code, stdout and stderr.
fn hint(words: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatroom"));
    let ran = command.arg("hint").args(words).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (ran.status.code(), text(ran.stdout), text(ran.stderr))
}

#[test]
fn every_case_has_its_three_parts_in_both_languages() {
    for (lang, labels) in [
        ("en", ["\nQuestion\n", "\nBy hand\n", "\nLikely cause\n"]),
        ("zh", ["\n问题\n", "\n自己动手\n", "\n可能的原因\n"]),
    ] {
        for kind in Kind::PROGRAMS {
            for case in cases(kind) {
                let (code, told, _) = hint(&[&kind.to_string(), case.id, "--lang", lang]);
                let places = labels.map(|label| told.find(label));
                assert_eq!(code, Some(0), "{kind} {}", case.id);
                assert!(
                    places.iter().all(Option::is_some) && places.is_sorted(),
                    "{kind} {} in {lang}:\n{told}",
                    case.id
                );
                let left = [
                    "{program",
                    "{server",
                    "{client",
                    "{listen",
                    "{addr",
                    "{host",
                    "{port",
                    "{handshake",
                    "{secure",
                ];
                assert!(
                    !left.iter().any(|mark| told.contains(mark)),
                    "{kind} {}: not filled in:\n{told}",
                    case.id
                );
            }
        }
    }
}

#[test]
fn a_hint_names_its_kind_and_its_difference() {
    let (_, told, _) = hint(&["d4", "--lang", "en"]);
    assert!(told.starts_with("tcp-server D4 (safe): clients that stop reading"), "{told}");
    let page = told.split_whitespace().find(|word| word.contains('#')).unwrap();
    let (page, anchor) = page.split_once('#').unwrap();
    assert!(
        page == PAIRS[0].0 && read(page).contains(&format!("<a id=\"{anchor}\">")),
        "{page} has no {anchor}"
    );
    let (_, told, _) = hint(&["D7", "--lang", "en"]);
    assert!(
        told.starts_with("tcp-server D7 ") && told.contains("\nalso a case of udp-server, ws-server\n"),
        "{told}"
    );
    let (_, told, _) = hint(&["D7", "ws-server", "--lang", "zh"]);
    assert!(
        told.starts_with("ws-server D7（safe）") && told.contains("\n这一项也用于: tcp-server, udp-server\n"),
        "{told}"
    );
    assert!(told.contains(&format!("{}#d7", PAIRS[0].1)), "{told}");
}

#[test]
fn who_asks_wrongly_gets_one_sentence() {
    for (words, part) in [
        (&[][..], "chatroom hint [KIND] ID"),
        (&["tcp-server"], "chatroom hint [KIND] ID"),
        (&["D7", "D8"], "chatroom hint [KIND] ID"),
        (&["D99"], "chatroom check KIND --list"),
        (&["udp-server", "D99"], "chatroom check udp-server --list"),
        (&["tcp-server", "d20"], "chatroom hint ws-server d20"),
        (&["greet"], "the exercise's sheet"),
        (&["tcp-server", "Batch"], "the exercise's sheet"),
    ] {
        let (code, told, said) = hint(&[words, &["--lang", "en"]].concat());
        assert_eq!((code, told.as_str(), said.lines().count()), (Some(2), "", 1), "{words:?}: {said}");
        assert!(said.contains(part), "{words:?}: {said}");
    }
    let (code, _, said) = hint(&["tcp-server", "D20", "--lang", "zh"]);
    assert!(code == Some(2) && said.contains("ws-server 有"), "{said}");
}

#[test]
fn on_a_terminal_each_part_waits_for_enter() {
    let program = env!("CARGO_BIN_EXE_chatroom");
    let terminal = Terminal::open(&fresh("enter"), Path::new("/"));
    assert!(wait(PATIENCE, || terminal.is_ready()));
    terminal.write(&format!("'{program}' hint tcp-echo --lang en\n"));
    for (part, next) in
        [("Question", Some("By hand")), ("By hand", Some("Likely cause")), ("Likely cause", None)]
    {
        let has = |label: &str| terminal.lines().iter().any(|line| line == label);
        let asks = || terminal.text().matches("press Enter").count();
        let asked = if part == "Question" { 1 } else { 2 };
        assert!(wait(PATIENCE, || has(part) && asks() == asked), "{part}: {:#?}", terminal.lines());
        if let Some(next) = next {
            assert!(!has(next), "{next} comes before Enter");
            terminal.write("\n");
        }
    }
}

#[test]
fn a_report_ends_with_what_can_be_done_by_hand() {
    for (lang, label, more) in [("en", "By hand (", "More: "), ("zh", "自己动手（", "更多提示: ")] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatroom"));
        command.args(["check", "tcp-client", "--run", "false '{addr}' 'a word'", "--addr", "127.0.0.1:10"]);
        let ran = command.args(["--only", "client-refused", "--lang", lang]).output().unwrap();
        let told = String::from_utf8(ran.stdout).unwrap();
        let end = told
            .split_once(label)
            .map(|(_, end)| end.lines().skip(1).collect::<Vec<_>>())
            .unwrap_or_default();
        let steps = ["    A$ false 127.0.0.1:10 'a word'", "    A| …10…", "    A$ echo $?", "    A| 1"];
        assert_eq!(end.get(..4), Some(&steps[..]), "{told}");
        assert_eq!(
            end.get(4),
            Some(&format!("{more}chatroom hint tcp-client client-refused").as_str()),
            "{told}"
        );
    }
}
