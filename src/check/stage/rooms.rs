//! Servers that share one room by a broker, with two clients at each.

use std::thread;
use std::time::{Duration, Instant};

use super::broker::{Broker, Hand, Played, Waiting};
use super::scene::{Launch, Scene, Server};
use super::speaker::{Heard, Role, Speaker};
use super::target::fresh_address;
use super::tcp_peer::Peer;
use super::udp_peer::UdpPeer;
use super::ws_peer::WsPeer;
use crate::check::Kind;
use crate::check::telling::text::{Text, join};
use crate::check::telling::verdict::{Verdict, fail};
use crate::{text, tr};

/// How long a line is waited for before it is said again: the servers may not be at the broker yet.
const AGAIN: Duration = Duration::from_millis(100);

/// What they are called, in the order of the commands.
const NAMES: [&str; 3] = ["first server", "second server", "third server"];

/// Who is at which of them.
const CLIENTS: [[&str; 2]; 3] = [["A", "B"], ["C", "D"], ["E", "F"]];

/// A client that the checker plays, whatever carries its words.
pub trait Client: Send {
    /// Who it is.
    fn role(&self) -> &Role;
    /// What the others should get when it says this.
    fn relayed(&self, words: &str) -> Vec<u8>;
    /// Says a few words.
    fn say(&mut self, words: &str) -> Verdict;
    /// These words must come next.
    fn expect(&mut self, words: &[u8]) -> Verdict;
    /// What comes next.
    fn next(&mut self, within: Duration) -> Heard;
    /// Reads up to what holds `part`, past whatever else comes. Says whether it came in time.
    fn hears(&mut self, part: &str, within: Duration) -> bool;
    /// Keeps what it says and hears out of the transcript, or puts it in again.
    fn set_quiet(&self, quiet: bool);
}

impl<S: Speaker> Client for S {
    fn role(&self) -> &Role {
        Speaker::role(self)
    }

    fn relayed(&self, words: &str) -> Vec<u8> {
        Speaker::relayed(self, words)
    }

    fn say(&mut self, words: &str) -> Verdict {
        Speaker::say(self, words)
    }

    fn expect(&mut self, words: &[u8]) -> Verdict {
        Speaker::expect(self, words)
    }

    fn next(&mut self, within: Duration) -> Heard {
        Speaker::next(self, within)
    }

    fn hears(&mut self, part: &str, within: Duration) -> bool {
        Speaker::hears(self, part.as_bytes(), within)
    }

    fn set_quiet(&self, quiet: bool) {
        Speaker::set_quiet(self, quiet);
    }
}

/// A server, and its two clients.
pub struct House {
    /// The server.
    pub server: Server,
    /// Its clients.
    pub clients: [Box<dyn Client>; 2],
}

impl House {
    /// Starts the server of that number, told where its broker is, and lets two clients in.
    pub fn open(scene: &Scene<'_>, number: usize, broker: &str) -> Verdict<House> {
        let Some(room) = scene.target.rooms.get(number) else {
            return fail(text!(zh "要检查的命令", en "a command to check"), text!(zh "没有", en "none"));
        };
        let mut launch = scene.launch();
        (launch.name, launch.words, launch.broker) = (NAMES[number], room.words.clone(), broker.to_string());
        if number > 0 {
            launch.address = fresh_address();
        }
        match room.kind {
            Kind::UdpServer => House::enter::<UdpPeer>(launch, CLIENTS[number]),
            Kind::WsServer => House::enter::<WsPeer>(launch, CLIENTS[number]),
            _ => House::enter::<Peer>(launch, CLIENTS[number]),
        }
    }

    fn enter<S: Speaker + 'static>(launch: Launch<'_>, names: [&str; 2]) -> Verdict<House> {
        let server = S::serve(launch)?;
        let [one, other] = S::room(&server, names)?;
        Ok(House { server, clients: [Box::new(one), Box::new(other)] })
    }

    /// The first server with a broker that the checker plays. (A server may want to hear from it before it lets
    /// anybody in.)
    pub fn at_played_broker(scene: &Scene<'_>) -> Verdict<(House, Played)> {
        let waiting = Waiting::new()?;
        thread::scope(|scope| {
            let accepting = scope.spawn(|| waiting.accept(scene));
            let house = House::open(scene, 0, &waiting.address);
            let accepted = accepting.join().unwrap_or_else(|_| fail("", "")); // it doesn't panic
            Ok((house?, accepted?))
        })
    }

    /// Each of the clients says something, until the one at the broker has heard it: that one has heard all then.
    pub fn reach(&mut self, hand: &mut Hand) -> Verdict {
        let [one, other] = &mut self.clients;
        let reached = reach(one, other, hand).and_then(|()| reach(other, one, hand));
        set_quiet(&self.clients, hand, false);
        self.server.unless_ended(reached)
    }

    /// The one at the broker says something, until both clients have heard it. Nothing is left unread then.
    pub fn reached_by(&mut self, hand: &mut Hand) -> Verdict {
        let deadline = Instant::now() + self.server.patience;
        for round in 1.. {
            set_quiet(&self.clients, hand, round > 1);
            let words = format!("is there a server, {round}?");
            hand.publish("", format!("[192.0.2.1:9]: {words}\n"))?;
            let deaf: Vec<&mut Box<dyn Client>> = self
                .clients
                .iter_mut()
                .filter_map(|client| (!client.hears(&words, AGAIN)).then_some(client))
                .collect();
            let Some(one) = deaf.first() else { break };
            if Instant::now() > deadline {
                let wanted = one.role().does(text!(zh "收到发布在 chatroom.lobby 上的话", en "gets what is published on chatroom.lobby"));
                return fail(wanted, NEVER);
            }
        }
        set_quiet(&self.clients, hand, false);
        Ok(())
    }
}

const NEVER: Text = text!(zh "说了很多遍，一遍也没有收到", en "nothing of it, however often it was said");

/// What is said again and again is written down once.
fn set_quiet(clients: &[Box<dyn Client>; 2], hand: &Hand, quiet: bool) {
    clients.iter().for_each(|client| client.set_quiet(quiet));
    hand.set_quiet(quiet);
}

/// One says something, until the one at the broker has heard it; its neighbour hears it each time.
fn reach(speaker: &mut Box<dyn Client>, neighbour: &mut Box<dyn Client>, hand: &mut Hand) -> Verdict {
    let (name, patience) = (speaker.role().name.clone(), speaker.role().patience);
    let deadline = Instant::now() + patience;
    for round in 1.. {
        [&*speaker, &*neighbour].into_iter().for_each(|client| client.set_quiet(round > 1));
        hand.set_quiet(round > 1);
        let words = format!("{name} asks for the broker, {round}.");
        speaker.say(&words)?;
        if !neighbour.hears(&words, patience) {
            let wanted =
                neighbour.role().does(text!(zh "照样听到旁边的人说话", en "hears its neighbour as ever"));
            return fail(wanted, text!(zh "没有听到", en "it doesn't"));
        }
        if hand.hears(&words, AGAIN) {
            break;
        }
        if Instant::now() > deadline {
            let wanted = tr!(zh "{name} 说的话在消息代理那里发布出来", en "what {name} says is published at the broker");
            return fail(
                wanted,
                text!(zh "说了很多遍，一遍也没有", en "nothing of it, however often it was said"),
            );
        }
    }
    Ok(())
}

/// All servers at one broker, and their clients, each of whom has heard each other one.
pub fn at_one_broker(scene: &Scene<'_>, broker: &Broker) -> Verdict<Vec<House>> {
    let mut houses = (0..scene.target.rooms.len())
        .map(|number| House::open(scene, number, &broker.address))
        .collect::<Verdict<Vec<House>>>()?;
    meet(scene, &mut houses)?;
    Ok(houses)
}

/// Lets each client greet all the others, at all servers, until they have heard it. Nothing is left unread then.
pub fn meet(scene: &Scene<'_>, houses: &mut [House]) -> Verdict {
    let mut all: Vec<&mut Box<dyn Client>> = houses.iter_mut().flat_map(|house| &mut house.clients).collect();
    all.iter().for_each(|client| client.set_quiet(true));
    for speaker in 0..all.len() {
        greet(&mut all, speaker)?;
    }
    all.iter().for_each(|client| client.set_quiet(false));
    let there = ["A, B", "C, D", "E, F"][..all.len() / 2].join(" | ");
    scene.log.note(tr!(zh "大家互相听到了问候：{there} 各在一个服务器",
                       en "all have heard each other's greetings: {there} are at a server each"));
    Ok(())
}

/// One greets, again and again, until each of the others has heard the last greeting.
fn greet(all: &mut [&mut Box<dyn Client>], speaker: usize) -> Verdict {
    let (patience, name) = (all[speaker].role().patience, all[speaker].role().name.clone());
    let deadline = Instant::now() + patience;
    for round in 1.. {
        let greeting = format!("{name} greets all, {round}.");
        all[speaker].say(&greeting)?;
        let others = (0..all.len()).filter(|one| *one != speaker);
        let deaf: Vec<usize> = others.filter(|one| !all[*one].hears(&greeting, AGAIN)).collect();
        let Some(one) = deaf.first() else { break };
        if Instant::now() > deadline {
            let gets = join(text!(zh "收到", en "gets what"), join(&name, text!(zh "说的话", en "says")));
            return fail(all[*one].role().does(gets), NEVER);
        }
    }
    Ok(())
}
