//! Who may come in: D27 (pages of other sites), D8 (one too many), D5 (out of descriptors).

use std::thread;
use std::time::Instant;

use crate::check::cases::shared::crowd;
use crate::check::stage::reply::{Reply, read_reply};
use crate::check::stage::scene::Server;
use crate::check::stage::speaker::{Connected, Speaker, relay};
use crate::check::stage::ws_peer::{WsPeer, request};
use crate::check::telling::verdict::{ensure, not_checked};
use crate::check::{Case, Scene, Verdict};

use super::two;
use crate::text;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D27",
        title: text!(zh "",
                     en "who sends no Origin, the same origin, or null on loopback comes in; pages of other sites get 403"),
        hint: text!(zh "",
                    en "any site's page can open a WebSocket to any address: compare its Origin with Host"),
        run: origins,
    },
    Case {
        id: "D27-allow",
        title: text!(zh "",
                     en "--allow-origin adds an origin, null, or any"),
        hint: text!(zh "",
                    en "what is allowed is compared with the whole Origin, and stands beside the rule, not in its place"),
        run: allowed,
    },
    Case {
        id: "D27-null",
        title: text!(zh "",
                     en "on every interface null is refused, unless it is allowed"),
        hint: text!(zh "",
                    en "any site's sandboxed frame sends null too: let it in only while listening on loopback"),
        run: null,
    },
    Case {
        id: "D27-rebound",
        title: text!(zh "",
                     en "on loopback a page's host must be this machine's: a page whose name was bound anew to 127.0.0.1 gets 403"),
        hint: text!(zh "",
                    en "Origin and Host are the same name, but a stranger's: while listening on loopback it must be localhost"),
        run: rebound,
    },
    Case {
        id: "D8",
        title: text!(zh "",
                     en "one client too many is let in and gets Close 1013, the page is served all the same, and a place is free when there is one"),
        hint: text!(zh "",
                    en "a page can't see an HTTP status: count members, not requests; let one too many in, and say Close 1013"),
        run: places,
    },
    Case {
        id: "D8-unfinished",
        title: text!(zh "",
                     en "connections count from accept: of unfinished requests there is an end, and the room doesn't notice"),
        hint: text!(zh "",
                    en "only members are counted, and those at the door take threads without end"),
        run: unfinished,
    },
    crowd::descriptors::<WsPeer>(),
];

/// Asks for a WebSocket with this Origin.
fn ask(server: &Server, origin: &str) -> Verdict<Reply> {
    ask_at(server, &server.address.to_string(), origin)
}

/// The same, by another name of this host.
fn ask_at(server: &Server, host: &str, origin: &str) -> Verdict<Reply> {
    server.log.note(format!("a page from {origin} asks for a WebSocket at {host}"));
    let mut peer = server.connect("a browser")?;
    peer.set_quiet(true);
    peer.send(request("/ws", host, &format!("Origin: {origin}\r\n")))?;
    peer.finish()?;
    read_reply(peer.stream(), server.patience)
}

fn origins(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let here = server.address;
    WsPeer::join(&server, "somebody without an Origin")?;
    for origin in [format!("http://{here}"), format!("https://{here}"), "null".into()] {
        ask(&server, &origin)?.expect(&[101])?;
    }
    let other_port = format!("http://{}:1", here.ip());
    for origin in ["http://evil.example", "https://evil.example:8443", &other_port, "file://", "nonsense"] {
        ask(&server, origin)?.expect(&[403])?;
    }
    let [mut a, mut b] = two(&server)?;
    relay(&mut a, &mut b, "none the worse")
}

/// Who owns a name can let it mean 127.0.0.1 once its page is loaded (DNS rebinding).
fn rebound(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    if !server.address.ip().is_loopback() {
        return not_checked("it doesn't listen on loopback");
    }
    let port = server.address.port();
    for (host, status) in [
        (format!("evil.example:{port}"), 403),
        ("evil.example".to_string(), 403),
        (format!("localhost.evil.example:{port}"), 403),
        (format!("localhost:{port}"), 101),
        (format!("127.0.0.1:{port}"), 101),
        (format!("[::1]:{port}"), 101),
    ] {
        ask_at(&server, &host, &format!("http://{host}"))?.expect(&[status])?;
    }
    Ok(())
}

fn allowed(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--allow-origin")?;
    let server = scene.launch().with(&["--allow-origin", "https://friend.example"]).server()?;
    ask(&server, "https://friend.example")?.expect(&[101])?;
    ask(&server, &format!("http://{}", server.address))?.expect(&[101])?;
    for origin in
        ["http://friend.example", "https://friend.example.evil.example", "https://friend.example:444"]
    {
        ask(&server, origin)?.expect(&[403])?;
    }
    ask_at(&server, "friend.example", "https://friend.example")?.expect(&[101])?; // Behind a proxy.
    let server = scene.launch().with(&["--allow-origin", "any"]).server()?;
    ask(&server, "http://evil.example")?.expect(&[101])
}

fn null(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--allow-origin")?;
    if !scene.target.chooses_port() {
        return not_checked("it can't be started on another address");
    }
    let server = scene.launch().at(":0").server()?;
    ask(&server, "null")?.expect(&[403])?;
    ask(&server, &format!("http://{}", server.address))?.expect(&[101])?;
    let server = scene.launch().at(":0").with(&["--allow-origin", "null"]).server()?;
    ask(&server, "null")?.expect(&[101])
}

fn places(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--max-clients")?;
    let server = scene.launch().with(&["--max-clients", "2"]).server()?;
    let [mut a, mut b] = two(&server)?;
    let mut c = WsPeer::ask(&server, "C", request("/ws", server.address, ""))?;
    c.expect_upgrade()?;
    c.expect_close_and_end(1013)?;
    // As a browser asks for a page: all at once.
    let files = ["/", "/style.css", "/chat.js", "/icon.svg"];
    let replies: Vec<_> = thread::scope(|scope| {
        let asked = files.map(|file| scope.spawn(|| server.get(file)));
        asked.into_iter().filter_map(|reply| reply.join().ok()).collect()
    });
    for reply in replies {
        reply?.expect(&[200])?;
    }
    relay(&mut a, &mut b, "C isn't here")?;
    b.leave();
    WsPeer::late(&server, "D", &mut a).map(|_| ())
}

fn unfinished(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--max-clients")?;
    let server = scene.launch().with(&["--max-clients", "2"]).server()?;
    let [mut a, mut b] = two(&server)?;
    server.log.note("300 connect, and say nothing");
    let mut waiting = Vec::new();
    for _ in 0..300 {
        let peer = server.connect("a browser")?;
        peer.set_quiet(true);
        waiting.push(peer);
    }
    server.get("/")?.expect(&[503])?;
    relay(&mut a, &mut b, "nobody else is here")?;
    drop(waiting);
    let deadline = Instant::now() + server.patience;
    while server.get("/")?.status != 200 {
        ensure(Instant::now() < deadline, "the page, once they have left", "still 503")?;
    }
    Ok(())
}
