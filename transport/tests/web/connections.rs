//! What is spoken on a connection, one request behind another, and how it ends.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;
use transport::web::Web;
use transport::{Code, Limits, Service, Status, grpc};

use crate::ends::{
    Begun, Client, VERSIONS, Version, answering, call, message, request, serve, serve_with, trailers,
    uncalled,
};
use crate::http1::{Peer, bytes_of};
use crate::support::{echo, service, unary};

fn http2(client: Client) -> SendRequest<Bytes> {
    match client {
        Client::Http2(sender) => sender,
        Client::Http1(_) => panic!("this is HTTP/1.1"),
    }
}

/// Writes a byte at a time.
struct ByteByByte(DuplexStream);

impl AsyncRead for ByteByByte {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for ByteByByte {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, &buf[..buf.len().min(1)])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn which_version_is_spoken_is_seen_however_the_first_bytes_are_cut() {
    for version in VERSIONS {
        let mut client = version.connect(ByteByByte(serve(service(echo), Web::new()).0)).await;
        let answer = client.ask(call(message("hello"))).await;
        assert_eq!(answer.body, [message("hello"), trailers("grpc-status: 0\r\n")].concat());
    }
}

#[tokio::test(start_paused = true)]
async fn a_method_that_begins_as_the_preface_of_http2_is_http_1_1() {
    for method in ["P", "PR", "PRI", "PRIX", "PROPFIND", "PUT"] {
        let (io, _server) = serve(uncalled(), Web::new());
        let mut peer = Peer::new(io);
        peer.write(format!("{method} / HTTP/1.1\r\nhost: a\r\n\r\n")).await;
        assert!(peer.head().await.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"), "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn requests_stand_one_behind_another_on_a_connection() {
    for version in VERSIONS {
        let mut client = version.client(service(echo), Web::new()).await;
        for text in ["one", "two", "three"] {
            let answer = client.ask(call(message(text))).await;
            assert_eq!(answer.body, [message(text), trailers("grpc-status: 0\r\n")].concat());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn requests_that_do_not_wait_are_answered_in_order() {
    let (io, _server) = serve(service(echo), Web::new());
    let mut peer = Peer::new(io);
    let requests = ["one", "two", "three"].map(|text| bytes_of(&call(message(text))));
    peer.write(requests.concat()).await;
    for text in ["one", "two", "three"] {
        let answer = Begun::read(&mut peer, false).await.whole().await;
        assert_eq!(answer.body, [message(text), trailers("grpc-status: 0\r\n")].concat());
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_wants_no_further_answer_gets_none() {
    let (io, server) = serve(service(echo), Web::new());
    let mut peer = Peer::new(io);
    let mut last = call(message("hello"));
    last.headers_mut().insert("connection", "close".parse().unwrap());
    peer.request(&last).await;
    assert_eq!(Begun::read(&mut peer, false).await.whole().await.status, 200);
    assert_eq!(peer.rest().await, "");
    assert_eq!(server.outcome.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn grpc_goes_on_beside_it_on_one_connection() {
    let mut sender = http2(Version::Http2.client(service(echo), Web::new()).await);
    let (web, mut web_body) = sender.send_request(call("").map(|_| ()), false).unwrap();
    let headers = [("content-type", "application/grpc"), ("te", "trailers")];
    let plain = request("POST", "/kv.Kv/Get", &headers, "").map(|_| ());
    let (grpc, mut body) = sender.send_request(plain, false).unwrap();
    body.send_data(message("hello").into(), true).unwrap();
    let (parts, mut answer) = grpc.await.unwrap().into_parts();
    assert_eq!(parts.headers.len(), 1, "no date, no content-length: {:?}", parts.headers);
    assert_eq!(parts.headers["content-type"], "application/grpc");
    assert_eq!(answer.data().await.unwrap().unwrap(), message("hello"));
    assert_eq!(answer.trailers().await.unwrap().unwrap()["grpc-status"], "0");
    web_body.send_data(message("web").into(), true).unwrap();
    let answer = Begun::of(web.await.unwrap()).whole().await;
    assert_eq!(answer.body, [message("web"), trailers("grpc-status: 0\r\n")].concat());
}

#[tokio::test(start_paused = true)]
async fn a_client_of_grpc_notices_nothing() {
    let (io, server) = serve(service(echo), Web::new());
    let connection = grpc::connect_over(io, &Limits::default(), "kv.example").await.unwrap();
    assert_eq!(unary(&connection, "hello").await, Ok("hello".into()));
    drop(connection);
    assert_eq!(server.outcome.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_speaks_tls_here_is_told_apart() {
    let (io, server) = serve(uncalled(), Web::new());
    let mut peer = Peer::new(io);
    peer.write(b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03").await;
    let expected = Status::new(Code::Unavailable, "the client speaks TLS, and this is not https://");
    assert_eq!(server.outcome.await.unwrap(), Err(expected));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_http_at_all_ends_the_connection() {
    for nonsense in
        [&b"\0\0\0\0"[..], b"RPC\x01\0\0\0\0\0\0\0\0", b"hello, is anybody there?\r\n\r\n", b"\xff"]
    {
        let (io, server) = serve(uncalled(), Web::new());
        let mut peer = Peer::new(io);
        peer.write(nonsense).await;
        peer.rest().await;
        let error = server.outcome.await.unwrap().unwrap_err();
        assert!(error.message().starts_with("HTTP/"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_too_large_is_431() {
    for fields in ["a: 1\r\n".repeat(200), format!("a: {}\r\n", "x".repeat(1 << 20))] {
        let (io, _server) = serve(uncalled(), Web::new());
        let (reader, mut writer) = tokio::io::split(io);
        let writing = tokio::spawn(async move {
            let head = format!("GET / HTTP/1.1\r\nhost: a\r\n{fields}\r\n");
            let _ = tokio::io::AsyncWriteExt::write_all(&mut writer, head.as_bytes()).await;
        });
        let mut peer = Peer::new(tokio::io::join(reader, tokio::io::sink()));
        assert!(peer.head().await.starts_with("HTTP/1.1 431 "));
        writing.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_ends_with_the_limit() {
    let (_io, server) = serve(uncalled(), Web::new());
    let started = Instant::now();
    let error = server.outcome.await.unwrap().unwrap_err();
    assert_eq!(error, Status::new(Code::Unavailable, "the peer has said nothing for 10s"));
    assert_eq!(started.elapsed(), Limits::default().handshake);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_half_a_head_ends_with_the_limit() {
    for half in ["P", "POST /kv.Kv/Get HTTP/1.1\r\nhost: a\r\n", "PRI * HTTP/2.0\r\n\r\nS"] {
        let (io, server) = serve(uncalled(), Web::new());
        let mut peer = Peer::new(io);
        peer.write(half).await;
        peer.rest().await;
        let _ = server.outcome.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_nobody_uses_ends_with_the_limit_and_in_good_order() {
    let (io, server) = serve(service(echo), Web::new());
    let mut client = Version::Http1.connect(io).await;
    client.ask(call(message(""))).await;
    let started = Instant::now();
    assert_eq!(client.http1().rest().await, "");
    assert_eq!(started.elapsed(), 2 * Limits::default().keepalive);
    assert_eq!(server.outcome.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn without_limits_of_time_a_connection_of_http_1_1_stays() {
    let limits = Limits { keepalive: Duration::ZERO, write: Duration::MAX, ..Limits::default() };
    let mut client = Version::Http1.client_limited(service(echo), Web::new(), limits).await;
    for _ in 0..2 {
        let large = vec![b'x'; 200_000];
        let answer = client.ask(call(message(&large))).await;
        assert!(answer.body == [message(&large), trailers("grpc-status: 0\r\n")].concat());
        tokio::time::advance(Duration::from_secs(24 * 60 * 60)).await;
    }
}

/// A service whose calls are answered when that is told.
fn waiting() -> (Arc<Notify>, Arc<dyn Service>) {
    let told = Arc::new(Notify::new());
    let tell = told.clone();
    let service = answering(move |mut send| {
        let told = told.clone();
        async move {
            send.send("first".into()).await.unwrap();
            told.notified().await;
            send.send_last("last".into()).await.unwrap();
        }
    });
    (tell, service)
}

#[tokio::test(start_paused = true)]
async fn a_server_that_drains_lets_an_open_call_end_and_then_the_connection() {
    for version in VERSIONS {
        let (tell, service) = waiting();
        let (io, server) = serve(service, Web::new());
        let mut client = version.connect(io).await;
        let mut answer = client.begin(call(message(""))).await;
        assert_eq!(answer.piece().await.unwrap(), message("first"));
        server.drain.send(()).unwrap();
        crate::server_calls::settle().await;
        tell.notify_one();
        assert_eq!(
            answer.whole().await.body,
            [message("last"), trailers("grpc-status: 0\r\n")].concat(),
            "{version:?}"
        );
        match client {
            Client::Http1(mut peer) => assert_eq!(peer.rest().await, ""),
            Client::Http2(sender) => assert!(sender.ready().await.is_err()),
        }
        assert_eq!(server.outcome.await.unwrap(), Ok(()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_drains_closes_a_connection_that_nobody_uses_at_once() {
    for version in VERSIONS {
        let (io, server) = serve(service(echo), Web::new());
        let mut client = version.connect(io).await;
        client.ask(call(message(""))).await;
        server.drain.send(()).unwrap();
        let started = Instant::now();
        if let Client::Http1(peer) = &mut client {
            assert_eq!(peer.rest().await, "");
        }
        let _ = server.outcome.await.unwrap();
        assert!(started.elapsed() <= Duration::from_secs(1), "{version:?} {:?}", started.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_drains_waits_a_moment_for_who_has_said_nothing() {
    let (_io, server) = serve(uncalled(), Web::new());
    server.drain.send(()).unwrap();
    let started = Instant::now();
    assert_eq!(server.outcome.await.unwrap(), Ok(()));
    assert_eq!(started.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_calls_holds_over_http2_too() {
    let limits = Limits { calls: 2, ..Limits::default() };
    let (tell, service) = waiting();
    let (io, _server) = serve_with(service, Web::new(), limits);
    let mut sender = http2(Version::Http2.connect(io).await);
    let mut answers = Vec::new();
    for _ in 0..3 {
        sender = sender.ready().await.unwrap();
        let (answer, mut body) = sender.send_request(call("").map(|_| ()), false).unwrap();
        body.send_data(message("").into(), true).unwrap();
        answers.push(tokio::spawn(async move { Begun::of(answer.await.unwrap()).whole().await }));
        crate::server_calls::settle().await;
        if answers.len() == 2 {
            tell.notify_waiters();
        }
    }
    tell.notify_one();
    for answer in answers {
        assert_eq!(answer.await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn a_client_that_still_sends_reads_why_it_was_refused() {
    let address: transport::Address = "http://127.0.0.1:0".parse().unwrap();
    let listener = address.listen(&Limits { message: 1000, ..Limits::default() }).await.unwrap();
    let mut listener = listener.web(Web::new());
    let address = listener.address().unwrap().to_string();
    tokio::spawn(
        async move { listener.accept().await.unwrap().serve(uncalled(), std::future::pending()).await },
    );
    let stream = tokio::net::TcpStream::connect(address.strip_prefix("http://").unwrap()).await.unwrap();
    let mut peer = Peer::new(stream);
    peer.request(&call(message(vec![b'x'; 20_000_000]))).await;
    let answer = Begun::read(&mut peer, false).await.whole().await;
    assert_eq!(answer.status_alone().1, "8");
}
