//! D31: readers that stop reading. And floods.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::check::cases::shared::{flood, pace};
use crate::check::stage::frame::{FIN, PING, PONG};
use crate::check::stage::speaker::{Connected, Heard, Speaker};
use crate::check::stage::ws_peer::WsPeer;
use crate::check::telling::verdict::ensure;
use crate::check::{Case, Likely, Scene, Text, Verdict};
use crate::{text, tr};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D31",
        title: text!(zh "不再读取的客户端被断开；其他人收到每条消息，总共等待不到 3 秒",
                     en "clients that stop reading are disconnected; the others get every message, and wait \
                         less than 3 s in all"),
        hint: text!(zh "对方的缓冲区满了，写入就永远等下去，锁也一直拿着：聊天室需要一个期限，\
                        超过期限的客户端必须断开",
                    en "a write to a client whose buffers are full waits for ever, with the lock held: the \
                        room needs a deadline, and who misses it must go"),
        run: flood::stalled::<WsPeer>,
    },
    Case {
        id: "D31-again",
        title: text!(zh "断开后又回来继续不读的客户端，最多占聊天室十分之一的时间",
                     en "clients that come back to stall again hold the room up for at most a tenth of the \
                         time"),
        hint: text!(zh "每个不读的客户端都让聊天室再等满一个期限：凡是以断开告终的等待，都要从同一份预算里扣",
                    en "each stalled client costs another whole deadline: let all waits that end in a \
                        disconnection use up a budget"),
        run: again,
    },
    Case {
        id: "D31-slow",
        title: text!(zh "读得慢、但每秒都在读的客户端一条也不会少，哪怕有别人进来后停住不读",
                     en "a reader that is slow, but takes something each second, gets everything while \
                         others come in and stall"),
        hint: text!(zh "把读得慢的客户端当成了停住不读的：最近一秒内读过内容的应当留下",
                    en "a slow reader is taken for one that has stalled: who has taken something within the \
                        last second stays"),
        run: pace::slow_reader::<WsPeer>,
    },
    Case {
        id: "ws-flood",
        title: text!(zh "四个客户端同时不停地发消息，第五个尽快地发 ping，每个帧仍然完整",
                     en "while four clients flood the room and a fifth pings as fast as it can, no frame is \
                         ever torn"),
        hint: TORN,
        run: four,
    },
];

/// What two threads do to a client's frames.
const TORN: Text = text!(zh "两个线程同时写一个客户端的套接字：每条消息、每个 pong 都要在锁内一次写完整",
                         en "two threads write to one client's socket at a time: messages, pongs and all must go out \
                             whole, under the lock");

fn again(scene: &Scene<'_>) -> Verdict {
    flood::again::<WsPeer>(scene, "D31")
}

fn four(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut e, floods @ ..] = WsPeer::room(&server, ["E", "A", "B", "C", "D"]).rather(TORN)?;
    scene.log.note(tr!(zh "A、B、C、D 不停地发消息，也在读；E 不停地发 ping，也在读",
                       en "A, B, C and D flood the room and read; E pings and reads"));
    let (mut pinger, mut pong) = (e.second()?, 0);
    let over = AtomicBool::new(false);
    let followed = thread::scope(|scope| {
        scope.spawn(|| ping_until(&over, &mut pinger));
        let followed = flood::four(&mut e, floods, |heard| {
            let number = is_pong(heard, pong);
            pong = number.map_or(pong, |number| number + 1);
            number.is_some()
        });
        if followed.is_ok() && pong == 0 {
            // On a busy machine the flood may be over before the first ping is read.
            pong = is_pong(&e.next(scene.patience()), 0).map_or(0, |number| number + 1);
        }
        over.store(true, Ordering::Relaxed);
        let _ = e.read_to_end(flood::SILENCE); // Or the pinger would wait.
        followed
    });
    server.unless_ended(followed)?;
    let wanted = tr!(zh "E 在消息之间收到 pong", en "E gets pongs in between");
    ensure(pong > 0, wanted, tr!(zh "一个也没有", en "not one"))
}

/// Pings, and numbers them.
fn ping_until(over: &AtomicBool, pinger: &mut WsPeer) {
    for i in 0.. {
        let ping = pinger.frame(FIN | PING, i.to_string());
        if over.load(Ordering::Relaxed) || !pinger.try_send(&ping) {
            break;
        }
    }
}

/// A later pong's number. (Of several pings only the last needs an answer: RFC 6455, 5.5.3.)
fn is_pong(heard: &Heard, at_least: usize) -> Option<usize> {
    let Heard::Frame(frame) = heard else { return None };
    let number: usize = std::str::from_utf8(&frame.payload).ok()?.parse().ok()?;
    (frame.first == FIN | PONG && !frame.masked && number >= at_least).then_some(number)
}
