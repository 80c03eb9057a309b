//! What bad input gets: a peer that breaks the rules of our frames, against a real server or client.

#![allow(clippy::unwrap_used)]

mod support;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use support::{Handler, echo, end_of, head, service, start, unary};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream, DuplexStream, ReadBuf, duplex,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use transport::frame::{CallFrame, Decoder, Frame, Hello, MethodName, Piece};
use transport::{
    Code, Connection, IncomingCall, Limits, Metadata, Path, Received, Service, Status, open, tcp,
};

/// A peer made by hand, byte by byte.
struct Peer {
    io: DuplexStream,
    decoder: Decoder,
    input: BytesMut,
}

impl Peer {
    async fn greet(mut io: DuplexStream) -> Self {
        io.write_all(&Hello::new(&Limits::default()).encode()).await.unwrap();
        io.read_exact(&mut [0; Hello::SIZE]).await.unwrap();
        Self { io, decoder: Decoder::new(Limits::default(), 0), input: BytesMut::new() }
    }

    async fn send(&mut self, frame: Frame) {
        let mut bytes = BytesMut::new();
        frame.encode(&mut bytes);
        self.send_bytes(&bytes).await;
    }

    async fn send_bytes(&mut self, bytes: &[u8]) {
        self.io.write_all(bytes).await.unwrap();
    }

    async fn receive(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.decoder.decode(&mut self.input).unwrap() {
                return Some(frame);
            }
            if self.io.read_buf(&mut self.input).await.unwrap() == 0 {
                return None;
            }
        }
    }

    async fn receives_end(&mut self, call: u32) -> Status {
        match self.receive().await {
            Some(Frame::End { call: ended, status }) if ended == call => status,
            other => panic!("expected the END of call {call}, not {other:?}"),
        }
    }

    /// The connection ends with a word of why.
    async fn is_sent_away(&mut self) -> Status {
        let frame = self.receive().await;
        let Some(Frame::GoingAway { status }) = frame else { panic!("not sent away, but {frame:?}") };
        assert_eq!(self.receive().await, None, "nothing follows");
        status
    }

    async fn still_works(&mut self, call: u32) {
        self.send(call_frame(call, 0, Some(name()), Some("again"))).await;
        let piece = Piece { bytes: "again".into(), more: false };
        assert_eq!(self.receive().await, Some(Frame::Message { call, piece, end: false }));
        assert_eq!(self.receives_end(call).await, Status::ok());
    }
}

fn name() -> MethodName {
    MethodName { path: Path::from_static("/test.Test/Call"), codec: "raw".into() }
}

fn call_frame(call: u32, method: u8, name: Option<MethodName>, message: Option<&'static str>) -> Frame {
    let message = message.map(|text| Piece { bytes: text.into(), more: false });
    let end = message.is_some();
    let (timeout, metadata) = (None, Metadata::new());
    Frame::Call(Box::new(CallFrame { call, method, name, timeout, metadata, message, end }))
}

fn open_frame(call: u32) -> Frame {
    call_frame(call, 0, Some(name()), None)
}

fn message(call: u32, size: usize, more: bool) -> Frame {
    Frame::Message { call, piece: Piece { bytes: Bytes::from(vec![0; size]), more }, end: false }
}

type Outcome = JoinHandle<Result<(), Status>>;

fn serve(service: Arc<dyn Service>, limits: Limits) -> (DuplexStream, Outcome) {
    let (peer, io) = duplex(256 << 10);
    let outcome =
        tokio::spawn(async move { tcp::serve_over(io, &limits, service, std::future::pending()).await });
    (peer, outcome)
}

/// A peer made by hand of a server that echoes.
async fn server() -> (Peer, Outcome) {
    server_with(Limits::default()).await
}

async fn server_with(limits: Limits) -> (Peer, Outcome) {
    let (io, outcome) = serve(service(echo), limits);
    (Peer::greet(io).await, outcome)
}

/// A peer made by hand of a server that echoes, and what lets that drain.
async fn server_to_drain() -> (Peer, oneshot::Sender<()>, Outcome) {
    let (near, far) = duplex(64 << 10);
    let (drain, drained) = oneshot::channel();
    let outcome = tokio::spawn(async move {
        let drained = async { drained.await.unwrap() };
        tcp::serve_over(far, &Limits::default(), service(echo), drained).await
    });
    (Peer::greet(near).await, drain, outcome)
}

/// A peer made by hand of a client.
async fn client() -> (Peer, Arc<dyn Connection>) {
    let (peer, io) = duplex(256 << 10);
    let limits = Limits::default();
    let (peer, connection) = tokio::join!(Peer::greet(peer), tcp::connect_over(io, &limits));
    (peer, connection.unwrap())
}

// ---- the hello ----

#[tokio::test]
async fn a_peer_that_speaks_http_is_told_apart_at_its_first_byte() {
    let (mut io, outcome) = serve(service(echo), Limits::default());
    io.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let status = outcome.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert_eq!(
        status.message(),
        "frame layer, byte 0: expected \"RPC\" (52 50 43), found \"GET\": \
         the peer does not speak this protocol"
    );
}

#[tokio::test]
async fn three_wrong_bytes_are_enough_to_be_refused() {
    let (mut io, outcome) = serve(service(echo), Limits::default());
    io.write_all(b"hi\n").await.unwrap();
    assert_eq!(outcome.await.unwrap().unwrap_err().code(), Code::Internal);
}

#[tokio::test]
async fn a_peer_of_another_version_is_refused_by_name() {
    let (mut io, outcome) = serve(service(echo), Limits::default());
    let mut hello = Hello::new(&Limits::default()).encode();
    hello[3] = 9;
    io.write_all(&hello).await.unwrap();
    let status = outcome.await.unwrap().unwrap_err();
    assert_eq!(
        status.message(),
        "frame layer, byte 3: the peer speaks version 9 of this protocol, here is version 1"
    );
}

#[tokio::test]
async fn a_client_learns_that_its_server_speaks_something_else() {
    let (mut peer, io) = duplex(1024);
    peer.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    let Err(status) = tcp::connect_over(io, &Limits::default()).await else { panic!("connected") };
    assert!(status.message().contains("found \"HTT\""), "{status}");
}

#[tokio::test]
async fn a_peer_that_leaves_before_its_hello_is_unavailable() {
    let (mut io, outcome) = serve(service(echo), Limits::default());
    io.write_all(b"RP").await.unwrap();
    drop(io);
    assert_eq!(outcome.await.unwrap().unwrap_err().code(), Code::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_nothing_is_given_up_after_the_handshake_limit() {
    let (_io, outcome) = serve(service(echo), Limits::default());
    let begun = tokio::time::Instant::now();
    assert_eq!(outcome.await.unwrap().unwrap_err().code(), Code::Unavailable);
    assert!(begun.elapsed() >= Limits::default().handshake);
}

// ---- framing lost: the connection ends, with a word of why ----

#[tokio::test]
async fn an_unknown_kind_ends_the_connection_and_names_layer_and_byte() {
    let (mut peer, outcome) = server().await;
    peer.send_bytes(&[0x0f, 0, 0, 0, 0, 0, 0, 1]).await;
    let status = peer.is_sent_away().await;
    assert_eq!(
        status.to_string(),
        "INTERNAL: frame layer, byte 16 of the connection (byte 0 of the frame): \
         kind 15 does not exist, kinds are 1 to 8"
    );
    assert_eq!(outcome.await.unwrap(), Err(status));
}

#[tokio::test]
async fn a_frame_over_the_limit_ends_the_connection_before_its_payload_is_awaited() {
    let (mut peer, _outcome) = server().await;
    peer.send_bytes(&[0x02, 0, 0xff, 0xff, 0, 0, 0, 1]).await;
    assert!(peer.is_sent_away().await.message().contains("a payload of 65535 bytes, the limit is 40960"));
}

#[tokio::test]
async fn a_frame_cut_off_by_the_end_of_the_connection_is_an_error() {
    let (mut peer, outcome) = server().await;
    peer.send_bytes(&[0x02, 0, 0]).await;
    drop(peer);
    assert_eq!(outcome.await.unwrap().unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn leaving_between_two_frames_is_in_order() {
    let (peer, outcome) = server().await;
    drop(peer);
    assert_eq!(outcome.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn an_id_used_before_ends_the_connection() {
    let (mut peer, _outcome) = server().await;
    peer.still_works(5).await;
    peer.send(open_frame(5)).await;
    assert!(peer.is_sent_away().await.message().contains("CALL 5: the ids of calls rise, and 5 was used"));
}

#[tokio::test]
async fn a_frame_for_a_call_that_was_never_opened_ends_the_connection() {
    let (mut peer, _outcome) = server().await;
    peer.send(message(1, 1, false)).await;
    assert!(peer.is_sent_away().await.message().contains("MESSAGE for call 1, which was never opened"));
}

#[tokio::test]
async fn what_only_a_server_says_ends_the_connection_of_a_client_that_says_it() {
    let (mut peer, _outcome) = server().await;
    peer.send(Frame::Head { call: 1, metadata: Metadata::new() }).await;
    assert!(peer.is_sent_away().await.message().contains("HEAD does not come from a Client"));
}

#[tokio::test]
async fn a_server_that_calls_its_client_is_refused() {
    let (mut peer, connection) = client().await;
    let mut call = start(&connection).await;
    peer.receive().await.unwrap();
    peer.send(open_frame(7)).await;
    assert!(peer.is_sent_away().await.message().contains("CALL does not come from a Server"));
    assert_eq!(end_of(&mut call).await.code(), Code::Internal);
}

#[tokio::test]
async fn other_connections_go_on_when_one_sends_garbage() {
    let service: Arc<dyn Service> = Arc::new(Handler(echo));
    let (io, _outcome) = serve(service.clone(), Limits::default());
    let (other, _other_outcome) = serve(service, Limits::default());
    let other = tcp::connect_over(other, &Limits::default()).await.unwrap();
    let mut call = start(&other).await;
    let mut peer = Peer::greet(io).await;
    peer.send_bytes(&[0xff; 64]).await;
    peer.is_sent_away().await;
    call.send.send("unharmed".into()).await.unwrap();
    assert_eq!(call.receive.receive().await, Received::Message("unharmed".into()));
}

// ---- one call is lost, the connection goes on ----

#[tokio::test]
async fn a_broken_head_block_costs_its_call() {
    let (mut peer, _outcome) = server().await;
    peer.send_bytes(&[0x11, 1, 0, 2, 0, 0, 0, 1, 0, 9]).await;
    let status = peer.receives_end(1).await;
    assert_eq!(status.code(), Code::Internal);
    assert!(status.message().contains("ends 9 bytes before the end of the head block"), "{status}");
    peer.still_works(2).await;
}

#[tokio::test]
async fn metadata_that_is_not_allowed_costs_its_call() {
    let (mut peer, _outcome) = server().await;
    let block = *b"\0\x07\0\x02Ab\0\x01x";
    peer.send_bytes(&[&[0x91, 0, 0, block.len() as u8, 0, 0, 0, 1], &block[..]].concat()).await;
    let status = peer.receives_end(1).await;
    assert!(status.message().contains("metadata name \"Ab\" has 'A' at byte 0"), "{status}");
    peer.still_works(2).await;
}

#[tokio::test]
async fn a_method_number_nobody_declared_costs_its_call() {
    let (mut peer, _outcome) = server().await;
    for (call, number) in [(1, 0), (2, 1), (3, 255)] {
        peer.send(call_frame(call, number, None, Some("x"))).await;
        let status = peer.receives_end(call).await;
        assert!(status.message().contains(&format!("method number {number}")), "{status}");
    }
    peer.still_works(4).await;
}

#[tokio::test]
async fn a_method_number_declared_out_of_order_costs_its_call() {
    let (mut peer, _outcome) = server().await;
    peer.send(call_frame(1, 9, Some(name()), Some("x"))).await;
    assert!(peer.receives_end(1).await.message().contains("declares method number 9, the next is 1"));
    peer.still_works(2).await;
}

#[tokio::test]
async fn a_message_over_the_limit_costs_its_call_as_soon_as_it_is_over() {
    let (mut peer, _outcome) = server_with(Limits { message: 1000, ..Limits::default() }).await;
    peer.send(open_frame(1)).await;
    peer.send(message(1, 600, true)).await;
    peer.send(message(1, 401, true)).await;
    let status = peer.receives_end(1).await;
    assert_eq!(status.code(), Code::ResourceExhausted);
    peer.send(message(1, 10, false)).await; // On its way already: ignored.
    peer.still_works(2).await;
}

#[tokio::test]
async fn more_than_its_credit_costs_a_call() {
    let (mut peer, _outcome) = server_with(Limits { window: 1024, ..Limits::default() }).await;
    peer.send(open_frame(1)).await;
    peer.send(message(1, 1024 - 64 + 1, false)).await;
    let status = peer.receives_end(1).await;
    assert!(status.message().contains("a frame that costs 1025, the credit left is 1024"), "{status}");
    peer.still_works(2).await;
}

#[tokio::test]
async fn a_message_after_the_end_costs_its_call() {
    let (peer, io) = duplex(4096);
    let held = service(|call: IncomingCall| async move {
        let _call = call;
        std::future::pending::<()>().await;
    });
    tokio::spawn(async move {
        tcp::serve_over(io, &Limits::default(), held, std::future::pending()).await.unwrap();
    });
    let mut peer = Peer::greet(peer).await;
    peer.send(call_frame(1, 0, Some(name()), Some("all"))).await;
    peer.send(message(1, 1, false)).await;
    assert!(peer.receives_end(1).await.message().contains("MESSAGE after END"));
}

#[tokio::test]
async fn an_end_inside_a_message_reaches_the_handler_as_an_error() {
    let (ends, mut seen) = mpsc::unbounded_channel();
    let (io, _outcome) = serve(
        service(move |mut call: IncomingCall| {
            let ends = ends.clone();
            async move { ends.send(call.receive.receive().await).unwrap() }
        }),
        Limits::default(),
    );
    let mut peer = Peer::greet(io).await;
    peer.send(open_frame(1)).await;
    peer.send(message(1, 10, true)).await;
    peer.send(Frame::End { call: 1, status: Status::ok() }).await;
    let Some(Received::End(status)) = seen.recv().await else { panic!("no end") };
    assert!(status.message().contains("END inside a message"), "{status}");
}

#[tokio::test]
async fn a_call_over_the_announced_limit_is_refused_alone() {
    let (mut peer, _outcome) = server_with(Limits { calls: 1, ..Limits::default() }).await;
    peer.send(open_frame(1)).await;
    peer.send(open_frame(2)).await;
    assert_eq!(peer.receives_end(2).await.code(), Code::Unavailable);
    peer.send(Frame::End { call: 1, status: Status::ok() }).await;
    assert_eq!(peer.receives_end(1).await, Status::ok());
}

#[tokio::test]
async fn a_cancelled_call_is_confirmed_and_what_was_on_its_way_is_ignored() {
    let (mut peer, _outcome) = server().await;
    peer.send(open_frame(1)).await;
    peer.send(Frame::Cancel { call: 1, code: Code::Cancelled }).await;
    assert_eq!(peer.receives_end(1).await.code(), Code::Cancelled);
    peer.send(message(1, 1, false)).await;
    peer.send(Frame::Credit { call: 1, bytes: 1 }).await;
    peer.send(Frame::Cancel { call: 1, code: Code::Cancelled }).await;
    peer.still_works(2).await;
}

#[tokio::test]
async fn a_server_that_breaks_one_answer_loses_that_call_alone() {
    let (mut peer, connection) = client().await;
    let mut broken = start(&connection).await;
    let mut sound = start(&connection).await;
    let (Some(Frame::Call(first)), Some(Frame::Call(second))) = (peer.receive().await, peer.receive().await)
    else {
        panic!("no calls")
    };
    // The text of this END claims more bytes than there are.
    peer.send_bytes(&[0x04, 13, 0, 2, 0, 0, 0, first.call as u8, 0xff, 0xff]).await;
    let status = end_of(&mut broken).await;
    assert!(status.message().contains("before the end of the status text"), "{status}");
    peer.send(Frame::End { call: second.call, status: Status::ok() }).await;
    assert_eq!(end_of(&mut sound).await, Status::ok());
}

#[tokio::test]
async fn a_server_that_leaves_in_the_middle_fails_its_calls_as_unavailable() {
    let (mut peer, connection) = client().await;
    let mut call = start(&connection).await;
    peer.receive().await.unwrap();
    peer.send(message(1, 10, true)).await;
    drop(peer);
    let end = end_of(&mut call).await;
    assert_eq!(end, Status::new(Code::Unavailable, "the peer closed the connection"));
}

#[tokio::test]
async fn what_a_server_said_before_it_left_is_still_read() {
    let (mut peer, connection) = client().await;
    let mut call = start(&connection).await;
    peer.receive().await.unwrap();
    peer.send(message(1, 10, false)).await;
    peer.send(Frame::End { call: 1, status: Status::ok() }).await;
    drop(peer);
    while !connection.is_closed() {
        tokio::task::yield_now().await;
    }
    assert!(matches!(call.receive.receive().await, Received::Message(message) if message.len() == 10));
    assert_eq!(call.receive.receive().await, Received::End(Status::ok()));
}

// ---- peers that are silent, or do not read ----

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_asked_for_a_sign_of_life_and_given_up_without_one() {
    let (mut peer, outcome) = server().await;
    let begun = tokio::time::Instant::now();
    assert!(matches!(peer.receive().await, Some(Frame::Ping { reply: false, .. })));
    let status = outcome.await.unwrap();
    // Nobody was being served, so nothing was lost; but the connection is gone.
    assert_eq!(status.unwrap_err().message(), "the peer has given no sign of life for 40s");
    assert!(begun.elapsed() >= 2 * Limits::default().keepalive);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_pings_is_kept() {
    let (mut peer, outcome) = server().await;
    for _ in 0..10 {
        let Some(Frame::Ping { reply: false, data }) = peer.receive().await else { panic!("no ping") };
        peer.send(Frame::Ping { reply: true, data }).await;
    }
    assert!(!outcome.is_finished());
    peer.still_works(1).await;
}

#[tokio::test]
async fn a_ping_is_answered_with_its_own_bytes() {
    let (mut peer, _outcome) = server().await;
    peer.send(Frame::Ping { reply: false, data: *b"12345678" }).await;
    assert_eq!(peer.receive().await, Some(Frame::Ping { reply: true, data: *b"12345678" }));
}

#[tokio::test]
async fn a_peer_that_sends_pings_and_reads_no_answers_is_not_read_any_more() {
    let (mut peer, _outcome) = server().await;
    let mut bytes = BytesMut::new();
    (0..1000).for_each(|_| Frame::Ping { reply: false, data: [0; 8] }.encode(&mut bytes));
    let taken = taken_without_reading(&mut peer, &bytes).await;
    assert!(taken < 4 << 20, "{taken} bytes were taken although no answer was read");
}

/// Sends `bytes`, and their last 16 over and over, until no more are taken, also after everybody else
/// had time to run; at most 8 MiB. Returns how many were taken.
async fn taken_without_reading(peer: &mut Peer, bytes: &[u8]) -> usize {
    let mut taken = 0;
    let mut idle = 0;
    while idle < 1000 && taken < 8 << 20 {
        let rest = if taken < bytes.len() { &bytes[taken..] } else { &bytes[bytes.len() - 16..] };
        let written =
            std::future::poll_fn(|cx| Poll::Ready(AsyncWrite::poll_write(Pin::new(&mut peer.io), cx, rest)));
        match written.await {
            Poll::Ready(Ok(n)) => {
                taken += n;
                idle = 0;
            }
            Poll::Ready(Err(_)) => break,
            Poll::Pending => idle += 1,
        }
        tokio::task::yield_now().await;
    }
    taken
}

#[tokio::test]
async fn a_message_that_is_never_finished_holds_no_more_than_its_limit() {
    let limits = Limits { message: 100_000, ..Limits::default() };
    let (mut peer, _outcome) = server_with(limits).await;
    peer.send(open_frame(1)).await;
    let mut credit = Limits::default().window as usize;
    let mut sent = 0;
    let status = loop {
        if credit > 64 + 1000 {
            peer.send(message(1, 1000, true)).await;
            credit -= 64 + 1000;
            sent += 1000;
            continue;
        }
        match peer.receive().await {
            Some(Frame::Credit { bytes, .. }) => credit += bytes as usize,
            Some(Frame::End { status, .. }) => break status,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(sent <= 100_000 + Limits::default().window as usize, "{sent}");
}

#[tokio::test]
async fn a_client_refuses_metadata_that_no_frame_carries() {
    let (_peer, connection) = client().await;
    let mut head = head("/test.Test/Call");
    head.metadata.append("long", "x".repeat(20_000)).unwrap();
    let status = open(&connection, head, None, true).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn a_tcp_port_on_which_nothing_listens_is_named() {
    let free = tcp::Listener::bind("127.0.0.1", 0, &Limits::default()).await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let Err(status) = tcp::connect("127.0.0.1", port, &Limits::default()).await else { panic!("connected") };
    let text = format!("nothing is listening on 127.0.0.1:{port}");
    assert_eq!(status, Status::new(Code::Unavailable, text));
}

#[tokio::test]
async fn one_byte_at_a_time_is_as_good_as_any_other_way() {
    let (near, far) = duplex(4096);
    tokio::spawn(async move {
        let (limits, service) = (Limits::default(), service(echo));
        tcp::serve_over(OneByte(far), &limits, service, std::future::pending()).await
    });
    let connection = tcp::connect_over(OneByte(near), &Limits::default()).await.unwrap();
    assert_eq!(unary(&connection, "one by one").await.unwrap(), "one by one");
    assert_eq!(unary(&connection, vec![7; 3000]).await.unwrap(), vec![7; 3000]);
}

/// A stream of which every read and every write is of one byte.
struct OneByte(DuplexStream);

impl AsyncRead for OneByte {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut byte = [0];
        let mut one = ReadBuf::new(&mut byte);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut one))?;
        buffer.put_slice(one.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for OneByte {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, &bytes[..1])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

// ---- what a peer must not be able to do by being refused ----

#[tokio::test]
async fn a_call_that_is_refused_for_its_metadata_declares_its_method_all_the_same() {
    let limits = Limits { metadata_fields: 2, ..Limits::default() };
    let (near, far) = duplex(64 << 10);
    tokio::spawn(async move { tcp::serve_over(far, &limits, service(echo), std::future::pending()).await });
    let connection = tcp::connect_over(near, &Limits::default()).await.unwrap();
    let mut too_much = head("/test.Test/Unary");
    (0..3).for_each(|n| too_much.metadata.append(format!("field-{n}"), "x").unwrap());
    let mut call = open(&connection, too_much, Some("x".into()), true).await.unwrap();
    assert_eq!(end_of(&mut call).await.code(), Code::ResourceExhausted);
    assert_eq!(unary(&connection, "the same method").await.unwrap(), "the same method");
    let mut call = open(&connection, head("/test.Test/Another"), None, true).await.unwrap();
    assert_eq!(end_of(&mut call).await, Status::ok());
}

#[tokio::test]
async fn after_a_violation_nothing_more_of_a_peer_is_kept() {
    let (mut peer, _outcome) = server().await;
    // The answers fill the way back, so that the farewell cannot leave and the connection stays.
    let mut bytes = BytesMut::new();
    (0..30_000).for_each(|_| Frame::Ping { reply: false, data: [0; 8] }.encode(&mut bytes));
    bytes.extend_from_slice(&[0x0f, 0, 0, 0, 0, 0, 0, 1]);
    bytes.extend_from_slice(&[0xaa; 64 << 10]);
    let taken = taken_without_reading(&mut peer, &bytes).await;
    assert!(taken < 2 << 20, "{taken} bytes were taken of a peer that had broken the rules");
}

#[tokio::test]
async fn a_client_that_ends_twice_or_with_a_status_loses_its_call() {
    let held = service(|call: IncomingCall| async move {
        let _call = call;
        std::future::pending::<()>().await;
    });
    let (io, _outcome) = serve(held, Limits::default());
    let mut peer = Peer::greet(io).await;
    peer.send(call_frame(1, 0, Some(name()), Some("all"))).await;
    peer.send(Frame::End { call: 1, status: Status::ok() }).await;
    assert!(peer.receives_end(1).await.message().contains("END of a client comes once"));
    peer.send(open_frame(2)).await;
    peer.send(Frame::End { call: 2, status: Status::new(Code::NotFound, "") }).await;
    assert!(peer.receives_end(2).await.message().contains("END of a client comes once"));
}

#[tokio::test]
async fn a_call_after_going_away_ends_the_connection() {
    let (mut peer, _outcome) = server().await;
    peer.send(open_frame(1)).await;
    peer.send(Frame::GoingAway { status: Status::ok() }).await;
    assert_eq!(peer.receive().await, Some(Frame::GoingAway { status: Status::ok() }));
    peer.send(open_frame(2)).await;
    assert!(peer.is_sent_away().await.message().contains("CALL 2 after GOING_AWAY"));
}

#[tokio::test]
async fn a_cancelled_call_ends_with_the_code_its_caller_gave() {
    let held = service(|call: IncomingCall| async move {
        let _call = call;
        std::future::pending::<()>().await;
    });
    let (io, _outcome) = serve(held, Limits::default());
    let mut peer = Peer::greet(io).await;
    peer.send(open_frame(1)).await;
    peer.send(Frame::Cancel { call: 1, code: Code::DeadlineExceeded }).await;
    assert_eq!(peer.receives_end(1).await.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_stream_that_holds_bytes_back_is_flushed() {
    let (near, far) = duplex(64 << 10);
    tokio::spawn(async move {
        let (far, limits) = (BufStream::new(far), Limits::default());
        tcp::serve_over(far, &limits, service(echo), std::future::pending()).await
    });
    let connection = tcp::connect_over(BufStream::new(near), &Limits::default()).await.unwrap();
    assert_eq!(unary(&connection, "through").await.unwrap(), "through");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_no_byte_of_what_it_is_sent_is_given_up() {
    let (mut peer, outcome) = server().await;
    let mut bytes = BytesMut::new();
    (0..1000).for_each(|_| Frame::Ping { reply: false, data: [0; 8] }.encode(&mut bytes));
    taken_without_reading(&mut peer, &bytes).await;
    let status = outcome.await.unwrap().unwrap_err();
    assert_eq!(status.message(), "the connection was lost: the peer has taken no byte for 30s");
}

#[tokio::test]
async fn a_keepalive_without_end_is_none() {
    let limits = Limits { keepalive: Duration::MAX, ..Limits::default() };
    let (near, far) = duplex(64 << 10);
    let theirs = limits.clone();
    tokio::spawn(async move { tcp::serve_over(far, &theirs, service(echo), std::future::pending()).await });
    let connection = tcp::connect_over(near, &limits).await.unwrap();
    assert_eq!(unary(&connection, "still here").await.unwrap(), "still here");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_answer_going_away_is_left_after_a_while() {
    let (mut peer, drain, outcome) = server_to_drain().await;
    drain.send(()).unwrap();
    assert_eq!(peer.receive().await, Some(Frame::GoingAway { status: Status::ok() }));
    assert_eq!(outcome.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn draining_does_not_wait_for_long_for_a_peer_that_has_not_said_hello() {
    let (_near, far) = duplex(64 << 10);
    let (limits, drained) = (Limits::default(), std::future::ready(()));
    assert_eq!(tcp::serve_over(far, &limits, service(echo), drained).await, Ok(()));
}

#[tokio::test]
async fn a_call_that_was_sent_right_behind_the_hello_is_served_also_while_draining() {
    for _ in 0..100 {
        let (near, far) = duplex(64 << 10);
        let drained = std::future::ready(());
        let serving = async { tcp::serve_over(far, &Limits::default(), service(echo), drained).await };
        let calling = async {
            let mut peer = Peer::greet(near).await;
            peer.still_works_while_draining(1).await;
        };
        let (served, ()) = tokio::join!(serving, calling);
        assert_eq!(served, Ok(()));
    }
}

impl Peer {
    async fn still_works_while_draining(&mut self, call: u32) {
        self.send(call_frame(call, 0, Some(name()), Some("again"))).await;
        self.send(Frame::GoingAway { status: Status::ok() }).await;
        let mut frames = Vec::new();
        while let Some(frame) = self.receive().await {
            frames.push(frame);
        }
        let piece = Piece { bytes: "again".into(), more: false };
        assert!(frames.contains(&Frame::Message { call, piece, end: false }), "{frames:?}");
        assert!(frames.contains(&Frame::End { call, status: Status::ok() }), "{frames:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_comes_too_late_while_draining_is_refused_alone() {
    let (mut peer, drain, outcome) = server_to_drain().await;
    peer.send(open_frame(1)).await;
    drain.send(()).unwrap();
    assert_eq!(peer.receive().await, Some(Frame::GoingAway { status: Status::ok() }));
    tokio::time::advance(Duration::from_secs(5)).await; // A slow peer: it has not read that yet.
    tokio::task::yield_now().await;
    peer.send(open_frame(2)).await;
    assert_eq!(peer.receives_end(2).await.code(), Code::Unavailable);
    peer.send(Frame::End { call: 1, status: Status::ok() }).await;
    assert_eq!(peer.receives_end(1).await, Status::ok());
    assert_eq!(outcome.await.unwrap(), Ok(()));
}
