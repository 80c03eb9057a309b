//! Lesson 01: an interface is a contract.

use std::process::ExitCode;

use kv::{Kv, Store};
use transport::Status;
use tutorial::lesson::Lesson;
use tutorial::page::{BOLD, DIM, Page};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let lesson = const { Lesson::numbered(1) };
    let mut page = lesson.begin(
        &[
            "What can be called is a contract: names, arguments, results, and errors too.",
            "Who calls depends on the contract, not on the object behind it. That is why the object can be \
             moved to another machine.",
            "A contract for remote calls admits from the start that any call can fail, and can take a while.",
        ],
        "Everything here is local: no network, no bytes. Why then is every method `async`, and why does \
         every one return a Result, even `put` into a map in memory?",
    );
    let given = run(&mut page).await;
    lesson.end(
        page,
        given,
        "In stub/kv/src/store.rs, let `delete` return NOT_FOUND for a key that is not there, as `get` does. \
         It compiles: the types allow it. The contract does not: the test below fails, and so it will for \
         every other object behind this contract.",
    )
}

async fn run(page: &mut Page) -> Result<(), Status> {
    page.heading("the contract");
    page.say("It is a trait with four methods. (stub/kv/src/contract.rs, trait Kv)");
    page.blank();
    page.code("async fn get(&self, key: &str) -> Result<String, Status>");
    page.code("async fn put(&self, key: &str, value: &str) -> Result<(), Status>");
    page.code("async fn delete(&self, key: &str) -> Result<bool, Status>");
    page.code("async fn increment(&self, key: &str, by: i64) -> Result<i64, Status>");

    page.heading("calls to a local object");
    page.say("`Store` keeps the contract with a map. (stub/kv/src/store.rs)");
    page.blank();
    calls(page, &Store::new()).await;

    page.heading("what to see");
    page.say(
        "Each error has a code that a program can act on, and a text for a person. The codes are not those \
         of this store but 17 that gRPC, a widely used RPC system, fixed for all services; they \
         will travel as a number. \
         (transport/src/status.rs)",
    );
    page.blank();
    page.say(
        "The last two calls are the same, and the results differ. Whoever loses the reply to an increment \
         and asks again has counted twice. No transport can repair that: it is in the contract.",
    );
    page.blank();
    page.say(
        "And the question: nothing here needs `async` or Result. The contract has them because one day the \
         object will be elsewhere, and then whoever calls must be ready to wait, and to fail.",
    );
    Ok(())
}

/// This function takes any `Kv`. It will run again, unchanged, when the object is elsewhere.
async fn calls(page: &mut Page, kv: &impl Kv) {
    show(page, "kv.get(\"greeting\")", kv.get("greeting").await);
    show(page, "kv.put(\"greeting\", \"hello\")", kv.put("greeting", "hello").await);
    show(page, "kv.get(\"greeting\")", kv.get("greeting").await);
    show(page, "kv.put(\"\", \"nobody\")", kv.put("", "nobody").await);
    show(page, "kv.increment(\"greeting\", 1)", kv.increment("greeting", 1).await);
    show(page, "kv.delete(\"greeting\")", kv.delete("greeting").await);
    show(page, "kv.delete(\"greeting\")", kv.delete("greeting").await);
    show(page, "kv.increment(\"hits\", 1)", kv.increment("hits", 1).await);
    show(page, "kv.increment(\"hits\", 1)", kv.increment("hits", 1).await);
}

fn show<T: std::fmt::Debug>(page: &mut Page, call: &str, result: Result<T, Status>) {
    match result {
        Ok(value) => page.line(format_args!("    {call:27} {BOLD}Ok({value:?}){BOLD:#}")),
        Err(status) => {
            page.line(format_args!("    {call:27} {BOLD}Err({}){BOLD:#}", status.code()));
            page.line(format_args!("    {:27} {DIM}{}{DIM:#}", "", status.message()));
        }
    }
}
