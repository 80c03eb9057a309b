//! The secrets of connections, for who wants to look into them.

use std::fmt::{self, Write as _};
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use tokio_rustls::rustls;

/// Writes the secrets of each connection, a line each, in the format that Wireshark reads
/// ([SSLKEYLOGFILE](https://www.ietf.org/archive/id/draft-ietf-tls-keylogfile-05.html)).
pub(super) struct KeyLog<W>(Mutex<W>);

impl<W> KeyLog<W> {
    pub(super) fn new(log: W) -> Self {
        Self(Mutex::new(log))
    }
}

impl<W: Write + Send> rustls::KeyLog for KeyLog<W> {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let mut line = label.to_owned();
        for bytes in [client_random, secret] {
            line.push(' ');
            for byte in bytes {
                // A String takes everything.
                let _ = write!(line, "{byte:02x}");
            }
        }
        line.push('\n');
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody is told: no connection fails because it cannot be looked into.
        let _ = log.write_all(line.as_bytes()).and_then(|()| log.flush());
    }
}

impl<W> fmt::Debug for KeyLog<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyLog")
    }
}
