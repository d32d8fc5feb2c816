//! The server's own screen: D7 (closed, or stalled) and D12 (control characters).

use std::time::Duration;

use crate::check::log::show;
use crate::check::output::contains;
use crate::check::peer::Peer;
use crate::check::speaker::{Heard, Speaker};
use crate::check::system::need;
use crate::check::terminal::{HOSTILE, expect_visible};
use crate::check::verdict::{ensure, fail};
use crate::check::{Case, Scene, Verdict};

use super::stall::{follow, send_lines};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D7",
        title: "the room goes on when nobody reads the server's stdout any more, and what was lost is counted and said",
        hint: "printing to a closed pipe ends the program, by SIGPIPE or by a panic of `println!`: let that error pass",
        run: closed,
    },
    Case {
        id: "D7-stalled",
        title: "the room goes on when the server's stdout stalls, and what was lost is counted and said",
        hint: "printing waits for a screen that has stopped: print from a thread of its own, with a bounded backlog",
        run: stalled,
    },
    Case {
        id: "D7-stop",
        title: "a stalled stdout can't keep the server from ending within two seconds of Ctrl-C",
        hint: "the end waits until all is printed: give that wait a deadline",
        run: stop_while_stalled,
    },
    Case {
        id: "D12-server",
        title: "on the server's terminal, control characters from peers are made visible",
        hint: "what a peer sends is printed as it is: on a terminal, spell control characters out",
        run: terminal,
    },
    Case {
        id: "D12-server-pipe",
        title: "in a pipe the server prints what peers send as it is",
        hint: "control characters are spelled out although stdout is no terminal, or the bytes are turned into text",
        run: pipe,
    },
];

/// What is said to a closed stdout: enough to tell its count from other numbers.
const LOST: usize = 500;

fn closed(scene: &Scene<'_>) -> Verdict {
    need(&["kill"])?;
    let server = scene.server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    scene.log.note("the server's stdout is closed, as `| head -3` does");
    server.program.stdout.close();
    a.say("the last that is printed")?;
    b.expect_from(&a, "the last that is printed")?;
    ensure(server.program.stdout.wait_for_end(scene.patience()), "the server prints what A says", "nothing")?;
    a.set_quiet(true);
    b.set_quiet(true);
    for i in 0..LOST {
        a.say(format!("{i}"))?;
        b.expect_from(&a, format!("{i}"))?;
    }
    server.program.expect_running()?;
    server.program.signal("INT")?;
    server.program.expect_exit(0, Duration::from_secs(2))?;
    let _ = server.program.stderr.wait_for_end(scene.patience());
    let warnings = server.program.stderr.text();
    // A few lines more: who left, perhaps.
    let counted = numbers(&warnings).any(|n| (LOST..LOST + 10).contains(&n));
    ensure(
        counted,
        format!("stderr says how many lines were lost, {LOST} or a few more"),
        show(warnings.as_bytes()),
    )
}

/// All numbers in a text.
fn numbers(text: &str) -> impl Iterator<Item = usize> {
    text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok())
}

/// 5 MB: more than a pipe holds, and more than a program should keep.
const LINES: usize = 5000;
const SIZE: usize = 1024;

fn stalled(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    let from = a.prefix();
    scene.log.note(format!(
        "nobody reads the server's stdout for now; A sends {LINES} lines of {SIZE} bytes; B reads"
    ));
    server.program.stdout.stall();
    b.set_quiet(true);
    std::thread::scope(|scope| {
        scope.spawn(|| send_lines(&mut a, 0..LINES, SIZE));
        follow(&mut b, &from, 0..LINES, SIZE)
    })?;
    scene.log.note("B has every line; somebody reads the server's stdout again");
    server.program.stdout.resume();
    let adds_up = |warnings: &[u8]| {
        let printed = server.program.stdout.bytes();
        let printed = printed.split(|&byte| byte == b'\n').filter(|line| is_of_flood(line, &from)).count();
        printed == LINES || numbers(&String::from_utf8_lossy(warnings)).any(|lost| lost + printed == LINES)
    };
    if server.program.stderr.wait_for(scene.patience(), adds_up) || adds_up(&server.program.stderr.bytes()) {
        return Ok(());
    }
    let printed = server.program.stdout.bytes().iter().filter(|&&byte| byte == b'\n').count();
    let warned = show(&server.program.stderr.bytes());
    fail(
        "what was printed and what stderr says was lost add up",
        format!("{printed} lines in all; stderr says {warned}"),
    )
}

fn stop_while_stalled(scene: &Scene<'_>) -> Verdict {
    need(&["kill"])?;
    let server = scene.server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    scene
        .log
        .note(format!("nobody reads the server's stdout; A sends {LINES} lines of {SIZE} bytes; B reads"));
    server.program.stdout.stall();
    b.set_quiet(true);
    std::thread::scope(|scope| {
        scope.spawn(|| send_lines(&mut a, 0..LINES, SIZE));
        // Whether all of them come is the case before this one.
        while b.next(scene.patience() / 4) != Heard::Nothing {}
        let ended =
            server.program.signal("INT").and_then(|()| server.program.expect_exit(0, Duration::from_secs(2)));
        drop(server); // Or A would go on.
        ended
    })
}

fn is_of_flood(line: &[u8], from: &str) -> bool {
    line.len() == from.len() + SIZE - 1 && line.starts_with(from.as_bytes())
}

fn terminal(scene: &Scene<'_>) -> Verdict {
    let server = scene.on_terminal()?.server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    a.send(HOSTILE)?;
    b.expect([a.prefix().as_bytes(), HOSTILE].concat())?;
    expect_visible(&server.program)
}

fn pipe(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    a.send(HOSTILE)?;
    b.expect([a.prefix().as_bytes(), HOSTILE].concat())?;
    let line = [a.prefix().as_bytes(), HOSTILE].concat();
    server.program.stdout.wait_for(scene.patience(), |all| contains(all, &line));
    let printed = server.program.stdout.bytes();
    ensure(contains(&printed, &line), format!("on stdout {}", show(&line)), show(&printed))
}
