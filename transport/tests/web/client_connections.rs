//! The connections of a client: a call has one of its own as long as it goes on.

use transport::{Address, Code, Limits, Received, Status, open, web};

use crate::ends::{message, trailers};
use crate::hand_made::{Server, answer, calling, end_of, head, request_of};
use crate::server_calls::settle;

fn ok() -> Vec<u8> {
    answer("", [message("hello"), trailers("grpc-status: 0\r\n")].concat())
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let (_server, connection, mut peer) = Server::connected().await;
    for text in ["one", "two", "three"] {
        let call = calling(&connection, text);
        assert_eq!(request_of(&mut peer).await.1, message(text));
        peer.write(ok()).await;
        assert_eq!(end_of(call.await.unwrap()), Status::ok());
    }
}

#[tokio::test]
async fn a_connection_is_used_again_after_an_error() {
    let (_server, connection, mut peer) = Server::connected().await;
    for answer in [answer("grpc-status: 5\r\n", ""), answer("", trailers("grpc-status: 5\r\n"))] {
        let call = calling(&connection, "hello");
        request_of(&mut peer).await;
        peer.write(answer).await;
        assert_eq!(end_of(call.await.unwrap()).code(), Code::NotFound);
    }
    let call = calling(&connection, "hello");
    request_of(&mut peer).await;
    peer.write(ok()).await;
    assert_eq!(end_of(call.await.unwrap()), Status::ok());
}

#[tokio::test]
async fn a_connection_on_which_more_comes_than_the_answer_is_not_used_again() {
    let end = trailers("grpc-status: 0\r\n");
    for behind in [b"x".to_vec(), message("one more"), trailers("grpc-status: 0\r\n")] {
        let (server, connection, mut peer) = Server::connected().await;
        let call = calling(&connection, "one");
        request_of(&mut peer).await;
        peer.write(answer("", [message("hello"), end.clone(), behind].concat())).await;
        let received = call.await.unwrap();
        assert_eq!(received[1..], [Received::Message("hello".into()), Received::End(Status::ok())]);
        assert_eq!(peer.rest().await, "");
        let call = calling(&connection, "two");
        let mut second = server.accept().await;
        assert_eq!(request_of(&mut second).await.1, message("two"));
        second.write(ok()).await;
        assert_eq!(end_of(call.await.unwrap()), Status::ok());
    }
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_is_replaced_and_no_call_is_lost() {
    let (server, connection, peer) = Server::connected().await;
    drop(peer);
    for _ in 0..3 {
        // A client that has not heard of it yet would send its call in vain.
        settle().await;
        let call = calling(&connection, "hello");
        let mut peer = server.accept().await;
        assert_eq!(request_of(&mut peer).await.1, message("hello"));
        peer.write(ok()).await;
        assert_eq!(end_of(call.await.unwrap()), Status::ok());
    }
}

#[tokio::test]
async fn a_server_that_closes_with_its_answer_is_asked_on_another_connection() {
    let (server, connection, mut peer) = Server::connected().await;
    for _ in 0..3 {
        let call = calling(&connection, "hello");
        request_of(&mut peer).await;
        peer.write(answer("connection: close\r\n", trailers("grpc-status: 0\r\n"))).await;
        assert_eq!(end_of(call.await.unwrap()), Status::ok());
        assert_eq!(peer.rest().await, "");
        let next = calling(&connection, "next");
        peer = server.accept().await;
        assert_eq!(request_of(&mut peer).await.1, message("next"));
        peer.write(ok()).await;
        assert_eq!(end_of(next.await.unwrap()), Status::ok());
    }
}

#[tokio::test]
async fn a_request_that_was_sent_is_not_sent_again() {
    let (server, connection, mut peer) = Server::connected().await;
    for text in ["one", "two", "three"] {
        let call = calling(&connection, text);
        assert_eq!(request_of(&mut peer).await.1, message(text));
        drop(peer);
        let status = end_of(call.await.unwrap());
        assert_eq!(status.code(), Code::Unavailable);
        assert!(!status.was_not_processed(), "who knows");
        let call = calling(&connection, "next");
        peer = server.accept().await;
        assert_eq!(request_of(&mut peer).await.1, message("next"));
        peer.write(ok()).await;
        assert_eq!(end_of(call.await.unwrap()), Status::ok());
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_closes_its_connection() {
    let (server, connection, mut peer) = Server::connected().await;
    let call = calling(&connection, "hello");
    request_of(&mut peer).await;
    call.abort();
    assert_eq!(peer.rest().await, "", "before an answer");
    let mut call = open(&connection, head(), Some("hello".into()), true).await.unwrap();
    let serving = tokio::spawn(async move {
        let mut peer = server.accept().await;
        request_of(&mut peer).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/grpc-web\r\n\r\n";
        peer.write([head.as_bytes(), &message("one")].concat()).await;
        peer
    });
    assert!(matches!(call.receive.receive().await, Received::Head(_)));
    let mut peer = serving.await.unwrap();
    drop(call);
    assert_eq!(peer.rest().await, "", "inside an answer");
}

#[tokio::test]
async fn calls_at_the_same_time_have_a_connection_each() {
    let (server, connection, first) = Server::connected().await;
    let calls = ["one", "two", "three"].map(|text| calling(&connection, text));
    let mut peers = [first, server.accept().await, server.accept().await];
    let mut came = Vec::new();
    for peer in &mut peers {
        came.push(request_of(peer).await.1);
    }
    came.sort();
    assert_eq!(came, [message("one"), message("two"), message("three")]);
    for peer in &mut peers {
        peer.write(ok()).await;
    }
    for call in calls {
        assert_eq!(end_of(call.await.unwrap()), Status::ok());
    }
}

#[tokio::test]
async fn no_more_calls_go_on_than_the_limit_allows() {
    let limits = Limits { calls: 1, ..Limits::default() };
    let (_server, connection, mut peer) = Server::connected_limited(limits).await;
    let one = calling(&connection, "one");
    assert_eq!(request_of(&mut peer).await.1, message("one"));
    let two = calling(&connection, "two");
    settle().await;
    peer.write(ok()).await;
    assert_eq!(end_of(one.await.unwrap()), Status::ok());
    assert_eq!(request_of(&mut peer).await.1, message("two"), "on the connection of the first");
    peer.write(ok()).await;
    assert_eq!(end_of(two.await.unwrap()), Status::ok());
}

#[tokio::test]
async fn where_nobody_listens_a_connection_is_unavailable() {
    let port = Server::start().await.port;
    let status = web::connect("127.0.0.1", port, &Limits::default()).await.err().unwrap();
    let expected = format!("nothing is listening on 127.0.0.1:{port}");
    assert_eq!(status, Status::new(Code::Unavailable, expected));
}

#[tokio::test]
async fn a_server_that_listens_no_more_is_unavailable_and_the_call_was_not_processed() {
    let (server, connection, peer) = Server::connected().await;
    drop((server, peer));
    settle().await;
    let status = end_of(calling(&connection, "hello").await.unwrap());
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().starts_with("nothing is listening"), "{status}");
    assert!(status.was_not_processed());
}

#[tokio::test]
async fn nobody_listens_at_an_address_for_clients() {
    for text in ["web+http://127.0.0.1:0", "web+https://127.0.0.1:0"] {
        let address: Address = text.parse().unwrap();
        let status = address.listen(&Limits::default()).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().starts_with(&format!("{text} is for clients")), "{status}");
    }
}
