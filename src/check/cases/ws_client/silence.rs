//! D32: a server that says nothing.

use std::time::Duration;

use crate::check::stage::frame::{FIN, Frame, PING, PONG};
use crate::check::stage::speaker::{Heard, Speaker};
use crate::check::stage::ws_peer::WsPeer;
use crate::check::telling::verdict::fail;
use crate::check::{Case, Scene, Verdict};
use crate::{text, tr};

pub(super) const CASES: &[Case] = &[Case {
    id: "D32",
    title: text!(zh "服务器沉默时会收到 ping；没有回答，客户端就说明情况，以退出码 1 结束",
                 en "a server that is silent is pinged; if it doesn't answer, the client says so and ends \
                     with exit code 1"),
    hint: text!(zh "服务器消失时不会留下一句话：它沉默时要发 ping，不要一直等下去",
                en "a server that has vanished sends no word: ping it when it is silent, and don't wait for \
                    ever"),
    run: silent,
}];

/// After a second of silence comes a ping; on a busy machine a bit later.
const LATE: Duration = Duration::from_secs(3);

fn silent(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--ping")?;
    let (mut client, mut server) = WsPeer::call(scene, scene.launch().with(&["--ping", "1"]))?;
    for _ in 0..2 {
        match server.next(LATE) {
            Heard::Frame(Frame { first, masked: true, payload }) if first == FIN | PING => {
                server.send(FIN | PONG, payload)?;
            }
            other => {
                let wanted =
                    tr!(zh "沉默一秒后收到有掩码的 ping", en "a masked ping after a second of silence");
                return fail(wanted, other.told());
            }
        }
    }
    client.type_in("still here\n")?;
    scene.log.note(tr!(zh "从这时起，服务器什么也不发", en "from now on the server sends nothing"));
    client.expect_exit(1, LATE)?;
    client.expect_one_sentence("")
}
