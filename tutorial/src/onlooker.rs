//! A conversation of gRPC, frame by frame, with what its fields say.

use http2::Fields;
use http2::frame::Frame;
use transport::Code;

use crate::joined::Passed;
use crate::lens::hpack::{self, Table};
use crate::lens::{self, Span};
use crate::page::Page;
use crate::tap::{Chunk, Way};

/// Who looks on from the beginning of a conversation, and keeps the table of each direction.
#[derive(Debug)]
pub struct Onlooker {
    out: Table,
    back: Table,
}

/// A frame, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The frame.
    pub frame: Passed,
    /// Its bytes with their names.
    pub spans: Vec<Span>,
    /// Its fields, if it is HEADERS.
    pub fields: Option<Fields>,
}

impl Onlooker {
    /// Who looks on at a conversation that has not begun.
    pub fn new() -> Self {
        Self { out: Table::new(), back: Table::new() }
    }

    /// What is said with these bytes. They are whole frames, and no field block is larger than a frame.
    pub fn sees(&mut self, chunks: &[Chunk]) -> Vec<Said> {
        let frames = chunks.iter().flat_map(|(way, bytes)| Passed::all(*way, bytes));
        frames.map(|frame| self.said(frame)).collect()
    }

    fn said(&mut self, frame: Passed) -> Said {
        let table = if frame.way == Way::Out { &mut self.out } else { &mut self.back };
        let block = lens::http2::frame(&frame.bytes).block;
        let fields = block.map(|block| hpack::fields(&frame.bytes[block], &mut table.clone()).1.into());
        Said { spans: lens::grpc::frame(&frame.bytes, table), fields, frame }
    }
}

impl Default for Onlooker {
    fn default() -> Self {
        Self::new()
    }
}

impl Said {
    /// The first value of a field of this name.
    pub fn value(&self, name: &str) -> Option<String> {
        let value = self.fields.as_ref()?.value(name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }
}

/// Draws frames that belong to calls, each with those of its fields that `wanted` names.
pub fn draw<'a>(page: &mut Page, said: impl IntoIterator<Item = &'a Said>, wanted: impl Fn(&str) -> bool) {
    for Said { frame, fields, .. } in said.into_iter().filter(|said| said.frame.stream() > 0) {
        page.arrow(frame.way == Way::Out, &frame.label());
        for field in fields.iter().flat_map(|fields| fields.iter()) {
            let name = String::from_utf8_lossy(&field.name);
            if wanted(&name) {
                page.remark(&format!("{name}: {}", String::from_utf8_lossy(&field.value)));
            }
        }
    }
}

/// How the only call of a conversation was answered, in a few words: a code of gRPC, a status of HTTP where it is
/// not 200, or what came in place of an answer.
pub fn verdict(said: &[Said]) -> String {
    let back = || said.iter().filter(|said| said.frame.way == Way::In);
    let value = |name| back().filter_map(|said| said.value(name)).next_back();
    let http = value(":status").filter(|status| status != "200").map(|status| format!("HTTP {status}"));
    let code = value("grpc-status").map(|number| number.parse().map_or(Code::Unknown, Code::from_number));
    let end = back().filter_map(|said| said.frame.frame()).find_map(|frame| match frame {
        Frame::RstStream(reset) => Some(format!("RST_STREAM, {}", reset.code)),
        Frame::GoAway(away) => Some(format!("GOAWAY, {}", away.code)),
        _ => None,
    });
    match (http, code, end) {
        (Some(http), Some(code), _) => format!("{http}, {code}"),
        (None, Some(code), _) => code.to_string(),
        (Some(only), None, _) | (None, None, Some(only)) => only,
        (None, None, None) => "no answer".to_owned(),
    }
}
