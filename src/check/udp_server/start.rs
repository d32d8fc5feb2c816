//! How a server starts and stops (D19), and what it shows (D7, D12).

use std::net::UdpSocket;

use crate::check::play;
use crate::check::scene::Server;
use crate::check::speaker::Speaker;
use crate::check::udp_peer::UdpPeer;
use crate::check::verdict::{fail, not_checked};
use crate::check::{Case, Likely, Scene, Verdict};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "udp-ipv4",
        title: "a client that comes by IPv4 is shown as IPv4 when the server listens on every interface",
        hint: "on a socket for IPv6 and IPv4 the system shows 1.2.3.4 as ::ffff:1.2.3.4: print the canonical address",
        run: ipv4,
    },
    Case {
        id: "udp-in-use",
        title: "a server that can't listen says so in one sentence that names the address, with exit code 1",
        hint: "the error of bind is not looked at, or not told",
        run: in_use,
    },
    Case {
        id: "udp-usage",
        title: "an option that isn't known is a usage error: one sentence, exit code 2",
        hint: "unknown options are ignored",
        run: play::usage,
    },
    Case {
        id: "udp-zh",
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
        run: stalled,
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
        id: "D19",
        title: "Ctrl-C: a good-bye, exit code 0 within two seconds, and the port is free at once",
        hint: "SIGINT isn't handled, or the handler can't wake `recv_from`: send the socket a datagram",
        run: interrupt,
    },
    Case {
        id: "D19-term",
        title: "SIGTERM does the same",
        hint: "SIGTERM isn't handled as SIGINT is",
        run: terminate,
    },
];

fn ipv4(scene: &Scene<'_>) -> Verdict {
    let everywhere = if scene.target.chooses_port() { ":0" } else { &scene.target.address };
    if !everywhere.starts_with(':') && !everywhere.starts_with("[::]:") {
        return not_checked(format!("{everywhere} is not every interface"));
    }
    let server = scene.launch().at(everywhere).udp_server()?;
    let [mut a, mut b] = UdpPeer::room(&server, ["A", "B"])?;
    a.say("who am I?")?;
    b.expect(format!("[127.0.0.1:{}]: who am I?\n", a.role().address.port()))
}

fn in_use(scene: &Scene<'_>) -> Verdict {
    let bound = UdpSocket::bind(scene.target.address.as_str());
    let Ok((socket, taken)) = bound.and_then(|socket| socket.local_addr().map(|taken| (socket, taken)))
    else {
        return not_checked(format!("the checker can't listen on {} itself", scene.target.address));
    };
    scene.log.note(format!("the checker listens on {taken}"));
    let program = scene.launch().at(taken).program("server")?;
    program.expect_exit(1, scene.patience())?;
    drop(socket);
    program.expect_one_sentence(&taken.to_string())
}

fn chinese(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--lang zh")?;
    let server = scene.launch().with(&["--lang", "zh"]).udp_server()?;
    let mut a = UdpPeer::join(&server, "A")?;
    a.say("你好")?;
    let (address, at) = (server.address, a.role().address);
    let all = format!("已监听 UDP 端口: {address}\n收到 {at}: 你好\n新客户端: {at}\n");
    play::expect_all_printed(&server, &all)
}

fn two(server: &Server) -> Verdict<[UdpPeer; 2]> {
    UdpPeer::room(server, ["A", "B"])
}

fn closed(scene: &Scene<'_>) -> Verdict {
    play::screen_closed(scene, scene.udp_server()?, two)
}

fn stalled(scene: &Scene<'_>) -> Verdict {
    play::screen_stalled(scene, scene.udp_server()?, two)
}

fn terminal(scene: &Scene<'_>) -> Verdict {
    play::terminal(scene.on_terminal()?.udp_server()?, two)
}

fn pipe(scene: &Scene<'_>) -> Verdict {
    play::pipe(scene, scene.udp_server()?, two)
}

fn interrupt(scene: &Scene<'_>) -> Verdict {
    ends_in_order(scene, "INT")
}

fn terminate(scene: &Scene<'_>) -> Verdict {
    ends_in_order(scene, "TERM")
}

fn ends_in_order(scene: &Scene<'_>, signal: &str) -> Verdict {
    let server = scene.udp_server()?;
    let [mut a, mut b] = two(&server)?;
    play::stop(scene, &server, signal, [&mut a, &mut b])?;
    match UdpSocket::bind(server.address) {
        Ok(_) => Ok(()),
        Err(e) => fail(format!("{} is free again", server.address), e.to_string())
            .likely("something that the program has started still holds the socket"),
    }
}
