//! What a call costs on the wire, between our own client and our own server, frame by frame.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http2::frame::{Head, Kind};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};
use transport::{Connection, IncomingCall, Limits, Path, RequestHead, grpc, open};

use crate::peer::AUTHORITY;
use crate::support::service;

/// A frame that went by: who sent it, its type, whether it ends its stream, and how many bytes it has.
type Passed = (&'static str, Kind, bool, usize);

type Log = Arc<Mutex<Vec<Passed>>>;

/// Hands on what comes, frame by frame, and notes it first. `skipped` bytes in front are no frame.
async fn hand_on(
    name: &'static str,
    skipped: usize,
    mut from: ReadHalf<DuplexStream>,
    mut to: WriteHalf<DuplexStream>,
    log: Log,
) -> std::io::Result<()> {
    let mut preface = vec![0; skipped];
    from.read_exact(&mut preface).await?;
    to.write_all(&preface).await?;
    loop {
        let mut first = [0; Head::SIZE];
        from.read_exact(&mut first).await?;
        let head = Head::decode(first);
        let mut payload = vec![0; head.length as usize];
        from.read_exact(&mut payload).await?;
        let is_end = matches!(head.kind, Kind::DATA | Kind::HEADERS) && head.has(Head::END_STREAM);
        log.lock().unwrap().push((name, head.kind, is_end, Head::SIZE + payload.len()));
        to.write_all(&[&first[..], &payload].concat()).await?;
    }
}

/// A connection to a server that answers each unary call with `answer`, and what goes over it.
async fn tapped(answer: Bytes) -> (Arc<dyn Connection>, Log) {
    let (near, client) = duplex(64 << 10);
    let (server, far) = duplex(64 << 10);
    let log = Log::default();
    let (from_client, to_client) = split(client);
    let (from_server, to_server) = split(server);
    let preface = http2::connection::PREFACE.len();
    tokio::spawn(hand_on("client", preface, from_client, to_server, log.clone()));
    tokio::spawn(hand_on("server", 0, from_server, to_client, log.clone()));
    let service = service(move |mut call: IncomingCall| {
        let answer = answer.clone();
        async move {
            call.receive.single_message().await.unwrap();
            call.send.send_last(answer).await.unwrap();
        }
    });
    tokio::spawn(
        async move { grpc::serve_over(far, &Limits::default(), service, std::future::pending()).await },
    );
    (grpc::connect_over(near, &Limits::default(), AUTHORITY).await.unwrap(), log)
}

async fn call(connection: &Arc<dyn Connection>, request: Bytes) -> Bytes {
    let head = RequestHead::new(Path::from_static("/helloworld.Greeter/SayHello"), "proto");
    let mut call = open(connection, head, Some(request), true).await.unwrap();
    call.receive.single_message().await.unwrap()
}

/// What the frames of a call cost, when another one like it went before.
async fn cost(request: usize, answer: usize) -> Vec<Passed> {
    let (connection, log) = tapped(vec![2; answer].into()).await;
    let request = Bytes::from(vec![1; request]);
    call(&connection, request.clone()).await;
    // What belongs to the beginning of the connection has passed, too.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    log.lock().unwrap().clear();
    assert_eq!(call(&connection, request).await.len(), answer);
    std::mem::take(&mut log.lock().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_warm_unary_call_is_five_frames_of_64_bytes_and_its_messages() {
    for (n, m) in [(7, 13), (0, 0), (1, 100), (100, 1), (2000, 3000)] {
        let frames = cost(n, m).await;
        let expected = [
            ("client", Kind::HEADERS, false, 9 + 6),
            ("client", Kind::DATA, true, 9 + 5 + n),
            ("server", Kind::HEADERS, false, 9 + 2),
            ("server", Kind::DATA, false, 9 + 5 + m),
            ("server", Kind::HEADERS, true, 9 + 1),
        ];
        assert_eq!(frames, expected, "{n} and {m} bytes");
        assert_eq!(frames.iter().map(|frame| frame.3).sum::<usize>(), 64 + n + m);
    }
}

#[tokio::test(start_paused = true)]
async fn every_further_call_costs_the_same() {
    let (connection, log) = tapped(vec![2; 13].into()).await;
    for _ in 0..3 {
        call(&connection, vec![1; 7].into()).await;
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    log.lock().unwrap().clear();
    for _ in 0..1000 {
        call(&connection, vec![1; 7].into()).await;
    }
    let of_calls = |frame: &&Passed| matches!(frame.1, Kind::HEADERS | Kind::DATA);
    let log = log.lock().unwrap();
    let bytes: usize = log.iter().filter(of_calls).map(|frame| frame.3).sum();
    assert_eq!(bytes, 1000 * (64 + 7 + 13));
    // Credit is given seldom.
    let others: usize = log.iter().filter(|frame| !of_calls(frame)).map(|frame| frame.3).sum();
    assert!(others < 1000, "{others} bytes for 1,000 calls");
}
