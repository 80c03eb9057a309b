//! Lesson 17: TLS and ALPN.

use std::process::ExitCode;
use std::sync::Arc;

use kv::message::{GetReply, GetRequest};
use kv::{Kv, KvServer, Store, proto};
use server::{Router, Server, context};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};
use transport::{Address, Code, Status, tls};
use tutorial::authority::{Authority, Identity};
use tutorial::eavesdropper::{self, Eavesdropper, Heard};
use tutorial::lens::schema::Schema;
use tutorial::lens::tls::ALERT;
use tutorial::lens::{self, Span, outline};
use tutorial::lesson::{Lesson, no_network};
use tutorial::onlooker::{self, Onlooker, Said};
use tutorial::page::{BOLD, Page, hex};
use tutorial::recorded::{Recorded, connect};
use tutorial::relay::Relay;
use tutorial::secrets::{self, KeyLog, Keys, Suite};
use tutorial::tap::{Chunk, Way};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let lesson = const { Lesson::numbered(17) };
    let mut page = lesson.begin(
        &[
            "TLS cuts a stream of bytes into records, and seals each. Who looks on sees how long they are, and when.",
            "Two hellos pass in the clear: the name of the server, what is spoken inside (ALPN), and one half of a key \
             from each side.",
            "Who has the secrets of the connection, from a key log, reads all of it. The private key of the server \
             opens nothing.",
            "A certificate says who it is; a root that one trusts says that this is so. Each thing that can be wrong \
             with that has an error of its own.",
        ],
        "A client calls put(\"greeting\", \"hello\") over https, and somebody on the way copies every byte. What do \
         they learn: the name of the server, the method, the value, how long it is? And when they steal the \
         private key of the server a month later, can they read it then?",
    );
    let given = run(&mut page).await;
    lesson.end(
        page,
        given,
        "In tutorial/src/secrets.rs, `open`, remove the line `self.sequence += 1;`. Run this again. The first record \
         of each side opens, and the next one does not, though key and bytes are right: its nonce has to have its \
         number in it. So no record can be left out, sent twice, or put before another one. The test below fails \
         too.",
    )
}

async fn run(page: &mut Page) -> Result<(), Status> {
    let authority = Authority::named("the root of lesson 17")?;
    let shown = authority.server(&[NAME])?;
    let mut server = Server::new(Router::new().with(KvServer::new(Store::new()))).tls(shown.shown()?);
    let plain = server.listen("http://127.0.0.1:0").await?;
    let https = server.listen("https://127.0.0.1:0").await?;
    let frames = server.listen("tls+tcp://127.0.0.1:0").await?;
    let log = KeyLog::default();
    let client = || authority.client()?.server_name(NAME);

    let lit = Recorded::of(&plain, None).await?;
    in_the_clear(page, &lit)?;
    let dark = Recorded::of(&https, Some(client()?.key_log(log.clone()))).await?;
    in_the_dark(page, &dark)?;
    hellos(page, &dark)?;
    what_it_costs(page, &lit, &dark)?;
    key_log(page, &lit, &dark, &log)?;
    agreed(page, &https, &frames, client).await?;
    failures(page, &authority, &plain, &https, &frames).await?;
    who_calls(page, &authority, &shown).await?;

    page.heading("and the questions");
    page.say(&format!(
        "They learn the name {NAME}, that HTTP/2 is spoken, how long each record is, and when it passed. Not \
         the method and not the value; but who knows what the lengths are for each method can guess. And the private \
         key only signs: the keys come from two halves that were made for this connection, and forgotten. It lets a thief \
         pretend to be the server from now on, and opens nothing that has passed (forward secrecy).",
    ));
    Ok(())
}

fn in_the_clear(page: &mut Page, lit: &Recorded) -> Result<(), Status> {
    page.heading("in the clear");
    page.say(
        "put(\"greeting\", \"hello\") over http://, the second call of its connection, through a relay that notes all bytes. \
         The lens gives each of them its name:",
    );
    page.blank();
    let mut onlooker = Onlooker::new();
    onlooker.sees(&lit.before);
    frames(page, &onlooker.sees(&lit.call))
}

fn in_the_dark(page: &mut Page, dark: &Recorded) -> Result<(), Status> {
    page.heading("the picture goes dark");
    page.say(
        "The same over https://. Before the first byte of HTTP/2 both sides say hello. TLS has frames of its own, which are \
         called records:",
    );
    page.blank();
    let mut eavesdropper = Eavesdropper::new(KeyLog::default());
    let before = eavesdropper.hears(&dark.before).map_err(lost)?;
    let call = eavesdropper.hears(&dark.call).map_err(lost)?;
    draw(page, eavesdropper::handshake(&before));
    page.blank();
    page.say("Then the calls. This is the second one:");
    page.blank();
    draw(page, &call);
    page.blank();
    let [request, _] = &call[..] else { return Err(lost("a call is more than two records")) };
    page.picture("17-dark", "The same call in a record of TLS");
    page.spans(&request.record, &request.spans());
    page.blank();
    page.say(&format!(
        "That is all there is to see: a type that says application_data whatever is inside, a version that has been 1.2 \
         ever since boxes on the way refused what they did not know, and a length. (RFC 8446 §5; tutorial/src/lens/tls/) \
         Among the {} bytes of both directions \"hello\" stands {} times.",
        dark.bytes().len(),
        times(&dark.bytes(), b"hello"),
    ));
    Ok(())
}

fn hellos(page: &mut Page, dark: &Recorded) -> Result<(), Status> {
    page.heading("what is said in the clear");
    let heard = Eavesdropper::new(KeyLog::default()).hears(&dark.before).map_err(lost)?;
    let [client, server, ..] = &heard[..] else { return Err(lost("there are no hellos")) };
    page.say(
        "Without keys there can be no secrets, so two hellos are open. The client begins, and says which ciphers it \
         knows, the names that begin with 1.2 for servers of 2008:",
    );
    page.blank();
    let spans = client.spans();
    let all = lens::leaves(&spans).cloned();
    let suites: Vec<_> = all.take_while(|span| !span.name.contains("methods")).collect();
    page.spans(&client.record, &suites);
    page.blank();
    page.say(
        "Behind that come extensions, in an order that changes from connection to connection, so that nobody gets used to \
         one. The name of the server, because a machine may have many, and each its own certificate (SNI):",
    );
    page.blank();
    page.picture("17-sni", "The name of the server, in the clear");
    extension(page, client, "server_name")?;
    page.blank();
    page.say("What is to be spoken inside. Over https:// that is HTTP/2 and nothing else:");
    page.blank();
    extension(page, client, "ALPN")?;
    page.blank();
    page.say("And half of a key. The other half is in the ServerHello, with the cipher that was chosen:");
    page.blank();
    extension(page, client, "key_share")?;
    let spans = server.spans();
    let suite: Vec<_> = lens::leaves(&spans).filter(|span| span.name == "cipher suite").cloned().collect();
    page.blank();
    page.spans(&server.record, &suite);
    extension(page, server, "supported_versions")?;
    extension(page, server, "key_share")?;
    page.blank();
    page.say(
        "Each side makes the same secret of its own private half and the public half of the other. Who has seen both \
         public halves cannot. (RFC 8446 §7.1) All that follows is sealed, also the certificate.",
    );
    Ok(())
}

fn what_it_costs(page: &mut Page, lit: &Recorded, dark: &Recorded) -> Result<(), Status> {
    page.heading("what it costs");
    let heard = Eavesdropper::new(KeyLog::default()).hears(&dark.before).map_err(lost)?;
    let hello: usize = eavesdropper::handshake(&heard).iter().map(|heard| heard.record.len()).sum();
    let size = |chunks: &[Chunk]| chunks.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
    let (plain, sealed) = (size(&lit.call), size(&dark.call));
    page.line(format_args!(
        "    {BOLD}{:32}{:>10}{:>10}{:>10}{BOLD:#}",
        "bytes", "http://", "https://", "more"
    ));
    for (what, plain, sealed) in [("once a connection", 0, hello), ("put, the second time", plain, sealed)] {
        page.line(format_args!("    {what:32}{plain:>10}{sealed:>10}{:>10}", sealed - plain));
    }
    page.blank();
    page.say(
        "22 bytes a record: five in front, one for the type of what is inside, and sixteen to see that nothing was changed. \
         What leaves together is one record, of at most 16 KiB, so a small call has two of them. And one more way \
         there and back before the first call: the hellos.",
    );
    Ok(())
}

fn key_log(page: &mut Page, lit: &Recorded, dark: &Recorded, log: &KeyLog) -> Result<(), Status> {
    page.heading("a key log lights it again");
    page.say(
        "The client was asked to write its secrets down, as browsers do where SSLKEYLOGFILE is set \
         (transport/src/tls/key_log.rs): what each is for, the random of the ClientHello, and the secret.",
    );
    page.blank();
    for line in log.text().lines() {
        let words: Vec<_> = line.split(' ').collect();
        let [label, random, secret] = words[..] else { return Err(lost("the key log is none")) };
        page.line(format_args!("    {label:33}{}… {BOLD}{}…{BOLD:#}", &random[..16], &secret[..16]));
    }
    page.blank();
    page.say(
        "A secret is not a key yet. HKDF makes of it a key, and what nonces are made of; a label says which of the two, so \
         that they have nothing to do with each other (RFC 8446 §7.3; tutorial/src/secrets.rs, `of`). For what the \
         client's application sends:",
    );
    page.blank();
    let mut eavesdropper = Eavesdropper::new(log.clone());
    let before = eavesdropper.hears(&dark.before).map_err(lost)?;
    let (suite, secret) = secret(&before, log).ok_or_else(|| lost("the secret is not in the log"))?;
    let keys = Keys::of(suite, &secret);
    for (name, bytes) in [
        ("label", &secrets::info("key", keys.key().len())[..]),
        ("key", keys.key()),
        ("label", &secrets::info("iv", keys.iv().len())),
        ("iv", &keys.iv()),
    ] {
        let more = if bytes.len() > 16 { " …" } else { "" };
        page.line(format_args!("    {name:8}{BOLD}{}{BOLD:#}{more}", hex(&bytes[..bytes.len().min(16)])));
    }
    page.blank();
    page.say(
        "The nonce of record 0 is the iv, that of record 5 the iv with its last bits changed by 5. With key and nonce the \
         record opens, if not a bit of it has changed (`open`). First, what was behind the hellos:",
    );
    page.blank();
    draw(page, eavesdropper::handshake(&before));
    page.blank();
    page.say("And so it is with the call. The record from above, opened:");
    page.blank();
    let call = eavesdropper.hears(&dark.call).map_err(lost)?;
    let opened = call.first().and_then(|heard| heard.opened.as_deref()).unwrap_or_default();
    page.spans(opened, &lens::tls::inner(opened).spans);
    page.blank();
    let inside = eavesdropper::data(&call);
    let both = lit.call.iter().zip(&inside).flat_map(|((_, plain), (_, opened))| plain.iter().zip(opened));
    let differing: Vec<_> = both.filter(|(plain, opened)| plain != opened).collect();
    let [(plain, opened)] = differing[..] else { return Err(lost("the frames are not those of http://")) };
    page.say(&format!(
        "These are the frames of HTTP/2, the same as over http:// in every byte but one: {opened:02x} where {plain:02x} was, in \
         the fields of the request. HPACK has https under 7 in its table, and http under 6.",
    ));
    page.blank();
    let mut onlooker = Onlooker::new();
    onlooker.sees(&eavesdropper::data(&before));
    page.picture("17-lit", "The message of the call, as it was inside of TLS");
    frames(page, &onlooker.sees(&inside))
}

async fn agreed(
    page: &mut Page,
    https: &Address,
    frames: &Address,
    client: impl Fn() -> Result<tls::Client, Status>,
) -> Result<(), Status> {
    page.heading("what is spoken inside");
    page.say(
        "The client offers names, and the server takes one: ALPN (RFC 7301). Its answer is sealed, in EncryptedExtensions. \
         Over https://:",
    );
    page.blank();
    for (number, address) in [https, frames].into_iter().enumerate() {
        let log = KeyLog::default();
        let recorded = Recorded::of(address, Some(client()?.key_log(log.clone()))).await?;
        let heard = Eavesdropper::new(log).hears(&recorded.before).map_err(lost)?;
        let opened = heard.iter().find_map(|heard| heard.opened.as_deref()).unwrap_or_default();
        let spans = lens::tls::inner(opened).spans;
        let extensions = find(&spans, "EncryptedExtensions").ok_or_else(|| lost("nothing was agreed on"))?;
        if number == 1 {
            page.blank();
            page.say("And over tls+tcp://, where our own frames are carried:");
            page.blank();
        } else {
            page.picture("17-alpn", "What is spoken inside is agreed on");
        }
        page.spans(opened, std::slice::from_ref(extensions));
    }
    page.blank();
    page.say(
        "So a port can serve several protocols, and none has to be tried first. gRPC wants h2; who agrees on nothing, or on \
         something else, is sent away before a byte of HTTP/2. (RFC 9113 §3.2; transport/src/tls/client.rs, `handshake`)",
    );
    Ok(())
}

async fn failures(
    page: &mut Page,
    authority: &Authority,
    plain: &Address,
    https: &Address,
    frames: &Address,
) -> Result<(), Status> {
    page.heading("each fails in its own way");
    page.say("What the caller has, whenever it should not have been connected:");
    page.blank();
    let stranger = Authority::named("somebody else")?;
    let expired = listen(Server::new(Router::new()).tls(authority.expired_server(&[NAME])?.shown()?)).await?;
    let silent = without_alpn(&authority.server(&[NAME])?).await?;
    let tls = |address: &Address| address.to_string().replace("http://", "https://");
    let named = || authority.client()?.server_name(NAME);
    let cases = [
        ("a root that did not sign", https.to_string(), Some(stranger.client()?.server_name(NAME)?)),
        ("another name", https.to_string(), Some(authority.client()?.server_name("evil.example")?)),
        ("a certificate that has expired", expired.0.to_string(), Some(named()?)),
        ("http:// to a port with TLS", https.to_string().replace("https", "http"), None),
        ("https:// to a port without", tls(plain), Some(named()?)),
        ("a server that knows nothing of ALPN", silent.to_string(), Some(named()?)),
        ("a server of our own frames", frames.to_string().replace("tls+tcp", "https"), Some(named()?)),
    ];
    let mut alert = None;
    for (what, address, client) in cases {
        let relay = Relay::to(&address.parse()?).await?;
        let status = failed(connect(relay.address(), client).await)?;
        page.line(format_args!("    {BOLD}{what}{BOLD:#}"));
        page.point("  →", &status.to_string());
        let heard = Eavesdropper::new(KeyLog::default()).hears(&relay.passed()).map_err(lost)?;
        let is_alert = |heard: &Heard| heard.way == Way::In && heard.record[0] == ALERT;
        alert = alert.or(heard.into_iter().find(is_alert));
    }
    page.blank();
    page.say(
        "No call was made in any of them, and another server may do better: that is UNAVAILABLE. Who refuses says why with an \
         alert, sealed as soon as there are keys (RFC 8446 §6). This one is not: it is all that a client gets that speaks \
         HTTP/2 to a port with TLS, and no frame of HTTP/2. The server cannot read what it was told:",
    );
    page.blank();
    let alert = alert.ok_or_else(|| lost("nobody has sent an alert"))?;
    page.picture("17-alert", "A port with TLS was spoken to without");
    page.spans(&alert.record, &alert.spans());
    Ok(())
}

async fn who_calls(page: &mut Page, authority: &Authority, shown: &Identity) -> Result<(), Status> {
    page.heading("who calls");
    page.say(
        "So far the client knows the server. With mutual TLS the server asks for a certificate too, and a method can ask who \
         calls (tutorial/src/bin/lesson_17_tls.rs, server/src/context.rs):",
    );
    page.blank();
    page.code("context::peer().map(|peer| peer.names().join(\", \"))");
    page.blank();
    let router = Router::new().with(proto::KvServer::new(WhoCalls));
    let tls = shown.shown()?.require_clients(authority.root())?;
    let (address, _server) = listen(Server::new(router).tls(tls)).await?;
    let alice = authority.caller("alice.example")?;
    let stranger = Authority::named("somebody else")?.caller("alice.example")?;
    let client = || authority.client()?.server_name(NAME);
    for (who, client) in [
        ("alice", client()?.identity(&alice.chain, &alice.key)?),
        ("nobody", client()?),
        ("who signs as alice", client()?.identity(&stranger.chain, &stranger.key)?),
    ] {
        let answer = match connect(&address, Some(client)).await {
            Ok(kv) => kv.get("who am I").await,
            Err(status) => Err(status),
        };
        let told = answer.unwrap_or_else(|status| status.to_string());
        page.point(&format!("  {who:20}"), &told);
    }
    page.blank();
    page.say(
        "A name in metadata could be anybody's claim. This one was signed by a root that the server trusts, and the caller has \
         proved to have the key to it. Whether alice may call is another question: that is for the method to say, with \
         PERMISSION_DENIED.",
    );
    Ok(())
}

/// Says who calls, whatever it is asked for.
struct WhoCalls;

impl proto::Kv for WhoCalls {
    async fn get(&self, _: GetRequest) -> Result<GetReply, Status> {
        let name = context::peer().map(|peer| peer.names().join(", "));
        Ok(GetReply { value: format!("you are {}", name.as_deref().unwrap_or("nobody I know")) })
    }
}

/// The server listens with TLS for as long as it is kept.
async fn listen(mut server: Server) -> Result<(Address, Server), Status> {
    Ok((server.listen("https://127.0.0.1:0").await?, server))
}

/// A server with TLS for one client, which was never told what is spoken inside.
async fn without_alpn(identity: &Identity) -> Result<Address, Status> {
    let chain =
        CertificateDer::pem_slice_iter(identity.chain.as_bytes()).collect::<Result<_, _>>().map_err(lost)?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).map_err(lost)?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error: rustls::Error| lost(error))?;
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(no_network)?;
    let port = listener.local_addr().map_err(no_network)?.port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await?;
        TlsAcceptor::from(Arc::new(config)).accept(stream).await?.read(&mut [0]).await
    });
    Ok(Address::Https { host: "127.0.0.1".to_owned(), port })
}

/// Draws frames of calls, and DATA that goes out byte by byte.
fn frames(page: &mut Page, said: &[Said]) -> Result<(), Status> {
    onlooker::draw(page, said, |_| false);
    page.blank();
    let data = said.iter().find(|said| said.frame.way == Way::Out && said.fields.is_none());
    let Said { frame, spans, .. } = data.ok_or_else(|| lost("no message was sent"))?;
    page.spans(&frame.bytes, spans);
    let message = frame.bytes.get(14..).unwrap_or_default();
    let schema = Schema::kv().map_err(lost)?;
    page.blank();
    page.spans(message, &lens::protobuf::message(message, schema.message("kv.PutRequest")));
    Ok(())
}

fn draw(page: &mut Page, heard: &[Heard]) {
    for heard in heard {
        page.arrow(heard.way == Way::Out, &heard.label());
    }
}

/// The secret of what the client's application sends, and the cipher it is for.
fn secret(heard: &[Heard], log: &KeyLog) -> Option<(Suite, Vec<u8>)> {
    let leaf = |heard: &Heard, name: &str| {
        let spans = heard.spans();
        let range = lens::leaves(&spans).find(|span| span.name == name)?.range.clone();
        Some(heard.record[range].to_vec())
    };
    let [client, server, ..] = heard else { return None };
    let suite = Suite::numbered(leaf(server, "cipher suite")?.try_into().ok()?)?;
    Some((suite, log.secret("CLIENT_TRAFFIC_SECRET_0", &leaf(client, "random")?)?))
}

fn extension(page: &mut Page, heard: &Heard, name: &str) -> Result<(), Status> {
    let spans = heard.spans();
    let extension = find(&spans, name).ok_or_else(|| lost(format!("{name} was not said")))?;
    page.spans(&heard.record, std::slice::from_ref(extension));
    Ok(())
}

/// The span with parts that has this name.
fn find<'a>(spans: &'a [Span], name: &str) -> Option<&'a Span> {
    outline(spans).map(|row| row.span).find(|span| span.name == name && !span.parts.is_empty())
}

fn times(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).filter(|window| *window == wanted).count()
}

fn failed<T>(result: Result<T, Status>) -> Result<Status, Status> {
    result.err().ok_or_else(|| lost("who should not be let in was"))
}

fn lost(what: impl std::fmt::Display) -> Status {
    Status::new(Code::Internal, what.to_string())
}

const NAME: &str = "kv.example";
