//! The relay's floor: publishing alone. A bare loop writes the same lines to a broker as the relay of one
//! server does, and reads its receipts.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

use super::Result;
use super::lines::Lines;
use super::load::Phase;
use super::plan::{Kind, LINE, Run};
use super::report::Figures;
use super::server::Server;
use super::wire::Proto;

/// A server publishes a flood in pieces of that size.
const PIECE: usize = 64 << 10;

/// What a relay writes to a broker, by hand.
struct Publisher {
    conn: BufReader<TcpStream>,
    lines: Lines,
    said: u64,
}

impl Publisher {
    fn connect(broker: &Server) -> Result<Self> {
        let conn = TcpStream::connect(broker.addr)?;
        conn.set_nodelay(true)?;
        conn.set_read_timeout(Some(Duration::from_secs(5)))?;
        let lines = Lines::new(Proto::Tcp, "[127.0.0.1:40000]: ", 0, LINE);
        let mut publisher = Self { conn: BufReader::new(conn), lines, said: 0 };
        publisher.write(b"CONNECT {\"verbose\":false,\"echo\":false}\r\nSUB chatroom.lobby 1\r\nPING\r\n")?;
        publisher.receipt()?;
        Ok(publisher)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.conn.get_mut().write_all(bytes)?)
    }

    fn receipt(&mut self) -> Result<()> {
        let mut line = String::new();
        while line != "PONG\r\n" {
            line.clear();
            if self.conn.read_line(&mut line)? == 0 {
                return Err("the broker hung up".into());
            }
        }
        Ok(())
    }

    /// So many lines in all, at most so many at once, and not more often than `every`.
    fn publish(&mut self, lines: u64, at_once: u64, every: Duration) -> Result<()> {
        let (start, end, mut due) = (Instant::now(), self.said + lines, Duration::ZERO);
        while self.said < end {
            sleep(due.saturating_sub(start.elapsed()));
            due += every;
            let run = self.lines.heard.run(self.said, at_once.min(end - self.said));
            let head =
                format!("PUB chatroom.lobby chatroom.lobby.0123456789abcdef.{} {}\r\n", self.said, run.len());
            let bytes = [head.as_bytes(), run, b"\r\nPING\r\n"].concat();
            self.said += (run.len() / self.lines.heard.unit()) as u64;
            self.write(&bytes)?;
            self.receipt()?;
        }
        Ok(())
    }
}

/// The CPU time of publishing, for as many deliveries as the lines would make in a room.
pub fn alone(run: &Run, seconds: f64, pin: bool) -> Result<Figures> {
    let broker = Server::broker(pin)?;
    let mut publisher = Publisher::connect(&broker)?;
    let (listeners, piece, every) = match run.case.kind {
        Kind::Flood { listeners, .. } => (listeners, PIECE, Duration::ZERO),
        Kind::Paced { listeners } => (listeners, 1, Duration::from_millis(5)),
        _ => return Err("nothing is published".into()),
    };
    let at_once = (piece / publisher.lines.heard.unit()).max(1) as u64;
    let mut lines = 20;
    loop {
        let (cpu, broker_cpu, start) = (own_cpu()?, broker.cpu()?, Instant::now());
        publisher.publish(lines, at_once, every)?;
        let took = start.elapsed();
        let missing = seconds / took.as_secs_f64();
        if missing < 1.5 {
            let (cpu, broker) = (own_cpu()? - cpu, Some(broker.cpu()? - broker_cpu));
            let deliveries = lines * listeners as u64;
            return Ok(Phase { took, cpu, broker, deliveries }.figures());
        }
        lines = (lines as f64 * missing.min(8.0)) as u64;
    }
}

/// The CPU time of this thread.
fn own_cpu() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}
