//! The name of a method on the wire: `/package.Service/Method`.

use std::fmt;

use bytestring::ByteString;
use thiserror::Error;

/// The full name of a method: `/package.Service/Method`, as in gRPC.
///
/// A path that exists is well-formed: it begins with `/`, has a service and a method, and is at
/// most 1,024 bytes of visible ASCII. One without the leading `/` has been used to walk around
/// rules written for paths, so it is refused where it comes in and never repaired.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Path(ByteString);

/// Why a text is not the path of a method.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{path:?} is not the path of a method, which looks like \"/package.Service/Method\"")]
pub struct PathError {
    /// The text, cut after 64 characters.
    path: String,
}

impl Path {
    /// The longest path, in bytes.
    pub const MAX_LENGTH: usize = 1024;

    /// A path known when the program is compiled.
    ///
    /// # Panics
    /// When it is not well-formed; in a `const` that is an error of the compiler.
    pub const fn from_static(path: &'static str) -> Self {
        assert!(well_formed(path), "a path looks like \"/package.Service/Method\"");
        Self(ByteString::from_static(path))
    }

    /// A path from text.
    ///
    /// # Errors
    /// When it is not well-formed.
    pub fn parse(path: impl Into<String>) -> Result<Self, PathError> {
        Self::received(path.into().into())
    }

    /// The same from bytes that came on the wire.
    pub(crate) fn received(path: ByteString) -> Result<Self, PathError> {
        if well_formed(&path) {
            Ok(Self(path))
        } else {
            Err(PathError { path: path.chars().take(64).collect() })
        }
    }

    /// The service: `package.Service` of `/package.Service/Method`.
    pub fn service(&self) -> &str {
        self.split().0
    }

    /// The method: `Method` of `/package.Service/Method`.
    pub fn method(&self) -> &str {
        self.split().1
    }

    /// The whole path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn split(&self) -> (&str, &str) {
        // A path that exists has both slashes.
        self.0[1..].rsplit_once('/').unwrap_or_default()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether `path` is `/`, something, `/`, something without a slash.
const fn well_formed(path: &str) -> bool {
    let bytes = path.as_bytes();
    if bytes.is_empty() || bytes.len() > Path::MAX_LENGTH || bytes[0] != b'/' {
        return false;
    }
    let mut last_slash = 0;
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_graphic() {
            return false;
        }
        if bytes[at] == b'/' {
            last_slash = at;
        }
        at += 1;
    }
    last_slash > 1 && last_slash < bytes.len() - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_service_and_a_method() {
        let path = Path::parse("/kv.Kv/Get").unwrap();
        assert_eq!((path.service(), path.method()), ("kv.Kv", "Get"));
    }

    #[test]
    fn what_does_not_begin_with_a_slash_is_no_path() {
        assert!(Path::parse("kv.Kv/Get").is_err());
    }

    #[test]
    fn a_path_has_both_parts_and_only_visible_characters() {
        for wrong in ["", "/", "//", "/Get", "//Get", "/kv.Kv/", "/kv.Kv/G et", "/kv.Kv/Gét"] {
            assert!(Path::parse(wrong).is_err(), "{wrong:?}");
        }
        assert!(Path::parse(format!("/s/{}", "m".repeat(Path::MAX_LENGTH))).is_err());
    }
}
