//! What holds for the methods in which one side or both send many messages. They are in
//! `proto/kv.proto`, and so in the generated stubs.

use std::sync::Arc;

use kv::proto::{
    Change, DeleteRequest, Entry, GetRequest, IncrementRequest, KvClient, LoadReply, PutRequest, WatchRequest,
};
use transport::{Code, Status};

pub(crate) async fn a_watcher_gets_the_present_value_and_then_each_change_in_order(kv: Arc<KvClient>) {
    kv.put(&put("greeting", "before")).await.unwrap();
    let mut changes = kv.watch(&watch("greeting")).await.unwrap();
    assert_eq!(changes.recv().await, Ok(Some(change("greeting", "before"))));
    kv.put(&put("greeting", "hello")).await.unwrap();
    kv.delete(&DeleteRequest { key: "greeting".to_owned() }).await.unwrap();
    kv.increment(&IncrementRequest { key: "greeting".to_owned(), by: 3 }).await.unwrap();
    assert_eq!(changes.recv().await, Ok(Some(change("greeting", "hello"))));
    assert_eq!(changes.recv().await, Ok(Some(removal("greeting"))));
    assert_eq!(changes.recv().await, Ok(Some(change("greeting", "3"))));
}

pub(crate) async fn a_watcher_is_not_told_of_other_keys(kv: Arc<KvClient>) {
    let mut changes = kv.watch(&watch("greeting")).await.unwrap();
    changes.head().await;
    kv.put(&put("other", "hello")).await.unwrap();
    kv.delete(&DeleteRequest { key: "greeting".to_owned() }).await.unwrap();
    kv.put(&put("greeting", "hello")).await.unwrap();
    assert_eq!(changes.recv().await, Ok(Some(change("greeting", "hello"))));
}

pub(crate) async fn what_was_loaded_is_there_and_was_counted(kv: Arc<KvClient>) {
    let (mut entries, mut reply) = kv.load().await.unwrap();
    for number in 0..1000 {
        entries.send(&entry("last", &number.to_string())).await.unwrap();
    }
    entries.finish().await.unwrap();
    assert_eq!(reply.single().await, Ok(LoadReply { count: 1000 }));
    assert_eq!(kv.get(&get("last")).await.unwrap().value, "999");
}

pub(crate) async fn a_load_without_entries_has_loaded_none(kv: Arc<KvClient>) {
    let (entries, mut reply) = kv.load().await.unwrap();
    entries.finish().await.unwrap();
    assert_eq!(reply.single().await, Ok(LoadReply { count: 0 }));
}

pub(crate) async fn an_error_in_the_middle_of_a_load_ends_it_and_what_came_before_stays(kv: Arc<KvClient>) {
    let (mut entries, mut reply) = kv.load().await.unwrap();
    entries.send(&entry("greeting", "hello")).await.unwrap();
    entries.send(&entry("", "nothing")).await.unwrap();
    let refused = Status::new(Code::InvalidArgument, "a key has at least one character");
    let ended = loop {
        if let Err(status) = entries.send(&entry("late", "hello")).await {
            break status;
        }
    };
    assert_eq!(ended, refused, "who sends is told");
    assert_eq!(reply.single().await, Err(refused), "and who receives");
    assert_eq!(kv.get(&get("greeting")).await.unwrap().value, "hello");
}

pub(crate) async fn a_sync_tells_each_change_in_order_whoever_made_it(kv: Arc<KvClient>) {
    let (mut asked, mut told) = kv.sync().await.unwrap();
    told.head().await;
    kv.put(&put("other", "mine")).await.unwrap();
    assert_eq!(told.recv().await, Ok(Some(change("other", "mine"))));
    for number in 0..100 {
        asked.send(&change("number", &number.to_string())).await.unwrap();
    }
    asked.send(&removal("number")).await.unwrap();
    for number in 0..100 {
        assert_eq!(told.recv().await, Ok(Some(change("number", &number.to_string()))));
    }
    assert_eq!(told.recv().await, Ok(Some(removal("number"))));
    assert_eq!(kv.get(&get("number")).await.unwrap_err().code(), Code::NotFound);
}

pub(crate) async fn a_sync_that_is_finished_ends_with_the_changes_until_then(kv: Arc<KvClient>) {
    let (mut asked, mut told) = kv.sync().await.unwrap();
    asked.send(&change("one", "1")).await.unwrap();
    asked.send(&change("two", "2")).await.unwrap();
    asked.finish().await.unwrap();
    assert_eq!(told.recv().await, Ok(Some(change("one", "1"))));
    assert_eq!(told.recv().await, Ok(Some(change("two", "2"))));
    assert_eq!(told.recv().await, Ok(None));
}

pub(crate) async fn a_sync_with_a_wrong_change_ends_with_its_error(kv: Arc<KvClient>) {
    let (mut asked, mut told) = kv.sync().await.unwrap();
    asked.send(&change("", "1")).await.unwrap();
    assert_eq!(told.recv().await.unwrap_err().code(), Code::InvalidArgument);
}

fn put(key: &str, value: &str) -> PutRequest {
    PutRequest { key: key.to_owned(), value: value.to_owned() }
}

fn get(key: &str) -> GetRequest {
    GetRequest { key: key.to_owned() }
}

fn entry(key: &str, value: &str) -> Entry {
    Entry { key: key.to_owned(), value: value.to_owned() }
}

fn change(key: &str, value: &str) -> Change {
    Change { key: key.to_owned(), value: Some(value.to_owned()) }
}

fn removal(key: &str) -> Change {
    Change { key: key.to_owned(), value: None }
}

fn watch(key: &str) -> WatchRequest {
    WatchRequest { key: key.to_owned() }
}
