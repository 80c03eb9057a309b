//! What the numbers of TLS are called.

use super::{ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE};
use super::{
    CERTIFICATE, CERTIFICATE_REQUEST, CERTIFICATE_VERIFY, CLIENT_HELLO, ENCRYPTED_EXTENSIONS, FINISHED,
    SERVER_HELLO,
};
use crate::lens::big_endian;

/// The name of a type of record.
pub fn kind(kind: u8) -> String {
    match kind {
        CHANGE_CIPHER_SPEC => "change_cipher_spec".to_owned(),
        ALERT => "alert".to_owned(),
        HANDSHAKE => "handshake".to_owned(),
        APPLICATION_DATA => "application_data".to_owned(),
        kind => format!("type {kind}"),
    }
}

pub(super) fn message_name(kind: u8) -> String {
    named(&MESSAGES, usize::from(kind), "message")
}

/// Where a handshake message is described.
pub(super) fn section(kind: u8) -> &'static str {
    match kind {
        CLIENT_HELLO => "§4.1.2",
        SERVER_HELLO => "§4.1.3",
        ENCRYPTED_EXTENSIONS => "§4.3.1",
        CERTIFICATE_REQUEST => "§4.3.2",
        CERTIFICATE => "§4.4.2",
        CERTIFICATE_VERIFY => "§4.4.3",
        FINISHED => "§4.4.4",
        _ => "§4",
    }
}

/// The name of a cipher suite.
pub fn suite(bytes: &[u8]) -> String {
    named(&SUITES, big_endian(bytes), "suite")
}

pub(super) fn version(bytes: &[u8]) -> String {
    match bytes {
        [3, minor @ 1..=4] => format!("TLS 1.{}", minor - 1),
        bytes => format!("version {}", big_endian(bytes)),
    }
}

pub(super) fn extension_name(number: usize) -> String {
    named(&EXTENSIONS, number, "extension")
}

pub(super) fn group(bytes: &[u8]) -> String {
    named(&GROUPS, big_endian(bytes), "group")
}

pub(super) fn scheme(bytes: &[u8]) -> String {
    named(&SCHEMES, big_endian(bytes), "algorithm")
}

/// The name of what an alert says.
pub(super) fn alert(number: u8) -> String {
    named(&ALERTS, number.into(), "alert")
}

fn named(names: &[(usize, &str)], number: usize, what: &str) -> String {
    let name = names.iter().find(|(known, _)| *known == number);
    name.map_or_else(|| format!("{what} {number}"), |(_, name)| (*name).to_owned())
}

const MESSAGES: [(usize, &str); 9] = [
    (1, "ClientHello"),
    (2, "ServerHello"),
    (4, "NewSessionTicket"),
    (8, "EncryptedExtensions"),
    (11, "Certificate"),
    (13, "CertificateRequest"),
    (15, "CertificateVerify"),
    (20, "Finished"),
    (24, "KeyUpdate"),
];
const SUITES: [(usize, &str); 10] = [
    (0x1301, "AES_128_GCM_SHA256"),
    (0x1302, "AES_256_GCM_SHA384"),
    (0x1303, "CHACHA20_POLY1305"),
    (0xc02b, "1.2 ECDSA AES_128_GCM"),
    (0xc02c, "1.2 ECDSA AES_256_GCM"),
    (0xc02f, "1.2 RSA AES_128_GCM"),
    (0xc030, "1.2 RSA AES_256_GCM"),
    (0xcca8, "1.2 RSA CHACHA20"),
    (0xcca9, "1.2 ECDSA CHACHA20"),
    (0x00ff, "no renegotiation"),
];
const EXTENSIONS: [(usize, &str); 13] = [
    (0, "server_name"),
    (5, "status_request"),
    (10, "supported_groups"),
    (11, "ec_point_formats"),
    (13, "signature_algorithms"),
    (16, "ALPN"),
    (23, "extended_main_secret"),
    (35, "session_ticket"),
    (43, "supported_versions"),
    (45, "psk_key_exchange_modes"),
    (47, "certificate_authorities"),
    (51, "key_share"),
    (65281, "renegotiation_info"),
];
const GROUPS: [(usize, &str); 4] =
    [(23, "secp256r1"), (24, "secp384r1"), (29, "x25519"), (4588, "X25519MLKEM768")];
const SCHEMES: [(usize, &str); 10] = [
    (0x0401, "rsa_pkcs1_sha256"),
    (0x0403, "ecdsa_p256_sha256"),
    (0x0501, "rsa_pkcs1_sha384"),
    (0x0503, "ecdsa_p384_sha384"),
    (0x0601, "rsa_pkcs1_sha512"),
    (0x0603, "ecdsa_p521_sha512"),
    (0x0804, "rsa_pss_sha256"),
    (0x0805, "rsa_pss_sha384"),
    (0x0806, "rsa_pss_sha512"),
    (0x0807, "ed25519"),
];
const ALERTS: [(usize, &str); 14] = [
    (0, "close_notify"),
    (10, "unexpected_message"),
    (20, "bad_record_mac"),
    (40, "handshake_failure"),
    (42, "bad_certificate"),
    (45, "certificate_expired"),
    (46, "certificate_unknown"),
    (47, "illegal_parameter"),
    (48, "unknown_ca"),
    (50, "decode_error"),
    (51, "decrypt_error"),
    (70, "protocol_version"),
    (116, "certificate_required"),
    (120, "no_application_protocol"),
];
