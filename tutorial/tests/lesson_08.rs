//! Lesson 08: a lost request looks like a lost reply.
//!
//! Time stands still in these tests, but for who waits: then it jumps to the next deadline.

#![allow(clippy::unwrap_used)]

mod exercise;

use std::collections::HashSet;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use client::CallOptions;
use kv::{Kv, KvClient, Store};
use proptest::prelude::*;
use server::context;
use stub::codec::{CodecName, Protobuf};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use transport::{Code, Limits, Status, grpc};
use tutorial::lab::{
    AtMostOnce, Diagram, Event, Experiment, Fate, Fault, IDEMPOTENCY_KEY, PATIENCE, Record, Refusing, Storm,
    Strategy, Witness, by_seed, patient, with_key,
};
use tutorial::page::Page;

exercise::specification! { loss:
    requests_without_a_key_each_count
    a_request_that_arrives_again_counts_once_and_is_answered
    the_second_answer_is_that_of_the_first_whatever_has_happened_since
    an_error_is_remembered_as_a_result_is
    a_key_that_is_used_for_something_else_is_refused
    a_call_that_was_not_processed_is_made_again
    a_call_that_may_have_been_processed_is_not_made_again
    an_idempotent_call_is_made_again
    an_answer_is_not_asked_for_again
    behind_its_deadline_nothing_is_made_again
}

/// What the caller of one increment sees when `fault` befalls it, and what the counter is in the end.
async fn one_call(fault: Fault) -> (Result<i64, Status>, i64) {
    let experiment = Experiment::new([fault]);
    let seen = experiment.increment(patient()).await;
    experiment.network.settle().await;
    (seen, experiment.hits().await.unwrap())
}

/// Calls until there is an answer; the answer, and how many calls that took.
async fn until_answered(experiment: &Experiment, options: CallOptions) -> (i64, usize) {
    for calls in 1..100 {
        if let Ok(value) = experiment.increment(options.clone()).await {
            return (value, calls);
        }
    }
    panic!("no answer to 99 calls");
}

// ---- what a caller can know ----

#[tokio::test(start_paused = true)]
async fn a_lost_request_and_a_lost_reply_give_the_same_status_and_another_counter() {
    let (request_lost, none) = one_call(Fault::LoseRequest).await;
    let (reply_lost, one) = one_call(Fault::LoseReply).await;
    assert_eq!(request_lost.as_ref().unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(request_lost, reply_lost, "code and text");
    assert_eq!((none, one), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn what_the_client_sees_of_the_two_is_one_picture() {
    let mut pictures = Vec::new();
    for fault in [Fault::LoseRequest, Fault::LoseReply] {
        let experiment = Experiment::new([fault]);
        experiment.increment(patient()).await.unwrap_err();
        let diagram = Diagram::of(&experiment.events().await);
        let mine = diagram.points.into_iter().filter(|point| point.side == tutorial::lab::Side::Client);
        pictures.push(mine.map(|point| point.text).collect::<Vec<_>>());
    }
    assert_eq!(pictures[0], ["Increment", "DEADLINE_EXCEEDED"]);
    assert_eq!(pictures[0], pictures[1]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_cut_before_the_request_or_behind_it_gives_the_same_status_too() {
    let (before, none) = one_call(Fault::CutRequest).await;
    let (behind, one) = one_call(Fault::CutReply).await;
    assert_eq!(before.as_ref().unwrap_err().code(), Code::Unavailable);
    assert_eq!(before, behind);
    assert_eq!((none, one), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_waiting_when_it_has_passed_and_not_before() {
    let experiment = Experiment::new([Fault::LoseReply]);
    let began = Instant::now();
    experiment.increment(patient()).await.unwrap_err();
    assert_eq!(began.elapsed(), PATIENCE);
}

#[tokio::test(start_paused = true)]
async fn without_a_deadline_a_caller_waits_for_ever() {
    let experiment = Experiment::new([Fault::LoseReply]);
    let patient_for_ever = experiment.kv.with(CallOptions::new());
    let a_year = Duration::from_secs(365 * 24 * 60 * 60);
    assert!(timeout(a_year, patient_for_ever.increment("hits", 1)).await.is_err());
}

// ---- what a caller does about it ----

#[tokio::test(start_paused = true)]
async fn a_naive_retry_counts_twice_as_it_has_to() {
    let experiment = Experiment::new([Fault::LoseReply]);
    assert_eq!(until_answered(&experiment, patient()).await, (2, 2));
    assert_eq!(experiment.hits().await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_arrives_twice_counts_twice_behind_one_answer() {
    assert_eq!(one_call(Fault::Duplicate).await, (Ok(1), 2));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_late_counts_after_the_second_attempt_was_answered() {
    let experiment = Experiment::new([Fault::Delay]);
    assert_eq!(until_answered(&experiment, patient()).await, (1, 2));
    experiment.network.settle().await;
    assert_eq!(experiment.hits().await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn of_two_calls_at_the_same_time_the_later_one_can_be_counted_first() {
    let experiment = Experiment::new([Fault::Delay]);
    let (first, second) = tokio::join!(experiment.increment(patient()), experiment.increment(patient()));
    assert_eq!((first, second), (Ok(2), Ok(1)));
}

#[tokio::test(start_paused = true)]
async fn a_put_that_is_made_again_is_one_put_and_a_delete_that_is_made_again_has_another_answer() {
    let faults = [Fault::LoseReply, Fault::None, Fault::None, Fault::LoseReply];
    let Experiment { kv, .. } = &Experiment::new(faults);
    kv.put("colour", "red").await.unwrap_err();
    assert_eq!(kv.put("colour", "red").await, Ok(()));
    assert_eq!(kv.get("colour").await.as_deref(), Ok("red"));
    kv.delete("colour").await.unwrap_err();
    assert_eq!(kv.delete("colour").await, Ok(false), "it did exist");
}

#[tokio::test(start_paused = true)]
async fn a_put_that_was_given_up_can_take_the_place_of_a_newer_one() {
    let experiment = Experiment::new([Fault::Delay]);
    experiment.kv.put("colour", "red").await.unwrap_err();
    experiment.kv.put("colour", "blue").await.unwrap();
    experiment.network.settle().await;
    assert_eq!(experiment.kv.get("colour").await.as_deref(), Ok("red"));
}

// ---- what may be called again ----

#[tokio::test(start_paused = true)]
async fn a_call_that_was_not_processed_is_made_again_and_counts_once() {
    let (near, far) = tokio::io::duplex(64 << 10);
    let serving = tokio::spawn(Refusing::new(Store::new(), 2).serve(far));
    let connection = grpc::connect_over(near, &Limits::default(), "kv.test").await.unwrap();
    let kv = KvClient::new(connection).with(CallOptions::new().codec(Protobuf::NAME));
    assert_eq!(kv.increment("hits", 1).await, Ok(1));
    drop(kv);
    assert_eq!(serving.await.unwrap().unwrap(), 3, "two were refused");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_cut_is_not_made_again_because_it_may_have_been_processed() {
    for fault in [Fault::CutRequest, Fault::CutReply] {
        let experiment = Experiment::new([fault]);
        let status = experiment.increment(patient()).await.unwrap_err();
        assert!(!status.was_not_processed());
        assert_eq!(experiment.network.calls(), 1, "{fault}");
    }
}

// ---- an idempotency key ----

#[tokio::test(start_paused = true)]
async fn whatever_befalls_a_call_it_counts_once_if_it_is_made_again_with_the_same_key() {
    for fault in Fault::ALL {
        let experiment = Experiment::remembering(10, [fault]);
        let (value, _) = until_answered(&experiment, with_key("mine").unwrap()).await;
        experiment.network.settle().await;
        assert_eq!((value, experiment.hits().await), (1, Ok(1)), "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_attempt_gets_the_answer_of_the_first_also_when_that_was_an_error() {
    let experiment = Experiment::remembering(10, []);
    experiment.kv.put("hits", "many").await.unwrap();
    let first = experiment.increment(with_key("mine").unwrap()).await;
    assert_eq!(first.as_ref().unwrap_err().code(), Code::FailedPrecondition);
    experiment.kv.put("hits", "1").await.unwrap();
    assert_eq!(experiment.increment(with_key("mine").unwrap()).await, first);
    assert_eq!(experiment.hits().await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn other_keys_and_no_key_count_for_themselves() {
    let experiment = Experiment::remembering(10, []);
    for options in [with_key("mine").unwrap(), with_key("yours").unwrap(), patient(), patient()] {
        experiment.increment(options).await.unwrap();
    }
    assert_eq!(experiment.hits().await, Ok(4));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_used_for_another_increment_is_refused() {
    let experiment = Experiment::remembering(10, []);
    let mine = experiment.kv.with(with_key("mine").unwrap());
    mine.increment("hits", 1).await.unwrap();
    assert_eq!(mine.increment("hits", 2).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(mine.increment("misses", 1).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(experiment.hits().await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_forgotten_counts_again() {
    let experiment = Experiment::remembering(2, []);
    for (key, counter) in [("a", 1), ("b", 2), ("a", 1), ("c", 3), ("a", 4)] {
        assert_eq!(experiment.increment(with_key(key).unwrap()).await, Ok(counter), "{key}");
    }
}

/// A counter whose first increments do not end before they are let through.
#[derive(Clone)]
struct Slow {
    begun: Arc<AtomicUsize>,
    let_through: Arc<Semaphore>,
}

impl Slow {
    fn new() -> Self {
        Self { begun: Arc::default(), let_through: Arc::new(Semaphore::new(0)) }
    }

    /// Lets them end when nothing else can happen any more.
    async fn let_through_last(&self) {
        // Time moves only when nobody else can.
        tokio::time::sleep(PATIENCE / 2).await;
        self.let_through.add_permits(10);
    }
}

impl Kv for Slow {
    async fn increment(&self, _key: &str, _by: i64) -> Result<i64, Status> {
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let _ = self.let_through.acquire().await;
        Ok(number as i64)
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_comes_while_the_first_is_at_work_waits_for_its_answer() {
    let slow = Slow::new();
    let experiment = Experiment::of(AtMostOnce::new(slow.clone(), 10), [], Record::new());
    let mine = with_key("mine").unwrap();
    let (first, second, ()) = tokio::join!(
        experiment.increment(mine.clone()),
        experiment.increment(mine.clone()),
        slow.let_through_last(),
    );
    assert_eq!((first, second), (Ok(1), Ok(1)));
    assert_eq!(slow.begun.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn an_increment_whose_caller_gave_up_goes_on_and_its_answer_is_kept() {
    let slow = Slow::new();
    let experiment = Experiment::of(AtMostOnce::new(slow.clone(), 10), [], Record::new());
    let mine = with_key("mine").unwrap();
    assert_eq!(experiment.increment(mine.clone()).await.unwrap_err().code(), Code::DeadlineExceeded);
    slow.let_through.add_permits(10);
    assert_eq!(experiment.increment(mine).await, Ok(1));
    assert_eq!(slow.begun.load(Ordering::SeqCst), 1);
}

/// A wrong `AtMostOnce`: it notes the key when the increment is done. It is here to show that the tests above
/// would find it out.
struct NotesTooLate<K> {
    kv: K,
    done: std::sync::Mutex<HashSet<String>>,
}

impl<K: Kv> Kv for NotesTooLate<K> {
    async fn increment(&self, key: &str, by: i64) -> Result<i64, Status> {
        let metadata = context::metadata();
        let name = metadata.text(IDEMPOTENCY_KEY).unwrap_or_default();
        if self.done.lock().unwrap().contains(name) {
            return Err(Status::new(Code::AlreadyExists, "this was done"));
        }
        let value = self.kv.increment(key, by).await?;
        self.done.lock().unwrap().insert(name.to_owned());
        Ok(value)
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_notes_the_key_too_late_counts_twice_and_one_that_keeps_no_answer_has_none() {
    let slow = Slow::new();
    let wrong = NotesTooLate { kv: slow.clone(), done: Default::default() };
    let experiment = Experiment::of(wrong, [], Record::new());
    let mine = with_key("mine").unwrap();
    let (first, second, ()) = tokio::join!(
        experiment.increment(mine.clone()),
        experiment.increment(mine.clone()),
        slow.let_through_last(),
    );
    assert_eq!((first, second), (Ok(1), Ok(2)), "counted twice");
    assert_eq!(experiment.increment(mine).await.unwrap_err().code(), Code::AlreadyExists, "and no answer");
}

// ---- by a seed ----

async fn storm(seed: u64, strategy: Strategy) -> Storm {
    Experiment::remembering(1000, by_seed(seed)).storm(20, strategy).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_run_and_another_one_another() {
    for strategy in [Strategy::Once, Strategy::UntilAnswered, Strategy::UntilAnsweredWithKey] {
        let first = storm(8, strategy).await;
        assert!(first.events.len() > 60, "{} events", first.events.len());
        assert_eq!(first, storm(8, strategy).await);
        assert_ne!(first, storm(9, strategy).await);
    }
}

#[test]
fn a_seed_gives_every_fault_its_turn() {
    let faults: Vec<_> = by_seed(8).take(1000).collect();
    assert_eq!(faults.iter().copied().collect::<HashSet<_>>(), Fault::ALL.into());
    let harmless = faults.iter().filter(|fault| **fault == Fault::None).count();
    assert!((400..600).contains(&harmless), "{harmless} of 1000 come through");
}

/// Runs `test` in a time of its own that stands still.
fn paused<T>(test: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().unwrap().block_on(test)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn with_a_key_each_increment_counts_once_whatever_happens(seed: u64) {
        let Storm { calls, answered, counter, .. } = paused(storm(seed, Strategy::UntilAnsweredWithKey));
        prop_assert_eq!((answered, counter), (20, 20), "{} calls", calls);
    }

    #[test]
    fn without_a_key_an_increment_that_was_answered_counts_at_least_once(seed: u64) {
        let Storm { answered, counter, .. } = paused(storm(seed, Strategy::UntilAnswered));
        prop_assert_eq!(answered, 20);
        prop_assert!(counter >= 20);
    }

    #[test]
    fn every_message_has_one_fate_and_an_answer_a_request(seed: u64) {
        let diagram = Diagram::of(&paused(storm(seed, Strategy::UntilAnswered)).events);
        prop_assert!(diagram.arrows.iter().all(|arrow| arrow.fate != Fate::OnItsWay && arrow.end > arrow.start));
        let mut page = Page::kept();
        diagram.draw(&mut page);
        prop_assert!(page.text().lines().all(|line| line.chars().count() <= 80));
    }
}

// ---- the picture ----

#[tokio::test(start_paused = true)]
async fn a_lost_reply_is_drawn_as_an_arrow_that_ends_between_the_lines() {
    let experiment = Experiment::new([Fault::LoseReply]);
    experiment.increment(patient()).await.unwrap_err();
    let mut page = Page::kept();
    Diagram::of(&experiment.events().await).draw(&mut page);
    let drawn = "
                       client                        server
             Increment ●___________                    │
                       │           ╲_________          │
                       │                     ╲________▶●
                       │                               ● hits = 1
                       │                        _______● OK
                       │                 ______╱       │
                       │      lost ✗____╱              │
     DEADLINE_EXCEEDED ●                               │
";
    assert_eq!(page.text(), &drawn[1..]);
}

#[test]
fn a_message_that_has_not_arrived_and_is_not_lost_is_on_its_way() {
    let record = Record::new();
    let message = record.sent(tutorial::lab::Side::Client, "Increment");
    let diagram = |events: &[Event]| Diagram::of(events).arrows[0].fate;
    let mut events = record.take();
    assert_eq!(diagram(&events), Fate::OnItsWay);
    record.arrived(message);
    events.extend(record.take());
    assert_eq!(diagram(&events), Fate::Arrived);
}

#[tokio::test(start_paused = true)]
async fn the_same_events_make_a_picture_for_a_book_with_every_text_and_every_arrow() {
    let experiment = Experiment::new([Fault::LoseReply, Fault::Delay]);
    until_answered(&experiment, patient()).await;
    experiment.record.note(tutorial::lab::Side::Server, "a < b && b > c");
    let diagram = Diagram::of(&experiment.events().await);
    let svg = diagram.svg("A lost reply & a late request");
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert!(svg.contains("<title>A lost reply &amp; a late request</title>"));
    assert!(svg.contains(">a &lt; b &amp;&amp; b &gt; c</text>"));
    let count = |what: &str| svg.matches(what).count();
    assert_eq!(count("<circle "), diagram.points.len());
    assert_eq!(count("<line "), diagram.arrows.len() + 2);
    assert_eq!(count("<path "), diagram.arrows.len() - 1, "one head for each that arrived");
    assert_eq!(count(">lost ✗</text>"), 1, "not by colour alone");
    for name in ["text", "style", "title", "svg"] {
        assert_eq!(count(&format!("<{name}")), count(&format!("</{name}>")), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_witness_changes_nothing_of_what_it_sees() {
    let kv = Witness::new(Store::new(), Record::new());
    assert_eq!(kv.increment("hits", 2).await, Ok(2));
    assert_eq!(kv.get("hits").await.as_deref(), Ok("2"));
    assert_eq!(kv.delete("hits").await, Ok(true));
    assert_eq!(kv.get("hits").await.unwrap_err().code(), Code::NotFound);
}

// ---- the program ----

fn lesson(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_lesson_08_loss")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_lesson_is_given_to_its_end_on_80_columns_and_is_the_same_for_the_same_seed() {
    let text = lesson(&[]);
    assert!(text.contains("cargo lesson check 8"));
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "longer than 80 columns: {line}");
    }
    assert_eq!(text, lesson(&["--seed", "8"]), "8 is the seed where none is given");
    assert_ne!(text, lesson(&["--seed", "9"]));
}
