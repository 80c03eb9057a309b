//! Makes one call over TCP and shows each step of it, with the bytes of this run.

use std::process::ExitCode;

use clap::Parser;
use tutorial::command::Command;
use tutorial::journey::Journey;
use tutorial::page::Page;
use tutorial::tour;

/// Make one remote call and show each of its six steps, with the real bytes
///
/// Client and server run in this process, with a TCP connection between them; the store is empty when
/// the call arrives.
#[derive(Parser)]
#[command(name = "tour", term_width = 80, after_help = "Without a call, it is: put greeting hello")]
struct Args {
    #[command(subcommand)]
    call: Option<Command>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let put = || Command::Put { key: "greeting".to_owned(), value: "hello".to_owned() };
    let command = Args::parse().call.unwrap_or_else(put);
    let journey = match Journey::make(command).await {
        Ok(journey) => journey,
        Err(status) => {
            eprintln!("error: {status}");
            return ExitCode::FAILURE;
        }
    };
    let mut page = Page::printed();
    page.title(&format!("One call, six steps: {}", journey.command.source()));
    page.blank();
    let colour = if page.is_coloured() { "; its colour is the layer that wrote it" } else { "" };
    page.say(&format!(
        "Client and server are in this process, TCP is between them. Every byte below is from this run\
         {colour}."
    ));
    page.blank();
    tour::tell(&journey, &mut page);
    page.heading("what to run next");
    let next = [
        ("cargo run -- get greeting", "how does an error travel?"),
        ("cargo run -- incr hits 3", "a number in place of text"),
        ("cargo lesson", "the lessons, step by step"),
        ("cargo run --bin kv_server", "a server, to be called by"),
        ("cargo run --bin kv -- put greeting hello", "this, in another terminal"),
    ];
    page.table(&next);
    ExitCode::SUCCESS
}
