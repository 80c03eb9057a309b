//! Certificates and keys, from PEM (RFC 7468).

use std::sync::Arc;

use tokio_rustls::rustls::pki_types::pem::{Error, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, InconsistentKeys, RootCertStore};

use super::provider;
use crate::{Code, Status};

/// A chain of certificates, the own first, and the key to the first.
pub(super) fn identity(chain: &[u8], key: &[u8]) -> Result<Arc<CertifiedKey>, Status> {
    let chain = certificates(chain)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
        Error::NoItemsFound => wrong(
            "there is no private key: a file in PEM is expected, with a line such as -----BEGIN PRIVATE KEY-----, not \
             encrypted",
        ),
        error => wrong(format!("the private key is not PEM: {error}")),
    })?;
    let identity = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => wrong(
            "the private key is not that of the first certificate: the own certificate comes first, then those that \
             signed it",
        ),
        error => wrong(format!("certificate and private key cannot be used: {error}")),
    })?;
    Ok(Arc::new(identity))
}

/// Certificates that are trusted to sign others.
pub(super) fn roots(pem: &[u8]) -> Result<Arc<RootCertStore>, Status> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem)? {
        let added = roots.add(certificate);
        added.map_err(|error| wrong(format!("a root that is to be trusted is no certificate: {error}")))?;
    }
    Ok(Arc::new(roots))
}

/// The certificates in `pem`, at least one.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Status> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(|error| wrong(format!("certificates are not PEM: {error}")))?;
    if certificates.is_empty() {
        return Err(wrong(
            "there is no certificate: a file in PEM is expected, with a line -----BEGIN CERTIFICATE-----",
        ));
    }
    Ok(certificates)
}

fn wrong(text: impl Into<std::borrow::Cow<'static, str>>) -> Status {
    Status::new(Code::InvalidArgument, text)
}
