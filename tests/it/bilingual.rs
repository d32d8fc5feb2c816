//! What the checker says, it says in both languages.

use chatroom::check::{self, Kind};

#[test]
fn every_case_speaks_both_languages() {
    let is_chinese = |c: char| ('\u{4E00}'..='\u{9FFF}').contains(&c);
    let mut missing = Vec::new();
    for kind in Kind::all() {
        for case in check::cases(kind) {
            for (what, text) in [("title", case.title), ("hint", case.hint)] {
                if !text.zh.contains(is_chinese) {
                    missing.push(format!("{kind} {}: no Chinese {what}", case.id));
                }
                if text.en.is_empty() || text.en.contains(is_chinese) {
                    missing.push(format!("{kind} {}: no English {what}", case.id));
                }
            }
        }
    }
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}
