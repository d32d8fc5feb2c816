//! How a server starts and stops (D28), and what it shows (D7, D12).

use std::thread;

use crate::check::peer::Peer;
use crate::check::play;
use crate::check::program::Program;
use crate::check::speaker::{Heard, Speaker};
use crate::check::system::need;
use crate::check::tcp_server::start::in_use;
use crate::check::verdict::{ensure, not_checked};
use crate::check::ws_peer::WsPeer;
use crate::check::{Case, Likely, Scene, Verdict};

use super::stall::{MESSAGES, SILENCE, send_flood};
use super::two;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "ws-ipv4",
        title: "a client that comes by IPv4 is shown as IPv4 when the server listens on every interface",
        hint: "on a socket for IPv6 and IPv4 the system shows 1.2.3.4 as ::ffff:1.2.3.4: print the canonical address",
        run: ipv4,
    },
    Case {
        id: "ws-in-use",
        title: "a server that can't listen says so in one sentence that names the address, with exit code 1",
        hint: "the error of bind is not looked at, or not told",
        run: in_use,
    },
    Case {
        id: "ws-usage",
        title: "an option that isn't known is a usage error: one sentence, exit code 2",
        hint: "unknown options are ignored",
        run: play::usage,
    },
    Case {
        id: "ws-zh",
        title: "in Chinese a server's console reads as the notes' does, line for line",
        hint: "a message isn't in the notes' words, or a line is printed that theirs doesn't print",
        run: chinese,
    },
    Case {
        id: "D7",
        title: "the room goes on when nobody reads the server's stdout any more, and what was lost is counted and said",
        hint: "printing to a closed pipe ends the program, by SIGPIPE or by a panic of `println!`: let that error pass",
        run: closed,
    },
    Case {
        id: "D7-stalled",
        title: "the room goes on when the server's stdout stalls, and what was lost is counted and said",
        hint: "printing waits for a screen that has stopped: print from a thread of its own, with a bounded backlog",
        run: stalled_screen,
    },
    Case {
        id: "D12-server",
        title: "on the server's terminal, control characters from peers are made visible",
        hint: "what a peer sends is printed as it is: on a terminal, spell control characters out",
        run: terminal,
    },
    Case {
        id: "D12-server-pipe",
        title: "in a pipe the server prints what peers send as it is",
        hint: "control characters are spelled out although stdout is no terminal, or the bytes are turned into text",
        run: pipe,
    },
    Case {
        id: "D28",
        title: "Ctrl-C: Close 1001 to each client and then the end, a good-bye, exit code 0, and the port is free",
        hint: "SIGINT isn't handled, or the clients' sockets are closed without a word: send Close 1001 first",
        run: interrupt,
    },
    Case {
        id: "D28-term",
        title: "SIGTERM does the same",
        hint: "SIGTERM isn't handled as SIGINT is",
        run: terminate,
    },
    Case {
        id: "D28-stalled",
        title: "a client that doesn't read can't keep the server from ending within two seconds",
        hint: "something under the lock waits for the client while the end is asked for: give the end a deadline",
        run: stalled,
    },
];

fn ipv4(scene: &Scene<'_>) -> Verdict {
    let everywhere = if scene.target.chooses_port() { ":0" } else { &scene.target.address };
    if !everywhere.starts_with(':') && !everywhere.starts_with("[::]:") {
        return not_checked(format!("{everywhere} is not every interface"));
    }
    let server = scene.launch().at(everywhere).server()?;
    let [mut a, mut b] = two(&server)?;
    a.say("who am I?")?;
    b.expect(format!("[127.0.0.1:{}]: who am I?\n", a.role().address.port()))
}

fn chinese(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--lang zh")?;
    let server = scene.launch().with(&["--lang", "zh"]).server()?;
    let mut a = WsPeer::join(&server, "A")?;
    let (address, at) = (server.address, a.role().address);
    a.say("你好")?;
    let words = format!("[{at}]: 你好\n");
    server.program.expect_printed(&words)?;
    drop(a);
    let all =
        format!("WebSocket 服务器启动，监听 {address}\n新客户端连接:{at}\n{words}客户端断开连接:{at}\n");
    play::expect_all_printed(&server, &all)
}

fn closed(scene: &Scene<'_>) -> Verdict {
    play::screen_closed(scene, scene.server()?, two)
}

fn stalled_screen(scene: &Scene<'_>) -> Verdict {
    play::screen_stalled(scene, scene.server()?, two)
}

fn terminal(scene: &Scene<'_>) -> Verdict {
    play::terminal(scene.on_terminal()?.server()?, two)
}

fn pipe(scene: &Scene<'_>) -> Verdict {
    play::pipe(scene, scene.server()?, two)
}

fn interrupt(scene: &Scene<'_>) -> Verdict {
    ends_in_order(scene, "INT")
}

fn terminate(scene: &Scene<'_>) -> Verdict {
    ends_in_order(scene, "TERM")
}

fn ends_in_order(scene: &Scene<'_>, signal: &str) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = two(&server)?;
    let idle = Peer::join(&server, "somebody who never asks for anything")?;
    let mut before = Peer::join(&server, "somebody whose request isn't whole")?;
    before.send("GET / HT")?;
    play::stop(scene, &server, signal, [&mut a, &mut b])?;
    for peer in [&mut a, &mut b] {
        peer.expect_farewell()?;
    }
    drop(idle);
    let again = scene.launch().at(server.address).server().likely("the port isn't free: set SO_REUSEADDR")?;
    WsPeer::room(&again, ["C", "D"]).map(|_| ())
}

fn stalled(scene: &Scene<'_>) -> Verdict {
    need(&["kill"])?;
    let mut server = scene.server()?;
    let [mut a, mut b, s] = WsPeer::room(&server, ["A", "B", "S"])?;
    scene.log.note("A floods the room, B reads, S reads nothing");
    b.set_quiet(true);
    thread::scope(|scope| {
        scope.spawn(|| send_flood(&mut a, 0..MESSAGES));
        while b.next(SILENCE).is_something() {}
        let ended = ends_in_time(scene, &mut server.program, &mut b);
        drop(server); // Or A would go on.
        ended
    })?;
    drop(s);
    Ok(())
}

fn ends_in_time(scene: &Scene<'_>, program: &mut Program, b: &mut WsPeer) -> Verdict {
    program.signal("INT")?;
    program.expect_exit(0, play::END)?;
    let mut last = b.next(scene.patience());
    // What the room still said before its end.
    while let Heard::Words(_) = last {
        last = b.next(scene.patience());
    }
    ensure(last.told() == "Close 1001", "B gets Close 1001", last.told())?;
    b.expect_end_at_once()
}
