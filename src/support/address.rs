//! `HOST:PORT`, `[::1]:PORT`, and Go's `:PORT`: where to listen, and whom to call.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};

use crate::tr;

/// An address as the user wrote it. Go's `:8080` has no host: every interface when listening,
/// this machine when calling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
    /// Of a WebSocket's URL: what stands behind the port.
    pub path: String,
}

impl Address {
    /// Reads `HOST:PORT`, `[IPV6]:PORT` or `:PORT`. The error is a sentence that says what to write.
    pub fn parse(text: &str) -> Result<Address, String> {
        let wrong = || {
            tr!(
                zh "“{text}”不是地址；请写 主机:端口、[::1]:端口 或 :端口，例如 127.0.0.1:8080",
                en "'{text}' is not an address; write HOST:PORT, [::1]:PORT or :PORT, e.g. 127.0.0.1:8080"
            )
        };
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let Some((host, port)) = text.rsplit_once(':') else {
            return Err(match text {
                "" => wrong(),
                _ if is_number(text) => tr!(
                    zh "端口前面要有冒号：只用于本机写 127.0.0.1:{text}，用于所有网卡写 :{text}",
                    en "a port has a colon before it: 127.0.0.1:{text} for this machine, :{text} for every interface"
                ),
                _ => tr!(zh "“{text}”没有写端口；例如 {text}:8080",
                         en "'{text}' has no port; write for example {text}:8080"),
            });
        };
        let port = match port.parse() {
            Ok(port) => port,
            Err(_) if is_number(port) => {
                return Err(
                    tr!(zh "没有端口 {port}；端口最大是 65535", en "there is no port {port}; the highest is 65535"),
                );
            }
            Err(_) => return Err(wrong()),
        };
        let bare = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(ipv6) if ipv6.contains(':') => ipv6,
            None if !host.contains([':', '/', '[', ']', ' ']) => host,
            _ => return Err(wrong()),
        };
        Ok(Address { host: bare.to_string(), port, path: String::new() })
    }

    /// Reads `ws://HOST[:PORT][/PATH]`, or what people copy from a browser's address bar instead:
    /// `http://HOST[:PORT]/`, `HOST:PORT`, `:PORT`. Without a path, `/ws` is meant. The error is a
    /// sentence that says what to write.
    pub fn parse_url(text: &str) -> Result<Address, String> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        match scheme.to_ascii_lowercase().as_str() {
            "" | "ws" | "http" if !rest.is_empty() => {}
            "wss" | "https" => {
                return Err(tr!(
                    zh "不支持加密（{scheme}://）；请连接 TLS 代理后面的 ws:// 地址",
                    en "{scheme}:// is encrypted, which is not supported; use the ws:// address behind the TLS proxy"
                ));
            }
            _ => {
                return Err(tr!(zh "“{text}”不是 ws:// 地址；请写成 ws://localhost:8080/ws 这样",
                               en "'{text}' is not a ws:// URL; write it like ws://localhost:8080/ws"));
            }
        }
        let rest = rest.split('#').next().unwrap_or(rest);
        let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if let Some((_, host)) = host.rsplit_once('@') {
            return Err(tr!(zh "聊天室不需要登录；去掉 @ 和它前面的部分: {host}",
                           en "a room has no login; leave out the @ and what stands before it: {host}"));
        }
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
        let addr =
            Address::parse(&if has_port || scheme.is_empty() { host.into() } else { format!("{host}:80") })?;
        let path = if path.is_empty() || path == "/" { "/ws" } else { path };
        Ok(Address { path: path.to_string(), ..addr })
    }

    /// Why we cannot listen here, and what to do about it: if somebody else does, the same command
    /// with another port.
    pub fn why_not(&self, command: &str, err: &io::Error) -> String {
        if err.kind() != io::ErrorKind::AddrInUse {
            return explain(err);
        }
        let port = self.port.checked_add(1).unwrap_or(8080);
        let other = Address { port, ..self.clone() };
        tr!(zh "{err}；请先停止占用它的程序，或换一个端口: chatroom {command} {other}",
            en "{err}; stop the program that has it, or take another port: chatroom {command} {other}")
    }

    /// Where to listen, in the order to try. `:PORT` is every interface, IPv4 and IPv6 on one
    /// socket; where there is no IPv6, and on Windows, whose std cannot do both, IPv4 alone. (Only
    /// there: if the port is taken, half a room would be worse than none.)
    ///
    /// # Errors
    /// When the host's name cannot be resolved.
    pub fn to_listen(&self) -> io::Result<Vec<SocketAddr>> {
        if !self.host.is_empty() {
            return self.resolve(&self.host);
        }
        let has_ipv6 = !cfg!(windows) && UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).is_ok();
        let every: IpAddr =
            if has_ipv6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
        Ok(vec![SocketAddr::new(every, self.port)])
    }

    /// Whom to call, in the order to try.
    ///
    /// # Errors
    /// When the host's name cannot be resolved.
    pub fn to_call(&self) -> io::Result<Vec<SocketAddr>> {
        self.resolve(if self.host.is_empty() { "localhost" } else { &self.host })
    }

    /// IPv4 first, as Go's `ResolveUDPAddr` does: `localhost` is `::1` first on many systems, and a UDP `connect`
    /// succeeds on the first address whether or not anybody is there.
    fn resolve(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        let mut found: Vec<SocketAddr> = (host, self.port).to_socket_addrs()?.collect();
        found.sort_by_key(SocketAddr::is_ipv6);
        Ok(found)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Address { host, port, .. } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// A peer's address as Go prints it: an IPv4 peer of a socket for both families is IPv4.
/// For printing only: the kernel knows the peer by the other form.
pub fn printed(addr: SocketAddr) -> SocketAddr {
    match addr.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::from((ip, addr.port())),
        IpAddr::V6(_) => addr,
    }
}

/// The addresses at which this machine reaches its own socket, in the order to try: an unspecified
/// one becomes loopback. A machine may have IPv6 without `::1`; then IPv4 reaches a socket for both.
pub fn reachable(local: SocketAddr) -> Vec<SocketAddr> {
    let ips: Vec<IpAddr> = match local.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => vec![Ipv4Addr::LOCALHOST.into()],
        IpAddr::V6(ip) if ip.is_unspecified() => {
            vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.to_ipv6_mapped().into()]
        }
        ip => vec![ip],
    };
    ips.into_iter().map(|ip| SocketAddr::new(ip, local.port())).collect()
}

/// An error about an address, with what to do about it.
pub fn explain(err: &io::Error) -> String {
    let advice = match err.kind() {
        io::ErrorKind::PermissionDenied => tr!(
            zh "；请换一个 1024 以上的端口", en "; take another port, above 1023"),
        io::ErrorKind::AddrNotAvailable => tr!(
            zh "；本机没有这个地址，请用 127.0.0.1 或 :端口", en "; this machine has no such address, use 127.0.0.1 or :PORT"),
        io::ErrorKind::ConnectionRefused => tr!(
            zh "；请先启动服务器", en "; start the server first"),
        _ => String::new(),
    };
    format!("{err}{advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_addresses_and_ipv6_are_understood() {
        for text in ["127.0.0.1:8080", "localhost:0", "[::1]:8080", ":8080"] {
            assert_eq!(Address::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn urls_are_understood() {
        for (text, addr) in [
            ("ws://a:1/ws", "a:1"),
            ("ws://a/ws", "a:80"),
            ("ws://[::1]:5/", "[::1]:5"),
            ("ws://[::1]", "[::1]:80"),
            ("WS://a:1", "a:1"),
            ("http://a:1/#log", "a:1"),
            ("a:1", "a:1"),
            (":1", ":1"),
        ] {
            let url = Address::parse_url(text).unwrap();
            assert_eq!((url.to_string().as_str(), url.path.as_str()), (addr, "/ws"), "{text}");
        }
        assert_eq!(Address::parse_url("ws://a:1/other?x=1").unwrap().path, "/other?x=1");
        for text in ["wss://a/ws", "https://a/", "ftp://a/", "a", "ws://", "ws://a:b/", "ws://me:pw@a:1/"] {
            assert!(Address::parse_url(text).is_err(), "{text} was taken for a URL");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["8080", "::1:8080", "host:http", "host:70000", "[::1]", "[x]:1", "http://a:80", ""] {
            assert!(Address::parse(text).is_err(), "{text} was taken for an address");
        }
    }
}
