//! The head of an HTTP request: read within a time and a length, and taken apart (RFC 9110, RFC 9112,
//! D25, D26).

use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tungstenite::http::{HeaderMap, HeaderName, HeaderValue};

use super::http::{Answer, BAD_REQUEST, NOT_ALLOWED, refuse};
use super::lines::came_back_empty;

/// The longest request head: a browser's is about 1 KiB (D26).
const MAX_HEAD: usize = 8 << 10;

/// How long a request may take to arrive, in all: who is slower keeps a place from others (D25).
const HEAD_TIME: Duration = Duration::from_secs(10);

/// The first byte that a browser sends to `https://` (RFC 8446, 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// The head of a request (RFC 9112).
pub struct Request {
    /// `GET` or `HEAD`.
    pub method: String,
    /// What is asked for, without what stands behind a `?`.
    pub path: String,
    /// HTTP/1.0, which knows no `Upgrade` and needs no `Host`.
    pub old: bool,
    /// Host and port, as the client wrote them.
    pub host: Option<String>,
    fields: HeaderMap,
    /// It came to a server that only this machine reaches.
    pub on_loopback: bool,
    /// What came right behind it.
    tail: Vec<u8>,
}

/// Reads a request's head. `None` if the peer left or took too long.
///
/// # Errors
/// What to answer to something that is no request.
pub fn read_request(mut conn: &TcpStream) -> Result<Option<Request>, Answer> {
    let (mut head, deadline) = (Vec::new(), Instant::now() + HEAD_TIME);
    loop {
        if let Some(request) = Request::parse(&head)? {
            return Ok(Some(request));
        }
        if head.len() >= MAX_HEAD {
            return refuse!("431 Request Header Fields Too Large",
                zh "请求头超过 {MAX_HEAD} 字节", en "the request head is longer than {MAX_HEAD} bytes");
        }
        // ANCHOR: time
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || conn.set_read_timeout(Some(left)).is_err() {
            return Ok(None);
        }
        // ANCHOR_END: time
        let mut piece = [0; 1024];
        let room = piece.len().min(MAX_HEAD - head.len());
        match conn.read(&mut piece[..room]) {
            Err(err) if came_back_empty(&err) => {} // the clock is looked at above
            Ok(0) | Err(_) => return Ok(None),
            Ok(read) => head.extend_from_slice(&piece[..read]),
        }
    }
}

impl Request {
    /// `None` while it isn't whole. What is wrong with it is known sooner.
    fn parse(mut bytes: &[u8]) -> Result<Option<Request>, Answer> {
        if bytes.first() == Some(&TLS_HANDSHAKE) {
            return refuse!(BAD_REQUEST, zh "这里没有加密：请用 http://，不要用 https://",
                                        en "there is no encryption here: use http://, not https://");
        }
        let mut request: Option<Request> = None;
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let line = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]);
            bytes = &bytes[end + 1..];
            match &mut request {
                None if line.is_empty() => {} // there may be one before a request (RFC 9112, 2.2)
                None => request = Some(Request::from_first_line(line)?),
                Some(request) if !line.is_empty() => request.add_field(line)?,
                Some(whole) => {
                    whole.find_host()?;
                    whole.tail = bytes.to_vec();
                    return Ok(request);
                }
            }
        }
        Ok(None)
    }

    /// Reads `GET /path HTTP/1.1`, or the same with a whole URL (RFC 9112, 3).
    fn from_first_line(line: &[u8]) -> Result<Request, Answer> {
        let line = String::from_utf8_lossy(line);
        let words: Vec<&str> = line.split(' ').collect();
        let [method, target, version] = words[..] else { return no_request() };
        let Some(minor) = version.strip_prefix("HTTP/1.") else { return no_request() };
        if method != "GET" && method != "HEAD" {
            return refuse!(NOT_ALLOWED, zh "只接受 GET 和 HEAD", en "only GET and HEAD are served here");
        }
        let (host, target) = match target.split_once("://") {
            Some((_, url)) => {
                let (host, target) = url.split_at(url.find(['/', '?']).unwrap_or(url.len()));
                (Some(host.to_string()), target)
            }
            None => (None, target),
        };
        let path = target.split('?').next().filter(|path| !path.is_empty()).unwrap_or("/").to_string();
        let (method, old, fields) = (method.to_string(), minor == "0", HeaderMap::new());
        Ok(Request { method, path, old, host, fields, on_loopback: false, tail: Vec::new() })
    }

    /// Adds `Name: value`. Refused are a blank before the colon, a line that goes on with the one
    /// before it, and control characters (RFC 9112, 5).
    fn add_field(&mut self, line: &[u8]) -> Result<(), Answer> {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(0);
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        let (Ok(name), Ok(value)) = (name, value) else {
            return refuse!(BAD_REQUEST, zh "请求头里有一行不是“名称: 值”",
                                        en "a line of the request head is not \"Name: value\"");
        };
        self.fields.append(name, value);
        Ok(())
    }

    /// There must be one `Host`, except in HTTP/1.0. That of a whole URL counts more (RFC 9112, 3.2).
    fn find_host(&mut self) -> Result<(), Answer> {
        let hosts: Vec<String> = self.values("host").collect();
        let wrong = |host: &String| host.contains([' ', ',', '/', '?', '#', '@']);
        if hosts.len() > 1 || hosts.iter().any(wrong) || (hosts.is_empty() && !self.old) {
            return refuse!(BAD_REQUEST, zh "请求需要一个（且只有一个）Host",
                                        en "a request needs one Host, and no more");
        }
        self.host = self.host.take().or_else(|| hosts.into_iter().next());
        Ok(())
    }

    /// The values of all field lines of that name.
    pub fn values(&self, name: &str) -> impl Iterator<Item = String> {
        self.fields.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    /// Whether a list, on one line or on several, holds `item` (RFC 9110, 5.3 and 5.6.1).
    pub fn lists(&self, name: &str, item: &str) -> bool {
        self.values(name).any(|list| list.split(',').any(|one| one.trim().eq_ignore_ascii_case(item)))
    }

    /// What came right behind it. The rest is given up: what an idle client keeps counts a thousand
    /// times.
    pub fn into_tail(self) -> Vec<u8> {
        self.tail
    }
}

fn no_request<T>() -> Result<T, Answer> {
    refuse!(BAD_REQUEST, zh "这不是 HTTP/1.1 请求", en "that is not a request of HTTP/1.1")
}
