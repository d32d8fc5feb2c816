//! What is asked for a class on the command line.

use std::thread;
use std::time::Duration;

use super::entry::Asked;
use crate::check::Level;
use crate::tr;

/// What is asked for.
#[derive(Debug)]
pub struct Order {
    /// The list.
    pub file: String,
    /// How many programs are checked at a time.
    pub jobs: usize,
    /// What each is asked.
    pub asked: Asked,
    /// For programs to read.
    pub json: bool,
    /// The table, for a spreadsheet.
    pub csv: Option<String>,
    /// The cases, as reports of JUnit have them.
    pub junit: Option<String>,
    /// The page.
    pub report: Option<String>,
}

/// How long a program may take, in seconds, unless it is said.
const LIMIT: u64 = 300;

impl Order {
    /// Reads the words behind `check class`.
    ///
    /// # Errors
    /// One sentence that says what to write instead.
    pub fn parse(words: &[&str]) -> Result<Order, String> {
        let jobs = thread::available_parallelism().map_or(1, usize::from);
        let asked = Asked { level: None, limit: Duration::from_secs(LIMIT) };
        let mut order =
            Order { file: String::new(), jobs, asked, json: false, csv: None, junit: None, report: None };
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            let mut value = || words.next().map(str::to_string).ok_or_else(|| needs_value(word));
            match word {
                "--jobs" => order.jobs = number(word, &value()?)?,
                "--limit" => order.asked.limit = Duration::from_secs(number(word, &value()?)? as u64),
                "--level" => order.asked.level = Some(Level::from_name(&value()?)?),
                "--json" => order.json = true,
                "--csv" => order.csv = Some(value()?),
                "--junit" => order.junit = Some(value()?),
                "--report" => order.report = Some(value()?),
                _ if word.starts_with('-') => {
                    return Err(tr!(zh "check class 没有 {word} 选项；请看 chatroom check --help",
                                   en "check class has no option {word}; see chatroom check --help"));
                }
                _ if order.file.is_empty() => order.file = word.to_string(),
                _ => {
                    return Err(tr!(zh "多余的参数“{word}”；check class 只要一个名单",
                                   en "unexpected '{word}': check class takes one list"));
                }
            }
        }
        if order.file.is_empty() {
            return Err(tr!(zh "check class 需要一个名单，每行写：名字 种类 命令",
                           en "check class needs a list, with a name, a kind and a command in each line"));
        }
        if order.files().any(|file| file == order.file) {
            let file = &order.file;
            return Err(
                tr!(zh "{file} 是名单，结果不能写在里面", en "{file} is the list, so the outcome can't go there"),
            );
        }
        Ok(order)
    }

    /// The files that are written.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        [&self.csv, &self.junit, &self.report].into_iter().flatten().map(String::as_str)
    }
}

fn number(option: &str, value: &str) -> Result<usize, String> {
    value.parse().ok().filter(|number| (1..=100_000).contains(number)).ok_or_else(|| {
        tr!(zh "{option} 需要 1 到 100000 的整数，而不是“{value}”",
            en "{option} takes a whole number from 1 to 100000, not '{value}'")
    })
}

fn needs_value(option: &str) -> String {
    tr!(zh "{option} 后面要有一个值", en "{option} needs a value after it")
}
