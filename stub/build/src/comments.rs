//! Gives each item of a `.proto` file a comment that rustdoc can take.

use prost_types::source_code_info::Location;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto};

/// Makes the comments of `file` such that rustdoc takes them as text, and gives one to each item that has
/// none.
pub(crate) fn complete(file: &mut FileDescriptorProto) {
    let mut missing = Missing { path: Vec::new(), sentences: Vec::new() };
    missing.of_all(MESSAGES, &file.message_type, Missing::of_message);
    missing.of_all(ENUMS, &file.enum_type, Missing::of_enum);
    missing.of_all(SERVICES, &file.service, |missing, service| {
        missing.add(format!("The service `{}`.", service.name()));
        missing.of_all(METHODS, &service.method, |missing, method| {
            missing.add(format!("The method `{}`.", method.name()));
        });
    });
    let locations = &mut file.source_code_info.get_or_insert_default().location;
    for location in locations.iter_mut() {
        location.leading_detached_comments.clear();
        for comment in [&mut location.leading_comments, &mut location.trailing_comments] {
            *comment = comment.take().map(|text| as_text(&text)).filter(|text| !text.trim().is_empty());
        }
    }
    for (path, sentence) in missing.sentences {
        match locations.iter_mut().find(|location| location.path == path) {
            Some(it) if it.leading_comments.is_some() || it.trailing_comments.is_some() => {}
            Some(it) => it.leading_comments = Some(sentence),
            None => {
                locations.push(Location { path, leading_comments: Some(sentence), ..Location::default() });
            }
        }
    }
}

/// A sentence for each item, by its path through the numbers of the fields in `descriptor.proto`.
struct Missing {
    path: Vec<i32>,
    sentences: Vec<(Vec<i32>, String)>,
}

impl Missing {
    fn add(&mut self, sentence: String) {
        self.sentences.push((self.path.clone(), format!(" {sentence}\n")));
    }

    fn of_all<T>(&mut self, field: i32, items: &[T], mut each: impl FnMut(&mut Self, &T)) {
        for (number, item) in (0..).zip(items) {
            self.path.extend([field, number]);
            each(self, item);
            self.path.truncate(self.path.len() - 2);
        }
    }

    fn of_message(&mut self, message: &DescriptorProto) {
        self.add(format!("The message `{}`.", message.name()));
        self.of_all(FIELDS, &message.field, |missing, field| {
            missing.add(format!("The field `{}`.", field.name()));
        });
        self.of_all(ONEOFS, &message.oneof_decl, |missing, oneof| {
            missing.add(format!("One of `{}`.", oneof.name()));
        });
        self.of_all(NESTED_MESSAGES, &message.nested_type, Self::of_message);
        self.of_all(NESTED_ENUMS, &message.enum_type, Self::of_enum);
    }

    fn of_enum(&mut self, item: &EnumDescriptorProto) {
        self.add(format!("The enum `{}`.", item.name()));
        self.of_all(VALUES, &item.value, |missing, value| {
            missing.add(format!("The value `{}`.", value.name()));
        });
    }
}

/// `comment` without what means something to rustdoc only: code to be tested, and HTML.
fn as_text(comment: &str) -> String {
    let (mut text, mut in_block) = (String::new(), false);
    for line in comment.lines() {
        let unindented = line.trim_start();
        if unindented.starts_with("```") {
            in_block = !in_block;
            text.push_str(if in_block { " ```text" } else { " ```" });
        } else if in_block {
            text.push_str(line);
        } else {
            // Four spaces behind the first one would make it code; prost-build adds one.
            let indent = (line.len() - unindented.len()).min(3);
            text.push_str(&" ".repeat(indent));
            let mut in_code = false;
            for c in unindented.trim_end().chars() {
                in_code ^= c == '`';
                if c == '<' && !in_code {
                    text.push('\\');
                }
                text.push(c);
            }
        }
        text.push('\n');
    }
    if in_block {
        text.push_str(" ```\n");
    }
    text
}

// The numbers of fields in google/protobuf/descriptor.proto: of a file, a message, an enum, a service.
const MESSAGES: i32 = 4;
const ENUMS: i32 = 5;
const SERVICES: i32 = 6;
const FIELDS: i32 = 2;
const NESTED_MESSAGES: i32 = 3;
const NESTED_ENUMS: i32 = 4;
const ONEOFS: i32 = 8;
const VALUES: i32 = 2;
const METHODS: i32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_a_test_of_rustdoc_is_text() {
        assert_eq!(as_text(" Like this:\n\n       let it = be;\n"), " Like this:\n\n   let it = be;\n");
        assert_eq!(as_text(" ```\n it\n ```\n"), " ```text\n it\n ```\n");
        assert_eq!(as_text(" ```\n it\n"), " ```text\n it\n ```\n");
    }

    #[test]
    fn what_would_be_html_is_text() {
        assert_eq!(as_text(" A list<T>, `a<b>`.\n"), " A list\\<T>, `a<b>`.\n");
    }
}
