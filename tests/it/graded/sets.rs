//! Which cases each faulty program fails: no blame too many, and none too few.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use chatroom::check::{self, Kind, Outcome};

use super::{blesses, is_asked_for, stored, with_all};
use crate::faulty::PROOFS;

/// A faulty program; without a fault the naive one.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Program {
    kind: Kind,
    fault: &'static str,
}

/// What is said of cases, by their ids.
type Said = BTreeMap<String, &'static str>;

/// What may be said of a case, in the order in which it is stored. `~`: one thing or another.
const WORDS: [&str; 5] = ["fails", "waits", "passes", "not checked", "~"];

/// All programs, the naive one of each kind first.
fn programs() -> Vec<Program> {
    let mut all = Vec::new();
    for (kind, proofs) in PROOFS {
        for fault in [""].into_iter().chain(proofs.iter().map(|(_, fault, _)| *fault)) {
            let program = Program { kind, fault };
            if !all.contains(&program) {
                all.push(program);
            }
        }
    }
    all
}

impl Program {
    /// What its line in the file begins with.
    fn name(self) -> String {
        format!("{} {}", self.kind, self.fault).trim_end().to_string()
    }

    /// Runs all cases, as `chatroom check` does, and tells of each. What is known already isn't tried again.
    fn judge(self, known: &Said) -> Said {
        let mut said = Said::new();
        for case in check::cases(self.kind) {
            let out = |id: &str| matches!(said.get(id), Some(&("fails" | "waits")));
            let known = known.get(case.id).copied().filter(|word| *word != "waits");
            let word = match case.waits_for(self.kind, out) {
                Some(_) => "waits",
                None => known.unwrap_or_else(|| self.judge_by(case)),
            };
            said.insert(case.id.to_string(), word);
        }
        said
    }

    fn judge_by(self, case: &check::Case) -> &'static str {
        match case.check(&crate::faulty(&self.kind.to_string(), self.fault)) {
            Outcome::Passed => "passes",
            Outcome::Failed(_) => "fails",
            Outcome::NotChecked(_) => "not checked",
        }
    }
}

/// The line for what is said, or for how that differs from what is said of the naive program.
fn line(program: Program, said: &Said, naive: Option<&Said>) -> String {
    let new = |id: &String, word: &str| match naive {
        Some(naive) => naive.get(id) != Some(&word),
        None => word != "passes",
    };
    let with = |word| said.iter().filter(move |(id, this)| **this == word && new(id, word)).map(|(id, _)| id);
    // Where the root fails, so that all others wait, that is all there is to say.
    let all_wait = !program.fault.is_empty() && said.values().filter(|word| **word != "waits").count() == 1;
    let mut parts = Vec::new();
    for word in WORDS {
        let ids: Vec<String> = in_order(program.kind, with(word));
        match word {
            "waits" if all_wait => parts.push("all others wait".to_string()),
            "~" => parts.extend(ids.iter().map(|id| format!("~{id}"))),
            _ if ids.is_empty() => {}
            _ => parts.push(format!("{word} {}", ids.join(" "))),
        }
    }
    let told = if parts.is_empty() { "as the naive one".to_string() } else { parts.join("; ") };
    format!("{}: {told}", program.name())
}

/// These cases, in the order in which they are tried.
fn in_order<'a>(kind: Kind, ids: impl Iterator<Item = &'a String>) -> Vec<String> {
    let ids: Vec<&String> = ids.collect();
    let all = check::cases(kind).into_iter().map(|case| case.id.to_string());
    all.filter(|id| ids.contains(&id)).collect()
}

/// What a line says of all cases; `naive` for what it leaves out.
fn parse(kind: Kind, told: &str, naive: Option<&Said>) -> Said {
    let rest = if told.contains("all others wait") { "waits" } else { "passes" };
    let all = check::cases(kind).into_iter().map(|case| case.id.to_string());
    let mut said: Said = match naive {
        Some(naive) if rest == "passes" => naive.clone(),
        _ => all.map(|id| (id, rest)).collect(),
    };
    for part in told.split("; ") {
        let found = WORDS.into_iter().find_map(|word| Some((word, part.strip_prefix(word)?)));
        let Some((word, ids)) = found else { continue };
        said.extend(ids.split_whitespace().map(|id| (id.to_string(), word)));
    }
    said
}

/// Takes out what says nothing here: what may be one or the other, what this machine can't check, and what waits for it.
fn without_open(kind: Kind, said: &Said, stored: &Said) -> [Said; 2] {
    let is_open = |id: &str| stored.get(id) == Some(&"~") || said.get(id) == Some(&"not checked");
    let open: Vec<String> = check::cases(kind)
        .into_iter()
        .filter(|case| is_open(case.id) || case.waits_for(kind, is_open).is_some())
        .map(|case| case.id.to_string())
        .collect();
    [said, stored].map(|all| {
        all.iter().filter(|(id, _)| !open.contains(id)).map(|(id, word)| (id.clone(), *word)).collect()
    })
}

/// The stored lines, comments and all, and how to find a program's line among them.
struct File(Vec<String>);

impl File {
    fn read() -> File {
        File(fs::read_to_string(stored("sets.txt")).unwrap().lines().map(str::to_string).collect())
    }

    fn at(&self, program: Program) -> Option<usize> {
        let start = program.name() + ":";
        self.0.iter().position(|line| line.starts_with(&start))
    }

    /// What is stored of a program.
    fn said(&self, program: Program) -> Option<Said> {
        let naive = Program { fault: "", ..program };
        let naive = (program != naive).then(|| self.said(naive)).flatten();
        let (_, told) = self.0[self.at(program)?].split_once(": ")?;
        Some(parse(program.kind, told, naive.as_ref()))
    }

    /// Puts a line in place of the program's, or at the end of its kind's.
    fn store(&mut self, program: Program, line: String) {
        match self.at(program) {
            Some(at) => self.0[at] = line,
            None => {
                let kind = program.kind.to_string();
                let last = self.0.iter().rposition(|line| line.starts_with(&kind));
                let at = last.map_or(self.0.len(), |last| last + 1);
                self.0.insert(at, line);
                if last.is_none() {
                    self.0.insert(at, String::new());
                }
            }
        }
    }
}

/// Small enough for every run: where the root fails, all others wait.
fn is_quick(program: Program, file: &File) -> bool {
    file.at(program).is_some_and(|at| file.0[at].contains("all others wait"))
}

/// How many programs are tried at a time: they sleep most of the time.
const AT_ONCE: usize = 24;

#[test]
fn each_fault_fails_the_cases_that_it_should_and_no_others() {
    let mut file = File::read();
    let mut chosen = programs();
    chosen.retain(|program| is_asked_for(program.kind) || is_quick(*program, &file));
    chosen.sort_by_key(|program| std::cmp::Reverse(check::cases(program.kind).len())); // what takes long, first
    let said = with_all(chosen, AT_ONCE, |program| (program, program.judge(&Said::new())));
    let said: Vec<_> =
        said.into_iter().map(|(program, said)| (program, settle(&file, program, said))).collect();
    if blesses() {
        return bless(&mut file, said);
    }
    let wrong = said.iter().filter_map(|(program, said)| differs(&file, *program, said));
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "not as stored in tests/graded/sets.txt:\n\n{}", wrong.join("\n"));
}

/// What is not as stored is tried again, alone: some faults are races, and the machine was busy.
fn settle(file: &File, program: Program, mut said: Said) -> Said {
    let Some(stored) = file.said(program) else { return said };
    for _ in 0..2 {
        let Some(wrong) = differs(file, program, &said) else { break };
        eprintln!("not as stored; once more, alone\n{wrong}");
        said.retain(|id, word| stored.get(id) == Some(word));
        said = program.judge(&said);
    }
    said
}

/// What is wrong, as the line that came in place of the one that is stored.
fn differs(file: &File, program: Program, said: &Said) -> Option<String> {
    let naive = file.said(Program { fault: "", ..program }).filter(|_| !program.fault.is_empty());
    let came = line(program, said, naive.as_ref());
    let Some(stored) = file.said(program) else { return Some(format!("nothing stored for\n  {came}\n")) };
    let [said, wanted] = without_open(program.kind, said, &stored);
    let stored = &file.0[file.at(program)?];
    (said != wanted).then(|| format!("stored: {stored}\ncame:   {came}\n"))
}

/// Stores what came. What may be one or the other stays so.
fn bless(file: &mut File, mut all: Vec<(Program, Said)>) {
    all.sort_by_key(|(program, _)| programs().iter().position(|one| one == program));
    for (program, mut said) in all {
        let open = file.said(program).into_iter().flatten().filter(|(_, word)| *word == "~");
        said.extend(open);
        let naive = file.said(Program { fault: "", ..program }).filter(|_| !program.fault.is_empty());
        file.store(program, line(program, &said, naive.as_ref()));
    }
    fs::write(stored("sets.txt"), file.0.join("\n") + "\n").unwrap();
}

#[test]
fn every_stored_set_is_a_programs() {
    let names: BTreeSet<String> = programs().into_iter().map(Program::name).collect();
    let lines = File::read().0.into_iter().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let stored: BTreeSet<String> = lines.map(|line| line.split(':').next().unwrap().to_string()).collect();
    assert_eq!(stored, names);
}
