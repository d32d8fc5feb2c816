//! What the clients that the checker plays have in common, whatever carries their words; and how they get to
//! know that all are in the room.

use std::cell::Cell;
use std::fmt;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::frame::Frame;
use super::guess;
use super::output::contains;
use super::program::Program;
use super::scene::{Launch, Scene, Server};
use crate::check::telling::events::{Log, What, differs_at, show};
use crate::check::telling::text::{Text, join};
use crate::check::telling::verdict::{Evidence, Likely, Verdict, fail, fail_by};
use crate::{text, tr};

/// How long a greeting is waited for before it is said again: its hearer may not be in the room yet.
const GREETING: Duration = Duration::from_millis(100);

/// How long it may take, after a wait is over, to read what has come by then. Of a program that floods there is no end.
const BACKLOG: Duration = Duration::from_secs(1);

/// The most that is kept of what has no end yet, in bytes: far more than any line that a case is about.
pub const MAX_UNFINISHED: usize = 16 << 20;

/// Who a speaker is, and where what happens to it is written down.
#[derive(Clone, Debug)]
pub struct Role {
    /// A, B, C … in the transcript, or what it is, in the reader's language.
    pub name: String,
    /// Its own address, as others should see it.
    pub address: SocketAddr,
    pub(in crate::check) patience: Duration,
    log: Log,
    quiet: Cell<bool>,
}

impl Role {
    /// A role in this transcript.
    #[must_use]
    pub fn new(name: &str, address: SocketAddr, log: &Log, patience: Duration) -> Self {
        log.sight.comes(name, address);
        Role { name: name.to_string(), address, patience, log: log.clone(), quiet: Cell::new(false) }
    }

    /// Puts into the transcript what it does, or what happens to it, unless it is quiet: a flood has no end.
    pub fn add(&self, what: impl FnOnce() -> What) {
        if !self.quiet.get() {
            self.log.add(&self.name, what());
        }
    }

    /// The same, in words.
    pub fn note(&self, does: impl FnOnce() -> String) {
        self.add(|| What::Says(does()));
    }

    /// It, and what it does: one sentence.
    #[must_use]
    pub fn does(&self, does: impl fmt::Display) -> String {
        join(&self.name, does)
    }

    /// It hears this.
    pub fn hears(&self, heard: &Heard) {
        if let (Heard::Words(came) | Heard::Frame(Frame { payload: came, .. }), true) =
            (heard, self.quiet.get())
        {
            self.log.flows(&self.name, false, came.len());
        }
        self.add(|| match heard {
            Heard::Words(words) => What::Gets(words.clone()),
            other => What::Says(other.gets()),
        });
    }

    /// It sends these bytes.
    pub fn sends(&self, bytes: &[u8]) {
        if self.quiet.get() {
            self.floods(bytes.len());
        }
        self.add(|| What::Sends(bytes.to_vec()));
    }

    /// Where what happens to it is written down.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// It has sent so many bytes of a flood.
    pub fn floods(&self, bytes: usize) {
        self.log.flows(&self.name, true, bytes);
    }
}

/// What came next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A line, a datagram, a text message, its line break included.
    Words(Vec<u8>),
    /// A WebSocket frame that is no whole text message, or shouldn't be (un)masked.
    Frame(Frame),
    /// The end, in order, with what came behind the last words.
    End(Vec<u8>),
    /// The end, by a reset.
    Reset,
    /// Nothing whole, for as long as one waited.
    Nothing,
}

impl Heard {
    /// Whether something came, and more may.
    #[must_use]
    pub fn is_something(&self) -> bool {
        matches!(self, Heard::Words(_) | Heard::Frame(_))
    }

    /// By itself.
    #[must_use]
    pub fn told(&self) -> String {
        match self {
            Heard::Words(words) => show(words),
            Heard::Frame(frame) => frame.told(),
            Heard::End(rest) if rest.is_empty() => tr!(zh "连接结束", en "the end of the connection"),
            Heard::End(rest) => {
                let rest = show(rest);
                tr!(zh "{rest}，随后连接结束", en "{rest} and then the end of the connection")
            }
            Heard::Reset => tr!(zh "连接被重置", en "a reset of the connection"),
            Heard::Nothing => tr!(zh "什么也没有收到", en "nothing"),
        }
    }

    /// Behind whoever hears it, in a sentence.
    #[must_use]
    pub fn gets(&self) -> String {
        let verb = match self {
            Heard::Words(_) | Heard::Frame(_) => text!(zh "收到", en "gets"),
            Heard::End(_) => text!(zh "读到", en "gets"),
            Heard::Reset => text!(zh "发现", en "gets"),
            Heard::Nothing => return tr!(zh "什么也没有收到", en "gets nothing"),
        };
        join(verb, self.told())
    }
}

/// A client that the checker plays; or, for a client under test, the server. No call on it waits for ever.
pub trait Speaker: Sized + Send {
    /// What ends words on their way to a server.
    const END: &'static str;

    /// Bytes that its words may hold besides text, and that do harm to a terminal.
    const RAW: &'static [u8];

    /// The likely cause when those in a room don't hear each other.
    const DEAF: Text;

    /// Starts a server of this kind and waits until it serves.
    fn serve(launch: Launch<'_>) -> Verdict<Server> {
        launch.server()
    }

    /// Connects to one. Being connected isn't being in the room yet: see [`Speaker::room`].
    fn connect(server: &Server, name: &str) -> Verdict<Self>;

    /// Holds an address, so that nobody else can listen there.
    fn occupy(scene: &Scene<'_>, address: &str) -> Verdict<(SocketAddr, impl Sized)>;

    /// Starts a client of this kind, lets it connect, and is its server.
    fn call(scene: &Scene<'_>, launch: Launch<'_>) -> Verdict<(Program, Self)>;

    /// Who it is.
    fn role(&self) -> &Role;

    /// Says a few words, given without a line break.
    fn say(&mut self, words: impl AsRef<[u8]>) -> Verdict;

    /// What comes next, without a note of it.
    fn receive(&mut self, within: Duration) -> Heard;

    /// What has come and isn't whole yet.
    fn unfinished(&self) -> &[u8] {
        &[]
    }

    /// Makes itself known, where being connected isn't enough.
    fn knock(&mut self) -> Verdict {
        Ok(())
    }

    /// The other side must have left as it should, with a last word where there is one.
    fn expect_farewell(&mut self) -> Verdict;

    /// What a server shows of what it says.
    fn shown(&self, words: impl AsRef<[u8]>) -> Vec<u8> {
        self.relayed(words)
    }

    /// Keeps what it says and hears out of the transcript, or puts it in again: for floods and crowds.
    fn set_quiet(&self, quiet: bool) {
        self.role().quiet.set(quiet);
    }

    /// What stands before its words: `[ip:port]: `.
    fn prefix(&self) -> String {
        format!("[{}]: ", self.role().address)
    }

    /// What the others should get when it says this.
    fn relayed(&self, words: impl AsRef<[u8]>) -> Vec<u8> {
        [self.prefix().as_bytes(), words.as_ref(), b"\n"].concat()
    }

    /// What comes next.
    fn next(&mut self, within: Duration) -> Heard {
        let heard = self.receive(within);
        self.role().hears(&heard);
        if heard == Heard::Nothing {
            self.role().log.sight.after_silence(within);
        }
        heard
    }

    /// This must come next.
    fn expect_heard(&mut self, wanted: &Heard) -> Verdict {
        let patience = self.role().patience;
        let heard = self.next(patience);
        self.judge(wanted, &heard, patience)
    }

    /// This was to come within `patience`, and that came.
    fn judge(&self, wanted: &Heard, heard: &Heard, patience: Duration) -> Verdict {
        if heard == wanted {
            return Ok(());
        }
        let part = show(self.unfinished());
        let got = match heard {
            Heard::Nothing if self.unfinished().is_empty() => {
                tr!(zh "{patience:?} 内什么也没有收到", en "nothing for {patience:?}")
            }
            Heard::Nothing => {
                tr!(zh "{patience:?} 内只收到 {part}，还不完整", en "only {part} in {patience:?}, without its end")
            }
            _ => heard.told(),
        };
        let cause = guess::cause(wanted, heard, self.unfinished(), &self.prefix());
        let differs_at = match (wanted, heard) {
            (Heard::Words(wanted), Heard::Words(heard)) => differs_at(wanted, heard),
            _ => None,
        };
        fail_by(self.role().does(wanted.gets()), got, Evidence { cause, differs_at })
    }

    /// These words must come next, in just these bytes.
    fn expect(&mut self, words: impl AsRef<[u8]>) -> Verdict {
        self.expect_heard(&Heard::Words(words.as_ref().to_vec()))
    }

    /// What `from` said must come next, as the room relays it.
    fn expect_from(&mut self, from: &Self, words: impl AsRef<[u8]>) -> Verdict {
        self.expect(from.relayed(words))
    }

    /// A line typed into a client must come next, as a client sends it.
    fn expect_typed(&mut self, line: impl AsRef<[u8]>) -> Verdict {
        self.expect([line.as_ref(), Self::END.as_bytes()].concat())
    }

    /// Some words, whatever they are.
    fn expect_words(&mut self, what: impl fmt::Display) -> Verdict<Vec<u8>> {
        match self.next(self.role().patience) {
            Heard::Words(words) => Ok(words),
            other => {
                let gets = join(text!(zh "收到", en "gets"), what);
                fail(self.role().does(gets), other.told())
            }
        }
    }

    /// Reads up to what holds `part`, past whatever else comes. Says whether it came in time.
    fn hears(&mut self, part: &[u8], within: Duration) -> bool {
        let deadline = Instant::now() + within;
        loop {
            match self.next(deadline.saturating_duration_since(Instant::now())) {
                Heard::Words(came) | Heard::Frame(Frame { payload: came, .. }) if contains(&came, part) => {
                    return true;
                }
                heard if heard.is_something() && Instant::now() < deadline + BACKLOG => {}
                _ => return false,
            }
        }
    }

    /// Reads to the end, past whatever else comes.
    fn read_to_end(&mut self, within: Duration) -> Heard {
        let deadline = Instant::now() + within;
        loop {
            let heard = self.next(deadline.saturating_duration_since(Instant::now()));
            if !heard.is_something() {
                return heard;
            }
            if Instant::now() > deadline + BACKLOG {
                return Heard::Nothing; // of an end: it goes on and on
            }
        }
    }

    /// The connection must end in order, whatever comes before its end.
    fn expect_end(&mut self, within: Duration) -> Verdict {
        match self.read_to_end(within) {
            Heard::End(_) => Ok(()),
            other => {
                let ends = tr!(zh "在 {within:?} 内读到连接结束",
                               en "gets the end of the connection within {within:?}");
                fail(self.role().does(ends), other.told())
            }
        }
    }

    /// Leaves in order.
    fn leave(self) {
        self.role().note(|| tr!(zh "离开", en "leaves"));
    }

    /// Connects, and says so in the transcript.
    fn join(server: &Server, name: &str) -> Verdict<Self> {
        let peer = Self::connect(server, name)?;
        let address = peer.role().address;
        peer.role().note(|| tr!(zh "来自 {address}", en "comes from {address}"));
        Ok(peer)
    }

    /// Clients that all are in the room: each has heard each other one.
    fn room<const N: usize>(server: &Server, names: [&str; N]) -> Verdict<[Self; N]> {
        let mut peers = names.iter().map(|name| Self::join(server, name)).collect::<Verdict<Vec<Self>>>()?;
        peers.iter_mut().try_for_each(Self::knock)?;
        let mut all: Vec<&mut Self> = peers.iter_mut().collect();
        let greeted = server.unless_ended(greet(server, &mut all, N).likely(Self::DEAF));
        if greeted.is_err() && guess::has_forked(server.program.pid()) {
            greeted.rather(guess::FORKED)?;
        } else {
            greeted?;
        }
        peers.try_into().or_else(|_| {
            let wanted = text!(zh "每个名字一个客户端", en "a client for each name");
            fail(wanted, text!(zh "数目不对", en "another number of them"))
        })
    }

    /// One more client, once there is room for it: it knocks until it hears `member`.
    fn late(server: &Server, name: &str, member: &mut Self) -> Verdict<Self> {
        let deadline = Instant::now() + server.patience;
        loop {
            let round_ends = Instant::now() + GREETING;
            if let Ok(mut peer) = Self::join(server, name) {
                member.say("anybody new?")?;
                if peer.hears(b"anybody new?", GREETING) {
                    return greet(server, &mut [&mut peer, member], 2).map(|()| peer);
                }
            }
            if Instant::now() > deadline {
                let gets_in = text!(zh "能进来，因为又有了空位",
                                    en "gets in, as there is room again");
                let got = text!(zh "它什么也没有收到，或者被拒之门外",
                                en "it hears nothing, or is turned away");
                return fail(join(name, gets_in), got);
            }
            // Who was turned away hears that at once: no reason to hurry.
            thread::sleep(round_ends.saturating_duration_since(Instant::now()));
        }
    }
}

/// A speaker at the end of a connection: its words are a stream, and it can leave, or fall behind.
pub trait Connected: Speaker {
    /// The connection itself.
    fn stream(&self) -> &TcpStream;

    /// A second hold on it, for a thread that reads while this one sends.
    fn second(&self) -> Verdict<Self>;

    /// What goes over the wire when it says this.
    fn encode(&self, words: impl AsRef<[u8]>) -> Vec<u8>;

    /// Says that nothing more will be said; goes on hearing.
    fn finish(&mut self) -> Verdict;

    /// Sends bytes if the other side still takes them: for who expects to be thrown out. Says whether it did.
    fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream().write_all(bytes).is_ok()
    }

    /// Whether something has come that wasn't read. (Dropped then, it leaves by a reset: that is what closing a
    /// socket with unread data does.)
    fn has_something(&self, within: Duration) -> bool {
        let _ = self.stream().set_read_timeout(Some(within));
        !self.unfinished().is_empty() || matches!(self.stream().peek(&mut [0]), Ok(1))
    }
}

/// One says something, the other hears it next.
pub fn relay<S: Speaker>(from: &mut S, to: &mut S, words: impl AsRef<[u8]>) -> Verdict {
    from.say(&words)?;
    to.expect_from(from, &words)
}

/// Lets the first few greet all the others until they have heard it. Nothing is left unread then.
pub fn greet<S: Speaker>(server: &Server, all: &mut [&mut S], speakers: usize) -> Verdict {
    all.iter().for_each(|speaker| speaker.set_quiet(true));
    // Whoever had to knock again was heard by a speaker too: one more time, until nothing is left unread.
    let mut knocked = true;
    while knocked {
        knocked = false;
        for speaker in 0..speakers {
            knocked |= greet_from(server, speaker, all)?;
        }
    }
    server.log.note(text!(zh "问候都收到了：大家都在聊天室里",
                          en "their greetings have been heard: they are in the room"));
    all.iter().for_each(|speaker| speaker.set_quiet(false));
    Ok(())
}

/// One greets, again and again, until each of the others has heard the last greeting: nothing is left behind it.
/// Says whether anybody had to knock.
fn greet_from<S: Speaker>(server: &Server, speaker: usize, all: &mut [&mut S]) -> Verdict<bool> {
    let (patience, deadline) = (server.patience, Instant::now() + server.patience);
    let mut inside = vec![false; all.len()];
    for round in 1.. {
        if round > 1 {
            server.program.expect_running()?; // over UDP nobody else would notice
        }
        let greeting = format!("{} is here, {round}.", all[speaker].role().name);
        if all[speaker].say(&greeting).is_err() {
            return thrown_out(all[speaker]);
        }
        let (mut missing, round_ends) = (vec![], Instant::now() + GREETING);
        for i in (0..all.len()).filter(|&i| i != speaker) {
            // Who has heard an earlier one will hear this one too, if late.
            let rest = round_ends.saturating_duration_since(Instant::now());
            let wait = if inside[i] { patience } else { rest };
            match all[i].hears(greeting.as_bytes(), wait) {
                true => inside[i] = true,
                false => missing.push(i),
            }
        }
        match missing.last() {
            None => return Ok(round > 1),
            Some(&i) if Instant::now() > deadline => {
                let others = inside.iter().filter(|inside| **inside).count();
                return deaf(all, i, speaker, others);
            }
            Some(_) => missing.into_iter().try_for_each(|i| all[i].knock())?,
        }
        // Who was turned away hears nothing at once: no reason to hurry.
        thread::sleep(round_ends.saturating_duration_since(Instant::now()));
    }
    Ok(false)
}

/// So much of what a server says before it ends a connection tells enough, in bytes.
const MAX_WORDS: usize = 4096;

/// Somebody says a word, and its connection ends.
fn thrown_out<T>(speaker: &mut impl Speaker) -> Verdict<T> {
    speaker.set_quiet(false);
    let (mut last, mut came) = (speaker.next(GREETING), Vec::new());
    while let (Heard::Words(words), true) = (&last, came.len() < MAX_WORDS) {
        came.extend_from_slice(words);
        last = speaker.next(GREETING);
    }
    let got = if came.is_empty() {
        last.told()
    } else {
        let came = show(&came);
        tr!(zh "收到 {came}，随后连接结束", en "it gets {came}, and then its connection ends")
    };
    let stays =
        speaker.role().does(text!(zh "说话以后留在聊天室里", en "stays in the room when it says something"));
    fail(stays, got).likely(guess::of_an_end(&came))
}

/// Somebody never gets what somebody else says, while so many others do.
fn deaf<S: Speaker>(all: &mut [&mut S], hearer: usize, speaker: usize, others: usize) -> Verdict<bool> {
    const LAST: &str = "do you hear me?";
    const LAST_WAIT: Duration = Duration::from_secs(1);
    all.iter().for_each(|speaker| speaker.set_quiet(false));
    all[speaker].say(LAST)?;
    let wanted = Heard::Words(all[speaker].relayed(LAST));
    let heard = all[hearer].next(LAST_WAIT);
    if heard.is_something() && heard != wanted || !all[hearer].unfinished().is_empty() {
        return all[hearer].judge(&wanted, &heard, LAST_WAIT).and(Ok(false));
    }
    let said = all[speaker].role().does(text!(zh "说的话", en "says"));
    let wanted = all[hearer].role().does(join(text!(zh "收到", en "gets what"), said));
    let got = match heard {
        Heard::End(_) | Heard::Reset => heard.told(),
        _ => tr!(zh "说了很多遍，一遍也没有收到", en "nothing of it, however often it was said"),
    };
    let deaf = fail(wanted, got);
    match guess::deafness(all[hearer].role(), all[speaker].role(), all.len() - 1, others) {
        Some(why) => deaf.likely(why),
        None => deaf,
    }
}
