//! What every transport offers to what stands above it.

#![allow(clippy::unwrap_used)]

mod support;

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use support::{Connected, Transport, echo, end_of, head, next, service, start, unary};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;
use transport::{
    CallId, Carrier, Code, Connection, IncomingCall, Limits, Metadata, Received, SendStream, Status, open,
};

/// Where tasks really run at the same time.
mod on_two_threads {
    macro_rules! again {
        ($($sentence:ident)*) => {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $sentence() {
                    super::$sentence(super::Transport::Memory).await;
                    super::$sentence(super::Transport::Tcp).await;
                    super::$sentence(super::Transport::Http).await;
                }
            )*
        };
    }

    again! {
        messages_of_any_size_arrive_whole_and_in_order_both_ways
        a_slow_call_never_blocks_a_fast_one
        dropping_the_receiver_stops_the_handler
        a_client_that_is_gone_stops_its_handlers
        a_server_that_is_gone_fails_every_open_call_and_every_further_one
        a_draining_server_finishes_what_is_open_and_accepts_nothing_more
        a_thousand_calls_at_once_each_get_their_own_answer
        two_thousand_callers_wait_their_turn
        a_handler_that_stops_reading_does_not_stop_its_caller_from_sending
    }
}

macro_rules! on_every_transport {
    ($($sentence:ident)*) => {
        on_every_transport!(memory: Memory, $($sentence)*);
        on_every_transport!(tcp: Tcp, $($sentence)*);
        on_every_transport!(http: Http, $($sentence)*);
    };
    ($module:ident: $transport:ident, $($sentence:ident)*) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $sentence() {
                    super::$sentence(super::Transport::$transport).await;
                }
            )*
        }
    };
}

on_every_transport! {
    a_call_gets_its_answer
    messages_of_any_size_arrive_whole_and_in_order_both_ways
    the_server_learns_path_codec_metadata_and_deadline
    head_messages_status_and_trailers_come_back_in_this_order
    a_slow_call_never_blocks_a_fast_one
    a_stalled_reader_stops_its_writer_and_nobody_else
    a_stalled_client_stops_its_handler_and_nobody_else
    dropping_the_receiver_stops_the_handler
    dropping_the_sender_before_its_end_cancels_the_call
    a_panic_costs_one_call
    a_panic_after_waiting_costs_one_call
    a_handler_that_leaves_without_an_answer_answers_internal
    a_server_may_answer_before_it_has_read_everything
    nothing_can_be_sent_after_the_end
    a_call_over_the_limit_waits_until_another_ends
    a_message_over_the_limit_of_the_peer_is_refused
    a_server_that_is_gone_fails_every_open_call_and_every_further_one
    a_client_that_is_gone_stops_its_handlers
    a_draining_server_finishes_what_is_open_and_accepts_nothing_more
    a_thousand_calls_at_once_each_get_their_own_answer
    more_methods_than_there_are_numbers_can_be_called
    a_handler_that_stops_receiving_lets_its_caller_finish
    a_reader_learns_that_its_call_was_answered
    a_reader_in_another_task_learns_that_its_call_was_answered
    messages_that_were_accepted_come_before_an_error_that_ends_the_call
    more_metadata_than_the_limit_is_refused_and_the_next_call_works
    handlers_that_go_on_after_their_answer_hold_back_calls_and_refuse_none
    a_waker_may_use_the_connection_when_it_is_dropped
    two_thousand_callers_wait_their_turn
    nobody_who_waits_to_open_a_call_is_passed_by_others
    what_is_handed_over_may_use_the_connection_when_it_is_dropped
    a_handler_that_stops_reading_does_not_stop_its_caller_from_sending
    a_panic_whose_payload_panics_too_costs_one_call
    what_is_put_around_a_carrier_sees_every_message_of_a_call
    a_server_that_accepts_no_calls_says_so
}

async fn a_call_gets_its_answer(transport: Transport) {
    let connected = transport.connect(service(echo)).await;
    assert_eq!(unary(&connected.connection, "hello").await.unwrap(), "hello");
    assert_eq!(unary(&connected.connection, "").await.unwrap(), "");
}

async fn messages_of_any_size_arrive_whole_and_in_order_both_ways(transport: Transport) {
    let connected = transport.connect(service(echo)).await;
    let mut call = start(&connected.connection).await;
    let sizes = [0, 1, 100, 16 << 10, (16 << 10) + 1, 64 << 10, 1 << 20, 0, 4 << 20, 7];
    let messages: Vec<_> = sizes.iter().map(|size| Bytes::from(vec![*size as u8 ^ 0x5a; *size])).collect();
    let sent = messages.clone();
    let sender = async {
        for message in sent {
            call.send.send(message).await.unwrap();
        }
        call.send.half_close().await.unwrap();
    };
    let receiver = async {
        for message in &messages {
            assert_eq!(next(&mut call.receive).await, Received::Message(message.clone()));
        }
        assert_eq!(next(&mut call.receive).await, Received::End(Status::ok()));
    };
    tokio::join!(sender, receiver);
}

async fn the_server_learns_path_codec_metadata_and_deadline(transport: Transport) {
    let (heads, mut seen) = mpsc::unbounded_channel();
    let connected = transport
        .connect(service(move |call: IncomingCall| {
            heads.send(call.head.clone()).unwrap();
            echo(call)
        }))
        .await;
    let mut metadata = Metadata::new();
    metadata.append("tenant", "blue").unwrap();
    metadata.append("trace-bin", vec![0, 255]).unwrap();
    let deadline = (Instant::now() + Duration::from_secs(3600)).into_std();
    let mut sent = head("/test.Test/Head");
    sent.metadata = metadata;
    sent.deadline = Some(deadline);
    let _call = open(&connected.connection, sent.clone(), None, true).await.unwrap();
    let arrived = seen.recv().await.unwrap();
    // The time that remains travels; what the journey took is not in it.
    let late = arrived.deadline.unwrap().saturating_duration_since(deadline);
    assert!(
        arrived.deadline.unwrap() > deadline - Duration::from_millis(1) && late < Duration::from_secs(60)
    );
    sent.deadline = arrived.deadline;
    assert_eq!(arrived, sent);
}

async fn head_messages_status_and_trailers_come_back_in_this_order(transport: Transport) {
    let mut head = Metadata::new();
    head.append("server", "one").unwrap();
    let mut trailers = Metadata::new();
    trailers.append("cost-bin", vec![9]).unwrap();
    let status = Status::new(Code::NotFound, "no such thing: ü").with_metadata(trailers);
    let (answer_head, answer_status) = (head.clone(), status.clone());
    let connected = transport
        .connect(service(move |mut call: IncomingCall| {
            let (head, status) = (answer_head.clone(), answer_status.clone());
            async move {
                call.send.respond(head.clone()).unwrap();
                assert_eq!(call.send.respond(head).unwrap_err().code(), Code::FailedPrecondition);
                call.send.send("one".into()).await.unwrap();
                call.send.finish(status);
            }
        }))
        .await;
    let mut call = start(&connected.connection).await;
    assert_eq!(call.receive.receive().await, Received::Head(head));
    assert_eq!(call.receive.receive().await, Received::Message("one".into()));
    assert_eq!(call.receive.receive().await, Received::End(status));
}

async fn a_slow_call_never_blocks_a_fast_one(transport: Transport) {
    let release = Arc::new(Notify::new());
    let waits = release.clone();
    let connected = transport
        .connect(service(move |mut call: IncomingCall| {
            let waits = waits.clone();
            async move {
                let Received::Message(message) = next(&mut call.receive).await else { return };
                if message == "slow" {
                    waits.notified().await;
                }
                call.send.send_last(message).await.unwrap();
            }
        }))
        .await;
    let connection = connected.connection.clone();
    let slow = tokio::spawn(async move { unary(&connection, "slow").await });
    for _ in 0..100 {
        assert_eq!(unary(&connected.connection, "fast").await.unwrap(), "fast");
    }
    assert!(!slow.is_finished());
    release.notify_one();
    assert_eq!(slow.await.unwrap().unwrap(), "slow");
}

async fn a_stalled_reader_stops_its_writer_and_nobody_else(transport: Transport) {
    let connected = transport
        .connect(service(|call: IncomingCall| async move {
            if call.head.path.method() == "Unary" {
                echo(call).await;
            } else {
                std::future::pending::<()>().await; // Holds the call and reads nothing.
            }
        }))
        .await;
    let mut call = start(&connected.connection).await;
    let sent = send_until_stopped(&mut call.send).await;
    let window = Limits::default().window as usize;
    // One window is on its way or waits to be read, and one message waits to be sent.
    assert!(sent * 1024 <= window + 1024, "{sent} messages of 1 KiB were accepted");
    assert!(sent * 1024 >= window / 2, "{sent} messages of 1 KiB were accepted");
    assert_eq!(unary(&connected.connection, "still here").await.unwrap(), "still here");
}

async fn a_stalled_client_stops_its_handler_and_nobody_else(transport: Transport) {
    let (report, mut reports) = mpsc::unbounded_channel();
    let connected = transport
        .connect(service(move |mut call: IncomingCall| {
            let report = report.clone();
            async move {
                if call.head.path.method() == "Unary" {
                    return echo(call).await;
                }
                report.send(send_until_stopped(&mut call.send).await).unwrap();
                std::future::pending::<()>().await;
            }
        }))
        .await;
    let _call = start(&connected.connection).await;
    let sent = reports.recv().await.unwrap();
    assert!(sent * 1024 <= Limits::default().window as usize + 1024, "{sent} messages were accepted");
    assert_eq!(unary(&connected.connection, "still here").await.unwrap(), "still here");
}

/// Sends messages of 1 KiB until the next would have to wait, also after everybody else had time to
/// run; returns how many were accepted.
async fn send_until_stopped(send: &mut SendStream) -> usize {
    let mut sent = 0;
    let mut waited = 0;
    while waited < 1000 {
        let mut message = Some(Bytes::from(vec![0; 1024]));
        match poll_fn(|cx| Poll::Ready(send.poll_send(cx, &mut message, false))).await {
            Poll::Ready(accepted) => {
                accepted.unwrap();
                sent += 1;
                waited = 0;
            }
            Poll::Pending => waited += 1,
        }
        tokio::task::yield_now().await;
    }
    sent
}

/// Tells when it is dropped.
struct Dropped(Option<oneshot::Sender<()>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.take().map(|dropped| dropped.send(()));
    }
}

/// A connection to a service whose handler reads all and never ends, what tells that it has begun,
/// and what tells that it was dropped.
async fn endless(transport: Transport) -> (Connected, Arc<Notify>, oneshot::Receiver<()>) {
    let begun = Arc::new(Notify::new());
    let (dropped, was_dropped) = oneshot::channel();
    let (begin, dropped) = (begun.clone(), Mutex::new(Some(dropped)));
    let connected = transport
        .connect(service(move |call: IncomingCall| {
            let dropped = Dropped(dropped.lock().unwrap().take());
            let begin = begin.clone();
            async move {
                let mut call = call; // Both halves: without this, the block would own only one.
                let _dropped = dropped;
                begin.notify_one();
                while let Received::Message(_) = next(&mut call.receive).await {}
                std::future::pending::<()>().await;
            }
        }))
        .await;
    (connected, begun, was_dropped)
}

async fn dropping_the_receiver_stops_the_handler(transport: Transport) {
    let (connected, begun, was_dropped) = endless(transport).await;
    let call = open(&connected.connection, head("/test.Test/Call"), None, true).await.unwrap();
    begun.notified().await;
    drop(call.receive);
    was_dropped.await.unwrap();
}

async fn dropping_the_sender_before_its_end_cancels_the_call(transport: Transport) {
    let (connected, begun, was_dropped) = endless(transport).await;
    let mut call = start(&connected.connection).await;
    begun.notified().await;
    drop(call.send);
    was_dropped.await.unwrap();
    let Received::End(status) = next(&mut call.receive).await else { panic!("no end") };
    assert_eq!(status.code(), Code::Cancelled);
}

async fn a_panic_costs_one_call(transport: Transport) {
    let connected = transport
        .connect(service(|mut call: IncomingCall| async move {
            let message = next(&mut call.receive).await;
            assert_ne!(message, Received::Message("panic".into()), "as this test wants it");
            let Received::Message(message) = message else { return };
            call.send.send_last(message).await.unwrap();
        }))
        .await;
    let failed = unary(&connected.connection, "panic").await.unwrap_err();
    assert_eq!(failed, Status::new(Code::Internal, "the handler panicked"));
    assert_eq!(unary(&connected.connection, "next").await.unwrap(), "next");
}

async fn a_panic_after_waiting_costs_one_call(transport: Transport) {
    let connected = transport
        .connect(service(|call: IncomingCall| async move {
            tokio::task::yield_now().await;
            assert_eq!(call.head.path.method(), "Unary", "as this test wants it");
            echo(call).await;
        }))
        .await;
    let mut call = start(&connected.connection).await;
    assert_eq!(end_of(&mut call).await, Status::new(Code::Internal, "the handler panicked"));
    assert_eq!(unary(&connected.connection, "next").await.unwrap(), "next");
}

async fn a_handler_that_leaves_without_an_answer_answers_internal(transport: Transport) {
    let connected = transport.connect(service(|_call: IncomingCall| async {})).await;
    let mut call = start(&connected.connection).await;
    let status = end_of(&mut call).await;
    assert_eq!(status, Status::new(Code::Internal, "the handler ended without an answer"));
}

async fn a_server_may_answer_before_it_has_read_everything(transport: Transport) {
    let connected = transport
        .connect(service(|call: IncomingCall| async move {
            call.send.finish(Status::new(Code::PermissionDenied, "not you"));
        }))
        .await;
    let mut call = start(&connected.connection).await;
    let refused = loop {
        if let Err(status) = call.send.send(Bytes::from_static(&[0; 1024])).await {
            break status;
        }
    };
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert_eq!(end_of(&mut call).await, Status::new(Code::PermissionDenied, "not you"));
}

async fn nothing_can_be_sent_after_the_end(transport: Transport) {
    let (connected, _begun, _dropped) = endless(transport).await;
    let mut call = start(&connected.connection).await;
    call.send.half_close().await.unwrap();
    let refused = call.send.send("more".into()).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
}

async fn a_call_over_the_limit_waits_until_another_ends(transport: Transport) {
    let limits = Limits { calls: 2, ..Limits::default() };
    let connected = transport.connect_with(service(echo), &Limits::default(), &limits).await;
    let mut first = start(&connected.connection).await;
    let _second = start(&connected.connection).await;
    let connection = connected.connection.clone();
    let third = tokio::spawn(async move { unary(&connection, "third").await });
    first.send.send("turn".into()).await.unwrap();
    assert_eq!(next(&mut first.receive).await, Received::Message("turn".into()));
    assert!(!third.is_finished());
    first.send.half_close().await.unwrap();
    assert_eq!(end_of(&mut first).await, Status::ok());
    assert_eq!(third.await.unwrap().unwrap(), "third");
}

async fn a_message_over_the_limit_of_the_peer_is_refused(transport: Transport) {
    let limits = Limits { message: 10, ..Limits::default() };
    let connected = transport.connect_with(service(echo), &Limits::default(), &limits).await;
    assert_eq!(unary(&connected.connection, "0123456789").await.unwrap(), "0123456789");
    let refused = unary(&connected.connection, "0123456789a").await.unwrap_err();
    // Where the client is told the limit, the message is not even sent.
    let text = match transport {
        Transport::Memory | Transport::Tcp => "a message of 11 bytes, the peer accepts 10",
        Transport::Http => "a message of 11 bytes, the limit of this side is 10",
    };
    assert_eq!(refused, Status::new(Code::ResourceExhausted, text));
}

async fn a_server_that_is_gone_fails_every_open_call_and_every_further_one(transport: Transport) {
    let (Connected { connection, server }, begun, _dropped) = endless(transport).await;
    let mut waiting = start(&connection).await;
    begun.notified().await;
    server.kill().await;
    while !connection.is_closed() {
        tokio::task::yield_now().await;
    }
    assert_eq!(waiting.send.send("more".into()).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(end_of(&mut waiting).await.code(), Code::Unavailable);
    assert_eq!(unary(&connection, "next").await.unwrap_err().code(), Code::Unavailable);
    assert!(connection.is_closed());
}

async fn a_client_that_is_gone_stops_its_handlers(transport: Transport) {
    let (connected, begun, was_dropped) = endless(transport).await;
    let call = open(&connected.connection, head("/test.Test/Call"), None, true).await.unwrap();
    begun.notified().await;
    drop(call);
    drop(connected.connection);
    was_dropped.await.unwrap();
    connected.server.ended().await;
}

async fn a_draining_server_finishes_what_is_open_and_accepts_nothing_more(transport: Transport) {
    let mut connected = transport.connect(service(echo)).await;
    let mut call = start(&connected.connection).await;
    call.send.send("before".into()).await.unwrap();
    assert_eq!(next(&mut call.receive).await, Received::Message("before".into()));
    connected.server.drain();
    while !connected.connection.is_closed() {
        tokio::task::yield_now().await;
    }
    assert_eq!(unary(&connected.connection, "next").await.unwrap_err().code(), Code::Unavailable);
    call.send.send_last("after".into()).await.unwrap();
    assert_eq!(next(&mut call.receive).await, Received::Message("after".into()));
    assert_eq!(next(&mut call.receive).await, Received::End(Status::ok()));
    connected.server.ended().await;
}

async fn a_thousand_calls_at_once_each_get_their_own_answer(transport: Transport) {
    let arrived = Arc::new(AtomicUsize::new(0));
    let all = Arc::new(Notify::new());
    let limits = Limits { calls: 1000, ..Limits::default() };
    let echo = service(move |mut call: IncomingCall| {
        let (arrived, all) = (arrived.clone(), all.clone());
        async move {
            let Received::Message(message) = next(&mut call.receive).await else { return };
            // Nobody is answered before the last has come: they are really here at once.
            let waits = all.notified();
            if arrived.fetch_add(1, Ordering::SeqCst) + 1 == 1000 {
                all.notify_waiters();
            } else {
                waits.await;
            }
            call.send.send_last(message).await.unwrap();
        }
    });
    let connected = transport.connect_with(echo, &Limits::default(), &limits).await;
    let calls: Vec<_> = (0..1000)
        .map(|number| {
            let connection = connected.connection.clone();
            tokio::spawn(async move { (number, unary(&connection, number.to_string()).await.unwrap()) })
        })
        .collect();
    for call in calls {
        let (number, answer) = call.await.unwrap();
        assert_eq!(answer, number.to_string());
    }
}

async fn more_methods_than_there_are_numbers_can_be_called(transport: Transport) {
    let connected = transport
        .connect(service(|mut call: IncomingCall| async move {
            let path = Bytes::from(call.head.path.as_str().to_owned());
            call.send.send_last(path).await.unwrap();
        }))
        .await;
    for _twice in 0..2 {
        for number in 0..300 {
            let path = format!("/test.Test/Method{number}");
            let mut head = head("/test.Test/Call");
            head.path = transport::Path::parse(path.clone()).unwrap();
            let mut call = open(&connected.connection, head, None, true).await.unwrap();
            assert_eq!(next(&mut call.receive).await, Received::Message(path.into()));
            assert_eq!(end_of(&mut call).await, Status::ok());
        }
    }
}

async fn a_handler_that_stops_receiving_lets_its_caller_finish(transport: Transport) {
    let go = Arc::new(Notify::new());
    let wait = go.clone();
    let connected = transport
        .connect(service(move |call: IncomingCall| {
            let wait = wait.clone();
            async move {
                let IncomingCall { receive, send, .. } = call;
                drop(receive);
                wait.notified().await;
                send.finish(Status::new(Code::Aborted, "enough"));
            }
        }))
        .await;
    let mut call = start(&connected.connection).await;
    call.send.send("unread".into()).await.unwrap();
    go.notify_one();
    assert_eq!(end_of(&mut call).await, Status::new(Code::Aborted, "enough"));
}

async fn a_reader_learns_that_its_call_was_answered(transport: Transport) {
    let (done, mut is_done) = mpsc::unbounded_channel();
    let connected = transport
        .connect(service(move |call: IncomingCall| {
            let done = done.clone();
            async move {
                let IncomingCall { mut receive, send, .. } = call;
                let reads = async { while let Received::Message(_) = receive.receive().await {} };
                let answers = async {
                    tokio::task::yield_now().await;
                    send.finish(Status::ok());
                };
                tokio::join!(reads, answers);
                done.send(()).unwrap();
            }
        }))
        .await;
    let mut call = start(&connected.connection).await;
    assert_eq!(end_of(&mut call).await, Status::ok());
    is_done.recv().await.unwrap();
}

async fn a_reader_in_another_task_learns_that_its_call_was_answered(transport: Transport) {
    let (done, mut is_done) = mpsc::unbounded_channel();
    let connected = transport
        .connect(service(move |call: IncomingCall| {
            let done = done.clone();
            async move {
                let IncomingCall { mut receive, mut send, .. } = call;
                tokio::spawn(async move {
                    while let Received::Message(_) = receive.receive().await {}
                    done.send(()).unwrap();
                });
                tokio::task::yield_now().await;
                send.send_last("answer".into()).await.unwrap();
            }
        }))
        .await;
    let mut call = start(&connected.connection).await;
    assert_eq!(end_of(&mut call).await, Status::ok());
    is_done.recv().await.unwrap();
}

async fn messages_that_were_accepted_come_before_an_error_that_ends_the_call(transport: Transport) {
    let limits = Limits { window: 1024, ..Limits::default() };
    let talks = service(|mut call: IncomingCall| async move {
        call.send.send(Bytes::from(vec![1; 900])).await.unwrap();
        call.send.send(Bytes::from(vec![2; 900])).await.unwrap(); // Waits for credit.
        call.send.finish(Status::new(Code::NotFound, "and no more"));
    });
    let connected = transport.connect_with(talks, &limits, &limits).await;
    let mut call = start(&connected.connection).await;
    assert_eq!(next(&mut call.receive).await, Received::Message(Bytes::from(vec![1; 900])));
    assert_eq!(next(&mut call.receive).await, Received::Message(Bytes::from(vec![2; 900])));
    let end = Received::End(Status::new(Code::NotFound, "and no more"));
    assert_eq!(next(&mut call.receive).await, end);
}

async fn more_metadata_than_the_limit_is_refused_and_the_next_call_works(transport: Transport) {
    let limits = Limits { metadata_fields: 2, ..Limits::default() };
    let connected = transport.connect_with(service(echo), &Limits::default(), &limits).await;
    let mut too_much = head("/test.Test/Unary");
    (0..3).for_each(|n| too_much.metadata.append(format!("field-{n}"), "x").unwrap());
    let mut call = open(&connected.connection, too_much, None, true).await.unwrap();
    assert_eq!(end_of(&mut call).await.code(), Code::ResourceExhausted);
    assert_eq!(unary(&connected.connection, "next").await.unwrap(), "next");
}

async fn handlers_that_go_on_after_their_answer_hold_back_calls_and_refuse_none(transport: Transport) {
    let limits = Limits { calls: 1, ..Limits::default() };
    let go_on = Arc::new(Notify::new());
    let wait = go_on.clone();
    let lingers = service(move |mut call: IncomingCall| {
        let wait = wait.clone();
        async move {
            let Received::Message(message) = next(&mut call.receive).await else { return };
            call.send.send_last(message).await.unwrap();
            wait.notified().await; // Answered, and not done yet.
        }
    });
    let connected = transport.connect_with(lingers, &Limits::default(), &limits).await;
    // Two may go on for each call that is allowed. The third waits for one of them.
    assert_eq!(unary(&connected.connection, "one").await.unwrap(), "one");
    assert_eq!(unary(&connected.connection, "two").await.unwrap(), "two");
    let connection = connected.connection.clone();
    let third = tokio::spawn(async move { unary(&connection, "three").await });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!third.is_finished());
    go_on.notify_one();
    assert_eq!(third.await.unwrap().unwrap(), "three");
}

async fn a_waker_may_use_the_connection_when_it_is_dropped(transport: Transport) {
    /// As a task that owns a handle of the connection, and is dropped with its last waker.
    struct Owner(Arc<dyn Connection>);
    impl std::task::Wake for Owner {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Owner {
        fn drop(&mut self) {
            self.0.is_closed();
        }
    }

    let (connected, _begun, _dropped) = endless(transport).await;
    let mut call = start(&connected.connection).await;
    let owner = std::task::Waker::from(Arc::new(Owner(connected.connection.clone())));
    assert!(call.receive.poll_receive(&mut Context::from_waker(&owner)).is_pending());
    drop(owner);
    // Takes the place of the last waker of the owner, and with it drops the owner.
    assert!(call.receive.poll_receive(&mut Context::from_waker(std::task::Waker::noop())).is_pending());
    let owner = std::task::Waker::from(Arc::new(Owner(connected.connection.clone())));
    assert!(call.receive.poll_receive(&mut Context::from_waker(&owner)).is_pending());
    drop(owner);
    drop(call);
}

async fn two_thousand_callers_wait_their_turn(transport: Transport) {
    let limits = Limits { calls: 1, ..Limits::default() };
    let connected = transport.connect_with(service(echo), &Limits::default(), &limits).await;
    let calls: Vec<_> = (0..2000)
        .map(|number| {
            let connection = connected.connection.clone();
            tokio::spawn(async move { (number, unary(&connection, number.to_string()).await.unwrap()) })
        })
        .collect();
    // Those that lose patience do not take the turn of another.
    for impatient in calls.iter().skip(5).step_by(7) {
        impatient.abort();
    }
    for call in calls {
        match call.await {
            Ok((number, answer)) => assert_eq!(answer, number.to_string()),
            Err(error) => assert!(error.is_cancelled()),
        }
    }
}

async fn nobody_who_waits_to_open_a_call_is_passed_by_others(transport: Transport) {
    let limits = Limits { calls: 1, ..Limits::default() };
    let connected = transport.connect_with(service(echo), &Limits::default(), &limits).await;
    let calls = Arc::new(Mutex::new(Vec::new()));
    let callers: Vec<_> = ["one", "two"]
        .into_iter()
        .map(|caller| {
            let (connection, calls) = (connected.connection.clone(), calls.clone());
            tokio::spawn(async move {
                for _ in 0..50 {
                    unary(&connection, caller).await.unwrap();
                    calls.lock().unwrap().push(caller);
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let calls = calls.lock().unwrap();
    let first_half = calls[..50].iter().filter(|caller| **caller == "one").count();
    assert!((20..=30).contains(&first_half), "of the first 50 calls, {first_half} were of one caller");
}

async fn what_is_handed_over_may_use_the_connection_when_it_is_dropped(transport: Transport) {
    /// Bytes that belong to something with a life of its own.
    struct Owned(Arc<dyn Connection>);
    impl AsRef<[u8]> for Owned {
        fn as_ref(&self) -> &[u8] {
            b"owned"
        }
    }
    impl Drop for Owned {
        fn drop(&mut self) {
            self.0.is_closed();
        }
    }

    let connected = transport.connect(service(echo)).await;
    let owned = || Bytes::from_owner(Owned(connected.connection.clone()));
    assert_eq!(unary(&connected.connection, owned()).await.unwrap(), "owned");
    let mut unread = start(&connected.connection).await;
    unread.send.send(owned()).await.unwrap();
    drop(unread);
    assert_eq!(unary(&connected.connection, owned()).await.unwrap(), "owned");
    let mut head = head("/test.Test/Call");
    head.metadata.append("owned-bin", owned()).unwrap();
    let call = open(&connected.connection, head, None, false).await.unwrap();
    call.send.canceller().cancel(Status::new(Code::Cancelled, "").with_details(owned()));
    assert_eq!(unary(&connected.connection, "hello").await.unwrap(), "hello");
}

async fn a_handler_that_stops_reading_does_not_stop_its_caller_from_sending(transport: Transport) {
    let limits = Limits { window: 2048, ..Limits::default() };
    let talks = service(|call: IncomingCall| async move {
        let IncomingCall { receive, mut send, .. } = call;
        drop(receive);
        for _ in 0..200 {
            send.send(Bytes::from(vec![0; 1024])).await.unwrap();
        }
        send.finish(Status::ok());
    });
    let connected = transport.connect_with(talks, &limits, &limits).await;
    let mut call = start(&connected.connection).await;
    // First all is sent, then all is read: possible only if what nobody reads takes no room.
    for _ in 0..200 {
        if call.send.send(Bytes::from(vec![0; 1024])).await.is_err() {
            break;
        }
    }
    let mut messages = 0;
    while let Received::Message(_) = next(&mut call.receive).await {
        messages += 1;
    }
    assert_eq!(messages, 200);
}

async fn a_panic_whose_payload_panics_too_costs_one_call(transport: Transport) {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "as this test wants it");
        }
    }

    let connected = transport
        .connect(service(|call: IncomingCall| async move {
            if call.head.path.method() == "Call" {
                std::panic::panic_any(Bomb);
            }
            echo(call).await;
        }))
        .await;
    let mut call = start(&connected.connection).await;
    assert_eq!(end_of(&mut call).await, Status::new(Code::Internal, "the handler panicked"));
    assert_eq!(unary(&connected.connection, "next").await.unwrap(), "next");
}

async fn what_is_put_around_a_carrier_sees_every_message_of_a_call(transport: Transport) {
    let (at_server, at_client) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = at_server.clone();
    let connected = transport
        .connect(service(move |call: IncomingCall| {
            let counted = counted.clone();
            echo(call.wrap(|carrier| Arc::new(Counting { carrier, received: counted })))
        }))
        .await;
    let received = at_client.clone();
    let mut call =
        start(&connected.connection).await.wrap(|carrier| Arc::new(Counting { carrier, received }));
    for _ in 0..3 {
        call.send.send("ping".into()).await.unwrap();
        assert_eq!(next(&mut call.receive).await, Received::Message("ping".into()));
    }
    call.send.half_close().await.unwrap();
    assert_eq!(end_of(&mut call).await, Status::ok());
    assert_eq!((at_server.load(Ordering::SeqCst), at_client.load(Ordering::SeqCst)), (3, 3));
}

/// A carrier around another: counts the messages that are received through it.
struct Counting {
    carrier: Arc<dyn Carrier>,
    received: Arc<AtomicUsize>,
}

impl Carrier for Counting {
    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        call: CallId,
        message: &mut Option<Bytes>,
        end: bool,
    ) -> Poll<Result<(), Status>> {
        self.carrier.poll_send(cx, call, message, end)
    }

    fn poll_receive(&self, cx: &mut Context<'_>, call: CallId) -> Poll<Received> {
        let received = self.carrier.poll_receive(cx, call);
        if matches!(received, Poll::Ready(Received::Message(_))) {
            self.received.fetch_add(1, Ordering::SeqCst);
        }
        received
    }

    fn respond(&self, call: CallId, metadata: Metadata) -> Result<(), Status> {
        self.carrier.respond(call, metadata)
    }

    fn finish(&self, call: CallId, status: Status) {
        self.carrier.finish(call, status);
    }

    fn cancel(&self, call: CallId, status: Status) {
        self.carrier.cancel(call, status);
    }

    fn stop_receiving(&self, call: CallId) {
        self.carrier.stop_receiving(call);
    }
}

async fn a_server_that_accepts_no_calls_says_so(transport: Transport) {
    let limits = Limits { calls: 0, ..Limits::default() };
    let connected = transport.connect_with(service(echo), &Limits::default(), &limits).await;
    let refused = unary(&connected.connection, "x").await.unwrap_err();
    assert_eq!(refused, Status::new(Code::Unavailable, "the peer accepts no calls"));
}

/// One step of a random conversation on several calls.
#[derive(Clone, Debug)]
enum Step {
    Open,
    Send { call: usize, size: usize },
    Close { call: usize },
    Drop { call: usize },
    Yield,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let size = prop_oneof![8 => 0..100_usize, 2 => 0..5000_usize, 1 => 0..200_000_usize];
    let step = prop_oneof![
        3 => Just(Step::Open),
        6 => (0..8_usize, size).prop_map(|(call, size)| Step::Send { call, size }),
        3 => (0..8_usize).prop_map(|call| Step::Close { call }),
        1 => (0..8_usize).prop_map(|call| Step::Drop { call }),
        1 => Just(Step::Yield),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn random_calls_in_random_order_all_get_their_own_answer(
        steps in steps(),
        transport in prop_oneof![Just(Transport::Memory), Just(Transport::Tcp)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(converse(transport, steps));
    }
}

/// Each call is a task that sends what it is told to and checks that just that comes back.
async fn converse(transport: Transport, steps: Vec<Step>) {
    let limits = Limits { window: 2048, send_buffer: 4096, ..Limits::default() };
    let connected = transport.connect_with(service(echo), &limits, &limits).await;
    let mut calls: Vec<Option<mpsc::UnboundedSender<usize>>> = Vec::new();
    let mut tasks = Vec::new();
    for step in steps {
        match step {
            Step::Open => {
                let (orders, mut told) = mpsc::unbounded_channel::<usize>();
                let connection = connected.connection.clone();
                let mark = calls.len() as u8;
                calls.push(Some(orders));
                tasks.push(tokio::spawn(async move {
                    let mut call = start(&connection).await;
                    while let Some(size) = told.recv().await {
                        if size == usize::MAX {
                            return; // Dropped, in the middle of everything.
                        }
                        let message = Bytes::from(vec![mark; size]);
                        call.send.send(message.clone()).await.unwrap();
                        assert_eq!(next(&mut call.receive).await, Received::Message(message));
                    }
                    call.send.half_close().await.unwrap();
                    assert_eq!(next(&mut call.receive).await, Received::End(Status::ok()));
                }));
            }
            Step::Send { call, size } => {
                calls.get(call).and_then(Option::as_ref).map(|call| call.send(size));
            }
            Step::Close { call } => {
                calls.get_mut(call).and_then(Option::take);
            }
            Step::Drop { call } => {
                calls.get_mut(call).and_then(Option::take).map(|call| call.send(usize::MAX));
            }
            Step::Yield => tokio::task::yield_now().await,
        }
    }
    drop(calls);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(unary(&connected.connection, "at the end").await.unwrap(), "at the end");
}
