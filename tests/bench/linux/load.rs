//! The load: one thread, any number of clients, and the measurements that it takes.

use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags, EpollTimeout};

use super::Result;
use super::lines::Lines;
use super::plan::{Kind, LINE, Run};
use super::report::Figures;
use super::server::Server;
use super::sync::Cast;
use super::verify::{Check, Faults};
use super::wire::{Proto, Sock};

pub struct Client {
    pub sock: Sock,
    /// The beginning of a line whose rest is still under way.
    pub tail: Vec<u8>,
    pub check: Check,
    /// It doesn't read, and isn't waited for.
    pub deaf: bool,
    /// It is asked for when it can be written to.
    has_more: bool,
    last_heard: Instant,
}

impl Client {
    pub fn new(sock: Sock, check: Check) -> Self {
        Self { sock, tail: Vec::new(), check, deaf: false, has_more: false, last_heard: Instant::now() }
    }
}

pub struct Room {
    pub proto: Proto,
    pub server: Server,
    /// Told on its stdin how many lines to write, instead of by its clients.
    floor: bool,
    pub clients: Vec<Client>,
    /// By sender.
    pub lines: Vec<Lines>,
    pub poll: Epoll,
    pub buffer: Vec<u8>,
    /// Bytes written so far, by sender.
    said: Vec<u64>,
    /// Lines that each sender shall have said at the end of this phase, and how many of these a UDP
    /// floor has been asked for.
    goal: u64,
    asked: u64,
    /// How many clients haven't heard all of them yet.
    behind: usize,
    longest_silence: Duration,
    paced: Pace,
}

/// When each line of a paced phase was sent, and how long each delivery took.
#[derive(Default)]
struct Pace {
    first: u64,
    sent: Vec<Instant>,
    latencies: Vec<Duration>,
}

pub struct Phase {
    pub took: Duration,
    pub cpu: Duration,
    /// What the broker took, if there is one.
    pub broker: Option<Duration>,
    pub deliveries: u64,
}

const BUFFER: usize = 128 * 1024;
/// How long nobody may hear anything before the phase is given up.
const PATIENCE: Duration = Duration::from_secs(3);
/// Lines under way in a UDP room: so few that no socket's buffer overflows.
const WINDOW: u64 = 32;

impl Room {
    pub fn with(
        proto: Proto,
        server: Server,
        floor: bool,
        clients: Vec<Client>,
        poll: Epoll,
        senders: usize,
    ) -> Self {
        Self {
            proto,
            server,
            floor,
            clients,
            lines: Vec::new(),
            poll,
            buffer: vec![0; BUFFER],
            said: vec![0; senders],
            goal: 0,
            asked: 0,
            behind: 0,
            longest_silence: Duration::ZERO,
            paced: Pace::default(),
        }
    }

    /// Every sender says so many lines, as fast as the server takes them, until all have heard them.
    pub fn phase(&mut self, lines: u64) -> Result<Phase> {
        let (cpu, broker, start) = (self.server.cpu()?, self.server.broker_cpu()?, Instant::now());
        self.clients.iter_mut().for_each(|client| client.last_heard = start);
        self.longest_silence = Duration::ZERO;
        self.begin(lines)?;
        self.until_heard(start)?;
        let (took, cpu) = (start.elapsed(), self.server.cpu()? - cpu);
        let broker = self.server.broker_cpu()?.zip(broker).map(|(after, before)| after - before);
        self.verdict()?;
        Ok(Phase { took, cpu, broker, deliveries: lines * self.fan_out() })
    }

    /// One sender says a line each `every`; the latencies come back sorted.
    pub fn pace(&mut self, lines: u64, every: Duration) -> Result<(Phase, Vec<Duration>)> {
        let (cpu, broker, start) = (self.server.cpu()?, self.server.broker_cpu()?, Instant::now());
        self.paced = Pace { first: self.goal, ..Pace::default() };
        for due in (0..lines).map(|line| start + every * line as u32) {
            while let Some(left) = due.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
                self.turn(left)?;
            }
            self.paced.sent.push(Instant::now());
            self.begin(1)?;
        }
        self.until_heard(Instant::now())?;
        let (took, cpu) = (start.elapsed(), self.server.cpu()? - cpu);
        let broker = self.server.broker_cpu()?.zip(broker).map(|(after, before)| after - before);
        self.verdict()?;
        let mut latencies = std::mem::take(&mut self.paced).latencies;
        latencies.sort_unstable();
        Ok((Phase { took, cpu, broker, deliveries: lines * self.fan_out() }, latencies))
    }

    /// How many deliveries one line of each sender makes.
    fn fan_out(&self) -> u64 {
        let hearing = self.clients.iter().filter(|client| !client.deaf).count();
        (self.said.len() * (hearing - 1)) as u64
    }

    fn begin(&mut self, lines: u64) -> Result<()> {
        self.goal += lines;
        self.behind = (0..self.clients.len()).filter(|&client| self.is_behind(client)).count();
        self.speak_all()
    }

    fn until_heard(&mut self, start: Instant) -> Result<()> {
        let mut progress = start;
        while self.behind > 0 && progress.elapsed() < PATIENCE {
            if self.turn(Duration::from_millis(100))? {
                progress = Instant::now();
            }
        }
        Ok(())
    }

    fn is_behind(&self, client: usize) -> bool {
        let speaks = usize::from(client < self.said.len());
        let target = self.goal * (self.said.len() - speaks) as u64;
        let client = &self.clients[client];
        !client.deaf && client.check.position() < target
    }

    /// Waits for one set of events and serves them. Has anybody heard anything?
    fn turn(&mut self, wait: Duration) -> Result<bool> {
        let mut events = [EpollEvent::empty(); 256];
        let millis = u16::try_from(wait.as_micros().div_ceil(1000))?;
        let count = self.poll.wait(&mut events, EpollTimeout::from(millis))?;
        let mut heard = false;
        for event in &events[..count] {
            let client = event.data() as usize;
            if event.events().contains(EpollFlags::EPOLLOUT) {
                self.speak(client)?;
            }
            if event.events() != EpollFlags::EPOLLOUT {
                heard |= self.hear(client)?;
            }
        }
        if heard && self.proto == Proto::Udp {
            self.speak_all()?;
        }
        Ok(heard)
    }

    /// One read, checked at once.
    fn hear(&mut self, number: usize) -> Result<bool> {
        let was_behind = self.is_behind(number);
        let client = &mut self.clients[number];
        let tail = client.tail.len();
        self.buffer[..tail].copy_from_slice(&client.tail);
        let count = match client.sock.read(&mut self.buffer[tail..]) {
            Ok(0) => return Err("cut a client off".into()),
            Ok(count) => tail + count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(format!("cut a client off: {error}").into()),
        };
        let (now, before) = (Instant::now(), client.check.position());
        let taken = client.check.take(self.proto, &self.lines, &self.buffer[..count]);
        client.tail.clear();
        client.tail.extend(&self.buffer[taken..count]);
        self.longest_silence = self.longest_silence.max(now - client.last_heard);
        client.last_heard = now;
        for line in before..client.check.position() {
            if let Some(sent) = self.paced.sent.get((line - self.paced.first.min(line)) as usize) {
                self.paced.latencies.push(now - *sent);
            } else {
                break;
            }
        }
        if was_behind && !self.is_behind(number) {
            self.behind -= 1;
        }
        Ok(true)
    }

    fn speak_all(&mut self) -> Result<()> {
        match (self.floor, self.proto) {
            (true, Proto::Udp) => self.ask((self.slowest(None) + self.window()).min(self.goal)),
            (true, _) => self.ask(self.goal),
            (false, Proto::Udp) => (0..self.said.len()).try_for_each(|sender| self.speak_by_window(sender)),
            (false, _) => (0..self.said.len()).try_for_each(|sender| self.speak(sender)),
        }
    }

    /// Asks the floor for all lines up to this one.
    fn ask(&mut self, line: u64) -> Result<()> {
        if line > self.asked {
            self.server.stdin.write_all(format!("{}\n", line - self.asked).as_bytes())?;
            self.asked = line;
        }
        Ok(())
    }

    /// One big write; the next one follows when the server has made room for it.
    fn speak(&mut self, sender: usize) -> Result<()> {
        let (ring, said) = (&self.lines[sender].said, self.said[sender]);
        let left = self.goal * ring.unit() as u64 - said;
        let sock = &self.clients[sender].sock;
        match sock.write(ring.piece(said, left.min(64 * 1024))) {
            Ok(count) => self.said[sender] += count as u64,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(format!("cut the sender off: {error}").into()),
        }
        let more = self.said[sender] < self.goal * ring.unit() as u64;
        if more != self.clients[sender].has_more {
            let out = if more { EpollFlags::EPOLLOUT } else { EpollFlags::empty() };
            let mut wanted = EpollEvent::new(EpollFlags::EPOLLIN | out, sender as u64);
            self.poll.modify(sock, &mut wanted)?;
            self.clients[sender].has_more = more;
        }
        Ok(())
    }

    /// As many datagrams as may be under way.
    fn speak_by_window(&mut self, sender: usize) -> Result<()> {
        let end = (self.slowest(Some(sender)) + self.window()).min(self.goal);
        let ring = &self.lines[sender].said;
        let unit = ring.unit() as u64;
        for line in self.said[sender] / unit..end {
            match self.clients[sender].sock.write(ring.run(line, 1)) {
                Ok(_) => self.said[sender] += unit,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn window(&self) -> u64 {
        WINDOW / self.said.len() as u64
    }

    /// How many of this sender's lines, or of any sender's, every client has heard.
    fn slowest(&self, sender: Option<usize>) -> u64 {
        let senders = sender.map_or(0..self.said.len(), |one| one..one + 1);
        let others = |sender| self.clients.iter().enumerate().filter(move |(client, _)| *client != sender);
        let heard =
            senders.flat_map(|sender| others(sender).map(move |(_, client)| client.check.next_of(sender)));
        heard.min().unwrap_or(0)
    }

    /// A server that lost or spoilt a line has no throughput.
    fn verdict(&self) -> Result<()> {
        let mut sum = Faults::default();
        let (mut missing, mut due) = (0, 0);
        for (number, client) in self.clients.iter().enumerate().filter(|(_, client)| !client.deaf) {
            let target = self.goal * (self.said.len() - usize::from(number < self.said.len())) as u64;
            due += target;
            missing += target - client.check.position().min(target);
            sum.skipped += client.check.faults.skipped;
            sum.doubled += client.check.faults.doubled;
            sum.torn += client.check.faults.torn;
        }
        let spoilt = sum.skipped + sum.doubled + sum.torn > 0;
        let all_said = !self.floor
            && self
                .said
                .iter()
                .zip(&self.lines)
                .all(|(said, lines)| *said == self.goal * lines.said.unit() as u64);
        let lost = missing + sum.skipped;
        match (missing, spoilt) {
            (0, false) => Ok(()),
            (_, false) if !all_said || self.clients.iter().any(|client| client.deaf) => Err("hangs".into()),
            _ => {
                Err(format!("lost {lost} of {due} lines, tore {}, doubled {}", sum.torn, sum.doubled).into())
            }
        }
    }
}

/// CPU per delivery and deliveries per second.
pub fn flood(run: &Run, seconds: f64, pin: bool) -> Result<Figures> {
    let Kind::Flood { senders, listeners, len } = run.case.kind else {
        return Err("no flood".into());
    };
    let mut room = Room::open(run, Cast { senders, listeners, deaf: 0, len }, pin)?;
    // The first phase warms up. Then more and more lines, until they fill the time: how fast a
    // server is may depend on how much comes at once.
    let (mut lines, mut warm) = ((5_000 / room.fan_out()).max(4), false);
    loop {
        let phase = room.phase(lines)?;
        let missing = seconds / phase.took.as_secs_f64();
        if warm && missing < 1.5 {
            return Ok(phase.figures());
        }
        lines = ((lines as f64 * missing.clamp(0.25, 8.0)) as u64).max(4);
        warm = true;
    }
}

/// The same at 200 lines a second, and how long each delivery took.
pub fn paced(run: &Run, seconds: f64, pin: bool) -> Result<Figures> {
    let Kind::Paced { listeners } = run.case.kind else {
        return Err("not paced".into());
    };
    let mut room = Room::open(run, Cast { senders: 1, listeners, deaf: 0, len: LINE }, pin)?;
    let every = Duration::from_millis(5);
    room.pace(20, every)?;
    let (phase, latencies) = room.pace((seconds.max(0.5) / every.as_secs_f64()) as u64, every)?;
    let at = |part: f64| {
        let index = (latencies.len() as f64 * part) as usize;
        latencies.get(index).map_or(0.0, |latency| latency.as_secs_f64() * 1e6)
    };
    let mut figures = phase.figures();
    figures.extend([("p50_us", at(0.50)), ("p99_us", at(0.99))]);
    Ok(figures)
}

/// The longest that a reading client hears nothing, beside clients that never read.
pub fn stall(run: &Run, pin: bool) -> Result<Figures> {
    let Kind::Stall { stalled, lines } = run.case.kind else {
        return Err("no stall".into());
    };
    let mut room = Room::open(run, Cast { senders: 1, listeners: 10, deaf: stalled, len: 1000 }, pin)?;
    let phase = room.phase(lines)?;
    let silence = room.longest_silence.as_secs_f64() * 1e3;
    Ok(Figures::from([("silence_ms", silence), ("seconds", phase.took.as_secs_f64())]))
}

impl Phase {
    pub fn figures(&self) -> Figures {
        let deliveries = self.deliveries as f64;
        let mut figures = Figures::from([
            ("cpu_us", self.cpu.as_secs_f64() * 1e6 / deliveries),
            ("rate", deliveries / self.took.as_secs_f64()),
        ]);
        figures.extend(self.broker.map(|broker| ("broker_us", broker.as_secs_f64() * 1e6 / deliveries)));
        figures
    }
}
