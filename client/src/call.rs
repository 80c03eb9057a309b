//! One call: a message becomes bytes, travels, and another comes back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use stub::codec::Codec;
use stub::{Method, Shape};
use transport::{Code, Connection, Metadata, RequestHead, Status, open};

use crate::deadline::{self, Deadline};

/// Makes calls through a connection; every client stub has one inside. Cheap to clone.
#[derive(Clone)]
pub struct Caller {
    connection: Arc<dyn Connection>,
    options: CallOptions,
}

/// What a caller may want beside the arguments. The default is nothing: no metadata, no deadline.
#[derive(Clone, Debug, Default)]
pub struct CallOptions {
    metadata: Metadata,
    deadline: Option<Deadline>,
}

impl Caller {
    /// A caller whose calls go through `connection`.
    pub fn new(connection: Arc<dyn Connection>) -> Self {
        Self { connection, options: CallOptions::default() }
    }

    /// A caller through the same connection, whose calls have `options`.
    pub fn with(&self, options: CallOptions) -> Self {
        Self { connection: self.connection.clone(), options }
    }

    /// Calls a method with one message each way.
    ///
    /// Dropping the future gives the call up, and the server is told.
    ///
    /// # Errors
    /// The status with which the call ended, if not OK: the server's, DEADLINE_EXCEEDED after the
    /// deadline, UNAVAILABLE when the connection is lost, UNIMPLEMENTED when there is not exactly
    /// one message in the answer, INTERNAL when it does not decode, INVALID_ARGUMENT when the method is
    /// of another shape.
    pub async fn unary<C, Request, Reply>(
        &self,
        codec: C,
        method: &Method<Request, Reply>,
        request: &Request,
    ) -> Result<Reply, Status>
    where
        C: Codec<Request> + Codec<Reply>,
    {
        if method.shape() != Shape::Unary {
            let text = format!("{} does not have one message each way", method.path());
            return Err(Status::new(Code::InvalidArgument, text));
        }
        let mut message = BytesMut::new();
        codec.encode(request, &mut message)?;
        let deadline = self.options.deadline.map(Deadline::instant);
        let mut head = RequestHead::new(method.path().clone(), C::NAME);
        head.metadata = self.options.metadata.clone();
        head.deadline = deadline;
        let reply = deadline::within(deadline, async {
            let mut call = open(&self.connection, head, Some(message.freeze()), true).await?;
            call.receive.single_message().await
        });
        codec.decode(reply.await?)
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

    /// Sends `metadata` with each call.
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }
}
