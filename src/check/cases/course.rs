//! Cases for exercises whose program isn't a chat room yet.

use std::time::Duration;

use crate::check::cases::shared::flood;
use crate::check::stage::scene::Server;
use crate::check::stage::speaker::Speaker;
use crate::check::stage::tcp_peer::Peer;
use crate::check::telling::verdict::{ensure, fail};
use crate::check::{Case, Likely, Scene, Verdict};
use crate::{text, tr};

/// For a TCP server that is on its way.
pub const TCP_SERVER: &[Case] = &[
    Case {
        id: "greet",
        title: text!(zh "每个连进来的客户端都收到一行 `[ip:端口]: hello`，写着它自己的地址，然后连接结束",
                     en "each client that connects gets the line `[ip:port]: hello`, with its own address, and then the end"),
        hint: text!(zh "accept 要一次又一次地调用；发完一行之后关闭连接",
                    en "call accept again and again; close the connection behind the line"),
        run: greets,
    },
    Case {
        id: "echo",
        title: text!(zh "客户端发的每一行都会回到它那里，形式是 `[ip:端口]: 内容`",
                     en "each line comes back to the client that sent it, as `[ip:port]: line`"),
        hint: text!(zh "读到一行就写回去，直到客户端离开",
                    en "read a line and write it back, until the client leaves"),
        run: echoes,
    },
    Case {
        id: "echo-silent",
        title: text!(zh "一个客户端什么也不说的时候，后来的客户端照样得到服务",
                     en "while one client says nothing, those who come after it are served"),
        hint: text!(zh "accept 在等前一个客户端：每个客户端用一个线程",
                    en "accept waits for the client before: give each client a thread of its own"),
        run: serves_all_at_once,
    },
    Case {
        id: "announce",
        title: text!(zh "有人来的时候，上一个来的客户端收到 `[Server]: ip:端口 comes`",
                     en "when somebody comes, the client that came before gets `[Server]: ip:port comes`"),
        hint: text!(zh "线程拿走了连接：主线程要给自己留一个句柄（try_clone）",
                    en "the thread has taken the connection along: keep a second handle for the main thread (try_clone)"),
        run: announces,
    },
    Case {
        id: "no-pause",
        title: text!(zh "有人停住不读的时候，别人一次也不用等",
                     en "while somebody doesn't read, the others don't wait, not even once"),
        hint: text!(zh "写的时候还在等：广播只能把内容放进队列，写交给另一个线程",
                    en "somebody is waited for: let a broadcast only put lines into queues, and another thread write"),
        run: never_waits,
    },
];

/// Where somebody has a deadline, B waits for longer, each time anew. A busy machine may keep it waiting too, but hardly
/// each time.
const DEADLINE: Duration = Duration::from_millis(500);
const TRIES: usize = 3;

fn never_waits(scene: &Scene<'_>) -> Verdict {
    let mut waits = vec![];
    while waits.len() < TRIES {
        let wait = flood::beside_a_stalled_one::<Peer>(scene)?;
        if wait < DEADLINE {
            return Ok(());
        }
        waits.push(wait);
    }
    let wanted = tr!(zh "{TRIES} 次里至少有一次，B 总共等了不到 {DEADLINE:?}",
                     en "B waits for less than {DEADLINE:?} in all, at least once in {TRIES} times");
    fail(wanted, format!("{waits:.1?}"))
}

fn greets(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    ["A", "B", "C"].into_iter().try_for_each(|name| {
        let mut peer = Peer::join(&server, name)?;
        peer.expect(peer.relayed("hello"))?;
        peer.expect_end(scene.patience()).likely(text!(
            zh "发完一行之后，连接没有关闭",
            en "the connection isn't closed behind the line"))
    })
}

fn echo(peer: &mut Peer, words: &str) -> Verdict {
    peer.say(words)?;
    peer.expect(peer.relayed(words))
}

fn echoes(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let mut peer = Peer::join(&server, "A")?;
    ["hello", "", "好 <b>\t", "good-bye"].into_iter().try_for_each(|words| echo(&mut peer, words))
}

fn serves_all_at_once(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let mut silent = Peer::join(&server, "A")?;
    echo(&mut Peer::join(&server, "B")?, "is anybody here?")?;
    echo(&mut Peer::join(&server, "C")?, "and for me?")?;
    silent.say("and I am still served")?;
    let served = silent.hears(b"and I am still served", scene.patience());
    let wanted = silent.role().does(text!(zh "也收到自己的那一行", en "gets its line back, too"));
    ensure(served, wanted, text!(zh "没有收到", en "it doesn't"))
}

fn announces(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let mut last = served(&server, "A")?;
    for name in ["B", "C", "D"] {
        let newcomer = served(&server, name)?;
        last.expect(format!("[Server]: {} comes\n", newcomer.role().address))?;
        last = newcomer;
    }
    Ok(())
}

/// A client that has been served: it is the last that came.
fn served(server: &Server, name: &str) -> Verdict<Peer> {
    let mut peer = Peer::join(server, name)?;
    echo(&mut peer, "here I am")?;
    Ok(peer)
}
