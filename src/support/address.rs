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
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let bare = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(ipv6) if ipv6.contains(':') => ipv6,
            None if !host.contains([':', '/', '[', ']', ' ']) => host,
            _ => return Err(wrong()),
        };
        Ok(Address { host: bare.to_string(), port, path: String::new() })
    }

    /// Reads `ws://HOST[:PORT][/PATH]`. The error is a sentence that says what to write.
    pub fn parse_url(text: &str) -> Result<Address, String> {
        if text.starts_with("wss://") {
            return Err(tr!(
                zh "不支持 wss://（没有加密）；请连接 TLS 代理后面的 ws:// 地址",
                en "wss:// is not supported, there is no encryption here; use the ws:// address behind the TLS proxy"
            ));
        }
        let wrong = || {
            tr!(zh "“{text}”不是 ws:// 地址；请写成 ws://localhost:8080/ws 这样",
                en "'{text}' is not a ws:// URL; write it like ws://localhost:8080/ws")
        };
        let rest = text.strip_prefix("ws://").ok_or_else(wrong)?;
        let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
        let host = if has_port { host.to_string() } else { format!("{host}:80") };
        let addr = Address::parse(&host).ok().filter(|addr| !addr.host.is_empty()).ok_or_else(wrong)?;
        Ok(Address { path: path.to_string(), ..addr })
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

    /// IPv4 first, as Go does: `localhost` is `::1` first on many systems, and a UDP `connect`
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
        io::ErrorKind::AddrInUse => tr!(
            zh "；请先停止占用它的程序，或换一个端口", en "; stop the program that has it, or take another port"),
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
        ] {
            assert_eq!(Address::parse_url(text).unwrap().to_string(), addr);
        }
        for text in ["wss://a/ws", "http://a/", "a:1", "ws://", "ws://:80/ws", "ws://a:b/"] {
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
