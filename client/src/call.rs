//! One call: a message becomes bytes, travels, and another comes back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use stub::codec::{Bincode, CodecName, Coding, Message, Protobuf};
use stub::{Method, Receiver, Sender, Shape};
use transport::{Address, Code, Compression, Connection, Metadata, RequestHead, Status, open};

use crate::Channel;
use crate::deadline::{self, Deadline};

/// Makes calls through a connection; every client stub has one inside. Cheap to clone.
#[derive(Clone)]
pub struct Caller {
    connection: Arc<dyn Connection>,
    /// The codec that goes with the transport.
    codec: Option<&'static str>,
    options: CallOptions,
}

/// What a caller may want beside the arguments. The default is nothing: no metadata, no deadline, and the
/// codec that goes with the transport.
#[derive(Clone, Debug, Default)]
pub struct CallOptions {
    codec: Option<&'static str>,
    metadata: Metadata,
    deadline: Option<Deadline>,
    compression: Option<Compression>,
}

impl Caller {
    /// A caller whose calls go through `connection`.
    pub fn new(connection: Arc<dyn Connection>) -> Self {
        Self { connection, codec: None, options: CallOptions::default() }
    }

    /// A caller whose calls go to the server at `address`: see [`Channel::connect`]. Unless its options say otherwise it
    /// uses the codec that goes with the transport ([`Channel::codec`]), where the messages have it.
    ///
    /// # Errors
    /// Those of [`Channel::connect`].
    pub async fn connect(address: &str) -> Result<Self, Status> {
        let channel = Channel::connect(address).await?;
        let codec = Some(channel.codec());
        Ok(Self { connection: channel, codec, options: CallOptions::default() })
    }

    /// A caller through the same connection, whose calls have `options`.
    pub fn with(&self, options: CallOptions) -> Self {
        Self { connection: self.connection.clone(), codec: self.codec, options }
    }

    /// Calls a method with one message each way.
    ///
    /// Dropping the future gives the call up, and the server is told. A call that the server did not begin to
    /// process, because it is going away, say, is made again.
    ///
    /// # Errors
    /// The status with which the call ended, if not OK: the server's, DEADLINE_EXCEEDED after the
    /// deadline, UNAVAILABLE when the connection is lost, UNIMPLEMENTED when there is not exactly
    /// one message in the answer or the messages do not have the codec, INTERNAL when it does not decode,
    /// INVALID_ARGUMENT when the method is of another shape.
    pub async fn unary<Request, Reply>(
        &self,
        method: &Method<Request, Reply>,
        request: &Request,
    ) -> Result<Reply, Status>
    where
        Request: Message,
        Reply: Message,
    {
        if method.shape() != Shape::Unary {
            let text = format!("{} does not have one message each way", method.path());
            return Err(Status::new(Code::InvalidArgument, text));
        }
        let codec = self.codec::<Request, Reply>();
        let (requests, replies) = (Coding::<Request>::find(codec)?, Coding::<Reply>::find(codec)?);
        let head = self.head(method, codec);
        let reply = deadline::within(head.deadline, async {
            let mut attempts = 1;
            loop {
                let message = requests.encode(request)?;
                match self.once(head.clone(), message).await {
                    Err(status) if status.was_not_processed() && attempts < ATTEMPTS => attempts += 1,
                    reply => return reply,
                }
            }
        });
        replies.decode(reply.await?)
    }

    /// Calls a method with any number of messages there and one back: [`Sender::finish`] when all are sent,
    /// [`Receiver::single`] for the answer.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn client_streaming<Request: Message, Reply: Message>(
        &self,
        method: &Method<Request, Reply>,
    ) -> Result<(Sender<Request>, Receiver<Reply>), Status> {
        self.open(method, Shape::ClientStreaming, None).await
    }

    /// Calls a method with one message there and any number back.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn server_streaming<Request: Message, Reply: Message>(
        &self,
        method: &Method<Request, Reply>,
        request: &Request,
    ) -> Result<Receiver<Reply>, Status> {
        // The request is sent to its end: to drop its handle gives nothing up.
        Ok(self.open(method, Shape::ServerStreaming, Some(request)).await?.1)
    }

    /// Calls a method with any number of messages both ways.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn bidirectional<Request: Message, Reply: Message>(
        &self,
        method: &Method<Request, Reply>,
    ) -> Result<(Sender<Request>, Receiver<Reply>), Status> {
        self.open(method, Shape::Bidirectional, None).await
    }

    /// Opens a call of any shape, with its whole request if there is just one message in it. This is for
    /// who wants to see the metadata of the response too, also that of a unary call.
    ///
    /// # Errors
    /// Why the call could not be opened: UNAVAILABLE without a connection, UNIMPLEMENTED when the messages
    /// do not have the codec, INVALID_ARGUMENT when the method is of another shape.
    pub async fn open<Request: Message, Reply: Message>(
        &self,
        method: &Method<Request, Reply>,
        shape: Shape,
        request: Option<&Request>,
    ) -> Result<(Sender<Request>, Receiver<Reply>), Status> {
        if method.shape() != shape {
            let text = format!("{} is {:?}, not {shape:?}", method.path(), method.shape());
            return Err(Status::new(Code::InvalidArgument, text));
        }
        let codec = self.codec::<Request, Reply>();
        let (requests, replies) = (Coding::<Request>::find(codec)?, Coding::<Reply>::find(codec)?);
        let message = request.map(|request| requests.encode(request)).transpose()?;
        let head = self.head(method, codec);
        let (deadline, end) = (head.deadline, message.is_some());
        let call = deadline::within(deadline, open(&self.connection, head, message, end)).await?;
        let call = deadline::bound(deadline, call);
        Ok((Sender::new(call.send, requests), Receiver::new(call.receive, replies)))
    }

    fn head<Request, Reply>(&self, method: &Method<Request, Reply>, codec: &'static str) -> RequestHead {
        let mut head = RequestHead::new(method.path().clone(), codec);
        head.metadata = self.options.metadata.clone();
        head.deadline = self.options.deadline.map(Deadline::instant);
        head.compression = self.options.compression;
        head
    }

    async fn once(&self, head: RequestHead, message: Bytes) -> Result<Bytes, Status> {
        let mut call = open(&self.connection, head, Some(message), true).await?;
        call.receive.single_message().await
    }

    /// The codec of a call with messages of these types. Where nobody chooses it is one that both have.
    fn codec<Request: Message, Reply: Message>(&self) -> &'static str {
        let both_have = |codec: &&str| Request::CODECS.contains(codec) && Reply::CODECS.contains(codec);
        let of_the_transport = || self.codec.filter(both_have);
        let first = || Request::CODECS.iter().copied().find(both_have).unwrap_or(Request::CODECS[0]);
        self.options.codec.or_else(of_the_transport).unwrap_or_else(first)
    }
}

/// How often a call is made that the server says it did not process.
const ATTEMPTS: u32 = 3;

/// The codec that goes with a transport.
pub(crate) fn codec_of(address: &Address) -> &'static str {
    match address {
        Address::Memory { .. } | Address::Tcp { .. } | Address::TlsTcp { .. } => Bincode::NAME,
        _ => Protobuf::NAME,
    }
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller").field("options", &self.options).finish_non_exhaustive()
    }
}

impl CallOptions {
    /// No metadata, no deadline.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends each call `timeout` after it began.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.deadline = Some(Deadline::After(timeout));
        self
    }

    /// Ends each call at `deadline`; `None` for no deadline. To pass on the deadline of a call that
    /// is being served is to give it here.
    pub fn deadline(mut self, deadline: impl Into<Option<Instant>>) -> Self {
        self.deadline = deadline.into().map(Deadline::At);
        self
    }

    /// Encodes messages with the codec of this name, such as `"json"`.
    pub fn codec(mut self, name: &'static str) -> Self {
        self.codec = Some(name);
        self
    }

    /// Compresses the messages of each call, and takes answers that are compressed, where the transport
    /// carries them so.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = Some(compression);
        self
    }

    /// Sends `metadata` with each call.
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }
}
