//! The exercises under `docs/exercises`: their sheets say what is so, in both languages.
//!
//! What a student may change, `starter.rs`, is looked at only where the environment asks for it, for the better part
//! of ten minutes: in a copy of the project, every command of every sheet is run there. A number takes one exercise.
//!
//! ```sh
//! CHATROOM_EXERCISES=1 cargo test --test it exercises -- --nocapture     # all of them
//! CHATROOM_EXERCISES=07 cargo test --test it exercises -- --nocapture    # one, or some with commas between them
//! ```
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use chatroom::check::{Case, Kind, Text};
use chatroom::course::{EXERCISES, Exercise};
use serde_json::Value;

use super::blocks::{Block, blocks, require_tools, run_in};
use super::docs::{headings, read, root, text_and_code};

/// The sheet of an exercise, or the page before them all.
struct Sheet {
    path: String,
    text: String,
    is_chinese: bool,
}

/// Both languages of the page in that folder; the one before them all is in none.
fn sheets(folder: &str) -> [Sheet; 2] {
    [false, true].map(|is_chinese| {
        let name = if is_chinese { "README.zh-CN.md" } else { "README.md" };
        let path = Path::new("docs/exercises").join(folder).join(name).display().to_string();
        Sheet { text: read(&path), path, is_chinese }
    })
}

impl Sheet {
    fn say(&self, text: Text) -> &'static str {
        if self.is_chinese { text.zh } else { text.en }
    }

    /// The rows of its tables whose first cell is a name in backticks: a case, what must hold, how the starter does.
    fn cases(&self) -> Vec<[&str; 3]> {
        let rows = self.text.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"));
        let cells = rows.filter_map(|row| row.split(" | ").collect::<Vec<_>>().try_into().ok());
        cells.map(|[name, title, starter]: [&str; 3]| [name.trim_end_matches('`'), title, starter]).collect()
    }

    /// What becomes of each case with the untouched starter: the word for it in JSON.
    fn outcomes(&self) -> BTreeMap<&str, &str> {
        let word = |told: &str| match told {
            "fails" | "没有通过" => "failed",
            "waits" | "在等" => "waiting",
            "holds" | "通过" => "passed",
            _ => panic!("{}: no outcome is called '{told}'", self.path),
        };
        self.cases().into_iter().map(|[name, _, starter]| (name, word(starter))).collect()
    }

    fn blocks(&self) -> Vec<Block> {
        blocks(&self.path, &self.text)
    }

    /// Its commands, without the remarks behind them, a block each.
    fn commands(&self) -> Vec<Vec<String>> {
        let command = |line: &str| line.split("  #").next().unwrap().trim_end().to_string();
        self.blocks().iter().map(|block| block.code.lines().map(command).collect()).collect()
    }
}

#[test]
fn the_table_and_the_folders_agree() {
    let entries =
        fs::read_dir(root().join("docs/exercises")).unwrap().map(|entry| entry.unwrap().file_name());
    let names = entries.map(|name| name.to_string_lossy().into_owned());
    // Others are a student's own.
    let folders: BTreeSet<String> =
        names.filter(|name| name.starts_with(|c: char| c.is_ascii_digit())).collect();
    let known: BTreeSet<String> = EXERCISES.iter().map(|exercise| exercise.folder.to_string()).collect();
    assert_eq!(folders, known, "a folder for each exercise, and an exercise for each folder");
    let examples = read("docs/exercises/Cargo.toml");
    for exercise in EXERCISES {
        for file in ["starter", "solution"] {
            let (number, folder) = (exercise.number(), exercise.folder);
            let example = format!("name = \"{number}-{file}\"\npath = \"{folder}/{file}.rs\"");
            assert!(examples.contains(&example), "docs/exercises/Cargo.toml lacks:\n{example}");
            assert!(
                root().join(format!("docs/exercises/{folder}/{file}.rs")).exists(),
                "{folder}: no {file}"
            );
        }
    }
}

#[test]
fn a_sheet_says_what_the_table_says() {
    for exercise in EXERCISES {
        let [number, minutes] = [exercise.number().to_string(), exercise.minutes.to_string()];
        for sheet in sheets(exercise.folder) {
            let (title, path) = (sheet.say(exercise.title), &sheet.path);
            assert_eq!(sheet.text.lines().next(), Some(&*format!("# {number} {title}")), "{path}: its title");
            let unit = if sheet.is_chinese { "分钟" } else { "minutes" };
            assert!(
                sheet.text.contains(&format!(" · {minutes} {unit} · ")),
                "{path}: it takes {minutes} {unit}"
            );
            let case = |id: &&'static str| Case::find(exercise.kind, id).unwrap();
            let expected: Vec<_> =
                exercise.cases.iter().map(case).map(|case| [case.id, sheet.say(case.title)]).collect();
            let told: Vec<_> = sheet.cases().iter().map(|[name, title, _]| [*name, *title]).collect();
            assert_eq!(told, expected, "{path}: its cases, in this order, each with its title");
            assert_eq!(sheet.outcomes().len(), expected.len());
        }
        for page in sheets("") {
            let (title, name) = (page.say(exercise.title), page.path.rsplit('/').next().unwrap());
            let row = format!("| [{number}]({}/{name}) | {title} | {minutes} |", exercise.folder);
            assert!(page.text.contains(&row), "{}: it lacks the row\n{row}", page.path);
        }
    }
}

#[test]
fn both_languages_have_the_same_headings_and_commands() {
    for folder in EXERCISES.iter().map(|exercise| exercise.folder).chain([""]) {
        let [english, chinese] = sheets(folder);
        let path = &chinese.path;
        assert_eq!(headings(&english.text), headings(&chinese.text), "{path}: the levels of the headings");
        assert_eq!(english.commands(), chinese.commands(), "{path}: the commands");
        let shown = |sheet: &Sheet| {
            let code = text_and_code(&sheet.text).1.into_iter();
            code.filter(|block| !block.starts_with("```sh")).collect::<Vec<_>>()
        };
        assert_eq!(shown(&english), shown(&chinese), "{path}: what comes");
        assert_eq!(english.outcomes(), chinese.outcomes(), "{path}: how the starter does");
    }
}

/// What isn't left to the student: all lines of a starter but the blank ones, those that name what is used, and what
/// stands where something is to be written. That is a `todo!`, or all from a `// Task:` to the end of the function.
fn given(starter: &str) -> Vec<String> {
    let mut is_left = false;
    let mut kept = Vec::new();
    for line in starter.lines() {
        is_left = (is_left && line != "}") || line.contains("todo!(") || line.contains("// Task:");
        let is_given = !is_left && !line.trim().is_empty() && !line.starts_with("use ");
        kept.extend(is_given.then(|| line.to_string()));
    }
    kept
}

/// The functions that a starter leaves out, and the sentence that stands there.
fn left_out(starter: &str) -> Vec<(String, String)> {
    let parts: Vec<&str> = starter.split("todo!(").collect();
    let name = |before: &str| {
        let (_, last) = before.rsplit_once("\nfn ").unwrap();
        last.split('(').next().unwrap().to_string()
    };
    let sentence = |behind: &str| behind.split('"').nth(1).unwrap().split("\\n").next().unwrap().to_string();
    parts.windows(2).map(|pair| (name(pair[0]), sentence(pair[1]))).collect()
}

/// Whether a sentence is this one, with values where it has `{…}`.
fn is_filled(sentence: &str, said: &str) -> bool {
    let mut rest = said;
    sentence.split(['{', '}']).step_by(2).all(|piece| match rest.find(piece) {
        Some(at) => {
            rest = &rest[at + piece.len()..];
            true
        }
        None => false,
    })
}

/// A copy of the project, as a fresh clone would be, with whatever was built in it before.
fn clone(lane: usize) -> PathBuf {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("clone-{lane}"));
    fs::create_dir_all(&copy).unwrap();
    for old in fs::read_dir(&copy).unwrap().map(|entry| entry.unwrap().path()) {
        match old.is_dir() {
            true if old.ends_with("target") => {}
            true => fs::remove_dir_all(old).unwrap(),
            false => fs::remove_file(old).unwrap(),
        }
    }
    let entries = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let entries = entries.filter(|path| !path.ends_with("target") && !path.ends_with(".git"));
    let done = Command::new("cp").arg("-a").args(entries).arg(&copy).status().unwrap(); // with their times
    assert!(done.success(), "the project can be copied");
    let _ = fs::remove_file(copy.join("docs/exercises/.solved"));
    for exercise in EXERCISES {
        let starter = copy.join("docs/exercises").join(exercise.folder).join("starter.rs");
        fs::write(&starter, fs::read(&starter).unwrap()).unwrap(); // newer than what was built of a solution
    }
    copy
}

/// A command line in the copy, as it stands on a sheet.
fn shell(copy: &Path, line: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("exec {line}")]).current_dir(copy).env("LC_ALL", "C.UTF-8");
    command.env_remove("CARGO_TARGET_DIR").env_remove("PYTHONUNBUFFERED").stdin(Stdio::null());
    command
}

#[track_caller]
fn must_do(copy: &Path, line: &str) -> String {
    let done = shell(copy, line).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "`{line}` fails:\n{out}{err}");
    out.into_owned()
}

/// What came of a check: the exit code, and the object of each case.
#[track_caller]
fn check(copy: &Path, line: &str) -> (Option<i32>, Vec<Value>) {
    let started = Instant::now();
    let done = shell(copy, &format!("{line} --json")).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|no| panic!("{no}: {line}\n{err}"));
    let mut told: Vec<Value> = out.lines().map(parse).collect();
    assert!(told.pop().is_some_and(|last| last["summary"].is_object()), "`{line}`: no summary\n{err}");
    eprintln!("`{line}` took {:.1} s", started.elapsed().as_secs_f64());
    (done.status.code(), told)
}

#[track_caller]
fn must_hold(copy: &Path, line: &str) {
    let (code, told) = check(copy, line);
    let other = told.iter().find(|case| case["outcome"] != "passed");
    assert!(
        other.is_none() && code == Some(0),
        "`{line}`: exit code {code:?}; {:#}",
        other.unwrap_or(&Value::Null)
    );
}

/// The untouched starter: it fails what the sheet says, and what is told is the sentence that stands there.
fn starter_fails(copy: &Path, exercise: &Exercise, line: &str) {
    let [sheet, _] = sheets(exercise.folder);
    let starter =
        fs::read_to_string(copy.join("docs/exercises").join(exercise.folder).join("starter.rs")).unwrap();
    let (code, told) = check(copy, line);
    let found: BTreeMap<&str, &str> =
        told.iter().map(|case| (case["case"].as_str().unwrap(), case["outcome"].as_str().unwrap())).collect();
    assert_eq!(
        (code, &found),
        (Some(1), &sheet.outcomes()),
        "{}: what the starter does: {told:#?}",
        sheet.path
    );
    let missing = left_out(&starter);
    // A starter with a `todo!` is told that sentence; one that works, as the notes' program does, is told what it lacks.
    for case in told.iter().filter(|case| case["outcome"] == "failed" && !missing.is_empty()) {
        let cause = case["cause"].as_str().unwrap();
        let sentence = cause.strip_prefix("still to be written: ").unwrap_or_default();
        let is_one = missing.iter().any(|(_, left)| is_filled(left, sentence));
        assert!(is_one, "{}: the cause is no sentence of its starter: {cause}", exercise.folder);
    }
    for (name, _) in missing {
        for sheet in sheets(exercise.folder) {
            assert!(
                sheet.text.contains(&format!("`{name}`")),
                "{}: the starter leaves out `{name}`",
                sheet.path
            );
        }
    }
}

/// A solution has all lines of its starter, in order: it adds to them, and changes none.
fn solution_adds_to_its_starter(exercise: &Exercise) {
    let file = |name: &str| read(&format!("docs/exercises/{}/{name}.rs", exercise.folder));
    let solution = file("solution");
    let mut lines = solution.lines();
    for line in given(&file("starter")) {
        assert!(
            lines.any(|one| one == line),
            "{}: the solution lacks, at its place: {line}",
            exercise.folder
        );
    }
}

/// A check that is watched.
struct Watched(Child);

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// With `--watch`, a first look at the starter; then, as soon as the solution is there, that it is solved. Ctrl-C ends it.
fn is_watched(copy: &Path, exercise: &Exercise, line: &str, solve: impl FnOnce()) {
    let mut command = shell(copy, line);
    let mut watched = Watched(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut lines = BufReader::new(watched.0.stdout.take().unwrap()).lines();
    // Whatever hangs, the checker's own patience ends it.
    let mut until = |part: &str| lines.by_ref().map_while(Result::ok).find(|line| line.contains(part));
    assert!(until("again when").is_some(), "`{line}` watches");
    solve();
    let solved = until(" solved").unwrap_or_default();
    assert!(solved.contains(&format!("exercise {} is solved", exercise.number())), "`{line}`: {solved}");
    let pid = watched.0.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let deadline = Instant::now() + Duration::from_secs(10);
    while watched.0.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "`{line}`: Ctrl-C ends it");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Everything on the sheets of an exercise, in the order in which a student comes to it.
fn is_as_its_sheets_say(copy: &Path, exercise: &Exercise) {
    let [sheet, _] = sheets(exercise.folder); // the other has the same commands
    let commands = sheet.commands();
    let [once, watch, other] = &commands[0][..] else { panic!("{}: three ways to check", sheet.path) };
    let number = exercise.number();
    assert_eq!(*once, format!("cargo run -- check {number}"), "{}", sheet.path);
    assert_eq!(*watch, format!("{once} --watch"), "{}", sheet.path);
    let about = EXERCISES.iter().position(|one| one.folder == exercise.folder);
    let (program, arguments) = match exercise.kind.is_server() {
        true if exercise.kind == Kind::Relay => ("relay.py", "{port} {nats}"),
        true => ("server.py", "{port}"),
        false if about.is_some_and(|at| at >= 14) => ("attack.py", "{host} {port}"), // to break it
        false => ("client.py", "{host} {port}"),
    };
    assert_eq!(*other, format!("{once} --run 'python3 {program} {arguments}'"), "{}", sheet.path);

    solution_adds_to_its_starter(exercise);
    starter_fails(copy, exercise, once);
    let folder = copy.join("docs/exercises").join(exercise.folder);
    is_watched(copy, exercise, watch, || {
        let solution = fs::read(folder.join("solution.rs")).unwrap();
        fs::write(folder.join("starter.rs"), solution).unwrap(); // with a time of now
    });
    must_hold(copy, once);
    fs::copy(copy.join(format!("tests/exercises/{number}.py")), copy.join(program)).unwrap();
    must_hold(copy, other);
    // By hand, all servers listen at the same port.
    static BY_HAND: Mutex<()> = Mutex::new(());
    let _turn = BY_HAND.lock().unwrap_or_else(PoisonError::into_inner);
    for block in &sheet.blocks()[1..] {
        // What a reader types at leisure waits for half a second there, which a busy machine may need for itself.
        let done = || run_in(copy, block, copy, "C.UTF-8");
        done().or_else(|_| done()).unwrap_or_else(|wrong| panic!("\n\n{wrong}"));
    }
}

#[test]
fn every_exercise_is_as_its_sheets_say() {
    let Ok(only) = env::var("CHATROOM_EXERCISES") else {
        eprintln!("not run here: the exercises; set CHATROOM_EXERCISES=1 to run them");
        return;
    };
    require_tools();
    let is_chosen = |exercise: &&Exercise| only == "1" || only.split(',').any(|one| one == exercise.number());
    let chosen: Vec<_> = EXERCISES.iter().filter(is_chosen).collect();
    assert!(!chosen.is_empty(), "CHATROOM_EXERCISES={only}: 1 stands for all, 07 for one");
    let lanes = LANES.min(chosen.len());
    let queue = &Mutex::new(chosen.into_iter());
    let copies = thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes).map(|lane| scope.spawn(move || try_in(clone(lane), queue))).collect();
        lanes.into_iter().map(|lane| lane.join().unwrap()).collect::<Vec<_>>()
    });
    if only == "1" {
        commands_of_the_page_before_them_all(&copies);
        plain_ports_are_as_good_as_the_notes_programs(&copies[0]);
    }
}

/// How many copies the exercises are tried in, side by side: most of the time each only waits.
const LANES: usize = 3;

/// Tries the next exercise in this copy, and the next, until none is left.
fn try_in<'a>(copy: PathBuf, queue: &Mutex<impl Iterator<Item = &'a Exercise>>) -> PathBuf {
    must_do(&copy, "cargo build --quiet --locked");
    must_do(&copy, "cargo build --quiet --locked --package exercises --examples");
    loop {
        let next = queue.lock().unwrap().next();
        let Some(exercise) = next else { return copy };
        is_as_its_sheets_say(&copy, exercise);
    }
}

/// What the exercises begin from, each in one piece: it does what the notes' program does.
fn plain_ports_are_as_good_as_the_notes_programs(copy: &Path) {
    for kind in Kind::PROGRAMS.iter().filter(|kind| **kind != Kind::WsClient) {
        let line = format!("check {kind} --level notes --run 'target/debug/examples/naive-{kind} {{addr}}'");
        let told = must_do(copy, &format!("target/debug/chatroom {line} --lang en"));
        assert!(told.contains("as good as the notes' program"), "{kind}: {told}");
    }
}

fn commands_of_the_page_before_them_all(copies: &[PathBuf]) {
    let solved = |copy: &PathBuf| copy.join("docs/exercises/.solved");
    let all: String = copies.iter().map(|copy| fs::read_to_string(solved(copy)).unwrap()).collect();
    let copy = &copies[0];
    fs::write(solved(copy), all).unwrap();
    let [page, _] = sheets("");
    let [first, _] = sheets(EXERCISES[0].folder);
    let of_first = &first.commands()[0];
    for line in page.commands().concat() {
        let told = if of_first.contains(&line) { continue } else { must_do(copy, &line) };
        let all = EXERCISES.len();
        if line.ends_with("course") {
            assert!(told.contains(&format!("{all} of {all} are solved")), "{told}");
        }
    }
}

#[test]
fn starters_are_read_as_people_do() {
    let starter = "use a;\n\nfn f(a: A) {\n    todo!(\n        \"do {a} so\\n{b}\"\n    )\n}\n\nfn g() {\n    todo!(\"and so\")\n}\n";
    assert_eq!(given(starter), ["fn f(a: A) {", "}", "fn g() {", "}"]);
    let expected =
        [("f", "do {a} so"), ("g", "and so")].map(|(name, left)| (name.to_string(), left.to_string()));
    assert_eq!(left_out(starter), expected);
    assert!(is_filled("do {a} so", "do 7 so") && !is_filled("do {a} so", "do 7"));
}
