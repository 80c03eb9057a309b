//! The pieces of the pages: each behind its marker, each as it is made.

use std::fs;

use crate::markdown::Page;
use crate::marker::Marker;
use crate::runs::lasting;
use crate::{none_of, refreshes, source};

#[test]
fn every_piece_is_what_its_marker_says() {
    let mut problems = Vec::new();
    for page in Page::all() {
        let made = made_anew(&page, &mut problems);
        if refreshes() && made != page.text {
            fs::write(source().join(&page.file), made).unwrap();
        }
    }
    none_of(&problems);
}

#[test]
fn no_code_stands_on_a_page_without_a_marker() {
    let mut problems = Vec::new();
    for page in Page::all() {
        for block in page.code_blocks() {
            let before = page.text[..block.start].lines().next_back().unwrap_or_default();
            let is_fence = page.text[block.clone()].starts_with("```");
            if !is_fence || !Marker::parse(before).is_some_and(|marker| marker.is_of_code()) {
                let line = page.line_of(block.start);
                problems.push(format!(
                    "{}, line {line}: code without a marker in front of it. In the line above a fence stands a \
                     comment that says where it comes from, such as <!-- output: cargo lesson 3: predict -->",
                    page.file
                ));
            }
        }
    }
    none_of(&problems);
}

/// The page with every piece made anew, if that is asked for; and what differs, if it is not.
fn made_anew(page: &Page, problems: &mut Vec<String>) -> String {
    let mut text = String::new();
    let mut lines = page.text.split_inclusive('\n').enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        text.push_str(line);
        let Some(marker) = Marker::parse(line.trim_end()) else { continue };
        let mut now = String::new();
        let is_fenced = lines.peek().is_some_and(|(_, line)| line.starts_with("```"));
        while let Some((_, line)) =
            lines.next_if(|(_, line)| !now.is_empty() && is_fenced || line.trim() != "")
        {
            now.push_str(line);
            if is_fenced && line == "```\n" && now.len() > line.len() {
                break;
            }
        }
        match marker.made(&now) {
            Err(why) => problems.push(format!("{}, line {}: {why}", page.file, number + 1)),
            Ok(made) if lasting(&made) == lasting(&now) => text.push_str(&now),
            Ok(made) if refreshes() => text.push_str(&made),
            Ok(made) => problems.push(differing(page, number + 2, &now, &made)),
        }
    }
    text
}

/// Says where two pieces differ first.
fn differing(page: &Page, first_line: usize, now: &str, made: &str) -> String {
    let (now, made) = (lasting(now), lasting(made));
    let same = now.lines().zip(made.lines()).take_while(|(now, made)| now == made).count();
    let line = |text: &str| text.lines().nth(same).unwrap_or("(nothing more)").to_owned();
    format!(
        "{}, about line {}: the page differs from what there is\n  the page says: {}\n  but it is:     {}",
        page.file,
        first_line + same,
        line(&now),
        line(&made)
    )
}
