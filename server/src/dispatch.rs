//! From bytes to a method and back: what server stubs have in common.

use bytes::Bytes;
use stub::codec::{Coding, Message};
use stub::{Receiver, Sender};
use transport::{Code, IncomingCall, RequestHead, SendStream, Status};

use crate::context::{Beside, Context};

/// Serves a call with one message each way: decodes the request, runs `method`, encodes its reply.
///
/// The codec is the caller's choice, among those that the messages have. The caller gets UNIMPLEMENTED
/// when it is none of these, and when it sends none or more than one message, INTERNAL when its message
/// does not decode, and else what the method returns.
pub fn unary<Request, Reply, F>(
    call: IncomingCall,
    method: impl FnOnce(Request) -> F,
) -> impl Future<Output = ()>
where
    Request: Message,
    Reply: Message,
    F: Future<Output = Result<Reply, Status>>,
{
    let IncomingCall { head, peer, mut receive, mut send, .. } = call;
    let context = Context::of(head, peer);
    async move {
        let reply = async {
            let (requests, replies) = codings::<Request, Reply>(&context.head)?;
            let request = requests.decode(receive.single_message().await?)?;
            // Only where compression was announced does it cost anything to ask.
            if context.head.compression.is_some() && receive.was_compressed() {
                context.note_compressed();
            }
            drop(receive);
            let (reply, beside) = context.scope(async { method(request).await }).await;
            answer(&mut send, replies.encode(&reply?)?, beside).await
        };
        match reply.await {
            Ok(None) => {}
            Ok(Some(status)) | Err(status) => send.finish(status),
        }
    }
}

/// Serves a call with any number of messages there and one back.
///
/// What the caller gets is as in [`unary`].
pub async fn client_streaming<Request, Reply, F>(
    call: IncomingCall,
    method: impl FnOnce(Receiver<Request>) -> F,
) where
    Request: Message,
    Reply: Message,
    F: Future<Output = Result<Reply, Status>>,
{
    let IncomingCall { head, peer, receive, mut send, .. } = call;
    let reply = async {
        let (requests, replies) = codings::<Request, Reply>(&head)?;
        let requests = Receiver::new(receive, requests);
        let (reply, beside) = Context::of(head, peer).scope(async { method(requests).await }).await;
        answer(&mut send, replies.encode(&reply?)?, beside).await
    };
    match reply.await {
        Ok(None) => {}
        Ok(Some(status)) | Err(status) => send.finish(status),
    }
}

/// Serves a call with one message there and any number back. It ends when `method` does.
///
/// What the caller gets is as in [`unary`].
pub async fn server_streaming<Request, Reply, F>(
    call: IncomingCall,
    method: impl FnOnce(Request, Sender<Reply>) -> F,
) where
    Request: Message,
    Reply: Message,
    F: Future<Output = Result<(), Status>>,
{
    bidirectional(call, async |mut requests: Receiver<Request>, replies: Sender<Reply>| {
        let request = requests.single().await?;
        method(request, replies).await
    })
    .await;
}

/// Serves a call with any number of messages both ways. It ends when `method` does.
///
/// What the caller gets is as in [`unary`].
pub async fn bidirectional<Request, Reply, F>(
    call: IncomingCall,
    method: impl FnOnce(Receiver<Request>, Sender<Reply>) -> F,
) where
    Request: Message,
    Reply: Message,
    F: Future<Output = Result<(), Status>>,
{
    let IncomingCall { head, peer, receive, send, .. } = call;
    let (send, ending) = send.split_end();
    let served = async {
        let (requests, replies) = codings::<Request, Reply>(&head)?;
        let (requests, replies) = (Receiver::new(receive, requests), Sender::new(send, replies));
        let (ended, beside) = Context::of(head, peer).scope(async { method(requests, replies).await }).await;
        ended.map(|()| Status::ok().with_metadata(beside.trailers))
    };
    match served.await {
        Ok(status) | Err(status) => ending.finish(status),
    }
}

/// Sends the one reply of a method, and what it says beside it. Returns the status that is still to be sent; none
/// where the reply was the last thing.
async fn answer(send: &mut SendStream, message: Bytes, beside: Beside) -> Result<Option<Status>, Status> {
    if beside.is_compressed {
        send.compress(true);
    }
    if let Some(head) = beside.head {
        send.respond(head)?;
    }
    if beside.trailers.is_empty() {
        send.send_last(message).await?;
        return Ok(None);
    }
    send.send(message).await?;
    Ok(Some(Status::ok().with_metadata(beside.trailers)))
}

/// The codec of a call, for its requests and for its replies.
fn codings<Request: Message, Reply: Message>(
    head: &RequestHead,
) -> Result<(Coding<Request>, Coding<Reply>), Status> {
    Ok((Coding::find(head.codec())?, Coding::find(head.codec())?))
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
