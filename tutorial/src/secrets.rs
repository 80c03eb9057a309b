//! What a key log of TLS gives away: keys, and with them what is in the records (RFC 8446 §5.2, §7.3).

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ring::aead::{
    AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey,
};
use ring::{aead, hkdf};

use crate::lens::tls::HEADER;

/// A key log in memory, in the format of SSLKEYLOGFILE: a line for each secret. Clones are the same log.
#[derive(Clone, Debug, Default)]
pub struct KeyLog(Arc<Mutex<Vec<u8>>>);

impl KeyLog {
    /// Its lines.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.lock()).into_owned()
    }

    /// The secret with this label, of the connection that began with this random.
    pub fn secret(&self, label: &str, random: &[u8]) -> Option<Vec<u8>> {
        let text = self.text();
        let secret = text.lines().find_map(|line| {
            let mut words = line.split(' ');
            let is_it =
                words.next() == Some(label) && words.next().and_then(bytes).as_deref() == Some(random);
            is_it.then(|| words.next()).flatten()
        });
        secret.and_then(bytes)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl io::Write for KeyLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A cipher suite of TLS 1.3: what seals records, and what makes keys of secrets.
#[derive(Clone, Copy, Debug)]
pub struct Suite {
    cipher: &'static aead::Algorithm,
    hash: hkdf::Algorithm,
}

impl Suite {
    /// The suite with this number (RFC 8446 §B.4); `None` for one that is hardly used, or of TLS 1.2.
    pub fn numbered(number: [u8; 2]) -> Option<Self> {
        let (cipher, hash) = match number {
            [0x13, 0x01] => (&AES_128_GCM, hkdf::HKDF_SHA256),
            [0x13, 0x02] => (&AES_256_GCM, hkdf::HKDF_SHA384),
            [0x13, 0x03] => (&CHACHA20_POLY1305, hkdf::HKDF_SHA256),
            _ => return None,
        };
        Some(Self { cipher, hash })
    }
}

/// What opens the records of one direction, one after the other, from when a secret begins to count.
#[derive(Clone, Debug)]
pub struct Keys {
    cipher: &'static aead::Algorithm,
    key: Vec<u8>,
    iv: [u8; NONCE_LEN],
    sequence: u64,
}

impl Keys {
    /// The keys that a traffic secret makes (RFC 8446 §7.3).
    pub fn of(suite: Suite, secret: &[u8]) -> Self {
        let secret = hkdf::Prk::new_less_safe(suite.hash, secret);
        let mut key = vec![0; suite.cipher.key_len()];
        let mut iv = [0; NONCE_LEN];
        expand_label(&secret, "key", &mut key);
        expand_label(&secret, "iv", &mut iv);
        Self { cipher: suite.cipher, key, iv, sequence: 0 }
    }

    /// The key.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// What the nonces are made of.
    pub fn iv(&self) -> [u8; NONCE_LEN] {
        self.iv
    }

    /// The nonce of the next record: the number of the record in it, so that no two are the same (RFC 8446 §5.3).
    pub fn nonce(&self) -> [u8; NONCE_LEN] {
        let mut nonce = self.iv;
        let number = self.sequence.to_be_bytes();
        for (byte, of_number) in nonce[NONCE_LEN - number.len()..].iter_mut().zip(number) {
            *byte ^= of_number;
        }
        nonce
    }

    /// What is in the next record: content, type, zeros (RFC 8446 §5.2). `None`: it was sealed with other keys, or is
    /// not the next one, or a bit of it was changed.
    pub fn open(&mut self, record: &[u8]) -> Option<Vec<u8>> {
        let (header, sealed) = record.split_at_checked(HEADER)?;
        let mut opened = sealed.to_vec();
        let key = LessSafeKey::new(UnboundKey::new(self.cipher, &self.key).ok()?);
        let nonce = Nonce::assume_unique_for_key(self.nonce());
        // The tag is taken off, and the header is checked with it.
        let length = key.open_in_place(nonce, Aad::from(header), &mut opened).ok()?.len();
        opened.truncate(length);
        self.sequence += 1;
        Some(opened)
    }
}

/// HKDF-Expand-Label of RFC 8446 §7.1, without a context.
fn expand_label(secret: &hkdf::Prk, label: &str, out: &mut [u8]) {
    let info = self::info(label, out.len());
    let filled = secret.expand(&[&info], Length(out.len())).and_then(|expanded| expanded.fill(out));
    // It fails when more is wanted than 255 times the hash.
    assert!(filled.is_ok(), "a key of {} bytes", out.len());
}

/// What a key is for, so that no secret makes the same one twice: its length, `tls13 ` and a label, and no context.
pub fn info(label: &str, length: usize) -> Vec<u8> {
    let label = format!("tls13 {label}");
    [&(length as u16).to_be_bytes()[..], &[label.len() as u8], label.as_bytes(), &[0]].concat()
}

/// How many bytes are wanted.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// Hexadecimal digits as bytes.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn suite() -> Suite {
        Suite::numbered([0x13, 0x01]).expect("AES_128_GCM_SHA256")
    }

    #[test]
    fn rfc8448_3_a_secret_makes_key_and_iv() {
        let secret = bytes("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
        let keys = Keys::of(suite(), &secret.expect("digits"));
        assert_eq!(keys.key(), bytes("3fce516009c21727d0f2e4e86ee403bc").expect("digits"));
        assert_eq!(keys.iv()[..], bytes("5d313eb2671276ee13000b30").expect("digits"));
    }

    #[test]
    fn rfc8446_5_3_a_nonce_is_the_iv_with_the_number_of_the_record_in_it() {
        let keys = Keys { sequence: 0x0102, ..Keys::of(suite(), &[7; 32]) };
        let mut expected = keys.iv();
        expected[10] ^= 1;
        expected[11] ^= 2;
        assert_eq!(keys.nonce(), expected);
        assert_eq!(Keys::of(suite(), &[7; 32]).nonce(), keys.iv(), "the first");
    }

    #[test]
    fn rfc8446_7_1_what_a_key_is_for_has_its_length_its_label_and_no_context() {
        assert_eq!(info("key", 16), b"\0\x10\x09tls13 key\0");
    }

    #[test]
    fn records_of_each_suite_open_in_the_order_in_which_they_were_sealed() {
        for number in 1..=3 {
            let suite = Suite::numbered([0x13, number]).expect("a suite");
            let sealing = Keys::of(suite, &[7; 32]);
            let seal = |sequence, content: &[u8]| {
                let keys = Keys { sequence, ..sealing.clone() };
                let header = [0x17, 3, 3, 0, content.len() as u8 + 16];
                let mut sealed = content.to_vec();
                let key = LessSafeKey::new(UnboundKey::new(keys.cipher, &keys.key).expect("a key"));
                let nonce = Nonce::assume_unique_for_key(keys.nonce());
                key.seal_in_place_append_tag(nonce, Aad::from(header), &mut sealed).expect("it is short");
                [&header[..], &sealed].concat()
            };
            let mut opening = sealing.clone();
            for (sequence, content) in [(0, b"one\x17"), (1, b"two\x17")] {
                assert_eq!(opening.open(&seal(sequence, content)).as_deref(), Some(&content[..]));
            }
            assert_eq!(opening.open(&seal(3, b"four\x17")), None, "the third is missing");
        }
    }

    #[test]
    fn a_record_that_is_no_record_does_not_open() {
        for record in [&b""[..], b"\x17\x03\x03\0", b"\x17\x03\x03\0\x05hello", &[0; 30]] {
            assert_eq!(Keys::of(suite(), &[7; 32]).open(record), None);
        }
    }

    #[test]
    fn a_secret_is_found_by_label_and_random() {
        let mut log = KeyLog::default();
        log.write_all(b"# a comment\nA 0102 aa\nB 0102 bb\nA 0304 cc\nA 05\nA 06 x\n").expect("memory");
        assert_eq!(log.secret("B", &[1, 2]), Some(vec![0xbb]));
        assert_eq!(log.secret("A", &[3, 4]), Some(vec![0xcc]));
        for (label, random) in [("C", [1, 2]), ("B", [3, 4])] {
            assert_eq!(log.secret(label, &random), None);
        }
        assert_eq!((log.secret("A", &[5]), log.secret("A", &[6])), (None, None), "what is no line of it");
    }
}
