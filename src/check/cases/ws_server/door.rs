//! Who may come in: D27 (pages of other sites), D8 (one too many), D5 (out of descriptors).

use std::thread;
use std::time::{Duration, Instant};

use crate::check::cases::shared::crowd;
use crate::check::stage::reply::{Reply, read_reply};
use crate::check::stage::scene::Server;
use crate::check::stage::speaker::{Connected, Speaker, relay};
use crate::check::stage::ws_peer::{WsPeer, request};
use crate::check::telling::verdict::{ensure, not_checked};
use crate::check::{Case, Scene, Verdict};

use super::two;
use crate::{text, tr};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D27",
        title: text!(zh "不带 Origin 的客户端和本服务器的网页可以加入，监听回环地址时 null 也可以；\
                         其他网站的网页得到 403",
                     en "clients without an Origin, the server's own page, and null on loopback may join; \
                         pages of other sites get 403"),
        hint: text!(zh "任何网站的网页都能向任何地址打开 WebSocket：要把它的 Origin 和 Host 作比较",
                    en "any site's page can open a WebSocket to any address: compare its Origin with Host"),
        run: origins,
    },
    Case {
        id: "D27-allow",
        title: text!(zh "--allow-origin 再放行一个网站、null，或者 any（全部）",
                     en "--allow-origin lets in one more origin, null, or any"),
        hint: text!(zh "允许的值要与整个 Origin 相同；它是在原有规则之外再放行，不是取代原有规则",
                    en "the whole Origin must equal what is allowed; and that comes on top of the usual \
                        rule, not in its place"),
        run: allowed,
    },
    Case {
        id: "D27-null",
        title: text!(zh "监听所有网卡时，null 得到 403，除非另外放行",
                     en "while listening on every interface, null gets 403, unless it is allowed"),
        hint: text!(zh "任何网站的沙箱 iframe 发来的也是 null：只在监听回环地址时放行",
                    en "any site's sandboxed frame sends null too: let it in only while listening on \
                        loopback"),
        run: null,
    },
    Case {
        id: "D27-rebound",
        title: text!(zh "监听回环地址时，网页的主机必须是本机；域名后来才指向 127.0.0.1 的网页得到 403",
                     en "on loopback a page's host must be this machine; a page whose name was made to mean \
                         127.0.0.1 gets 403"),
        hint: text!(zh "Origin 和 Host 虽然相同，却是别人的域名：监听回环地址时，\
                        主机必须是 localhost 或回环地址",
                    en "Origin and Host are the same name, but a stranger's: while listening on loopback, \
                        the host must be localhost or a loopback address"),
        run: rebound,
    },
    Case {
        id: "D8",
        title: text!(zh "满员时，多出来的客户端握手后收到 Close 1013；网页照常提供；有人离开，就又有空位",
                     en "when the room is full, one more client gets Close 1013 after its handshake; the \
                         page is still served; when somebody leaves, there is a place again"),
        hint: text!(zh "网页看不到 HTTP 状态码：多出来的那个也要完成握手，再发 Close 1013；要数的是成员，\
                        不是请求",
                    en "a page can't see an HTTP status: finish the handshake with one too many, too, and \
                        then send Close 1013; count members, not requests"),
        run: places,
    },
    Case {
        id: "D8-unfinished",
        title: text!(zh "连接从 accept 起就算数：没发完的请求也有上限，超出的得到 503，聊天室不受影响",
                     en "connections count from accept on: unfinished requests have a limit, those beyond it \
                         get 503, and the room doesn't notice"),
        hint: text!(zh "只数了成员：没发完请求的连接会不断占用线程，没有上限",
                    en "only members are counted, and connections that never finish their requests take \
                        threads without limit"),
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
    server.log.note(tr!(zh "来自 {origin} 的网页向 {host} 请求 WebSocket",
                        en "a page from {origin} asks for a WebSocket at {host}"));
    let mut peer = server.connect(&tr!(zh "浏览器", en "a browser"))?;
    peer.set_quiet(true);
    peer.send(request("/ws", host, &format!("Origin: {origin}\r\n")))?;
    peer.finish()?;
    read_reply(peer.stream(), server.patience)
}

fn origins(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let here = server.address;
    WsPeer::join(&server, &tr!(zh "不带 Origin 的客户端", en "a client without an Origin"))?;
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
        return not_checked(tr!(zh "服务器监听的不是回环地址",
                               en "the server doesn't listen on loopback"));
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
        return not_checked(tr!(zh "无法让它换一个地址监听",
                               en "it can't be told to listen at another address"));
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

/// How long one waits before one asks again.
const AGAIN: Duration = Duration::from_millis(50);

fn unfinished(scene: &Scene<'_>) -> Verdict {
    scene.needs_chatroom("--max-clients")?;
    let server = scene.launch().with(&["--max-clients", "2"]).server()?;
    let [mut a, mut b] = two(&server)?;
    server.log.note(tr!(zh "300 个客户端连接后什么也不发",
                        en "300 clients connect and send nothing"));
    let (name, mut waiting) = (tr!(zh "浏览器", en "a browser"), Vec::new());
    for _ in 0..300 {
        let peer = server.connect(&name)?;
        peer.set_quiet(true);
        waiting.push(peer);
    }
    server.get("/")?.expect(&[503])?;
    relay(&mut a, &mut b, "nobody else is here")?;
    drop(waiting);
    let deadline = Instant::now() + server.patience;
    loop {
        let status = server.get("/")?.status;
        if status == 200 {
            return Ok(());
        }
        let wanted =
            tr!(zh "他们离开之后，又能得到网页", en "the page can be had again, once they have left");
        ensure(Instant::now() < deadline, wanted, tr!(zh "仍是 {status}", en "still {status}"))?;
        thread::sleep(AGAIN);
    }
}
