//! Certificates, made for one test.

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair,
};
use transport::tls;

/// Who signs certificates.
pub struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate that an authority has signed, and its key, in PEM.
pub struct Identity {
    pub chain: String,
    pub key: String,
    pub der: Vec<u8>,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// The root, as those have it who trust it.
    pub fn root(&self) -> String {
        self.certificate.pem()
    }

    /// A certificate for `names`.
    pub fn sign(&self, names: &[&str]) -> Identity {
        self.sign_with(names, |_| {})
    }

    /// A certificate for `names` that is special.
    pub fn sign_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name = named("somebody");
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity { chain: certificate.pem(), key: key.serialize_pem(), der: certificate.der().to_vec() }
    }

    /// The certificate with which this authority signs, and its key.
    pub fn itself(&self) -> Identity {
        Identity {
            chain: self.root(),
            key: self.issuer.key().serialize_pem(),
            der: self.certificate.der().to_vec(),
        }
    }

    /// A server at 127.0.0.1 with a certificate of this authority.
    pub fn server(&self) -> tls::Server {
        self.sign(&["127.0.0.1"]).server()
    }

    /// A client that trusts this authority.
    pub fn client(&self) -> tls::Client {
        tls::Client::trusting(self.root()).unwrap()
    }
}

impl Identity {
    pub fn server(&self) -> tls::Server {
        tls::Server::new(&self.chain, &self.key).unwrap()
    }
}

/// Makes of a certificate one that is for clients.
pub fn for_clients(params: &mut CertificateParams) {
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}
