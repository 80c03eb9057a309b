//! Lesson 17: TLS and ALPN.

#![allow(clippy::unwrap_used)]

use kv::message::{GetReply, GetRequest};
use kv::{Kv, KvServer, Store, proto};
use server::{Router, Server, context};
use transport::{Address, Status, tls};
use tutorial::authority::{Authority, Identity};
use tutorial::eavesdropper::{Eavesdropper, Heard, data};
use tutorial::joined::Passed;
use tutorial::lens::{self, Layer, check, leaves, outline};
use tutorial::recorded::{Recorded, connect};
use tutorial::secrets::KeyLog;
use tutorial::tap::{Chunk, Way};

const NAME: &str = "kv.example";

/// A server with TLS and one without, and who has signed for it.
struct Ends {
    authority: Authority,
    server: Server,
}

impl Ends {
    fn new() -> Self {
        Self::showing(|authority| authority.server(&[NAME]).unwrap())
    }

    fn showing(identity: impl FnOnce(&Authority) -> Identity) -> Self {
        let authority = Authority::named("a root").unwrap();
        let tls = identity(&authority).shown().unwrap();
        Self { authority, server: Server::new(Router::new().with(KvServer::new(Store::new()))).tls(tls) }
    }

    async fn listen(&mut self, scheme: &str) -> Address {
        self.server.listen(&format!("{scheme}://127.0.0.1:0")).await.unwrap()
    }

    fn client(&self) -> tls::Client {
        self.authority.client().unwrap().server_name(NAME).unwrap()
    }
}

/// Two calls over https, and the key log of the client.
async fn record_with_log() -> (Recorded, KeyLog) {
    let mut ends = Ends::new();
    let address = ends.listen("https").await;
    let log = KeyLog::default();
    (record(&address, Some(ends.client().key_log(log.clone()))).await, log)
}

async fn record(address: &Address, tls: Option<tls::Client>) -> Recorded {
    Recorded::of(address, tls).await.unwrap()
}

fn hear(recorded: &Recorded, log: &KeyLog) -> Vec<Heard> {
    Eavesdropper::new(log.clone()).hears(&[&recorded.before[..], &recorded.call].concat()).unwrap()
}

fn contains(bytes: &[u8], wanted: &str) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted.as_bytes())
}

/// What the fields of this name say, in bytes that have names.
fn values(spans: &[lens::Span], name: &str) -> Vec<String> {
    leaves(spans).filter(|span| span.name == name).map(|span| span.value.clone()).collect()
}

/// What both ends have agreed on, as it stands in EncryptedExtensions.
fn agreed(heard: &[Heard]) -> Vec<String> {
    let opened = heard.iter().find_map(|heard| heard.opened.as_ref()).unwrap();
    values(&lens::tls::inner(opened).spans, "protocol")
}

// ---- what is to be seen ----

#[tokio::test]
async fn without_tls_the_value_stands_in_the_bytes_and_inside_tls_nowhere() {
    let mut ends = Ends::new();
    let (plain, https) = (ends.listen("http").await, ends.listen("https").await);
    assert!(contains(&record(&plain, None).await.bytes(), "hello"));
    let sealed = record(&https, Some(ends.client())).await.bytes();
    for secret in ["hello", "greeting", "/kv.Kv/Put", "a root"] {
        assert!(!contains(&sealed, secret), "{secret}");
    }
}

#[tokio::test]
async fn a_client_says_in_the_clear_which_server_it_wants_and_what_is_to_be_spoken() {
    let (recorded, _) = record_with_log().await;
    let heard = hear(&recorded, &KeyLog::default());
    let hello = heard[0].spans();
    assert_eq!(values(&hello, "server name"), [format!("{NAME:?}")]);
    assert_eq!(values(&hello, "protocol"), ["\"h2\""]);
    assert!(values(&hello, "version").contains(&"TLS 1.3".to_owned()));
    let answer = heard[1].spans();
    assert_eq!(values(&answer, "cipher suite"), ["AES_256_GCM_SHA384"]);
    assert!(values(&answer, "protocol").is_empty(), "what was agreed on is sealed");
}

#[tokio::test]
async fn who_connects_by_an_ip_address_names_no_server() {
    let mut ends = Ends::showing(|authority| authority.server(&["127.0.0.1"]).unwrap());
    let address = ends.listen("https").await;
    let recorded = record(&address, Some(ends.authority.client().unwrap())).await;
    let hello = hear(&recorded, &KeyLog::default())[0].spans();
    assert!(outline(&hello).all(|row| row.span.name != "server_name"), "RFC 6066 §3");
}

#[tokio::test]
async fn the_lens_has_a_name_for_every_byte_and_none_of_them_is_wrong() {
    let (recorded, log) = record_with_log().await;
    for heard in hear(&recorded, &log) {
        let spans = heard.spans();
        assert_eq!(check(&spans, 0..heard.record.len()), Ok(()));
        let opened = heard.opened.unwrap_or_default();
        let inner = lens::tls::inner(&opened).spans;
        if !opened.is_empty() {
            assert_eq!(check(&inner, 0..opened.len()), Ok(()));
            assert!(leaves(&inner).all(|span| !span.is_wrong()), "{inner:#?}");
        }
        assert!(leaves(&spans).all(|span| !span.is_wrong()), "{spans:#?}");
    }
}

#[tokio::test]
async fn a_record_is_22_bytes_longer_than_what_is_in_it_and_a_small_call_is_two() {
    let mut ends = Ends::new();
    let (plain, https) = (ends.listen("http").await, ends.listen("https").await);
    let without = record(&plain, None).await;
    let log = KeyLog::default();
    let with = record(&https, Some(ends.client().key_log(log.clone()))).await;
    let size = |recorded: &Recorded| recorded.call.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
    assert_eq!(size(&with), size(&without) + 2 * 22);
    for heard in hear(&with, &log) {
        assert!(heard.data().is_none_or(|data| data.len() + 22 == heard.record.len()));
    }
}

// ---- the key log ----

#[tokio::test]
async fn without_the_key_log_nothing_opens() {
    let (recorded, _) = record_with_log().await;
    let heard = hear(&recorded, &KeyLog::default());
    assert!(heard.iter().all(|heard| heard.opened.is_none()));
    assert!(heard.iter().skip(3).filter(|heard| heard.is_sealed()).count() > 3);
    assert!(leaves(&heard.last().unwrap().spans()).any(|span| span.layer == Layer::Sealed));
}

#[tokio::test]
async fn with_it_everything_opens_and_the_messages_of_the_handshake_are_there() {
    let (recorded, log) = record_with_log().await;
    let heard = hear(&recorded, &log);
    assert!(heard.iter().all(|heard| !heard.is_sealed()));
    let opened: Vec<_> = heard.iter().filter_map(|heard| heard.opened.as_ref()).collect();
    let messages = |at: usize| lens::tls::messages(&opened[at][..opened[at].len() - 1]);
    assert_eq!(messages(0), ["EncryptedExtensions", "Certificate", "CertificateVerify", "Finished"]);
    assert_eq!(messages(1), ["Finished"]);
}

#[tokio::test]
async fn inside_are_the_frames_that_pass_without_tls_but_for_the_scheme() {
    let mut ends = Ends::new();
    let (plain, https) = (ends.listen("http").await, ends.listen("https").await);
    let lit = record(&plain, None).await.call;
    let log = KeyLog::default();
    let dark = record(&https, Some(ends.client().key_log(log.clone()))).await;
    let opened = data(&hear(&dark, &log));
    let frames = |chunks: &[Chunk]| -> Vec<Passed> {
        chunks.iter().flat_map(|(way, bytes)| Passed::all(*way, bytes)).collect()
    };
    let mut of_the_call: Vec<_> = frames(&opened).into_iter().filter(|frame| frame.stream() == 3).collect();
    // :scheme is https, RFC 7541 appendix A has it under 7; http is 6.
    let scheme = &mut of_the_call[0].bytes[10];
    assert_eq!(std::mem::replace(scheme, 0x86), 0x87);
    assert_eq!(of_the_call, frames(&lit));
    assert_eq!(of_the_call.len(), 5);
}

#[tokio::test]
async fn the_log_of_the_server_opens_it_too() {
    let authority = Authority::named("a root").unwrap();
    let log = KeyLog::default();
    let tls = authority.server(&[NAME]).unwrap().shown().unwrap().key_log(log.clone());
    let server = Server::new(Router::new().with(KvServer::new(Store::new()))).tls(tls);
    let mut ends = Ends { authority, server };
    let address = ends.listen("https").await;
    let recorded = record(&address, Some(ends.client())).await;
    assert!(hear(&recorded, &log).iter().all(|heard| !heard.is_sealed()));
}

#[tokio::test]
async fn the_log_of_another_connection_opens_nothing() {
    let (recorded, _) = record_with_log().await;
    let (_, other) = record_with_log().await;
    assert!(hear(&recorded, &other).iter().all(|heard| heard.opened.is_none()));
}

#[tokio::test]
async fn a_record_that_was_changed_left_out_or_sent_twice_does_not_open() {
    let (Recorded { before, call }, log) = record_with_log().await;
    let mut eavesdropper = Eavesdropper::new(log.clone());
    eavesdropper.hears(&before).unwrap();
    let keys = eavesdropper.keys(Way::Out).unwrap().clone();
    let request = &call[0].1;
    assert!(keys.clone().open(request).is_some());
    for at in [1, 5, request.len() - 1] {
        let mut changed = request.clone();
        changed[at] ^= 1;
        assert_eq!(keys.clone().open(&changed), None, "byte {at}");
    }
    let mut keys = keys;
    keys.open(request).unwrap();
    assert_eq!(keys.open(request), None, "again");

    let mut late = Eavesdropper::new(log);
    let without_the_last = {
        let mut chunks = before.clone();
        let last = chunks.iter_mut().rfind(|(way, _)| *way == Way::Out).unwrap();
        let (records, _) = lens::tls::records(&last.1);
        last.1.truncate(last.1.len() - records.last().unwrap().len());
        chunks
    };
    late.hears(&without_the_last).unwrap();
    let error = late.hears(&call).unwrap_err();
    assert!(error.starts_with("a record of the client with "), "{error}");
}

#[tokio::test]
async fn it_does_not_matter_how_the_bytes_are_cut() {
    let (recorded, log) = record_with_log().await;
    let mut one_by_one = Recorded { before: Vec::new(), call: Vec::new() };
    for (way, bytes) in recorded.before.iter().chain(&recorded.call) {
        one_by_one.before.extend(bytes.iter().map(|byte| (*way, vec![*byte])));
    }
    assert_eq!(hear(&one_by_one, &log), hear(&recorded, &log));
}

// ---- what is agreed on ----

#[tokio::test]
async fn grpc_agrees_on_h2_and_our_own_frames_on_rpc_1() {
    let mut ends = Ends::new();
    for (scheme, protocol) in [("https", "\"h2\""), ("tls+tcp", "\"rpc/1\"")] {
        let address = ends.listen(scheme).await;
        let log = KeyLog::default();
        let recorded = record(&address, Some(ends.client().key_log(log.clone()))).await;
        assert_eq!(agreed(&hear(&recorded, &log)), [protocol]);
    }
}

// ---- what fails ----

async fn refused(address: &str, client: Option<tls::Client>) -> String {
    connect(&address.parse().unwrap(), client).await.unwrap_err().to_string()
}

#[tokio::test]
async fn each_thing_that_is_wrong_has_an_error_of_its_own() {
    let mut ends = Ends::new();
    let (plain, https) = (ends.listen("http").await.to_string(), ends.listen("https").await.to_string());
    let frames = ends.listen("tls+tcp").await.to_string();
    let mut old = Ends::showing(|authority| authority.expired_server(&[NAME]).unwrap());
    let expired = old.listen("https").await.to_string();
    let stranger = Authority::named("a root").unwrap().client().unwrap().server_name(NAME).unwrap();
    let misled = ends.authority.client().unwrap().server_name("evil.example").unwrap();
    for (address, client, why) in [
        (https.clone(), Some(stranger), "is not signed by a root that this client trusts"),
        (https.clone(), Some(misled), "is for kv.example, and not for evil.example"),
        (expired, Some(old.client()), "expired on 2020-01-01 00:00 UTC"),
        (https.replace("https", "http"), None, "the server speaks TLS here: connect with https://"),
        (plain.replace("http", "https"), Some(ends.client()), "the server does not speak TLS"),
        (frames.replace("tls+tcp", "https"), Some(ends.client()), "does not speak h2 inside TLS (ALPN)"),
    ] {
        let status = refused(&address, client).await;
        assert!(status.starts_with("UNAVAILABLE: ") && status.contains(why), "{why}: {status}");
    }
    connect(&https.parse().unwrap(), Some(ends.client())).await.expect("nothing is wrong with this one");
}

// ---- who calls ----

struct WhoCalls;

impl proto::Kv for WhoCalls {
    async fn get(&self, _: GetRequest) -> Result<GetReply, Status> {
        Ok(GetReply { value: format!("{:?}", context::peer().map(|peer| peer.names().to_vec())) })
    }
}

async fn who_am_i(client: impl FnOnce(&Authority) -> tls::Client) -> Result<String, Status> {
    let authority = Authority::named("a root").unwrap();
    let tls = authority.server(&[NAME]).unwrap().shown().unwrap();
    let tls = tls.require_clients(authority.root()).unwrap();
    let mut server = Server::new(Router::new().with(proto::KvServer::new(WhoCalls))).tls(tls);
    let address = server.listen("https://127.0.0.1:0").await?;
    let client = client(&authority).server_name(NAME).unwrap();
    connect(&address, Some(client)).await?.get("who am I").await
}

fn with(authority: &Authority, identity: &Identity) -> tls::Client {
    authority.client().unwrap().identity(&identity.chain, &identity.key).unwrap()
}

#[tokio::test]
async fn a_method_knows_who_calls_by_the_certificate_that_was_shown() {
    let alice = |authority: &Authority| with(authority, &authority.caller("alice.example").unwrap());
    assert_eq!(who_am_i(alice).await.unwrap(), "Some([\"alice.example\"])");
}

#[tokio::test]
async fn a_name_that_nobody_trusted_has_signed_lets_nobody_in() {
    let stranger = Authority::named("a root").unwrap().caller("alice.example").unwrap();
    let status = who_am_i(|authority| with(authority, &stranger)).await.unwrap_err();
    assert!(status.message().contains("does not trust the root that signed this client's certificate"));
    let status = who_am_i(|authority| authority.client().unwrap()).await.unwrap_err();
    assert!(status.message().contains("asks for a certificate, and this client has shown none"));
}
