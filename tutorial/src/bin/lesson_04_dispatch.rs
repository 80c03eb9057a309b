//! Lesson 04: server stub and dispatch: bytes in, method, bytes out.

use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use kv::{KvServer, Store};
use server::Router;
use transport::{Connection, Limits, Path, Received, RequestHead, Status, memory, open};
use tutorial::lesson::Lesson;
use tutorial::page::{BOLD, Page, hex};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let lesson = const { Lesson::numbered(4) };
    let mut page = lesson.begin(
        &[
            "A router finds the service by the path of the call; the server stub finds the method.",
            "The server stub decodes the message, calls the method as any program would, and encodes what \
             it returns.",
            "Whatever comes is answered. A name that leads nowhere, bytes that are no message, a method \
             that fails: each is a status, never a crash and never silence.",
        ],
        "The method here does not know that it is called from elsewhere. A call arrives for /kv.Kv/Fetch, \
         which does not exist. Who notices: the router, the server stub or the method? And what may the \
         caller be told?",
    );
    let given = run(&mut page).await;
    lesson.end(
        page,
        given,
        "In stub/kv/src/server_stub.rs, `serve`, let the last arm of the match `panic!()` instead of \
         answering. Run this again: the caller still gets an answer, INTERNAL, and the next call works. \
         The test below does not accept it all the same, because the caller is told nothing it could act \
         on. (The compiler warns of an unused import, and the panic is printed amid the page: both are \
         expected.)",
    )
}

async fn run(page: &mut Page) -> Result<(), Status> {
    page.heading("bytes in, bytes out");
    page.say(
        "There is no client stub here: these bytes are made by hand, and handed to a router with one \
         service. (server/src/router.rs, then stub/kv/src/server_stub.rs, then server/src/dispatch.rs)",
    );
    page.blank();
    let connection = serve();
    call(page, &connection, "/kv.Kv/Put", b"\x08greeting\x05hello").await?;
    call(page, &connection, "/kv.Kv/Get", b"\x08greeting").await?;
    call(page, &connection, "/kv.Kv/Increment", b"\x04hits\x06").await?;

    page.heading("whatever comes is answered");
    call(page, &connection, "/kv.Kv/Fetch", b"\x08greeting").await?;
    call(page, &connection, "/bank.Bank/Transfer", b"").await?;
    call(page, &connection, "/kv.Kv/Get", b"\x63greeting").await?;
    call(page, &connection, "/kv.Kv/Get", b"\x07nothing").await?;
    page.say(
        "Nothing in this list stopped the server. Each code says who has to act: UNIMPLEMENTED, whoever \
         deploys the two programs; INTERNAL, whoever wrote one of them (63 claims a key of 99 bytes); \
         NOT_FOUND, only the caller.",
    );
    page.blank();
    page.say(
        "And the question: the router knew the service kv.Kv and handed the call on; the server stub knew no \
         method Fetch, and answered. The method was never asked.",
    );
    Ok(())
}

/// A connection, without a network, to a router with the server stub of one store.
fn serve() -> Arc<dyn Connection> {
    let router = Router::new().with(KvServer::new(Store::new()));
    let (connection, server) = memory::pair(&Limits::default(), &Limits::default());
    tokio::spawn(async move { server.serve(&router, std::future::pending()).await });
    connection
}

async fn call(
    page: &mut Page,
    connection: &Arc<dyn Connection>,
    path: &'static str,
    message: &'static [u8],
) -> Result<(), Status> {
    page.line(format_args!("    {BOLD}{path}{BOLD:#}"));
    page.line(format_args!("      in:  {}", shown(message)));
    let head = RequestHead::new(Path::from_static(path), "bincode");
    let mut call = open(connection, head, Some(Bytes::from_static(message)), true).await?;
    loop {
        match call.receive.receive().await {
            Received::Head(_) => {}
            Received::Message(message) => page.line(format_args!("      out: {}", shown(&message))),
            Received::End(status) => {
                page.point("    end:", &status.to_string());
                page.blank();
                return Ok(());
            }
        }
    }
}

fn shown(message: &[u8]) -> String {
    if message.is_empty() { "a message of no bytes".to_owned() } else { hex(message) }
}
