//! Fetches one resource over HTTP/2: `cargo run -p transport --example http2_get -- URL`.
//!
//! Prints status, headers, data and trailers.

use std::process::ExitCode;

use bytes::Bytes;
use clap::Parser;
use http2::{Connection, Event, Fields, Limits};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use transport::Status;
use transport::http::{Application, connect_over};

/// Fetches one resource over HTTP/2 without TLS, from a server that is known to speak it.
#[derive(Parser)]
struct Arguments {
    /// What to fetch: http://HOST[:PORT][/PATH]
    url: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match fetch(&Arguments::parse().url).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("http2_get: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn fetch(url: &str) -> Result<(), Box<dyn std::error::Error>> {
    let (authority, path) = parse(url)?;
    let address = if has_port(authority) { authority.to_owned() } else { format!("{authority}:80") };
    let stream = TcpStream::connect(&address).await.map_err(|error| format!("{address}: {error}"))?;
    stream.set_nodelay(true)?;

    let request = Fields::new([
        (":method", "GET".to_owned()),
        (":scheme", "http".to_owned()),
        (":authority", authority.to_owned()),
        (":path", path),
        ("accept", "*/*".to_owned()),
    ]);
    let (events, mut happened) = mpsc::unbounded_channel();
    let client = connect_over(stream, Limits::default(), Tell(events));
    let stream = client.with(|connection, _| connection.open(&request, true))?;

    let mut out = tokio::io::stdout();
    while let Some(event) = happened.recv().await {
        let end_stream = match event? {
            Event::Informational { fields, .. } => {
                out.write_all(&lines(&fields)).await?;
                false
            }
            Event::Headers { fields, end_stream, .. } => {
                out.write_all(&lines(&fields)).await?;
                end_stream
            }
            Event::Data { data, end_stream, .. } => {
                out.write_all(&data).await?;
                // Only now may the server send as much again.
                client.with(|connection, _| connection.read(stream, data.len()));
                end_stream
            }
            Event::Trailers { fields, .. } => {
                out.write_all(b"\n").await?;
                out.write_all(&lines(&fields)).await?;
                true
            }
            Event::Reset { code, reason, .. } => {
                return Err(format!("the stream was reset: {code} {}", reason.unwrap_or_default()).into());
            }
            Event::GoAway { .. } | Event::Room { .. } | Event::Closed(_) => false,
        };
        out.flush().await?;
        if end_stream {
            client.with(|connection, _| connection.release(stream));
            return Ok(());
        }
    }
    Err("the connection ended before the response did".into())
}

/// Tells everything to who waits for it. Data that waits there was not read: the window bounds it.
struct Tell(mpsc::UnboundedSender<Result<Event, Status>>);

impl Application for Tell {
    fn handle(&mut self, _connection: &mut Connection, event: Event) {
        let _ = self.0.send(Ok(event));
    }

    fn closed(&mut self, why: &Status) {
        let _ = self.0.send(Err(why.clone()));
    }
}

/// Authority and path of a URL.
fn parse(url: &str) -> Result<(&str, String), String> {
    let Some(rest) = url.strip_prefix("http://") else {
        return Err(format!("{url:?} does not begin with http://; TLS is not known here"));
    };
    let rest = rest.split('#').next().unwrap_or_default();
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    if authority.is_empty() {
        return Err(format!("{url:?} names no host"));
    }
    let slash = if path.starts_with('/') { "" } else { "/" };
    Ok((authority, format!("{slash}{path}")))
}

fn has_port(authority: &str) -> bool {
    // The colons of an IPv6 address stand in brackets.
    authority.rsplit(']').next().unwrap_or_default().contains(':')
}

/// The fields as lines, and an empty one; the status alone on its line.
fn lines(fields: &Fields) -> Bytes {
    let mut text = Vec::new();
    for field in fields.iter() {
        if field.name != ":status" {
            text.extend_from_slice(&field.name);
            text.extend_from_slice(b": ");
        }
        text.extend_from_slice(&field.value);
        text.push(b'\n');
    }
    text.push(b'\n');
    text.into()
}
