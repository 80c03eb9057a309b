//! The pages as they are read: headings, links, pictures, code.

use std::fs;
use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::source;

/// A page of the book.
pub(crate) struct Page {
    /// Its file in `tutorial/book/src`.
    pub(crate) file: String,
    pub(crate) text: String,
}

/// A heading, and what its address is in the page.
pub(crate) struct Heading {
    pub(crate) level: u8,
    pub(crate) text: String,
    pub(crate) id: String,
}

/// A link or a picture.
pub(crate) struct Link {
    pub(crate) is_picture: bool,
    pub(crate) target: String,
    /// What stands there, or instead of the picture.
    pub(crate) text: String,
}

impl Page {
    /// All pages, the table of contents among them.
    pub(crate) fn all() -> Vec<Self> {
        let mut files: Vec<_> = fs::read_dir(source())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".md"))
            .collect();
        files.sort();
        let read = |file: String| Self { text: fs::read_to_string(source().join(&file)).unwrap(), file };
        files.into_iter().map(read).collect()
    }

    pub(crate) fn named(file: &str) -> Option<Self> {
        Self::all().into_iter().find(|page| page.file == file)
    }

    /// In which line a byte stands, counted from 1.
    pub(crate) fn line_of(&self, at: usize) -> usize {
        self.text[..at].matches('\n').count() + 1
    }

    pub(crate) fn headings(&self) -> Vec<Heading> {
        let mut headings = Vec::new();
        let mut open: Option<(u8, String)> = None;
        for (event, _) in self.events() {
            match event {
                Event::Start(Tag::Heading { level, .. }) => open = Some((level as u8, String::new())),
                Event::End(TagEnd::Heading(_)) => {
                    let (level, text) = open.take().unwrap();
                    headings.push(Heading { level, id: id(&text), text });
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some((_, heading)) = &mut open {
                        heading.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        headings
    }

    pub(crate) fn links(&self) -> Vec<Link> {
        let mut links = Vec::new();
        let mut open: Vec<Link> = Vec::new();
        for (event, _) in self.events() {
            match event {
                Event::Start(Tag::Link { dest_url, .. }) => {
                    open.push(Link { is_picture: false, target: dest_url.to_string(), text: String::new() });
                }
                Event::Start(Tag::Image { dest_url, .. }) => {
                    open.push(Link { is_picture: true, target: dest_url.to_string(), text: String::new() });
                }
                Event::End(TagEnd::Link | TagEnd::Image) => links.extend(open.pop()),
                Event::Text(text) | Event::Code(text) => {
                    open.iter_mut().for_each(|link| link.text.push_str(&text));
                }
                _ => {}
            }
        }
        links
    }

    /// Where code stands that is a block of its own.
    pub(crate) fn code_blocks(&self) -> Vec<Range<usize>> {
        let is_code = |event: &Event<'_>| matches!(event, Event::Start(Tag::CodeBlock(_)));
        self.events().into_iter().filter(|(event, _)| is_code(event)).map(|(_, range)| range).collect()
    }

    /// The code that stands in lines of text.
    pub(crate) fn inline_code(&self) -> Vec<String> {
        let code = |event| match event {
            Event::Code(code) => Some(code.to_string()),
            _ => None,
        };
        self.events().into_iter().filter_map(|(event, _)| code(event)).collect()
    }

    fn events(&self) -> Vec<(Event<'_>, Range<usize>)> {
        Parser::new_ext(&self.text, Options::ENABLE_TABLES).into_offset_iter().collect()
    }
}

/// What mdBook and code hosts make of a heading, to link to it.
fn id(heading: &str) -> String {
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}
