//! Many clients: at once, and one after the other.

use crate::check::cases::shared::crowd;
use crate::check::stage::speaker::{Speaker, greet};
use crate::check::stage::tcp_peer::Peer;
use crate::check::{Case, Scene, Verdict};
use crate::{text, tr};

pub(super) const CASES: &[Case] = &[
    crowd::bustle::<Peer>("tcp-bustle"),
    Case {
        id: "tcp-crowd",
        title: text!(zh "500 个客户端都能收到彼此发的话",
                     en "500 clients all hear each other"),
        hint: text!(zh "列表里缺了客户端，或者有的行半路丢了：列表的长度、线程或描述符的数量有限制吗？",
                    en "not everybody is in the list, or a line is lost on the way: \
                        is there a limit on the list, on threads or on descriptors?"),
        run: five_hundred,
    },
    Case {
        id: "tcp-churn",
        title: text!(zh "3,000 个客户端来了又走，其中一半以重置断开，走后什么也不留下",
                     en "3,000 clients that come and go, half of them by a reset, leave nothing behind"),
        hint: text!(zh "以重置断开的客户端没有从列表里删掉：重置之后就问不到它的地址了，要事先记住",
                    en "a client that leaves by a reset isn't taken off the list: after a reset its address \
                        can't be asked for, so remember it from the start"),
        run: churn,
    },
];

const CROWD: usize = 500;

fn five_hundred(scene: &Scene<'_>) -> Verdict {
    // Go raises its limit itself; a thread per connection here takes two descriptors a client.
    let server =
        scene.launch().after_shell("ulimit -n 4096 2>/dev/null || ulimit -n $(ulimit -Hn)").server()?;
    let came = (0..CROWD).map(|i| Peer::connect(&server, &format!("C{i}"))).collect::<Verdict<Vec<Peer>>>();
    let mut peers = server.unless_ended(came)?;
    scene.log.note(tr!(zh "{CROWD} 个客户端连接",
                       en "{CROWD} clients connect"));
    server.unless_ended(greet(&server, &mut peers.iter_mut().collect::<Vec<_>>(), 2))?;
    server.unless_ended(crowd::all_hear_each_other(scene, &mut peers))
}

fn churn(scene: &Scene<'_>) -> Verdict {
    crowd::churn::<Peer>(scene, 30)
}
