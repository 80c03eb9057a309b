//! Links lead somewhere, and files that are named are there.

use std::fs;

use regex::Regex;
use tutorial::exercise::STARTERS;

use crate::markdown::Page;
use crate::{none_of, root, source};

#[test]
fn every_link_leads_to_a_page_and_a_heading() {
    let mut problems = Vec::new();
    for page in Page::all() {
        for link in page.links().into_iter().filter(|link| !link.is_picture) {
            let target = link.target.as_str();
            if target.starts_with("https://") {
                continue;
            }
            let (file, id) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { page.file.as_str() } else { file };
            let leads = Page::named(file)
                .is_some_and(|page| id.is_empty() || page.headings().iter().any(|heading| heading.id == id));
            if !leads {
                problems.push(format!("{}: [{}]({target}) leads nowhere", page.file, link.text));
            }
        }
    }
    none_of(&problems);
}

/// For `.ci/book`, which has built it before.
#[test]
#[ignore = "it needs the book that mdBook builds"]
fn every_link_of_the_built_book_leads_somewhere() {
    let built = source().join("../book");
    let link = Regex::new(r#"(?:href|src)="([^"]*)""#).unwrap();
    let pages: Vec<_> = fs::read_dir(&built)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "html"))
        .collect();
    assert!(pages.len() > 20, "{} pages", pages.len());
    let mut problems = Vec::new();
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for target in link.captures_iter(&text).map(|link| link.extract::<1>().1[0]) {
            // 404.html is made to be shown from anywhere.
            if target.contains(':') || target.starts_with('/') {
                continue;
            }
            let (file, id) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { page.clone() } else { built.join(file) };
            let has_id =
                || fs::read_to_string(&file).is_ok_and(|text| text.contains(&format!("id=\"{id}\"")));
            if !file.exists() || !id.is_empty() && !has_id() {
                problems.push(format!("{}: {target} leads nowhere", page.display()));
            }
        }
    }
    none_of(&problems);
}

#[test]
fn every_file_that_a_page_names_is_there() {
    let path = Regex::new(r"^[a-z0-9_.-]+(/[A-Za-z0-9_.]+)*(/|\.(rs|proto|toml|md))$").unwrap();
    let mut problems = Vec::new();
    for page in Page::all() {
        for code in page.inline_code() {
            let is_elsewhere = OTHER_PROJECTS.iter().any(|project| code.starts_with(project));
            let is_the_readers = STARTERS.iter().any(|starter| starter.file() == code);
            if path.is_match(&code)
                && code.contains('/')
                && !is_elsewhere
                && !is_the_readers
                && !root().join(&code).exists()
            {
                problems.push(format!("{}: there is no {code}", page.file));
            }
        }
    }
    none_of(&problems);
}

/// How the files of other projects begin that the pages name.
const OTHER_PROJECTS: [&str; 4] = ["tonic/", "tonic-build/", "tonic-web/", "h2/"];
