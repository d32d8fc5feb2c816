//! How many there may be: D16.

use std::time::{Duration, Instant};

use crate::check::stage::speaker::{Heard, Speaker, relay};
use crate::check::stage::udp_peer::UdpPeer;
use crate::check::telling::events::show;
use crate::check::telling::verdict::{ensure, fail};
use crate::check::{Case, Likely, Scene, Verdict};
use crate::{text, tr};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D16",
        title: text!(zh "聊天室满了以后，新来的进不来，但会收到说明；里面的人不受影响",
                     en "when the room is full a newcomer is refused and told so, \
                         and those inside are served as before"),
        hint: text!(zh "来源地址很容易伪造，离开的人又不会道别：列表要有上限",
                    en "a source address is easily invented, and nobody says good-bye: the list needs a limit"),
        run: full,
    },
    Case {
        id: "D16-forget",
        title: text!(zh "聊天室满了以后，沉默很久的人让出位置，其他人不用让",
                     en "when the room is full, a client that has been silent for long makes room, \
                         and nobody else does"),
        hint: text!(zh "记住每个客户端最后一次说话的时间：沉默最久的可以让位，但要沉默得足够久",
                    en "remember when each client was heard last: the longest silent may go, \
                        once it has been silent for long enough"),
        run: forget,
    },
    Case {
        id: "D16-many",
        title: text!(zh "来了几百个陌生人，进来的也不会比位置多",
                     en "of hundreds of strangers no more get in than the room has places"),
        hint: text!(zh "每多一个来源地址，列表就变长：给它一个上限",
                    en "the list grows with each new source address: give it a limit"),
        run: many,
    },
];

/// How long a refusal is waited for before one tries again: refusals may be few.
const AGAIN: Duration = Duration::from_millis(250);

fn full(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--max-clients")?;
    let server = scene.launch().with(&["--max-clients", "2"]).udp_server()?;
    let [mut a, mut b] = UdpPeer::room(&server, ["A", "B"])?;
    let mut c = UdpPeer::join(&server, "C")?;
    refused(scene, &mut c, &a)?;
    relay(&mut a, &mut b, "C isn't here")?;
    relay(&mut b, &mut a, "no")?;
    refused(scene, &mut c, &a)
}

/// Knocks until it is told that there is no room; and nothing else may be heard.
fn refused(scene: &Scene<'_>, c: &mut UdpPeer, member: &UdpPeer) -> Verdict {
    let name = &c.role().name;
    let wanted = tr!(zh "{name} 收到“聊天室已满”的说明",
                     en "{name} is told that the room is full");
    let deadline = Instant::now() + scene.patience();
    while Instant::now() < deadline {
        c.say("may I come in?")?;
        if let Heard::Words(word) = c.next(AGAIN) {
            let is_word =
                word.len() > 1 && word.ends_with(b"\n") && !word.starts_with(member.prefix().as_bytes());
            return ensure(is_word, wanted, show(&word));
        }
    }
    fail(
        wanted,
        tr!(zh "什么也没收到",
            en "nothing"),
    )
}

fn forget(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--forget-after")?;
    let server = scene.launch().with(&["--max-clients", "2", "--forget-after", "1"]).udp_server()?;
    let [mut a, _b] = UdpPeer::room(&server, ["A", "B"])?;
    let mut c = UdpPeer::join(&server, "C")?;
    let (start, deadline) = (Instant::now(), Instant::now() + scene.patience());
    scene.log.note(tr!(zh "A 一直说话，B 沉默，C 敲门",
                       en "A goes on talking, B is silent, C knocks"));
    loop {
        a.say("still here")?;
        c.say("may I come in?")?;
        if a.hears(b"may I come in?", AGAIN) {
            break;
        }
        if Instant::now() > deadline {
            return fail(
                tr!(zh "C 能进来，因为 B 沉默了一秒以上",
                    en "C gets in, as B was silent for over a second"),
                tr!(zh "A 一直收不到 C 的话",
                    en "A never hears C"),
            );
        }
    }
    let waited = start.elapsed();
    scene.log.note(tr!(zh "{waited:?} 之后，C 进来了",
                       en "C is in after {waited:?}"));
    a.say("marker")?;
    let heard = c.hears(b"marker", scene.patience());
    let (wanted, got) = (
        tr!(zh "C 收到 A 的话",
            en "C hears A"),
        tr!(zh "没有收到",
            en "it doesn't"),
    );
    ensure(heard, wanted, got)?;
    relay(&mut c, &mut a, "hello").likely(&tr!(
        zh "让位的不是沉默最久的那个",
        en "it wasn't the longest silent that had to go"))
}

/// So many strangers come, each with a word; the limit is far below.
const STRANGERS: usize = 500;

fn many(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--max-clients")?;
    let server = scene.launch().with(&["--max-clients", "10"]).udp_server()?;
    let [mut a, mut b] = UdpPeer::room(&server, ["A", "B"])?;
    [&a, &b].into_iter().for_each(|peer| peer.set_quiet(true));
    scene.log.note(tr!(zh "{STRANGERS} 个陌生人各说一句；聊天室只容得下 10 个客户端",
                       en "{STRANGERS} strangers say a word each; 10 clients may be in the room"));
    let what_a_says = tr!(zh "A 说的话",
                          en "what A says");
    let (mut heard, mut insiders) = (0, vec![]);
    for i in 0..STRANGERS {
        let mut stranger = UdpPeer::connect(&server, &format!("S{i}"))?;
        stranger.set_quiet(true);
        stranger.say("let me in")?;
        if insiders.len() < 10 {
            insiders.push(stranger); // Or a later one could get its port, and be taken for it.
        }
        // Step by step, or the server's buffer overflows.
        let marker = format!("marker {i}");
        a.say(&marker)?;
        while b.expect_words(&what_a_says)? != a.relayed(&marker) {
            heard += 1;
        }
    }
    let (wanted, got) = (
        tr!(zh "B 最多收到 8 个陌生人的话，因为只剩 8 个位置",
            en "B hears 8 strangers at most, as there were 8 places"),
        tr!(zh "收到 {heard} 个",
            en "it hears {heard}"),
    );
    ensure(heard <= 8, wanted, got)
}
