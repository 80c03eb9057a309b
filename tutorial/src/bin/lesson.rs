//! Lists the lessons, runs and checks them, and remembers what was done.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs, io};

use clap::{Parser, Subcommand};
use tutorial::cargo::workspace;
use tutorial::exercise::Starter;
use tutorial::lesson::{BOOK, LESSONS, Lesson};
use tutorial::page::{BOLD, DIM, Page};
use tutorial::progress::{Done, Progress};
use tutorial::specification::Specification;

/// The lessons: without a command, which there are, and what was done with each.
#[derive(Debug, Parser)]
#[command(name = "lesson", bin_name = "cargo lesson", term_width = 80, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    what: Option<What>,
    /// The folder in which it is kept what was done and written.
    #[arg(long, hide = true)]
    home: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Run a lesson; `cargo lesson 3` does the same.
    #[command(disable_help_flag = true)] // It is for the lesson.
    Run {
        /// Its number, or its noun.
        #[arg(value_parser = lesson)]
        lesson: Lesson,
        /// What is for the lesson itself; --help tells what it knows.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Check what a lesson says, and what you have written for it.
    Check {
        /// Its number, or its noun.
        #[arg(value_parser = lesson)]
        lesson: Lesson,
    },
    /// Run the first lesson that you have not run.
    Next,
    /// Begin to write what a lesson is about yourself.
    Start {
        /// Its number, or its noun.
        #[arg(value_parser = lesson)]
        lesson: Lesson,
    },
    /// Open the book of the lessons in a browser; Ctrl-C ends it.
    Book,
    /// A number, and what is for the lesson.
    #[command(external_subcommand)]
    Number(Vec<OsString>),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut reader = Reader::at(cli.home.unwrap_or_else(workspace));
    match cli.what {
        None => reader.list(),
        Some(What::Run { lesson, arguments }) => reader.run(lesson, arguments),
        Some(What::Check { lesson }) => reader.check(lesson),
        Some(What::Next) => reader.next(),
        Some(What::Start { lesson }) => reader.start(lesson),
        Some(What::Book) => book(&reader.home),
        Some(What::Number(mut words)) => {
            let first = words.remove(0);
            // Everything behind the number is for the lesson, `--help` too.
            match lesson(&first.to_string_lossy()) {
                Ok(lesson) => reader.run(lesson, words),
                Err(why) => {
                    eprintln!("error: {why}; all commands: cargo lesson --help");
                    ExitCode::from(USAGE)
                }
            }
        }
    }
}

fn lesson(text: &str) -> Result<Lesson, String> {
    Lesson::called(text)
        .ok_or_else(|| format!("there is no lesson {text:?}; to see those that there are: cargo lesson"))
}

/// Who goes through the lessons.
struct Reader {
    home: PathBuf,
    progress: Progress,
}

impl Reader {
    fn at(home: PathBuf) -> Self {
        let (progress, damage) = Progress::load(&home.join(".lessons"));
        if let Some(damage) = damage {
            eprintln!("what was done so far could not be read (.lessons, {damage}); it is begun anew");
        }
        Self { home, progress }
    }

    fn list(&self) -> ExitCode {
        let mut page = Page::printed();
        page.title("Lessons");
        page.blank();
        for lesson in LESSONS {
            let marks = self.marks(lesson);
            page.line(format_args!("  {:2}  {BOLD}{marks}{BOLD:#}  {}", lesson.number, lesson.title));
        }
        page.blank();
        page.line(format_args!(
            "      {DIM}✓✓✓ run, checked, built by you; · not yet; ✗ begun, and red{DIM:#}"
        ));
        page.blank();
        let next = self.next_step();
        page.table(&[
            (&next.0, next.1.as_str()),
            ("cargo lesson check 3", "check what lesson 3 says"),
            ("cargo lesson start 3", "write it yourself"),
            ("cargo lesson book", "read the pages"),
        ]);
        ExitCode::SUCCESS
    }

    /// What was done with a lesson, three columns.
    fn marks(&self, lesson: Lesson) -> String {
        let mark = |done| if self.progress.has(lesson, done) { "✓" } else { "·" };
        let built = match Starter::of(lesson) {
            None => " ",
            Some(_) if self.progress.has(lesson, Done::Built) => "✓",
            Some(starter) if self.home.join(starter.file()).exists() => "✗",
            Some(_) => "·",
        };
        format!("{}{}{built}", mark(Done::Run), mark(Done::Checked))
    }

    /// What can be typed next, and what it does.
    fn next_step(&self) -> (String, String) {
        if let Some(lesson) = self.progress.first_without(Done::Run) {
            return ("cargo lesson next".to_owned(), format!("run lesson {}", lesson.number));
        }
        match self.progress.first_without(Done::Checked) {
            Some(lesson) => {
                (format!("cargo lesson check {}", lesson.number), "the first that is not checked".to_owned())
            }
            None => ("ARCHITECTURE.md".to_owned(), "all is done; the whole shape, file by file".to_owned()),
        }
    }

    fn next(&mut self) -> ExitCode {
        if let Some(lesson) = self.progress.first_without(Done::Run) {
            return self.run(lesson, Vec::new());
        }
        let mut page = Page::printed();
        let next = self.next_step();
        page.say("You have run every lesson.");
        page.blank();
        page.table(&[(&next.0, next.1.as_str())]);
        ExitCode::SUCCESS
    }

    fn run(&mut self, lesson: Lesson, arguments: Vec<OsString>) -> ExitCode {
        // Whoever only asks what it is about has not run it.
        let is_run = arguments.iter().all(|argument| argument != "--help" && argument != "-h");
        let run = ["run", "--quiet", "--package", "tutorial", "--bin", lesson.program, "--"];
        let status = cargo().args(run).args(arguments).status();
        match status {
            Ok(status) if status.success() => {
                if is_run {
                    self.note(lesson, Done::Run);
                }
                ExitCode::SUCCESS
            }
            Ok(status) => {
                ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(FAILED))
            }
            Err(error) => no_cargo(&error),
        }
    }

    fn check(&mut self, lesson: Lesson) -> ExitCode {
        let mut page = Page::printed();
        page.title(&format!("Lesson {:02} · {}", lesson.number, lesson.title));
        let mut failed = !self.check_lesson(lesson, &mut page);
        if let Some(starter) = Starter::of(lesson) {
            let file = self.home.join(starter.file());
            match fs::read_to_string(&file) {
                Ok(text) => failed |= !self.check_yours(lesson, starter, &text, &mut page),
                Err(_) => {
                    page.blank();
                    let start = format!("cargo lesson start {}", lesson.number);
                    page.table(&[(&start, "write it yourself")]);
                }
            }
        }
        if failed { ExitCode::from(FAILED) } else { ExitCode::SUCCESS }
    }

    /// Runs the test of the lesson: whether all of it holds.
    fn check_lesson(&mut self, lesson: Lesson, page: &mut Page) -> bool {
        let test = format!("lesson_{:02}", lesson.number);
        page.heading(&format!("what the lesson says · tutorial/tests/{test}.rs"));
        building(page);
        let source = workspace().join("tutorial/tests").join(format!("{test}.rs"));
        let source = fs::read_to_string(source).unwrap_or_default();
        let color = if page.is_coloured() { "always" } else { "never" };
        let arguments =
            ["test", "--quiet", "--package", "tutorial", "--test", &test, "--", "--format", "pretty"];
        let output = match cargo().args(arguments).env("CARGO_TERM_COLOR", color).output() {
            Ok(output) => output,
            Err(error) => {
                no_cargo(&error);
                return false;
            }
        };
        let printed = String::from_utf8_lossy(&output.stdout);
        let specification = Specification::read(&printed, &source);
        specification.tell(page);
        page.blank();
        let (all, broken) = (specification.sentences.len(), specification.broken());
        let holds = output.status.success() && all > 0;
        if holds {
            page.say(&format!("{all} of {all} hold."));
            self.note(lesson, Done::Checked);
        } else if all == 0 {
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
            page.say("It could not be run: cargo says why.");
            page.blank();
            page.table(&[("git checkout .", "undo it, if you broke it on purpose")]);
        } else {
            page.say(&format!("{} of {all} hold.", all - broken));
            page.blank();
            let run = format!("cargo lesson {}", lesson.number);
            page.table(&[(&run, "the reasons"), ("git checkout .", "undo it, if you broke it on purpose")]);
        }
        holds
    }

    /// Runs what the reader has written: whether it is right.
    fn check_yours(&mut self, lesson: Lesson, starter: Starter, text: &str, page: &mut Page) -> bool {
        page.heading(&format!("what you wrote · {}", starter.file()));
        if text == starter.text {
            page.say("This is red now, and should be: nothing is written yet.");
            page.blank();
        }
        let arguments = ["run", "--quiet", "--package", "tutorial", "--example", &starter.program()];
        match cargo().args(arguments).status() {
            Ok(status) if status.success() => {
                self.note(lesson, Done::Built);
                true
            }
            Ok(_) => false,
            Err(error) => {
                no_cargo(&error);
                false
            }
        }
    }

    fn start(&self, lesson: Lesson) -> ExitCode {
        let mut page = Page::printed();
        let Some(starter) = Starter::of(lesson) else {
            let numbers = LESSONS.into_iter().filter(|lesson| Starter::of(*lesson).is_some());
            let numbers: Vec<_> = numbers.map(|lesson| lesson.number.to_string()).collect();
            eprintln!(
                "error: there is nothing to write in lesson {}; there is in {}",
                lesson.number,
                numbers.join(", ")
            );
            return ExitCode::from(USAGE);
        };
        let (file, name) = (self.home.join(starter.file()), starter.file());
        if file.exists() {
            eprintln!("error: {name} is there already; to begin anew, delete it and start again");
            return ExitCode::from(USAGE);
        }
        let folder = file.parent().unwrap_or(&self.home);
        if let Err(error) = fs::create_dir_all(folder).and_then(|()| fs::write(&file, starter.text)) {
            eprintln!("error: cannot write {name}: {error}");
            return ExitCode::from(FAILED);
        }
        page.say(&format!("{} Do it in {name}.", starter.task));
        page.blank();
        page.say(
            "It compiles, and it is red now, as it should be: nothing is written yet. Git does not see the file, so \
             no `git checkout` takes it away.",
        );
        page.blank();
        let check = format!("cargo lesson check {}", lesson.number);
        page.table(&[(&name, "what to fill in"), (&check, "how far it is, and what is wrong")]);
        ExitCode::SUCCESS
    }

    fn note(&mut self, lesson: Lesson, done: Done) {
        if let Err(error) = self.progress.note(lesson, done) {
            eprintln!("what was done cannot be kept in .lessons: {error}");
        }
    }
}

/// Shows the book with mdBook, which is installed into the workspace if it is nowhere.
fn book(home: &Path) -> ExitCode {
    let pages = home.join(BOOK);
    if !pages.join("src/SUMMARY.md").exists() {
        eprintln!("error: there is no book in {}", pages.display());
        return ExitCode::from(FAILED);
    }
    let tools = home.join("target/tools");
    let installed = tools.join("bin").join(format!("mdbook{}", env::consts::EXE_SUFFIX));
    let known = [PathBuf::from("mdbook"), installed.clone()];
    let runs = |mdbook: &PathBuf| Command::new(mdbook).arg("--version").output().is_ok();
    let mdbook = known.into_iter().find(runs);
    if mdbook.is_none() {
        eprintln!("mdBook {MDBOOK} will be installed into target/tools, which takes some minutes, once");
        let package = format!("mdbook@{MDBOOK}");
        let install = cargo().args(["install", "--locked", &package, "--root"]).arg(&tools).status();
        if !install.is_ok_and(|status| status.success()) {
            eprintln!(
                "error: mdBook could not be installed; the pages are plain text as well, from {BOOK}/src/SUMMARY.md on"
            );
            return ExitCode::from(FAILED);
        }
    }
    let address = match book_address() {
        Ok(address) => address,
        Err(error) => {
            eprintln!("error: there is no port for the book: {error}");
            return ExitCode::from(FAILED);
        }
    };
    eprintln!("the book opens at http://{address}; Ctrl-C ends it");
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let at = ["--hostname", &host, "--port", &port];
    // Ctrl-C reaches both, and ends both.
    let served =
        Command::new(mdbook.unwrap_or(installed)).arg("serve").arg(pages).args(at).arg("--open").status();
    match served {
        Ok(status) if status.success() || status.code().is_none() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(FAILED),
        Err(error) => {
            eprintln!("error: mdBook does not run: {error}");
            ExitCode::from(FAILED)
        }
    }
}

/// Where mdBook always is, since a browser keeps the theme by the address; another port if that one is taken,
/// for mdBook would open what is there instead.
fn book_address() -> io::Result<SocketAddr> {
    let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).and_then(|socket| socket.local_addr());
    free(BOOK_PORT).or_else(|_| free(0))
}

fn building(page: &mut Page) {
    page.line(format_args!("    {DIM}building it; the first time that takes a minute or more …{DIM:#}"));
    page.blank();
}

/// The cargo that runs this.
fn cargo() -> Command {
    let mut cargo = tutorial::cargo::cargo();
    // A mistake is told by what it says, not by who called whom.
    cargo.env("RUST_BACKTRACE", "0");
    cargo
}

fn no_cargo(error: &io::Error) -> ExitCode {
    eprintln!("error: cannot run cargo: {error}");
    ExitCode::from(FAILED)
}

const MDBOOK: &str = "0.5.4";
const BOOK_PORT: u16 = 3000;
const FAILED: u8 = 1;
const USAGE: u8 = 2;
