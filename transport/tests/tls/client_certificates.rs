//! Mutual TLS: what a server makes of a client's certificate.

use std::sync::{Arc, Mutex};

use transport::{IncomingCall, Limits, Peer, Service, tls};

use crate::certificates::{Authority, Identity, for_clients};
use crate::ends::{SCHEMES, message, serve, serve_with};
use crate::support::{echo, service};

/// Who has called.
type Callers = Arc<Mutex<Vec<Option<Arc<Peer>>>>>;

/// Notes who calls, and echoes.
fn who_calls() -> (Callers, Arc<dyn Service>) {
    let peers = Callers::default();
    let noted = peers.clone();
    let service = service(move |call: IncomingCall| {
        noted.lock().unwrap().push(call.peer.clone());
        echo(call)
    });
    (peers, service)
}

fn showing(client: tls::Client, identity: &Identity) -> tls::Client {
    client.identity(&identity.chain, &identity.key).unwrap()
}

#[tokio::test]
async fn a_server_knows_a_client_by_its_certificate() {
    let authority = Authority::new("ours");
    let identity = authority.sign_with(&["alice.example"], for_clients);
    for scheme in SCHEMES {
        let tls = authority.server().require_clients(authority.root()).unwrap();
        let (peers, service) = who_calls();
        let server = serve_with(scheme, &tls, &Limits::default(), service).await;
        server.call(&showing(authority.client(), &identity)).await.unwrap();
        let peers = peers.lock().unwrap();
        let peer = peers[0].as_ref().unwrap();
        assert_eq!(peer.certificates(), std::slice::from_ref(&identity.der));
        assert_eq!(peer.names(), ["alice.example"]);
    }
}

#[tokio::test]
async fn a_server_that_does_not_ask_knows_nobody() {
    let authority = Authority::new("ours");
    let identity = authority.sign_with(&["alice.example"], for_clients);
    let (peers, service) = who_calls();
    let server = serve_with("https", &authority.server(), &Limits::default(), service).await;
    server.call(&showing(authority.client(), &identity)).await.unwrap();
    assert_eq!(*peers.lock().unwrap(), [None]);
}

#[tokio::test]
async fn a_client_without_a_certificate_is_told_that_one_is_required() {
    let authority = Authority::new("ours");
    for scheme in SCHEMES {
        let tls = authority.server().require_clients(authority.root()).unwrap();
        let server = serve(scheme, &tls).await;
        let client = message(server.call(&authority.client()).await);
        let expected =
            "the server asks for a certificate, and this client has shown none: give it one, with its key";
        assert!(client.ends_with(expected), "{client}");
        assert_eq!(
            server.complaint().await,
            "the client shows no certificate, and must: give it one that a root trusted here has signed"
        );
    }
}

#[tokio::test]
async fn a_client_without_a_certificate_is_let_in_where_one_is_only_asked_for() {
    let authority = Authority::new("ours");
    for scheme in SCHEMES {
        let tls = authority.server().ask_clients(authority.root()).unwrap();
        let (peers, service) = who_calls();
        let server = serve_with(scheme, &tls, &Limits::default(), service).await;
        server.call(&authority.client()).await.unwrap();
        assert_eq!(*peers.lock().unwrap(), [None]);
    }
}

#[tokio::test]
async fn a_client_is_known_where_a_certificate_is_only_asked_for() {
    let authority = Authority::new("ours");
    let tls = authority.server().ask_clients(authority.root()).unwrap();
    let (peers, service) = who_calls();
    let server = serve_with("https", &tls, &Limits::default(), service).await;
    server.call(&showing(authority.client(), &authority.sign_with(&["bob"], for_clients))).await.unwrap();
    assert_eq!(peers.lock().unwrap()[0].as_ref().unwrap().names(), ["bob"]);
}

#[tokio::test]
async fn a_client_whose_certificate_nobody_trusts_is_refused_also_where_none_is_required() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let identity = theirs.sign_with(&["mallory"], for_clients);
    for scheme in SCHEMES {
        let required = ours.server().require_clients(ours.root()).unwrap();
        let asked = ours.server().ask_clients(ours.root()).unwrap();
        for tls in [required, asked] {
            let server = serve(scheme, &tls).await;
            let client = message(server.call(&showing(ours.client(), &identity)).await);
            let expected = "the server does not trust the root that signed this client's certificate";
            assert!(client.contains(expected), "{client}");
            assert_eq!(
                server.complaint().await,
                "the client's certificate is not signed by a root that this server trusts for clients: it needs another \
                 one"
            );
        }
    }
}

#[tokio::test]
async fn a_client_whose_certificate_has_expired_is_refused() {
    let authority = Authority::new("ours");
    let identity = authority.sign_with(&["alice"], |params| {
        for_clients(params);
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    let server = serve("https", &authority.server().require_clients(authority.root()).unwrap()).await;
    let client = message(server.call(&showing(authority.client(), &identity)).await);
    assert!(client.contains("the server says that this client's certificate has expired"), "{client}");
    let server = server.complaint().await;
    assert!(
        server.starts_with("the client's certificate expired on 2020-01-01 00:00 UTC, and it is "),
        "{server}"
    );
}
