//! The pictures are those that the lessons draw.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::Regex;

use crate::markdown::Page;
use crate::{none_of, refreshes, runs, source};

#[test]
fn every_picture_is_what_a_lesson_draws() {
    let (drawn, kept) = (runs::drawn(), source().join("pictures"));
    let mut problems = Vec::new();
    for name in files(&drawn).union(&files(&kept)) {
        let read = |folder: &Path| fs::read_to_string(folder.join(name)).ok().map(lasting);
        match read(&drawn) {
            picture if picture == read(&kept) => {}
            Some(_) if refreshes() => {
                fs::copy(drawn.join(name), kept.join(name)).unwrap();
            }
            None if refreshes() => fs::remove_file(kept.join(name)).unwrap(),
            _ => problems.push(format!("pictures/{name} is not what the lesson draws")),
        }
    }
    none_of(&problems);
}

#[test]
fn every_picture_is_on_a_page_and_is_told_to_who_does_not_see_it() {
    let mut problems = Vec::new();
    let mut shown = BTreeSet::new();
    for page in Page::all() {
        for picture in page.links().into_iter().filter(|link| link.is_picture) {
            let name = picture.target;
            if picture.text.len() < 30 {
                problems.push(format!("{}: what is to be seen on {name} is not told", page.file));
            }
            shown.insert(name);
        }
    }
    // The charts are those of a measurement.
    let there: BTreeSet<_> = ["pictures", "charts"]
        .into_iter()
        .flat_map(|folder| {
            files(&source().join(folder)).into_iter().map(move |name| format!("{folder}/{name}"))
        })
        .collect();
    for name in there.symmetric_difference(&shown) {
        problems.push(format!("{name} is on no page, or on a page and not there"));
    }
    none_of(&problems);
}

/// A picture without its bytes where some of them are sealed: those are others in each run.
fn lasting(picture: String) -> String {
    if !picture.contains(r#"class="sealed""#) {
        return picture;
    }
    Regex::new(r#"class="hex">[0-9a-f]{2}<"#).unwrap().replace_all(&picture, "").into_owned()
}

fn files(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
