//! What goes over the wire, and to whom.

use std::time::{Duration, Instant};

use crate::check::stage::speaker::{Connected, Speaker, relay};
use crate::check::telling::events::show;
use crate::check::telling::verdict::ensure;
use crate::check::{Scene, Verdict};
use crate::{text, tr};

/// What one says reaches every other.
pub fn relays<S: Speaker>(scene: &Scene<'_>) -> Verdict {
    let server = S::serve(scene.launch())?;
    let [mut a, mut b, mut c] = S::room(&server, ["A", "B", "C"])?;
    relay(&mut a, &mut b, "hello")?;
    c.expect_from(&a, "hello")?;
    relay(&mut c, &mut a, "好 <b>\t!")?;
    b.expect_from(&c, "好 <b>\t!")
}

/// Nobody hears itself.
pub fn echo<S: Speaker>(scene: &Scene<'_>) -> Verdict {
    let server = S::serve(scene.launch())?;
    let [mut a, mut b] = S::room(&server, ["A", "B"])?;
    relay(&mut a, &mut b, "do I hear myself?")?;
    relay(&mut b, &mut a, "marker")
}

/// Words are bytes, text or not. The last word is up to the kind.
pub fn bytes<S: Speaker>(scene: &Scene<'_>, last: &str) -> Verdict {
    let server = S::serve(scene.launch())?;
    let [mut a, mut b] = S::room(&server, ["A", "B"])?;
    let all = [&b"\xff\xfe\xc3("[..], b"\0\x01\x1b[2J\x7f\xc2\x9b", b"", last.as_bytes()];
    server.unless_ended(all.iter().try_for_each(|words| relay(&mut a, &mut b, words)))
}

/// Enough for several reads, and for threads to overtake each other.
const MANY: usize = 3000;

/// What is sent in one write arrives one by one, in order.
pub fn order<C: Connected>(scene: &Scene<'_>) -> Verdict {
    let server = C::serve(scene.launch())?;
    let [mut a, mut b] = C::room(&server, ["A", "B"])?;
    let all: Vec<u8> = (0..MANY).flat_map(|i| a.encode(format!("line {i}"))).collect();
    scene.log.note(tr!(zh "A 用一次写发出 {MANY} 行", en "A says {MANY} lines in one write"));
    ensure(a.try_send(&all), text!(zh "A 能够发送", en "A can send"), text!(zh "发不出去", en "it can't"))?;
    b.set_quiet(true);
    server.unless_ended((0..MANY).try_for_each(|i| b.expect_from(&a, format!("line {i}"))))
}

/// Where a message is no line, line breaks in it become spaces.
pub fn forged<S: Speaker>(scene: &Scene<'_>) -> Verdict {
    let server = S::serve(scene.launch())?;
    let [mut a, mut b] = S::room(&server, ["A", "B"])?;
    a.say("one\n[Server]: two")?;
    b.expect_from(&a, "one [Server]: two")?;
    a.say("one\r\n[Server]: two\rthree")?;
    let heard = b.expect_words(text!(zh "同样的内容，合成一行", en "the same on one line"))?;
    let (start, end) = (a.prefix() + "one ", b"[Server]: two three\n");
    let breaks = heard.iter().filter(|byte| matches!(byte, b'\r' | b'\n')).count();
    let kept = heard.starts_with(start.as_bytes()) && heard.ends_with(end) && breaks == 1;
    ensure(kept, text!(zh "回车符也换成空格", en "spaces for the carriage returns too"), show(&heard))
}

/// So many times two lines and an answer: were each second line to wait for the acknowledgement of the first, which
/// a system holds back for 40 ms from who has just answered, these would take 2.4 s.
const TIMES: usize = 60;

/// Two lines, one after the other, and an answer, so often that waiting would show.
pub fn prompt(mut two_lines_and_an_answer: impl FnMut() -> Verdict) -> Verdict {
    let start = Instant::now();
    (0..TIMES).try_for_each(|_| two_lines_and_an_answer())?;
    let took = start.elapsed();
    let in_time = took < Duration::from_millis(1500);
    let wanted = tr!(zh "这样 {TIMES} 次，总共不到一秒半", en "{TIMES} times this takes less than a second and a half");
    ensure(in_time, wanted, format!("{took:.1?}"))
}
