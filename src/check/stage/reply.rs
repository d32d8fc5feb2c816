//! HTTP by hand, as much as a checker needs of it.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::scene::Server;
use super::speaker::Connected;
use super::ws_peer::header;
use crate::check::telling::events::show;
use crate::check::telling::verdict::{Verdict, ensure, fail};
use crate::tr;

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// 200, 404 and the like.
    pub status: u16,
    /// The status line and the header lines.
    pub head: String,
    /// What came behind them.
    pub body: Vec<u8>,
}

impl Reply {
    /// The value of a header line, its name given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        header(&self.head, name).unwrap_or_default()
    }

    /// An answer, from all that came.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Reply> {
        parse(bytes).map(|(reply, _)| reply)
    }

    /// The status must be one of these.
    pub fn expect(&self, statuses: &[u16]) -> Verdict {
        let these = statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(&tr!(zh " 或 ", en " or "));
        let wanted = tr!(zh "HTTP 状态码 {these}", en "HTTP status {these}");
        ensure(statuses.contains(&self.status), wanted, show(self.head.as_bytes()))
    }
}

impl Server {
    /// Sends a request, and reads the answer.
    pub fn http(&self, request: impl AsRef<[u8]>) -> Verdict<Reply> {
        let mut peer = self.connect(&tr!(zh "浏览器", en "a browser"))?;
        peer.send(request)?;
        read_reply(peer.stream(), self.patience)
    }

    /// Asks for a page.
    pub fn get(&self, path: &str) -> Verdict<Reply> {
        self.http(format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address))
    }
}

/// Reads an answer to its end, by its length or by the end of the connection.
pub fn read_reply(mut stream: &TcpStream, patience: Duration) -> Verdict<Reply> {
    let deadline = Instant::now() + patience;
    let (mut came, mut piece) = (vec![], [0; 16 * 1024]);
    loop {
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let _ = stream.set_read_timeout(Some(left));
        let read = stream.read(&mut piece);
        came.extend_from_slice(&piece[..*read.as_ref().unwrap_or(&0)]);
        match (parse(&came), read) {
            (Some((reply, true)), _) | (Some((reply, _)), Ok(0)) => return Ok(reply),
            (_, Ok(1..)) if left > Duration::from_millis(1) => {}
            (_, Err(e)) if e.kind() == ErrorKind::Interrupted => {}
            (_, read) => {
                let shown = show(&came);
                let got = match read {
                    Ok(_) => tr!(zh "只有 {shown}", en "{shown} and no more"),
                    Err(e) if !matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                        tr!(zh "{shown}，然后: {e}", en "{shown} and then: {e}")
                    }
                    Err(_) if came.is_empty() => {
                        tr!(zh "{patience:?} 内什么也没有收到", en "nothing for {patience:?}")
                    }
                    Err(_) => tr!(zh "{patience:?} 内只收到 {shown}", en "only {shown} in {patience:?}"),
                };
                return fail(tr!(zh "一个完整的 HTTP 回答", en "a whole HTTP answer"), got);
            }
        }
    }
}

/// An answer so far, and whether it is whole by its own account.
fn parse(bytes: &[u8]) -> Option<(Reply, bool)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
    let body = bytes[end + 4..].to_vec();
    let length: Option<usize> = header(&head, "content-length").and_then(|length| length.parse().ok());
    let whole = status == 101 || length.is_some_and(|length| body.len() >= length);
    Some((Reply { status, head, body }, whole))
}
