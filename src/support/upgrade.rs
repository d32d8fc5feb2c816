//! From HTTP to WebSocket: the handshake (RFC 6455, 4.2), and whose pages may shake hands (D27).

use std::net::IpAddr;

use tungstenite::handshake::derive_accept_key;

use super::http::{Answer, BAD_REQUEST, UPGRADE_REQUIRED, refuse};
use super::request::Request;

/// The answer that turns an HTTP connection into a WebSocket (RFC 6455, 4.2).
///
/// # Errors
/// What to answer instead.
pub fn switching_protocols(request: &Request) -> Result<Vec<u8>, Answer> {
    if request.old {
        return refuse!(UPGRADE_REQUIRED,
            zh "/ws 需要 HTTP/1.1；如果前面有代理，请让它使用 HTTP/1.1（nginx: proxy_http_version 1.1）",
            en "/ws needs HTTP/1.1; tell the proxy in front to use it (nginx: proxy_http_version 1.1)");
    }
    let upgrade = request.lists("connection", "upgrade") && request.lists("upgrade", "websocket");
    if !upgrade || request.method != "GET" {
        return refuse!(UPGRADE_REQUIRED,
            zh "/ws 只接受 WebSocket，网页在 /；如果前面有代理，请让它传递 Upgrade 和 Connection",
            en "/ws is for WebSockets, the page is at /; a proxy in front must pass on Upgrade and Connection");
    }
    if !request.values("sec-websocket-version").eq(["13"]) {
        return refuse!(UPGRADE_REQUIRED, zh "只支持 WebSocket 版本 13",
                                         en "only version 13 of WebSocket is spoken here");
    }
    let keys: Vec<String> = request.values("sec-websocket-key").collect();
    if keys.len() != 1 || !is_key(&keys[0]) {
        return refuse!(BAD_REQUEST, zh "Sec-WebSocket-Key 应为 16 个字节的 base64",
                                    en "Sec-WebSocket-Key must be 16 bytes in base64");
    }
    let accept = derive_accept_key(keys[0].as_bytes());
    Ok(format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    .into_bytes())
}

/// 16 bytes in base64 are 22 characters and two signs of equality.
fn is_key(key: &str) -> bool {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    key.strip_suffix("==").is_some_and(|key| key.len() == 22 && key.chars().all(is_base64))
}

/// Whether a page from this request's origin may join (D27): one of this server, by host and port
/// as the browser knows them, or one that was allowed. The scheme is left aside, since a TLS proxy
/// may stand in front. Who sends no Origin is not a browser.
///
/// On loopback the host must be one of this machine's own names, or an allowed one: whoever owns a
/// name can make it mean 127.0.0.1, and its page would then pass for one of this server.
pub fn may_join(request: &Request, allowed: &[String]) -> bool {
    let Some(origin) = request.values("origin").next() else { return true };
    let is = |one: &str| one == "any" || one.trim_end_matches('/').eq_ignore_ascii_case(&origin);
    if allowed.iter().any(|one| is(one)) {
        return true;
    }
    let Some((_, host)) = origin.split_once("://") else {
        // The page opened as a file. Sandboxed frames of any site say the same, so only here.
        return origin == "null" && request.on_loopback;
    };
    // ANCHOR: same_site
    let same = request.host.as_ref().is_some_and(|asked| asked.eq_ignore_ascii_case(host));
    let of_site = |one: &String| one.split_once("://").is_some_and(|(_, one)| one.eq_ignore_ascii_case(host));
    same && (!request.on_loopback || is_this_machine(host) || allowed.iter().any(of_site))
    // ANCHOR_END: same_site
}

/// `localhost`, 127.0.0.1 or [::1], with or without a port.
fn is_this_machine(host: &str) -> bool {
    let port = |text: &str| text.parse::<u16>().is_ok();
    let name = host.rsplit_once(':').filter(|(_, end)| port(end)).map_or(host, |(name, _)| name);
    let ip = name.trim_matches(['[', ']']).parse();
    name.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback())
}
