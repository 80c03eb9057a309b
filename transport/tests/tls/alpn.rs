//! Both ends agree on what they speak inside TLS (RFC 7301, RFC 9113 §3.2).

use std::sync::Arc;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};
use transport::{Address, Limits, Status};

use crate::certificates::Authority;
use crate::ends::{SCHEMES, Server, message, serve};
use crate::support::{end_of, start};

/// Connects to `server` as a client that trusts `authority` and offers `protocols`.
async fn offer(
    server: &Server,
    authority: &Authority,
    protocols: &[&str],
) -> std::io::Result<client::TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.root().as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, server.connect_raw().await).await
}

/// A server of `authority` that accepts one connection, and has `protocols` and one version of TLS. Returns its port, and
/// the connection.
async fn accept(
    authority: &Authority,
    protocols: &[&str],
    version: &'static SupportedProtocolVersion,
) -> (u16, JoinHandle<server::TlsStream<TcpStream>>) {
    let identity = authority.sign(&["127.0.0.1"]);
    let chain = vec![CertificateDer::from_pem_slice(identity.chain.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_protocol_versions(&[version]).unwrap();
    let mut config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let accepting = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        TlsAcceptor::from(Arc::new(config)).accept(stream).await.expect("both ends agree")
    });
    (port, accepting)
}

async fn connect(port: u16, scheme: &str, authority: &Authority) -> String {
    let address: Address = format!("{scheme}://127.0.0.1:{port}").parse().unwrap();
    message(address.connect_tls(&Limits::default(), &authority.client()).await)
}

#[tokio::test]
async fn a_client_that_names_no_protocol_is_refused() {
    let authority = Authority::new("ours");
    for (scheme, protocol) in SCHEMES.into_iter().zip(["h2", "rpc/1"]) {
        let server = serve(scheme, &authority.server()).await;
        let mut stream = offer(&server, &authority, &[]).await.unwrap();
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0, "the server ends TLS in good order");
        let complaint = server.complaint().await;
        let expected =
            format!("the client agrees on no protocol inside TLS (ALPN), and {protocol} is needed");
        assert!(complaint.starts_with(&expected), "{complaint}");
    }
}

#[tokio::test]
async fn a_client_that_names_another_protocol_is_refused_in_the_handshake() {
    let authority = Authority::new("ours");
    let server = serve("https", &authority.server()).await;
    let error = offer(&server, &authority, &["http/1.1"]).await.unwrap_err();
    assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
    let expected = "the client does not speak h2 inside TLS (ALPN): it is not made for https://";
    assert_eq!(server.complaint().await, expected);
}

#[tokio::test]
async fn a_server_that_names_no_protocol_is_refused() {
    let authority = Authority::new("ours");
    for (scheme, protocol) in SCHEMES.into_iter().zip(["h2", "rpc/1"]) {
        let (port, accepted) = accept(&authority, &[], &version::TLS13).await;
        let client = connect(port, scheme, &authority).await;
        let expected =
            format!("the server agrees on no protocol inside TLS (ALPN), and {protocol} is needed");
        assert!(client.starts_with(&expected), "{client}");
        let read = accepted.await.unwrap().read(&mut [0]).await;
        assert_eq!(read.unwrap(), 0, "the client ends TLS in good order");
    }
}

#[tokio::test]
async fn a_server_that_speaks_another_protocol_is_refused() {
    let authority = Authority::new("ours");
    let (port, _refuses) = accept(&authority, &["http/1.1"], &version::TLS13).await;
    let client = connect(port, "https", &authority).await;
    assert_eq!(client, "the server does not speak h2 inside TLS (ALPN): it is not made for https://");
}

#[tokio::test]
async fn our_own_frames_and_grpc_are_told_apart_before_a_byte_of_either() {
    let authority = Authority::new("ours");
    let server = serve("tls+tcp", &authority.server()).await;
    let client = connect(server.port(), "https", &authority).await;
    assert_eq!(client, "the server does not speak h2 inside TLS (ALPN): it is not made for https://");
    let expected = "the client does not speak rpc/1 inside TLS (ALPN): it is not made for tls+tcp://";
    assert_eq!(server.complaint().await, expected);
}

/// gRPC in TLS of one version, to a server that others wrote.
async fn request_inside(version: &'static SupportedProtocolVersion) {
    let authority = Authority::new("ours");
    let (port, accepted) = accept(&authority, &["h2"], version).await;
    let serving = tokio::spawn(async move {
        let mut connection = h2::server::handshake(accepted.await.unwrap()).await.unwrap();
        let (request, mut respond) = connection.accept().await.unwrap().unwrap();
        let response = http::Response::builder().header("content-type", "application/grpc");
        let response = response.header("grpc-status", "0").body(()).unwrap();
        respond.send_response(response, true).unwrap();
        assert!(connection.accept().await.is_none());
        request.uri().to_string()
    });
    let address: Address = format!("https://127.0.0.1:{port}").parse().unwrap();
    let connection = address.connect_tls(&Limits::default(), &authority.client()).await.unwrap();
    assert_eq!(end_of(&mut start(&connection).await).await, Status::ok());
    drop(connection);
    // RFC 9113 §8.3.1: the scheme is part of the request.
    assert_eq!(serving.await.unwrap(), format!("https://127.0.0.1:{port}/test.Test/Call"));
}

#[tokio::test]
async fn a_request_inside_tls_says_https() {
    request_inside(&version::TLS13).await;
}

#[tokio::test]
async fn tls_1_2_is_spoken_too() {
    request_inside(&version::TLS12).await;
}
