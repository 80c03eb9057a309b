//! Lesson 07: many calls, one connection.

#![allow(clippy::unwrap_used)]

mod exercise;

use std::sync::Arc;
use std::time::Duration;

use kv::{Kv, KvClient, KvServer, Store};
use server::{Router, Server};
use tokio::sync::{Barrier, Notify};
use tokio::time::timeout;
use transport::Status;

exercise::specification! { calls:
    calls_that_are_open_at_the_same_time_have_different_ids
    an_answer_finds_its_caller_in_whatever_order_answers_come
    a_call_is_answered_once
    an_answer_that_nobody_waits_for_disturbs_nobody
    a_call_that_is_given_up_is_not_answered_any_more
    the_id_of_a_call_that_was_given_up_is_not_used_again
}

/// A store that answers `get("slow")` when the gate opens.
struct Gated {
    store: Store,
    gate: Arc<Notify>,
}

impl Kv for Gated {
    async fn get(&self, key: &str) -> Result<String, Status> {
        if key == "slow" {
            self.gate.notified().await;
        }
        self.store.get(key).await
    }

    async fn put(&self, key: &str, value: &str) -> Result<(), Status> {
        self.store.put(key, value).await
    }
}

async fn gated() -> (Server, KvClient, Arc<Notify>) {
    let gate = Arc::new(Notify::new());
    let kv = Gated { store: Store::new(), gate: gate.clone() };
    let mut server = Server::new(Router::new().with(KvServer::new(kv)));
    let address = server.listen("tcp://127.0.0.1:0").await.unwrap();
    let client = KvClient::connect(&address.to_string()).await.unwrap();
    client.put("slow", "tortoise").await.unwrap();
    client.put("fast", "hare").await.unwrap();
    (server, client, gate)
}

#[tokio::test]
async fn a_slow_call_never_blocks_a_fast_one() {
    let (_server, kv, gate) = gated().await;
    let slow = {
        let kv = kv.clone();
        tokio::spawn(async move { kv.get("slow").await })
    };
    for _ in 0..100 {
        assert_eq!(kv.get("fast").await.unwrap(), "hare");
    }
    assert!(!slow.is_finished(), "100 later calls have been answered, the first has not");
    gate.notify_one();
    assert_eq!(slow.await.unwrap().unwrap(), "tortoise");
}

#[tokio::test]
async fn a_thousand_calls_at_once_each_get_their_own_answer() {
    let (_server, kv, _gate) = gated().await;
    for number in 0..1000 {
        kv.put(&number.to_string(), &format!("value {number}")).await.unwrap();
    }
    let calls: Vec<_> = (0..1000)
        .map(|number| {
            let kv = kv.clone();
            tokio::spawn(async move { (number, kv.get(&number.to_string()).await.unwrap()) })
        })
        .collect();
    for call in calls {
        let (number, value) = call.await.unwrap();
        assert_eq!(value, format!("value {number}"));
    }
}

#[tokio::test]
async fn ten_calls_are_served_at_the_same_time_on_one_connection() {
    /// Answers when ten calls are here: impossible if they came one after the other.
    struct Together(Barrier);
    impl Kv for Together {
        async fn get(&self, key: &str) -> Result<String, Status> {
            self.0.wait().await;
            Ok(key.to_owned())
        }
    }

    let mut server = Server::new(Router::new().with(KvServer::new(Together(Barrier::new(10)))));
    let address = server.listen("tcp://127.0.0.1:0").await.unwrap();
    let kv = KvClient::connect(&address.to_string()).await.unwrap();
    let calls: Vec<_> = (0..10)
        .map(|number| {
            let kv = kv.clone();
            tokio::spawn(async move { kv.get(&number.to_string()).await.unwrap() })
        })
        .collect();
    for (number, call) in calls.into_iter().enumerate() {
        // Not a measurement: where the ten never come together, this test has to end all the same.
        let answer = timeout(Duration::from_secs(10), call).await.unwrap();
        assert_eq!(answer.unwrap(), number.to_string());
    }
}

#[tokio::test]
async fn a_call_that_is_given_up_does_not_disturb_the_others() {
    let (_server, kv, _gate) = gated().await;
    let slow = kv.get("slow");
    tokio::select! {
        biased;
        fast = kv.get("fast") => assert_eq!(fast.unwrap(), "hare"),
        _ = slow => panic!("the gate is shut"),
    }
    // The slow call is gone with its future; the connection is not.
    assert_eq!(kv.get("fast").await.unwrap(), "hare");
}
