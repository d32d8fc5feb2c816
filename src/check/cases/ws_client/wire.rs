//! What goes over the wire, and what is shown of it (D12).

use std::thread;

use crate::check::cases::shared::client;
use crate::check::stage::frame::{BINARY, CONTINUATION, FIN, Frame, PING, PONG, TEXT};
use crate::check::stage::speaker::{Connected, Heard, Speaker};
use crate::check::stage::ws_peer::WsPeer;
use crate::check::telling::verdict::ensure;
use crate::check::{Case, Scene, Verdict};
use crate::text;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "client-send",
        title: text!(zh "",
                     en "each typed line is sent at once, as one text message without its line break"),
        hint: text!(zh "",
                    en "typed lines are not sent, or with their line break, or not masked as a client's frames must be"),
        run: client::send::<WsPeer>,
    },
    Case {
        id: "client-print",
        title: text!(zh "",
                     en "each message is printed as one line"),
        hint: text!(zh "",
                    en "a message is printed with two line breaks, or none, or with those inside it"),
        run: print,
    },
    Case {
        id: "client-fragments",
        title: text!(zh "",
                     en "a message that comes in fragments is put together"),
        hint: text!(zh "",
                    en "each frame is taken for a message: one goes on until a frame with FIN"),
        run: fragments,
    },
    Case {
        id: "client-ping",
        title: text!(zh "",
                     en "a ping is answered with a pong that holds the same, while nothing is typed"),
        hint: text!(zh "",
                    en "nobody answers while the keyboard is waited for: the listening side must be able to write"),
        run: ping,
    },
    Case {
        id: "client-both-ways",
        title: text!(zh "",
                     en "typed lines and answers to pings don't tear each other's frames"),
        hint: text!(zh "",
                    en "two threads write to one socket at a time: whole frames, under a lock"),
        run: both_ways,
    },
    client::terminal::<WsPeer>(),
    client::typing::<WsPeer>(),
    Case {
        id: "D12-pipe",
        title: text!(zh "",
                     en "in a pipe, what peers send is printed as it is"),
        hint: text!(zh "",
                    en "control characters are spelled out although stdout is no terminal"),
        run: client::pipe::<WsPeer>,
    },
];

fn print(scene: &Scene<'_>) -> Verdict {
    let (client, mut server) = WsPeer::call(scene, scene.launch())?;
    let banner = client.stdout.wait_for(scene.patience(), |all| all.contains(&b'\n'));
    ensure(banner, "a line that says that it is connected", client.printed())?;
    server.say("[1.2.3.4:5]: hello")?;
    server.send(FIN | TEXT, "[1.2.3.4:5]: without a line break")?;
    server.say("[1.2.3.4:5]: one\n[Server]: two")?;
    server.send(FIN | BINARY, "[1.2.3.4:5]: binary\n")?;
    server.say("[1.2.3.4:5]: 好")?;
    client.expect_printed("好\n")?;
    let printed = client.stdout.text();
    let lines: Vec<&str> = printed.lines().skip(1).collect();
    let wanted = [
        "[1.2.3.4:5]: hello",
        "[1.2.3.4:5]: without a line break",
        "[1.2.3.4:5]: one [Server]: two",
        "[1.2.3.4:5]: binary",
        "[1.2.3.4:5]: 好",
    ];
    ensure(lines == wanted, format!("behind its first line: {wanted:?}"), format!("{lines:?}"))
}

fn fragments(scene: &Scene<'_>) -> Verdict {
    let (client, mut server) = WsPeer::call(scene, scene.launch())?;
    server.send(TEXT, "[1.2.3.4:5]: one ")?;
    server.send(FIN | PING, "between")?;
    server.send(CONTINUATION, "two ")?;
    server.send(FIN | CONTINUATION, "three\n")?;
    server.expect_frame(FIN | PONG, "between")?;
    client.expect_printed("[1.2.3.4:5]: one two three\n")
}

fn ping(scene: &Scene<'_>) -> Verdict {
    let (mut client, mut server) = WsPeer::call(scene, scene.launch())?;
    for payload in ["", "are you there?", &"x".repeat(125)] {
        server.send(FIN | PING, payload)?;
        server.expect_frame(FIN | PONG, payload)?;
    }
    client.type_in("yes\n")?;
    server.expect_typed("yes")
}

/// So many lines, and so many pings.
const MANY: usize = 2000;

fn both_ways(scene: &Scene<'_>) -> Verdict {
    let (mut client, mut server) = WsPeer::call(scene, scene.launch())?;
    let pong =
        |i: usize| Heard::Frame(Frame { first: FIN | PONG, masked: true, payload: i.to_string().into() });
    let line = |i: usize| format!("{i:06} {}", "x".repeat(200));
    client.type_in((0..MANY).map(|i| line(i) + "\n").collect::<String>())?;
    scene.log.note(format!("{MANY} lines are typed while the server pings {MANY} times"));
    server.set_quiet(true);
    let mut reader = server.second()?;
    let pings: Vec<u8> = (0..MANY).flat_map(|i| server.frame(FIN | PING, i.to_string())).collect();
    thread::scope(|scope| {
        scope.spawn(|| server.try_send(&pings));
        let (mut lines, mut pongs) = (0, 0);
        while lines < MANY || pongs < MANY {
            let heard = reader.next(scene.patience());
            if heard == Heard::Words(line(lines).into()) {
                lines += 1;
            } else if heard == pong(pongs) {
                pongs += 1;
            } else {
                ensure(false, format!("line {lines} or pong {pongs}, whole"), heard.told())?;
            }
        }
        Ok(())
    })
}
