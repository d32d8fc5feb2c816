//! What HTTP asks for: the page (D24), and who asks for too much (D25, D26).

use std::time::{Duration, Instant};

use crate::check::cases::shared::crowd;
use crate::check::stage::output::contains;
use crate::check::stage::reply::{Reply, read_reply};
use crate::check::stage::speaker::{Connected, Heard, Speaker, relay};
use crate::check::stage::tcp_peer::Peer;
use crate::check::stage::ws_peer::{WsPeer, request};
use crate::check::telling::events::show;
use crate::check::telling::verdict::ensure;
use crate::check::{Case, Likely, Scene, Verdict};

use super::two;
use crate::{text, tr};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "D24",
        title: text!(zh "/ 提供网页和它需要的文件，都带有内容类型和 nosniff，\
                         网页还有 Content-Security-Policy",
                     en "the page is served at /, and so are its files: all with a content type and nosniff, \
                         the page with a Content-Security-Policy, too"),
        hint: text!(zh "网页里会出现陌生人写的内容：要有 Content-Security-Policy、内容类型和 nosniff",
                    en "a page that shows strangers' words needs a Content-Security-Policy, a content type \
                        and nosniff"),
        run: page,
    },
    Case {
        id: "D24-others",
        title: text!(zh "其他路径是 404，其他方法是 405，发到 /ws 却不是 WebSocket 的请求是 426 或 400",
                     en "another path gets 404, another method 405, and a request to /ws that isn't for a \
                         WebSocket 426 or 400"),
        hint: text!(zh "不管请求什么，回答都一样，或者没有回答",
                    en "whatever is asked for gets the same answer, or none"),
        run: others,
    },
    Case {
        id: "D25",
        title: text!(zh "请求总共 10 秒还没有发完，连接就被断开，即使对方还在发送",
                     en "who hasn't finished its request after 10 s in all is disconnected, even if it goes \
                         on sending"),
        hint: text!(zh "没发完的请求一直留着，或者每来一个字节就重新计时：给整个请求设一个期限",
                    en "unfinished requests are kept for ever, or each byte starts the time anew: set one \
                        deadline for the whole request"),
        run: unfinished,
    },
    Case {
        id: "D26",
        title: text!(zh "请求头超过 8 KiB 得到 431，然后连接结束",
                     en "a request head over 8 KiB gets 431, and the connection ends"),
        hint: text!(zh "请求头一直收集到结束，不管有多长：到了上限就停下，并回答 431",
                    en "the head is collected until its end, however long it gets: stop at a limit, and \
                        answer 431"),
        run: too_large,
    },
    Case {
        id: "D26-exact",
        title: text!(zh "接受 7 KiB 的请求头，也接受一小段一小段到来的请求头",
                     en "a request head of 7 KiB is accepted, and so is one that comes in small pieces"),
        hint: text!(zh "上限太低，浏览器带着 cookie 就会超过；或者把一次读到的内容当成了整个请求头",
                    en "the limit is lower than what browsers send with their cookies, or one read is taken \
                        for the whole head"),
        run: large,
    },
    Case {
        id: "D26-endless",
        title: text!(zh "永远不结束的请求头不会多占内存，连接会被断开",
                     en "a request head that never ends takes no extra memory, and is cut off"),
        hint: text!(zh "读到的请求头全都存着，或者边读边丢，永远读下去",
                    en "all that is read of the head is kept, or the rest is read and thrown away for ever"),
        run: endless,
    },
];

fn is_safe(reply: &Reply, content_type: &str) -> Verdict {
    reply.expect(&[200])?;
    let typed = reply.header("content-type").starts_with(content_type);
    ensure(typed, format!("Content-Type: {content_type}"), show(reply.head.as_bytes()))?;
    let nosniff = reply.header("x-content-type-options").eq_ignore_ascii_case("nosniff");
    ensure(nosniff, "X-Content-Type-Options: nosniff", show(reply.head.as_bytes()))
}

fn page(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let reply = server.get("/")?;
    is_safe(&reply, "text/html; charset=utf-8")?;
    let policy = reply.header("content-security-policy");
    let strict = policy.contains("default-src") && !policy.contains("unsafe");
    let wanted = tr!(zh "一个 Content-Security-Policy，含有 default-src，没有 unsafe",
                     en "a Content-Security-Policy with default-src and nothing unsafe");
    ensure(strict, wanted, show(reply.head.as_bytes()))?;
    ensure(contains(&reply.body, b"<html"), tr!(zh "一个网页", en "a page"), show(&reply.body))?;
    let html = String::from_utf8_lossy(&reply.body);
    for (mark, content_type) in
        [("<script src=\"", "text/javascript"), ("<link rel=\"stylesheet\" href=\"", "text/css")]
    {
        for part in html.split(mark).skip(1) {
            let path = part.split('"').next().unwrap_or_default();
            is_safe(&server.get(&format!("/{}", path.trim_start_matches(['.', '/'])))?, content_type)?;
        }
    }
    Ok(())
}

fn others(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    server.get("/nothing")?.expect(&[404])?;
    let host = server.address;
    server.http(request("/nothing", host, ""))?.expect(&[404])?;
    let post = format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let reply = server.http(post)?;
    reply.expect(&[405])?;
    ensure(reply.header("allow").contains("GET"), "Allow: GET", show(reply.head.as_bytes()))?;
    server.get("/ws")?.expect(&[426, 400])?;
    let old = request("/ws", host, "").replace("Version: 13", "Version: 8");
    server.http(old)?.expect(&[426, 400])?;
    let keyless = request("/ws", host, "").replace("Sec-WebSocket-Key", "Key");
    server.http(keyless)?.expect(&[400])?;
    server.http("what is this?\r\n\r\n")?.expect(&[400])?;
    let [mut a, mut b] = two(&server)?;
    relay(&mut a, &mut b, "none the worse")
}

/// How long a request may take, as seen on a busy machine.
const LIMIT: std::ops::Range<Duration> = Duration::from_secs(9)..Duration::from_secs(13);

/// How often somebody sends a byte.
const DRIP: Duration = Duration::from_millis(400);

fn unfinished(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut a, mut b] = two(&server)?;
    let mut silent = Peer::join(&server, "C")?;
    let mut slow = Peer::join(&server, "D")?;
    server.log.note(tr!(zh "C 什么也不发，D 不时发一个字节",
                        en "C sends nothing, and D a byte now and then"));
    let start = Instant::now();
    slow.send("GET /ws HTTP/1.1\r\nX-Slow: ")?;
    [&mut silent, &mut slow].into_iter().for_each(|peer| peer.set_quiet(true));
    let (mut silent_end, mut slow_end) = (None, None);
    while start.elapsed() < LIMIT.end && (silent_end.is_none() || slow_end.is_none()) {
        slow.try_send(b"x");
        // Waiting for the end is the pause between two bytes.
        for (peer, end) in [(&mut silent, &mut silent_end), (&mut slow, &mut slow_end)] {
            if end.is_none() && peer.next(DRIP / 2) != Heard::Nothing {
                *end = Some(start.elapsed());
            }
        }
    }
    for (who, end) in [("C", silent_end), ("D", slow_end)] {
        let in_time = end.is_some_and(|end| LIMIT.contains(&end));
        let got = match end {
            Some(end) => tr!(zh "{end:?} 后断开", en "it is disconnected after {end:?}"),
            None => tr!(zh "连接仍然开着", en "it is still connected"),
        };
        ensure(in_time, tr!(zh "{who} 在 10 秒后被断开", en "{who} is disconnected after 10 s"), got)?;
    }
    relay(&mut a, &mut b, "members may be silent for longer")
}

fn too_large(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let mut a = Peer::join(&server, "A")?;
    a.send(format!("GET / HTTP/1.1\r\nX-Long: {}", "x".repeat(10 * 1024)))?;
    read_reply(a.stream(), scene.patience())?.expect(&[431])?;
    a.expect_end(scene.patience())?;
    let whole = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "x".repeat(10 * 1024));
    let reply = server.http(whole)?;
    reply.expect(&[431]).likely(&tr!(zh "只在请求头还不完整时才检查上限",
                                     en "the limit holds only while the head isn't whole"))
}

fn large(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let cookie = format!("Cookie: {}\r\n", "x".repeat(6900));
    WsPeer::ask(&server, "A", request("/ws", server.address, &cookie))?.expect_upgrade()?;
    let mut b = WsPeer::ask(&server, "B", "GET /w")?;
    let rest = request("/ws", server.address, "");
    rest.as_bytes()[6..].chunks(7).try_for_each(|piece| b.send_raw(piece))?;
    b.expect_upgrade()
}

/// The most by which memory may have grown, in KiB.
const MAX_GROWTH: u64 = 4 * 1024;

fn endless(scene: &Scene<'_>) -> Verdict {
    let server = scene.server()?;
    let [mut b, mut c] = two(&server)?;
    let before = server.program.usage()?.peak;
    let mut a = Peer::join(&server, "A")?;
    a.send("GET /ws HTTP/1.1\r\n")?;
    let lines = "X-More: and more\r\n".repeat(1024 * 1024 / 18);
    crowd::endless(&server, &mut a, lines, (before, MAX_GROWTH))?;
    relay(&mut b, &mut c, "marker")
}
