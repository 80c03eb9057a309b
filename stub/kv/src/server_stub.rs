//! Calls a `Kv` that is here: a message becomes arguments, and the result becomes a message.

use std::sync::Arc;

use server::dispatch::{unary, unknown_method};
use stub::NamedService;
use transport::{IncomingCall, Service, Serving};

use crate::Kv;
use crate::message::{
    DeleteReply, DeleteRequest, GetReply, GetRequest, IncrementReply, IncrementRequest, PutReply, PutRequest,
    SERVICE,
};

/// The server stub: finds the method that a call names, and calls it on a [`Kv`] that is here.
#[derive(Debug)]
pub struct KvServer<K> {
    kv: Arc<K>,
}

impl<K: Kv> KvServer<K> {
    /// A server stub that calls `kv`.
    pub fn new(kv: impl Into<Arc<K>>) -> Self {
        Self { kv: kv.into() }
    }
}

impl<K: Kv> NamedService for KvServer<K> {
    const NAME: &'static str = SERVICE;
}

impl<K: Kv> Service for KvServer<K> {
    fn serve(&self, call: IncomingCall) -> Serving {
        let kv = self.kv.clone();
        match call.head.path.as_str() {
            "/kv.Kv/Get" => Box::pin(unary(call, async move |request: GetRequest| {
                let value = kv.get(&request.key).await?;
                Ok(GetReply { value })
            })),
            "/kv.Kv/Put" => Box::pin(unary(call, async move |request: PutRequest| {
                kv.put(&request.key, &request.value).await?;
                Ok(PutReply {})
            })),
            "/kv.Kv/Delete" => Box::pin(unary(call, async move |request: DeleteRequest| {
                let existed = kv.delete(&request.key).await?;
                Ok(DeleteReply { existed })
            })),
            "/kv.Kv/Increment" => Box::pin(unary(call, async move |request: IncrementRequest| {
                let value = kv.increment(&request.key, request.by).await?;
                Ok(IncrementReply { value })
            })),
            _ => {
                unknown_method(call);
                Box::pin(std::future::ready(()))
            }
        }
    }
}
