//! Every page is in the table of contents, and every lesson has a page with all its parts.

use tutorial::exercise::Starter;
use tutorial::lesson::{LESSONS, Lesson};

use crate::markdown::Page;
use crate::marker::Marker;
use crate::none_of;

/// The parts of a lesson's page, in this order. A part that not every lesson has may stand between them.
const PARTS: [&str; 9] = [
    "What you will know",
    "Predict",
    "Run",
    "See",
    "Read the code",
    "Break it",
    "Questions",
    "In the specification",
    "Next",
];

#[test]
fn every_lesson_has_a_page_with_all_its_parts() {
    let mut problems = Vec::new();
    for lesson in LESSONS {
        let file = format!("lesson-{:02}.md", lesson.number);
        let Some(page) = Page::named(&file) else {
            problems.push(format!("there is no {file}"));
            continue;
        };
        let headings = page.headings();
        let title = headings.first().map(|heading| heading.text.as_str()).unwrap_or_default();
        if title != format!("Lesson {:02}: {}", lesson.number, lesson.title) {
            problems.push(format!("{file}: its title is {title:?}; the lesson's is {:?}", lesson.title));
        }
        let parts: Vec<_> =
            headings.iter().filter(|heading| heading.level == 2).map(|it| &*it.text).collect();
        let mut left = parts.iter();
        for part in PARTS {
            let mut rest = left.clone();
            if rest.any(|it| *it == part) {
                left = rest;
            } else {
                problems
                    .push(format!("{file}: the part {part:?} is missing, or in another place: {parts:?}"));
            }
        }
        problems.extend(missing(&page, lesson.number).map(|what| format!("{file}: {what}")));
    }
    none_of(&problems);
}

#[test]
fn the_table_of_contents_has_every_page_and_the_lessons_in_order() {
    let contents = Page::named("SUMMARY.md").unwrap();
    let listed: Vec<_> = contents.links().into_iter().map(|link| link.target).collect();
    let lessons: Vec<_> = listed.iter().filter(|file| file.starts_with("lesson-")).cloned().collect();
    let expected: Vec<_> = LESSONS.iter().map(|lesson| format!("lesson-{:02}.md", lesson.number)).collect();
    assert_eq!(lessons, expected);
    for page in Page::all().iter().filter(|page| page.file != contents.file) {
        assert!(listed.contains(&page.file), "{} is not in SUMMARY.md", page.file);
    }
}

#[test]
fn no_question_is_written_in_markdown_which_nobody_reads_inside_of_html() {
    let mut problems = Vec::new();
    for page in Page::all() {
        for line in page.text.lines().filter(|line| line.starts_with("<summary>")) {
            if line.contains(['`', '*']) {
                problems.push(format!("{}: {line}: it takes <code> and <em>", page.file));
            }
        }
    }
    none_of(&problems);
}

/// What a part has to have in it.
fn missing(page: &Page, number: u8) -> impl Iterator<Item = String> {
    let part = |name: &str| {
        let (_, rest) = page.text.split_once(&format!("\n## {name}\n")).unwrap_or_default();
        rest.split("\n## ").next().unwrap_or_default()
    };
    let is_of_lesson = |command: &str| command == format!("cargo lesson {number}");
    let has = |part: &str, wanted: &dyn Fn(&Marker<'_>) -> bool| {
        part.lines().any(|line| Marker::parse(line).is_some_and(|marker| wanted(&marker)))
    };
    let has_starter = Lesson::called(&number.to_string()).and_then(Starter::of).is_some();
    let answers = part("Questions").matches("<details>").count();
    [
        (
            has(
                part("What you will know"),
                &|it| matches!(it, Marker::Points { command, .. } if is_of_lesson(command)),
            ),
            "what one will know is not that of the lesson".to_owned(),
        ),
        (
            has(part("Predict"), &|it| matches!(it, Marker::Quote { command, .. } if is_of_lesson(command))),
            "the question is not that of the lesson".to_owned(),
        ),
        (
            has(part("Run"), &|it| matches!(it, Marker::Output { command, .. } if is_of_lesson(command))),
            "what the lesson prints is not shown".to_owned(),
        ),
        (has(part("Read the code"), &|it| matches!(it, Marker::Code { .. })), "no code is read".to_owned()),
        ((3..=5).contains(&answers), format!("{answers} answers are folded away; three to five should be")),
        (
            part("Break it").contains(&format!("\ncargo lesson check {number}\n")),
            "it is not said how to see what is broken".to_owned(),
        ),
        (part("Break it").contains("git checkout ."), "it is not said how to undo the change".to_owned()),
        (
            has_starter == part("Build it").contains(&format!("\ncargo lesson start {number}\n")),
            "it has a part to build and no starter, or a starter and no such part".to_owned(),
        ),
        (part("In the specification").contains("](https://"), "no specification is named".to_owned()),
    ]
    .into_iter()
    .filter(|(is_there, _)| !is_there)
    .map(|(_, what)| what)
    .collect::<Vec<_>>()
    .into_iter()
}
