//! What is a line: D2 (its length) and D3 (its end).

use crate::check::{Case, Scene, Verdict};

pub(super) const CASES: &[Case] = &[Case {
    id: "D3",
    title: "the last line is delivered, with a line break, when its sender leaves without one",
    hint: "at the end of a connection there may be a line without its line break: send it on before leaving",
    run: last_line,
}];

fn last_line(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = server.room(["A", "B"])?;
    let expected = a.prefixed("last words\n");
    a.send("last words")?;
    a.leave();
    b.expect(expected)
}
