//! The lens on JSON (RFC 8259).

use super::{Layer, Reader, Span, quoted};
use crate::page::count;

/// How deep values may be nested in one another.
pub const DEEPEST: usize = 100;

/// Names the bytes of a text: a value, which may be made of others. Each member of an object is called what the text
/// calls it.
pub fn text(bytes: &[u8]) -> Vec<Span> {
    let mut lens = Lens { reader: Reader::new(bytes, Layer::Message, SPECIFICATION), depth: 0 };
    if lens.text().is_err() {
        lens.rest("cannot be read");
    }
    lens.reader.finish()
}

/// That what follows cannot be read; why, is noted.
struct Lost;

struct Lens<'a> {
    reader: Reader<'a>,
    depth: usize,
}

impl Lens<'_> {
    fn text(&mut self) -> Result<(), Lost> {
        self.space();
        self.value(None)?;
        self.space();
        if self.reader.left() > 0 {
            self.rest("one value, and nothing behind it");
        }
        Ok(())
    }

    /// A value, by its own name or by that of its kind; what it says.
    fn value(&mut self, name: Option<&str>) -> Result<String, Lost> {
        match self.first() {
            Some(b'{') => self.composite("object", "§4", Self::members),
            Some(b'[') => self.composite("array", "§5", Self::elements),
            Some(b'"') => self.string(name.unwrap_or("string")),
            Some(b'-' | b'0'..=b'9') => self.number(name.unwrap_or("number")),
            Some(b'a'..=b'z') => self.literal(name.unwrap_or("literal")),
            _ => self.lost("a value is due"),
        }
    }

    /// What is made of others, and how many of them it has.
    fn composite(
        &mut self,
        name: &str,
        section: &str,
        parts: impl FnOnce(&mut Self) -> Result<usize, Lost>,
    ) -> Result<String, Lost> {
        if self.depth == DEEPEST {
            return self.lost("100 deep at most");
        }
        self.depth += 1;
        let opened = self.reader.open(name, section);
        let number = parts(self);
        self.depth -= 1;
        let part = if name == "object" { "member" } else { "element" };
        let value = number.as_ref().map_or_else(|_| String::new(), |number| count(*number, part));
        self.reader.close(opened, value.clone());
        number.map(|_| value)
    }

    fn members(&mut self) -> Result<usize, Lost> {
        self.listed(("begin object", b'{'), ("end object", b'}'), |lens| {
            let member = lens.reader.open("member", "");
            let read = lens.member();
            match &read {
                Ok((name, value)) => lens.reader.close_as(member, name, value),
                Err(Lost) => lens.reader.close(member, ""),
            }
            read.map(drop)
        })
    }

    fn elements(&mut self) -> Result<usize, Lost> {
        self.listed(("begin array", b'['), ("end array", b']'), |lens| lens.value(None).map(drop))
    }

    /// What stands between `begin` and `end`, with commas between; how many there are.
    fn listed(
        &mut self,
        (begin, opening): (&str, u8),
        (end, closing): (&str, u8),
        mut one: impl FnMut(&mut Self) -> Result<(), Lost>,
    ) -> Result<usize, Lost> {
        self.mark(opening, begin)?;
        self.space();
        let mut number = 0;
        while number > 0 || self.first() != Some(closing) {
            one(self)?;
            number += 1;
            self.space();
            if self.first() != Some(b',') {
                break;
            }
            self.mark(b',', "value separator")?;
            self.space();
        }
        self.mark(closing, end)?;
        Ok(number)
    }

    /// A member of an object: its name, and what its value says.
    fn member(&mut self) -> Result<(String, String), Lost> {
        if self.first() != Some(b'"') {
            return self.lost("a name is due");
        }
        let start = self.reader.at;
        self.string("name")?;
        let name = decoded(&self.reader.bytes[start..self.reader.at]).unwrap_or_default();
        self.space();
        self.mark(b':', "name separator")?;
        self.space();
        let value = self.value(Some(&name))?;
        Ok((name, value))
    }

    fn string(&mut self, name: &str) -> Result<String, Lost> {
        let left = &self.reader.bytes[self.reader.at..];
        let mut is_escaped = false;
        let end = left.iter().skip(1).position(|byte| {
            let ends = *byte == b'"' && !is_escaped;
            is_escaped = *byte == b'\\' && !is_escaped;
            ends
        });
        let Some(end) = end else { return self.lost("the text ends within a string") };
        let token = &left[..end + 2];
        match decoded(token) {
            Some(text) => self.token(token, name, "§7", quoted(text.as_bytes())),
            None => self.wrong_token(token, name, "no string of JSON"),
        }
    }

    fn number(&mut self, name: &str) -> Result<String, Lost> {
        let token = self.while_is(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
        if serde_json::from_slice::<serde_json::Number>(token).is_err() {
            return self.wrong_token(token, name, "no number of JSON");
        }
        let text = String::from_utf8_lossy(token);
        let value = match text.parse::<i128>() {
            Ok(number) if number != number as f64 as i128 => {
                format!("{text}; JavaScript reads {:.0}", number as f64)
            }
            _ => text.into_owned(),
        };
        self.token(token, name, "§6", value)
    }

    fn literal(&mut self, name: &str) -> Result<String, Lost> {
        let token = self.while_is(|byte| byte.is_ascii_lowercase());
        if !matches!(token, b"true" | b"false" | b"null") {
            return self.wrong_token(token, name, "true, false or null");
        }
        self.token(token, name, "§3", String::from_utf8_lossy(token).into_owned())
    }

    fn token(&mut self, token: &[u8], name: &str, section: &str, value: String) -> Result<String, Lost> {
        self.reader.take(token.len(), name, |_| value.clone());
        self.reader.note(section);
        Ok(value)
    }

    fn wrong_token(&mut self, token: &[u8], name: &str, rule: &str) -> Result<String, Lost> {
        self.reader.take(token.len(), name, |_| String::new());
        self.reader.last_is_wrong(rule);
        Err(Lost)
    }

    /// One of the six characters that are no part of a value.
    fn mark(&mut self, mark: u8, name: &str) -> Result<(), Lost> {
        let mark = char::from(mark);
        if self.first().map(char::from) != Some(mark) {
            return self.lost(&format!("{mark:?} is due"));
        }
        self.reader.take(1, name, |_| mark.to_string());
        self.reader.note("§2");
        Ok(())
    }

    fn space(&mut self) {
        let space = self.while_is(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        if !space.is_empty() {
            self.reader.take(space.len(), "white space", |_| String::new());
            self.reader.note("§2");
        }
    }

    fn first(&self) -> Option<u8> {
        self.reader.bytes.get(self.reader.at).copied()
    }

    fn while_is<'a>(&self, is_it: impl Fn(u8) -> bool) -> &'a [u8]
    where
        Self: 'a,
    {
        let left = &self.reader.bytes[self.reader.at..];
        let end = left.iter().position(|byte| !is_it(*byte)).unwrap_or(left.len());
        &left[..end]
    }

    /// What is left breaks `rule`; if nothing is left, what was taken last ends too early.
    fn lost<T>(&mut self, rule: &str) -> Result<T, Lost> {
        if self.reader.left() == 0 {
            self.reader.last_is_wrong(&format!("{rule}, and the text ends"));
        } else {
            self.rest(rule);
        }
        Err(Lost)
    }

    fn rest(&mut self, rule: &str) {
        if self.reader.left() > 0 {
            self.reader.take(self.reader.left(), "the rest", |_| String::new());
            self.reader.last_is_wrong(rule);
        }
    }
}

/// What a string says, if it is one.
fn decoded(token: &[u8]) -> Option<String> {
    serde_json::from_slice(token).ok()
}

/// Whose rules these are.
const SPECIFICATION: &str = "RFC 8259";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lens::{check, leaves, outline};

    fn says(text: &str) -> Vec<String> {
        leaves(&super::text(text.as_bytes())).map(|span| format!("{}: {}", span.name, span.value)).collect()
    }

    fn broken(text: &str) -> String {
        let spans = super::text(text.as_bytes());
        leaves(&spans).find(|span| span.is_wrong()).map(|span| span.value.clone()).unwrap_or_default()
    }

    #[test]
    fn a_member_is_called_what_the_text_calls_it() {
        let spans = text(br#"{"by": 3}"#);
        let rows: Vec<_> = outline(&spans)
            .map(|row| format!("{} {}: {}", row.depth, row.span.name, row.span.value))
            .collect();
        let expected = [
            "0 object: 1 member",
            "1 begin object: {",
            "1 by: 3",
            "2 name: \"by\"",
            "2 name separator: :",
            "2 white space: ",
            "2 by: 3",
            "1 end object: }",
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn every_kind_of_value_is_shown_as_what_it_is() {
        assert_eq!(says(r#""\u00fc\n""#), [r#"string: "ü\n""#]);
        assert_eq!(says(r#"["\\",""]"#)[1..4], [r#"string: "\\""#, "value separator: ,", r#"string: """#]);
        assert_eq!(says("-1.5e3"), ["number: -1.5e3"]);
        assert_eq!(says("true"), ["literal: true"]);
        assert_eq!(says(r#"{"a":null}"#)[3], "a: null");
        assert_eq!(
            says("[1,2]"),
            ["begin array: [", "number: 1", "value separator: ,", "number: 2", "end array: ]"]
        );
        assert_eq!(says("[]").len() + says("{}").len(), 4);
    }

    #[test]
    fn a_number_that_javascript_rounds_is_said_to_be_rounded() {
        assert_eq!(says("9007199254740993"), ["number: 9007199254740993; JavaScript reads 9007199254740992"]);
        assert_eq!(says("9007199254740992"), ["number: 9007199254740992"]);
    }

    #[test]
    fn what_breaks_a_rule_is_shown_with_it() {
        for (text, rule) in [
            ("", ""),
            ("{", "a name is due, and the text ends"),
            ("{1}", "a name is due"),
            (r#"{"a""#, "':' is due, and the text ends"),
            (r#"{"a":}"#, "a value is due"),
            (r#"{"a":1,}"#, "a name is due"),
            ("[1 2]", "']' is due"),
            ("[1,]", "a value is due"),
            ("01", "no number of JSON"),
            ("nul", "true, false or null"),
            (r#""a"#, "the text ends within a string"),
            (r#""\x""#, "no string of JSON"),
            ("1 2", "one value, and nothing behind it"),
        ] {
            assert_eq!(broken(text), rule, "{text}");
        }
    }

    #[test]
    fn values_are_followed_to_where_a_reader_stops() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(broken(&nested(DEEPEST)), "");
        assert_eq!(broken(&nested(DEEPEST + 1)), "100 deep at most");
    }

    proptest! {
        #[test]
        fn every_byte_of_any_text_has_one_span(
            text in r#"(\{|\}|\[|\]|:|,|"|\\|"a"|1|-|e| |true|nul|ü){0,30}"#,
            bytes in prop::collection::vec(any::<u8>(), 0..30),
        ) {
            for bytes in [text.as_bytes(), &bytes] {
                prop_assert_eq!(check(&super::text(bytes), 0..bytes.len()), Ok(()));
            }
        }

        #[test]
        fn what_others_take_for_json_breaks_no_rule_and_what_breaks_one_is_none_to_others(
            text in r#"(\{"a":|\}|\[|\]|,|"b"|1|-2|\.5| |true|null){0,12}"#,
        ) {
            let is_json = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            prop_assert_eq!(is_json, broken(&text).is_empty() && !text.trim().is_empty(), "{}", text);
        }
    }
}
