//! Lists the lessons, and runs one.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use clap::Parser;
use tutorial::lesson::{LESSONS, Lesson};
use tutorial::page::Page;

/// List the lessons, or run one
#[derive(Parser)]
#[command(name = "cargo lesson")]
struct Args {
    /// Which lesson to run
    number: Option<u8>,
    /// What to give to the lesson, such as --help
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match args.number {
        None => list(),
        Some(number) => match Lesson::find(number) {
            Some(lesson) => run(lesson, &args.arguments),
            None => {
                let last = LESSONS.len() - 1;
                eprintln!(
                    "error: there is no lesson {number}, lessons are 0 to {last}; to see them: cargo lesson"
                );
                ExitCode::from(2)
            }
        },
    }
}

fn list() -> ExitCode {
    let mut page = Page::printed();
    page.title("Lessons");
    page.blank();
    for lesson in LESSONS {
        page.line(format_args!("  {:02}  {}", lesson.number, lesson.title));
    }
    page.blank();
    page.table(&[
        ("cargo lesson 3", "run lesson 3"),
        ("cargo test -p tutorial --test lesson_03", "check what it says"),
    ]);
    ExitCode::SUCCESS
}

/// Builds and runs the lesson with the cargo that runs this.
fn run(lesson: Lesson, arguments: &[OsString]) -> ExitCode {
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
