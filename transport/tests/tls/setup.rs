//! What TLS cannot be set up with, and what is said about it.

use transport::{Status, tls};

use crate::certificates::Authority;

fn complaint<T>(outcome: Result<T, Status>) -> String {
    outcome.err().expect("this is not to be taken").to_string()
}

#[test]
fn a_chain_without_a_certificate_is_no_chain() {
    let identity = Authority::new("ours").sign(&["127.0.0.1"]);
    let said = complaint(tls::Server::new(&identity.key, &identity.key));
    let expected = "INVALID_ARGUMENT: there is no certificate: a file in PEM is expected, with a line -----BEGIN \
                    CERTIFICATE-----";
    assert_eq!(said, expected);
}

#[test]
fn a_key_that_is_missing_or_encrypted_is_no_key() {
    let identity = Authority::new("ours").sign(&["127.0.0.1"]);
    let encrypted = identity.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    for key in [&identity.chain, &encrypted] {
        let said = complaint(tls::Server::new(&identity.chain, key));
        assert!(said.starts_with("INVALID_ARGUMENT: there is no private key"), "{said}");
        assert!(said.ends_with("not encrypted"), "{said}");
    }
}

#[test]
fn a_key_of_another_certificate_is_told() {
    let authority = Authority::new("ours");
    let (one, other) = (authority.sign(&["a"]), authority.sign(&["a"]));
    let said = complaint(authority.client().identity(&one.chain, &other.key));
    assert!(said.contains("the private key is not that of the first certificate"), "{said}");
}

#[test]
fn a_chain_in_the_wrong_order_is_told() {
    let authority = Authority::new("ours");
    let identity = authority.sign(&["a"]);
    let said = complaint(tls::Server::new(authority.root() + &identity.chain, &identity.key));
    assert!(said.contains("the own certificate comes first"), "{said}");
}

#[test]
fn what_is_cut_off_is_no_pem() {
    let authority = Authority::new("ours");
    let root = authority.root();
    let cut = &root[..root.len() / 2];
    assert!(complaint(tls::Client::trusting(cut)).contains("certificates are not PEM"));
    assert!(complaint(authority.server().require_clients(cut)).contains("certificates are not PEM"));
}

#[test]
fn a_root_that_is_no_certificate_is_told() {
    let pem = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
    assert!(complaint(tls::Client::trusting(pem)).contains("a root that is to be trusted is no certificate"));
}

#[test]
fn a_name_that_no_certificate_can_have_is_told() {
    let said = complaint(Authority::new("ours").client().server_name("no name"));
    let expected = "\"no name\" is neither a DNS name nor an IP address, so no certificate can be for it";
    assert_eq!(said, format!("INVALID_ARGUMENT: {expected}"));
}
