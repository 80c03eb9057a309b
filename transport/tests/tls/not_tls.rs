//! One end speaks TLS, and the other does not.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use transport::{Address, Limits};

use crate::certificates::Authority;
use crate::ends::{message, serve};
use crate::support::{Handler, echo};

/// A scheme with TLS, and the same without.
const PAIRS: [(&str, &str); 2] = [("https", "http"), ("tls+tcp", "tcp")];

/// The port of a server that hears its client, says `words`, and hangs up.
async fn hangs_up_after(words: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_buf(&mut Vec::with_capacity(1 << 14)).await.unwrap();
        stream.write_all(words).await.unwrap();
    });
    port
}

#[tokio::test]
async fn a_client_without_tls_is_told_by_a_port_with_tls() {
    for (tls, plain) in PAIRS {
        let server = serve(tls, &Authority::new("ours").server()).await;
        let address: Address = format!("{plain}://127.0.0.1:{}", server.port()).parse().unwrap();
        let client = message(address.connect(&Limits::default()).await);
        assert_eq!(client, format!("the server speaks TLS here: connect with {tls}://"));
        let expected = format!("the client does not speak TLS: this is {tls}://, and not {plain}://");
        assert_eq!(server.complaint().await, expected);
    }
}

#[tokio::test]
async fn a_client_that_goes_on_talking_without_tls_is_told_all_the_same() {
    let server = serve("https", &Authority::new("ours").server()).await;
    let mut client = server.connect_raw().await;
    client.write_all(&[b'P'; 1 << 18]).await.unwrap();
    client.shutdown().await.unwrap();
    let mut told = Vec::new();
    client.read_to_end(&mut told).await.unwrap();
    // A record of TLS that is an alert (RFC 8446 §5.1).
    assert_eq!(told[..2], [21, 3]);
}

#[tokio::test]
async fn a_client_with_tls_is_told_at_a_port_without() {
    for (tls, plain) in PAIRS {
        let address: Address = format!("{plain}://127.0.0.1:0").parse().unwrap();
        let mut listener = address.listen(&Limits::default()).await.unwrap();
        let address = listener.address().unwrap().to_string().replace(plain, tls);
        let server = tokio::spawn(async move {
            let incoming = listener.accept().await.unwrap();
            incoming.serve(Arc::new(Handler(echo)), std::future::pending()).await
        });
        let client = Authority::new("ours").client();
        let address: Address = address.parse().unwrap();
        let client = message(address.connect_tls(&Limits::default(), &client).await);
        let expected =
            format!("the server does not speak TLS: connect with {plain}://, or let it serve {tls}://");
        assert_eq!(client, expected);
        let expected = format!("the client speaks TLS, and this is not {tls}://");
        assert_eq!(message(server.await.unwrap()), expected);
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_on_tls_may_not_speak_it() {
    for (tls, plain) in PAIRS {
        let port = hangs_up_after(b"").await;
        let address: Address = format!("{tls}://127.0.0.1:{port}").parse().unwrap();
        let client = Authority::new("ours").client();
        let client = message(address.connect_tls(&Limits::default(), &client).await);
        assert!(client.starts_with("the server left in the midst of the TLS handshake ("), "{client}");
        assert!(client.ends_with(&format!("it may speak no TLS, and want {plain}://")), "{client}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_without_a_word_may_want_tls() {
    let port = hangs_up_after(b"").await;
    let address: Address = format!("http://127.0.0.1:{port}").parse().unwrap();
    let client = message(address.connect(&Limits::default()).await);
    let expected = "the peer closed the connection and has said nothing: it may speak TLS, and want https://";
    assert_eq!(client, expected);
}

#[tokio::test]
async fn a_server_of_http_1_is_told_from_one_with_tls() {
    let port = hangs_up_after(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let address: Address = format!("https://127.0.0.1:{port}").parse().unwrap();
    let client = Authority::new("ours").client();
    let client = message(address.connect_tls(&Limits::default(), &client).await);
    assert!(client.starts_with("the server does not speak TLS: connect with http://"), "{client}");
}

#[tokio::test]
async fn an_address_without_tls_cannot_be_connected_to_with_it() {
    let address: Address = "http://127.0.0.1:1".parse().unwrap();
    let client = Authority::new("ours").client();
    let Err(status) = address.connect_tls(&Limits::default(), &client).await else {
        panic!("there is no TLS")
    };
    let text = "INVALID_ARGUMENT: http://127.0.0.1:1 is without TLS; addresses with it begin with https:// or tls+tcp://";
    assert_eq!(status.to_string(), text);
}

#[tokio::test]
async fn an_address_with_tls_cannot_be_listened_on_without_a_certificate() {
    for scheme in ["https", "tls+tcp"] {
        let address: Address = format!("{scheme}://127.0.0.1:0").parse().unwrap();
        let status = address.listen(&Limits::default()).await.unwrap_err();
        let text = "takes a certificate and its key: give them with Server::tls";
        assert_eq!(status.to_string(), format!("FAILED_PRECONDITION: to listen on {address} {text}"));
    }
}
