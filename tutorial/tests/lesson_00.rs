//! Lesson 00: the whole journey of one call.

#![allow(clippy::unwrap_used)]

use transport::{Code, Status};
use tutorial::command::Command;
use tutorial::journey::{Event, Journey, received, sent};
use tutorial::page::Page;
use tutorial::{lens, tour};

async fn journey() -> Journey {
    let call = Command::Put { key: "greeting".to_owned(), value: "hello".to_owned() };
    Journey::make(call).await.unwrap()
}

/// Which part of the call an event belongs to.
fn part(event: &Event) -> &'static str {
    match event {
        Event::Called => "client calls",
        Event::ClientStub { .. } => "client stub encodes",
        Event::ClientSent(_) => "client's transport writes",
        Event::ServerReceived(_) => "server's transport reads",
        Event::ServerStub { .. } => "server stub is called",
        Event::MethodBegan(_) => "method begins",
        Event::MethodReturned(_) => "method returns",
        Event::ServerSent(_) => "server's transport writes",
        Event::ClientReceived(_) => "client's transport reads",
        Event::Returned(_) => "client has its result",
    }
}

#[tokio::test]
async fn a_call_passes_six_parts_and_its_answer_passes_them_backwards() {
    let parts: Vec<_> = journey().await.events.iter().map(part).collect();
    assert_eq!(
        parts,
        [
            "client calls",
            "client stub encodes",
            "client's transport writes",
            "server's transport reads",
            "server stub is called",
            "method begins",
            "method returns",
            "server's transport writes",
            "client's transport reads",
            "client has its result",
        ]
    );
}

#[tokio::test]
async fn the_message_of_the_client_stub_is_the_end_of_the_frame_that_is_sent() {
    let journey = journey().await;
    let message = journey.events.iter().find_map(|event| match event {
        Event::ClientStub { message, .. } => Some(message.clone()),
        _ => None,
    });
    let message = message.unwrap();
    assert_eq!(message, b"\x08greeting\x05hello");
    assert!(sent(&journey.events).ends_with(&message));
}

#[tokio::test]
async fn the_path_leads_to_the_method_and_its_result_comes_back() {
    let journey = Journey::make(Command::Incr { key: "hits".to_owned(), by: 3 }).await.unwrap();
    assert_eq!(journey.result(), Some(&Ok(Some("3".to_owned()))));
}

#[tokio::test]
async fn what_the_client_called_is_what_the_method_was_called_with() {
    let journey = journey().await;
    assert!(journey.events.contains(&Event::MethodBegan(journey.command.clone())));
}

#[tokio::test]
async fn the_same_call_once_more_costs_16_bytes_and_its_messages() {
    let journey = journey().await;
    let (request, reply) = ("\x08greeting\x05hello".len(), 0);
    assert_eq!(sent(&journey.again).len(), 8 + request);
    assert_eq!(received(&journey.again).len(), 8 + reply);
}

#[tokio::test]
async fn an_error_makes_the_same_journey_as_a_result() {
    let journey = Journey::make(Command::Get { key: "nothing".to_owned() }).await.unwrap();
    let status = Status::new(Code::NotFound, "no value for \"nothing\"");
    assert_eq!(journey.result(), Some(&Err(status)));
    assert_eq!(journey.events.len(), 10);
}

#[tokio::test]
async fn every_byte_of_the_journey_has_a_name() {
    for call in [
        Command::Put { key: "greeting".to_owned(), value: "hello".to_owned() },
        Command::Get { key: "nothing".to_owned() },
        Command::Del { key: "nothing".to_owned() },
        Command::Incr { key: "hits".to_owned(), by: -1_000_000 },
    ] {
        let journey = Journey::make(call).await.unwrap();
        for bytes in [sent(&journey.events), received(&journey.events)] {
            let (frames, rest) = lens::frame::frames(&bytes);
            assert!(rest.is_empty());
            for frame in frames {
                let spans = lens::frame::frame(frame).spans;
                assert_eq!(lens::check(&spans, 0..frame.len()), Ok(()));
                assert!(lens::leaves(&spans).all(|span| !span.is_wrong()), "{spans:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_message_of_many_frames_is_told_piece_by_piece() {
    let call = Command::Put { key: "long".to_owned(), value: "y".repeat(120_000) };
    let journey = Journey::make(call).await.unwrap();
    let mut page = Page::kept();
    tour::tell(&journey, &mut page);
    assert!(page.text().contains("it travels in 8 pieces"));
    assert!(page.text().contains("piece of it"));
    assert!(!page.text().contains("not expected"), "no byte is taken for what it is not");
    assert!(page.text().lines().all(|line| line.chars().count() <= 80));
}

#[tokio::test]
async fn the_tour_tells_the_six_steps_in_order_on_80_columns() {
    let mut page = Page::kept();
    tour::tell(&journey().await, &mut page);
    let steps = [
        "1 ▸ client",
        "2 ▸ client stub",
        "3 ▸ standard message",
        "4 ▸ transport",
        "5 ▸ server stub",
        "6 ▸ method",
        "5 ◂ server stub",
        "4 ◂ transport",
        "2 ◂ client stub",
    ];
    let mut rest = page.text();
    for step in steps {
        let at = rest.find(step).unwrap_or_else(|| panic!("{step:?} is missing, or out of order"));
        rest = &rest[at + step.len()..];
    }
    for line in page.text().lines() {
        assert!(line.chars().count() <= 80, "longer than 80 columns: {line}");
        assert!(!line.contains('\x1b'), "a colour without a terminal: {line:?}");
    }
}
