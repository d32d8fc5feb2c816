//! The exercises under `docs/exercises`: what each is about, which cases it is checked by, and how far one has come.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use crate::check::{Kind, Text};
use crate::support::print;
use crate::{say, text, tr};

/// One exercise. Its folder holds a starter, a solution, and the sheet in both languages.
#[derive(Debug)]
pub struct Exercise {
    /// Its folder: `01-accept`. The number is what one says.
    pub folder: &'static str,
    /// What kind of program is written.
    pub kind: Kind,
    /// What it is called.
    pub title: Text,
    /// What one learns.
    pub teaches: Text,
    /// How long it takes.
    pub minutes: u32,
    /// The cases that must hold, in the order in which they are tried.
    pub cases: &'static [&'static str],
}

/// All of them, in the order of the story.
pub const EXERCISES: &[Exercise] = &[
    Exercise {
        folder: "01-accept",
        kind: Kind::TcpServer,
        title: text!(zh "监听和接受", en "Listen and accept"),
        teaches: text!(zh "监听的套接字只管迎客，每个客户端另有一个连接",
                       en "a listener only opens the door; each client gets a connection of its own"),
        minutes: 20,
        cases: &["greet"],
    },
    Exercise {
        folder: "02-threads",
        kind: Kind::TcpServer,
        title: text!(zh "每个客户端一个线程，一个连接两个句柄", en "A thread each, and the second handle"),
        teaches: text!(zh "等待一个客户端，不能让别的客户端也等；一个连接要在两个地方用",
                       en "waiting for one must not mean waiting for all; one connection is needed in two places"),
        minutes: 30,
        cases: &["echo", "echo-silent", "announce"],
    },
    Exercise {
        folder: "03-list",
        kind: Kind::TcpServer,
        title: text!(zh "列表和锁", en "The list and the lock"),
        teaches: text!(zh "很多线程用一个列表：锁保护什么，握多久",
                       en "many threads, one list: what the lock protects, and for how long"),
        minutes: 30,
        cases: &["tcp-relay", "tcp-echo", "tcp-bytes", "tcp-order", "tcp-pieces", "tcp-prompt", "tcp-flood"],
    },
    Exercise {
        folder: "04-leaving",
        kind: Kind::TcpServer,
        title: text!(zh "离开，包括被重置", en "Leaving, also by a reset"),
        teaches: text!(zh "谁走了，什么时候走的，怎样知道；连接由谁关闭",
                       en "who has left, and how one knows; who closes a connection, and when"),
        minutes: 30,
        cases: &["tcp-relay", "tcp-order", "tcp-bustle", "tcp-crowd", "tcp-churn"],
    },
    Exercise {
        folder: "05-console",
        kind: Kind::TcpServer,
        title: text!(zh "控制台", en "The console"),
        teaches: text!(zh "键盘也是一个会等的地方：再来一个线程，用同一个列表",
                       en "a keyboard is one more place to wait at: one more thread, the same list"),
        minutes: 20,
        cases: &["tcp-relay", "tcp-console", "tcp-order", "tcp-churn"],
    },
    Exercise {
        folder: "06-client",
        kind: Kind::TcpClient,
        title: text!(zh "客户端的两个方向", en "The client's two directions"),
        teaches: text!(zh "同时等键盘和等网络；行是字节，不是文本",
                       en "waiting for the keyboard and for the network at once; lines are bytes, not text"),
        minutes: 25,
        cases: &["client-send", "client-print", "client-last-line", "client-prompt"],
    },
    Exercise {
        folder: "07-udp",
        kind: Kind::UdpServer,
        title: text!(zh "UDP：没有人连接", en "UDP, where nobody connects"),
        teaches: text!(zh "没有连接，只有地址；没有人告别",
                       en "no connections, only addresses; and nobody says good-bye"),
        minutes: 25,
        cases: &[
            "udp-relay",
            "udp-register",
            "udp-echo",
            "udp-bytes",
            "udp-order",
            "udp-crowd",
            "udp-gone",
            "D14",
        ],
    },
    Exercise {
        folder: "08-websocket",
        kind: Kind::WsServer,
        title: text!(zh "WebSocket：手写升级和帧", en "The WebSocket, by hand"),
        teaches: text!(zh "升级只是几行文本；帧只是几个字节；消息是完整的，不用找行尾",
                       en "the upgrade is some lines of text, a frame some bytes; a message is whole, with no line end to look for"),
        minutes: 60,
        cases: &["ws-handshake", "ws-relay", "ws-echo", "ws-order", "ws-lengths", "ws-pieces", "ws-early"],
    },
    Exercise {
        folder: "09-lines",
        kind: Kind::TcpServer,
        title: text!(zh "没有尽头的行，不是文本的字节", en "Endless lines, and bytes that are no text"),
        teaches: text!(zh "一行占多少内存，由你来定；一行是字节，最后一行可以没有换行",
                       en "how much memory a line takes is yours to decide; it is bytes, and the last one may lack its line break"),
        minutes: 40,
        cases: &["tcp-relay", "tcp-pieces", "tcp-bytes", "D2", "D2-exact", "D2-memory", "D3"],
    },
    Exercise {
        folder: "10-errors",
        kind: Kind::TcpServer,
        title: text!(zh "不会过去的错误", en "Errors that don't go away"),
        teaches: text!(zh "再试一次会好的，停一停再试；不会好的，退出循环；同一件事只说一次",
                       en "what may go well later is tried after a rest; what never will, ends the loop; and each is said once"),
        minutes: 20,
        cases: &["tcp-relay", "tcp-console", "D1", "D5"],
    },
    Exercise {
        folder: "11-stalled",
        kind: Kind::TcpServer,
        title: text!(zh "不再读取的客户端", en "The reader that stopped reading"),
        teaches: text!(zh "拿着锁，就不能没有期限地等；谁错过期限，谁离开",
                       en "nobody waits without a deadline who holds the lock; whoever misses it must go"),
        minutes: 45,
        cases: &["tcp-relay", "tcp-order", "tcp-flood", "stalled"],
    },
    Exercise {
        folder: "12-stop",
        kind: Kind::TcpServer,
        title: text!(zh "停下正在等待的程序", en "Stopping what waits"),
        teaches: text!(zh "信号唤不醒 accept：要有人来；然后关闭所有连接，道别",
                       en "a signal doesn't wake accept: somebody must come; then close every connection, and say good-bye"),
        minutes: 30,
        cases: &["tcp-relay", "D6", "D6-term", "D6-pair"],
    },
    Exercise {
        folder: "13-trust",
        kind: Kind::WsServer,
        title: text!(zh "谁也不信", en "Trusting nobody"),
        teaches: text!(zh "别人发来的内容会冒充一行、操纵终端；别的网站的网页也会连进来",
                       en "what a stranger says can pass for a line, or command a terminal; and pages of other sites come in, too"),
        minutes: 45,
        cases: &["ws-handshake", "ws-relay", "ws-early", "D23", "D12-server", "D12-server-pipe", "D27"],
    },
    Exercise {
        folder: "14-batch",
        kind: Kind::TcpServer,
        title: text!(zh "成批转发能省多少", en "What a batch buys"),
        teaches: text!(zh "时间花在系统调用上：一次读到的，一次写出去；但不为凑数而等",
                       en "the time goes into system calls: what one read brought goes out in one write; but nothing waits for more"),
        minutes: 30,
        cases: &["tcp-relay", "tcp-order", "tcp-pieces", "tcp-prompt", "D2", "D2-exact", "D3", "batch"],
    },
    Exercise {
        folder: "15-freeze",
        kind: Kind::TcpClient,
        title: text!(zh "让它停住", en "Freeze it"),
        teaches: text!(zh "一个不读的客户端怎样让整个聊天室沉默，以及为什么对好的服务器没有用",
                       en "how one client that doesn't read silences a room, and why a good server doesn't mind"),
        minutes: 25,
        cases: &["break-none", "break-naive", "break-lines"],
    },
    Exercise {
        folder: "16-fool",
        kind: Kind::UdpClient,
        title: text!(zh "骗过它", en "Fool it"),
        teaches: text!(zh "谁的话是谁说的：一行的开头是谁写的，就只能相信谁",
                       en "who said what: a line is only as true as whoever wrote its beginning"),
        minutes: 20,
        cases: &["fool-none", "fool-naive"],
    },
    Exercise {
        folder: "17-writers",
        kind: Kind::TcpServer,
        title: text!(zh "每个客户端再来一个写的线程", en "A thread that writes, for each client"),
        teaches: text!(zh "不用期限的另一条路：有上限的队列；谁也不等谁，代价是什么",
                       en "the other way without a deadline: a bounded queue; nobody waits for anybody, and what that costs"),
        minutes: 60,
        cases: &["tcp-relay", "tcp-order", "tcp-flood", "tcp-churn", "no-pause", "D4"],
    },
    Exercise {
        folder: "18-names",
        kind: Kind::TcpServer,
        title: text!(zh "名字", en "Names"),
        teaches: text!(zh "协议里的第一个命令：谁能叫什么，检查和占用要在同一次加锁里",
                       en "the first command of a protocol: who may be called what, looked up and taken under one lock"),
        minutes: 45,
        cases: &["tcp-relay", "nick", "nick-taken", "nick-forged"],
    },
    Exercise {
        folder: "19-relay",
        kind: Kind::Relay,
        title: text!(zh "两个聊天室合成一个", en "Two rooms become one"),
        teaches: text!(zh "一个消息代理，一个主题，先说长度再说内容；拿着锁，不等网络",
                       en "a broker, a subject, a length before what it is the length of; and no waiting for a network under the lock"),
        minutes: 60,
        cases: &["relay-tell", "relay-hear", "relay-once", "relay-ping", "relay-pieces", "relay-order"],
    },
];

impl Exercise {
    /// The exercise of that number: `7` or `07`.
    ///
    /// # Errors
    /// One sentence, if there is none.
    pub fn from_number(number: &str) -> Result<&'static Exercise, String> {
        let found = EXERCISES
            .iter()
            .find(|exercise| exercise.number().trim_start_matches('0') == number.trim_start_matches('0'));
        found.ok_or_else(|| {
            tr!(zh "没有练习 {number}；chatroom course 列出全部", en "there is no exercise {number}; chatroom course names them all")
        })
    }

    /// The exercise in which one meets this case first.
    #[must_use]
    pub fn that_teaches(kind: Kind, case: &str) -> Option<&'static Exercise> {
        // Exercise 11 asks for the gist of D4, by a case of its own: without 50 who stall at once.
        let gist = if case == "D4" { "stalled" } else { case };
        EXERCISES.iter().find(|exercise| {
            exercise.kind == kind && exercise.cases.iter().any(|id| [case, gist].contains(id))
        })
    }

    /// `07`.
    #[must_use]
    pub fn number(&self) -> &'static str {
        self.folder.split('-').next().unwrap_or(self.folder)
    }

    /// The one after it.
    #[must_use]
    pub fn next(&self) -> Option<&'static Exercise> {
        EXERCISES.iter().skip_while(|exercise| exercise.folder != self.folder).nth(1)
    }

    /// What the student writes.
    ///
    /// # Errors
    /// One sentence, where there are no exercises.
    pub fn starter(&self) -> Result<PathBuf, String> {
        Ok(folder()?.join(self.folder).join("starter.rs"))
    }

    /// Builds the student's starter, and says where the program is.
    ///
    /// # Errors
    /// One sentence, when it can't be built; the compiler has said why.
    pub fn build(&self) -> Result<PathBuf, String> {
        build_example(&format!("{}-starter", self.number()))
    }

    /// Remembers that it is solved: by the starter as it is, or by another program.
    pub fn solved(&self, by_starter: bool) {
        let Ok(folder) = folder() else { return };
        let mut done: Vec<String> =
            done_in(&folder).into_iter().filter(|line| !line.starts_with(self.number())).collect();
        let how = if by_starter { self.fingerprint() } else { Some(OTHER.to_string()) };
        done.extend(how.map(|how| format!("{} {how}", self.number())));
        done.sort();
        // Who can't write there has solved it all the same. A Ctrl-C just now must not cost what was solved before.
        let (new, file) = (folder.join(format!("{DONE}.new")), folder.join(DONE));
        let _ = fs::write(&new, done.join("\n") + "\n").and_then(|()| fs::rename(new, file));
    }

    /// Whether it was solved, and the starter is still the same.
    fn is_solved(&self, done: &[String]) -> bool {
        let solved = |how: &str| done.iter().any(|line| *line == format!("{} {how}", self.number()));
        solved(OTHER) || self.fingerprint().is_some_and(|now| solved(&now))
    }

    /// Of the starter as it is now.
    fn fingerprint(&self) -> Option<String> {
        let mut hasher = DefaultHasher::new();
        fs::read(self.starter().ok()?).ok()?.hash(&mut hasher);
        Some(format!("{:016x}", hasher.finish()))
    }
}

/// Builds a starter or a solution, `07-starter` for example, and says where the program is.
///
/// # Errors
/// One sentence, when it can't be built; the compiler has said why.
pub fn build_example(name: &str) -> Result<PathBuf, String> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args(["build", "--quiet", "--package", "exercises", "--example", name]);
    cargo.arg("--message-format=json-render-diagnostics").current_dir(project()?);
    let built = cargo.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let built = built.map_err(|err| tr!(zh "无法运行 cargo: {err}", en "cannot run cargo: {err}"))?;
    let said = String::from_utf8_lossy(&built.stdout);
    let file = said.split("\"executable\":\"").nth(1).and_then(|rest| rest.split('"').next());
    match file {
        Some(file) if built.status.success() => Ok(from_here(Path::new(&file.replace("\\\\", "\\")))),
        _ => Err(tr!(zh "{name} 没有通过编译", en "{name} doesn't compile")),
    }
}

/// Where it is remembered which exercises are solved, and the word for a program that isn't the starter.
const DONE: &str = ".solved";
const OTHER: &str = "another-program";

fn done_in(folder: &Path) -> Vec<String> {
    fs::read_to_string(folder.join(DONE)).unwrap_or_default().lines().map(str::to_string).collect()
}

/// The folder of the project: here, or above, as Cargo looks for its `Cargo.toml`.
fn project() -> Result<PathBuf, String> {
    let here = env::current_dir().unwrap_or_default();
    let found = here.ancestors().find(|above| above.join(EXERCISES_FOLDER).is_dir());
    found.map(Path::to_path_buf).ok_or_else(|| {
        tr!(zh "这里没有 {EXERCISES_FOLDER}；请在项目的文件夹里运行",
            en "there is no {EXERCISES_FOLDER} here; run it in the project's folder")
    })
}

const EXERCISES_FOLDER: &str = "docs/exercises";

fn folder() -> Result<PathBuf, String> {
    Ok(project()?.join(EXERCISES_FOLDER))
}

/// A path as one writes it where one is.
fn from_here(path: &Path) -> PathBuf {
    let here = env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).to_path_buf()
}

/// Shows the way: what is solved, what comes next, what each teaches, and how long it takes.
///
/// # Errors
/// One sentence, where there are no exercises.
pub fn show() -> Result<(), String> {
    let folder = folder()?;
    let done = done_in(&folder);
    let open: Vec<&Exercise> = EXERCISES.iter().filter(|exercise| !exercise.is_solved(&done)).collect();
    for exercise in EXERCISES {
        let is_open = open.iter().any(|one| one.folder == exercise.folder);
        let is_next = open.first().is_some_and(|one| one.folder == exercise.folder);
        let mark = if is_next {
            "→"
        } else if is_open {
            " "
        } else {
            "✓"
        };
        let (number, title, minutes, teaches) =
            (exercise.number(), exercise.title, exercise.minutes, exercise.teaches);
        say!(zh "{mark} {number}  {title}（{minutes} 分钟）：{teaches}", en "{mark} {number}  {title} ({minutes} min): {teaches}");
    }
    let (solved, all) = (EXERCISES.len() - open.len(), EXERCISES.len());
    let minutes: u32 = open.iter().map(|exercise| exercise.minutes).sum();
    print::out("");
    say!(zh "{all} 个练习，做完了 {solved} 个，余下的大约要 {minutes} 分钟", en "{solved} of {all} are solved; the others take about {minutes} minutes");
    if let Some(next) = open.first() {
        let (number, sheet) =
            (next.number(), folder.join(next.folder).join(tr!(zh "README.zh-CN.md", en "README.md")));
        let sheet = from_here(&sheet);
        let sheet = sheet.display();
        say!(zh "接下来：读 {sheet}，改 starter.rs，然后 cargo run -- check {number}",
             en "next: read {sheet}, fill in starter.rs, then cargo run -- check {number}");
    }
    Ok(())
}
