//! Tells a [`Journey`] step by step, with its bytes.

use transport::frame::{Flags, Hello};

use crate::journey::{self, Event, Journey, received, sent};
use crate::lens::{self, Layer, Span, leaf_mut, leaves, moved, put_in_place};
use crate::page::{Page, count};

/// The six steps there, and back.
pub fn tell(journey: &Journey, page: &mut Page) {
    let (sent, received) = (sent(&journey.events), received(&journey.events));
    page.legend(&layers(&[&sent, &received]));
    there(journey, &sent, page);
    back(journey, &received, page);
    page.heading("what it cost");
    let (sent_again, received_again) = (journey::sent(&journey.again), journey::received(&journey.again));
    page.say(&format!(
        "{} there and {} back; before it, each side had sent {} bytes of greeting (lesson 3). \
         This first call carried the path and gave it number 1. The same call, made once more, sends only \
         the number: {} there and {} back.",
        count(sent.len(), "byte"),
        count(received.len(), "byte"),
        Hello::SIZE,
        count(sent_again.len(), "byte"),
        count(received_again.len(), "byte"),
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
        "The arguments become a message, {name}: {} of bincode. (stub/kv/src/client_stub.rs)",
        count(message.len(), "byte")
    ));
    page.blank();
    page.spans(message, &lens::bincode::message(message, fields));

    page.heading("3 ▸ standard message");
    page.say(
        "The message is put into a frame, the standard message of this project. Its header says what this \
         is, which method is meant, where it ends, and which call it belongs to. (transport/src/frame/)",
    );
    let frames = lens::frame::frames(sent).0.len();
    if frames > 1 {
        page.blank();
        page.say(&format!(
            "This message is longer than one frame may carry, so it travels in {frames} pieces; all but the \
             last have the flag MORE.",
        ));
    }
    page.picture("00-request", "The frame of the call");
    let spans = told(sent, fields, page);

    page.heading("4 ▸ transport");
    page.say(&format!(
        "TCP carries {} from {} to {}. It knows nothing of messages. (transport/src/driver.rs)",
        count(sent.len(), "byte"),
        journey.client,
        journey.server
    ));
    page.blank();
    page.dump(sent, &spans);

    page.heading("5 ▸ server stub");
    let began = began(journey);
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
            Event::MethodReturned(result) => page.code(&format!("  = {}", command.result(result))),
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
            "{}, and an error returns as surely as a result: as a status, code {} ({}).",
            if began(journey) { "The method failed" } else { "The server stub refuses the call" },
            status.code().number(),
            status.code()
        )),
        None => page.say(&format!(
            "The result becomes a message, {name}: {} of bincode{}.",
            count(size, "byte"),
            if size == 0 { ", because it has no fields" } else { "" }
        )),
    }

    page.heading("4 ◂ transport, with a standard message (3 ◂) inside");
    let what = match frames.len() {
        1 => "A frame for the same call".to_owned(),
        // The server gives credit for the pieces of a long message as they arrive.
        many => format!("{many} frames for the same call (CREDIT says: there is room for more)"),
    };
    page.say(&format!(
        "{what}, {} from {} to {}.",
        count(received.len(), "byte"),
        journey.server,
        journey.client
    ));
    page.picture("00-answer", "The frame of the answer");
    let spans = told(received, fields, page);
    page.blank();
    page.dump(received, &spans);

    page.heading("2 ◂ client stub, 1 ◂ client");
    page.say("The stub turns the answer into what the method returns. The call is over.");
    page.blank();
    if let Some(result) = journey.result() {
        page.code(&format!("{}.await", journey.command.source()));
        page.code(&format!("  = {}", journey.command.result(result)));
    }
}

fn began(journey: &Journey) -> bool {
    journey.events.iter().any(|event| matches!(event, Event::MethodBegan(_)))
}

/// The layers that occur in the frames of a conversation.
fn layers(conversation: &[&[u8]]) -> Vec<Layer> {
    let frames = conversation.iter().flat_map(|bytes| lens::frame::frames(bytes).0);
    let spans: Vec<_> = frames.flat_map(|frame| lens::frame::frame(frame).spans).collect();
    let all = [Layer::Header, Layer::Head, Layer::Message, Layer::Status, Layer::Control];
    all.into_iter().filter(|layer| leaves(&spans).any(|span| span.layer == *layer)).collect()
}

/// Prints the named bytes of the frames in `bytes`, and returns all of them with their places in `bytes`.
fn told(bytes: &[u8], fields: &[lens::bincode::Field], page: &mut Page) -> Vec<Span> {
    let (frames, _) = lens::frame::frames(bytes);
    let mut all = Vec::new();
    let mut start = 0;
    let mut inside_a_message = false;
    for (number, frame) in frames.iter().enumerate() {
        let spans = with_fields(frame, fields, &mut inside_a_message);
        if number < MOST_FRAMES {
            page.blank();
            page.spans(frame, &spans);
        }
        all.extend(moved(spans, start));
        start += frame.len();
    }
    if frames.len() > MOST_FRAMES {
        page.blank();
        page.line(format_args!("    … and {} more", count(frames.len() - MOST_FRAMES, "frame")));
    }
    all
}

/// The spans of a frame. Where its message is whole, those of the message's fields stand in place of
/// the one for all of it.
fn with_fields(frame: &[u8], fields: &[lens::bincode::Field], inside_a_message: &mut bool) -> Vec<Span> {
    let lens::frame::Seen { header, mut spans, message } = lens::frame::frame(frame);
    let Some(range) = message.filter(|range| !range.is_empty()) else { return spans };
    let goes_on = header.is_some_and(|header| header.flags.has(Flags::MORE));
    let began_before = std::mem::replace(inside_a_message, goes_on);
    if goes_on || began_before {
        if let Some(span) = leaf_mut(&mut spans, |span| span.range == range) {
            span.name = "piece of it".to_owned();
        }
        return spans;
    }
    let inner = lens::bincode::message(&frame[range.clone()], fields);
    put_in_place(&mut spans, moved(inner, range.start));
    spans
}

/// How many frames are shown with all their bytes.
const MOST_FRAMES: usize = 4;
