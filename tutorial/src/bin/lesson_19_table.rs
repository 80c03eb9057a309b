//! Lesson 19: gRPC and an HTTP API with JSON, row by row.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Arg, ArgMatches, value_parser};
use transport::{Code, Status};
use tutorial::lesson::Lesson;
use tutorial::page::Page;
use tutorial::table::{Report, html, terminal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let lesson = const { Lesson::numbered(19) };
    let (mut page, given) = lesson.begin_with(
        [
            file("html", "Also write the report as a page for a browser"),
            file("json", "Also write the report for programs"),
            Arg::new("time")
                .long("time")
                .value_name("SECONDS")
                .value_parser(seconds)
                .default_value("0.4")
                .help("How long each measurement of speed takes, up to a minute"),
        ],
        &[
            "The same service can be offered as gRPC and as an HTTP API with JSON, with one object behind \
             both. Which is better is no question; which is better at what can be measured.",
            "Most of what a small JSON call costs is not the JSON: it is the fields of HTTP/1.1 around it, \
             and a connection that carries one call at a time.",
            "protobuf passes over what it does not know, on purpose. JSON says what it is, so a reader can \
             be strict; whether one is, no document decides.",
            "A page in a browser cannot read trailers, so it cannot speak gRPC. It speaks gRPC-Web, with two \
             of the four shapes, or JSON.",
        ],
        "get(\"greeting\") returns \"hello\": 10 bytes there and 7 back in protobuf. How many are on the \
         wire for a later call in gRPC, how many in an HTTP API with JSON? An increment says its number as \
         text, or leaves it out, or says 2^63: which of the two notices what? And how many of the four \
         shapes of a call does each have?",
    );
    let told = run(&mut page, &given).await;
    lesson.end(
        page,
        told,
        "In stub/kv/json/src/body.rs, write the line #[serde(deny_unknown_fields)] above `pub(crate) struct \
         Text`: now the API refuses a field that it does not know. Run this again. It notices one wrong \
         thing more, and the test below fails. Better? A client that was built a year later sends a field \
         that this server has not heard of, and no call of it works any more. Being strict and going on to \
         understand each other are not to be had together.",
    )
}

async fn run(page: &mut Page, given: &ArgMatches) -> Result<(), Status> {
    let time = given.get_one("time").copied().unwrap_or_default();
    let report = Report::make(time).await?;
    terminal::tell(page, &report);
    write(given.get_one("json"), &report.json()?)?;
    write(given.get_one("html"), &html::page(&report))?;

    page.heading("and the questions");
    page.say(
        "Later calls take 81 bytes in gRPC, 64 of them around the messages; the rows above have the other \
         number. Of the three increments protobuf notices one, the text, for its tag says another wire type; \
         the API notices all. And of the shapes gRPC has four, and the API two: one answer, and events.",
    );
    Ok(())
}

fn write(file: Option<&PathBuf>, text: &str) -> Result<(), Status> {
    let Some(file) = file else { return Ok(()) };
    fs::write(file, text)
        .map_err(|error| Status::new(Code::InvalidArgument, format!("{}: {error}", file.display())))
}

fn file(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name("FILE").value_parser(value_parser!(PathBuf)).help(help)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.01..=60.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "a number from 0.01 to 60 is expected".to_owned())
}
