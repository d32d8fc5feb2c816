//! Many clients: at once, and one after the other.

use crate::check::cases::shared::crowd;
use crate::check::stage::ws_peer::WsPeer;
use crate::check::{Case, Scene, Verdict};
use crate::text;

pub(super) const CASES: &[Case] = &[
    crowd::bustle::<WsPeer>("ws-bustle"),
    crowd::twelve::<WsPeer>("ws-crowd"),
    Case {
        id: "ws-churn",
        title: text!(zh "500 个客户端来了又走（有的正常关闭，有的重置连接），不留下线程、描述符或内存",
                     en "500 clients that come and go, some in order and some by a reset, leave no thread, \
                         descriptor or memory behind"),
        hint: text!(zh "用重置断开的客户端没有从列表里删掉，或者某个线程还在等已经离开的客户端",
                    en "a client that leaves by a reset isn't taken off the list, or a thread goes on \
                        waiting for one that has left"),
        run: churn,
    },
];

fn churn(scene: &Scene<'_>) -> Verdict {
    crowd::churn::<WsPeer>(scene, 5)
}
