//! Hints: to each case a question that makes its reader think, and an experiment that shows it by hand. (The cause is
//! the case's own hint.)
//!
//! They stand in `en.txt` and `zh.txt`, a section each: `== ID… [KIND…]`, for all kinds if none is named. First comes
//! the question, then, after an empty line or at the first step, the experiment: prose, and steps at terminals.
//!
//! ```text
//! A$ nc {host} {port}       run this at terminal A
//! A> hello                  type this line there; with `…` at its end, without Enter; ^C is Ctrl-C
//! B| [127.0.0.1:…]: hello   this must appear at terminal B: `…` is anything, `<7` any number below 7
//! A|                        nothing may appear there until what is said of A next
//! ```
//!
//! What [`Hands::fill`] knows is filled in. A test plays all of them on our own program (`tests/it/hints.rs`).

pub mod command;

use std::fmt::Write;

use super::stage::target::command_line;
use super::{Kind, Target};
use crate::support::lang::Lang;
use crate::tr;

/// The question and the experiment for some cases.
#[derive(Clone, Debug)]
pub struct Section {
    /// The cases that it is about.
    pub ids: Vec<&'static str>,
    /// Of these kinds alone; of all that have such a case, if there are none.
    pub kinds: Vec<Kind>,
    /// What one should ask oneself.
    pub question: String,
    /// What to try.
    pub experiment: Vec<Line>,
}

/// A line of an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Prose.
    Says(&'static str),
    /// Something that is done, or seen, at a terminal.
    Step(Step),
}

/// A step at a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The terminal: S for a server, A, B and so on for clients.
    pub lane: char,
    /// What.
    pub does: Does,
    /// The command, what is typed, or what must appear.
    pub text: &'static str,
}

/// What is done at a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// A command is run.
    Runs,
    /// Something is typed.
    Types,
    /// Something must appear, or, if there is no text, nothing may.
    Shows,
}

/// All sections of a language.
#[must_use]
pub fn sections(lang: Lang) -> Vec<Section> {
    let text = match lang {
        Lang::Zh => include_str!("zh.txt"),
        Lang::En => include_str!("en.txt"),
    };
    text.split("\n== ").skip(1).map(Section::parse).collect()
}

/// What is to be said of a case.
#[must_use]
pub fn find(kind: Kind, id: &str, lang: Lang) -> Option<Section> {
    sections(lang).into_iter().find(|section| section.is_about(kind, id))
}

impl Section {
    fn parse(text: &'static str) -> Section {
        let (heading, body) = text.split_once('\n').unwrap_or((text, ""));
        let (kinds, ids) =
            heading.split_whitespace().partition::<Vec<_>, _>(|word| Kind::from_name(word).is_some());
        let mut lines: Vec<&'static str> = body.trim_end().lines().collect();
        let ends = |line: &&'static str| line.is_empty() || Step::parse(line).is_some();
        let experiment = lines.split_off(lines.iter().position(ends).unwrap_or(lines.len()));
        let experiment = experiment.into_iter().skip_while(|line| line.is_empty());
        let line = |line| Step::parse(line).map_or(Line::Says(line), Line::Step);
        Section {
            ids,
            kinds: kinds.into_iter().filter_map(Kind::from_name).collect(),
            question: lines.join("\n"),
            experiment: experiment.map(line).collect(),
        }
    }

    /// Whether it is about this case.
    #[must_use]
    pub fn is_about(&self, kind: Kind, id: &str) -> bool {
        self.ids.contains(&id) && (self.kinds.is_empty() || self.kinds.contains(&kind))
    }

    /// What is done and seen, without the prose.
    pub fn steps(&self) -> impl Iterator<Item = Step> {
        self.experiment.iter().filter_map(|line| match line {
            Line::Step(step) => Some(*step),
            Line::Says(_) => None,
        })
    }

    /// The experiment, by these hands, a line each.
    #[must_use]
    pub fn show(&self, hands: &Hands) -> String {
        let mut shown = String::new();
        for line in &self.experiment {
            // Writing to a String cannot fail.
            let _ = match line {
                Line::Says("") => writeln!(shown),
                Line::Says(prose) => writeln!(shown, "{}", hands.fill(prose)),
                Line::Step(step) => writeln!(shown, "    {}", step.show(hands)),
            };
        }
        shown
    }
}

impl Step {
    fn parse(line: &'static str) -> Option<Step> {
        let lane = line.chars().next().filter(char::is_ascii_uppercase)?;
        let does = match line.as_bytes().get(1)? {
            b'$' => Does::Runs,
            b'>' => Does::Types,
            b'|' => Does::Shows,
            _ => return None,
        };
        let text = &line[2..];
        (text.is_empty() || text.starts_with(' ')).then(|| Step {
            lane,
            does,
            text: text.get(1..).unwrap_or_default(),
        })
    }

    fn show(&self, hands: &Hands) -> String {
        let Step { lane, does, text } = self;
        let filled = hands.fill(text);
        match (does, text.strip_suffix('…')) {
            (Does::Runs, _) => format!("{lane}$ {filled}"),
            (Does::Types, Some(text)) => {
                tr!(zh "{lane}> {text}（不按回车）", en "{lane}> {text} (without Enter)")
            }
            (Does::Types, None) if text.is_empty() => {
                tr!(zh "{lane}> （只按回车）", en "{lane}> (just Enter)")
            }
            (Does::Shows, _) if text.is_empty() => {
                tr!(zh "{lane}| （什么也没有）", en "{lane}| (nothing)")
            }
            (Does::Types, None) => format!("{lane}> {filled}"),
            (Does::Shows, _) => format!("{lane}| {filled}"),
        }
    }
}

/// How to read the steps: of the signs, those that are used.
#[must_use]
pub fn legend(section: &Section) -> String {
    let has = |does, mark| section.steps().any(|step| step.does == does && step.text.contains(mark));
    let mut legend = tr!(zh "S、A、B 等各是一个终端：$ 后面是要运行的命令，> 后面是要输入的内容，\n\
                             | 后面是必须出现的内容。",
                         en "S, A, B and so on are terminals: behind $ is a command to run, behind > what to type,\n\
                             behind | what must appear.");
    let signs = [
        (Does::Shows, "…", tr!(zh "… 代表任意内容。", en " … stands for anything.")),
        (Does::Shows, "<", tr!(zh "<7 代表任何小于 7 的数。", en " <7 stands for any number below 7.")),
        (Does::Types, "^", tr!(zh "^C 代表 Ctrl-C，依此类推。", en " ^C is Ctrl-C, and so on.")),
    ];
    legend.extend(signs.into_iter().filter(|(does, mark, _)| has(*does, *mark)).map(|(_, _, sign)| sign));
    legend
}

/// Who does an experiment: with which program, at which address.
#[derive(Debug)]
pub struct Hands {
    kind: Kind,
    /// The words of the command, with `{addr}`, `{host}` and `{port}` in them.
    program: Vec<String>,
    address: String,
}

/// What asks for a WebSocket, as the format of a `printf`.
const HANDSHAKE: &str = concat!(
    r"GET /ws HTTP/1.1\r\nHost: {addr}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
    r"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
);

impl Hands {
    /// With our own program, at its own address or at another.
    #[must_use]
    pub fn ours(kind: Kind, address: Option<&str>) -> Hands {
        let usual = if kind.transport() == "udp" { "127.0.0.1:8081" } else { "127.0.0.1:8080" };
        let program = kind.ours().split(' ').map(str::to_string).collect();
        Hands { kind, program, address: address.unwrap_or(usual).to_string() }
    }

    /// With the program that was checked, at the address of a case.
    #[must_use]
    pub fn of(kind: Kind, target: &Target, address: &str) -> Hands {
        let address = Some(address).filter(|address| !address.ends_with(":0"));
        let address =
            address.map(|all| if all.starts_with(':') { format!("127.0.0.1{all}") } else { all.to_string() });
        let ours = Hands::ours(kind, address.as_deref());
        if target.is_chatroom { ours } else { Hands { program: target.words.clone(), ..ours } }
    }

    /// Fills in `{program}`, the program under test; `{server}` and `{client}`, ours, for the other side; `{listen}`,
    /// an `nc` that plays the server; `{handshake}`, for `printf`; and the address: `{addr}`, `{host}`, `{port}`.
    /// `{program@:{port}}` is started for that address, and so is such a `{server@…}`; `{secure}` is the program with
    /// `wss://` for `ws://`.
    #[must_use]
    pub fn fill(&self, text: &str) -> String {
        let transport = self.kind.transport();
        let ours = |role| Kind::from_name(&format!("{transport}-{role}")).map_or("", Kind::ours);
        let program = command_line(&self.program);
        let secure = program.replace("ws://", "wss://");
        let listen = if transport == "udp" { "nc -u -l {host} {port}" } else { "nc -l {host} {port}" };
        let known = [
            ("{program}", program.as_str()),
            ("{secure}", &secure),
            ("{server}", ours("server")),
            ("{client}", ours("client")),
            ("{listen}", listen),
            ("{handshake}", HANDSHAKE),
        ];
        let text = known.iter().fold(text.to_string(), |text, (mark, command)| text.replace(mark, command));
        let text = at(&text, &self.address);
        started_at(&started_at(&text, "{program@", &program), "{server@", ours("server"))
    }

    /// Whether all steps can be done with this program: one whose address is fixed can't be started for another.
    #[must_use]
    pub fn can_do(&self, section: &Section) -> bool {
        let chooses =
            ["{addr}", "{port}"].iter().any(|part| self.program.iter().any(|word| word.contains(part)));
        chooses || !section.steps().any(|step| step.text.contains("{program@"))
    }
}

/// Puts an address into a text.
fn at(text: &str, address: &str) -> String {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    text.replace("{addr}", address).replace("{host}", host).replace("{port}", port)
}

/// Replaces `{mark@ADDR}` by the command for that address.
fn started_at(text: &str, mark: &str, command: &str) -> String {
    match text.split_once(mark).and_then(|(before, rest)| Some((before, rest.split_once('}')?))) {
        Some((before, (address, after))) => before.to_string() + &at(command, address) + after,
        None => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::cases;

    #[test]
    fn every_case_has_one_hint_and_every_hint_a_case() {
        for lang in [Lang::En, Lang::Zh] {
            let sections = sections(lang);
            for (kind, id) in all() {
                let about = sections.iter().filter(|section| section.is_about(kind, id)).count();
                assert_eq!(about, 1, "{lang:?}: sections about {kind} {id}");
            }
            for section in &sections {
                let used = |id: &&str| all().any(|(kind, one)| one == *id && section.is_about(kind, id));
                assert!(section.ids.iter().all(used), "{lang:?}: no such case: {:?}", section.ids);
                let used = |kind: &&Kind| all().any(|(one, id)| one == **kind && section.is_about(one, id));
                assert!(
                    section.kinds.iter().all(|kind| used(&kind)),
                    "{lang:?}: not of such a kind: {:?}",
                    section.ids
                );
            }
        }
    }

    fn all() -> impl Iterator<Item = (Kind, &'static str)> {
        Kind::PROGRAMS.into_iter().flat_map(|kind| cases(kind).into_iter().map(move |case| (kind, case.id)))
    }

    #[test]
    fn both_languages_have_the_same_steps() {
        let (english, chinese) = (sections(Lang::En), sections(Lang::Zh));
        for (en, zh) in english.iter().zip(&chinese) {
            let ids = &en.ids;
            assert_eq!((ids, &en.kinds), (&zh.ids, &zh.kinds), "the sections, in order");
            assert_eq!(en.steps().collect::<Vec<_>>(), zh.steps().collect::<Vec<_>>(), "{ids:?}: the steps");
            let has_chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..'\u{a000}').contains(&c));
            assert!(!en.question.is_empty() && !has_chinese(&en.question), "{ids:?}: an English question");
            assert!(has_chinese(&zh.question), "{ids:?}: a Chinese question");
            let prose =
                |section: &Section| section.experiment.iter().any(|line| matches!(line, Line::Says(_)));
            assert_eq!(prose(en), prose(zh), "{ids:?}: prose in both languages, or in neither");
            assert!(!en.experiment.is_empty(), "{ids:?}: an experiment, or why there is none");
        }
        assert_eq!(english.len(), chinese.len());
    }

    #[test]
    fn hands_fill_in_their_own_program() {
        let target = Target::new("python3 'my server.py' {port}", "127.0.0.1:4711");
        let hands = Hands::of(Kind::UdpServer, &target, "127.0.0.1:4711");
        assert_eq!(hands.fill("{program} | cat"), "python3 'my server.py' 4711 | cat");
        assert_eq!(
            hands.fill("{program@:{port}}; {server@[::1]:1}"),
            "python3 'my server.py' 4711; chatroom udp-server [::1]:1"
        );
        assert_eq!(
            hands.fill("{client}, {listen}"),
            "chatroom udp-client 127.0.0.1:4711, nc -u -l 127.0.0.1 4711"
        );
        assert_eq!(
            Hands::of(Kind::TcpServer, &target, ":4711").fill("nc {host} {port}"),
            "nc 127.0.0.1 4711"
        );
        let ours = Hands::ours(Kind::WsClient, None);
        assert_eq!(ours.fill("{program}"), "chatroom ws-client ws://127.0.0.1:8080/ws");
        assert_eq!(
            ours.fill("{secure} {server}"),
            "chatroom ws-client wss://127.0.0.1:8080/ws chatroom ws-server 127.0.0.1:8080"
        );
    }

    #[test]
    fn steps_are_told_from_prose() {
        let step = |line| Step::parse(line).map(|step| (step.lane, step.does, step.text));
        assert_eq!(step("A$ ls"), Some(('A', Does::Runs, "ls")));
        assert_eq!(step("B>"), Some(('B', Does::Types, "")));
        assert_eq!(step("S|   x"), Some(('S', Does::Shows, "  x")));
        assert_eq!((step("A line"), step("A>b"), step("")), (None, None, None));
    }
}
