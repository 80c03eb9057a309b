//! The same inside TLS: the client chooses by ALPN (RFC 7301), and who it is reaches the handler.

use std::io;
use std::sync::{Arc, Mutex};

use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_rustls::{TlsConnector, client};
use transport::web::Web;
use transport::{Address, Code, Connection, IncomingCall, Limits, Service, Status, tls};

use crate::certificates::{Authority, for_clients};
use crate::ends::{Version, call, message, trailers, uncalled};
use crate::support::{echo, service, unary};

/// A server that listens at 127.0.0.1 and serves one connection.
struct Server {
    port: u16,
    outcome: JoinHandle<Result<(), Status>>,
}

impl Server {
    async fn start(tls: &tls::Server, web: Option<Web>, service: Arc<dyn Service>) -> Self {
        let address: Address = "https://127.0.0.1:0".parse().unwrap();
        let mut listener = address.listen_tls(&Limits::default(), tls).await.unwrap();
        if let Some(web) = web {
            listener = listener.web(web);
        }
        let port = port_of(&listener.address().unwrap());
        let outcome = tokio::spawn(async move {
            listener.accept().await.unwrap().serve(service, std::future::pending()).await
        });
        Self { port, outcome }
    }

    /// Connects as a client that trusts `authority` and offers `protocols`.
    async fn offer(
        &self,
        authority: &Authority,
        protocols: &[&str],
    ) -> io::Result<client::TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.root().as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("127.0.0.1").unwrap(), stream).await
    }
}

fn port_of(address: &Address) -> u16 {
    address.to_string().rsplit(':').next().unwrap().parse().unwrap()
}

async fn connect(scheme: &str, port: u16, tls: &tls::Client) -> Result<Arc<dyn Connection>, Status> {
    let address: Address = format!("{scheme}://127.0.0.1:{port}").parse().unwrap();
    address.connect_tls(&Limits::default(), tls).await
}

#[tokio::test]
async fn a_client_chooses_what_is_spoken() {
    let authority = Authority::new("ours");
    for (protocols, agreed, version) in [
        (&["http/1.1"][..], Some(&b"http/1.1"[..]), Version::Http1),
        (&["h2"], Some(b"h2"), Version::Http2),
        (&["http/1.1", "h2"], Some(b"h2"), Version::Http2),
        (&["h3", "http/1.1"], Some(b"http/1.1"), Version::Http1),
        (&[], None, Version::Http1),
    ] {
        let server = Server::start(&authority.server(), Some(Web::new()), service(echo)).await;
        let stream = server.offer(&authority, protocols).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), agreed);
        let answer = version.connect(stream).await.ask(call(message("hello"))).await;
        assert_eq!(answer.body, [message("hello"), trailers("grpc-status: 0\r\n")].concat(), "{protocols:?}");
    }
}

#[tokio::test]
async fn a_client_that_speaks_something_else_is_refused_in_the_handshake() {
    let authority = Authority::new("ours");
    let server = Server::start(&authority.server(), Some(Web::new()), uncalled()).await;
    let error = server.offer(&authority, &["rpc/1", "h3"]).await.unwrap_err();
    assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
    assert_eq!(server.outcome.await.unwrap().unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn without_it_a_client_of_http_1_1_is_refused() {
    let authority = Authority::new("ours");
    let server = Server::start(&authority.server(), None, uncalled()).await;
    let error = server.offer(&authority, &["http/1.1"]).await.unwrap_err();
    assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
}

#[tokio::test]
async fn http2_that_was_not_agreed_on_is_no_http_1_1() {
    let authority = Authority::new("ours");
    let server = Server::start(&authority.server(), Some(Web::new()), uncalled()).await;
    let stream = server.offer(&authority, &["http/1.1"]).await.unwrap();
    let mut peer = crate::http1::Peer::new(stream);
    peer.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    let rest = peer.rest().await;
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 "), "{rest:?}");
    assert!(server.outcome.await.unwrap().is_err());
}

#[tokio::test]
async fn a_handler_knows_who_calls() {
    let authority = Authority::new("ours");
    let identity = authority.sign_with(&["alice.example"], for_clients);
    for scheme in ["web+https", "https"] {
        let tls = authority.server().require_clients(authority.root()).unwrap();
        let names = Arc::new(Mutex::new(Vec::new()));
        let noted = names.clone();
        let service = service(move |call: IncomingCall| {
            noted.lock().unwrap().extend(call.peer.as_ref().unwrap().names().to_vec());
            echo(call)
        });
        let server = Server::start(&tls, Some(Web::new()), service).await;
        let client = authority.client().identity(&identity.chain, &identity.key).unwrap();
        let connection = connect(scheme, server.port, &client).await.unwrap();
        assert_eq!(unary(&connection, "hello").await, Ok("hello".into()));
        assert_eq!(*names.lock().unwrap(), ["alice.example"], "{scheme}");
    }
}

#[tokio::test]
async fn a_client_closes_tls_in_good_order() {
    let authority = Authority::new("ours");
    let server = Server::start(&authority.server(), Some(Web::new()), service(echo)).await;
    let connection = connect("web+https", server.port, &authority.client()).await.unwrap();
    assert_eq!(unary(&connection, "hello").await, Ok("hello".into()));
    drop(connection);
    assert_eq!(server.outcome.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_said_as_by_https() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let other_name = ours.sign(&["other.example"]).server();
    for (tls, client) in [(ours.server(), theirs.client()), (other_name, ours.client())] {
        let mut said = Vec::new();
        for scheme in ["https", "web+https"] {
            let server = Server::start(&tls, Some(Web::new()), uncalled()).await;
            said.push(connect(scheme, server.port, &client).await.err().unwrap());
            assert_eq!(server.outcome.await.unwrap().unwrap_err().code(), Code::Unavailable);
        }
        assert_eq!(said[0].code(), Code::Unavailable);
        assert_eq!(said[0], said[1]);
    }
}

#[tokio::test]
async fn a_certificate_that_is_missing_is_said_by_the_call_that_needed_it() {
    let authority = Authority::new("ours");
    let tls = authority.server().require_clients(authority.root()).unwrap();
    let server = Server::start(&tls, Some(Web::new()), uncalled()).await;
    let outcome = async {
        let connection = connect("web+https", server.port, &authority.client()).await?;
        unary(&connection, "hello").await
    };
    let status = outcome.await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("this client has shown none: give it one"), "{status}");
}

#[tokio::test]
async fn a_server_that_has_no_http_1_1_is_told_apart() {
    let authority = Authority::new("ours");
    let server = Server::start(&authority.server(), None, uncalled()).await;
    let status = connect("web+https", server.port, &authority.client()).await.err().unwrap();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().starts_with("the server does not speak http/1.1 inside TLS (ALPN)"), "{status}");
}

#[tokio::test]
async fn a_server_that_names_no_protocol_speaks_http_1_1() {
    let authority = Authority::new("ours");
    let (port, serving) = crate::hand_made::tls_server(&authority.sign(&["127.0.0.1"])).await;
    let connection = connect("web+https", port, &authority.client()).await.unwrap();
    assert_eq!(unary(&connection, "hello").await, Ok("hello".into()));
    drop(connection);
    serving.await.unwrap();
}

#[tokio::test]
async fn a_client_without_tls_is_told_what_to_do() {
    let authority = Authority::new("ours");
    let server = Server::start(&authority.server(), Some(Web::new()), uncalled()).await;
    let address: Address = format!("web+http://127.0.0.1:{}", server.port).parse().unwrap();
    let connection = address.connect(&Limits::default()).await.unwrap();
    let status = unary(&connection, "hello").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("web+https://"), "{status}");
    let error = server.outcome.await.unwrap().unwrap_err();
    assert!(error.message().contains("TLS"), "{error}");
}
