//! A handshake has its time, and nobody else waits for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use transport::{Address, Limits};

use crate::certificates::Authority;
use crate::ends::{SCHEMES, call, message, serve, serve_with};
use crate::support::{Handler, echo};

fn impatient() -> Limits {
    Limits { handshake: Duration::from_millis(20), ..Limits::default() }
}

#[tokio::test]
async fn a_client_that_does_not_finish_the_handshake_is_hung_up_on() {
    for scheme in SCHEMES {
        for begun in [&b""[..], b"\x16\x03\x01\x02\0\x01"] {
            let tls = Authority::new("ours").server();
            let server = serve_with(scheme, &tls, &impatient(), Arc::new(Handler(echo))).await;
            let mut client = server.connect_raw().await;
            client.write_all(begun).await.unwrap();
            let expected =
                "the client did not finish the TLS handshake within 20ms: it hangs, or speaks no TLS";
            assert_eq!(server.complaint().await, expected);
            // Reset, where something was left unread.
            let read = client.read(&mut [0]).await;
            assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
        }
    }
}

#[tokio::test]
async fn a_server_that_does_not_finish_the_handshake_is_given_up() {
    for scheme in SCHEMES {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let address: Address = format!("{scheme}://127.0.0.1:{port}").parse().unwrap();
        let client = Authority::new("ours").client();
        let client = message(address.connect_tls(&impatient(), &client).await);
        let expected = "the server did not finish the TLS handshake within 20ms: it hangs, or speaks no TLS";
        assert_eq!(client, expected);
    }
}

#[tokio::test]
async fn a_handshake_that_hangs_keeps_nobody_else_waiting() {
    let authority = Authority::new("ours");
    for scheme in SCHEMES {
        let address: Address = format!("{scheme}://127.0.0.1:0").parse().unwrap();
        let mut listener = address.listen_tls(&Limits::default(), &authority.server()).await.unwrap();
        let address = listener.address().unwrap();
        let port = address.to_string().rsplit(':').next().unwrap().parse().unwrap();
        let silent = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let serving = tokio::spawn(async move {
            loop {
                let incoming = listener.accept().await.unwrap();
                tokio::spawn(incoming.serve(Arc::new(Handler(echo)), std::future::pending()));
            }
        });
        let connection = address.connect_tls(&Limits::default(), &authority.client()).await.unwrap();
        call(&connection).await.unwrap();
        drop(silent);
        serving.abort();
    }
}

#[tokio::test]
async fn a_handshake_that_hangs_does_not_keep_a_server_from_draining() {
    let server = serve("https", &Authority::new("ours").server()).await;
    let silent = server.connect_raw().await;
    let draining = server.drain();
    // The peer may have called already, and has its time.
    tokio::time::pause();
    assert_eq!(draining.await.unwrap(), Ok(()));
    drop(silent);
}
