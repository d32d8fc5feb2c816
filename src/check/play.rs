//! Plays that are the same for every server, whatever carries the words.

use std::time::{Duration, Instant};

use super::log::show;
use super::output::contains;
use super::scene::{Scene, Server};
use super::speaker::{Speaker, relay};
use super::system::need;
use super::terminal::expect_visible;
use super::verdict::{Likely, Verdict, ensure, fail};

/// Opens a room for two.
pub type Room<M> = fn(&Server) -> Verdict<[M; 2]>;

/// Within this a stopped server has ended, whatever peers do.
pub const END: Duration = Duration::from_secs(2);

/// Words that would retitle the terminal, clear it, overwrite the sender's name and change colours. They are
/// UTF-8 and hold no line break, so that every room relays them as they are.
pub const HOSTILE: &str = "before\x1b]0;owned\x07\x1b[2J\x08forged\u{9b}31m\u{9b}32m\x7fafter";

/// What is said to a closed stdout: enough to tell its count from other numbers.
const LOST: usize = 500;

/// D7: nobody reads the server's stdout any more.
pub fn screen_closed<M: Speaker>(scene: &Scene<'_>, server: Server, room: Room<M>) -> Verdict {
    need(&["kill"])?;
    scene.log.note("the server's stdout is closed, as `| head -1` does");
    server.program.stdout.close();
    let [mut a, mut b] = room(&server)?;
    ensure(server.program.stdout.wait_for_end(scene.patience()), "something is printed", "nothing")?;
    a.set_quiet(true);
    b.set_quiet(true);
    (0..LOST).try_for_each(|i| relay(&mut a, &mut b, format!("words {i}")))?;
    server.program.expect_running()?;
    server.program.signal("INT")?;
    server.program.expect_exit(0, END)?;
    let _ = server.program.stderr.wait_for_end(scene.patience());
    let warnings = server.program.stderr.text();
    // A few lines more: who came, who left, who greeted whom.
    let counted = numbers(&warnings).any(|n| (LOST..LOST + 50).contains(&n));
    let wanted = format!("stderr says how many lines were lost, {LOST} or a few more");
    ensure(counted, wanted, show(warnings.as_bytes()))
}

/// All numbers in a text.
fn numbers(text: &str) -> impl Iterator<Item = usize> {
    text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok())
}

/// 4 MB: more than a pipe holds, and more than a program should keep.
const LINES: usize = 1024;
const SIZE: usize = 4096;

/// So many are under way at a time: no socket's buffer may overflow, datagrams would be lost.
const WINDOW: usize = 16;

/// How often one looks whether all is there.
const POLL: Duration = Duration::from_millis(50);

/// D7: the server's stdout stalls, and goes on.
pub fn screen_stalled<M: Speaker>(scene: &Scene<'_>, server: Server, room: Room<M>) -> Verdict {
    let [mut a, mut b] = room(&server)?;
    scene.log.note(format!("nobody reads the server's stdout for now; A says {LINES} lines of {SIZE} bytes"));
    server.program.stdout.stall();
    a.set_quiet(true);
    b.set_quiet(true);
    (0..LINES).step_by(WINDOW).try_for_each(|from| flood_step(&mut a, &mut b, from..from + WINDOW))?;
    scene.log.note("B has every line; somebody reads the server's stdout again");
    server.program.stdout.resume();
    let deadline = Instant::now() + scene.patience();
    while !adds_up(&server) {
        if Instant::now() > deadline {
            let got = format!("{} lines printed; {}", flood_lines(&server), server.program.printed());
            return fail("what was printed and what stderr says was lost add up", got);
        }
        server.program.stderr.wait_for(POLL, |_| false);
    }
    Ok(())
}

/// How many lines of the flood the server has printed.
fn flood_lines(server: &Server) -> usize {
    let is_of_flood = |line: &&[u8]| line.len() > SIZE && line.ends_with(b"....");
    server.program.stdout.bytes().split(|&byte| byte == b'\n').filter(is_of_flood).count()
}

/// Whether all of it was printed, or the rest said to be lost.
fn adds_up(server: &Server) -> bool {
    let printed = flood_lines(server);
    printed == LINES || numbers(&server.program.stderr.text()).any(|lost| lost + printed == LINES)
}

/// Says a few lines, and follows them.
fn flood_step<M: Speaker>(a: &mut M, b: &mut M, lines: std::ops::Range<usize>) -> Verdict {
    let words = |i: usize| format!("{i:07} {}", ".".repeat(SIZE - 8));
    lines.clone().try_for_each(|i| a.say(words(i)))?;
    lines.clone().try_for_each(|i| b.expect_from(a, words(i)))
}

/// D12: the server's terminal.
pub fn terminal<M: Speaker>(server: Server, room: Room<M>) -> Verdict {
    let [mut a, mut b] = room(&server)?;
    relay(&mut a, &mut b, HOSTILE)?;
    expect_visible(&server.program)
}

/// D12: the server's pipe.
pub fn pipe<M: Speaker>(scene: &Scene<'_>, server: Server, room: Room<M>) -> Verdict {
    let [mut a, mut b] = room(&server)?;
    relay(&mut a, &mut b, HOSTILE)?;
    let line = format!("{HOSTILE}\n");
    server.program.stdout.wait_for(scene.patience(), |all| contains(all, line.as_bytes()));
    let printed = server.program.stdout.bytes();
    ensure(
        contains(&printed, line.as_bytes()),
        format!("on stdout {}", show(line.as_bytes())),
        show(&printed),
    )
}

/// Asks a server to end by a signal: it says good-bye on its console, and ends in time with exit code 0.
pub fn stop<M: Speaker>(scene: &Scene<'_>, server: &Server, signal: &str, [a, b]: [&mut M; 2]) -> Verdict {
    need(&["kill"])?;
    relay(a, b, "last words")?;
    server.program.expect_printed("last words\n")?; // What is printed from here on is the good-bye.
    let before = server.program.stdout.bytes().len();
    server.program.signal(signal)?;
    server.program.expect_exit(0, END)?;
    let _ = server.program.stdout.wait_for_end(scene.patience());
    let said = server.program.stdout.bytes().len() > before;
    ensure(said, "a good-bye on the console", "nothing more").likely("the end is in order, but silent")
}

/// An unknown option: a usage error.
pub fn usage(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("exit code 2")?;
    let program = scene.launch().with(&["--nonsense"]).program("program")?;
    program.expect_exit(2, scene.patience())?;
    program.expect_one_sentence("--nonsense")
}

/// All that a server printed, once its end has come.
pub fn expect_all_printed(server: &Server, all: &str) -> Verdict {
    let last = all.trim_end().rsplit('\n').next().unwrap_or_default();
    server.program.expect_printed(format!("{last}\n"))?;
    let printed = server.program.stdout.bytes();
    ensure(printed == all.as_bytes(), format!("just {}", show(all.as_bytes())), show(&printed))
}
