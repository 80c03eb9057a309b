//! TLS, as a client and a server of a service see it.

#![allow(clippy::unwrap_used)]

mod support;

use client::Channel;
use kv::{Kv, KvClient, KvServer, Store};
use rcgen::{CertificateParams, IsCa, Issuer, KeyPair};
use server::{Router, Server, context};
use support::{Transport, kv_whose_get_is};
use tokio::net::TcpStream;
use transport::{Code, Limits, Status, tls};

const TRANSPORTS: [Transport; 2] = [Transport::TlsTcp, Transport::Https];

/// Who signs a certificate for `name`; the root in PEM, and the certificate with its key.
fn signed(name: &str) -> (String, [String; 2]) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let root = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    (root, [certificate.pem(), key.serialize_pem()])
}

#[tokio::test]
async fn a_method_learns_who_calls_it() {
    let (roots_of_servers, [chain, key]) = signed("127.0.0.1");
    let server_tls = tls::Server::new(chain, key).unwrap();
    let (roots_of_clients, [chain, key]) = signed("alice.example");
    let server_tls = server_tls.require_clients(roots_of_clients).unwrap();
    let client_tls = tls::Client::trusting(roots_of_servers).unwrap().identity(chain, key).unwrap();
    for transport in TRANSPORTS {
        let kv = kv_whose_get_is(async |_| {
            let peer = context::peer().ok_or_else(|| Status::new(Code::Unauthenticated, "who are you?"))?;
            Ok(peer.names().join(", "))
        });
        let mut server = Server::new(Router::new().with(KvServer::new(kv))).tls(server_tls.clone());
        let address = server.listen(&transport.free_address()).await.unwrap().to_string();
        let channel = Channel::connect_tls(&address, Limits::default(), client_tls.clone()).await.unwrap();
        assert_eq!(KvClient::new(channel).get("me").await, Ok("alice.example".to_owned()));
    }
}

#[tokio::test]
async fn a_method_does_not_know_who_calls_without_tls() {
    for transport in [Transport::Memory, Transport::Tcp, Transport::Http] {
        let served = transport.serve(kv_whose_get_is(async |_| Ok(format!("{:?}", context::peer())))).await;
        assert_eq!(served.kv().await.get("me").await, Ok("None".to_owned()));
    }
    assert_eq!(context::peer(), None, "outside a call");
}

#[tokio::test]
async fn an_address_alone_means_the_roots_of_the_system() {
    for transport in TRANSPORTS {
        let served = transport.serve(Store::new()).await;
        let refused = KvClient::connect(&served.address).await.unwrap_err();
        let said = ["root that this client trusts (those of the system)", "this system has no roots"];
        assert!(said.iter().any(|said| refused.message().contains(said)), "{refused}");
    }
}

#[tokio::test]
async fn a_server_without_a_certificate_says_what_to_do() {
    let mut server = Server::new(Router::new());
    for transport in TRANSPORTS {
        let refused = server.listen(&transport.free_address()).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert!(refused.message().contains("Server::tls"), "{refused}");
    }
}

#[tokio::test]
async fn a_certificate_is_reloaded_without_a_restart() {
    let (old_root, [chain, key]) = signed("127.0.0.1");
    let shown = tls::Server::new(chain, key).unwrap();
    for transport in TRANSPORTS {
        let mut server = Server::new(Router::new().with(KvServer::new(Store::new()))).tls(shown.clone());
        let address = server.listen(&transport.free_address()).await.unwrap().to_string();
        let (new_root, [chain, key]) = signed("127.0.0.1");
        shown.reload(chain, key).unwrap();
        let connect = async |root: &String| {
            let tls = tls::Client::trusting(root).unwrap();
            Channel::connect_tls(&address, Limits::default(), tls).await
        };
        let kv = KvClient::new(connect(&new_root).await.unwrap());
        assert_eq!(kv.increment("hits", 1).await, Ok(1));
        assert_eq!(connect(&old_root).await.unwrap_err().code(), Code::Unavailable);
    }
}

#[tokio::test]
async fn peers_that_say_nothing_keep_nobody_from_calling() {
    for transport in TRANSPORTS {
        let served = transport.serve(Store::new()).await;
        let place = served.address.split("://").last().unwrap().to_owned();
        let mut silent = Vec::new();
        for _ in 0..20 {
            silent.push(TcpStream::connect(&place).await.unwrap());
        }
        assert_eq!(served.kv().await.increment("hits", 1).await, Ok(1));
    }
}
