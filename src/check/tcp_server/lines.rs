//! What is a line: D2 (its length) and D3 (its end).

use crate::check::peer::Peer;
use crate::check::speaker::{Connected, Speaker, relay};
use crate::check::verdict::ensure;
use crate::check::{Case, Likely, Scene, Verdict};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D2",
        title: "who sends a line over 64 KiB is told and disconnected, and nothing of it reaches anyone",
        hint: "a line is collected until its line break, however far that is: stop at a limit",
        run: too_long,
    },
    Case {
        id: "D2-exact",
        title: "a line of just 65,536 bytes and its line break is relayed whole",
        hint: "the limit counts the line without its line break, and is reached, not exceeded",
        run: exact,
    },
    Case {
        id: "D2-memory",
        title: "a line that never ends costs neither memory nor patience",
        hint: "what is read of a line is kept until its line break comes: give up at the limit, and don't keep the rest",
        run: endless,
    },
    Case {
        id: "D3",
        title: "the last line is delivered, with a line break, when its sender leaves without one",
        hint: "at the end of a connection there may be a line without its line break: send it on before leaving",
        run: last_line,
    },
];

/// The longest line, its line break not counted.
const MAX_LINE: usize = 64 * 1024;

fn too_long(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b, mut c] = Peer::room(&server, ["A", "B", "C"])?;
    a.send("x".repeat(MAX_LINE + 4000) + "\n[Server]: and this?\n")?;
    let farewell = a.expect_words("a line that says why it is disconnected")?;
    ensure(farewell.len() > 1, "A is told why", "an empty line")?;
    a.expect_end(scene.patience())?;
    // Were anything of it relayed, B would get it somewhere among these.
    (0..5).try_for_each(|_| {
        relay(&mut c, &mut b, "marker").likely("what was read of the line when it grew too long was relayed")
    })
}

fn exact(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    relay(&mut a, &mut b, "y".repeat(MAX_LINE))?;
    relay(&mut a, &mut b, "still here")
}

/// What the line that never ends has sent when it is given up.
const ENDLESS: usize = 64;

/// The most by which memory may have grown meanwhile, in KiB.
const MAX_GROWTH: u64 = 8 * 1024;

fn endless(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b, mut c] = Peer::room(&server, ["A", "B", "C"])?;
    let before = server.program.usage()?.peak;
    let mebibyte = vec![b'z'; 1024 * 1024];
    let sent = (0..ENDLESS).take_while(|_| a.try_send(&mebibyte)).count();
    scene.log.note(format!("A could send {sent} of {ENDLESS} MiB without a line break"));
    relay(&mut c, &mut b, "marker")?;
    let grown = server.program.usage()?.peak - before;
    ensure(
        grown < MAX_GROWTH,
        format!("memory grows by less than {MAX_GROWTH} KiB"),
        format!("by {grown} KiB"),
    )?;
    ensure(sent < ENDLESS, "A is disconnected before that", "A could send all of it")
}

fn last_line(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    let expected = a.relayed("last words");
    a.send("last words")?;
    a.leave();
    b.expect(expected)
}
