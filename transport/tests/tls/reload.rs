//! A server shows another certificate, and goes on.

use std::sync::Arc;

use transport::{Address, Limits};

use crate::certificates::Authority;
use crate::ends::{call, message};
use crate::support::{Handler, echo};

#[tokio::test]
async fn a_certificate_that_is_reloaded_is_shown_to_who_connects_next_and_connections_go_on() {
    let (before, after) = (Authority::new("before"), Authority::new("after"));
    for scheme in crate::ends::SCHEMES {
        let tls = before.server();
        let address: Address = format!("{scheme}://127.0.0.1:0").parse().unwrap();
        let mut listener = address.listen_tls(&Limits::default(), &tls).await.unwrap();
        let address = listener.address().unwrap();
        let serving = tokio::spawn(async move {
            loop {
                let incoming = listener.accept().await.unwrap();
                tokio::spawn(incoming.serve(Arc::new(Handler(echo)), std::future::pending()));
            }
        });
        let (knows_before, knows_after) = (before.client(), after.client());
        let limits = Limits::default();
        let old = address.connect_tls(&limits, &knows_before).await.unwrap();
        call(&old).await.unwrap();

        let identity = after.sign(&["127.0.0.1"]);
        tls.reload(&identity.chain, &identity.key).unwrap();

        call(&old).await.unwrap();
        let new = address.connect_tls(&limits, &knows_after).await.unwrap();
        call(&new).await.unwrap();
        let refused = message(address.connect_tls(&limits, &knows_before).await);
        assert!(refused.contains("is not signed by a root"), "{refused}");
        serving.abort();
    }
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_not_loaded() {
    let authority = Authority::new("ours");
    let tls = authority.server();
    let (one, other) = (authority.sign(&["127.0.0.1"]), authority.sign(&["127.0.0.1"]));
    let status = tls.reload(&one.chain, &other.key).unwrap_err();
    assert!(status.message().starts_with("the private key is not that of the first certificate"), "{status}");
    let server = crate::ends::serve("https", &tls).await;
    server.call(&authority.client()).await.unwrap();
}
