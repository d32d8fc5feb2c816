//! `chatroom hint [KIND] ID`: a question, an experiment, the cause, one after the other.

use std::io::{self, BufRead, IsTerminal};

use super::{Hands, Section, find, legend};
use crate::check::{Case, Kind, cases, on_the_way};
use crate::support::lang::lang;
use crate::support::print;
use crate::tr;

/// The case that is asked about.
#[derive(Debug)]
pub struct Asked {
    kind: Kind,
    case: &'static Case,
}

/// The kinds that have a case of this name, in the notes' order.
fn kinds_with(id: &str) -> impl Iterator<Item = (Kind, &'static Case)> {
    let case = move |kind| cases(kind).into_iter().find(|case| case.id.eq_ignore_ascii_case(id));
    Kind::PROGRAMS.into_iter().filter_map(move |kind| Some((kind, case(kind)?)))
}

impl Asked {
    /// Reads the words behind `hint`.
    ///
    /// # Errors
    /// One sentence that says what to write instead.
    pub fn parse(words: &[&str]) -> Result<Asked, String> {
        let (kinds, ids): (Vec<&str>, Vec<&str>) =
            words.iter().partition(|word| Kind::from_name(word).is_some());
        let ([] | [_], [id]) = (&kinds[..], &ids[..]) else { return Err(usage()) };
        let kind = kinds.first().and_then(|kind| Kind::from_name(kind));
        let asked = kinds_with(id).find(|(one, _)| kind.is_none_or(|kind| kind == *one));
        asked.map(|(kind, case)| Asked { kind, case }).ok_or_else(|| unknown(kind, id))
    }
}

fn usage() -> String {
    tr!(zh "hint 需要一个编号，前面可以写种类: chatroom hint [种类] 编号",
        en "hint takes the name of one case, and perhaps its kind: chatroom hint [KIND] ID")
}

fn unknown(kind: Option<Kind>, id: &str) -> String {
    if let (Some(kind), Some((other, _))) = (kind, kinds_with(id).next()) {
        return tr!(zh "{kind} 没有 {id} 这一项，{other} 有: chatroom hint {other} {id}",
                   en "{kind} has no case {id}, {other} has one: chatroom hint {other} {id}");
    }
    let all = Kind::all().flat_map(|kind| on_the_way(kind).chain(cases(kind)));
    if all.into_iter().any(|case| case.id.eq_ignore_ascii_case(id)) {
        return tr!(zh "{id} 是练习里的一项，没有提示；练习单上写着它要做到什么，还有可以自己试的命令",
                   en "{id} is a case of an exercise, and has no hint; the exercise's sheet says what it takes, and what to try by hand");
    }
    let list = kind.map_or(tr!(zh "种类", en "KIND"), |kind| kind.to_string());
    tr!(zh "没有 {id} 这一项；chatroom check {list} --list 列出全部",
        en "there is no case {id}; chatroom check {list} --list names them all")
}

/// Tells the three parts. On a terminal each waits for Enter, so that there is time to think.
pub fn run(Asked { kind, case }: &Asked) {
    let waits = io::stdin().is_terminal() && io::stdout().is_terminal();
    print::out(&heading(*kind, case));
    let parts = parts(*kind, case);
    for (at, part) in parts.iter().enumerate() {
        if waits && at > 0 {
            print::progress(&tr!(zh "（先想一想，再按回车）", en "(think first, then press Enter)"));
            let _ = io::stdin().lock().read_line(&mut String::new()); // at its end the rest comes at once
        }
        print::out(&format!("\n{}", part.trim_end()));
    }
}

/// What the case is, where else it is one, and where it is explained.
fn heading(kind: Kind, case: &Case) -> String {
    let (id, level, title) = (case.id, case.level(), case.title);
    let mut lines = vec![tr!(zh "{kind} {id}（{level}）：{title}", en "{kind} {id} ({level}): {title}")];
    let others: Vec<String> =
        kinds_with(id).filter(|(one, _)| *one != kind).map(|(one, _)| one.to_string()).collect();
    if !others.is_empty() {
        let others = others.join(", ");
        lines.push(tr!(zh "这一项也用于: {others}", en "also a case of {others}"));
    }
    if let Some(difference) = case.difference() {
        let anchor = difference.to_lowercase();
        lines.push(tr!(zh "{difference} 的解释: docs/differences.zh-CN.md#{anchor}",
                       en "{difference} is explained in docs/differences.md#{anchor}"));
    }
    lines.join("\n")
}

/// The question, the experiment and the cause.
fn parts(kind: Kind, case: &Case) -> Vec<String> {
    let labelled = |label: String, text: &str| format!("{label}\n{text}\n");
    let section = find(kind, case.id, lang());
    let of_section = section.iter().flat_map(|section| {
        let experiment = section.show(&Hands::ours(kind, None));
        let how = if section.steps().next().is_some() { legend(section) + "\n\n" } else { String::new() };
        [
            labelled(tr!(zh "问题", en "Question"), &section.question),
            labelled(tr!(zh "自己动手", en "By hand"), &(how + &experiment)),
        ]
    });
    of_section.chain([labelled(tr!(zh "可能的原因", en "Likely cause"), &case.hint.to_string())]).collect()
}

/// Of a longer experiment a report names only the command that tells it.
const FEW: usize = 10;

/// What a report ends with: the steps of a short experiment, with the program that was checked, and the command that
/// tells the rest.
#[must_use]
pub fn by_hand(kind: Kind, case: &Case, hands: &Hands) -> String {
    let Some(section) = find(kind, case.id, lang()) else { return String::new() }; // one for an exercise
    let is_short = |section: &Section| (1..=FEW).contains(&section.steps().count()) && hands.can_do(section);
    let steps = Some(section).filter(is_short).map_or(String::new(), |section| {
        let steps: String = section.steps().map(|step| format!("    {}\n", step.show(hands))).collect();
        tr!(zh "自己动手（S、A、B 是终端：$ 运行，> 输入，| 必须出现）：\n{steps}",
            en "By hand (S, A, B are terminals: $ runs, > is typed, | must appear):\n{steps}")
    });
    let id = case.id;
    steps + &tr!(zh "更多提示: chatroom hint {kind} {id}\n", en "More: chatroom hint {kind} {id}\n")
}
