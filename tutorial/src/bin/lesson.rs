//! Lists the lessons, and runs one.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use tutorial::lesson::{LESSONS, Lesson};
use tutorial::page::Page;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(first) = arguments.next() else {
        list();
        return ExitCode::SUCCESS;
    };
    let first = first.to_string_lossy();
    if matches!(&*first, "-h" | "--help" | "help") {
        help();
        return ExitCode::SUCCESS;
    }
    match first.parse().ok().and_then(Lesson::find) {
        // Everything behind the number is for the lesson, `--help` too.
        Some(lesson) => run(lesson, arguments.collect()),
        None => {
            eprintln!("error: there is no lesson {first:?}; to see those that there are: cargo lesson");
            ExitCode::from(2)
        }
    }
}

fn help() {
    let mut page = Page::printed();
    page.table(&[
        ("cargo lesson", "list the lessons"),
        ("cargo lesson 3", "run lesson 3"),
        ("cargo lesson 3 --help", "what lesson 3 is about"),
    ]);
}

fn list() {
    let mut page = Page::printed();
    page.title("Lessons");
    page.blank();
    for lesson in LESSONS {
        page.line(format_args!("  {:2}  {}", lesson.number, lesson.title));
    }
    page.blank();
    page.table(&[
        ("cargo lesson 3", "run lesson 3"),
        ("cargo test -p tutorial --test lesson_03", "check what it says"),
    ]);
}

/// Builds and runs the lesson with the cargo that runs this.
fn run(lesson: Lesson, arguments: Vec<OsString>) -> ExitCode {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["run", "--quiet", "--package", "tutorial", "--bin", lesson.program, "--"])
        .args(arguments)
        .status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
        Err(error) => {
            eprintln!("error: cannot run cargo: {error}; to run the lesson without it: {}", lesson.program);
            ExitCode::FAILURE
        }
    }
}
