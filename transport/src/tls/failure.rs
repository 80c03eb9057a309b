//! What goes wrong with TLS, for the person who has to do something about it.

use std::fmt;
use std::io::{self, ErrorKind};
use std::time::Duration;

use time::OffsetDateTime;
use tokio_rustls::rustls::pki_types::UnixTime;
use tokio_rustls::rustls::{AlertDescription, CertificateError, Error};

use super::Alpn;
use crate::{Code, Status};

/// Which end of a connection this is.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Client { alpn: Alpn, trust: Trust },
    Server { alpn: Alpn },
}

/// Which roots a client trusts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trust {
    System,
    /// So many of its own.
    Own(usize),
}

impl End {
    /// The handshake has failed.
    pub(super) fn failed(&self, error: &io::Error) -> Status {
        unavailable(match tls_error(error) {
            Some(Error::InvalidMessage(_)) => self.other_speaks_no_tls(),
            Some(error) => self.explain(error),
            None => self.left_in_the_handshake(error),
        })
    }

    /// The handshake was not done in time.
    pub(super) fn took_too_long(&self, limit: Duration) -> Status {
        let it = self.other();
        unavailable(format!(
            "{it} did not finish the TLS handshake within {limit:?}: it hangs, or speaks no TLS"
        ))
    }

    /// The other end has not said what it speaks inside TLS.
    pub(super) fn agreed_on_nothing(&self) -> Status {
        let (it, alpn) = (self.other(), self.alpn().name());
        unavailable(format!(
            "{it} agrees on no protocol inside TLS (ALPN), and {alpn} is needed (RFC 9113 §3.2): it has to be set up to \
             speak {alpn}"
        ))
    }

    /// The same as `error`, after the handshake. With TLS 1.3 that is where a client learns what a server thinks of
    /// its certificate.
    pub(super) fn lost(&self, error: io::Error) -> io::Error {
        let text = match tls_error(&error) {
            Some(error) => self.explain(error),
            None if error.kind() == ErrorKind::UnexpectedEof => {
                format!("{} was cut off: TLS ended without close_notify", self.other())
            }
            None => return error,
        };
        io::Error::new(error.kind(), text)
    }

    fn explain(&self, error: &Error) -> String {
        let it = self.other();
        match error {
            Error::InvalidCertificate(why) => self.certificate(why),
            Error::AlertReceived(alert) => self.alert(*alert),
            Error::NoApplicationProtocol => self.speaks_other(),
            Error::NoCertificatesPresented => {
                format!(
                    "{it} shows no certificate, and must: give it one that a root trusted here has signed"
                )
            }
            Error::PeerIncompatible(why) => {
                format!("{it} has no version or cipher of TLS in common; here are TLS 1.2 and 1.3 ({why:?})")
            }
            error => format!("TLS with {it} failed: {error}"),
        }
    }

    /// What is wrong with the other end's certificate.
    fn certificate(&self, why: &CertificateError) -> String {
        let its = format!("{}'s certificate", self.other());
        match why {
            // An authority may have another's name, and its own key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => match self {
                Self::Client { trust, .. } => format!(
                    "{its} is not signed by a root that this client trusts ({trust}): give it the root that signed it"
                ),
                Self::Server { .. } => {
                    format!(
                        "{its} is not signed by a root that this server trusts for clients: it needs another one"
                    )
                }
            },
            CertificateError::NotValidForNameContext { expected, presented } => {
                let presented: Vec<_> = presented.iter().map(|name| bare(name)).collect();
                let names = if presented.is_empty() { "no name".to_owned() } else { presented.join(", ") };
                format!(
                    "{its} is for {names}, and not for {}: connect by one of its names, or have this one added",
                    expected.to_str()
                )
            }
            CertificateError::ExpiredContext { time, not_after } => format!(
                "{its} expired on {}, and it is {} now: {} needs a new one",
                Date(*not_after),
                Date(*time),
                self.other()
            ),
            CertificateError::NotValidYetContext { time, not_before } => format!(
                "{its} is not valid before {}, and it is {} now: one of the two clocks is wrong, or the certificate is",
                Date(*not_before),
                Date(*time)
            ),
            CertificateError::InvalidPurposeContext { .. } => {
                format!(
                    "{its} is not for this: its extended key usage does not have {}",
                    self.purpose_of_other()
                )
            }
            CertificateError::Other(other) => match other.0.downcast_ref() {
                Some(webpki::Error::CaUsedAsEndEntity) => format!(
                    "{its} is one that signs others (CA:TRUE), and not one of a {}'s own: have it sign one",
                    self.other_role()
                ),
                _ => format!("{its} is wrong: {}", other.0),
            },
            why => format!("{its} is wrong: {why}"),
        }
    }

    /// The other end has said with an alert (RFC 8446 §6) that something is wrong with this one.
    fn alert(&self, alert: AlertDescription) -> String {
        use AlertDescription as Alert;

        let it = self.other();
        let own = match self {
            Self::Client { .. } => "this client's certificate",
            Self::Server { .. } => "this server's certificate",
        };
        match alert {
            Alert::NoApplicationProtocol => self.speaks_other(),
            Alert::CertificateRequired => {
                format!(
                    "{it} asks for a certificate, and this client has shown none: give it one, with its key"
                )
            }
            Alert::UnknownCA | Alert::DecryptError => {
                format!(
                    "{it} does not trust the root that signed {own}: it has to be told to, or another be used"
                )
            }
            Alert::CertificateExpired => format!("{it} says that {own} has expired, or is not valid yet"),
            Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown => {
                format!("{it} does not accept {own} ({alert:?}): its names or its purpose may be wrong")
            }
            Alert::ProtocolVersion | Alert::HandshakeFailure | Alert::InsufficientSecurity => {
                format!(
                    "{it} has no version or cipher of TLS in common; here are TLS 1.2 and 1.3 ({alert:?})"
                )
            }
            alert => format!("{it} ended TLS with the alert {alert:?}"),
        }
    }

    fn other_speaks_no_tls(&self) -> String {
        let (tls, plain) = (self.alpn().scheme(), self.alpn().scheme_without_tls());
        match self {
            Self::Client { .. } => {
                format!("the server does not speak TLS: connect with {plain}, or let it serve {tls}")
            }
            Self::Server { .. } => format!("the client does not speak TLS: this is {tls}, and not {plain}"),
        }
    }

    /// None of the protocols that one end offers is one of the other's.
    fn speaks_other(&self) -> String {
        let (it, alpn) = (self.other(), self.alpn());
        let (name, scheme) = (alpn.name(), alpn.scheme());
        format!("{it} does not speak {name} inside TLS (ALPN): it is not made for {scheme}")
    }

    fn left_in_the_handshake(&self, error: &io::Error) -> String {
        match self {
            Self::Client { alpn, .. } => format!(
                "the server left in the midst of the TLS handshake ({error}): it may speak no TLS, and want {}",
                alpn.scheme_without_tls()
            ),
            Self::Server { .. } => format!("the client left in the midst of the TLS handshake ({error})"),
        }
    }

    fn alpn(&self) -> Alpn {
        match self {
            Self::Client { alpn, .. } | Self::Server { alpn } => *alpn,
        }
    }

    fn other(&self) -> &'static str {
        match self {
            Self::Client { .. } => "the server",
            Self::Server { .. } => "the client",
        }
    }

    fn other_role(&self) -> &'static str {
        match self {
            Self::Client { .. } => "server",
            Self::Server { .. } => "client",
        }
    }

    fn purpose_of_other(&self) -> &'static str {
        match self {
            Self::Client { .. } => "serverAuth",
            Self::Server { .. } => "clientAuth",
        }
    }
}

fn tls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// `DnsName("localhost")` without what is around the name.
fn bare(name: &str) -> &str {
    let name = name.split_once('(').map_or(name, |(_, name)| name.strip_suffix(')').unwrap_or(name));
    name.trim_matches('"')
}

fn unavailable(text: String) -> Status {
    Status::new(Code::Unavailable, text)
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("those of the system"),
            Self::Own(1) => f.write_str("the one it was given"),
            Self::Own(count) => write!(f, "the {count} it was given"),
        }
    }
}

/// A point in time, to the minute.
struct Date(UnixTime);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        // What is beyond the years that are counted is said as it came.
        let Some(date) =
            i64::try_from(seconds).ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok())
        else {
            return write!(f, "{seconds} s after 1970");
        };
        let (year, month, day) = date.to_calendar_date();
        write!(f, "{year}-{:02}-{day:02} {:02}:{:02} UTC", u8::from(month), date.hour(), date.minute())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_said_as_a_date() {
        let date = |seconds| Date(UnixTime::since_unix_epoch(Duration::from_secs(seconds))).to_string();
        assert_eq!(date(0), "1970-01-01 00:00 UTC");
        assert_eq!(date(951_782_399), "2000-02-28 23:59 UTC");
        assert_eq!(date(951_782_400), "2000-02-29 00:00 UTC");
        assert_eq!(date(4_102_444_799), "2099-12-31 23:59 UTC");
    }

    #[test]
    fn a_name_of_a_certificate_is_said_without_its_kind() {
        assert_eq!(bare("DnsName(\"localhost\")"), "localhost");
        assert_eq!(bare("IpAddress(127.0.0.1)"), "127.0.0.1");
    }
}
