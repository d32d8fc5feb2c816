//! `chatroom compare`, run as its readers run it: on notes of all shapes, and on what are no notes.
#![allow(clippy::expect_used, clippy::panic)]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use crate::chromium::{Chromium, skipped};

/// What a run came to.
struct Run {
    code: Option<i32>,
    page: String,
    said: String,
}

#[track_caller]
fn chatroom(words: &[&str]) -> Run {
    let ran = Command::new(env!("CARGO_BIN_EXE_chatroom")).args(words).output().expect("chatroom runs");
    let text = |bytes| String::from_utf8(bytes).expect("it prints UTF-8");
    Run { code: ran.status.code(), page: text(ran.stdout), said: text(ran.stderr) }
}

/// A folder of this test's own; removed with its value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("chatroom-compare-{}-{count}", std::process::id()));
        fs::create_dir(&folder).expect("a folder for the test");
        Folder(folder)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        fs::write(&path, content).expect("a file for the test");
        path.display().to_string()
    }

    /// Compares notes with this text.
    #[track_caller]
    fn compare(&self, notes: impl AsRef<[u8]>) -> Run {
        chatroom(&["compare", &self.file("notes.md", notes), "--lang", "en"])
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn mini() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/notes/mini.md");
    fs::read_to_string(path).expect("tests/notes/mini.md")
}

const ALL: [&str; 6] = ["tcp-server", "tcp-client", "udp-server", "udp-client", "ws-server", "web"];

#[track_caller]
fn assert_all_paired(run: &Run, what: &str) {
    assert_paired(run, &ALL, what);
}

#[track_caller]
fn assert_paired(run: &Run, programs: &[&str], what: &str) {
    assert_eq!((run.code, run.said.as_str()), (Some(0), ""), "{what}: every step should have a partner");
    for program in programs {
        assert!(run.page.contains(&format!("<section id=\"{program}\">")), "{what}: {program} is not shown");
    }
}

#[test]
fn notes_of_all_shapes_are_paired() {
    let (folder, mini) = (Folder::new(), mini());
    let in_list = mini.replace("```go", "1. ```go").replace('\n', "\n   ").replace("   1. ```go", "1. ```go");
    let without_remarks: Vec<&str> =
        mini.lines().map(|line| line.split(" // ").next().unwrap_or_default()).collect();
    let shapes = [
        ("as they are", mini.clone()),
        ("Windows line ends", mini.replace('\n', "\r\n")),
        ("a byte-order mark", format!("\u{feff}{mini}")),
        ("blanks for tabs", mini.replace('\t', "    ")),
        ("tildes", mini.replace("```go", "~~~~ go").replace("```html", "~~~").replace("```", "~~~~")),
        (
            "another word behind the fence",
            mini.replace("```go", "``` Go")
                .replace("```html", "````")
                .replace("\n```\n", "\n````\n")
                .replace("``` Go", "```` Go"),
        ),
        ("blocks in a list", in_list),
        ("a quotation", mini.lines().map(|line| format!("> {line}\n")).collect()),
        ("no remarks", without_remarks.join("\n")),
        ("remarks of the reader's", mini.replace("{\n", "{ // 我的注释: mutex.Lock()\n")),
        ("no fence at the end", mini.trim_end().trim_end_matches('`').to_string()),
        (
            "another block between",
            mini.replace("\nThe client", "\n```sh\nnc localhost 8080\n```\n\nThe client"),
        ),
    ];
    for (what, notes) in shapes {
        assert_all_paired(&folder.compare(notes), what);
    }
}

/// The notes that this project is the twin of aren't part of it: whoever has them names them.
#[test]
fn the_notes_themselves_are_paired() {
    let Some(notes) = env::var_os("CHATROOM_NOTES") else {
        return skipped("the notes themselves: CHATROOM_NOTES=FILE names your copy");
    };
    let notes = notes.to_string_lossy();
    for lang in ["en", "zh"] {
        let run = chatroom(&["compare", &notes, "--lang", lang]);
        assert_all_paired(&run, &notes);
        assert_rows_are_short(&run.page);
        let naive = chatroom(&["compare", &notes, "--naive", "--lang", lang]);
        assert_paired(&naive, &ALL[..5], "the plain ports"); // which have no page
    }
}

#[track_caller]
fn assert_rows_are_short(page: &str) {
    let cells =
        page.split("<td class=\"theirs\">").skip(1).map(|cell| cell.split("</td>").next().unwrap_or(""));
    for cell in cells.filter(|cell| !cell.contains("<details>")) {
        let lines = cell.matches("class=\"line").count();
        assert!(lines <= 6, "{lines} lines of theirs in one row:\n{cell}");
    }
}

#[test]
fn plain_ports_are_paired_too() {
    let folder = Folder::new();
    let run = chatroom(&["compare", &folder.file("notes.md", mini()), "--naive", "--lang", "en"]);
    assert_paired(&run, &ALL[..5], "the plain ports");
    assert!(run.page.contains("docs/exercises/naive/tcp_server.rs"), "their files are named");
}

#[test]
fn rows_are_short() {
    assert_rows_are_short(&Folder::new().compare(mini()).page);
}

/// Every line of theirs is shown once, and every line of ours, but those that only hold a mark.
#[test]
fn nothing_is_left_out() {
    let page = Folder::new().compare(mini()).page;
    let shown = |side: &str, code: &str| {
        let side = format!("<td class=\"{side}\">");
        let cells = page.split(&side).skip(1);
        cells.map(|cell| cell.split("</td>").next().unwrap_or("").matches(code).count()).sum::<usize>()
    };
    assert_eq!(shown("theirs", ">handleClient<"), 2, "the notes' handleClient is called and written once");
    assert_eq!(shown("ours", ">handle_client<"), 2, "and so is ours");
    assert_eq!(shown("ours", ">nobody_listens<"), 3, "what the notes don't have is there too, folded");
    assert!(!page.contains("ANCHOR"), "what marks a part for the book is for nobody else");
}

/// The calls of a line of code: words with a bracket behind them.
fn calls(line: &str) -> Vec<&str> {
    let name =
        |part: &str| part.rsplit(|c: char| !c.is_alphanumeric() && c != '.').next().unwrap_or("").len();
    let parts = line.match_indices('(').map(|(at, _)| &line[at - name(&line[..at])..at]);
    parts.filter(|call| !["", "func", "import", "byte", "string", "function", "."].contains(call)).collect()
}

#[test]
fn a_call_by_another_name_is_named() {
    let (folder, mini) = (Folder::new(), mini());
    let lines: Vec<&str> = mini.lines().collect();
    let mut tried = 0;
    for (at, line) in lines.iter().enumerate() {
        let code = line.split(" // ").next().unwrap_or_default();
        for call in calls(code).into_iter().filter(|call| !call.starts_with('.')) {
            let renamed = line.replacen(&format!("{call}("), &format!("{call}Twice("), 1);
            let mut changed = lines.clone();
            changed[at] = &renamed;
            let run = folder.compare(changed.join("\n"));
            assert_eq!(run.code, Some(1), "{call} by another name in line {}: {line}", at + 1);
            let place = format!("notes.md:{}", at + 1);
            assert!(run.said.contains(&place) && run.said.contains(call), "{place}, {call}:\n{}", run.said);
            tried += 1;
        }
    }
    assert!(tried > 100, "only {tried} calls were tried");
}

#[test]
fn two_steps_in_another_order_are_named() {
    let (folder, mini) = (Folder::new(), mini());
    let swapped = mini.replacen(
        "\t\tfmt.Print(broadcast)\n\t\tmutex.Lock()\n",
        "\t\tmutex.Lock()\n\t\tfmt.Print(broadcast)\n",
        1,
    );
    assert_ne!(swapped, mini);
    let run = folder.compare(swapped);
    let line = 1 + mini.lines().position(|line| line.trim() == "fmt.Print(broadcast)").expect("it is there");
    let sentence = run.said.lines().find(|line| line.contains("comes in another order")).unwrap_or_default();
    assert_eq!(run.code, Some(1));
    assert!(sentence.contains("src/tcp/server.rs:"), "both sides are named:\n{}", run.said);
    let named = [line, line + 1].iter().any(|line| sentence.contains(&format!("notes.md:{line} ")));
    assert!(named, "line {line} or the next is named:\n{}", run.said);
    assert!(run.page.contains(">src/tcp/server.rs<") && run.page.contains("comes in another order"));
}

#[test]
fn a_step_too_few_or_too_many_is_named() {
    let (folder, mini) = (Folder::new(), mini());
    let few = folder.compare(mini.replacen("\tdefer listener.Close()\n", "", 1));
    assert_eq!(few.code, Some(1));
    assert!(few.said.contains("the notes have no 'defer listener.Close'"), "{}", few.said);
    let many = folder.compare(mini.replacen(
        "\tdefer listener.Close()\n",
        "\tdefer listener.Close()\n\trand.Seed(1)\n",
        1,
    ));
    assert_eq!(many.code, Some(1));
    assert!(many.said.contains("no mark names 'rand.Seed'"), "{}", many.said);
}

#[test]
fn missing_programs_are_named_and_the_others_shown() {
    let mini = mini();
    let tcp_only = mini.split("## UDP").next().expect("the part on TCP");
    let run = Folder::new().compare(tcp_only);
    assert_eq!(run.code, Some(0), "{}", run.said);
    for (program, there) in ALL.iter().zip([true, true, false, false, false, false]) {
        assert_eq!(run.page.contains(&format!("<section id=\"{program}\">")), there, "{program}");
        assert_eq!(run.said.contains(program), !there, "{program}:\n{}", run.said);
    }
}

#[test]
fn programs_may_lie_in_files_of_their_own() {
    let (folder, mini) = (Folder::new(), mini());
    let mut files = Vec::new();
    for (at, block) in mini.split("```").skip(1).step_by(2).enumerate() {
        let (kind, code) = block.split_once('\n').expect("a block has lines");
        fs::create_dir(folder.0.join(format!("program{at}"))).expect("a folder below");
        files.push(folder.file(&format!("program{at}/main.{kind}"), code));
    }
    let of_folder = chatroom(&["compare", &folder.0.display().to_string(), "--lang", "en"]);
    assert_all_paired(&of_folder, "a folder");
    let mut words = vec!["compare", "--lang", "en"];
    words.extend(files.iter().map(String::as_str));
    assert_all_paired(&chatroom(&words), "several files");
}

#[test]
fn what_is_no_notes_gets_one_sentence() {
    let folder = Folder::new();
    fs::create_dir(folder.0.join("empty")).expect("an empty folder");
    let big = folder.file("big.md", "x");
    fs::OpenOptions::new().write(true).open(&big).and_then(|file| file.set_len(100 << 20)).expect("100 MiB");
    let cases = [
        (folder.file("notes.pdf", b"%PDF-1.7\n\xe2\xe3\xcf\xd3"), "is not UTF-8 text"),
        (folder.file("empty.md", ""), "no program of the notes"),
        (folder.file("poem.md", "No code,\nonly words.\n"), "no program of the notes"),
        (folder.0.join("empty").display().to_string(), "no program of the notes"),
        (folder.0.join("nowhere.md").display().to_string(), "cannot read"),
        (big, "more than 4 MiB"),
        (folder.file("fences.md", "```\n".repeat(100_000)), "no program of the notes"),
    ];
    for (path, sentence) in cases {
        let run = chatroom(&["compare", &path, "--lang", "en"]);
        assert_eq!((run.code, run.page.as_str()), (Some(1), ""), "{path}: {}", run.said);
        assert_eq!(run.said.lines().count(), 1, "{path}: {}", run.said);
        assert!(run.said.contains(sentence) && run.said.contains(&path), "{path}: {}", run.said);
    }
    let none = chatroom(&["compare", "--lang", "en"]);
    assert_eq!((none.code, none.said.lines().count()), (Some(2), 1), "{}", none.said);
}

#[test]
fn the_notes_are_not_written_over() {
    let (folder, mini) = (Folder::new(), mini());
    let notes = folder.file("notes.md", &mini);
    let run = chatroom(&["compare", &notes, "-o", &notes, "--lang", "en"]);
    assert_eq!((run.code, run.said.lines().count()), (Some(1), 1), "{}", run.said);
    assert_eq!(fs::read_to_string(&notes).expect("the notes"), mini);
    let nowhere = folder.0.join("nowhere/page.html").display().to_string();
    let run = chatroom(&["compare", &notes, "-o", &nowhere, "--lang", "en"]);
    assert_eq!(run.code, Some(1));
    assert!(run.said.contains(&nowhere), "{}", run.said);
}

/// All lines of the TCP server fit beside the notes: at 1280 pixels there is room for so many columns.
#[test]
fn the_tcp_server_fits_its_column() {
    const COLUMNS: usize = 96;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tcp/server.rs");
    let source = fs::read_to_string(path).expect("src/tcp/server.rs");
    let wide = |c: char| usize::from(!c.is_ascii()) + 1;
    for (number, line) in (1..).zip(source.lines()) {
        let code = line.split("// Go: ").next().unwrap_or_default().trim_end();
        let columns: usize = code.chars().map(wide).sum();
        assert!(
            columns <= COLUMNS,
            "src/tcp/server.rs:{number} takes {columns} columns, {COLUMNS} fit:\n{code}"
        );
    }
}

#[test]
fn the_page_needs_nothing_and_works_by_keyboard() {
    let Some(mut chromium) = Chromium::start("en-US") else { return };
    let folder = Folder::new();
    let page = folder.0.join("page.html").display().to_string();
    let hostile = mini().replace(
        "// one word will do",
        "// <script>alert(1)</script><img src=http://127.0.0.1/x onerror=alert(1)>",
    );
    let run = chatroom(&["compare", &folder.file("notes.md", hostile), "-o", &page, "--lang", "en"]);
    assert_eq!(run.code, Some(0), "{}", run.said);
    let mut tab = chromium.open(format!("file://{page}"));
    tab.wait_until("the page is there", "document.querySelectorAll('section').length === 6");
    assert_eq!(tab.js("performance.getEntriesByType('resource').length"), json!(0), "it asks for nothing");
    assert_eq!(tab.js("document.images.length + document.scripts.length"), json!(0), "notes are text");
    for width in [360, 1280] {
        let window = json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false });
        tab.call("Emulation.setDeviceMetricsOverride", window);
        let fits = format!("document.documentElement.scrollWidth <= {width}");
        tab.wait_until("nobody has to scroll sideways", &fits);
    }

    // By keyboard to a step of theirs: its partner lights up, and no other.
    let lit = "(step) => getComputedStyle(step).backgroundColor !== 'rgba(0, 0, 0, 0)'";
    tab.js("document.querySelector('#tcp-server .theirs .step').focus(); 0");
    tab.wait_until(
        "the partner lights up",
        &format!("({lit})(document.activeElement.closest('tbody').querySelector('.ours .step'))"),
    );
    let all_lit = format!(
        "[...document.querySelectorAll('.step')].filter({lit}).every(step => step.closest('tbody') === document.activeElement.closest('tbody'))"
    );
    assert_eq!(tab.js(&all_lit), json!(true), "only the pair lights up");

    // A difference is folded until it's asked for.
    let open = "document.querySelector('#tcp-server .why').open";
    assert_eq!(tab.js(open), json!(false));
    tab.js("document.querySelector('#tcp-server .why summary').focus(); 0");
    tab.press_enter();
    tab.wait_until("Enter opens the explanation", open);
    tab.wait_until(
        "a difference in the code leads to its explanation",
        "(() => { const a = document.querySelector('#tcp-server .c a'); a.click(); \
         return document.querySelector(a.hash).checkVisibility(); })()",
    );
    assert_eq!(tab.complaints(), Vec::<String>::new());
}
