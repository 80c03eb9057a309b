//! From bytes to a method and back: what server stubs have in common.

use bytes::BytesMut;
use stub::codec::{Codec, CodecName};
use transport::{Code, IncomingCall, RequestHead, Status};

use crate::context;

/// Serves a call with one message each way: decodes the request, runs `method`, encodes its reply.
///
/// The caller gets UNIMPLEMENTED when it speaks another codec or sends none or more than one message,
/// INTERNAL when its message does not decode, and else what the method returns.
pub async fn unary<C, Request, Reply, F>(codec: C, call: IncomingCall, method: impl FnOnce(Request) -> F)
where
    C: Codec<Request> + Codec<Reply>,
    F: Future<Output = Result<Reply, Status>>,
{
    let IncomingCall { head, mut receive, mut send, .. } = call;
    let reply = async {
        check_codec::<C>(&head)?;
        let request = codec.decode(receive.single_message().await?)?;
        let reply = context::scope(head, async { method(request).await }).await?;
        let mut message = BytesMut::new();
        codec.encode(&reply, &mut message)?;
        send.send_last(message.freeze()).await
    };
    if let Err(status) = reply.await {
        send.finish(status);
    }
}

/// Answers a call for a method that this service does not have.
pub fn unknown_method(call: IncomingCall) {
    let path = &call.head.path;
    let text = format!("service {} has no method {}", path.service(), path.method());
    call.send.finish(Status::new(Code::Unimplemented, text));
}

/// What a method answers that is declared in a service and not implemented.
pub fn unimplemented(method: &'static str) -> Status {
    Status::new(Code::Unimplemented, format!("method {method} is not implemented here"))
}

fn check_codec<C: CodecName>(head: &RequestHead) -> Result<(), Status> {
    if head.codec == C::NAME {
        return Ok(());
    }
    let text = format!("this service speaks {}, not {}", C::NAME, head.codec);
    Err(Status::new(Code::Unimplemented, text))
}
