//! A server of HTTP/2 that knows nothing of gRPC: a proxy that answers by itself, say.

use bytes::Bytes;
use http2::{Connection, ErrorCode, Event, Fields};
use kv::KvClient;
use tokio::io::duplex;
use transport::http::{Application, serve_over};
use transport::{Limits, Status, grpc};

/// How every request is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// With a head, data, and trailers where there are any.
    Response {
        /// The head.
        head: Fields,
        /// The data; none if it is empty.
        data: Bytes,
        /// The trailers.
        trailers: Option<Fields>,
    },
    /// With RST_STREAM.
    Reset(ErrorCode),
}

impl Answer {
    /// The answer of a proxy that cannot reach what is behind it: a status of HTTP and a page.
    pub fn page(status: &'static str) -> Self {
        let head = Fields::new([(":status", status), ("content-type", "text/html")]);
        Self::Response { head, data: Bytes::from_static(b"<h1>sorry</h1>"), trailers: None }
    }
}

/// A client stub of a server in this process that gives every request the same answer.
///
/// # Errors
/// When there is no connection.
pub async fn kv_that_gets(answer: Answer) -> Result<KvClient, Status> {
    let (near, far) = duplex(64 << 10);
    tokio::spawn(async move {
        serve_over(far, http2::Limits::default(), Plain(answer), std::future::pending()).await
    });
    Ok(KvClient::new(grpc::connect_over(near, &Limits::default(), "kv.test").await?))
}

struct Plain(Answer);

impl Plain {
    fn answer(&self, connection: &mut Connection, stream: u32) -> Result<(), http2::SendError> {
        match &self.0 {
            Answer::Reset(code) => connection.reset(stream, *code),
            Answer::Response { head, data, trailers } => {
                let has_more = !data.is_empty() || trailers.is_some();
                connection.send_headers(stream, head, !has_more)?;
                if !data.is_empty() {
                    connection.send_data(stream, data.clone(), trailers.is_none())?;
                }
                if let Some(trailers) = trailers {
                    connection.send_trailers(stream, trailers)?;
                }
            }
        }
        Ok(())
    }
}

impl Application for Plain {
    fn handle(&mut self, connection: &mut Connection, event: Event) {
        if let Event::Headers { stream, end_stream: true, .. }
        | Event::Data { stream, end_stream: true, .. } = event
        {
            // It fails when the request is gone already, and nobody waits for the answer.
            let _ = self.answer(connection, stream);
            connection.release(stream);
        }
    }

    fn closed(&mut self, _why: &Status) {}
}
