//! Lesson 05: client stub and return path. A remote `Kv`, in memory, keeps the same contract.

#![allow(clippy::unwrap_used)]

mod contract;
mod exercise;

use contract::{contract_suite, memory, served_on};
use kv::{Kv, KvClient, KvServer};
use server::{Router, Server};
use transport::{Code, IncomingCall, Metadata, Service, Serving, Status};

exercise::specification! { stub:
    a_message_and_a_good_end_are_the_reply
    an_error_comes_back_with_its_code_and_its_text
    an_error_behind_a_message_is_an_error
    a_good_end_without_a_message_is_an_error
    two_messages_where_one_is_due_are_an_error
    an_answer_without_an_end_is_an_error
}

contract_suite! {
    a_remote_kv_in_memory: served_on(&memory(), "bincode"),
}

#[tokio::test]
async fn code_text_and_metadata_of_an_error_come_back() {
    struct Refuses;
    impl Kv for Refuses {
        async fn get(&self, _key: &str) -> Result<String, Status> {
            let mut trailers = Metadata::new();
            trailers.append("retry-after", "60")?;
            Err(Status::new(Code::ResourceExhausted, "slowly, slowly").with_metadata(trailers))
        }
    }

    let mut server = Server::new(Router::new().with(KvServer::new(Refuses)));
    server.listen("memory:lesson-05-error").await.unwrap();
    let kv = KvClient::connect("memory:lesson-05-error").await.unwrap();
    let error = kv.get("anything").await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::ResourceExhausted, "slowly, slowly"));
    assert_eq!(error.metadata().text("retry-after"), Some("60"));
}

#[tokio::test]
async fn ok_without_the_message_that_is_due_is_an_error() {
    struct SaysOkAndNothingElse;
    impl Service for SaysOkAndNothingElse {
        fn serve(&self, call: IncomingCall) -> Serving {
            call.send.finish(Status::ok());
            Box::pin(async {})
        }
    }

    let mut server = Server::new(SaysOkAndNothingElse);
    server.listen("memory:lesson-05-ok").await.unwrap();
    let kv = KvClient::connect("memory:lesson-05-ok").await.unwrap();
    let error = kv.get("anything").await.unwrap_err();
    assert_eq!(error, Status::new(Code::Unimplemented, "no message where one is due"));
}

#[tokio::test]
async fn an_error_of_a_method_is_not_swallowed() {
    let way = served_on(&memory(), "bincode").await;
    assert_eq!(way.kv.get("nothing").await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_server_that_went_away_is_unavailable() {
    let mut server = Server::new(Router::new().with(KvServer::new(kv::Store::new())));
    server.listen("memory:lesson-05-gone").await.unwrap();
    let kv = KvClient::connect("memory:lesson-05-gone").await.unwrap();
    kv.put("greeting", "hello").await.unwrap();
    drop(server);
    assert_eq!(kv.get("greeting").await.unwrap_err().code(), Code::Unavailable);
}
