//! Who signs certificates, made for one run.

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, PKCS_ED25519, SerialNumber,
};
use transport::{Code, Status, tls};

/// Signs certificates. Its keys are ed25519, so that all that it signs is equally long in each run.
#[derive(Debug)]
pub struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate that an authority has signed, and its key.
#[derive(Debug)]
pub struct Identity {
    /// The certificate, PEM.
    pub chain: String,
    /// The private key, PEM.
    pub key: String,
}

impl Authority {
    /// An authority that nobody knows yet.
    ///
    /// # Errors
    /// INTERNAL when no key can be made.
    pub fn named(name: &str) -> Result<Self, Status> {
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(name);
        params.serial_number = Some(SerialNumber::from(1));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = key()?;
        let certificate = params.self_signed(&key).map_err(unusable)?;
        Ok(Self { certificate, issuer: Issuer::new(params, key) })
    }

    /// The root, PEM, as those have it who trust it.
    pub fn root(&self) -> String {
        self.certificate.pem()
    }

    /// A client that trusts this authority, and no other.
    ///
    /// # Errors
    /// Those of [`tls::Client::trusting`].
    pub fn client(&self) -> Result<tls::Client, Status> {
        tls::Client::trusting(self.root())
    }

    /// A certificate for the server with these names.
    ///
    /// # Errors
    /// INTERNAL when no key can be made.
    pub fn server(&self, names: &[&str]) -> Result<Identity, Status> {
        self.sign(names, ExtendedKeyUsagePurpose::ServerAuth, |_| {})
    }

    /// The same, which has expired.
    ///
    /// # Errors
    /// INTERNAL when no key can be made.
    pub fn expired_server(&self, names: &[&str]) -> Result<Identity, Status> {
        self.sign(names, ExtendedKeyUsagePurpose::ServerAuth, |params| {
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        })
    }

    /// A certificate for a client with this name.
    ///
    /// # Errors
    /// INTERNAL when no key can be made.
    pub fn caller(&self, name: &str) -> Result<Identity, Status> {
        self.sign(&[name], ExtendedKeyUsagePurpose::ClientAuth, |_| {})
    }

    fn sign(
        &self,
        names: &[&str],
        purpose: ExtendedKeyUsagePurpose,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Result<Identity, Status> {
        let own = names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut params = CertificateParams::new(own).map_err(unusable)?;
        params.distinguished_name = common_name(names.first().copied().unwrap_or_default());
        params.serial_number = Some(SerialNumber::from(2));
        params.extended_key_usages = vec![purpose];
        change(&mut params);
        let key = key()?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(unusable)?;
        Ok(Identity { chain: certificate.pem(), key: key.serialize_pem() })
    }
}

impl Identity {
    /// A server that shows it.
    ///
    /// # Errors
    /// Those of [`tls::Server::new`].
    pub fn shown(&self) -> Result<tls::Server, Status> {
        tls::Server::new(&self.chain, &self.key)
    }
}

fn key() -> Result<KeyPair, Status> {
    KeyPair::generate_for(&PKCS_ED25519).map_err(unusable)
}

fn common_name(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

fn unusable(error: rcgen::Error) -> Status {
    Status::new(Code::Internal, format!("no certificate could be made: {error}"))
}
