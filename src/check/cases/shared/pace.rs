//! D4, D31: a reader that is slow, but takes something every second, beside readers that don't.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::flood::words;
use crate::check::Scene;
use crate::check::stage::speaker::{Connected, Speaker};
use crate::check::telling::verdict::Verdict;
use crate::tr;

/// For so long somebody floods the room, and others come in and stall.
const TIME: Duration = Duration::from_secs(8);

/// How often somebody comes in who never reads.
const STALLER_EVERY: Duration = Duration::from_millis(300);

/// The slow reader takes so many lines of so many bytes at once, and then rests: 2 MB a second, as a
/// link of 16 Mbit/s carries. (Slower, and the others would not come to stall.)
const LINES: usize = 1000;
const SIZE: usize = 1024;
const REST: Duration = Duration::from_millis(500);

/// The slow reader hears each line, in order.
pub fn slow_reader<C: Connected>(scene: &Scene<'_>) -> Verdict {
    let server = C::serve(scene.launch())?;
    let [mut speaker, mut slow] = C::room(&server, ["A", "B"])?;
    let (said, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let prefix = speaker.prefix();
    let stallers = Mutex::new(Vec::new());
    [&speaker, &slow].into_iter().for_each(|member| member.set_quiet(true));
    scene.log.note(tr!(zh "A 在 {TIME:?} 内不停地说；B 读 1 MB，歇 {REST:?}，如此反复",
                       en "A floods the room for {TIME:?}; B takes 1 MB, rests for {REST:?}, and so on"));
    scene.log.note(tr!(zh "每 {STALLER_EVERY:?} 进来一个什么也不读的客户端",
                       en "every {STALLER_EVERY:?} somebody comes in who reads nothing"));
    thread::scope(|scope| {
        scope.spawn(|| {
            let end = Instant::now() + TIME;
            while Instant::now() < end && !over.load(Ordering::Relaxed) {
                if speaker.say(words(said.load(Ordering::Relaxed), SIZE)).is_err() {
                    break;
                }
                said.fetch_add(1, Ordering::Relaxed);
            }
            over.store(true, Ordering::Relaxed);
        });
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                stallers.lock().map(|mut all| all.push(C::connect(&server, "S"))).ok();
                thread::sleep(STALLER_EVERY);
            }
        });
        let heard = follow(&mut slow, &prefix, &said, &over);
        over.store(true, Ordering::Relaxed);
        heard
    })
}

/// Takes lines at its own pace while they are said, and the rest as fast as it can.
fn follow<S: Speaker>(slow: &mut S, prefix: &str, said: &AtomicUsize, over: &AtomicBool) -> Verdict {
    let mut next = 0;
    while !over.load(Ordering::Relaxed) || next < said.load(Ordering::Relaxed) {
        if next >= said.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(1)); // what isn't said yet can't be heard
            continue;
        }
        slow.expect(format!("{prefix}{}\n", words(next, SIZE)))?;
        next += 1;
        if next % LINES == 0 && !over.load(Ordering::Relaxed) {
            thread::sleep(REST);
        }
    }
    Ok(())
}
