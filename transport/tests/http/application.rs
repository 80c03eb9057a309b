//! A server that echoes, and a client that collects.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use http2::{Connection, ErrorCode, Event, Field, Fields, Limits};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::oneshot;
use transport::Status;
use transport::http::{Application, Client, connect_over, serve_over};

/// A request or a response, whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    pub fields: Vec<Field>,
    pub data: BytesMut,
    pub trailers: Option<Fields>,
}

impl Message {
    /// The fields that are not pseudo-header fields.
    pub fn regular(&self) -> Vec<Field> {
        self.fields.iter().filter(|field| !field.name.starts_with(b":")).cloned().collect()
    }
}

/// Answers every request with its own fields, data and trailers, once it is there.
#[derive(Default)]
pub struct Echo {
    requests: HashMap<u32, Message>,
}

impl Application for Echo {
    fn handle(&mut self, connection: &mut Connection, event: Event) {
        let (stream, is_end) = match event {
            Event::Headers { stream, fields, end_stream } => {
                let fields = fields.to_vec();
                self.requests.insert(stream, Message { fields, ..Message::default() });
                (stream, end_stream)
            }
            Event::Data { stream, data, end_stream } => {
                connection.read(stream, data.len());
                self.requests.get_mut(&stream).unwrap().data.extend_from_slice(&data);
                (stream, end_stream)
            }
            Event::Trailers { stream, fields } => {
                self.requests.get_mut(&stream).unwrap().trailers = Some(fields);
                (stream, true)
            }
            Event::Reset { stream, .. } => {
                self.requests.remove(&stream);
                return connection.release(stream);
            }
            _ => return,
        };
        if is_end {
            answer(connection, stream, self.requests.remove(&stream).unwrap());
        }
    }

    fn closed(&mut self, _why: &Status) {}
}

fn answer(connection: &mut Connection, stream: u32, request: Message) {
    let status = Field::new(":status", "200");
    let fields: Fields = std::iter::once(status).chain(request.regular()).collect();
    if connection.send_headers(stream, &fields, false).is_err() {
        connection.reset(stream, ErrorCode::INTERNAL_ERROR);
    } else if let Some(trailers) = request.trailers {
        connection.send_data(stream, request.data.freeze(), false).unwrap();
        connection.send_trailers(stream, &trailers).unwrap();
    } else {
        connection.send_data(stream, request.data.freeze(), true).unwrap();
    }
    connection.release(stream);
}

/// Collects the responses to requests.
#[derive(Default)]
pub struct Collect {
    responses: HashMap<u32, (Message, oneshot::Sender<Result<Message, ErrorCode>>)>,
}

impl Application for Collect {
    fn handle(&mut self, connection: &mut Connection, event: Event) {
        let (stream, end) = match event {
            Event::Headers { stream, fields, end_stream } => {
                self.response(stream).fields = fields.to_vec();
                (stream, end_stream.then_some(Ok(())))
            }
            Event::Data { stream, data, end_stream } => {
                connection.read(stream, data.len());
                self.response(stream).data.extend_from_slice(&data);
                (stream, end_stream.then_some(Ok(())))
            }
            Event::Trailers { stream, fields } => {
                self.response(stream).trailers = Some(fields);
                (stream, Some(Ok(())))
            }
            Event::Reset { stream, code, .. } => (stream, Some(Err(code))),
            _ => return,
        };
        if let Some(end) = end {
            let (response, told) = self.responses.remove(&stream).unwrap();
            let _ = told.send(end.map(|()| response));
            connection.release(stream);
        }
    }

    fn closed(&mut self, _why: &Status) {
        self.responses.clear();
    }
}

impl Collect {
    fn response(&mut self, stream: u32) -> &mut Message {
        &mut self.responses.get_mut(&stream).unwrap().0
    }
}

/// Sends a request, and waits for its response, or for the code with which it was reset.
pub async fn fetch(
    client: &Client<Collect>,
    request: Fields,
    data: Bytes,
    trailers: Option<Fields>,
) -> Result<Message, ErrorCode> {
    let (told, response) = oneshot::channel();
    client.with(|connection, collect| {
        let stream = connection.open(&request, false).unwrap();
        connection.send_data(stream, data, trailers.is_none()).unwrap();
        if let Some(trailers) = trailers {
            connection.send_trailers(stream, &trailers).unwrap();
        }
        collect.responses.insert(stream, (Message::default(), told));
    });
    response.await.expect("the connection goes on")
}

/// A request that posts, with these fields.
pub fn post(fields: impl IntoIterator<Item = Field>) -> Fields {
    let pseudo = [
        Field::new(":method", "POST"),
        Field::new(":scheme", "http"),
        Field::new(":authority", "example.com"),
        Field::new(":path", "/"),
    ];
    pseudo.into_iter().chain(fields).collect()
}

/// A server that echoes, behind a stream of bytes.
pub fn echo_server(limits: Limits) -> DuplexStream {
    let (near, far) = duplex(64 << 10);
    tokio::spawn(serve_over(far, limits, Echo::default(), std::future::pending()));
    near
}

/// A client that collects, on a stream of bytes.
pub fn collecting_client(io: DuplexStream, limits: Limits) -> Client<Collect> {
    connect_over(io, limits, Collect::default())
}

/// `size` bytes, each different from its neighbours.
pub fn bytes(size: usize) -> Bytes {
    (0..size).map(|n| (n % 251) as u8).collect()
}
