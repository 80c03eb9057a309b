//! `cargo lesson`, run as a program: with a home of its own, and a cargo that only tells what it was asked for.

#![allow(clippy::unwrap_used)]
#![cfg(unix)] // The cargo is a shell script.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use tutorial::exercise::{STARTERS, Starter};
use tutorial::lesson::LESSONS;

/// Somebody who goes through the lessons.
struct Reader {
    home: PathBuf,
}

/// What a command has done: exit code, standard output, standard error.
type Said = (i32, String, String);

impl Reader {
    /// One who has done nothing yet, and whose cargo answers with `answer`, in the language of the shell.
    fn new(name: &str, answer: &str) -> Self {
        let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&home);
        fs::create_dir_all(&home).unwrap();
        let reader = Self { home };
        reader.cargo_answers(answer);
        reader
    }

    fn cargo_answers(&self, answer: &str) {
        fs::write(self.home.join("answer"), answer).unwrap();
    }

    fn types(&self, words: &str) -> Said {
        self.types_where("/usr/bin:/bin", words)
    }

    /// Types where programs are looked for in these folders.
    fn types_where(&self, path: &str, words: &str) -> Said {
        let output = Command::new(env!("CARGO_BIN_EXE_lesson"))
            .arg("--home")
            .arg(&self.home)
            .args(words.split_whitespace())
            .env("CARGO", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/runner/cargo"))
            .env("CARGO_NOTES", &self.home)
            .env("PATH", path)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        assert!(stdout.lines().all(|line| line.chars().count() <= 80), "over 80 columns:\n{stdout}");
        assert!(!stdout.contains('\x1b'), "no colours into a pipe");
        (output.status.code().unwrap(), stdout, stderr)
    }

    /// What its cargo was asked for, a line a time.
    fn asked(&self) -> String {
        fs::read_to_string(self.home.join("asked")).unwrap_or_default()
    }

    /// The marks of a lesson in the list.
    fn marks(&self, number: u8) -> String {
        let (_, list, _) = self.types("");
        let line = list.lines().find(|line| line.starts_with(&format!("  {number:2}  "))).unwrap();
        line.chars().skip(6).take(3).collect()
    }

    /// Opens a book, and says at which port of this machine it was told to be.
    fn opens_the_book(&self) -> u16 {
        let source = self.home.join("tutorial/book/src");
        fs::create_dir_all(&source).unwrap();
        fs::write(source.join("SUMMARY.md"), "").unwrap();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/runner:/usr/bin:/bin");
        let (code, _, stderr) = self.types_where(path, "book");
        assert_eq!(code, 0, "{stderr}");
        let (_, address) = stderr.split_once("http://127.0.0.1:").unwrap();
        address.split(';').next().unwrap().parse().unwrap()
    }

    fn state(&self) -> PathBuf {
        self.home.join(".lessons")
    }
}

const GOOD: &str = "echo 'test a_thing_is_so ... ok'; echo 'test result: ok.'";
const BAD: &str = "cat <<'END'
test a_thing_is_so ... ok
test another_is_so ... FAILED

failures:

---- another_is_so stdout ----

thread 'another_is_so' (7) panicked at tutorial/tests/lesson_03.rs:20:5:
  21 02 04 03
        ^^ byte 2
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace


failures:
    another_is_so

test result: FAILED.
END
exit 101";

#[test]
fn every_lesson_is_listed_with_its_number_and_its_title() {
    let (code, stdout, _) = Reader::new("listed", GOOD).types("");
    assert_eq!(code, 0);
    for lesson in LESSONS {
        let line = stdout.lines().find(|line| line.ends_with(lesson.title)).unwrap();
        assert!(line.trim_start().starts_with(&lesson.number.to_string()), "{line}");
    }
}

#[test]
fn a_number_runs_the_lesson_and_what_stands_behind_it_is_for_the_lesson() {
    let reader = Reader::new("number", "exit 0");
    assert_eq!(reader.types("14 --to 127.0.0.1:50051").0, 0);
    assert_eq!(reader.types("run 3 --help").0, 0);
    assert_eq!(
        reader.asked(),
        "run --quiet --package tutorial --bin lesson_14_grpc -- --to 127.0.0.1:50051\n\
         run --quiet --package tutorial --bin lesson_03_frame -- --help\n"
    );
    assert!(reader.marks(14).starts_with("✓·"));
    assert_eq!(reader.marks(3), "···", "who asks what it is about has not run it");
}

#[test]
fn a_lesson_that_ends_with_an_error_is_not_run_and_its_exit_code_is_that_of_the_command() {
    let reader = Reader::new("error", "exit 7");
    assert_eq!(reader.types("4").0, 7);
    assert!(!reader.state().exists());
}

#[test]
fn a_lesson_that_there_is_not_is_named_and_where_to_find_those_that_there_are() {
    let reader = Reader::new("unknown", GOOD);
    for words in ["9000", "run 9000", "check nothing", "start 9000"] {
        let (code, _, stderr) = reader.types(words);
        assert_eq!(code, 2, "{words}");
        let name = words.rsplit(' ').next().unwrap();
        assert!(stderr.contains(&format!("there is no lesson {name:?}")), "{stderr}");
        assert!(stderr.contains("cargo lesson"), "{stderr}");
    }
}

#[test]
fn next_is_the_first_lesson_that_was_not_run() {
    let reader = Reader::new("next", "exit 0");
    reader.types("0");
    reader.types("2");
    assert!(reader.types("").1.contains("run lesson 1\n"));
    reader.types("next");
    assert!(reader.asked().lines().last().unwrap().contains("lesson_01_contract"));
    for lesson in LESSONS {
        reader.types(&lesson.number.to_string());
    }
    let (code, stdout, _) = reader.types("next");
    assert_eq!(code, 0);
    assert!(
        stdout.contains("You have run every lesson.") && stdout.contains("cargo lesson check 0"),
        "{stdout}"
    );
}

#[test]
fn a_check_tells_the_sentences_of_the_test_and_is_remembered() {
    let reader = Reader::new("checked", GOOD);
    let (code, stdout, _) = reader.types("check 3");
    assert_eq!(code, 0);
    assert!(stdout.contains("  ✓ a thing is so\n") && stdout.contains("1 of 1 hold."), "{stdout}");
    assert!(stdout.contains("cargo lesson start 3"), "what can be built is offered:\n{stdout}");
    assert_eq!(
        reader.asked(),
        "test --quiet --package tutorial --test lesson_03 -- --format pretty\n",
        "and what nobody has begun to build is not asked for"
    );
    assert_eq!(reader.marks(3), "·✓·");
}

#[test]
fn a_sentence_that_does_not_hold_is_shown_with_what_it_says() {
    let reader = Reader::new("broken", BAD);
    let (code, stdout, _) = reader.types("check 3");
    assert_eq!(code, 1);
    let said = "  ✗ another is so\n\n    at tutorial/tests/lesson_03.rs:20:5\n      21 02 04 03\n            ^^ byte 2\n";
    assert!(stdout.contains(said), "{stdout}");
    assert!(stdout.contains("1 of 2 hold.") && !stdout.contains("RUST_BACKTRACE"), "{stdout}");
    assert!(!reader.state().exists());
}

#[test]
fn a_test_that_does_not_compile_has_not_passed() {
    let (code, stdout, _) = Reader::new("uncompiled", "exit 101").types("check 3");
    assert_eq!(code, 1);
    assert!(stdout.contains("It could not be run"), "{stdout}");
    let (code, ..) = Reader::new("empty", "exit 0").types("check 3");
    assert_eq!(code, 1, "where no sentence is, none holds");
}

#[test]
fn a_starter_is_written_once_and_is_announced_as_red() {
    let reader = Reader::new("start", GOOD);
    let (code, stdout, _) = reader.types("start 3");
    assert_eq!(code, 0);
    assert!(stdout.contains("red now, as it should be"), "{stdout}");
    let file = reader.home.join("tutorial/examples/my_frame.rs");
    assert_eq!(reader.marks(3), "··✗");
    fs::write(&file, "mine").unwrap();
    let (code, _, stderr) = reader.types("start 3");
    assert_eq!(code, 2);
    assert!(stderr.contains("delete it and start again"), "{stderr}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine", "what was written stays");
}

#[test]
fn what_was_begun_is_checked_with_its_lesson() {
    let reader = Reader::new("begun", GOOD);
    reader.types("start 3");
    reader.cargo_answers(&format!("if test $1 = run; then exit 1; fi; {GOOD}"));
    let (code, stdout, _) = reader.types("check 3");
    assert_eq!(code, 1);
    assert!(stdout.contains("This is red now, and should be: nothing is written yet."), "{stdout}");
    assert!(reader.asked().ends_with("run --quiet --package tutorial --example my_frame\n"));
    assert_eq!(reader.marks(3), "·✓✗", "what the lesson says holds all the same");

    let file = reader.home.join("tutorial/examples/my_frame.rs");
    fs::write(&file, "mine").unwrap();
    let (_, stdout, _) = reader.types("check 3");
    assert!(!stdout.contains("should be"), "what was changed is not red on purpose:\n{stdout}");
    reader.cargo_answers(GOOD);
    assert_eq!(reader.types("check 3").0, 0);
    assert_eq!(reader.marks(3), "·✓✓");
}

#[test]
fn where_nothing_can_be_written_it_says_where_something_can() {
    let (code, _, stderr) = Reader::new("nothing", GOOD).types("start 0");
    assert_eq!(code, 2);
    assert!(stderr.contains("nothing to write in lesson 0; there is in 2, 3, "), "{stderr}");
}

#[test]
fn what_was_done_is_kept_by_the_noun_of_the_lesson() {
    let reader = Reader::new("kept", "exit 0");
    reader.types("3");
    let state = fs::read_to_string(reader.state()).unwrap();
    assert!(state.ends_with("\nframe run\n"), "no number in it: {state}");
    // A lesson that is here no more, or not yet, loses nothing.
    fs::write(reader.state(), "teapot run checked\nframe run\n").unwrap();
    reader.types("4");
    let state = fs::read_to_string(reader.state()).unwrap();
    assert!(state.contains("teapot run checked\n") && state.contains("dispatch run\n"), "{state}");
}

#[test]
fn a_state_that_is_damaged_or_gone_is_begun_anew() {
    let reader = Reader::new("damaged", "exit 0");
    reader.types("3");
    fs::write(reader.state(), b"\xff\xfe").unwrap();
    let (code, _, stderr) = reader.types("");
    assert_eq!(code, 0);
    assert!(stderr.contains("begun anew"), "{stderr}");
    fs::write(reader.state(), "frame eaten\n").unwrap();
    let (_, _, stderr) = reader.types("4");
    assert!(stderr.contains("line 1: nothing is called \"eaten\""), "{stderr}");
    assert_eq!(reader.marks(3), "···");
    assert!(reader.marks(4).starts_with("✓·"));
    fs::remove_file(reader.state()).unwrap();
    let (code, _, stderr) = reader.types("");
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(reader.marks(4).starts_with("··"));
}

#[test]
fn the_book_is_shown_by_an_mdbook_that_is_there() {
    let reader = Reader::new("book", GOOD);
    let port = reader.opens_the_book();
    let pages = reader.home.join("tutorial/book");
    let serve = format!("mdbook serve {} --hostname 127.0.0.1 --port {port} --open\n", pages.display());
    assert_eq!(reader.asked(), format!("mdbook --version\n{serve}"));
}

#[test]
fn where_another_program_has_the_port_of_the_book_it_gets_another_one() {
    // Whoever has it, has it.
    let _taken = TcpListener::bind("127.0.0.1:3000");
    assert_ne!(Reader::new("book-port", GOOD).opens_the_book(), 3000);
}

#[test]
fn an_mdbook_that_is_not_there_is_installed_and_without_a_network_the_pages_are_named() {
    let reader = Reader::new("no-book", "exit 101");
    let (code, _, stderr) = reader.types("book");
    assert_eq!(code, 1);
    assert!(stderr.contains("there is no book"), "{stderr}");

    fs::create_dir_all(reader.home.join("tutorial/book/src")).unwrap();
    fs::write(reader.home.join("tutorial/book/src/SUMMARY.md"), "").unwrap();
    let (code, _, stderr) = reader.types_where("/nowhere", "book");
    assert_eq!(code, 1);
    assert!(stderr.contains("will be installed into target/tools"), "{stderr}");
    assert!(stderr.contains("tutorial/book/src/SUMMARY.md"), "{stderr}");
    let tools = reader.home.join("target/tools");
    assert_eq!(reader.asked(), format!("install --locked mdbook@0.5.4 --root {}\n", tools.display()));
}

#[test]
fn each_starter_is_that_of_a_lesson() {
    let lessons: Vec<_> = LESSONS.into_iter().filter_map(Starter::of).map(|starter| starter.noun).collect();
    let starters: Vec<_> = STARTERS.iter().map(|starter| starter.noun).collect();
    assert_eq!(lessons, starters);
    for starter in STARTERS {
        let lesson = LESSONS.into_iter().find(|lesson| lesson.noun() == starter.noun).unwrap();
        let says = format!("cargo lesson check {}`", lesson.number);
        assert!(starter.text.contains(&says), "{}: {says}", starter.noun);
    }
    let mut nouns = LESSONS.map(tutorial::lesson::Lesson::noun).to_vec();
    nouns.sort_unstable();
    nouns.dedup();
    assert_eq!(nouns.len(), LESSONS.len(), "a noun is that of one lesson");
}

#[test]
fn help_tells_all_commands() {
    let (code, stdout, _) = Reader::new("help", GOOD).types("--help");
    assert_eq!(code, 0);
    for command in ["run", "check", "next", "start", "book"] {
        assert!(stdout.lines().any(|line| line.trim_start().starts_with(command)), "{command}:\n{stdout}");
    }
}
