//! Who listens to a connection with TLS 1.3: without its key log to sealed records, and with it to what is in them.

use crate::lens::tls::{APPLICATION_DATA, CLIENT_HELLO, FINISHED, HANDSHAKE, HEADER, SERVER_HELLO};
use crate::lens::{self, tls};
use crate::page::count;
use crate::secrets::{KeyLog, Keys, Suite};
use crate::tap::{Chunk, Way};

/// Follows one connection from its first byte on. No message of its handshake is larger than a record.
#[derive(Debug)]
pub struct Eavesdropper {
    log: KeyLog,
    random: Vec<u8>,
    suite: Option<Suite>,
    out: Half,
    back: Half,
}

/// What is known of one direction.
#[derive(Debug, Default)]
struct Half {
    /// The beginning of a record that goes on.
    rest: Vec<u8>,
    keys: Option<Keys>,
}

/// A record that has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Out of the client, or into it.
    pub way: Way,
    /// All its bytes.
    pub record: Vec<u8>,
    /// What was sealed in it, with its type behind it, if the keys are known.
    pub opened: Option<Vec<u8>>,
}

impl Eavesdropper {
    /// Who listens to a connection that has not begun, and has its key log: an empty one opens nothing.
    pub fn new(log: KeyLog) -> Self {
        Self { log, random: Vec::new(), suite: None, out: Half::default(), back: Half::default() }
    }

    /// The records that these bytes complete.
    ///
    /// # Errors
    /// Which record it is that the keys do not open.
    pub fn hears(&mut self, chunks: &[Chunk]) -> Result<Vec<Heard>, String> {
        let mut heard = Vec::new();
        for (way, bytes) in chunks {
            let mut stream = std::mem::take(&mut self.half(*way).rest);
            stream.extend_from_slice(bytes);
            let (records, rest) = tls::records(&stream);
            for record in records {
                let opened = self.hear(*way, record)?;
                heard.push(Heard { way: *way, record: record.to_vec(), opened });
            }
            self.half(*way).rest = rest.to_vec();
        }
        Ok(heard)
    }

    /// The keys of a direction, as they stand now.
    pub fn keys(&self, way: Way) -> Option<&Keys> {
        if way == Way::Out { self.out.keys.as_ref() } else { self.back.keys.as_ref() }
    }

    fn hear(&mut self, way: Way, record: &[u8]) -> Result<Option<Vec<u8>>, String> {
        match (record[0], record.get(HEADER)) {
            (HANDSHAKE, Some(&CLIENT_HELLO)) => {
                self.random = record.get(RANDOM..RANDOM + 32).unwrap_or_default().to_vec();
            }
            (HANDSHAKE, Some(&SERVER_HELLO)) => {
                self.suite = suite(record);
                self.change_keys(Way::Out, "CLIENT_HANDSHAKE_TRAFFIC_SECRET");
                self.change_keys(Way::In, "SERVER_HANDSHAKE_TRAFFIC_SECRET");
            }
            (APPLICATION_DATA, _) => return self.open(way, record),
            _ => {}
        }
        Ok(None)
    }

    fn open(&mut self, way: Way, record: &[u8]) -> Result<Option<Vec<u8>>, String> {
        let Some(keys) = &mut self.half(way).keys else { return Ok(None) };
        let opened = keys.open(record).ok_or_else(|| {
            let who = if way == Way::Out { "client" } else { "server" };
            let size = count(record.len(), "byte");
            format!(
                "a record of the {who} with {size} does not open: it was sealed with other keys, it is not the next one, or a \
                 bit of it was changed"
            )
        })?;
        let inner = tls::inner(&opened);
        let content = &opened[inner.content];
        // Behind its Finished, each side has other keys (RFC 8446 §4.4.4).
        if inner.kind == Some(HANDSHAKE) && kinds(content).any(|kind| kind == FINISHED) {
            let side = if way == Way::Out { "CLIENT" } else { "SERVER" };
            self.change_keys(way, &format!("{side}_TRAFFIC_SECRET_0"));
        }
        Ok(Some(opened))
    }

    fn change_keys(&mut self, way: Way, label: &str) {
        let secret = self.log.secret(label, &self.random);
        let keys = self.suite.zip(secret).map(|(suite, secret)| Keys::of(suite, &secret));
        self.half(way).keys = keys;
    }

    fn half(&mut self, way: Way) -> &mut Half {
        if way == Way::Out { &mut self.out } else { &mut self.back }
    }
}

impl Heard {
    /// What the application sent in it, if it was opened and is that.
    pub fn data(&self) -> Option<&[u8]> {
        let opened = self.opened.as_deref()?;
        let inner = tls::inner(opened);
        (inner.kind == Some(APPLICATION_DATA)).then(|| &opened[inner.content])
    }

    /// The record in a few words, as far as it can be read.
    pub fn label(&self) -> String {
        let (content, kind) = match &self.opened {
            Some(opened) => {
                let inner = tls::inner(opened);
                (&opened[inner.content], inner.kind.unwrap_or_default())
            }
            None => (&self.record[HEADER..], self.record[0]),
        };
        let what = match (kind, self.is_sealed()) {
            (_, true) => "sealed".to_owned(),
            (HANDSHAKE, false) => tls::messages(content).join(", "),
            (kind, false) => tls::kind(kind),
        };
        format!("{what}, {}", count(self.record.len(), "byte"))
    }

    /// Whether it cannot be read.
    pub fn is_sealed(&self) -> bool {
        self.record[0] == APPLICATION_DATA && self.opened.is_none()
    }

    /// The record with the names of its bytes, as they passed.
    pub fn spans(&self) -> Vec<lens::Span> {
        tls::record(&self.record).spans
    }
}

/// The records of the handshake: up to the first one of the client that is sealed.
pub fn handshake(heard: &[Heard]) -> &[Heard] {
    let sealed = |heard: &Heard| heard.way == Way::Out && heard.record[0] == APPLICATION_DATA;
    let end = heard.iter().position(sealed).map_or(heard.len(), |last| last + 1);
    &heard[..end]
}

/// What the application sent in these records, as far as they were opened.
pub fn data(heard: &[Heard]) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    for (way, data) in heard.iter().filter_map(|heard| heard.data().map(|data| (heard.way, data))) {
        match chunks.last_mut() {
            Some((last, before)) if *last == way => before.extend_from_slice(data),
            _ => chunks.push((way, data.to_vec())),
        }
    }
    chunks
}

/// The types of the handshake messages in `content`.
fn kinds(content: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = content;
    std::iter::from_fn(move || {
        let head = rest.first_chunk::<4>()?;
        let length = u32::from_be_bytes([0, head[1], head[2], head[3]]) as usize;
        rest = rest.get(4 + length..).unwrap_or_default();
        Some(head[0])
    })
}

/// The cipher suite that a ServerHello chooses: behind the session's name.
fn suite(record: &[u8]) -> Option<Suite> {
    let session = RANDOM + 32;
    let at = session + 1 + usize::from(*record.get(session)?);
    Suite::numbered([*record.get(at)?, *record.get(at + 1)?])
}

/// Where the random of a hello begins: behind the header of the record, that of the message, and a version.
const RANDOM: usize = HEADER + 4 + 2;
