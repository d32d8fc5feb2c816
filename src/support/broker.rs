//! `nats://[user:password@|token@]HOST[:4222][,…]`: the brokers of one cluster, and how to log in.

use std::fmt;

use super::address::Address;
use crate::tr;

/// A NATS broker, and how to log in to it.
#[derive(Clone)]
pub struct Broker {
    /// Where it is.
    pub addr: Address,
    login: Login,
}

/// What a broker wants to know. It is never printed.
#[derive(Clone)]
enum Login {
    None,
    Token(String),
    User(String, String),
}

impl Broker {
    /// Reads the brokers of one cluster, with commas between them. Who has no login has the one before.
    ///
    /// # Errors
    /// A sentence that says what to write instead, and no password.
    pub fn parse_list(text: &str) -> Result<Vec<Broker>, String> {
        let mut login = Login::None;
        let parse = |part: &str| {
            let (scheme, rest) = part.trim().split_once("://").unwrap_or(("nats", part.trim()));
            let (user, host) = rest.rsplit_once('@').unwrap_or(("", rest));
            let host = host.trim_end_matches('/');
            if scheme != "nats" || host.is_empty() {
                return Err(wrong(scheme));
            }
            if !user.is_empty() {
                login = Login::parse(user);
            }
            let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
            let addr = Address::parse(&if has_port { host.to_string() } else { format!("{host}:4222") });
            let addr = addr.map_err(|_| wrong(scheme))?; // who forgot the @ has a password there
            Ok(Broker { addr, login: login.clone() })
        };
        text.split(',').map(parse).collect()
    }

    /// What CONNECT says of the login: fields of a JSON object.
    pub fn login_fields(&self) -> String {
        match &self.login {
            Login::None => String::new(),
            Login::Token(token) => format!(",\"auth_token\":{}", quoted(token)),
            Login::User(user, password) => {
                format!(",\"user\":{},\"pass\":{}", quoted(user), quoted(password))
            }
        }
    }
}

impl Login {
    fn parse(text: &str) -> Login {
        match text.split_once(':') {
            Some((user, password)) => Login::User(unescaped(user), unescaped(password)),
            None => Login::Token(unescaped(text)),
        }
    }
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.addr.fmt(f)
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn wrong(scheme: &str) -> String {
    match scheme {
        "tls" | "wss" => tr!(zh "不支持加密（{scheme}://）；请在 TLS 代理后面用 nats://",
                             en "{scheme}:// is encrypted, which is not supported; use nats:// behind a TLS proxy"),
        _ => tr!(zh "--nats 需要 NATS 服务器的地址，例如 nats://127.0.0.1:4222 或 nats://用户:密码@主机",
                 en "--nats takes where the NATS server is, such as nats://127.0.0.1:4222 or nats://USER:PASSWORD@HOST"),
    }
}

/// `%40` in a URL stands for `@`.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.filter(|_| *first == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A text as JSON has it (RFC 8259, 7).
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            _ if c.is_control() => out += &format!("\\u{:04x}", u32::from(c)),
            _ => out.push(c),
        }
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    use super::{Broker, quoted};

    #[test]
    fn urls_are_understood() {
        for (text, addrs, login) in [
            ("nats://a", "a:4222", ""),
            ("a:1", "a:1", ""),
            ("nats://[::1]", "[::1]:4222", ""),
            ("nats://t@a:1/", "a:1", r#","auth_token":"t""#),
            ("nats://u:p%40%3A@a,nats://b:2,c", "a:4222 b:2 c:4222", r#","user":"u","pass":"p@:""#),
            ("nats://u:p:q@r@a", "a:4222", r#","user":"u","pass":"p:q@r""#),
        ] {
            let brokers = Broker::parse_list(text).unwrap();
            let shown: Vec<String> = brokers.iter().map(Broker::to_string).collect();
            assert_eq!(shown.join(" "), addrs, "{text}");
            assert!(brokers.iter().all(|broker| broker.login_fields() == login), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused_without_the_password() {
        for text in
            ["", "nats://", "tls://u:secret@a", "http://a", "nats://u:secret@a:b", "nats://u:secret", "a,"]
        {
            let refused = Broker::parse_list(text).unwrap_err();
            assert!(!refused.contains("secret"), "{refused}");
        }
        let broker = &Broker::parse_list("nats://u:secret@a").unwrap()[0];
        assert_eq!(format!("{broker} {broker:?}"), "a:4222 a:4222");
    }

    #[test]
    fn json_is_quoted() {
        assert_eq!(quoted("a\"\\\n中"), r#""a\"\\\u000a中""#);
    }
}
