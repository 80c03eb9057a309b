//! Lesson 04: server stub and dispatch: bytes in, method, bytes out.

#![allow(clippy::unwrap_used)]

mod exercise;

use std::sync::Arc;

use bytes::Bytes;
use kv::message::{DELETE, GET, INCREMENT, PUT};
use kv::{Kv, KvServer, Store};
use proptest::prelude::*;
use server::Router;
use transport::{Code, Connection, Limits, Path, Received, RequestHead, Service, Status, memory, open};

exercise::specification! { dispatch:
    the_bytes_of_a_call_go_to_its_method_and_the_reply_comes_back
    a_path_is_taken_as_a_whole
    a_path_is_taken_letter_by_letter
    an_unknown_method_is_answered
    the_error_of_a_method_comes_back_with_its_code_and_its_text
    a_panic_in_a_method_is_answered
}

fn serve(service: impl Service) -> Arc<dyn Connection> {
    let (connection, server) = memory::pair(&Limits::default(), &Limits::default());
    tokio::spawn(async move { server.serve(&service, std::future::pending()).await });
    connection
}

fn store() -> Arc<dyn Connection> {
    serve(Router::new().with(KvServer::new(Store::new())))
}

/// What comes back for `message`: the messages, and the status behind them.
async fn call(connection: &Arc<dyn Connection>, path: &'static str, message: &[u8]) -> (Vec<Bytes>, Status) {
    let head = RequestHead::new(Path::from_static(path), "bincode");
    let message = Some(Bytes::copy_from_slice(message));
    let mut call = open(connection, head, message, true).await.unwrap();
    let mut messages = Vec::new();
    loop {
        match call.receive.receive().await {
            Received::Head(_) => {}
            Received::Message(message) => messages.push(message),
            Received::End(status) => return (messages, status),
        }
    }
}

#[tokio::test]
async fn bytes_go_in_and_the_bytes_of_the_reply_come_out() {
    let store = store();
    let (reply, status) = call(&store, "/kv.Kv/Put", b"\x08greeting\x05hello").await;
    assert_eq!((reply, status), (vec![Bytes::new()], Status::ok()));
    let (reply, status) = call(&store, "/kv.Kv/Get", b"\x08greeting").await;
    assert_eq!((reply, status), (vec![Bytes::from_static(b"\x05hello")], Status::ok()));
}

#[tokio::test]
async fn every_method_of_the_contract_is_served_under_the_name_the_client_uses() {
    let store = store();
    for path in [GET.path(), PUT.path(), DELETE.path(), INCREMENT.path()] {
        let head = RequestHead::new(path.clone(), "bincode");
        let mut call = open(&store, head, Some(Bytes::from_static(b"\xff")), true).await.unwrap();
        let Received::End(status) = call.receive.receive().await else { panic!("a message") };
        assert_eq!(status.code(), Code::Internal, "{path} is found; the message is none");
    }
}

#[tokio::test]
async fn an_unknown_method_is_answered_by_its_name() {
    let (reply, status) = call(&store(), "/kv.Kv/Fetch", b"").await;
    assert!(reply.is_empty());
    assert_eq!(status, Status::new(Code::Unimplemented, "service kv.Kv has no method Fetch"));
}

#[tokio::test]
async fn an_unknown_service_is_answered_by_its_name() {
    let (_, status) = call(&store(), "/bank.Bank/Transfer", b"").await;
    assert_eq!(status, Status::new(Code::Unimplemented, "there is no service bank.Bank here"));
}

#[tokio::test]
async fn the_name_of_a_method_is_taken_letter_by_letter() {
    let (_, status) = call(&store(), "/kv.Kv/get", b"\x08greeting").await;
    assert_eq!(status.code(), Code::Unimplemented);
}

#[tokio::test]
async fn bytes_that_are_no_message_are_answered_and_the_next_call_works() {
    let store = store();
    let (_, status) = call(&store, "/kv.Kv/Get", b"\x63greeting").await;
    assert_eq!(status.code(), Code::Internal);
    assert!(status.message().starts_with("bincode layer, byte 1 of 9"), "{status}");
    let (_, status) = call(&store, "/kv.Kv/Put", b"\x01k\x01v").await;
    assert_eq!(status, Status::ok());
}

#[tokio::test]
async fn the_error_of_a_method_is_the_answer() {
    let (reply, status) = call(&store(), "/kv.Kv/Get", b"\x07nothing").await;
    assert!(reply.is_empty());
    assert_eq!(status, Status::new(Code::NotFound, "no value for \"nothing\""));
}

#[tokio::test]
async fn a_method_that_nobody_has_written_is_unimplemented() {
    struct Nothing;
    impl Kv for Nothing {}

    let nothing = serve(Router::new().with(KvServer::new(Nothing)));
    let (_, status) = call(&nothing, "/kv.Kv/Increment", b"\x04hits\x02").await;
    assert_eq!(status, Status::new(Code::Unimplemented, "method Increment is not implemented here"));
}

#[tokio::test]
async fn a_panic_in_a_method_is_answered_and_the_next_call_works() {
    struct Panics;
    impl Kv for Panics {
        async fn get(&self, key: &str) -> Result<String, Status> {
            assert_ne!(key, "panic", "as this test wants it");
            Ok(key.to_owned())
        }
    }

    let panics = serve(Router::new().with(KvServer::new(Panics)));
    let (_, status) = call(&panics, "/kv.Kv/Get", b"\x05panic").await;
    assert_eq!(status, Status::new(Code::Internal, "the handler panicked"));
    let (reply, _) = call(&panics, "/kv.Kv/Get", b"\x04next").await;
    assert_eq!(reply, [Bytes::from_static(b"\x04next")]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = store();
            for path in ["/kv.Kv/Get", "/kv.Kv/Put", "/kv.Kv/Delete", "/kv.Kv/Increment", "/kv.Kv/None"] {
                call(&store, path, &bytes).await;
            }
        });
    }
}
