//! What is said about a `.proto` file that is wrong: the file, the line, and what to do. And where imports
//! are looked for.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use stub_build::Builder;

/// What is said about a file that has this text behind its first two lines.
fn said(name: &str, text: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("{name}.proto"));
    std::fs::write(&file, format!("syntax = \"proto3\";\npackage wrong;\n{text}")).unwrap();
    let said = Builder::new().generate(file).unwrap_err().to_string();
    said.replace(&folder.display().to_string(), "FOLDER")
}

#[test]
fn a_missing_semicolon_is_shown_at_what_stands_in_its_place() {
    let text = "\
FOLDER/semicolon.proto:5:1: expected ';' or '[', but found '}'
   |
 5 | }
   | ^
   = Write what is expected before the mark; often the line above lacks its ';' or a block its '}'.";
    assert_eq!(said("semicolon", "message A {\n  string key = 1\n}\n"), text);
}

#[test]
fn a_file_that_ends_too_early_is_shown_at_its_end() {
    let said = said("end", "message A {\n\tstring key = 1; // Grüße\n\n\n");
    assert!(said.starts_with("FOLDER/end.proto:4:26: expected "), "{said}");
    assert!(said.contains("\n 4 | \tstring key = 1; // Grüße\n   | \t                        ^\n"), "{said}");
}

#[test]
fn a_type_that_is_not_there_is_shown() {
    let text = "\
FOLDER/type.proto:5:32: name 'Nothing' is not defined
   |
 5 |   rpc Get(GetRequest) returns (Nothing);
   |                                ^^^^^^^
   = Define a message or enum of this name, or import the file that has it. A name of another package is \
     written with it: `package.Name`.";
    let service = "message GetRequest {}\nservice S {\n  rpc Get(GetRequest) returns (Nothing);\n}\n";
    assert_eq!(said("type", service), text);
}

#[test]
fn an_import_that_is_not_there_is_shown_with_where_it_was_looked_for() {
    let text = "\
FOLDER/import.proto:3:1: import 'other/messages.proto' not found
   |
 3 | import \"other/messages.proto\";
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   = Imports are looked for in FOLDER. Put the file there, or name its folder: `Builder::include`.";
    assert_eq!(said("import", "import \"other/messages.proto\";\n"), text);
}

#[test]
fn an_import_is_found_in_a_folder_that_was_named() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let (here, there) = (folder.join("here"), folder.join("there"));
    for folder in [&here, &there] {
        std::fs::create_dir_all(folder).unwrap();
    }
    let imported = "syntax = \"proto3\";\npackage there;\nmessage A {}\n";
    std::fs::write(there.join("a.proto"), imported).unwrap();
    let text = "syntax = \"proto3\";\npackage here;\nimport \"a.proto\";\nmessage B { there.A a = 1; }\n";
    std::fs::write(here.join("b.proto"), text).unwrap();
    let generated = Builder::new().include(&there).generate(here.join("b.proto")).unwrap();
    assert_eq!(generated.packages.keys().collect::<Vec<_>>(), ["here", "there"]);
    assert_eq!(generated.sources, [there.join("a.proto"), here.join("b.proto")]);
}

#[test]
fn a_number_used_twice_is_shown_where_it_is_used_again() {
    let text = "\
FOLDER/number.proto:5:18: field number '1' is already used
   |
 5 |   string value = 1;
   |                  ^
   = Give each field a number of its own. One that was ever in use stays taken, since old programs have it \
     in their bytes.";
    assert_eq!(said("number", "message A {\n  string key = 1;\n  string value = 1;\n}\n"), text);
}

#[test]
fn a_name_used_twice_is_shown_where_it_is_used_again() {
    let said = said("name", "message A {}\nmessage A {}\n");
    assert!(said.starts_with("FOLDER/name.proto:4:9: name 'wrong.A' is defined twice\n"), "{said}");
    assert!(said.ends_with("= Rename one of the two."), "{said}");
}

#[test]
fn each_of_several_errors_is_shown() {
    let said = said("several", "message A {\n  B b = 1;\n  C c = 2;\n}\n");
    assert!(said.contains("FOLDER/several.proto:4:3: name 'B' is not defined"), "{said}");
    assert!(said.contains("\n\nFOLDER/several.proto:5:3: name 'C' is not defined"), "{said}");
}

#[test]
fn a_message_that_would_have_the_name_of_a_stub_is_refused() {
    let said = said("stub", "service S {}\nmessage SClient {}\n");
    let text = "FOLDER/stub.proto:3:1: service S has a SClient, and there is a message of this name\n";
    assert!(said.starts_with(text), "{said}");
}

#[test]
fn a_method_that_takes_a_type_of_another_crate_is_refused() {
    let import = "import \"google/protobuf/timestamp.proto\";\n";
    let service = "service S {\n  rpc When(A) returns (google.protobuf.Timestamp);\n}\nmessage A {}\n";
    let said = said("foreign", &format!("{import}{service}"));
    let text = "FOLDER/foreign.proto:5:3: google.protobuf.Timestamp cannot be a message of a method\n";
    assert!(said.starts_with(text), "{said}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Builder::new().generate(Path::new("proto/none.proto")).unwrap_err();
    let text = "there is no file proto/none.proto\n = Give its path as it is from the folder of Cargo.toml.";
    assert_eq!(error.to_string(), text);
}
