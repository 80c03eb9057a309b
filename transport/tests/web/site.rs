//! Whatever is no call reaches the site as HTTP has it, and so does its answer a client.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use tokio::sync::Notify;
use tokio::time::timeout;
use transport::Limits;
use transport::web::{Body, Web};

use crate::ends::{
    Answer, Begun, Client, VERSIONS, Version, call, full, message, request, serve, site, trailers, uncalled,
};
use crate::http1::bytes_of;
use crate::server_calls::settle;
use crate::support::{echo, service};

async fn ask(version: Version, web: &Web, request: Request<Bytes>) -> Answer {
    version.ask(uncalled(), web.clone(), request).await
}

/// Answers every request with its own body, as it comes.
fn mirror() -> Web {
    site(|request: Request<Body>| async { Response::new(request.into_body()) })
}

/// A body of these frames.
struct Frames<I>(I);

impl<I: Iterator<Item = Frame<Bytes>> + Unpin> http_body::Body for Frames<I> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.next().map(Ok))
    }
}

fn frames(frames: impl IntoIterator<Item = Frame<Bytes>, IntoIter: Unpin + Send + 'static>) -> Body {
    Frames(frames.into_iter()).map_err(|never| match never {}).boxed_unsync()
}

#[tokio::test(start_paused = true)]
async fn every_method_and_path_reaches_the_site() {
    let web = site(|request: Request<Body>| async move {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let path = parts.uri.path_and_query().unwrap();
        let mut said = format!("{} {path} {:?} {body:?}", parts.method, parts.headers["x"]);
        said.extend(parts.headers.get("content-type").map(|it| format!(" {it:?}")));
        Response::new(full(said))
    });
    for version in VERSIONS {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
            for path in ["/", "/a/b?c=d&e=%20f", "/kv.Kv/Get"] {
                let body = if method == "GET" { "" } else { "the body" };
                let answer = ask(version, &web, request(method, path, &[("x", "1")], body)).await;
                assert_eq!(answer.body, format!("{method} {path} \"1\" b\"{body}\""), "{version:?}");
            }
        }
        let headers = [("x", "1"), ("content-type", "application/json")];
        let answer = ask(version, &web, request("POST", "/kv.Kv/Get", &headers, "{}")).await;
        assert_eq!(answer.body, "POST /kv.Kv/Get \"1\" b\"{}\" \"application/json\"");
    }
}

#[tokio::test(start_paused = true)]
async fn the_site_knows_for_whom_a_request_is() {
    let web = site(|request: Request<Body>| async move {
        let named = request.headers().get("host").map(|host| host.to_str().unwrap().to_owned());
        let host = request.uri().host().map(|_| request.uri().authority().unwrap().to_string());
        Response::new(full(host.or(named).unwrap()))
    });
    for version in VERSIONS {
        assert_eq!(ask(version, &web, request("GET", "/", &[], "")).await.body, "kv.example:8080");
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_about_the_server_as_a_whole_reaches_the_site() {
    let web =
        site(|request: Request<Body>| async move { Response::new(full(request.uri().path().to_owned())) });
    let mut peer = Version::Http1.client(uncalled(), web.clone()).await.http1();
    peer.write("OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(Begun::read(&mut peer, false).await.whole().await.body, "*");
    let mut request = request("OPTIONS", "/", &[], "");
    *request.uri_mut() = "*".parse().unwrap();
    assert_eq!(ask(Version::Http2, &web, request).await.body, "*");
}

#[tokio::test(start_paused = true)]
async fn crumbs_of_a_cookie_are_one_cookie() {
    let web = site(|request: Request<Body>| async move {
        let cookies: Vec<_> = request.headers().get_all("cookie").iter().cloned().collect();
        Response::new(full(format!("{cookies:?}")))
    });
    let crumbs = [("cookie", "a=1"), ("cookie", "b=2; c=3"), ("cookie", "d=4")];
    let answer = ask(Version::Http2, &web, request("GET", "/", &crumbs, "")).await;
    assert_eq!(answer.body, r#"["a=1; b=2; c=3; d=4"]"#, "RFC 9113 §8.2.3");
}

#[tokio::test(start_paused = true)]
async fn status_and_headers_of_an_answer_are_the_sites() {
    let web = site(|_| async {
        let response = Response::builder().status(418).header("x", "1").header("x", "2");
        response.header("set-cookie", "a=1").header("date", "then").body(full("short and stout")).unwrap()
    });
    for version in VERSIONS {
        let mut answer = match version.client(uncalled(), web.clone()).await {
            Client::Http1(mut peer) => {
                peer.request(&request("GET", "/", &[], "")).await;
                let head = peer.take(100).await;
                assert!(String::from_utf8_lossy(&head).contains("date: then\r\n"), "{head:?}");
                continue;
            }
            Client::Http2(mut sender) => {
                let request = request("GET", "/", &[], "").map(|_| ());
                sender.send_request(request, true).unwrap().0.await.unwrap()
            }
        };
        assert_eq!(answer.status().as_u16(), 418);
        let values = |name: &str| answer.headers().get_all(name).iter().cloned().collect::<Vec<_>>();
        assert_eq!(
            (values("x"), values("date")),
            (vec!["1".parse().unwrap(), "2".parse().unwrap()], values("date"))
        );
        assert_eq!(values("date"), ["then"]);
        assert_eq!(values("set-cookie"), ["a=1"]);
        assert_eq!(answer.body_mut().data().await.unwrap().unwrap(), "short and stout");
    }
}

#[tokio::test(start_paused = true)]
async fn headers_about_a_connection_stay_where_they_belong() {
    let web = site(|_| async {
        let response = Response::builder().header("connection", "x-hop").header("keep-alive", "timeout=5");
        let response = response.header("proxy-connection", "close").header("upgrade", "h3");
        let response =
            response.header("x-hop", "1").header("te", "gzip").header("x", HeaderValue::from_static(" 1 "));
        let trailers = HeaderMap::from_iter([
            ("connection".parse().unwrap(), HeaderValue::from_static("close")),
            ("x-after".parse().unwrap(), HeaderValue::from_static(" 2 ")),
        ]);
        let body = frames([Frame::data("here".into()), Frame::trailers(trailers)]);
        response.body(body).unwrap()
    });
    let answer = ask(Version::Http2, &web, request("GET", "/", &[], "")).await;
    assert_eq!(answer.body, "here");
    for name in ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te"] {
        assert_eq!(answer.headers.get(name), None, "{name}: RFC 9113 §8.2.2");
    }
    assert_eq!(answer.header("x"), Some("1"), "RFC 9113 §8.2.1");
    assert_eq!(answer.trailers, HeaderMap::from_iter([("x-after".parse().unwrap(), "2".parse().unwrap())]));
}

#[tokio::test(start_paused = true)]
async fn trailers_of_an_answer_arrive_over_http2() {
    let web = site(|_| async {
        let sum = HeaderMap::from_iter([("x-sum".parse().unwrap(), HeaderValue::from_static("7"))]);
        Response::new(frames([Frame::data("3".into()), Frame::data("4".into()), Frame::trailers(sum)]))
    });
    let answer = ask(Version::Http2, &web, request("GET", "/", &[], "")).await;
    assert_eq!((&*answer.body, &answer.trailers["x-sum"]), (&b"34"[..], &HeaderValue::from_static("7")));
    assert_eq!(ask(Version::Http1, &web, request("GET", "/", &[], "")).await.body, "34");
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_head_has_no_body_and_says_how_long_it_would_be() {
    let web =
        site(|_| async { Response::builder().header("content-length", "4").body(full("here")).unwrap() });
    for version in VERSIONS {
        let mut client = version.client(service(echo), web.clone()).await;
        let answer = client.ask(request("HEAD", "/", &[], "")).await;
        assert_eq!(
            (answer.status, &*answer.body, answer.header("content-length")),
            (200, &b""[..], Some("4"))
        );
        assert_eq!(client.ask(call(message("hello"))).await.status, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_can_have_no_body_has_none() {
    for status in [204, 304] {
        let web = site(move |_| async move {
            Response::builder().status(status).header("x", "1").body(full("nobody is to see this")).unwrap()
        });
        for version in VERSIONS {
            let mut client = version.client(service(echo), web.clone()).await;
            let answer = client.ask(request("GET", "/", &[], "")).await;
            assert_eq!((answer.status, &*answer.body, answer.header("x")), (status, &b""[..], Some("1")));
            let answer = client.ask(call(message("hello"))).await;
            assert_eq!(answer.body, [message("hello"), trailers("grpc-status: 0\r\n")].concat());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn bodies_go_both_ways_at_once() {
    for version in VERSIONS {
        match version.client(uncalled(), mirror()).await {
            Client::Http1(mut peer) => {
                peer.write("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n").await;
                let mut answer = Begun::read(&mut peer, false).await;
                assert_eq!(answer.status, 200);
                drop(answer.headers.remove("x"));
                for piece in ["one", "three"] {
                    peer.write(format!("{:x}\r\n{piece}\r\n", piece.len())).await;
                    let came = peer.piece(&mut crate::http1::Framing::Chunked).await;
                    assert_eq!(came.unwrap(), piece);
                }
                peer.write("0\r\n\r\n").await;
                assert_eq!(peer.piece(&mut crate::http1::Framing::Chunked).await, None);
            }
            Client::Http2(mut sender) => {
                let request = request("POST", "/", &[], "").map(|_| ());
                let (answer, mut body) = sender.send_request(request, false).unwrap();
                let mut answer = Begun::of(answer.await.unwrap());
                for piece in ["one", "three"] {
                    body.send_data(piece.into(), false).unwrap();
                    assert_eq!(answer.piece().await.unwrap(), piece);
                }
                body.send_data(Bytes::new(), true).unwrap();
                assert_eq!(answer.piece().await.unwrap_or_default(), "");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn large_bodies_arrive_whole() {
    let large = Bytes::from((0..3_000_000_u32).map(|at| (at / 7) as u8).collect::<Vec<_>>());
    let web = site(|request: Request<Body>| async {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        Response::new(full(body))
    });
    for version in VERSIONS {
        let answer = ask(version, &web, request("PUT", "/", &[], large.clone())).await;
        assert!(answer.body == large, "{} bytes over {version:?}", answer.body.len());
        assert_eq!(answer.header("content-length"), Some("3000000"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_stops_the_site() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    let web = site(move |_| {
        let count = count.clone();
        async move {
            Response::new(frames(std::iter::repeat_with(move || {
                count.fetch_add(10_000, Ordering::Relaxed);
                Frame::data(vec![b'x'; 10_000].into())
            })))
        }
    });
    for version in VERSIONS {
        sent.store(0, Ordering::Relaxed);
        let mut client = version.client(uncalled(), web.clone()).await;
        let mut answer = client.begin(request("GET", "/", &[], "")).await;
        settle().await;
        let waiting = sent.load(Ordering::Relaxed);
        assert!(waiting < 1_000_000, "{waiting} bytes wait over {version:?}");
        let mut read = 0;
        while read < 3 * waiting {
            read += answer.piece().await.unwrap().len();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_site_that_does_not_read_stops_the_client() {
    let web = site(|request: Request<Body>| async {
        let _unread = request.into_body();
        std::future::pending().await
    });
    let (near, _server) = serve(uncalled(), web.clone());
    let mut written = 0;
    let (_reader, mut writer) = tokio::io::split(near);
    let head = "PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000000\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut writer, head.as_bytes()).await.unwrap();
    let writing = async {
        loop {
            written += tokio::io::AsyncWriteExt::write(&mut writer, &[b'x'; 10_000]).await.unwrap();
        }
    };
    tokio::select! { () = writing => {}, () = settle() => {} }
    assert!(written < 1_000_000, "{written}");
    let Client::Http2(mut sender) = Version::Http2.client(uncalled(), web).await else { unreachable!() };
    let put = request("PUT", "/", &[], "").map(|_| ());
    let (_answer, mut body) = sender.send_request(put, false).unwrap();
    body.send_data(vec![b'x'; 10_000_000].into(), false).unwrap();
    body.reserve_capacity(1);
    settle().await;
    assert_eq!(body.capacity(), 0, "the window is used up");
}

#[tokio::test(start_paused = true)]
async fn bodies_that_nobody_reads_hold_nothing_up() {
    let web = site(|_| async { Response::new(full("enough")) });
    let limits = Limits { calls: 2, ..Limits::default() };
    let mut client = Version::Http2.client_limited(uncalled(), web, limits).await;
    for _ in 0..30 {
        let answer = client.ask(request("PUT", "/", &[], vec![b'x'; 40_000])).await;
        assert_eq!(answer.body, "enough");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_may_still_come_behind_an_answer_that_did_not_wait_for_it() {
    let web = site(|_| async { Response::new(full("enough")) });
    let Client::Http2(mut sender) = Version::Http2.client(uncalled(), web).await else { unreachable!() };
    let mut answered = async || {
        let put = request("PUT", "/", &[], "").map(|_| ());
        let (answer, body) = sender.send_request(put, false).unwrap();
        assert_eq!(Begun::of(answer.await.unwrap()).whole().await.body, "enough");
        body
    };
    let mut body = answered().await;
    body.send_data("late".into(), false).unwrap();
    settle().await;
    let is_reset = poll_fn(|cx| Poll::Ready(body.poll_reset(cx).is_ready())).await;
    assert!(!is_reset);
    body.send_data("".into(), true).unwrap();

    let mut endless = answered().await;
    let reset = timeout(Duration::from_secs(2), poll_fn(|cx| endless.poll_reset(cx))).await;
    assert_eq!(reset.unwrap().unwrap(), h2::Reason::NO_ERROR, "a client is not waited for for ever");
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_site_is_500_and_harms_nothing_else() {
    let web = site(|request: Request<Body>| {
        assert_ne!(request.uri().path(), "/at-once");
        async move {
            assert_ne!(request.uri().path(), "/later");
            Response::new(full("here"))
        }
    });
    for version in VERSIONS {
        let mut client = version.client(service(echo), web.clone()).await;
        for path in ["/at-once", "/later"] {
            let answer = client.ask(request("GET", path, &[], "")).await;
            assert_eq!(answer.status, 500, "{version:?}");
            assert!(!String::from_utf8_lossy(&answer.body).contains("left"), "its words stay here");
        }
        assert_eq!(client.ask(request("GET", "/", &[], "")).await.body, "here");
        assert_eq!(client.ask(call(message("hello"))).await.status, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_off_is_not_whole() {
    let web = site(|request: Request<Body>| async move {
        if request.uri().path() == "/here" {
            return Response::new(full("here"));
        }
        let mut left = 2;
        Response::new(frames(std::iter::from_fn(move || {
            left -= 1;
            assert_ne!(left, 0, "the disk is gone");
            Some(Frame::data("half".into()))
        })))
    });
    let Client::Http2(mut sender) = Version::Http2.client(uncalled(), web.clone()).await else {
        unreachable!()
    };
    let mut begin = async |path| {
        let request = request("GET", path, &[], "").map(|_| ());
        sender.send_request(request, true).unwrap().0.await.unwrap().into_body()
    };
    let mut broken = begin("/").await;
    let error = loop {
        match broken.data().await {
            Some(Ok(piece)) => assert_eq!(piece, "half"),
            other => break other.expect("no end").unwrap_err(),
        }
    };
    assert!(error.is_reset(), "{error}");
    assert_eq!(error.reason(), Some(h2::Reason::INTERNAL_ERROR));
    assert_eq!(begin("/here").await.data().await.unwrap().unwrap(), "here");
    let (io, server) = serve(uncalled(), web);
    let mut peer = crate::http1::Peer::new(io);
    peer.request(&request("GET", "/", &[], "")).await;
    let rest = peer.rest().await;
    assert!(!rest.ends_with(b"0\r\n\r\n"), "{rest:?}");
    assert!(server.outcome.await.is_err(), "the panic is whose task it is");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_reset_drops_the_site_at_work() {
    struct Dropped(Arc<Notify>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let (begun, dropped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (has_begun, is_dropped) = (begun.clone(), dropped.clone());
    let web = site(move |_| {
        let (begun, dropped) = (begun.clone(), Dropped(dropped.clone()));
        async move {
            let _dropped = dropped;
            begun.notify_one();
            std::future::pending().await
        }
    });
    for version in VERSIONS {
        match version.client(uncalled(), web.clone()).await {
            Client::Http1(mut peer) => {
                peer.write(bytes_of(&request("GET", "/", &[], ""))).await;
                has_begun.notified().await;
            }
            Client::Http2(mut sender) => {
                let request = request("GET", "/", &[], "").map(|_| ());
                let (_answer, mut body) = sender.send_request(request, true).unwrap();
                has_begun.notified().await;
                body.send_reset(h2::Reason::CANCEL);
                is_dropped.notified().await;
                continue;
            }
        }
        is_dropped.notified().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_cut_off_is_never_taken_for_whole() {
    let (come, mut came) = tokio::sync::mpsc::unbounded_channel();
    let web = site(move |request: Request<Body>| {
        let come = come.clone();
        async move {
            // A task of its own outlives the stream.
            tokio::spawn(async move {
                let mut body = request.into_body();
                let mut whole = Vec::new();
                let end = loop {
                    match body.frame().await {
                        Some(Ok(frame)) => whole.extend(frame.into_data().unwrap()),
                        end => break end.is_none() || http_body::Body::is_end_stream(&body),
                    }
                };
                come.send((whole, end)).unwrap();
            });
            std::future::pending().await
        }
    });
    for version in VERSIONS {
        match version.client(uncalled(), web.clone()).await {
            Client::Http1(mut peer) => {
                peer.write("PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf").await;
                settle().await;
            }
            Client::Http2(mut sender) => {
                let request = request("PUT", "/", &[], "").map(|_| ());
                let (_answer, mut body) = sender.send_request(request, false).unwrap();
                body.send_data("half".into(), false).unwrap();
                settle().await;
                body.send_reset(h2::Reason::CANCEL);
                settle().await;
            }
        }
        assert_eq!(came.recv().await.unwrap(), (b"half".to_vec(), false), "{version:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_to_become_a_tunnel_says_where_to() {
    let web = site(|request: Request<Body>| async move {
        Response::builder().status(405).body(full(format!("{} {}", request.method(), request.uri()))).unwrap()
    });
    let mut peer = Version::Http1.client(uncalled(), web.clone()).await.http1();
    peer.write("CONNECT b.example:1 HTTP/1.1\r\nhost: b.example:1\r\n\r\n").await;
    assert_eq!(Begun::read(&mut peer, false).await.whole().await.body, "CONNECT b.example:1");
    let Client::Http2(mut sender) = Version::Http2.client(uncalled(), web).await else { unreachable!() };
    let connect = Request::builder().method("CONNECT").uri("b.example:1").body(()).unwrap();
    let answer = sender.send_request(connect, false).unwrap().0.await.unwrap();
    assert_eq!(Begun::of(answer).whole().await.body, "CONNECT b.example:1");
}

#[tokio::test(start_paused = true)]
async fn a_site_that_reads_no_more_than_it_wants_has_what_it_wants() {
    let web = site(|request: Request<Body>| async {
        let mut body = request.into_body();
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        Response::new(full(first.slice(..4)))
    });
    for version in VERSIONS {
        let answer = ask(version, &web, request("PUT", "/", &[], vec![b'x'; 60_000])).await;
        assert_eq!((answer.status, &*answer.body), (200, &b"xxxx"[..]), "{version:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_over_http_1_1_that_does_not_come_fails_with_the_limit_of_silence() {
    let web = site(|request: Request<Body>| async {
        let error = request.into_body().collect().await.unwrap_err();
        Response::new(full(error.to_string()))
    });
    let mut peer = Version::Http1.client(uncalled(), web).await.http1();
    peer.write("PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf").await;
    assert_eq!(Begun::read(&mut peer, false).await.whole().await.body, "nothing for 40s");
}
