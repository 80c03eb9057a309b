//! What a client makes of a server's certificate.

use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};
use transport::{Limits, tls};

use crate::certificates::{Authority, Identity};
use crate::ends::{SCHEMES, message, serve};

/// What client and server say when the server shows `identity` to a client of `authority`.
async fn said(scheme: &str, authority: &Authority, identity: &Identity) -> (String, String) {
    let server = serve(scheme, &identity.server()).await;
    let client = message(server.call(&authority.client()).await);
    (client, server.complaint().await)
}

#[tokio::test]
async fn a_call_passes_between_ends_that_trust_each_other() {
    let authority = Authority::new("ours");
    for scheme in SCHEMES {
        let server = serve(scheme, &authority.server()).await;
        server.call(&authority.client()).await.unwrap();
        assert_eq!(server.outcome().await, Ok(()));
    }
}

#[tokio::test]
async fn a_certificate_of_an_authority_nobody_knows_is_refused() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    for scheme in SCHEMES {
        let (client, server) = said(scheme, &ours, &theirs.sign(&["127.0.0.1"])).await;
        assert_eq!(
            client,
            "the server's certificate is not signed by a root that this client trusts (the one it was given): give it \
             the root that signed it"
        );
        assert_eq!(
            server,
            "the client does not trust the root that signed this server's certificate: it has to be told to, or another \
             be used"
        );
    }
}

#[tokio::test]
async fn an_authority_is_not_known_by_its_name_alone() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("ours"));
    let (client, server) = said("https", &ours, &theirs.sign(&["127.0.0.1"])).await;
    assert!(client.contains("is not signed by a root that this client trusts"), "{client}");
    assert!(server.contains("does not trust the root"), "{server}");
}

#[tokio::test]
async fn who_trusts_the_system_says_so() {
    let server = serve("https", &Authority::new("nobody's").server()).await;
    let outcome = server.address.connect(&Limits::default()).await;
    let Err(status) = outcome else { panic!("nobody trusts this server") };
    // A system without any certificates says that.
    let expected = ["(those of the system): give it the root", "this system has no roots to trust"];
    assert!(expected.iter().any(|expected| status.message().contains(expected)), "{status}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_with_both_names() {
    let authority = Authority::new("ours");
    for scheme in SCHEMES {
        let identity = authority.sign(&["kv.example", "10.0.0.1"]);
        let (client, server) = said(scheme, &authority, &identity).await;
        assert_eq!(
            client,
            "the server's certificate is for kv.example, 10.0.0.1, and not for 127.0.0.1: connect by one of its names, \
             or have this one added"
        );
        assert!(server.contains("does not accept this server's certificate (BadCertificate)"), "{server}");
    }
}

#[tokio::test]
async fn a_client_may_expect_another_name_than_that_of_the_address() {
    let authority = Authority::new("ours");
    let server = serve("https", &authority.sign(&["kv.example"]).server()).await;
    let client = authority.client().server_name("kv.example").unwrap();
    server.call(&client).await.unwrap();
}

#[tokio::test]
async fn an_expired_certificate_is_refused_with_its_date() {
    let authority = Authority::new("ours");
    let identity =
        authority.sign_with(&["127.0.0.1"], |params| params.not_after = date_time_ymd(2020, 2, 29));
    for scheme in SCHEMES {
        let (client, server) = said(scheme, &authority, &identity).await;
        assert!(
            client.starts_with("the server's certificate expired on 2020-02-29 00:00 UTC, and it is "),
            "{client}"
        );
        assert!(client.ends_with(" now: the server needs a new one"), "{client}");
        assert_eq!(server, "the client says that this server's certificate has expired, or is not valid yet");
    }
}

#[tokio::test]
async fn a_certificate_of_the_future_is_refused_with_its_date() {
    let authority = Authority::new("ours");
    let identity =
        authority.sign_with(&["127.0.0.1"], |params| params.not_before = date_time_ymd(3020, 1, 2));
    let (client, _) = said("https", &authority, &identity).await;
    let expected = "the server's certificate is not valid before 3020-01-02 00:00 UTC, and it is ";
    assert!(client.starts_with(expected), "{client}");
    assert!(client.ends_with("one of the two clocks is wrong, or the certificate is"), "{client}");
}

#[tokio::test]
async fn a_certificate_for_something_else_is_refused() {
    let authority = Authority::new("ours");
    let identity = authority.sign_with(&["127.0.0.1"], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let (client, _) = said("https", &authority, &identity).await;
    let expected =
        "the server's certificate is not for this: its extended key usage does not have serverAuth";
    assert_eq!(client, expected);
}

#[tokio::test]
async fn an_authority_that_shows_its_own_certificate_is_told_to_sign_one() {
    let authority = Authority::new("ours");
    let (client, _) = said("https", &authority, &authority.itself()).await;
    assert_eq!(
        client,
        "the server's certificate is one that signs others (CA:TRUE), and not one of a server's own: have it sign one"
    );
}

#[tokio::test]
async fn a_certificate_that_nobody_signed_is_trusted_by_who_has_it() {
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let server = tls::Server::new(own.cert.pem(), own.signing_key.serialize_pem()).unwrap();
    let server = serve("https", &server).await;
    server.call(&tls::Client::trusting(own.cert.pem()).unwrap()).await.unwrap();
}
