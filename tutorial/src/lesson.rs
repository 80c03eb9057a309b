//! The lessons there are, and how each begins and ends.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, ArgMatches, value_parser};
use transport::{Code, Status};

use crate::exercise::Starter;
use crate::page::Page;

/// One lesson: a program, and a test that reads as its specification.
#[derive(Clone, Copy, Debug)]
pub struct Lesson {
    /// Its number.
    pub number: u8,
    /// Its program: `lesson_NN_noun`, in `tutorial/src/bin/`. Its test is `tutorial/tests/lesson_NN.rs`.
    pub program: &'static str,
    /// What it is about.
    pub title: &'static str,
}

/// All lessons that there are, in order.
pub const LESSONS: [Lesson; 20] = [
    Lesson { number: 0, program: "lesson_00_journey", title: "The whole journey of one call" },
    Lesson { number: 1, program: "lesson_01_contract", title: "An interface is a contract" },
    Lesson { number: 2, program: "lesson_02_bytes", title: "Arguments become bytes" },
    Lesson { number: 3, program: "lesson_03_frame", title: "A standard message: kind, method, length, call" },
    Lesson {
        number: 4,
        program: "lesson_04_dispatch",
        title: "Server stub and dispatch: bytes in, bytes out",
    },
    Lesson { number: 5, program: "lesson_05_stub", title: "Client stub and return path: results and errors" },
    Lesson { number: 6, program: "lesson_06_stream", title: "A stream is not messages" },
    Lesson { number: 7, program: "lesson_07_calls", title: "Many calls, one connection" },
    Lesson { number: 8, program: "lesson_08_loss", title: "A lost request looks like a lost reply" },
    Lesson { number: 9, program: "lesson_09_shapes", title: "Four shapes of a call, and back-pressure" },
    Lesson {
        number: 10,
        program: "lesson_10_generated",
        title: "Stubs are mechanical: generate them from a contract",
    },
    Lesson { number: 11, program: "lesson_11_protobuf", title: "Protobuf is tags and varints" },
    Lesson { number: 12, program: "lesson_12_http2", title: "HTTP/2 is frames on streams" },
    Lesson { number: 13, program: "lesson_13_hpack", title: "HPACK: headers that shrink" },
    Lesson { number: 14, program: "lesson_14_grpc", title: "gRPC = path + 5 bytes + trailers" },
    Lesson {
        number: 15,
        program: "lesson_15_swap",
        title: "The swap: same contract, same stubs, other transport and codec",
    },
    Lesson {
        number: 16,
        program: "lesson_16_status",
        title: "Deadlines, cancellation, metadata, status on the wire",
    },
    Lesson { number: 17, program: "lesson_17_tls", title: "TLS and ALPN" },
    Lesson { number: 18, program: "lesson_18_web", title: "Browsers cannot read trailers: gRPC-Web" },
    Lesson { number: 19, program: "lesson_19_table", title: "gRPC and an HTTP API with JSON, row by row" },
];

impl Lesson {
    /// The lesson with this number, for its own program: with a number that no lesson has, that does not
    /// compile.
    ///
    /// # Panics
    /// When there is no such lesson; in a `const`, that is when it is compiled.
    pub const fn numbered(number: u8) -> Self {
        let mut at = 0;
        while LESSONS[at].number != number {
            at += 1;
        }
        LESSONS[at]
    }

    /// What its program is called behind its number. It stays when lessons are numbered anew, so what a reader has
    /// done is kept under it.
    pub fn noun(self) -> &'static str {
        self.program.splitn(3, '_').last().unwrap_or(self.program)
    }

    /// Its page of the book, from the root of the workspace.
    pub fn page(self) -> String {
        format!("{BOOK}/src/lesson-{:02}.md", self.number)
    }

    /// The lesson with this number, or this noun.
    pub fn called(text: &str) -> Option<Self> {
        let number = text.parse().ok();
        LESSONS.into_iter().find(|lesson| Some(lesson.number) == number || lesson.noun() == text)
    }

    /// The lesson that comes after this one.
    pub fn next(self) -> Option<Self> {
        LESSONS.into_iter().find(|lesson| lesson.number > self.number)
    }

    /// Begins the lesson: reads the command line, which knows `--help`, and prints what the lesson is
    /// about: what one will know, and a question to answer before reading on.
    pub fn begin(self, know: &[&str], predict: &str) -> Page {
        self.begin_with([], know, predict).0
    }

    /// Begins a lesson whose command line knows more than `--help`; also returns what was given there.
    pub fn begin_with(
        self,
        arguments: impl IntoIterator<Item = Arg>,
        know: &[&str],
        predict: &str,
    ) -> (Page, ArgMatches) {
        let about =
            format!("Lesson {:02}: {}\n\nYou will know:\n  {}", self.number, self.title, know.join("\n  "));
        let command = clap::Command::new(self.program).about(about).term_width(80);
        let pictures = Arg::new("pictures")
            .long("pictures")
            .value_name("FOLDER")
            .value_parser(value_parser!(PathBuf))
            .help("Also draw bytes and diagrams as SVG, into this folder");
        let given = command.args(arguments).arg(pictures).get_matches();
        let mut page = Page::with_pictures(given.get_one("pictures").cloned());
        page.title(&format!("Lesson {:02} · {}", self.number, self.title));
        page.heading("you will know");
        for (number, sentence) in know.iter().enumerate() {
            page.point(&format!("{}.", number + 1), sentence);
        }
        page.heading("predict");
        page.say(predict);
        (page, given)
    }

    /// Ends the lesson: prints what to change to see it fail, where the lesson is checked, and what is
    /// next. The exit code tells whether the lesson could be given.
    pub fn end(self, mut page: Page, given: Result<(), Status>, break_it: &str) -> ExitCode {
        if let Err(status) = given {
            page.heading("the lesson stops here");
            page.say(&status.to_string());
            page.blank();
            page.table(&[("git checkout .", "undo it, if you broke it on purpose")]);
            eprintln!("error: the lesson did not get what it needs");
            return ExitCode::FAILURE;
        }
        page.heading("break it");
        page.say(break_it);
        page.heading("check, and go on");
        let check = format!("cargo lesson check {}", self.number);
        let source = format!("tutorial/src/bin/{}.rs", self.program);
        let after = match self.next() {
            Some(next) => (format!("cargo lesson {}", next.number), "the next lesson"),
            None => ("ARCHITECTURE.md".to_owned(), "the whole shape, file by file"),
        };
        let start = format!("cargo lesson start {}", self.number);
        let mut rows = vec![
            (source.as_str(), "what just ran"),
            (&check, "what it says"),
            ("git checkout .", "undo what you broke"),
        ];
        if Starter::of(self).is_some() {
            rows.push((&start, "write it yourself"));
        }
        rows.push((&after.0, after.1));
        page.table(&rows);
        ExitCode::SUCCESS
    }
}

/// The folder of the book, from the root of the workspace.
pub const BOOK: &str = "tutorial/book";

/// Why a lesson cannot be given on a machine where nothing can listen.
pub fn no_network(error: std::io::Error) -> Status {
    Status::new(Code::Unavailable, format!("this machine has no loopback network: {error}"))
}
