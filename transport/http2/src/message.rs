//! What makes a request, a response, trailers of a list of fields (RFC 9113 §8).

use crate::hpack::Field;

/// Which part of a message a field block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// What opens a stream.
    Request,
    /// What answers it; also what comes before the answer, with a status of 1xx.
    Response,
    /// What ends a message, behind its data.
    Trailers,
}

/// What the connection itself has to know of a section.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// How long the data is going to be.
    pub(crate) content_length: Option<u64>,
    /// A response that comes before the final one (status 1xx).
    pub(crate) is_informational: bool,
    /// A request with HEAD; or a response with a status that has no data, whatever `content-length` says.
    pub(crate) has_no_data: bool,
    /// A request with CONNECT.
    pub(crate) is_connect: bool,
    /// A response with a status of 2xx.
    pub(crate) is_successful: bool,
}

/// Checks a section against RFC 9113 §8.2, §8.3.
///
/// # Errors
/// What makes the message malformed: an error of its stream, PROTOCOL_ERROR (§8.1.1).
pub(crate) fn check(section: Section, fields: &[Field]) -> Result<Facts, &'static str> {
    let mut facts = Facts::default();
    let mut pseudo = Pseudo::default();
    let mut host = None;
    let mut regular_seen = false;
    for Field { name, value, .. } in fields {
        check_value(value)?;
        if let Some(pseudo_name) = name.strip_prefix(b":") {
            if regular_seen {
                return Err("a pseudo-header field stands behind a regular one (§8.3)");
            }
            pseudo.take(section, pseudo_name, value)?;
            continue;
        }
        regular_seen = true;
        check_name(name)?;
        match &name[..] {
            b"connection" | b"proxy-connection" | b"keep-alive" | b"transfer-encoding" | b"upgrade" => {
                return Err("a connection-specific field (§8.2.2)");
            }
            b"te" if section != Section::Request || value != "trailers" => {
                return Err("te other than \"trailers\", or not in a request (§8.2.2)");
            }
            b"content-length" if section != Section::Trailers => {
                let length = parse_length(value).ok_or("content-length is not a number (§8.1.1)")?;
                if facts.content_length.replace(length).is_some() {
                    return Err("more than one content-length (§8.1.1)");
                }
            }
            b"host" if section == Section::Request => host = Some(&value[..]),
            _ => {}
        }
    }
    match section {
        Section::Request => pseudo.check_request(host, &mut facts)?,
        Section::Response => pseudo.check_response(&mut facts)?,
        Section::Trailers => {}
    }
    Ok(facts)
}

/// The pseudo-header fields of a section: each at most once.
#[derive(Default)]
struct Pseudo<'a> {
    method: Option<&'a [u8]>,
    scheme: Option<&'a [u8]>,
    authority: Option<&'a [u8]>,
    path: Option<&'a [u8]>,
    status: Option<&'a [u8]>,
}

impl<'a> Pseudo<'a> {
    fn take(&mut self, section: Section, name: &[u8], value: &'a [u8]) -> Result<(), &'static str> {
        let place = match (section, name) {
            (Section::Trailers, _) => return Err("a pseudo-header field in trailers (§8.1)"),
            (Section::Request, b"method") => &mut self.method,
            (Section::Request, b"scheme") => &mut self.scheme,
            (Section::Request, b"authority") => &mut self.authority,
            (Section::Request, b"path") => &mut self.path,
            (Section::Response, b"status") => &mut self.status,
            _ => return Err("a pseudo-header field that is not defined for this section (§8.3)"),
        };
        match place.replace(value) {
            None => Ok(()),
            Some(_) => Err("a pseudo-header field twice (§8.3)"),
        }
    }

    fn check_request(&self, host: Option<&[u8]>, facts: &mut Facts) -> Result<(), &'static str> {
        let method = self.method.ok_or("a request without :method (§8.3.1)")?;
        if !is_token(method) {
            return Err(":method is not the name of a method (§8.3.1)");
        }
        if method == b"CONNECT" {
            facts.is_connect = true;
            return match (self.scheme, self.path, self.authority) {
                (None, None, Some(authority)) if !authority.is_empty() => Ok(()),
                _ => Err("CONNECT has :authority, and neither :scheme nor :path (§8.5)"),
            };
        }
        facts.has_no_data = method == b"HEAD";
        let scheme = self.scheme.ok_or("a request without :scheme (§8.3.1)")?;
        let path = self.path.ok_or("a request without :path (§8.3.1)")?;
        if !is_scheme(scheme) {
            return Err(":scheme is not the name of a scheme (§8.3.1)");
        }
        let is_asterisk = method == b"OPTIONS" && path == b"*";
        if !path.starts_with(b"/") && !is_asterisk && is_http(scheme) {
            return Err(":path does not begin with a slash (§8.3.1)");
        }
        if path.iter().any(|byte| matches!(byte, 0..=b' ' | b'#')) {
            return Err(":path contains white space or a fragment (§8.3.1)");
        }
        if let Some(authority) = self.authority {
            let is_wrong = authority.is_empty() || authority.iter().any(|byte| b"@/?# ".contains(byte));
            if is_http(scheme) && is_wrong {
                return Err(":authority is not a host and a port (§8.3.1)");
            }
            if host.is_some_and(|host| !host.eq_ignore_ascii_case(authority)) {
                return Err("host and :authority differ (§8.3.1)");
            }
        }
        Ok(())
    }

    fn check_response(&self, facts: &mut Facts) -> Result<(), &'static str> {
        match self.status.ok_or("a response without :status (§8.3.2)")? {
            b"101" => Err("status 101 does not exist in HTTP/2 (§8.6)"),
            [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9'] if facts.content_length.is_some() && self.is_1xx() => {
                Err("an informational response with content-length (RFC 9110 §8.6)")
            }
            [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9'] => {
                facts.is_informational = self.is_1xx();
                facts.has_no_data = matches!(self.status, Some(b"204" | b"304"));
                facts.is_successful = self.status.is_some_and(|status| status.starts_with(b"2"));
                Ok(())
            }
            _ => Err(":status is not three digits (§8.3.2)"),
        }
    }

    fn is_1xx(&self) -> bool {
        self.status.is_some_and(|status| status.starts_with(b"1"))
    }
}

/// A field's name: a token of RFC 9110 §5.6.2, without upper case (RFC 9113 §8.2.1).
fn check_name(name: &[u8]) -> Result<(), &'static str> {
    if name.iter().any(u8::is_ascii_uppercase) {
        Err("a field name in upper case (§8.2.1)")
    } else if !is_token(name) {
        Err("a field name with characters that none may have (§8.2.1)")
    } else {
        Ok(())
    }
}

/// A field's value (RFC 9113 §8.2.1). Other control characters than the tab are refused too, as RFC 9110
/// §5.5 advises.
fn check_value(value: &[u8]) -> Result<(), &'static str> {
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    if is_space(value.first()) || is_space(value.last()) {
        return Err("a field value that begins or ends with white space (§8.2.1)");
    }
    if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Err("a field value with control characters (§8.2.1)");
    }
    Ok(())
}

fn is_token(name: &[u8]) -> bool {
    let is_tchar = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !name.is_empty() && name.iter().all(is_tchar)
}

fn is_scheme(scheme: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    scheme.first().is_some_and(u8::is_ascii_alphabetic) && scheme.iter().all(is_part)
}

fn is_http(scheme: &[u8]) -> bool {
    scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https")
}

fn parse_length(value: &[u8]) -> Option<u64> {
    if !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}
