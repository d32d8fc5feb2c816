//! What is a line: D2 (its length) and D3 (its end).

use crate::check::cases::shared::{crowd, expect_reason};
use crate::check::stage::speaker::{Speaker, relay};
use crate::check::stage::tcp_peer::Peer;
use crate::check::{Case, Likely, Scene, Verdict};
use crate::text;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D2",
        title: text!(zh "",
                     en "who sends a line over 64 KiB is told and disconnected, and nothing of it reaches anyone"),
        hint: text!(zh "",
                    en "a line is collected until its line break, however far that is: stop at a limit"),
        run: too_long,
    },
    Case {
        id: "D2-exact",
        title: text!(zh "",
                     en "a line of just 65,536 bytes and its line break is relayed whole"),
        hint: text!(zh "",
                    en "the limit counts the line without its line break, and is reached, not exceeded"),
        run: exact,
    },
    Case {
        id: "D2-memory",
        title: text!(zh "",
                     en "a line that never ends costs neither memory nor patience"),
        hint: text!(zh "",
                    en "what is read of a line is kept until its line break comes: give up at the limit, and don't keep the rest"),
        run: endless,
    },
    Case {
        id: "D3",
        title: text!(zh "",
                     en "the last line is delivered, with a line break, when its sender leaves without one"),
        hint: text!(zh "",
                    en "at the end of a connection there may be a line without its line break: send it on before leaving"),
        run: last_line,
    },
];

/// The longest line, its line break not counted.
const MAX_LINE: usize = 64 * 1024;

fn too_long(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b, mut c] = Peer::room(&server, ["A", "B", "C"])?;
    a.send("x".repeat(MAX_LINE + 4000) + "\n[Server]: and this?\n")?;
    expect_reason(&mut a, "a line that says why it is disconnected")?;
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

/// The most by which memory may have grown, in KiB.
const MAX_GROWTH: u64 = 8 * 1024;

fn endless(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b, mut c] = Peer::room(&server, ["A", "B", "C"])?;
    let before = server.program.usage()?.peak;
    scene.log.note("A says a line that never ends");
    crowd::endless(&server, &mut a, vec![b'z'; 1 << 20], (before, MAX_GROWTH))?;
    relay(&mut c, &mut b, "marker")
}

fn last_line(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = Peer::room(&server, ["A", "B"])?;
    let expected = a.relayed("last words");
    a.send("last words")?;
    a.leave();
    b.expect(expected)
}
