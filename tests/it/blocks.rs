//! Runs every shell block of the pages as a reader does, pasted into an interactive bash, and compares
//! what comes with what the page says comes: the `text` block right behind it.
//!
//! In such a block `…` stands for anything (as a line of its own for any number of lines), `~7` for any
//! number from half of 7 to twice 7, and `<7` for any number below 7. A block without one behind it promises to print nothing. What bash itself
//! says about jobs (`[1] 4711`, `[1]+  Done …`) is left aside, and so are empty lines.
//!
//! It takes two minutes, so it runs only where the environment asks for it:
//!
//! ```sh
//! CHATROOM_BLOCKS=1 cargo test --test it blocks -- --nocapture     # all of them
//! CHATROOM_BLOCKS=D7 cargo test --test it blocks -- --nocapture    # those of one difference
//! CHATROOM_BLOCKS=stream cargo test --test it blocks -- --nocapture # those of one chapter of the book
//! ```
//!
//! A block that begins with "```sh root" needs root, and tools that not every machine has. It is passed
//! over, with a line that says so, where they are missing.
//!
//! Each block has an empty directory, and where the system allows it a network and processes of its own:
//! ports are free, and what a block leaves running ends with it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::ops::Range;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use super::book;
use super::docs::{PAIRS, read};

/// The pages whose blocks say what they print, in both languages: the differences, and the chapters of
/// the book.
fn pages() -> Vec<[String; 2]> {
    let differences = [PAIRS[0].0, PAIRS[0].1].map(String::from);
    let chapter = |page: String| book::LANGUAGES.map(|language| format!("docs/{language}/src/{page}"));
    [differences].into_iter().chain(book::chapters().into_iter().map(chapter)).collect()
}

/// The languages that the readers of a page are asked to set.
const LANGUAGES: [&str; 2] = ["C.UTF-8", "zh_CN.UTF-8"];

/// Blocks that keep a core busy. Only one of these runs at a time.
const BUSY: [&str; 5] = ["D2", "D4", "D7", "D16", "D31"];

/// How many blocks run at a time: they sleep most of the time.
const AT_ONCE: usize = 4;

/// How long a block may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The prompt of the shell that a block is pasted into: nothing else prints this.
const PROMPT: &str = "<<ready>>";

/// A block of a page.
#[derive(Debug, Clone, Default)]
pub struct Block {
    /// Where it stands: `docs/differences.md`, `D7`, line 150. In a chapter of the book, instead of the
    /// difference: `stream`, as the chapter is called.
    page: String,
    difference: String,
    line: usize,
    needs_root: bool,
    pub code: String,
    pub promised: String,
}

impl Block {
    fn is_same(&self, other: &Self) -> bool {
        self.code == other.code && self.promised == other.promised
    }
}

/// The blocks of a page, each with what it promises to print.
pub fn blocks(page: &str, text: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut difference = Path::new(page).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut after_code = false; // nothing but empty lines since the last block of code
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        if let Some(heading) = line.strip_prefix("### D") {
            let digits = heading.chars().take_while(char::is_ascii_digit);
            difference = format!("D{}", digits.collect::<String>());
        }
        if let Some(language) = line.strip_prefix("```") {
            let inside = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```");
            let inside: String = inside.flat_map(|line| [line, "\n"]).collect();
            match language {
                "sh" | "sh root" => {
                    let difference = difference.clone();
                    found.push(Block {
                        page: page.to_string(),
                        difference,
                        line: at + 1,
                        needs_root: language == "sh root",
                        code: inside,
                        promised: String::new(),
                    });
                    after_code = true;
                    continue;
                }
                "text" if after_code => found.last_mut().unwrap().promised = inside,
                "text" => panic!("{page}:{}: this output stands behind no block of code", at + 1),
                _ => {}
            }
        }
        after_code &= line.is_empty();
    }
    found
}

/// Whether a line is what was promised: `…` for anything, `~7` for half to double of 7, `<7` for less.
/// Any white space is as good as any other.
pub fn is_line(promised: &str, came: &str) -> bool {
    fn rest_is(promised: &str, came: &str) -> bool {
        let mut chars = promised.chars();
        match chars.next() {
            None => came.is_empty(),
            Some('…') => {
                let mut ends = came.char_indices().map(|(at, _)| at).chain([came.len()]);
                ends.any(|at| rest_is(chars.as_str(), &came[at..]))
            }
            Some(mark @ ('~' | '<')) if number(chars.as_str()).is_some() => {
                let (figure, promised) = number(chars.as_str()).unwrap();
                number(came).is_some_and(|(this, came)| {
                    let holds = if mark == '<' {
                        this < figure
                    } else {
                        this >= figure / 2.0 && this <= figure * 2.0
                    };
                    holds && rest_is(promised, came)
                })
            }
            Some(c) => came.strip_prefix(c).is_some_and(|came| rest_is(chars.as_str(), came)),
        }
    }
    let squeeze = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    rest_is(&squeeze(promised), &squeeze(came))
}

/// The number that a text begins with, and what stands behind it.
fn number(text: &str) -> Option<(f64, &str)> {
    let is_point = |at: usize| text[at + 1..].starts_with(|c: char| c.is_ascii_digit());
    let ends = text.char_indices().find(|&(at, c)| !(c.is_ascii_digit() || c == '.' && is_point(at)));
    let (digits, rest) = text.split_at(ends.map_or(text.len(), |(at, _)| at));
    Some((digits.parse().ok()?, rest))
}

/// Compares line by line. What isn't as promised: the first such line, counted from 0, on both sides.
fn compare(promised: &[&str], came: &[&str]) -> Result<(), (usize, usize)> {
    let further = |(a, b): (usize, usize)| (a + 1, b + 1);
    match (promised.split_first(), came.split_first()) {
        (None, None) => Ok(()),
        (Some((&"…", promised)), _) => {
            let tries = (0..=came.len()).map(|skipped| match compare(promised, &came[skipped..]) {
                Err((a, b)) => Err((a + 1, b + skipped)),
                Ok(()) => Ok(()),
            });
            tries.reduce(|one, other| one.or_else(|at| other.map_err(|other| at.max(other)))).unwrap()
        }
        (Some((line, promised)), Some((this, came))) if is_line(line, this) => {
            compare(promised, came).map_err(further)
        }
        _ => Err((0, 0)),
    }
}

/// What the block printed, as a reader would copy it: no colours, no empty lines, and without bash's own
/// words about jobs. Those repeat the command, which may have several lines.
fn as_read(output: &str, code: &str) -> Vec<String> {
    // What says how far something is, is gone when it is done.
    let done: String = output
        .lines()
        .map(|line| line.rsplit("\x1b[K\r").next().unwrap_or(line).to_string() + "\n")
        .collect();
    let plain = without_escapes(&done);
    let mut kept = Vec::new();
    let mut repeated = "".lines(); // what a notice may still repeat
    for line in plain.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        let is_notice = line
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
            .is_some_and(|(job, rest)| job.parse::<u32>().is_ok() && rest.starts_with([' ', '+', '-']));
        if is_notice {
            repeated = code.lines();
        } else if !repeated.any(|code| code == line || code.strip_suffix(" &") == Some(line)) {
            kept.push(line.to_string()); // and with that `repeated` is used up
        }
    }
    kept
}

/// A text without the sequences that colour it or set a window's title.
pub fn without_escapes(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars().filter(|&c| c != '\r');
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('[') => drop(chars.find(|c| ('@'..='~').contains(c))),
            Some(']') => drop(chars.find(|&c| c == '\u{7}' || c == '\\')),
            _ => {}
        }
    }
    plain
}

/// An interactive bash on a terminal of its own.
struct Shell {
    process: Child,
    output: Arc<Mutex<Vec<u8>>>,
}

impl Shell {
    fn start(directory: &Path, programs: &Path, language: &str, needs_root: bool) -> Self {
        let bash = format!("PS1='{PROMPT}' exec bash --norc --noprofile -i");
        // The shell that starts it stays, as the first process: there it has to care for orphans.
        let terminal = format!("script -qfc \"{bash}\" /dev/null; exit $?");
        let isolation = isolation().filter(|way| !(needs_root && way.contains("--map-root-user")));
        let network = if isolation.is_some() { "ip link set lo up && " } else { "" };
        let words: Vec<&str> =
            isolation.unwrap_or_default().split_whitespace().chain(["bash", "-c"]).collect();
        // What the tests were started with may have left descriptors open. A reader's terminal has none.
        let closed =
            "for fd in /proc/self/fd/*; do fd=${fd##*/}; [ $fd -le 2 ] || eval \"exec $fd>&-\"; done; ";
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(format!("{closed}{network}{terminal}"));
        let path = env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}:/usr/sbin", programs.display())); // for nats-server
        command
            .env("SHELL", "/bin/sh")
            .env("TERM", "xterm")
            .env("LANG", language)
            .env("INPUTRC", "/dev/null");
        for name in [
            "LC_ALL",
            "LC_MESSAGES",
            "LANGUAGE",
            "HISTFILE",
            "NO_COLOR",
            "PROMPT_COMMAND",
            "CHATROOM_NATS",
            "CARGO_TARGET_DIR",
        ] {
            command.env_remove(name);
        }
        command.current_dir(directory).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut process = command.spawn().unwrap();
        let output = Arc::new(Mutex::new(Vec::new()));
        let (mut from, to) = (process.stdout.take().unwrap(), Arc::clone(&output));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(size @ 1..) = from.read(&mut bytes) {
                to.lock().unwrap().extend(&bytes[..size]);
            }
        });
        Self { process, output }
    }

    /// Where this word stands, from this place on, once it has come; what came when it didn't in time.
    fn wait_for(&self, from: usize, word: &str, deadline: Instant) -> Result<Range<usize>, String> {
        loop {
            let bytes = self.output.lock().unwrap();
            let found = bytes[from..].windows(word.len()).position(|here| here == word.as_bytes());
            if let Some(at) = found {
                return Ok(from + at..from + at + word.len());
            }
            if Instant::now() > deadline {
                return Err(String::from_utf8_lossy(&bytes[from..]).into_owned());
            }
            drop(bytes);
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Pastes a text, as terminals do it, and presses Enter. What it printed; or what it had printed when
    /// time was up.
    fn paste(&mut self, text: &str) -> Result<String, String> {
        let deadline = Instant::now() + PATIENCE;
        let ready = self.wait_for(0, PROMPT, deadline)?;
        let mut keyboard = self.process.stdin.as_ref().unwrap();
        keyboard.write_all(format!("\u{1b}[200~{text}\u{1b}[201~\r").as_bytes()).unwrap();
        // What was pasted is shown first. This is how bash says that it has read the whole of it.
        let accepted = self.wait_for(ready.end, "\u{1b}[?2004l", deadline)?;
        let prompt = self.wait_for(accepted.end, PROMPT, deadline)?;
        let bytes = self.output.lock().unwrap();
        Ok(String::from_utf8_lossy(&bytes[accepted.end..prompt.start]).into_owned())
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The command that gives a block a network and processes of its own, if there is one here: root may do
/// that, and on most machines everybody may who is content to be root in there alone.
pub fn isolation() -> Option<&'static str> {
    const WAYS: [&str; 2] = [
        "unshare --net --pid --fork --kill-child --mount-proc",
        "unshare --map-root-user --net --pid --fork --kill-child --mount-proc",
    ];
    static FOUND: OnceLock<Option<&str>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        WAYS.into_iter().find(|way| {
            let tried = Command::new("sh").args(["-c", &format!("{way} true")]).output();
            tried.is_ok_and(|tried| tried.status.success())
        })
    })
}

/// An empty directory.
fn fresh(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("blocks").join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

/// Runs a block. What is wrong, in words that help.
fn run(block: &Block, before: Option<&String>, programs: &Path, language: &str) -> Result<(), String> {
    let directory = fresh(&format!("{}-{}-{}", block.difference, block.line, language));
    if let Some(code) = before {
        let done = Command::new("bash").args(["-c", code]).current_dir(&directory).status();
        assert!(done.is_ok_and(|done| done.success()), "{}: cannot run what this needs:\n{code}", block.page);
    }
    run_in(&directory, block, programs, language)
}

/// The same, in a directory where all is that it needs.
pub fn run_in(directory: &Path, block: &Block, programs: &Path, language: &str) -> Result<(), String> {
    let started = Instant::now();
    // What still runs behind the block may print too, so it is waited for.
    let pasted = Shell::start(directory, programs, language, block.needs_root || block.code.contains("sudo"))
        .paste(&format!("{}wait", block.code));
    let (output, ended) = match pasted {
        Ok(output) => (output, ""),
        Err(output) => (output, " (and hadn't ended when time was up)"),
    };
    let came = as_read(&output, &block.code);
    let came: Vec<&str> = came.iter().map(String::as_str).collect();
    let promised: Vec<&str> = block.promised.lines().filter(|line| !line.is_empty()).collect();
    let compared = compare(&promised, &came);
    let Block { page, difference, line, .. } = block;
    eprintln!("{page}:{line}: {difference} took {:.1} s", started.elapsed().as_secs_f64());
    if compared.is_ok() && ended.is_empty() {
        return Ok(());
    }
    let (promised_at, came_at) = compared.err().unwrap_or((promised.len(), came.len()));
    let show = |lines: &[&str], mark| {
        let shown = lines
            .iter()
            .enumerate()
            .map(|(at, line)| format!("  {} {line}\n", if at == mark { '>' } else { ' ' }));
        let end = if mark == lines.len() { "  > (the end)\n" } else { "" };
        shown.collect::<String>() + end
    };
    Err(format!(
        "{page}:{line}: {difference} prints something else than the page says. Pasted into bash:\n\n{}\n\
         promised, with `>` where it went another way:\n\n{}\nwhat came{ended}:\n\n{}",
        show(&block.code.lines().collect::<Vec<_>>(), usize::MAX),
        show(&promised, promised_at),
        show(&came, came_at),
    ))
}

/// The blocks to run: those of all pages. What is the same in both languages is run once, in English.
fn chosen(only: &str) -> Vec<Vec<(Block, &'static str)>> {
    let is_chosen = |block: &Block| only == "1" || only.split(',').any(|one| one == block.difference);
    let mut chosen = Vec::new();
    for pair in pages() {
        let [english, chinese] = pair.map(|page| blocks(&page, &read(&page)).into_iter().filter(is_chosen));
        let (english, chinese): (Vec<_>, Vec<_>) = (english.collect(), chinese.collect());
        assert_eq!(english.len(), chinese.len(), "blocks in both languages of {:?}", english.first());
        for (en, zh) in english.into_iter().zip(chinese) {
            let languages = if en.is_same(&zh) { 1 } else { 2 };
            let both = [(en, LANGUAGES[0]), (zh, LANGUAGES[1])];
            chosen.push(both.into_iter().take(languages).collect());
        }
    }
    chosen
}

/// Why a block cannot be run here, if it can't.
fn missing(block: &Block) -> Option<&'static str> {
    let succeeds = |command: &str| {
        let tried = Command::new("sh").args(["-c", command]).output();
        tried.is_ok_and(|tried| tried.status.success())
    };
    if block.code.contains("sudo") && !succeeds("sudo -n true") {
        Some("sudo wants a password")
    } else if block.needs_root && !succeeds("[ $(id -u) = 0 ]") {
        Some("it needs root")
    } else if block.code.contains("tcpdump") && !succeeds("command -v tcpdump") {
        Some("there is no tcpdump")
    } else if block.code.contains("nats-server") && !succeeds("PATH=$PATH:/usr/sbin command -v nats-server") {
        Some("there is no nats-server")
    } else {
        None
    }
}

#[test]
fn every_block_prints_what_its_page_says() {
    let Ok(only) = env::var("CHATROOM_BLOCKS") else {
        eprintln!("not run here: the blocks of the pages; set CHATROOM_BLOCKS=1 to run them");
        return;
    };
    require_tools();
    let programs = fresh("programs");
    symlink(env!("CARGO_BIN_EXE_chatroom"), programs.join("chatroom")).unwrap();
    symlink("/bin/true", programs.join("xdg-open")).unwrap(); // no browser for `--open`
    let helper = blocks(PAIRS[0].0, &read(PAIRS[0].0));
    let helper = helper.iter().find(|block| block.code.starts_with("cat > ws.py")).map(|block| &block.code);
    let chosen = chosen(&only);
    assert!(
        !chosen.is_empty(),
        "CHATROOM_BLOCKS={only}: no such block; 1 stands for all, D7 or stream for some"
    );
    let is_busy = |pair: &Vec<(Block, &str)>| BUSY.contains(&pair[0].0.difference.as_str());
    let (busy, quiet): (VecDeque<_>, VecDeque<_>) = chosen.into_iter().partition(is_busy);
    let (busy, quiet, wrong) = (Mutex::new(busy), Mutex::new(quiet), Mutex::new(Vec::new()));
    let next = |from: &Mutex<VecDeque<_>>| from.lock().unwrap().pop_front();
    thread::scope(|scope| {
        for worker in 0..if isolation().is_some() { AT_ONCE } else { 1 } {
            let (busy, quiet, wrong, programs) = (&busy, &quiet, &wrong, &programs);
            scope.spawn(move || {
                let first = || if worker == 0 { next(busy) } else { None };
                while let Some(pair) = first().or_else(|| next(quiet)) {
                    for (block, language) in pair {
                        if let Some(why) = missing(&block) {
                            eprintln!("{}:{}: not run here: {why}", block.page, block.line);
                            continue;
                        }
                        let before = helper.filter(|_| block.code.contains("from ws import"));
                        if let Err(why) = run(&block, before, programs, language) {
                            eprintln!("{why}");
                            wrong.lock().unwrap().push((block, before, language));
                        }
                    }
                }
            });
        }
    });
    // The blocks go by the clock, and the machine was busy. Once more, one at a time.
    let wrong = wrong.into_inner().unwrap().into_iter();
    let again = wrong.filter_map(|(block, before, language)| {
        eprintln!("{}:{}: not as promised; once more, alone", block.page, block.line);
        run(&block, before, &programs, language).err()
    });
    let wrong: Vec<String> = again.collect();
    assert!(wrong.is_empty(), "\n\n{}", wrong.join("\n\n"));
}

/// What the page asks its reader to have.
pub fn require_tools() {
    for (tool, package) in [
        ("script", "bsdutils"),
        ("nc", "netcat-openbsd"),
        ("python3", "python3"),
        ("curl", "curl"),
        ("ps", "procps"),
        ("setpriv", "util-linux"),
        ("sudo", "sudo"),
        ("ip", "iproute2"),
    ] {
        let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).output().unwrap();
        assert!(found.status.success(), "the blocks need `{tool}`: install the package {package}");
    }
    let help = Command::new("nc").arg("-h").output().unwrap();
    let help = String::from_utf8_lossy(&[help.stdout, help.stderr].concat()).into_owned();
    assert!(help.contains("OpenBSD"), "`nc` isn't the one that the page asks for: install netcat-openbsd");
}

#[test]
fn lines_are_compared_as_the_page_says() {
    for (promised, came) in [
        ("real    0m~2s", "real\t0m1.004s"),
        ("user 0m<0.1s", "user 0m0.099s"),
        ("[127.0.0.1:…]: hi", "[127.0.0.1:4711]: hi"),
        ("…: b…", "a: b: b"),
        ("<img ~ …", "<img ~ x"),
    ] {
        assert!(is_line(promised, came), "{promised} is {came}");
    }
    for (promised, came) in [("~2.0 s", "4.1 s"), ("<2s", "2s"), ("~2", "x"), ("a…", "ba"), ("ab", "a")] {
        assert!(!is_line(promised, came), "{promised} isn't {came}");
    }
    assert_eq!(compare(&["a", "…", "b"], &["a", "x", "b", "y", "b"]), Ok(()));
    assert_eq!(compare(&["a", "b"], &["a"]), Err((1, 1)));
    assert_eq!(compare(&["…", "b", "c"], &["x", "b", "d"]), Err((2, 2)));
    assert_eq!(compare(&[], &["x"]), Err((0, 0)));
}

#[test]
fn what_bash_says_about_jobs_is_left_out() {
    let code = "python3 - <<'P' &\nprint(1)\nP\nsleep 1\n";
    let output =
        "[1] 4711\r\n\u{1b}[36m1\u{1b}[0m\r\n\r\n[1]+  Done   python3 - <<'P'\r\nprint(1)\r\nP\r\n[x]: 1\r\n";
    assert_eq!(as_read(output, code), ["1", "[x]: 1"]);
}

#[test]
fn blocks_are_read_with_what_they_promise() {
    let page = "### D3: x\n```sh\na\n```\n\n```text\nb\n```\n### D4: x\n```sh\nc\n```\nd\n```html\ne\n```\n";
    let found: Vec<_> =
        blocks("x", page).into_iter().map(|b| (b.difference, b.line, b.code, b.promised)).collect();
    let expected = [("D3", 2, "a\n", "b\n"), ("D4", 10, "c\n", "")];
    assert_eq!(found, expected.map(|(d, line, code, out)| (d.into(), line, code.into(), out.into())));
}
