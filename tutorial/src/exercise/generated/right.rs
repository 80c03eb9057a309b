//! The right ones, in a few lines: the project's own work on descriptions that a parser has made.

use super::{GeneratedCode, Rpc};

pub(super) const RIGHT: GeneratedCode = GeneratedCode { read, path, function };

fn read(line: &str) -> Option<Rpc> {
    let (method, rest) = line.trim().strip_prefix("rpc ")?.split_once('(')?;
    let (request, rest) = rest.split_once(')')?;
    let (reply, _) = rest.trim().strip_prefix("returns")?.trim().strip_prefix('(')?.split_once(')')?;
    Some(Rpc { method: method.trim().to_owned(), request: messages(request), reply: messages(reply) })
}

/// A type, and whether there are many of it.
fn messages(text: &str) -> (String, bool) {
    match text.trim().strip_prefix("stream ") {
        Some(name) => (name.trim().to_owned(), true),
        None => (text.trim().to_owned(), false),
    }
}

fn path(package: &str, service: &str, method: &str) -> String {
    let dot = if package.is_empty() { "" } else { "." };
    format!("/{package}{dot}{service}/{method}")
}

fn function(method: &str) -> String {
    let letters: Vec<_> = method.chars().collect();
    let mut name = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let is_small = |at: usize| letters.get(at).is_some_and(|letter| letter.is_lowercase());
        let begins_a_word = letter.is_uppercase() && at > 0 && (is_small(at - 1) || is_small(at + 1));
        if begins_a_word {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    if KEYWORDS.contains(&name.as_str()) { format!("r#{name}") } else { name }
}

/// Words of Rust that methods are likely to be called.
const KEYWORDS: [&str; 10] =
    ["async", "await", "break", "continue", "loop", "match", "move", "return", "type", "yield"];
