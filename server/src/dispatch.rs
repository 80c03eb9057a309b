//! From bytes to a method and back: what server stubs have in common.

use stub::codec::{Coding, Message};
use transport::{Code, IncomingCall, Status};

use crate::context;

/// Serves a call with one message each way: decodes the request, runs `method`, encodes its reply.
///
/// The codec is the caller's choice, among those that the messages have. The caller gets UNIMPLEMENTED
/// when it is none of these, and when it sends none or more than one message, INTERNAL when its message
/// does not decode, and else what the method returns.
pub async fn unary<Request, Reply, F>(call: IncomingCall, method: impl FnOnce(Request) -> F)
where
    Request: Message,
    Reply: Message,
    F: Future<Output = Result<Reply, Status>>,
{
    let IncomingCall { head, mut receive, mut send, .. } = call;
    let reply = async {
        let (requests, replies) =
            (Coding::<Request>::find(&head.codec)?, Coding::<Reply>::find(&head.codec)?);
        let request = requests.decode(receive.single_message().await?)?;
        let reply = context::scope(head, async { method(request).await }).await?;
        send.send_last(replies.encode(&reply)?).await
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
