//! What a run that was stopped has found out: the next one goes on from there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::entry::{Asked, Result, Told};
use super::list::Entry;
use crate::support::lock;

/// The file beside the list, and what is in it.
#[derive(Debug)]
pub struct Kept {
    pub path: PathBuf,
    file: Mutex<Option<File>>,
    before: String,
    /// How long a program may take, as it is written down.
    limit: String,
}

/// Which line of the list a block is about; and how one of a case, and of what kept it from the rest, begins.
const ENTRY: &str = "= ";
const CASE: char = '\t';
const WHY_NOT: &str = "! ";

impl Kept {
    /// Opens it. Where it can't be written, nothing is kept.
    pub fn open(list: &str, asked: &Asked) -> Kept {
        let path = PathBuf::from(format!("{list}.partial"));
        let head = format!("{:?}\n", asked.level);
        let before = fs::read_to_string(&path).unwrap_or_default();
        let before = before.strip_prefix(&head).unwrap_or_default().to_string();
        let file = Mutex::new(write_new(&path, &(head + &before)).ok());
        Kept { path, file, before, limit: format!("{:?}", asked.limit) }
    }

    /// Whether there is a file that the next run can go on from.
    pub fn is_kept(&self) -> bool {
        lock(&self.file).is_some()
    }

    /// What is known of a program. Who didn't finish within another time may finish within this one.
    pub fn of(&self, entry: &Entry) -> Option<Result> {
        let head = format!("{ENTRY}{}\n", entry.line);
        let blocks =
            self.before.match_indices(&head).filter(|(at, _)| *at == 0 || self.before[..*at].ends_with('\n'));
        let (at, _) = blocks.last()?;
        let mut result = Result::default();
        for line in self.before[at + head.len()..].lines().take_while(|line| !line.starts_with(ENTRY)) {
            match line.strip_prefix(WHY_NOT) {
                Some(why) => result.why_not = Some(why.strip_prefix(&self.limit)?.trim_start().to_string()),
                None if line == END => return Some(result),
                None => result.cases.extend(case(line)),
            }
        }
        None // It was being written when all ended.
    }

    /// Keeps what was found out.
    pub fn add(&self, entry: &Entry, result: &Result) {
        let mut block = format!("{ENTRY}{}\n", entry.line);
        for Told { id, level, outcome, cause } in &result.cases {
            block += &format!(
                "{CASE}{id}{CASE}{level}{CASE}{outcome}{CASE}{}\n",
                cause.replace(['\n', '\t'], " ")
            );
        }
        block.extend(
            result.why_not.iter().map(|why| format!("{WHY_NOT}{} {}\n", self.limit, why.replace('\n', " "))),
        );
        if let Some(file) = lock(&self.file).as_mut() {
            let _ = file.write_all(format!("{block}{END}\n").as_bytes());
        }
    }

    /// All is known: the next run begins anew.
    pub fn forget(&self) {
        let _ = fs::remove_file(&self.path);
    }
}

const END: &str = ".";

fn write_new(path: &Path, text: &str) -> io::Result<File> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}

fn case(line: &str) -> Option<Told> {
    let mut parts = line.strip_prefix(CASE)?.splitn(4, CASE).map(str::to_string);
    Some(Told { id: parts.next()?, level: parts.next()?, outcome: parts.next()?, cause: parts.next()? })
}
