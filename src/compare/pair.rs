//! Pairs the steps of the notes with the marks in our source, and cuts both texts into rows.

use std::ops::Range;

use super::steps::Step;

/// What came of it.
#[derive(Debug, Default)]
pub struct Pairing {
    /// The lines of each pair, theirs and ours, counted from 0 and in order.
    pub pairs: Vec<(usize, usize)>,
    /// What has no partner, or not in this order.
    pub problems: Vec<Problem>,
}

/// A step or a mark without a partner. Lines are counted from 0.
#[derive(Debug, PartialEq, Eq)]
pub enum Problem {
    /// No mark names this step of the notes; it should stand near that line of ours.
    NoMark { name: String, theirs: usize, near: usize },
    /// The notes don't have what this mark names; it should stand near that line of theirs.
    NoStep { name: String, ours: usize, near: usize },
    /// Both have it, in another order.
    Order { name: String, theirs: usize, ours: usize },
}

/// Pairs as many as can be had in the order of both: the longest common subsequence.
pub fn pair(steps: &[Step], marks: &[Step]) -> Pairing {
    let longest = lengths(steps, marks);
    let (mut found, mut lone_steps, mut lone_marks) = (Pairing::default(), Vec::new(), Vec::new());
    let (mut s, mut m) = (0, 0);
    let mut last = (0, 0);
    while s < steps.len() || m < marks.len() {
        if s < steps.len()
            && m < marks.len()
            && marks[m].names(&steps[s])
            && longest[s][m] == longest[s + 1][m + 1] + 1
        {
            last = (steps[s].line, marks[m].line);
            found.pairs.push(last);
            (s, m) = (s + 1, m + 1);
        } else if m == marks.len() || s < steps.len() && longest[s + 1][m] >= longest[s][m + 1] {
            if steps[s].must {
                lone_steps.push((&steps[s], last.1));
            }
            s += 1;
        } else {
            lone_marks.push((&marks[m], last.0));
            m += 1;
        }
    }
    found.problems = problems(&lone_steps, &mut lone_marks);
    found
}

/// For each two suffixes, how many pairs they have in common.
fn lengths(steps: &[Step], marks: &[Step]) -> Vec<Vec<u16>> {
    let mut longest = vec![vec![0; marks.len() + 1]; steps.len() + 1];
    for s in (0..steps.len()).rev() {
        for m in (0..marks.len()).rev() {
            longest[s][m] = if marks[m].names(&steps[s]) {
                longest[s + 1][m + 1] + 1
            } else {
                u16::max(longest[s + 1][m], longest[s][m + 1])
            };
        }
    }
    longest
}

fn problems(lone_steps: &[(&Step, usize)], lone_marks: &mut Vec<(&Step, usize)>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (step, near) in lone_steps {
        let (name, theirs) = (step.name.clone(), step.line);
        match lone_marks.iter().position(|(mark, _)| mark.names(step)) {
            Some(at) => problems.push(Problem::Order { name, theirs, ours: lone_marks.remove(at).0.line }),
            None => problems.push(Problem::NoMark { name, theirs, near: *near }),
        }
    }
    problems.extend(lone_marks.iter().map(|(mark, near)| Problem::NoStep {
        name: mark.name.clone(),
        ours: mark.line,
        near: *near,
    }));
    problems
}

/// A row of the page: lines of theirs beside lines of ours.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// Theirs.
    pub left: Range<usize>,
    /// Ours.
    pub right: Range<usize>,
}

/// Cuts both texts where a pair begins. Remarks above a line go with it; what has no partner goes
/// with the pair before.
pub fn rows(pairs: &[(usize, usize)], left: &[bool], right: &[bool]) -> Vec<Row> {
    let (mut rows, mut start, mut last) = (Vec::new(), (0, 0), None);
    for &(theirs, ours) in pairs {
        let apart = last.is_none_or(|(l, r)| theirs > l && ours > r);
        if apart {
            let above = last.map_or((0, 0), |(l, r)| (l + 1, r + 1));
            let next = (with_remarks(left, theirs, above.0), with_remarks(right, ours, above.1));
            rows.push(Row { left: start.0..next.0, right: start.1..next.1 });
            start = next;
        }
        last = Some((theirs, ours));
    }
    rows.push(Row { left: start.0..left.len(), right: start.1..right.len() });
    rows
}

/// The first of the remarks that stand directly above a line, and not above `limit`.
fn with_remarks(is_remark: &[bool], line: usize, limit: usize) -> usize {
    (limit..line).rev().take_while(|at| is_remark[*at]).last().unwrap_or(line)
}
