//! Generators that are wrong on purpose.

use super::right::RIGHT;
use super::{GeneratedCode, Rpc};
use crate::exercise::Wrong;

pub(super) const WRONG: &[Wrong<GeneratedCode>] = &[
    Wrong { mistake: PART_OF_TYPE, form: read(|line| (RIGHT.read)(line).map(|rpc| with_word(rpc, false))) },
    Wrong { mistake: STAYS_IN_TYPE, form: read(|line| (RIGHT.read)(line).map(|rpc| with_word(rpc, true))) },
    Wrong {
        mistake: REPLY_ONLY,
        form: read(|line| (RIGHT.read)(line).map(|rpc| Rpc { request: (rpc.request.0, false), ..rpc })),
    },
    Wrong {
        mistake: PART_OF_WORD,
        form: read(|line| {
            let begins = |(name, many): (String, bool)| (name.clone(), many || name.starts_with("stream"));
            let rpc = (RIGHT.read)(line)?;
            Some(Rpc { request: begins(rpc.request), reply: begins(rpc.reply), ..rpc })
        }),
    },
    Wrong { mistake: NO_PACKAGE, form: path(|_, service, method| format!("/{service}/{method}")) },
    Wrong {
        mistake: RUST_NAME,
        form: path(|package, service, method| (RIGHT.path)(package, service, &(RIGHT.function)(method))),
    },
    Wrong { mistake: SLASH, form: path(|package, service, method| format!("/{package}/{service}/{method}")) },
    Wrong {
        mistake: NO_SLASH,
        form: path(|package, service, method| (RIGHT.path)(package, service, method)[1..].to_owned()),
    },
    Wrong { mistake: DOT, form: path(|package, service, method| format!("/{package}.{service}/{method}")) },
    Wrong { mistake: NO_UNDERSCORES, form: function(str::to_lowercase) },
    Wrong {
        mistake: LETTERS,
        form: function(|method| {
            let letters = method.chars().enumerate().map(|(at, letter)| {
                let line = if at > 0 && letter.is_uppercase() { "_" } else { "" };
                format!("{line}{}", letter.to_lowercase())
            });
            letters.collect()
        }),
    },
    Wrong { mistake: KEYWORD, form: function(|method| (RIGHT.function)(method).replace("r#", "")) },
];

pub(super) const PART_OF_TYPE: &str = "stream is taken for a part of the type";
pub(super) const STAYS_IN_TYPE: &str = "stream is seen, and left in the name of the type";
pub(super) const REPLY_ONLY: &str = "only replies are looked at for stream";
pub(super) const PART_OF_WORD: &str = "a name that begins with stream is taken for the word";
pub(super) const NO_PACKAGE: &str = "the package is missing, and two services of the same name are one";
pub(super) const RUST_NAME: &str = "the path has the name that the method has in Rust";
pub(super) const SLASH: &str = "a slash stands between package and service";
pub(super) const NO_SLASH: &str = "the slash in front is missing";
pub(super) const DOT: &str = "without a package a dot is left in front of the service";
pub(super) const NO_UNDERSCORES: &str = "the words of a name run together";
pub(super) const LETTERS: &str = "each letter of an acronym is taken for a word";
pub(super) const KEYWORD: &str = "a keyword is used as a name, and the stub does not compile";

const fn read(read: fn(&str) -> Option<Rpc>) -> GeneratedCode {
    GeneratedCode { read, ..RIGHT }
}

const fn path(path: fn(&str, &str, &str) -> String) -> GeneratedCode {
    GeneratedCode { path, ..RIGHT }
}

const fn function(function: fn(&str) -> String) -> GeneratedCode {
    GeneratedCode { function, ..RIGHT }
}

/// The word stream as a part of the types.
fn with_word(rpc: Rpc, is_seen: bool) -> Rpc {
    let with = |(name, many): (String, bool)| {
        if many { (format!("stream {name}"), is_seen) } else { (name, many) }
    };
    Rpc { request: with(rpc.request), reply: with(rpc.reply), ..rpc }
}
