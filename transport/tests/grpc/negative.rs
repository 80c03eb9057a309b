//! The negative cases of gRPC's interoperability suite, with a server that misbehaves as
//! `doc/negative-http2-interop-test-descriptions.md` says and as the programs in `test/http2_test` do.

use std::sync::Arc;

use bytes::Bytes;
use http2::ErrorCode;
use http2::frame::Setting;
use transport::{Call, Code, Connection, Limits, Received, Status, open};

use crate::peer::{Came, OK, Peer, RESPONSE, all, head, message, unary};

const REQUEST_SIZE: usize = 271_828;
const RESPONSE_SIZE: usize = 314_159;

/// A server that lets come whatever is sent, and a connection to it.
async fn connect() -> (Arc<dyn Connection>, Peer) {
    let (connection, mut peer) = Peer::server().await;
    peer.open_windows().await;
    peer.expect_window(Limits::default().window);
    (connection, peer)
}

async fn large_call(connection: &Arc<dyn Connection>) -> Call {
    open(connection, head(), Some(vec![0; REQUEST_SIZE].into()), true).await.unwrap()
}

/// Takes the next request, which is a large one.
async fn take_request(peer: &mut Peer) -> u32 {
    let (stream, _, body) = peer.whole_request().await;
    assert_eq!(body, message(&[0; REQUEST_SIZE]));
    stream
}

/// The message of an answer, read by another task while its server writes.
async fn response(mut call: Call) -> Result<Bytes, Status> {
    call.receive.single_message().await
}

fn response_data() -> Vec<u8> {
    message(&vec![0; RESPONSE_SIZE])
}

async fn assert_fails(mut call: Call) {
    let Some(Received::End(status)) = all(&mut call).await.pop() else { panic!("an end") };
    assert_eq!(status.code(), Code::Internal, "NO_ERROR without a status");
}

#[tokio::test(start_paused = true)]
async fn goaway() {
    let (connection, mut peer) = connect().await;
    let call = tokio::spawn(response(large_call(&connection).await));
    let stream = take_request(&mut peer).await;
    peer.headers(stream, &RESPONSE, false).await;
    peer.within_windows(stream, &response_data(), 16_384, None).await;
    peer.headers(stream, &OK, true).await;
    peer.go_away(stream, ErrorCode::NO_ERROR).await;
    assert_eq!(call.await.unwrap().unwrap().len(), RESPONSE_SIZE);
    while peer.next().await != Came::Closed {}
    // The next call is one for another connection: this one says so.
    assert!(connection.is_closed());
    let error = open(&connection, head(), None, true).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn rst_after_header() {
    let (connection, mut peer) = connect().await;
    let call = large_call(&connection).await;
    let (stream, ..) = peer.request_head().await;
    peer.headers(stream, &RESPONSE, false).await;
    peer.reset(stream, ErrorCode::NO_ERROR).await;
    assert_fails(call).await;
}

#[tokio::test(start_paused = true)]
async fn rst_during_data() {
    let (connection, mut peer) = connect().await;
    let call = large_call(&connection).await;
    let stream = take_request(&mut peer).await;
    peer.headers(stream, &RESPONSE, false).await;
    let call = tokio::spawn(assert_fails(call));
    peer.within_windows(stream, &response_data()[..RESPONSE_SIZE / 2], 16_384, None).await;
    peer.reset(stream, ErrorCode::NO_ERROR).await;
    call.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn rst_after_data() {
    let (connection, mut peer) = connect().await;
    let mut call = large_call(&connection).await;
    let stream = take_request(&mut peer).await;
    let received = tokio::spawn(async move { all(&mut call).await });
    peer.headers(stream, &RESPONSE, false).await;
    peer.within_windows(stream, &response_data(), 16_384, None).await;
    peer.reset(stream, ErrorCode::NO_ERROR).await;
    let received = received.await.unwrap();
    // The data can be read although there is no status behind it.
    assert!(matches!(&received[1], Received::Message(message) if message.len() == RESPONSE_SIZE));
    assert!(matches!(&received[2], Received::End(status) if status.code() == Code::Internal));
}

/// Ends an answer and the connection; each of these PINGs was answered, and nothing else was said.
async fn assert_acknowledged(mut peer: Peer, connection: Arc<dyn Connection>, pings: u8) {
    drop(connection);
    for number in 1..=pings {
        assert_eq!(peer.next().await, Came::PingAck([number; 8]));
    }
    assert!(matches!(peer.next().await, Came::GoAway { code: ErrorCode::NO_ERROR, .. }));
    assert_eq!(peer.next().await, Came::Closed);
}

#[tokio::test(start_paused = true)]
async fn ping() {
    let (connection, mut peer) = Peer::server().await;
    let call = tokio::spawn(response(large_call(&connection).await));
    let (stream, ..) = peer.request_head().await;
    peer.ping([1; 8]).await;
    peer.headers(stream, &RESPONSE, false).await;
    peer.ping([2; 8]).await;
    // A request this long cannot end before it is given credit.
    let mut acknowledged = 0;
    let mut size = 0;
    while acknowledged < 2 {
        match peer.next().await {
            Came::PingAck(_) => acknowledged += 1,
            Came::Data { data, .. } => size += data.len(),
            came => panic!("{came:?}"),
        }
    }
    peer.open_windows().await;
    while size < 5 + REQUEST_SIZE {
        let Came::Data { data, .. } = peer.next().await else { panic!("more of the request") };
        size += data.len();
    }
    peer.ping([1; 8]).await;
    peer.data(stream, message(&[0; 1024]), false).await;
    peer.ping([2; 8]).await;
    peer.headers(stream, &OK, true).await;
    assert_eq!(call.await.unwrap().unwrap().len(), 1024);
    assert_acknowledged(peer, connection, 2).await;
}

#[tokio::test(start_paused = true)]
async fn ping_when_the_request_is_over() {
    let (connection, mut peer) = connect().await;
    let call = tokio::spawn(response(large_call(&connection).await));
    let stream = take_request(&mut peer).await;
    peer.ping([1; 8]).await;
    peer.headers(stream, &RESPONSE, false).await;
    peer.ping([2; 8]).await;
    peer.ping([3; 8]).await;
    peer.data(stream, message(&[0; 1024]), false).await;
    peer.ping([4; 8]).await;
    peer.headers(stream, &OK, true).await;
    assert_eq!(call.await.unwrap().unwrap().len(), 1024);
    assert_acknowledged(peer, connection, 4).await;
}

/// Ten callers at once, at a server that allows one stream.
async fn ten_calls(connection: Arc<dyn Connection>, mut peer: Peer) {
    let callers: Vec<_> = (0..10_u8)
        .map(|number| {
            let connection = connection.clone();
            tokio::spawn(async move {
                let mut call = open(&connection, head(), Some(vec![number].into()), true).await?;
                call.receive.single_message().await
            })
        })
        .collect();
    for _ in 0..10 {
        let (stream, _, body) = peer.whole_request().await;
        // Whatever is still to come must wait: a second stream would come in front of this answer.
        peer.ping(*b"a second").await;
        assert_eq!(peer.next().await, Came::PingAck(*b"a second"), "one stream at a time");
        peer.answer_with(stream, &body[5..]).await;
    }
    for (number, caller) in callers.into_iter().enumerate() {
        assert_eq!(caller.await.unwrap().unwrap(), [number as u8][..]);
    }
}

#[tokio::test(start_paused = true)]
async fn max_streams() {
    let settings = [Setting::MaxConcurrentStreams(1)];
    let (connection, peer) = Peer::server_of_limited(Limits::default(), &settings).await;
    ten_calls(connection, peer).await;
}

#[tokio::test(start_paused = true)]
async fn max_streams_set_after_the_connection_was_made() {
    let (connection, mut peer) = Peer::server().await;
    let mut call = unary(&connection).await;
    let (stream, ..) = peer.whole_request().await;
    peer.settings(&[Setting::MaxConcurrentStreams(1)]).await;
    peer.answer_with(stream, b"").await;
    call.receive.single_message().await.unwrap();
    ten_calls(connection, peer).await;
}

#[tokio::test(start_paused = true)]
async fn data_frame_padding() {
    let (connection, mut peer) = connect().await;
    let call = tokio::spawn(response(large_call(&connection).await));
    let stream = take_request(&mut peer).await;
    peer.headers(stream, &RESPONSE, false).await;
    peer.within_windows(stream, &response_data(), 5, Some(255)).await;
    peer.headers(stream, &OK, true).await;
    assert_eq!(call.await.unwrap().unwrap(), vec![0; RESPONSE_SIZE]);
}

#[tokio::test(start_paused = true)]
async fn no_df_padding_sanity_test() {
    let (connection, mut peer) = connect().await;
    let call = tokio::spawn(response(large_call(&connection).await));
    let stream = take_request(&mut peer).await;
    peer.headers(stream, &RESPONSE, false).await;
    peer.within_windows(stream, &response_data(), 5, None).await;
    peer.headers(stream, &OK, true).await;
    assert_eq!(call.await.unwrap().unwrap(), vec![0; RESPONSE_SIZE]);
}
