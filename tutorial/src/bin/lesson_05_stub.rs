//! Lesson 05: client stub and return path: results and errors come back.

use std::process::ExitCode;

use kv::{Kv, KvClient, KvServer, Store};
use server::{Router, Server};
use transport::Status;
use tutorial::lesson::Lesson;
use tutorial::page::{BOLD, Page};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let lesson = const { Lesson::numbered(5) };
    let mut page = lesson.begin(
        &[
            "A client stub keeps the same contract as the object it stands for: who calls cannot tell them \
             apart by their types.",
            "Errors come back as results do: code, text and all.",
            "One thing is new: a call can now fail in ways the method knows nothing of.",
        ],
        "The same function runs twice: with the store itself, and with a stub whose store is on the other \
         side of a connection. Which of its lines will differ?",
    );
    let given = run(&mut page).await;
    lesson.end(
        page,
        given,
        "In server/src/dispatch.rs, `unary`, replace the last `send.finish(status)` by \
         `send.finish(Status::ok())`: an error that is swallowed on its way back. The client is not \
         fooled: OK without a message, where one is due, is an error of its own. The test below does not let it \
         pass. (The compiler warns of an unused variable.)",
    )
}

async fn run(page: &mut Page) -> Result<(), Status> {
    // One line makes the object a remote one; `calls` does not know.
    let here = Store::new();
    let mut server = Server::new(Router::new().with(KvServer::new(Store::new())));
    server.listen("memory:lesson-05").await?;
    let there = KvClient::connect("memory:lesson-05").await?;

    page.heading("the same calls, here and there");
    page.say(
        "On the left the store itself; on the right a client stub, a connection, a server stub and another \
         store. (stub/kv/src/client_stub.rs, client/src/call.rs)",
    );
    page.blank();
    let (here, there_results) = (calls(&here).await, calls(&there).await);
    page.line(format_args!("    {BOLD}{:29} {:20} far away{BOLD:#}", "call", "here"));
    for ((call, here), (_, there)) in here.iter().zip(&there_results) {
        page.line(format_args!("    {call:29} {here:20} {there}"));
    }
    let same = here == there_results;
    page.blank();
    page.say(if same { "No line differs." } else { "Some lines differ!" });

    page.heading("and an error, whole");
    if let Err(status) = there.get("nothing").await {
        page.point("code:", &format!("{} ({})", status.code(), status.code().number()));
        page.point("text:", status.message());
    }

    page.heading("what is new");
    page.say("The server goes away. The object would be there still; the stub has lost its way to it.");
    page.blank();
    drop(server);
    let lost = there.get("greeting").await;
    page.code("kv.get(\"greeting\").await");
    let lost = match lost {
        Ok(value) => format!("Ok({value:?})"),
        Err(status) => format!("Err({status})"),
    };
    page.point("  =", &lost);
    page.blank();
    page.say(
        "UNAVAILABLE was in no method of the store. It is why the contract said Result from the start: a \
         remote call that looks local must not pretend to be.",
    );
    Ok(())
}

/// Knows `Kv` and nothing else.
async fn calls(kv: &impl Kv) -> Vec<(&'static str, String)> {
    vec![
        ("put(\"greeting\", \"hello\")", shown(kv.put("greeting", "hello").await)),
        ("get(\"greeting\")", shown(kv.get("greeting").await)),
        ("get(\"nothing\")", shown(kv.get("nothing").await)),
        ("increment(\"hits\", 41)", shown(kv.increment("hits", 41).await)),
        ("increment(\"hits\", 1)", shown(kv.increment("hits", 1).await)),
        ("increment(\"greeting\", 1)", shown(kv.increment("greeting", 1).await)),
        ("delete(\"greeting\")", shown(kv.delete("greeting").await)),
        ("put(\"\", \"nobody\")", shown(kv.put("", "nobody").await)),
    ]
}

fn shown<T: std::fmt::Debug>(result: Result<T, Status>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(status) => status.code().to_string(),
    }
}
