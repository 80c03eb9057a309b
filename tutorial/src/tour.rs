//! Tells a [`Journey`] step by step, with its bytes.

use transport::{Code, Status};

use crate::journey::{self, Event, HELLO_SIZE, Journey, received, sent};
use crate::lens::{self, Layer, Span};
use crate::page::Page;

/// The six steps there, and back.
pub fn tell(journey: &Journey, page: &mut Page) {
    let (sent, received) = (sent(&journey.events), received(&journey.events));
    page.legend(&[Layer::Header, Layer::Head, Layer::Message, Layer::Status]);
    there(journey, &sent, page);
    back(journey, &received, page);
    page.heading("what it cost");
    let (sent_again, received_again) = (journey::sent(&journey.again), journey::received(&journey.again));
    page.say(&format!(
        "{} bytes there, {} back, on a connection on which {HELLO_SIZE} bytes each way had been said \
         before. The path travelled with a number, and travels no more: the same call, made once more, \
         took {} bytes there and {} back.",
        sent.len(),
        received.len(),
        sent_again.len(),
        received_again.len(),
    ));
}

fn there(journey: &Journey, sent: &[u8], page: &mut Page) {
    let command = &journey.command;
    page.heading("1 ▸ client");
    page.say("A program calls a method, as if the object were here.");
    page.blank();
    page.code(&format!("{}.await", command.source()));

    page.heading("2 ▸ client stub");
    let (name, fields) = command.request();
    let message = journey.events.iter().find_map(|event| match event {
        Event::ClientStub { message, .. } => Some(message.as_slice()),
        _ => None,
    });
    let message = message.unwrap_or_default();
    page.say(&format!(
        "The arguments become a message, {name}: {} bytes of bincode. (stub/kv/src/client_stub.rs)",
        message.len()
    ));
    page.blank();
    page.spans(message, &lens::bincode::message(message, fields));

    page.heading("3 ▸ standard message");
    page.say(
        "A frame says what this is, which call it belongs to, which method is meant and where it ends. \
         (transport/src/frame/)",
    );
    let spans = told(sent, fields, page);

    page.heading("4 ▸ transport");
    page.say(&format!(
        "TCP carries {} bytes from {} to {}. It knows nothing of messages. (transport/src/driver.rs)",
        sent.len(),
        journey.client,
        journey.server
    ));
    page.blank();
    page.dump(sent, &spans);

    page.heading("5 ▸ server stub");
    let began = journey.events.iter().any(|event| matches!(event, Event::MethodBegan(_)));
    for event in &journey.events {
        if let Event::ServerStub { head } = event {
            page.say(&format!(
                "The path {} asks for service {}, method {}. {} (server/src/router.rs, \
                 stub/kv/src/server_stub.rs)",
                head.path,
                head.path.service(),
                head.path.method(),
                if began { "The message becomes arguments again." } else { "The stub answers by itself." },
            ));
        }
    }

    page.heading("6 ▸ method");
    page.say(if began { "The object is here. (stub/kv/src/store.rs)" } else { "No method was called." });
    page.blank();
    for event in &journey.events {
        match event {
            Event::MethodBegan(command) => page.code(&format!("{}.await", command.source())),
            Event::MethodReturned(result) => page.code(&format!("  = {}", shown(result))),
            _ => {}
        }
    }
}

fn back(journey: &Journey, received: &[u8], page: &mut Page) {
    let (name, fields) = journey.command.reply();
    let failed = journey.result().and_then(|result| result.as_ref().err());
    page.heading("5 ◂ server stub, on the way back");
    let (frames, _) = lens::frame::frames(received);
    let size: usize = frames
        .iter()
        .filter_map(|frame| lens::frame::frame(frame).message)
        .map(|message| message.len())
        .sum();
    match failed {
        Some(status) => page.say(&format!(
            "The method failed, and an error returns as surely as a result: as a status, code {} ({}).",
            status.code().number(),
            status.code()
        )),
        None => page.say(&format!(
            "The result becomes a message, {name}: {size} bytes of bincode{}.",
            if size == 0 { ", because it has no fields" } else { "" }
        )),
    }

    page.heading("4 ◂ transport, with a standard message (3 ◂) inside");
    page.say(&format!(
        "A frame for the same call, {} bytes from {} to {}.",
        received.len(),
        journey.server,
        journey.client
    ));
    let spans = told(received, fields, page);
    page.blank();
    page.dump(received, &spans);

    page.heading("2 ◂ client stub, 1 ◂ client");
    page.say("The stub turns the answer into what the method returns. The call is over.");
    page.blank();
    if let Some(result) = journey.result() {
        page.code(&format!("{}.await", journey.command.source()));
        page.code(&format!("  = {}", shown(result)));
    }
}

/// Prints the named bytes of all frames in `bytes`, and returns them with their places in `bytes`.
fn told(bytes: &[u8], fields: &[lens::bincode::Field], page: &mut Page) -> Vec<Span> {
    let (frames, _) = lens::frame::frames(bytes);
    let mut all = Vec::new();
    let mut start = 0;
    for frame in frames {
        let spans = with_fields(frame, fields);
        page.blank();
        page.spans(frame, &spans);
        all.extend(spans.into_iter().map(|span| moved(span, start)));
        start += frame.len();
    }
    all
}

/// The spans of a frame, with those of its message in place of the one for all of it, where the
/// message is whole.
fn with_fields(frame: &[u8], fields: &[lens::bincode::Field]) -> Vec<Span> {
    let lens::frame::Seen { header, mut spans, message } = lens::frame::frame(frame);
    let whole = header.is_some_and(|header| !header.flags.has(transport::frame::Flags::MORE));
    if let Some(range) = message.filter(|range| whole && !range.is_empty()) {
        spans.pop();
        let inner = lens::bincode::message(&frame[range.clone()], fields);
        spans.extend(inner.into_iter().map(|span| moved(span, range.start)));
    }
    spans
}

fn moved(span: Span, by: usize) -> Span {
    Span { range: span.range.start + by..span.range.end + by, ..span }
}

fn shown(result: &Result<Option<String>, Status>) -> String {
    match result {
        Ok(Some(value)) => format!("Ok({value:?})"),
        Ok(None) => "Ok(())".to_owned(),
        Err(status) if status.code() == Code::Ok => "Ok(())".to_owned(),
        Err(status) => format!("Err({status})"),
    }
}
