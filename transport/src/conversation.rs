//! One end of a connection, as its calls see it: what each protocol implements, without I/O.

use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;

use crate::{Behind, Metadata, Opening, Received, RequestHead, Status};

/// One end of a connection, as its calls see it. What the methods mean is said where a user sees them:
/// [`Connection`](crate::Connection), [`Carrier`](crate::Carrier). Calls go by their numbers.
pub(crate) trait Conversation {
    /// Opens a call. `now` is given where the opening has a deadline.
    fn poll_open(
        &mut self,
        cx: &mut Context<'_>,
        now: Option<Instant>,
        opening: &mut Option<Opening>,
    ) -> Poll<Result<u32, Status>>;

    /// Whether no call can be opened any more.
    fn is_closed(&self) -> bool;

    /// Begins no further calls; those open go on to their end.
    fn drain(&mut self);

    /// Sends a message, the end, or both. A message that was copied stays in place, to be dropped when the lock
    /// is released.
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        id: u32,
        message: &mut Option<Bytes>,
        end: bool,
    ) -> Poll<Result<(), Status>>;

    /// What has come; and into `behind`, where it is wanted, some of what stands behind a message.
    fn poll_receive(&mut self, cx: &mut Context<'_>, id: u32, behind: Option<&mut Behind>) -> Poll<Received>;

    /// Sends the head of a response.
    fn respond(&mut self, id: u32, metadata: Metadata) -> Result<(), Status>;

    /// A server answers, behind the messages that were sent; a client gives up.
    fn finish(&mut self, id: u32, status: Status);

    /// Ends a call at once.
    fn cancel(&mut self, id: u32, status: Status);

    /// Nobody will receive on this call again.
    fn stop_receiving(&mut self, id: u32);

    /// Whether messages that are sent from now on are compressed.
    fn compress(&mut self, _id: u32, _on: bool) {}

    /// Whether the message that was received last came compressed.
    fn was_compressed(&self, _id: u32) -> bool {
        false
    }

    /// The next call to be served.
    fn accept(&mut self) -> Option<(u32, RequestHead)>;

    /// Ready when the handler of this call must stop: its caller is gone.
    fn poll_cancelled(&mut self, cx: &mut Context<'_>, id: u32) -> Poll<()>;

    /// The handler of this call is gone; if it left without an answer, one is given now.
    fn release(&mut self, id: u32);
}
