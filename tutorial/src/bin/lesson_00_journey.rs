//! Lesson 00: the whole journey of one call.

use std::process::ExitCode;

use transport::Status;
use tutorial::command::Command;
use tutorial::journey::{Event, Journey};
use tutorial::lesson::Lesson;
use tutorial::page::Page;
use tutorial::tour;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let lesson = const { Lesson::numbered(0) };
    let mut page = lesson.begin(
        &[
            "A remote call is a function call cut in two, with bytes in between.",
            "It takes six steps: client, client stub, standard message, transport, server stub, method. The \
             answer takes them backwards.",
            "Each step knows its neighbours and nothing else.",
        ],
        "kv.increment(\"hits\", 3) is called on a server that is elsewhere. What has to be in the bytes? \
         The name of the method, certainly. Its argument names? The types? Something to tell this call \
         from others?",
    );
    let given = run(&mut page).await;
    lesson.end(
        page,
        given,
        "In stub/kv/src/server_stub.rs, `serve`, change \"/kv.Kv/Increment\" to \"/kv.Kv/Add\" and run this again. \
         The bytes that leave are the same; the path in them now leads nowhere. Which step answers, and with \
         which code?",
    )
}

async fn run(page: &mut Page) -> Result<(), Status> {
    let journey = Journey::make(Command::Incr { key: "hits".to_owned(), by: 3 }).await?;

    page.heading("what happened, in this order");
    for (number, event) in journey.events.iter().enumerate() {
        page.point(&format!("{:2}", number + 1), &told(event));
    }
    page.heading("the same with its bytes");
    tour::tell(&journey, page);

    page.heading("and the question");
    page.say(
        "In the bytes: the path of the method, the values, a number for the call. Not in them: the names and \
         types of the arguments. Both sides know those from the contract.",
    );
    Ok(())
}

fn told(event: &Event) -> String {
    match event {
        Event::Called => "client: calls the method".to_owned(),
        Event::ClientStub { head, message } => {
            format!("client stub: hands over {} bytes for {}", message.len(), head.path)
        }
        Event::ClientSent(bytes) => format!("transport, client's end: writes {} bytes", bytes.len()),
        Event::ServerReceived(bytes) => format!("transport, server's end: reads {} bytes", bytes.len()),
        Event::ServerStub { head } => format!("server stub: is asked for {}", head.path),
        Event::MethodBegan(command) => format!("method: {} begins", command.source()),
        Event::MethodReturned(_) => "method: returns".to_owned(),
        Event::ServerSent(bytes) => format!("transport, server's end: writes {} bytes", bytes.len()),
        Event::ClientReceived(bytes) => format!("transport, client's end: reads {} bytes", bytes.len()),
        Event::Returned(_) => "client: has its result".to_owned(),
    }
}
