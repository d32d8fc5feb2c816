//! A server's own screen: D7 (closed, or stalled) and D12 (control characters).

use std::time::{Duration, Instant};

use super::END;
use super::flood::{follow, words};
use crate::check::stage::display::{expect_visible, hostile};
use crate::check::stage::output::contains;
use crate::check::stage::scene::Server;
use crate::check::stage::speaker::{Speaker, relay};
use crate::check::stage::system::need;
use crate::check::telling::events::show;
use crate::check::telling::verdict::{ensure, fail};
use crate::check::{Case, Scene, Verdict};
use crate::{text, tr};

/// D7, closed.
pub const fn closed<S: Speaker>() -> Case {
    Case {
        id: "D7",
        title: text!(zh "没有人再读服务器的 stdout 时，聊天室照常运行，并说明丢了多少行",
                     en "the room goes on when nobody reads the server's stdout any more, and what was lost is counted and said"),
        hint: text!(zh "向已关闭的管道打印，会因 SIGPIPE 或 `println!` 的 panic 结束程序：不要理会这个错误",
                    en "printing to a closed pipe ends the program, by SIGPIPE or by a panic of `println!`: let that error pass"),
        run: goes_on_without_a_screen::<S>,
    }
}

/// D7, stalled.
pub const fn stalled<S: Speaker>() -> Case {
    Case {
        id: "D7-stalled",
        title: text!(zh "服务器的 stdout 停住时，聊天室照常运行，并说明丢了多少行",
                     en "the room goes on when the server's stdout stalls, and what was lost is counted and said"),
        hint: text!(zh "打印在等停住的屏幕：用单独的线程打印，积压的行数要有上限",
                    en "printing waits for a screen that has stopped: print from a thread of its own, with a bounded backlog"),
        run: goes_on_while_its_screen_stalls::<S>,
    }
}

/// D12, on a terminal.
pub const fn terminal<S: Speaker>() -> Case {
    Case {
        id: "D12-server",
        title: text!(zh "在服务器的终端里，别人发来的控制字符显示成看得见的样子",
                     en "on the server's terminal, control characters from peers are made visible"),
        hint: text!(zh "别人发来的内容原样打印了：在终端里要把控制字符换成看得见的写法",
                    en "what a peer sends is printed as it is: on a terminal, spell control characters out"),
        run: makes_them_visible::<S>,
    }
}

/// D12, elsewhere.
pub const fn pipe<S: Speaker>() -> Case {
    Case {
        id: "D12-server-pipe",
        title: text!(zh "输出到管道时，服务器原样打印别人发来的内容",
                     en "in a pipe the server prints what peers send as it is"),
        hint: text!(zh "stdout 不是终端，却换掉了控制字符，或者把字节转成了文本",
                    en "control characters are spelled out although stdout is no terminal, or the bytes are turned into text"),
        run: prints_them_as_they_are::<S>,
    }
}

/// What is said to a closed stdout: enough to tell its count from other numbers.
const LOST: usize = 500;

/// What is printed besides: who came, who left, what C said.
const BESIDES: usize = 10;

fn goes_on_without_a_screen<S: Speaker>(scene: &Scene<'_>) -> Verdict {
    need(&["kill"])?;
    let server = S::serve(scene.launch())?;
    let [mut a, mut b] = S::room(&server, ["A", "B"])?;
    relay(&mut a, &mut b, "the greetings are printed")?;
    server.program.expect_printed(a.shown("the greetings are printed"))?;
    scene.log.note(text!(zh "服务器的 stdout 被关闭，就像 `| head -3` 那样",
                         en "the server's stdout is closed, as `| head -3` does"));
    server.program.stdout.close();
    relay(&mut a, &mut b, "the last that is printed")?;
    let (prints, nothing) = (
        text!(zh "服务器打印 A 说的话", en "the server prints what A says"),
        text!(zh "什么也没有", en "nothing"),
    );
    ensure(server.program.stdout.wait_for_end(scene.patience()), prints, nothing)?;
    let mut c = server.unless_ended(S::join(&server, "C"))?;
    relay(&mut c, &mut a, "whoever comes now can chat too")?;
    b.expect_from(&c, "whoever comes now can chat too")?;
    c.leave();
    [&a, &b].into_iter().for_each(|peer| peer.set_quiet(true));
    (0..LOST).try_for_each(|i| relay(&mut a, &mut b, format!("words {i}")))?;
    server.program.expect_running()?;
    server.program.signal("INT")?;
    server.program.expect_exit(0, END)?;
    let _ = server.program.stderr.wait_for_end(scene.patience());
    expect_counted(&server.program.stderr.text())
}

/// The lines that were lost must have been counted.
fn expect_counted(warnings: &str) -> Verdict {
    let counted = numbers(warnings).any(|n| (LOST..LOST + BESIDES).contains(&n));
    let wanted = tr!(zh "stderr 说明丢了多少行：{LOST} 行，或者略多几行",
                     en "stderr says how many lines were lost, {LOST} or a few more");
    ensure(counted, wanted, show(warnings.as_bytes()))
}

/// All numbers in a text.
fn numbers(text: &str) -> impl Iterator<Item = usize> {
    text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok())
}

/// 5 MB: more than a pipe holds, and more than a program should keep.
const LINES: usize = 1280;
const SIZE: usize = 4096;

/// So many are under way at a time: no socket's buffer may overflow, datagrams would be lost.
const WINDOW: usize = 16;

/// How often one looks whether all is there.
const POLL: Duration = Duration::from_millis(50);

fn goes_on_while_its_screen_stalls<S: Speaker>(scene: &Scene<'_>) -> Verdict {
    let server = S::serve(scene.launch())?;
    let [mut a, mut b] = S::room(&server, ["A", "B"])?;
    scene.log.note(tr!(zh "暂时没有人读服务器的 stdout；A 说 {LINES} 行，每行 {SIZE} 字节",
                       en "nobody reads the server's stdout for now; A says {LINES} lines of {SIZE} bytes"));
    server.program.stdout.stall();
    [&a, &b].into_iter().for_each(|peer| peer.set_quiet(true));
    for from in (0..LINES).step_by(WINDOW) {
        let lines = from..from + WINDOW;
        lines.clone().try_for_each(|i| a.say(words(i, SIZE)))?;
        follow(&mut b, &a.prefix(), lines, SIZE)?;
    }
    scene.log.note(text!(zh "B 收到了每一行；又有人读服务器的 stdout 了",
                         en "B has every line; somebody reads the server's stdout again"));
    server.program.stdout.resume();
    let deadline = Instant::now() + scene.patience();
    while !adds_up(&server, &a) {
        if Instant::now() > deadline {
            let (lines, printed) = (printed_of(&server, &a), server.program.printed());
            let wanted = text!(zh "打印了的行，加上 stderr 说丢了的行，正好是全部",
                               en "what was printed and what stderr says was lost add up");
            return fail(
                wanted,
                tr!(zh "打印了 {lines} 行；{printed}", en "{lines} lines printed; {printed}"),
            );
        }
        server.program.stderr.wait_for(POLL, |_| false);
    }
    Ok(())
}

/// Whether all that A said was printed, or the rest said to be lost.
fn adds_up<S: Speaker>(server: &Server, a: &S) -> bool {
    let printed = printed_of(server, a);
    printed == LINES || numbers(&server.program.stderr.text()).any(|lost| lost + printed == LINES)
}

/// How many of A's lines stand on the server's stdout, each whole.
fn printed_of<S: Speaker>(server: &Server, a: &S) -> usize {
    let printed = server.program.stdout.bytes();
    let is_whole = |line: &&[u8]| {
        let start = line.len().checked_sub(SIZE + 1);
        let number = start.and_then(|at| std::str::from_utf8(&line[at..at + 7]).ok()?.parse().ok());
        number.is_some_and(|i| line.ends_with(&a.shown(words(i, SIZE))))
    };
    printed.split_inclusive(|&byte| byte == b'\n').filter(is_whole).count()
}

fn makes_them_visible<S: Speaker>(scene: &Scene<'_>) -> Verdict {
    let server = S::serve(scene.on_terminal()?)?;
    let [mut a, mut b] = S::room(&server, ["A", "B"])?;
    relay(&mut a, &mut b, hostile::<S>())?;
    expect_visible(&server.program)
}

fn prints_them_as_they_are<S: Speaker>(scene: &Scene<'_>) -> Verdict {
    let server = S::serve(scene.launch())?;
    let [mut a, mut b] = S::room(&server, ["A", "B"])?;
    relay(&mut a, &mut b, hostile::<S>())?;
    let line = a.shown(hostile::<S>());
    server.program.stdout.wait_for(scene.patience(), |all| contains(all, &line));
    let printed = server.program.stdout.bytes();
    let shown = show(&line);
    let mut lines = printed.split_inclusive(|&byte| byte == b'\n');
    let got = lines.rfind(|line| contains(line, b"before")).map_or_else(|| server.program.printed(), show);
    ensure(contains(&printed, &line), tr!(zh "stdout 上有 {shown}", en "on stdout {shown}"), got)
}
