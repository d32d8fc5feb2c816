//! The end of input, nobody at the other end (D17), and what is too long to send (D18).

use std::time::{Duration, Instant};

use crate::check::cases::shared::client;
use crate::check::stage::output::contains;
use crate::check::stage::program::Program;
use crate::check::stage::speaker::{Heard, Speaker};
use crate::check::stage::system::need_tracing;
use crate::check::stage::udp_peer::UdpPeer;
use crate::check::telling::events::show;
use crate::check::telling::verdict::{ensure, fail};
use crate::check::{Case, Likely, Scene, Verdict};
use crate::text;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "client-end",
        title: text!(zh "",
                     en "at the end of input all that was typed is sent, and the client leaves with exit code 0"),
        hint: text!(zh "",
                    en "the end of input isn't noticed, or a last line without a line break is lost"),
        run: end,
    },
    Case {
        id: "D17",
        title: text!(zh "",
                     en "when nobody listens the client says so once, goes on, and hears again when somebody listens"),
        hint: text!(zh "",
                    en "a refusal is an error of one datagram, told at the next call: go on after it, don't end the loop"),
        run: nobody,
    },
    Case {
        id: "D17-again",
        title: text!(zh "",
                     en "a server that is restarted is heard again"),
        hint: text!(zh "",
                    en "the loop that receives ends at the first error, and the client is deaf from then on"),
        run: restarted,
    },
    Case {
        id: "D18",
        title: text!(zh "",
                     en "a typed line too long for a datagram is refused with one sentence, and the next line is sent"),
        hint: text!(zh "",
                    en "sending more than a datagram carries fails, and the failure ends the client: leave out that line alone"),
        run: too_long,
    },
    Case {
        id: "D18-refused",
        title: text!(zh "",
                     en "a datagram that the system refuses for its size is told in one sentence, and the next line is sent"),
        hint: text!(zh "",
                    en "any error of sending ends the client: over UDP it is about one datagram, so say it and go on"),
        run: refused,
    },
    Case {
        id: "D18-most",
        title: text!(zh "",
                     en "a typed line of 64,000 bytes is sent whole"),
        hint: text!(zh "",
                    en "the limit is far below what a datagram carries"),
        run: most,
    },
];

fn end(scene: &Scene<'_>) -> Verdict {
    let (mut client, mut server) = UdpPeer::call(scene, scene.launch())?;
    client.type_in("one\ntwo\nlast words")?;
    client.end_input();
    ["one", "two", "last words"].iter().try_for_each(|line| server.expect_typed(line))?;
    client.expect_exit(0, scene.patience())?;
    // The notes' client closes its socket while it still listens, and may warn of that.
    if scene.target.is_chatroom { client.expect_no_warning() } else { Ok(()) }
}

/// How long a line is waited for before another is typed: a datagram may be lost to a refusal.
const AGAIN: Duration = Duration::from_millis(250);

/// Time for a refusal to be told again, as it mustn't.
const A_MOMENT: Duration = Duration::from_millis(30);

/// Types lines until the server gets one. None of an earlier server's may come.
fn heard_again(scene: &Scene<'_>, client: &mut Program, server: &mut UdpPeer) -> Verdict {
    let deadline = Instant::now() + scene.patience();
    for i in 0.. {
        client.type_in(format!("are you there? {i}\n"))?;
        if matches!(server.next(AGAIN), Heard::Words(line) if line.starts_with(b"are you there? ")) {
            break;
        }
        server.forget(); // It may have been a stray datagram for whoever had this port before.
        client.expect_running()?;
        if Instant::now() > deadline {
            return fail("the server gets what is typed, now that it listens", "nothing of it");
        }
    }
    server.say("[1.2.3.4:5]: welcome")?;
    client.expect_printed("[1.2.3.4:5]: welcome\n").likely("the client is deaf after a refusal")
}

/// Types lines until the client says that nobody listens.
fn is_told(scene: &Scene<'_>, client: &mut Program) -> Verdict {
    let deadline = Instant::now() + scene.patience();
    while !client.stderr.wait_for(AGAIN, |all| contains(all, b"\n")) {
        client.type_in("anybody there?\n")?;
        client.expect_running()?;
        if Instant::now() > deadline {
            return fail("a word on stderr that nobody listens", "nothing").likely("the refusal isn't told");
        }
    }
    Ok(())
}

fn nobody(scene: &Scene<'_>) -> Verdict {
    let address = scene.udp_host()?.role().address.to_string(); // Which nobody listens on from here on.
    let mut client = scene.launch().at(&address).program("client")?;
    is_told(scene, &mut client)?;
    for i in 0..5 {
        client.type_in(format!("and now? {i}\n"))?;
        client.stderr.wait_for(A_MOMENT, |all| all.iter().filter(|&&byte| byte == b'\n').count() > 1);
    }
    client.expect_running()?;
    let mut server = scene.udp_host_at(&address)?;
    scene.log.note("now somebody listens");
    heard_again(scene, &mut client, &mut server)?;
    let said = client.stderr.text();
    ensure(said.lines().count() == 1, "one sentence, once", show(said.as_bytes()))
}

fn restarted(scene: &Scene<'_>) -> Verdict {
    let (mut client, server) = UdpPeer::call(scene, scene.launch())?;
    let address = server.role().address.to_string();
    scene.log.note("the server ends");
    drop(server);
    is_told(scene, &mut client)?;
    scene.log.note("the server starts again");
    heard_again(scene, &mut client, &mut scene.udp_host_at(&address)?)
}

fn too_long(scene: &Scene<'_>) -> Verdict {
    let (mut client, mut server) = UdpPeer::call(scene, scene.launch())?;
    client::leaves_out(&mut client, &mut server, 65_507)?;
    // With the prefix, this one would be too long for the server to relay.
    client.type_in("y".repeat(65_500) + "\nlast\n")?;
    server.expect_typed("last").likely("no room is left for the prefix that the server adds")
}

/// Systems differ in what they refuse. Here strace makes this one refuse the second datagram.
fn refused(scene: &Scene<'_>) -> Verdict {
    need_tracing()?;
    let refusing = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=sendto,sendmsg", "-e"];
    let inject = "inject=sendto,sendmsg:error=EMSGSIZE:when=2";
    let launch = scene.launch().under(&refusing).under(&[inject]);
    let (mut client, mut server) = UdpPeer::call(scene, launch)?;
    scene.log.note("the system refuses the next datagram for its size");
    client.type_in("refused\nnext\n")?;
    server.expect_typed("next")?;
    client.expect_one_warning()
}

fn most(scene: &Scene<'_>) -> Verdict {
    client::sends_whole::<UdpPeer>(scene, 64_000)
}
