//! How a connection inside TLS ends.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use transport::{Address, Connection, Limits};

use crate::certificates::Authority;
use crate::ends::{SCHEMES, Server, call, serve};
use crate::support::{end_of, start};

/// What stands between a client and `server`. Told to, it ends both connections as TCP does, and knows nothing of TLS.
/// Returns its port, and what tells it.
async fn relay(server: &Server) -> (u16, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let to = server.port();
    let (cut, is_cut) = oneshot::channel();
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut server = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut server) => return,
            _ = is_cut => {}
        }
        for stream in [&mut client, &mut server] {
            stream.shutdown().await.unwrap();
        }
        // Closed with bytes unread, they would be reset.
        for mut stream in [client, server] {
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    });
    (port, cut)
}

/// A client's connection to `server` through a [`relay`], and what tells that.
async fn through_relay(
    scheme: &str,
    server: &Server,
    authority: &Authority,
) -> (Arc<dyn Connection>, oneshot::Sender<()>) {
    let (port, cut) = relay(server).await;
    let address: Address = format!("{scheme}://127.0.0.1:{port}").parse().unwrap();
    let connection = address.connect_tls(&Limits::default(), &authority.client()).await.unwrap();
    (connection, cut)
}

#[tokio::test]
async fn a_connection_that_ends_in_good_order_is_no_failure_to_the_server() {
    let authority = Authority::new("ours");
    for scheme in SCHEMES {
        let server = serve(scheme, &authority.server()).await;
        let connection = server.connect(&authority.client()).await.unwrap();
        call(&connection).await.unwrap();
        drop(connection);
        assert_eq!(server.outcome().await, Ok(()));
    }
}

#[tokio::test]
async fn with_a_connection_that_is_cut_off_nothing_is_lost_if_no_call_is_open() {
    let authority = Authority::new("ours");
    for scheme in SCHEMES {
        let server = serve(scheme, &authority.server()).await;
        let (connection, cut) = through_relay(scheme, &server, &authority).await;
        call(&connection).await.unwrap();
        cut.send(()).unwrap();
        assert_eq!(server.outcome().await, Ok(()));
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_off_is_lost_to_both() {
    let authority = Authority::new("ours");
    for scheme in SCHEMES {
        let server = serve(scheme, &authority.server()).await;
        let (connection, cut) = through_relay(scheme, &server, &authority).await;
        let mut open = start(&connection).await;
        call(&connection).await.unwrap();
        cut.send(()).unwrap();
        let status = end_of(&mut open).await;
        let expected =
            "UNAVAILABLE: the connection was lost: the server was cut off: TLS ended without close_notify";
        assert_eq!(status.to_string(), expected);
        let server = server.complaint().await;
        assert_eq!(server, "the connection was lost: the client was cut off: TLS ended without close_notify");
    }
}
