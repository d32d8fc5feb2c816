//! `chatroom check … --report FILE.html`, and `--slow`: what a teacher hands out, and shows.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

use serde_json::json;

use crate::chromium::Chromium;

/// A folder of this test's own; removed with its value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("chatroom-report-{}-{count}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        Folder(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// Checks a program by some cases. What is printed, and the page.
    #[track_caller]
    fn check(&self, lang: &str, run: &str, only: &[&str]) -> (String, String) {
        let page = self.path("report.html");
        let words = ["tcp-server", "--lang", lang, "--run", run, "--report", &page, "--only"];
        let said = check(&[&words, only].concat(), 1);
        assert!(said.contains(&page), "where the page is:\n{said}");
        (said, fs::read_to_string(&page).unwrap())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs `chatroom check` with these words. Says what is printed, on both outputs.
#[track_caller]
fn check(words: &[&str], code: i32) -> String {
    let ran = Command::new(env!("CARGO_BIN_EXE_chatroom")).arg("check").args(words).output().unwrap();
    let said = String::from_utf8([ran.stdout, ran.stderr].concat()).unwrap();
    assert_eq!(ran.status.code(), Some(code), "{words:?} says\n{said}");
    said
}

/// The faulty server, its command with markup in it.
fn faulty(fault: &str) -> String {
    let program = crate::faulty("", "").words[0].clone();
    format!("'{program}' tcp-server {{addr}} --fault {fault} '<img src=x onerror=alert(1)>'")
}

#[track_caller]
fn assert_holds(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part} isn't in\n{page}");
    }
}

#[test]
fn a_failure_is_drawn_beside_ours() {
    let folder = Folder::new();
    let cases = ["tcp-relay", "tcp-echo"];
    let (_, page) = folder.check("en", &faulty("prefix"), &cases);
    assert_holds(
        &page,
        &[
            "<html lang=\"en\">",
            "<h1>tcp-server, checked</h1>",
            "&lt;img src=x onerror=alert(1)&gt;",
            " UTC</p>",
            "<li>notes: 0 hold, 1 fail, 1 wait, 0 were not checked</li>",
            "<li>mend tcp-relay first</li>",
            "<a href=\"#tcp-relay\">tcp-relay</a></td><td>",
            "<td>✗ fails</td>",
            "<td>· waits for tcp-relay</td>",
            "In the pictures time runs downwards",
            "<section id=\"tcp-relay\">",
            "<dt>Expected</dt><dd>B gets &quot;[127.0.0.1:",
            "<dt>Got</dt><dd>&quot;<mark>1</mark>27.0.0.1:",
            "<dt>Likely cause</dt>",
            "<dt>Taught in</dt><dd>exercise 03, The list and the lock: docs/exercises/03-list/README.md",
            "<figcaption>Yours</figcaption>",
            "<figcaption>Ours: holds, in ",
            "<span>A</span><span>B</span><span>C</span><span class=\"long\">server</span><span class=\"long\">stderr</span>",
            "<i class=\"right\" style=\"--left:0;--over:3\"></i></td><td>A → &quot;hello\\n&quot;</td>",
            "<i class=\"left\" style=\"--left:1;--over:2\"></i></td><td>B ← &quot;127.0.0.1:",
            "✗ fails: &quot;127.0.0.1:",
            "By hand (S, A, B are terminals",
            "More: chatroom hint tcp-server tcp-relay",
        ],
    );
    assert!(!page.contains("<img") && !page.contains("<b>"), "markup of the program's\n{page}");
    let (_, page) = folder.check("zh", &faulty("prefix"), &cases);
    assert_holds(
        &page,
        &[
            "<html lang=\"zh-CN\">",
            "<h1>tcp-server 检查报告</h1>",
            "<li>先修好 tcp-relay</li>",
            "<td>✗ 没有通过</td>",
            "<td>· 等 tcp-relay 通过</td>",
            "图里时间从上往下走",
            "<dt>预期</dt><dd>B 收到",
            "<dt>实际</dt><dd>&quot;<mark>1</mark>",
            "<dt>在哪里学</dt><dd>练习 03：",
            "<figcaption>你的程序</figcaption>",
            "<figcaption>我们的程序：通过，",
            "✗ 没有通过：&quot;127.0.0.1:",
            "自己动手（S、A、B 是终端",
        ],
    );
}

#[test]
fn the_table_has_every_outcome() {
    let (folder, cases) = (Folder::new(), ["tcp-relay", "tcp-in-use", "tcp-usage"]);
    for (lang, parts) in [
        ("en", ["✓ holds", "✗ fails", "- not checked: only chatroom has an exit code for usage errors"]),
        ("zh", ["✓ 通过", "✗ 没有通过", "- 没有检查: "]),
    ] {
        let (_, page) = folder.check(lang, &faulty("none"), &cases);
        assert_holds(&page, &parts.map(|part| format!("<td>{part}")).each_ref().map(String::as_str));
    }
}

#[test]
fn what_a_program_says_is_only_text() {
    let folder = Folder::new();
    let hostile = r"printf '<script>alert(1)</script>\033[2J\n'; printf '</table><b>Error: x\033]0;t\007\n' >&2; exit 3";
    let (_, page) = folder.check("en", &format!("sh -c \"{hostile}\" {{addr}}"), &["tcp-relay"]);
    assert_holds(
        &page,
        &["&lt;script&gt;alert(1)&lt;/script&gt;\\u{1b}[2J", "&lt;/table&gt;&lt;b&gt;Error: x"],
    );
    assert!(!page.contains("<script") && !page.contains("<b>") && !page.contains("</table><b"), "{page}");
    assert!(!page.chars().any(|c| c.is_control() && c != '\n'), "a control character in\n{page}");
}

#[test]
fn an_unwritable_page_is_said_before_anything_runs() {
    let folder = Folder::new();
    let (marker, nowhere) = (folder.path("marker"), folder.path("nowhere/report.html"));
    let run = format!("touch '{marker}' {{addr}}");
    let said = check(&["tcp-server", "--lang", "en", "--run", &run, "--report", &nowhere], 1);
    assert!(said.lines().count() == 1 && said.contains(&format!("cannot write {nowhere}")), "{said}");
    assert!(!PathBuf::from(marker).exists(), "something was run");
}

#[test]
fn the_page_fits_every_window_and_asks_for_nothing() {
    let Some(mut chromium) = Chromium::start("en-US") else { return };
    let folder = Folder::new();
    let all = ["tcp-relay", "tcp-in-use", "D1", "D12-server"];
    for (lang, fault) in [("en", "prefix"), ("zh", "none")] {
        folder.check(lang, &faulty(fault), &all);
        let mut tab = chromium.open(format!("file://{}", folder.path("report.html")));
        tab.wait_until("the page is there", "document.querySelectorAll('.timeline').length >= 2");
        assert_eq!(
            tab.js("performance.getEntriesByType('resource').length"),
            json!(0),
            "it asks for nothing"
        );
        assert_eq!(tab.js("document.images.length + document.scripts.length"), json!(0), "it is text");
        for width in [320, 390, 1280] {
            let window = json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false });
            tab.call("Emulation.setDeviceMetricsOverride", window);
            let fits = format!(
                "document.documentElement.scrollWidth <= {width} && [...document.querySelectorAll('td, dd, pre, h2')]
                 .every(part => part.getBoundingClientRect().right <= {width} + 1)"
            );
            tab.wait_until("nothing is wider than the window", &fits);
        }
        assert_eq!(tab.complaints(), Vec::<String>::new());
    }
}

/// A room that waits for its slowest reader, watched.
#[test]
fn a_room_freezes_slowly() {
    let folder = Folder::new();
    let page = folder.path("report.html");
    for (lang, stops, fails) in [
        ("en", "■ the room has stopped: for a second nobody has got anything", "✗ D4  clients that stop"),
        ("zh", "■ 聊天室停住了：一秒钟里谁也没有收到任何内容", "✗ D4  不再读取"),
    ] {
        let words = ["tcp-server", "--lang", lang, "--run", &faulty("none"), "--only", "D4", "--slow"];
        let said = check(&[&words[..], &["--report", &page]].concat(), 1);
        let at = |part: &str| said.find(part).unwrap_or_else(|| panic!("{part} isn't in\n{said}"));
        assert!(at("  $ ") < at(stops) && at(stops) < at(fails), "in this order:\n{said}");
        if cfg!(target_os = "linux") {
            assert!(at(if lang == "en" { " MB unread" } else { " MB 没有读" }) < at(stops), "{said}");
            assert_holds(&fs::read_to_string(&page).unwrap(), &["<ul class=\"inside\"><li>"]);
        }
    }
}

/// Ours waits for a second, and goes on.
#[test]
fn our_room_goes_on() {
    let said = check(&["tcp-server", "--lang", "en", "--only", "D4", "--slow"], 0);
    let [goes_on, holds] =
        ["▶ the room goes on, after a pause of about ", "✓ D4"].map(|part| said.find(part));
    assert!(goes_on.is_some() && goes_on < holds, "{said}");
}

#[test]
fn programs_get_no_pictures() {
    let words =
        ["tcp-server", "--lang", "en", "--run", &faulty("prefix"), "--only", "tcp-relay", "--slow", "--json"];
    for line in check(&words, 1).lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
}
