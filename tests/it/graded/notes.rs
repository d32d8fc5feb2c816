//! What the checker notes on its way through all cases, when nothing is wrong: in the transcripts of failures only that
//! is seen which comes before the failure.

use std::collections::BTreeSet;
use std::time::Instant;
use std::{env, fs};

use chatroom::check::telling::events::What;
use chatroom::check::{self, Case, Kind, Scene};

use super::reports::{LANGUAGES, normal, without_numbers};
use super::{again_in, blesses, is_asked_for, stored, with_all};

const AT_ONCE: usize = 8;

/// Plays a case on our own program. The checker's own notes, without their numbers.
fn play(kind: Kind, case: &Case) -> Vec<String> {
    let target = crate::ours(&kind.to_string()).at_fresh_port();
    let scene = Scene::new(&target);
    let _ = (case.run)(&scene); // Whether it passes is for others to say.
    let events = scene.log.events_until(Instant::now());
    let notes = events.into_iter().filter(|event| event.who.is_empty());
    let told = notes.filter_map(|event| match event.what {
        What::Says(note) => Some(without_numbers(normal(&note).trim_end())),
        _ => None,
    });
    told.collect()
}

#[test]
fn what_is_noted_is_as_stored() {
    if let Ok(file) = env::var("CHATROOM_NOTE") {
        let all = Kind::all().flat_map(|kind| check::cases(kind).into_iter().map(move |case| (kind, case)));
        let notes: BTreeSet<String> =
            with_all(all, AT_ONCE, |(kind, case)| play(kind, case)).into_iter().flatten().collect();
        return fs::write(file, notes.into_iter().map(|note| note + "\n").collect::<String>()).unwrap();
    }
    if !Kind::all().all(is_asked_for) {
        return eprintln!("not run here: the notes of all cases; set CHATROOM_GRADED=1 to run them");
    }
    for (end, language) in LANGUAGES {
        let told = again_in(language, "notes::what_is_noted_is_as_stored", &[("CHATROOM_NOTE", "")]);
        let file = stored(&format!("notes.{end}.txt"));
        if blesses() {
            fs::write(&file, &told).unwrap();
        }
        let wanted = fs::read_to_string(&file).unwrap();
        let lines = |text: &str| text.lines().map(str::to_string).collect::<BTreeSet<_>>();
        let (wanted, told) = (lines(&wanted), lines(&told));
        let different: Vec<&String> = wanted.symmetric_difference(&told).collect();
        assert!(different.is_empty(), "in one of tests/graded/notes.{end}.txt and what came: {different:#?}");
    }
}
