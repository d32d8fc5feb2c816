//! D32: peers that say nothing.

use std::time::{Duration, Instant};

use crate::check::stage::frame::{FIN, Frame, PING, PONG};
use crate::check::stage::speaker::{Heard, Speaker, relay};
use crate::check::stage::ws_peer::WsPeer;
use crate::check::telling::verdict::{ensure, fail};
use crate::check::{Case, Scene, Verdict};

use super::two;
use crate::{text, tr};

pub(super) const CASES: &[Case] = &[Case {
    id: "D32",
    title: text!(zh "沉默的客户端会收到 ping：回答的留下，不回答的算作离开，让出位置",
                 en "a client that is silent is pinged: if it answers, it stays; if it doesn't, it has left, \
                     and its place is free"),
    hint: text!(zh "合上笔记本不会留下一句话：给读取设一个超时，超时后发 ping，再沉默同样久就断开",
                en "a closed lid sends no word: give the read a time-out, send a ping after it, and \
                    disconnect who stays silent as long again"),
    run: silent,
}];

/// After so long a silence comes a ping; and how late it may be on a busy machine.
const PING_AFTER: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_secs(2);

fn silent(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--ping")?;
    let server = scene.launch().with(&["--ping", "1", "--max-clients", "3"]).server()?;
    let [mut a, mut b] = two(&server)?;
    let mut gone = WsPeer::join(&server, "C")?;
    let start = Instant::now();
    let until = PING_AFTER * 2 + LATE;
    scene.log.note(tr!(zh "A 和 B 回答 ping，C 的笔记本合上了，什么也不发；没有人说话",
                       en "A and B answer pings; C, its lid closed, sends nothing; nobody says a word"));
    while start.elapsed() < until {
        for peer in [&mut a, &mut b] {
            answer_pings(peer)?;
        }
    }
    expect_ping(&mut gone)?;
    match gone.next(LATE) {
        Heard::End(_) | Heard::Reset => {}
        other => {
            let wanted = tr!(zh "C 没有回答 ping，它的连接结束",
                             en "the end of C's connection, as it didn't answer the ping");
            return fail(wanted, other.told());
        }
    }
    relay(&mut a, &mut b, "still here")?;
    scene.log.note(tr!(zh "D 来到空出的位置", en "D comes for the free place"));
    let mut late = WsPeer::late(&server, "D", &mut a)?;
    relay(&mut late, &mut a, "there was room")
}

/// Waits a little for a ping, and answers it.
fn answer_pings(peer: &mut WsPeer) -> Verdict {
    match peer.next(Duration::from_millis(100)) {
        Heard::Frame(Frame { first, payload, .. }) if first == FIN | PING => peer.send(FIN | PONG, payload),
        Heard::Nothing => Ok(()),
        other => {
            let name = &peer.role().name;
            fail(tr!(zh "{name} 收到 ping，并且留下", en "{name} gets pings, and stays"), other.told())
        }
    }
}

fn expect_ping(peer: &mut WsPeer) -> Verdict {
    let heard = peer.next(LATE);
    let pinged = matches!(&heard, Heard::Frame(frame) if frame.first == FIN | PING && !frame.masked);
    let wanted = tr!(zh "沉默一秒后收到没有掩码的 ping", en "an unmasked ping after a second of silence");
    ensure(pinged, wanted, heard.told())
}
