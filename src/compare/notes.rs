//! Reads the reader's own notes, as readers really have them: Markdown with fenced blocks, or the
//! programs themselves, a file or a folder.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::tr;

/// The longest file that is read, in bytes. Notes have some tens of kilobytes.
const MAX_FILE: u64 = 4 << 20;

/// How many files of a folder are read at most, and how deep they may lie.
const MAX_FILES: usize = 200;
const MAX_DEPTH: usize = 4;

/// The longest block that may be a program, in lines: aligning takes time by its length.
const MAX_LINES: usize = 2000;

/// A block of code in the notes.
#[derive(Debug)]
pub struct Block {
    /// The file that it is in, as the reader named it.
    pub file: String,
    /// The number of its first line there.
    pub first_line: usize,
    /// Its lines, each with `\n`.
    pub text: String,
}

/// Reads all blocks of code from these files and folders.
///
/// # Errors
/// One sentence, naming the file.
pub fn read(paths: &[String]) -> Result<Vec<Block>, String> {
    let mut blocks = Vec::new();
    for path in paths {
        let path = Path::new(path);
        let of_folder = path.is_dir();
        let mut files = if of_folder { Vec::new() } else { vec![path.to_path_buf()] };
        if of_folder {
            list(path, MAX_DEPTH, &mut files).map_err(|err| cannot_read(path, &err))?;
            files.sort();
        }
        for file in files {
            blocks.extend(blocks_of(&file.display().to_string(), &text_of(&file)?));
        }
    }
    blocks.retain(|block| block.text.lines().count() <= MAX_LINES);
    Ok(blocks)
}

/// Adds the notes and programs below `folder`. Links are not followed.
fn list(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let (entry, hidden) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        let kind = fs::symlink_metadata(&entry)?;
        let ends = |end: &str| entry.extension().is_some_and(|is| is.eq_ignore_ascii_case(end));
        if hidden.to_string_lossy().starts_with('.') || files.len() >= MAX_FILES {
            continue;
        } else if kind.is_dir() && depth > 0 {
            list(&entry, depth - 1, files)?;
        } else if kind.is_file() && ["go", "html", "htm", "md", "markdown"].into_iter().any(ends) {
            files.push(entry);
        }
    }
    Ok(())
}

fn cannot_read(file: &Path, err: &io::Error) -> String {
    let file = file.display();
    tr!(zh "无法读取 {file}: {err}", en "cannot read {file}: {err}")
}

fn text_of(file: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|open| open.take(MAX_FILE + 1).read_to_end(&mut bytes))
        .map_err(|err| cannot_read(file, &err))?;
    let file = file.display();
    if bytes.len() as u64 > MAX_FILE {
        return Err(
            tr!(zh "{file} 超过 4 MiB，不像是笔记", en "{file} has more than 4 MiB: these are no notes"),
        );
    }
    String::from_utf8(bytes).map(|text| text.trim_start_matches('\u{feff}').to_string()).map_err(|_| {
        tr!(zh "{file} 不是 UTF-8 文本；请给出笔记的 Markdown 文件，存为 UTF-8",
            en "{file} is not UTF-8 text; give the notes as Markdown, saved as UTF-8")
    })
}

/// The fenced blocks of a text (CommonMark 4.5, also in lists and quotations). A text without any is
/// one block.
fn blocks_of(file: &str, text: &str) -> Vec<Block> {
    let (mut blocks, mut open): (Vec<Block>, Option<(&str, usize)>) = (Vec::new(), None);
    for (at, line) in text.lines().enumerate() {
        let of_list = |c: char| open.is_none() && ("-*+.)".contains(c) || c.is_ascii_digit());
        let inside = line.trim_start_matches(|c: char| " \t>".contains(c) || of_list(c));
        let fence = fence(inside);
        match (open, fence) {
            (None, Some(fence)) => {
                open = Some((fence, line.len() - inside.len()));
                blocks.push(Block { file: file.into(), first_line: at + 2, text: String::new() });
            }
            (Some((opened, _)), Some(fence)) if fence.starts_with(opened) && inside.trim_end() == fence => {
                open = None;
            }
            (Some((_, indent)), _) => {
                if let Some(block) = blocks.last_mut() {
                    let blank = |c: char| " \t>".contains(c);
                    let cut = line.char_indices().take_while(|(at, c)| *at < indent && blank(*c)).count();
                    block.text += &line[cut..];
                    block.text += "\n";
                }
            }
            (None, None) => {}
        }
    }
    if blocks.is_empty() {
        let text = text.lines().flat_map(|line| [line, "\n"]).collect();
        blocks.push(Block { file: file.into(), first_line: 1, text });
    }
    blocks
}

/// The fence that a line begins with: three or more of "`" or "~".
fn fence(line: &str) -> Option<&str> {
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = line.len() - line.trim_start_matches(mark).len();
    (length >= 3).then(|| &line[..length])
}
