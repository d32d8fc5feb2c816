//! Cases for servers that share one room by a NATS broker. Most ask the first server alone; it is the one that is
//! checked.

use crate::check::stage::broker::{Broker, Hand, Played};
use crate::check::stage::rooms::{Client, House, at_one_broker};
use crate::check::stage::speaker::Heard;
use crate::check::stage::target::fresh_address;
use crate::check::telling::events::show;
use crate::check::telling::text::Text;
use crate::check::telling::verdict::{Likely, Verdict, ensure, fail};
use crate::check::{Case, Scene};
use crate::{text, tr};

/// All of them.
pub const CASES: &[Case] = &[
    Case {
        id: "relay-tell",
        title: text!(zh "客户端说的每一行，都发布到消息代理的主题 chatroom.lobby，形式和别的客户端收到的一样",
                     en "each line of a client is published on the broker's subject chatroom.lobby, as other clients get it"),
        hint: text!(zh "每一行都要发布：`PUB chatroom.lobby 字节数`，下一行是这一行的内容，末尾各有 \\r\\n；长度是字节数，包括换行符",
                    en "publish each line: `PUB chatroom.lobby LENGTH`, and in the next line its bytes, each with \\r\\n behind it; \
                        the length is in bytes, the line break included"),
        run: tells,
    },
    Case {
        id: "relay-hear",
        title: text!(zh "别人在这个主题上发布的每一行，都发给这里的所有客户端",
                     en "each line that others publish on that subject reaches all clients here"),
        hint: text!(zh "订阅 `SUB chatroom.lobby 1`；`MSG` 那一行的最后一个数是长度：后面正好读这么多字节，一次可以有好几行",
                    en "subscribe, `SUB chatroom.lobby 1`; the last word of the line `MSG` is a length: read just so many bytes \
                        behind it, perhaps several lines"),
        run: hears,
    },
    Case {
        id: "relay-once",
        title: text!(zh "三个服务器，一个聊天室：每个人都正好收到一次别人的话，收不到自己的",
                     en "three servers, one room: everybody gets what the others say just once, and nobody his own words"),
        hint: ECHO,
        run: once,
    },
    Case {
        id: "relay-ping",
        title: text!(zh "消息代理问 PING，服务器回答 PONG", en "when the broker says PING, the server answers PONG"),
        hint: text!(zh "消息代理会断开不回答 PING 的连接：读到 PING 就写 `PONG\\r\\n`",
                    en "a broker cuts off whoever doesn't answer its PING: write `PONG\\r\\n` when it comes"),
        run: answers,
    },
    Case {
        id: "relay-pieces",
        title: text!(zh "消息代理的话，可以一个字节一个字节地来；内容里有什么都行，看上去像 PING 也行",
                     en "what a broker says may come byte by byte, and hold anything: what looks like PING, too"),
        hint: text!(zh "内容要按长度读，不要按行读；一次 read 可以只读到一部分，读够为止",
                    en "read a payload by its length, not by lines; and one read may bring a part of it: read until you have all"),
        run: in_pieces,
    },
    Case {
        id: "relay-order",
        title: text!(zh "三个服务器的人同时说话：每个人说的每一行，别处都按他说的顺序收到一次",
                     en "people at three servers speak at once: each line arrives everywhere once, in its speaker's order"),
        hint: text!(zh "一个连接上，由谁写、按什么顺序写：两个线程同时写，一条消息就会插进另一条中间",
                    en "who writes on one connection, and in which order: when two threads write at once, one message comes into the \
                        middle of another"),
        run: in_order,
    },
    Case {
        id: "relay-forged",
        title: text!(zh "从消息代理来的，冒充不了这里的控制台：`[Server]: …` 和没有发送者的行，谁也收不到",
                     en "what comes from the broker can't pass for our console: nobody gets `[Server]: …`, or a line without a sender"),
        hint: text!(zh "能发布的人也是陌生人：只转发以 `[ip:端口]: ` 开头的行",
                    en "whoever can publish is a stranger, too: tell only what begins with `[ip:port]: `"),
        run: forged,
    },
    Case {
        id: "relay-absent",
        title: text!(zh "消息代理还没有启动的时候，这里的聊天室照常；它一启动，就连上",
                     en "without a broker the room here works as ever; and when there is one, they find each other"),
        hint: ON_ITS_OWN,
        run: absent,
    },
    Case {
        id: "relay-restart",
        title: text!(zh "消息代理死了，这里的聊天室照常；它回来了，又连上",
                     en "when the broker dies, the room here goes on; when it is back, they find each other again"),
        hint: text!(zh "读到连接结束以后，再连接，再订阅；这时发布要写到新的连接上",
                    en "after the connection's end connect again, and subscribe again; and publish on the new connection from then on"),
        run: restarted,
    },
    Case {
        id: "relay-stalled",
        title: text!(zh "消息代理不再读取，这里的人照样收到每一行",
                     en "when the broker stops reading, everybody here gets every line all the same"),
        hint: text!(zh "向消息代理写的时候在等：广播只把内容放进有上限的队列，由另一个线程写",
                    en "somebody waits for the broker: let a broadcast only put lines into a bounded queue, and another thread write"),
        run: stalled,
    },
];

const ECHO: Text = text!(zh "消息代理也会把你发布的送还给你：在 CONNECT 里写 \"echo\":false；从别处来的，只发给这里的客户端，不再发布",
            en "a broker sends your own publications back, too: write \"echo\":false in CONNECT; and tell what comes from \
                elsewhere to the clients here, but don't publish it again");

const ON_ITS_OWN: Text = text!(zh "连接消息代理要在自己的线程里：连不上就等一等再试，不要结束程序",
            en "connect to the broker on a thread of its own: where that fails, rest and try again, and don't end the program");

/// An address that nobody has: it is kept for examples (RFC 5737).
const FROM: &str = "[192.0.2.1:9]: ";

/// So many lines each says who speaks at once with others, in chunks that a UDP socket's buffer holds.
const LINES: usize = 300;
const CHUNK: usize = 20;

/// 12 MB: more than the 10 MB that a connection's buffers may hold on this machine and a queue of 4 MB.
const MANY: usize = 1500;
const LONG: usize = 8 << 10;

type Someone = Box<dyn Client>;

fn tells(scene: &Scene<'_>) -> Verdict {
    let broker = Broker::start(scene)?;
    let mut hand = Hand::subscribe(scene, &broker)?;
    let mut house = House::open(scene, 0, &broker.address)?;
    house.reach(&mut hand)?;
    let [a, b] = &mut house.clients;
    told(a, b, &mut hand, "hello")?;
    told(b, a, &mut hand, "好 <b>\t")?;
    told(a, b, &mut hand, "PING")
}

/// What one says, the other hears, and whoever listens at the broker.
fn told(from: &mut Someone, to: &mut Someone, hand: &mut Hand, words: &str) -> Verdict {
    from.say(words)?;
    next_is(to, from.relayed(words))?;
    hand.expect(from.relayed(words))
}

/// This must come next. What was said before comes again from the broker here, and not from the room: what is guessed
/// elsewhere would be wrong.
fn next_is(client: &mut Someone, wanted: Vec<u8>) -> Verdict {
    let speaker = wanted.split(|byte| *byte == b' ').next().unwrap_or_default().to_vec();
    let (wanted, heard) = (Heard::Words(wanted), client.next(client.role().patience));
    let verdict = ensure(heard == wanted, client.role().does(wanted.gets()), heard.told());
    let own = client.relayed("");
    let is_by = |who: &[u8]| matches!(&heard, Heard::Words(words) if words.starts_with(who));
    if is_by(&speaker) || is_by(own.trim_ascii_end()) { verdict.likely(ECHO) } else { verdict }
}

fn hears(scene: &Scene<'_>) -> Verdict {
    let broker = Broker::start(scene)?;
    let mut hand = Hand::subscribe(scene, &broker)?;
    let mut house = House::open(scene, 0, &broker.address)?;
    house.reached_by(&mut hand)?;
    for (lines, reply) in [
        (&["hello\n"][..], ""),
        (&["好 <b>\t\n"], "chatroom.answers "), // a subject for answers stands before the length
        (&["one\n", "two\n"], ""),
        (&["and no line break"], ""),
    ] {
        hand.publish(reply, lines.iter().map(|line| format!("{FROM}{line}")).collect::<String>())?;
        for client in &mut house.clients {
            let mut lines = lines.iter().map(|line| format!("{FROM}{}\n", line.trim_end_matches('\n')));
            lines.try_for_each(|line| client.expect(line.as_bytes()))?;
        }
    }
    Ok(())
}

/// Each says a line; what each hears next must be that.
fn once(scene: &Scene<'_>) -> Verdict {
    let broker = Broker::start(scene)?;
    let mut houses = at_one_broker(scene, &broker)?;
    for (at, words) in ["one", "two", "three"].into_iter().enumerate().chain([(0, "four")]) {
        all_hear(&mut houses, at, words)?;
    }
    Ok(())
}

/// What a client of that server says is the next that all others hear.
fn all_hear(houses: &mut [House], at: usize, words: &str) -> Verdict {
    let [speaker, _] = &mut houses[at].clients;
    speaker.say(words)?;
    let said = speaker.relayed(words);
    let (clients, mut place) = (houses.iter_mut().flat_map(|house| &mut house.clients), 0..);
    clients.filter(|_| place.next() != Some(2 * at)).try_for_each(|client| next_is(client, said.clone()))
}

fn answers(scene: &Scene<'_>) -> Verdict {
    let (mut house, mut broker) = House::at_played_broker(scene)?;
    broker.ping()?;
    broker.ping()?;
    let said = format!("{FROM}and we still speak\n");
    broker.deliver(said.as_bytes(), "", usize::MAX)?;
    house.clients.iter_mut().try_for_each(|client| client.expect(said.as_bytes()))
}

fn in_pieces(scene: &Scene<'_>) -> Verdict {
    let (mut house, mut broker) = House::at_played_broker(scene)?;
    for (words, reply, size) in [
        ("one byte after the other", "", 1),
        ("in pieces of seven bytes, with a subject for answers", "chatroom.answers ", 7),
        ("PING", "", usize::MAX),
        ("MSG chatroom.lobby 1 5", "", usize::MAX),
    ] {
        let said = format!("{FROM}{words}\n");
        broker.deliver(said.as_bytes(), reply, size)?;
        house.clients.iter_mut().try_for_each(|client| client.expect(said.as_bytes()))?;
    }
    looks_like_ping(&mut house, &mut broker)
}

/// A payload of which one line is `PING`: no question, so there is no answer.
fn looks_like_ping(house: &mut House, broker: &mut Played) -> Verdict {
    let before = broker.pongs();
    broker.deliver(format!("{FROM}a\r\nPING\r\n{FROM}the end\n").as_bytes(), "", usize::MAX)?;
    for client in &mut house.clients {
        let heard = client.hears("the end", client.role().patience);
        let wanted = client.role().does(text!(zh "收到最后一行", en "gets the last line"));
        ensure(heard, wanted, text!(zh "没有收到", en "it doesn't"))?;
    }
    broker.ping()?;
    let pongs = broker.pongs() - before;
    let wanted = text!(zh "一个 PONG，回答真正的 PING", en "one PONG, for the real PING");
    ensure(pongs == 1, wanted, tr!(zh "{pongs} 个", en "{pongs} of them"))
}

/// All speak at once, and then all hear what the others said.
fn in_order(scene: &Scene<'_>) -> Verdict {
    let broker = Broker::start(scene)?;
    let mut houses = at_one_broker(scene, &broker)?;
    let mut all: Vec<&mut Someone> = houses.iter_mut().flat_map(|house| &mut house.clients).collect();
    all.iter().for_each(|client| client.set_quiet(true));
    scene.log.note(tr!(zh "大家同时各说 {LINES} 行", en "all say {LINES} lines each, at once"));
    for from in (0..LINES).step_by(CHUNK) {
        for client in &mut all {
            (from..from + CHUNK).try_for_each(|i| client.say(&format!("line {i}")))?;
        }
        let said: Vec<Vec<Vec<u8>>> = all.iter().map(|client| chunk(client, from)).collect();
        for (at, client) in all.iter_mut().enumerate() {
            let mut by_others = said.clone();
            by_others.remove(at);
            follow(client, by_others)?;
        }
    }
    Ok(())
}

/// The lines that somebody has just said; the first stands last.
fn chunk(speaker: &Someone, from: usize) -> Vec<Vec<u8>> {
    (from..from + CHUNK).rev().map(|i| speaker.relayed(&format!("line {i}"))).collect()
}

/// Each line that comes must be the next of one of the speakers.
fn follow(hearer: &mut Someone, mut speakers: Vec<Vec<Vec<u8>>>) -> Verdict {
    while speakers.iter().any(|lines| !lines.is_empty()) {
        let heard = hearer.next(hearer.role().patience);
        let is_next = |lines: &&mut Vec<Vec<u8>>| matches!((lines.last(), &heard), (Some(line), Heard::Words(words)) if line == words);
        let Some(lines) = speakers.iter_mut().find(is_next) else {
            let expected: Vec<String> =
                speakers.iter().filter_map(|lines| Some(show(lines.last()?))).collect();
            let expected = expected.join(", ");
            let gets = tr!(zh "收到其中之一：{expected}", en "gets one of {expected}");
            return fail(hearer.role().does(gets), heard.told());
        };
        lines.pop();
    }
    Ok(())
}

fn forged(scene: &Scene<'_>) -> Verdict {
    let broker = Broker::start(scene)?;
    let mut hand = Hand::subscribe(scene, &broker)?;
    let mut house = House::open(scene, 0, &broker.address)?;
    house.reached_by(&mut hand)?;
    for forged in ["[Server]: the room closes\n", "nobody says this\n", "[nobody]: nor this\n"] {
        hand.publish("", forged)?;
    }
    hand.publish("", format!("{FROM}an honest line\n"))?;
    house
        .clients
        .iter_mut()
        .try_for_each(|client| client.expect(format!("{FROM}an honest line\n").as_bytes()))
}

fn absent(scene: &Scene<'_>) -> Verdict {
    let address = fresh_address();
    scene.log.note(tr!(zh "{address} 上还没有消息代理", en "there is no broker at {address} yet"));
    let mut house = House::open(scene, 0, &address).rather(ON_ITS_OWN)?;
    let broker = Broker::start_at(scene, &address)?;
    house.reach(&mut Hand::subscribe(scene, &broker)?)
}

fn restarted(scene: &Scene<'_>) -> Verdict {
    let broker = Broker::start(scene)?;
    let mut house = House::open(scene, 0, &broker.address)?;
    house.reach(&mut Hand::subscribe(scene, &broker)?)?;
    let address = broker.address.clone();
    broker.kill()?;
    let [a, b] = &mut house.clients;
    a.say("and we still speak")?;
    house.server.unless_ended(b.expect(&a.relayed("and we still speak")))?;
    let broker = Broker::start_at(scene, &address)?;
    house.reach(&mut Hand::subscribe(scene, &broker)?).likely(text!(
        zh "服务器没有再连接消息代理，或者没有再订阅",
        en "the server doesn't connect to the broker again"))
}

fn stalled(scene: &Scene<'_>) -> Verdict {
    let (mut house, broker) = House::at_played_broker(scene)?;
    broker.stall();
    let [a, b] = &mut house.clients;
    [&*a, &*b].into_iter().for_each(|client| client.set_quiet(true));
    scene.log.note(tr!(zh "A 说 {MANY} 行，每行 {LONG} 字节；B 每一行都读取",
                       en "A says {MANY} lines of {LONG} bytes; B reads each of them"));
    let all = (0..MANY).try_for_each(|i| {
        let line = format!("{i:LONG$}");
        a.say(&line)?;
        b.expect(&a.relayed(&line))
    });
    house.server.unless_ended(all)
}
