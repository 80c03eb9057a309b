//! TLS under each API: that it works, what it costs, and what is said when only one side speaks it.

use std::sync::Arc;

use client::{CallOptions, Channel};
use kv::{Kv, KvClient};
use kv_json::JsonClient;
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use transport::{Limits, Status, tls};

use super::api::Api;
use super::lost;
use super::protocol::Bytes;
use super::served::{Served, through_a_relay};

/// Each API with TLS.
#[derive(Clone, Debug, Serialize)]
pub struct Security {
    /// A row for each.
    pub apis: Vec<Secured>,
}

/// One API with TLS.
#[derive(Clone, Debug, Serialize)]
pub struct Secured {
    /// Which.
    pub api: Api,
    /// Its addresses begin so.
    pub scheme: String,
    /// What get("greeting") has returned.
    pub value: String,
    /// The first call, with all that begins a connection.
    pub first: Bytes,
    /// A later call on the same connection.
    pub warm: Bytes,
    /// What a client is told that does not speak TLS to a server that does.
    pub plain_client: String,
    /// What a client is told that speaks TLS to a server that does not.
    pub plain_server: String,
    /// What a client is told that does not know who has signed the server's certificate.
    pub stranger: String,
}

/// Calls each API inside of TLS, and tries what cannot work.
///
/// # Errors
/// When what has to work does not.
pub async fn measure(served: &Served) -> Result<Security, Status> {
    served.store.put("greeting", "hello").await?;
    let mut apis = Vec::new();
    for api in Api::ALL {
        apis.push(if api == Api::Json { over_json(served).await? } else { over_calls(served, api).await? });
    }
    Ok(Security { apis })
}

async fn over_calls(served: &Served, api: Api) -> Result<Secured, Status> {
    let (secured, plain) = (served.secured(api), served.address(api));
    let (relay, address) = through_a_relay(&secured).await?;
    let client = kv(&address, served.trusting.clone()).await?;
    client.get("greeting").await?;
    let first = Bytes::of(&relay.passed());
    client.get("greeting").await?;
    relay.passed();
    let value = client.get("greeting").await?;
    let warm = Bytes::of(&relay.passed());
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).map_err(lost)?;
    Ok(Secured {
        api,
        scheme: scheme(&secured),
        value,
        first,
        warm,
        plain_client: why(plain_kv(&with_scheme_of(&plain, &secured)).await)?,
        plain_server: why(kv(&with_scheme_of(&secured, &plain), served.trusting.clone()).await)?,
        stranger: why(kv(&secured, tls::Client::trusting(own.cert.pem())?).await)?,
    })
}

async fn plain_kv(address: &str) -> Result<String, Status> {
    KvClient::connect(address).await?.get("greeting").await
}

/// A stub whose calls go through TLS.
async fn kv(address: &str, tls: tls::Client) -> Result<KvClient, Status> {
    let channel = Channel::connect_tls(address, Limits::default(), tls).await?;
    let codec = channel.codec();
    Ok(KvClient::new(channel).with(CallOptions::new().codec(codec)))
}

/// Over HTTP/1.1 as it is: the client of the API knows no TLS.
async fn over_json(served: &Served) -> Result<Secured, Status> {
    let (secured, plain) = (served.secured(Api::Json), served.address(Api::Json));
    let (relay, address) = through_a_relay(&secured).await?;
    let mut stream = connected(&address, Some(&served.certificate)).await?;
    get(&mut stream, &address).await?;
    let first = Bytes::of(&relay.passed());
    let value = get(&mut stream, &address).await?;
    let warm = Bytes::of(&relay.passed());
    let at_secured = JsonClient::new(&with_scheme_of(&plain, &secured))?;
    Ok(Secured {
        api: Api::Json,
        scheme: scheme(&secured),
        value,
        first,
        warm,
        plain_client: why(at_secured.get("greeting").await)?,
        plain_server: why(connected(&plain, Some(&served.certificate)).await)?,
        stranger: why(connected(&secured, None).await)?,
    })
}

/// A stream of bytes inside of TLS, for HTTP/1.1, to who has this certificate.
async fn connected(address: &str, certificate: Option<&str>) -> Result<TlsStream<TcpStream>, Status> {
    let mut roots = RootCertStore::empty();
    if let Some(certificate) = certificate {
        roots.add(CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(lost)?).map_err(lost)?;
    }
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let (_, place) = address.split_once("://").ok_or_else(|| lost("no scheme"))?;
    let stream = TcpStream::connect(place).await.map_err(lost)?;
    stream.set_nodelay(true).map_err(lost)?;
    let name = ServerName::try_from("127.0.0.1").map_err(lost)?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(lost)
}

/// The value of "greeting", by a request as the client of the API sends it.
async fn get(stream: &mut TlsStream<TcpStream>, address: &str) -> Result<String, Status> {
    let host = address.trim_start_matches("https://");
    let request = format!("GET /v1/values/greeting HTTP/1.1\r\naccept: */*\r\nhost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(lost)?;
    let mut answer = String::new();
    while !answer.ends_with('}') {
        let mut part = [0; 1024];
        let read = stream.read(&mut part).await.map_err(lost)?;
        if read == 0 {
            return Err(lost(format!("the answer ends early: {answer}")));
        }
        answer.push_str(&String::from_utf8_lossy(&part[..read]));
    }
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    let body: serde_json::Value = serde_json::from_str(body).map_err(lost)?;
    Ok(body["value"].as_str().unwrap_or_default().to_owned())
}

fn scheme(address: &str) -> String {
    address.split_inclusive("://").next().unwrap_or_default().to_owned()
}

/// The place of `address`, with the scheme of another one.
fn with_scheme_of(other: &str, address: &str) -> String {
    let place = address.split_once("://").map_or(address, |(_, place)| place);
    format!("{}{place}", scheme(other))
}

/// Why something did not work.
fn why<T>(result: Result<T, Status>) -> Result<String, Status> {
    match result {
        Ok(_) => Err(lost("what cannot work has worked")),
        Err(status) => Ok(status.message().to_owned()),
    }
}
