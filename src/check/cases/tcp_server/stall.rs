//! D4: readers that stop reading. And floods.

use crate::check::cases::shared::{flood, pace};
use crate::check::stage::speaker::Speaker;
use crate::check::stage::tcp_peer::Peer;
use crate::check::{Case, Scene, Verdict};
use crate::{text, tr};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D4",
        title: text!(zh "不再读取的客户端会被断开；其他客户端一行不少，等待不超过 3 秒",
                     en "clients that stop reading are disconnected; \
                         the others get every line and never wait over 3 s"),
        hint: text!(zh "客户端的缓冲区满了，写给它就会一直等下去，而且拿着锁：聊天室的等待要有期限，\
                        错过期限的要断开",
                    en "a write to a client whose buffers are full waits for ever, with the lock held: \
                        the room needs a deadline, and a client that misses it must go"),
        run: flood::stalled::<Peer>,
    },
    Case {
        id: "D4-again",
        title: text!(zh "断开后又回来继续不读的客户端，最多占聊天室十分之一的时间",
                     en "clients that come back to stall again hold the room up for at most a tenth of the time"),
        hint: text!(zh "每来一个不读的客户端，都要重新等满一个期限：凡是以断开告终的等待，都记在同一本账上，\
                        总量有限",
                    en "each stalled client costs a whole deadline anew: \
                        let the waits that end in a disconnection use up a budget"),
        run: again,
    },
    Case {
        id: "D4-slow",
        title: text!(zh "不断有人进来又不读时，读得慢、但每秒都在读的客户端一行也不会少",
                     en "a reader that is slow, but takes something each second, \
                         hears everything while others come in and stall"),
        hint: text!(zh "把读得慢的当成了停住不读的：最近一秒内读过内容的客户端要留下",
                    en "a slow reader is taken for one that has stalled: \
                        a client that has taken something within the last second stays"),
        run: pace::slow_reader::<Peer>,
    },
    Case {
        id: "tcp-flood",
        title: text!(zh "四个客户端同时大量发送：每一行都完整到达，同一个客户端的各行顺序不变",
                     en "when four clients flood the room at once, every line arrives whole, \
                         and each client's lines in order"),
        hint: text!(zh "两个线程同时写同一个客户端的套接字：拿着锁，把一整行写完",
                    en "two threads write to one client's socket at the same time: write each line whole, \
                        under the lock"),
        run: four,
    },
];

fn again(scene: &Scene<'_>) -> Verdict {
    flood::again::<Peer>(scene, "D4")
}

fn four(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut e, floods @ ..] = Peer::room(&server, ["E", "A", "B", "C", "D"])?;
    scene.log.note(tr!(zh "A、B、C、D 大量发送，也读取；E 只读取",
                       en "A, B, C and D flood and read; E only reads"));
    server.unless_ended(flood::four(&mut e, floods, |_| false))
}
