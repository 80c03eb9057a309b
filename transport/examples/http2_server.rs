//! An HTTP/2 server for any HTTP/2 tool: `cargo run -p transport --example http2_server`.
//!
//! - `GET` of any path answers with a few words, of `/trailers` with trailers behind them.
//! - `POST` to any path answers with what was posted, while it comes.

use std::collections::{HashMap, HashSet};
use std::process::ExitCode;

use bytes::Bytes;
use clap::Parser;
use http2::{Connection, ErrorCode, Event, Field, Fields, Limits};
use tokio::net::TcpListener;
use tokio::sync::watch;
use transport::Status;
use transport::http::{Application, serve_over};

/// Serves HTTP/2 without TLS, to peers that know that it does (RFC 9113 §3.3).
#[derive(Parser)]
struct Arguments {
    /// Where to listen; port 0 for a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    listen: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("http2_server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> std::io::Result<()> {
    let listener = TcpListener::bind(&arguments.listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    // Its senders are gone when every connection is.
    let (drain, _) = watch::channel(false);
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => accepted?,
            _ = &mut interrupted => break,
        };
        stream.set_nodelay(true)?;
        let mut draining = drain.subscribe();
        tokio::spawn(async move {
            let drained = async {
                let _ = draining.wait_for(|draining| *draining).await;
            };
            if let Err(why) = serve_over(stream, Limits::default(), Echo::default(), drained).await {
                eprintln!("{peer}: {}", why.message());
            }
        });
    }
    eprintln!("going away; a second Ctrl-C does not wait");
    drain.send_replace(true);
    tokio::select! {
        () = drain.closed() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    Ok(())
}

/// Answers every request of a connection.
#[derive(Default)]
struct Echo {
    /// The posts that are being echoed, and how much of each has been read that the peer was not told of.
    posts: HashMap<u32, usize>,
    /// Those that were answered before they had ended. What still comes is read, and ignored.
    answered: HashSet<u32>,
}

impl Application for Echo {
    fn handle(&mut self, connection: &mut Connection, event: Event) {
        match event {
            Event::Headers { stream, fields, end_stream } => {
                self.request(connection, stream, &fields, end_stream);
            }
            Event::Data { stream, data, end_stream } => self.data(connection, stream, data, end_stream),
            Event::Trailers { stream, .. } => self.data(connection, stream, Bytes::new(), true),
            Event::Room { stream } => {
                if let Some(read) = self.posts.get_mut(&stream) {
                    connection.read(stream, std::mem::take(read));
                }
            }
            Event::Reset { stream, .. } => {
                self.posts.remove(&stream);
                self.answered.remove(&stream);
                connection.release(stream);
            }
            Event::Informational { .. } | Event::GoAway { .. } | Event::Closed(_) => {}
        }
    }

    fn closed(&mut self, _why: &Status) {
        self.posts.clear();
        self.answered.clear();
    }
}

impl Echo {
    fn request(&mut self, connection: &mut Connection, stream: u32, request: &Fields, end_stream: bool) {
        let value = |name| request.value(name).cloned().unwrap_or_default();
        let (method, path) = (value(":method"), value(":path"));
        if value("expect").eq_ignore_ascii_case(b"100-continue") {
            send(connection, stream, |to| to.send_headers(stream, &Fields::new([(":status", "100")]), false));
        }
        match &method[..] {
            b"GET" | b"HEAD" => {
                let text = format!("{} was asked for\n", path.escape_ascii());
                let length = text.len().to_string();
                let head = head("200", [("content-type", "text/plain".into()), ("content-length", length)]);
                send(connection, stream, |to| to.send_headers(stream, &head, method == "HEAD"));
                if method == "GET" {
                    let has_trailers = path == "/trailers";
                    send(connection, stream, |to| to.send_data(stream, text.into(), !has_trailers));
                    if has_trailers {
                        let trailers = Fields::new([("x-trailer", "behind the data")]);
                        send(connection, stream, |to| to.send_trailers(stream, &trailers));
                    }
                }
                self.answered(connection, stream, end_stream);
            }
            b"POST" => {
                let content_type = value("content-type");
                let content_type = String::from_utf8_lossy(&content_type).into_owned();
                let fields = [("content-type", content_type)];
                let head = head("200", fields.into_iter().filter(|(_, value)| !value.is_empty()));
                send(connection, stream, |to| to.send_headers(stream, &head, end_stream));
                if end_stream {
                    connection.release(stream);
                } else {
                    self.posts.insert(stream, 0);
                }
            }
            _ => {
                let head = head("405", [("allow", "GET, HEAD, POST".to_owned())]);
                send(connection, stream, |to| to.send_headers(stream, &head, true));
                self.answered(connection, stream, end_stream);
            }
        }
    }

    fn answered(&mut self, connection: &mut Connection, stream: u32, end_stream: bool) {
        if end_stream {
            self.answered.remove(&stream);
            connection.release(stream);
        } else {
            self.answered.insert(stream);
        }
    }

    /// Sends back what was posted. The peer may send more once that is on its way: what it does not read
    /// it cannot send.
    fn data(&mut self, connection: &mut Connection, stream: u32, data: Bytes, end_stream: bool) {
        let Some(read) = self.posts.get_mut(&stream) else {
            connection.read(stream, data.len());
            return self.answered(connection, stream, end_stream);
        };
        *read += data.len();
        send(connection, stream, |to| to.send_data(stream, data, end_stream));
        if end_stream {
            self.posts.remove(&stream);
            connection.release(stream);
        } else {
            connection.await_room(stream);
        }
    }
}

/// Sends something on a stream; gives the stream up if that cannot be sent.
fn send(
    connection: &mut Connection,
    stream: u32,
    what: impl FnOnce(&mut Connection) -> Result<(), http2::SendError>,
) {
    if let Err(error) = what(connection) {
        eprintln!("stream {stream}: {error}");
        connection.reset(stream, ErrorCode::INTERNAL_ERROR);
    }
}

fn head(status: &'static str, fields: impl IntoIterator<Item = (&'static str, String)>) -> Fields {
    let fields = fields.into_iter().map(|(name, value)| Field::new(name, value));
    std::iter::once(Field::new(":status", status)).chain(fields).collect()
}
