//! Trailers in a body: the flag 0x80, their length, and a line each, as in HTTP/1.1.

use bytes::{BufMut, Bytes, BytesMut};
use http2::{Field, Fields};

use crate::grpc::message::violation;
use crate::grpc::{head, status};
use crate::{Code, Status};

/// The flag of what is no message.
pub(super) const FLAG: u8 = 0x80;

/// Appends `status` to a body.
pub(super) fn append(status: &Status, body: &mut BytesMut) {
    let mut lines = Vec::new();
    for Field { name, value, .. } in head::trailers(status).iter() {
        lines.extend([name, &b": "[..], value, b"\r\n"].concat());
    }
    body.put_u8(FLAG);
    // Metadata that is too large has been refused before.
    body.put_u32(lines.len() as u32);
    body.extend_from_slice(&lines);
}

/// The status that the lines say.
///
/// # Errors
/// INTERNAL when a line is no field; UNKNOWN when none is a status.
pub(super) fn parse(lines: &Bytes) -> Result<Status, Status> {
    let lines = lines.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let fields = lines.filter(|line| !line.is_empty()).map(field).collect::<Result<Fields, _>>()?;
    status::parse(&fields)
        .ok_or_else(|| Status::new(Code::Unknown, "gRPC layer: the trailers have no status"))
}

fn field(line: &[u8]) -> Result<Field, Status> {
    let colon = line.iter().position(|byte| *byte == b':').ok_or_else(|| {
        violation(format!("\"{}\" among the trailers is not a name and a value", line.escape_ascii()))
    })?;
    // Some send names as they stand in a program.
    Ok(Field::new(line[..colon].to_ascii_lowercase(), Bytes::copy_from_slice(line[colon + 1..].trim_ascii())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_are_a_flag_their_length_and_lines() {
        let mut body = BytesMut::new();
        append(&Status::new(Code::NotFound, "no such key"), &mut body);
        let lines = b"grpc-status: 5\r\ngrpc-message: no such key\r\n";
        assert_eq!(body, [&[0x80, 0, 0, 0, lines.len() as u8][..], lines].concat());
    }

    #[test]
    fn lines_are_read_as_http_writes_them_and_as_others_do() {
        for lines in
            ["grpc-status: 5\r\ngrpc-message: no such key\r\n", "Grpc-Status:5\ngrpc-message:no such key"]
        {
            let status = parse(&Bytes::from_static(lines.as_bytes())).unwrap();
            assert_eq!(status, Status::new(Code::NotFound, "no such key"));
        }
    }

    #[test]
    fn a_line_without_a_colon_and_trailers_without_a_status_are_errors() {
        let code = |lines: &'static str| parse(&Bytes::from_static(lines.as_bytes())).unwrap_err().code();
        assert_eq!(code("grpc-status 0\r\n"), Code::Internal);
        assert_eq!(code("x: 1\r\n"), Code::Unknown);
    }
}
