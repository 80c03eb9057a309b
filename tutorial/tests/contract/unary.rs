//! What holds for the methods with one message each way.

use std::sync::Arc;

use kv::Kv;
use transport::{Code, Status};

pub(crate) async fn a_value_that_was_put_is_the_value_that_is_got(kv: Arc<impl Kv>) {
    kv.put("greeting", "hello").await.unwrap();
    assert_eq!(kv.get("greeting").await.unwrap(), "hello");
}

pub(crate) async fn a_key_without_a_value_is_not_found(kv: Arc<impl Kv>) {
    let error = kv.get("nothing").await.unwrap_err();
    assert_eq!(error, Status::new(Code::NotFound, "no value for \"nothing\""));
}

pub(crate) async fn a_second_put_takes_the_place_of_the_first(kv: Arc<impl Kv>) {
    kv.put("greeting", "hello").await.unwrap();
    kv.put("greeting", "good morning").await.unwrap();
    assert_eq!(kv.get("greeting").await.unwrap(), "good morning");
}

pub(crate) async fn keys_do_not_share_values(kv: Arc<impl Kv>) {
    kv.put("a", "1").await.unwrap();
    kv.put("b", "2").await.unwrap();
    assert_eq!(kv.get("a").await.unwrap(), "1");
    assert_eq!(kv.get("b").await.unwrap(), "2");
}

pub(crate) async fn delete_tells_whether_the_key_was_there(kv: Arc<impl Kv>) {
    kv.put("greeting", "hello").await.unwrap();
    assert!(kv.delete("greeting").await.unwrap());
    assert!(!kv.delete("greeting").await.unwrap());
}

pub(crate) async fn a_deleted_key_is_not_found(kv: Arc<impl Kv>) {
    kv.put("greeting", "hello").await.unwrap();
    kv.delete("greeting").await.unwrap();
    assert_eq!(kv.get("greeting").await.unwrap_err().code(), Code::NotFound);
}

pub(crate) async fn increment_begins_at_zero_and_returns_the_new_number(kv: Arc<impl Kv>) {
    assert_eq!(kv.increment("hits", 5).await.unwrap(), 5);
}

pub(crate) async fn increment_adds_negative_numbers_too(kv: Arc<impl Kv>) {
    kv.increment("hits", 5).await.unwrap();
    assert_eq!(kv.increment("hits", -7).await.unwrap(), -2);
}

pub(crate) async fn increment_called_twice_counts_twice(kv: Arc<impl Kv>) {
    kv.increment("hits", 1).await.unwrap();
    assert_eq!(kv.increment("hits", 1).await.unwrap(), 2);
}

pub(crate) async fn the_number_of_a_counter_is_a_value_that_can_be_got(kv: Arc<impl Kv>) {
    kv.increment("hits", -12).await.unwrap();
    assert_eq!(kv.get("hits").await.unwrap(), "-12");
}

pub(crate) async fn a_value_that_is_not_a_number_cannot_be_incremented_and_stays(kv: Arc<impl Kv>) {
    kv.put("greeting", "hello").await.unwrap();
    let error = kv.increment("greeting", 1).await.unwrap_err();
    let text = "the value of \"greeting\" is not a number: \"hello\"";
    assert_eq!(error, Status::new(Code::FailedPrecondition, text));
    assert_eq!(kv.get("greeting").await.unwrap(), "hello");
}

pub(crate) async fn a_number_that_would_not_fit_is_out_of_range_and_stays(kv: Arc<impl Kv>) {
    kv.increment("hits", i64::MAX).await.unwrap();
    assert_eq!(kv.increment("hits", 1).await.unwrap_err().code(), Code::OutOfRange);
    assert_eq!(kv.get("hits").await.unwrap(), i64::MAX.to_string());
}

pub(crate) async fn an_empty_key_is_an_invalid_argument(kv: Arc<impl Kv>) {
    assert_eq!(kv.put("", "x").await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(kv.increment("", 1).await.unwrap_err().code(), Code::InvalidArgument);
}

pub(crate) async fn any_text_is_a_key_and_a_value(kv: Arc<impl Kv>) {
    for text in [" ", "\n\0\"", "schlüssel", "🔑", "/kv.Kv/Get"] {
        kv.put(text, text).await.unwrap();
        assert_eq!(kv.get(text).await.unwrap(), text);
    }
    kv.put("empty", "").await.unwrap();
    assert_eq!(kv.get("empty").await.unwrap(), "");
}

pub(crate) async fn a_large_value_is_a_value(kv: Arc<impl Kv>) {
    let large = "x".repeat(1 << 20);
    kv.put("large", &large).await.unwrap();
    assert!(kv.get("large").await.unwrap() == large);
}

pub(crate) async fn increments_at_the_same_time_are_each_counted_once(kv: Arc<impl Kv>) {
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let kv = kv.clone();
            tokio::spawn(async move { kv.increment("hits", 1).await.unwrap() })
        })
        .collect();
    let mut numbers = Vec::new();
    for call in calls {
        numbers.push(call.await.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=100).collect::<Vec<_>>());
}
