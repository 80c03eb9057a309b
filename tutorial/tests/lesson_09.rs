//! Lesson 09: four shapes of a call, and back-pressure. What it says holds on every transport.

#![allow(clippy::unwrap_used)]

mod exercise;

use std::process::Command;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use kv::Store;
use kv::proto::{
    Change, Entry, GetReply, GetRequest, Kv, KvClient, KvServer, LoadReply, PutRequest, WatchRequest,
};
use server::{Router, Server};
use stub::{Receiver, Sender};
use tokio::sync::{Semaphore, mpsc};
use transport::{Code, Limits, RequestHead, Status};
use tutorial::lab::{Diagram, Event, Fate, Passing, Record, Side, Watched};
use tutorial::page::Page;

exercise::specification! { shapes:
    a_message_that_has_credit_is_sent
    a_message_without_credit_waits
    a_message_that_waits_has_spent_nothing
    credit_is_added_to_what_is_left
    who_has_finished_may_still_receive
    who_is_finished_with_may_still_send
    when_both_have_finished_nothing_may_be_done
    behind_its_own_end_a_side_sends_nothing
}

/// Makes of each sentence one test for each transport.
macro_rules! on_every_transport {
    ($($sentence:ident)*) => {
        on_every_transport!(memory: "memory", $($sentence)*);
        on_every_transport!(tcp: "tcp://127.0.0.1:0", $($sentence)*);
        on_every_transport!(http: "http://127.0.0.1:0", $($sentence)*);
    };
    ($module:ident: $address:literal, $($sentence:ident)*) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $sentence() {
                    let address = match $address {
                        "memory" => concat!("memory:lesson-09-", stringify!($sentence)),
                        other => other,
                    };
                    super::$sentence(address).await;
                }
            )*
        }
    };
}

on_every_transport! {
    messages_of_one_direction_come_in_the_order_in_which_they_were_sent
    what_leaves_first_arrives_first_and_each_side_ends_its_own
    a_client_that_has_said_all_listens_still
    a_server_that_has_said_all_has_ended_the_call
    an_early_answer_is_an_answer
    an_early_error_is_the_status_of_the_call
    who_takes_the_error_of_a_send_for_the_outcome_calls_an_answered_call_cancelled
    dropping_either_handle_before_its_end_drops_the_handler
    a_handler_is_dropped_behind_the_word_that_the_call_was_given_up
    a_server_that_stalls_stops_its_client_at_a_window_and_reading_lets_it_go_on
    a_client_that_stalls_stops_its_server_at_a_window_and_reading_lets_it_go_on
    a_call_that_is_stuck_does_not_stop_another_one
    a_queue_without_a_limit_in_the_handler_undoes_it_all
}

/// A client of `kv`, and the server.
async fn serve<K: Kv>(address: &str, kv: K) -> (KvClient, Server) {
    let mut server = Server::new(Router::new().with(KvServer::new(kv)));
    let address = server.listen(address).await.unwrap().to_string();
    (KvClient::connect(&address).await.unwrap(), server)
}

fn entry(number: usize) -> Entry {
    Entry { key: "number".to_owned(), value: number.to_string() }
}

fn change(number: usize) -> Change {
    Change { key: "number".to_owned(), value: Some(number.to_string()) }
}

fn watch() -> WatchRequest {
    WatchRequest { key: "number".to_owned() }
}

// ---- order, and who ends when ----

/// Sends back each change, and when there are no more how many there were.
struct Echo;

impl Kv for Echo {
    async fn sync(&self, mut requests: Receiver<Change>, mut replies: Sender<Change>) -> Result<(), Status> {
        let mut count = 0;
        while let Some(change) = requests.recv().await? {
            replies.send(&change).await?;
            count += 1;
        }
        replies.send(&change(count)).await
    }
}

async fn messages_of_one_direction_come_in_the_order_in_which_they_were_sent(address: &str) {
    let (kv, _server) = serve(address, Echo).await;
    let (mut asked, mut told) = kv.sync().await.unwrap();
    let ask = async {
        for number in 0..1000 {
            asked.send(&change(number)).await.unwrap();
        }
        asked.finish().await.unwrap();
    };
    let listen = async {
        for number in 0..=1000 {
            assert_eq!(told.recv().await, Ok(Some(change(number))));
        }
        assert_eq!(told.recv().await, Ok(None));
    };
    tokio::join!(ask, listen);
}

/// A client and a server, watched, and what is noted of them.
struct Calls {
    kv: KvClient,
    watched: Watched,
    record: Record,
    _server: Server,
}

impl Calls {
    async fn to<K: Kv>(address: &str, kv: K) -> Self {
        fn said(head: &RequestHead, _side: Side, _message: &Bytes) -> String {
            head.path.method().to_lowercase()
        }
        let record = Record::new();
        let watched = Watched::new(record.clone(), said);
        let mut server = Server::new(watched.service(Router::new().with(KvServer::new(kv))));
        let address = server.listen(address).await.unwrap();
        let connection = Passing::default().connect(&address).await.unwrap();
        let kv = KvClient::new(watched.connection(connection));
        Self { kv, watched, record, _server: server }
    }

    async fn events(&self) -> Vec<Event> {
        self.watched.idle().await;
        self.record.take()
    }
}

/// The messages that one side has sent, in order.
fn sent(events: &[Event], side: Side) -> Vec<String> {
    let text = |event: &Event| match event {
        Event::Sent { from, text, .. } if *from == side => Some(text.clone()),
        _ => None,
    };
    events.iter().filter_map(text).collect()
}

async fn what_leaves_first_arrives_first_and_each_side_ends_its_own(address: &str) {
    let calls = Calls::to(address, Store::new()).await;
    calls.kv.put(&PutRequest { key: "number".into(), value: "1".into() }).await.unwrap();
    let events = calls.events().await;
    assert_eq!(sent(&events, Side::Client), ["Put put, END"]);
    assert_eq!(sent(&events, Side::Server), ["put, END"]);

    let (mut entries, mut reply) = calls.kv.load().await.unwrap();
    entries.send(&entry(1)).await.unwrap();
    entries.send(&entry(2)).await.unwrap();
    entries.finish().await.unwrap();
    reply.single().await.unwrap();
    let events = calls.events().await;
    assert_eq!(sent(&events, Side::Client), ["Load", "load", "load", "END"]);
    assert_eq!(sent(&events, Side::Server), ["load, END"]);
    let arrows = Diagram::of(&events).arrows;
    assert!(arrows.iter().all(|arrow| arrow.fate == Fate::Arrived), "{arrows:?}");
    for side in [Side::Client, Side::Server] {
        let of_one_side = || arrows.iter().filter(move |arrow| arrow.from == side);
        assert!(of_one_side().is_sorted_by_key(|arrow| arrow.end), "{arrows:?}");
    }
}

async fn a_client_that_has_said_all_listens_still(address: &str) {
    let (kv, _server) = serve(address, Echo).await;
    let (mut asked, mut told) = kv.sync().await.unwrap();
    asked.send(&change(7)).await.unwrap();
    asked.finish().await.unwrap();
    assert_eq!(told.recv().await, Ok(Some(change(7))));
    assert_eq!(told.recv().await, Ok(Some(change(1))), "what the server says behind END");
    assert_eq!(told.recv().await, Ok(None));
}

/// Ends each call when it has read two messages.
struct Enough(Result<(), Status>);

impl Enough {
    async fn read<T>(&self, requests: &mut Receiver<T>) -> Result<(), Status> {
        requests.recv().await?;
        requests.recv().await?;
        self.0.clone()
    }
}

impl Kv for Enough {
    async fn load(&self, mut requests: Receiver<Entry>) -> Result<LoadReply, Status> {
        self.read(&mut requests).await.map(|()| LoadReply { count: 2 })
    }

    async fn sync(&self, mut requests: Receiver<Change>, _replies: Sender<Change>) -> Result<(), Status> {
        self.read(&mut requests).await
    }
}

async fn a_server_that_has_said_all_has_ended_the_call(address: &str) {
    let (kv, _server) = serve(address, Enough(Ok(()))).await;
    let (mut asked, mut told) = kv.sync().await.unwrap();
    asked.send(&change(1)).await.unwrap();
    asked.send(&change(2)).await.unwrap();
    assert_eq!(told.recv().await, Ok(None));
    assert!(asked.send(&change(3)).await.is_err(), "though the client has not said END");
}

/// Sends entries until that fails; with what.
async fn send_on(entries: &mut Sender<Entry>) -> Status {
    loop {
        if let Err(status) = entries.send(&entry(0)).await {
            return status;
        }
        tokio::task::yield_now().await;
    }
}

async fn an_early_answer_is_an_answer(address: &str) {
    let (kv, _server) = serve(address, Enough(Ok(()))).await;
    for sends_on in [false, true] {
        let (mut entries, mut reply) = kv.load().await.unwrap();
        entries.send(&entry(1)).await.unwrap();
        entries.send(&entry(2)).await.unwrap();
        if sends_on {
            send_on(&mut entries).await;
        }
        assert_eq!(reply.single().await, Ok(LoadReply { count: 2 }));
        drop(entries);
    }
}

async fn an_early_error_is_the_status_of_the_call(address: &str) {
    let full = Status::new(Code::ResourceExhausted, "two are enough");
    let (kv, _server) = serve(address, Enough(Err(full.clone()))).await;
    let (mut entries, mut reply) = kv.load().await.unwrap();
    send_on(&mut entries).await;
    assert_eq!(reply.single().await, Err(full));
}

async fn who_takes_the_error_of_a_send_for_the_outcome_calls_an_answered_call_cancelled(address: &str) {
    async fn load_naively(kv: &KvClient) -> Result<LoadReply, Status> {
        let (mut entries, mut reply) = kv.load().await?;
        for number in 0.. {
            entries.send(&entry(number)).await?; // Here it leaves, with an answer on the way.
            tokio::task::yield_now().await;
        }
        entries.finish().await?;
        reply.single().await
    }

    let (kv, _server) = serve(address, Enough(Ok(()))).await;
    assert_eq!(load_naively(&kv).await.unwrap_err().code(), Code::Cancelled);
}

// ---- giving a call up ----

/// Tells when a handler begins, and when it is dropped.
struct Endless(mpsc::UnboundedSender<&'static str>);

struct Dropped(mpsc::UnboundedSender<&'static str>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

impl Endless {
    async fn run<T>(&self) -> T {
        let _dropped = Dropped(self.0.clone());
        let _ = self.0.send("began");
        std::future::pending().await
    }
}

impl Kv for Endless {
    async fn watch(&self, _request: WatchRequest, _replies: Sender<Change>) -> Result<(), Status> {
        self.run().await
    }

    async fn load(&self, _requests: Receiver<Entry>) -> Result<LoadReply, Status> {
        self.run().await
    }

    async fn sync(&self, _requests: Receiver<Change>, _replies: Sender<Change>) -> Result<(), Status> {
        self.run().await
    }
}

async fn dropping_either_handle_before_its_end_drops_the_handler(address: &str) {
    let (tell, mut told) = mpsc::unbounded_channel();
    let (kv, _server) = serve(address, Endless(tell)).await;

    let changes = kv.watch(&watch()).await.unwrap();
    assert_eq!(told.recv().await, Some("began"));
    drop(changes);
    assert_eq!(told.recv().await, Some("dropped"));

    let (entries, _reply) = kv.load().await.unwrap();
    assert_eq!(told.recv().await, Some("began"));
    drop(entries);
    assert_eq!(told.recv().await, Some("dropped"));

    let (_asked, replies) = kv.sync().await.unwrap();
    assert_eq!(told.recv().await, Some("began"));
    drop(replies);
    assert_eq!(told.recv().await, Some("dropped"));
}

async fn a_handler_is_dropped_behind_the_word_that_the_call_was_given_up(address: &str) {
    let (tell, mut told) = mpsc::unbounded_channel();
    let calls = Calls::to(address, Endless(tell)).await;
    let changes = calls.kv.watch(&watch()).await.unwrap();
    assert_eq!(told.recv().await, Some("began"));
    drop(changes);
    let events = calls.events().await;
    assert_eq!(sent(&events, Side::Client), ["Watch watch, END", "gives the call up"]);
    let note = Event::Note { side: Side::Server, text: "the handler is dropped".to_owned() };
    let [.., Event::Sent { message: word, .. }, Event::Arrived { message }, last] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!((message, last), (word, &note));
}

// ---- back-pressure ----

/// A message of about 1 KiB.
const LARGE: usize = 1024;

fn large(number: usize) -> String {
    format!("{number:0LARGE$}")
}

/// How many such messages fit into a window, with one more that waits at the sender.
fn most() -> usize {
    Limits::default().window as usize / LARGE + 1
}

/// Sends large entries until the next would have to wait, also when everybody else had time to run; how many
/// were accepted, or `limit` if nothing stops it before.
async fn send_until_stuck(entries: &mut Sender<Entry>, limit: usize) -> usize {
    let (mut accepted, mut waited) = (0, 0);
    while waited < 1000 && accepted < limit {
        let next = Entry { key: "k".to_owned(), value: large(accepted) };
        match now_or_never(entries.send(&next)).await {
            Some(sent) => {
                sent.unwrap();
                (accepted, waited) = (accepted + 1, 0);
            }
            None => waited += 1,
        }
        tokio::task::yield_now().await;
    }
    accepted
}

/// What `future` ends with, if it ends at once.
async fn now_or_never<F: Future>(future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Reads, or sends, a message when it is told to; answers `Get` at once.
#[derive(Clone)]
struct WhenTold {
    told: Arc<Semaphore>,
    sent: mpsc::UnboundedSender<usize>,
}

impl Kv for WhenTold {
    async fn get(&self, _request: GetRequest) -> Result<GetReply, Status> {
        Ok(GetReply { value: "here".to_owned() })
    }

    async fn load(&self, mut requests: Receiver<Entry>) -> Result<LoadReply, Status> {
        let mut count = 0;
        loop {
            self.told.acquire().await.unwrap().forget();
            if requests.recv().await?.is_none() {
                return Ok(LoadReply { count });
            }
            count += 1;
        }
    }

    async fn watch(&self, _request: WatchRequest, mut replies: Sender<Change>) -> Result<(), Status> {
        // If nothing stops it, it ends, and the test says so.
        for number in 0..100 * most() {
            replies.send(&Change { key: "k".to_owned(), value: Some(large(number)) }).await?;
            self.sent.send(number + 1).unwrap();
        }
        Ok(())
    }
}

fn when_told() -> (WhenTold, mpsc::UnboundedReceiver<usize>) {
    let (sent, was_sent) = mpsc::unbounded_channel();
    (WhenTold { told: Arc::new(Semaphore::new(0)), sent }, was_sent)
}

async fn a_server_that_stalls_stops_its_client_at_a_window_and_reading_lets_it_go_on(address: &str) {
    let (service, _) = when_told();
    let (kv, _server) = serve(address, service.clone()).await;
    let (mut entries, mut reply) = kv.load().await.unwrap();
    let accepted = send_until_stuck(&mut entries, 10 * most()).await;
    assert!(accepted <= most(), "{accepted} were accepted and none was read");
    assert!(accepted >= most() / 2, "{accepted} are few for such a window");

    service.told.add_permits(accepted);
    let more = send_until_stuck(&mut entries, 10 * most()).await;
    assert!(more > 0, "all were read, and there is no room");

    service.told.add_permits(Semaphore::MAX_PERMITS / 2);
    entries.finish().await.unwrap();
    assert_eq!(reply.single().await, Ok(LoadReply { count: (accepted + more) as u64 }));
}

async fn a_client_that_stalls_stops_its_server_at_a_window_and_reading_lets_it_go_on(address: &str) {
    let (service, mut was_sent) = when_told();
    let (kv, _server) = serve(address, service).await;
    let mut changes = kv.watch(&watch()).await.unwrap();
    let (mut sent, mut waited) = (0, 0);
    while waited < 1000 {
        match was_sent.try_recv() {
            Ok(number) => (sent, waited) = (number, 0),
            Err(_) => waited += 1,
        }
        tokio::task::yield_now().await;
    }
    assert!(sent <= most(), "{sent} were sent and none was read");
    for number in 0..10 * most() {
        let value = Some(large(number));
        assert_eq!(changes.recv().await, Ok(Some(Change { key: "k".to_owned(), value })));
    }
}

async fn a_call_that_is_stuck_does_not_stop_another_one(address: &str) {
    let (service, _) = when_told();
    let (kv, _server) = serve(address, service).await;
    let (mut entries, _reply) = kv.load().await.unwrap();
    send_until_stuck(&mut entries, 10 * most()).await;
    let reply = kv.get(&GetRequest { key: "any".to_owned() }).await;
    assert_eq!(reply, Ok(GetReply { value: "here".to_owned() }));
}

/// A wrong service: it takes from the connection whatever comes, to look at it later.
struct Hoards;

impl Kv for Hoards {
    async fn load(&self, mut requests: Receiver<Entry>) -> Result<LoadReply, Status> {
        let (hoard, _later) = mpsc::unbounded_channel();
        while let Some(entry) = requests.recv().await? {
            let _ = hoard.send(entry);
        }
        Ok(LoadReply { count: 0 })
    }
}

async fn a_queue_without_a_limit_in_the_handler_undoes_it_all(address: &str) {
    let (kv, _server) = serve(address, Hoards).await;
    let (mut entries, _reply) = kv.load().await.unwrap();
    assert_eq!(send_until_stuck(&mut entries, 10 * most()).await, 10 * most());
}

// ---- the picture, and the program ----

#[tokio::test]
async fn what_was_sent_and_never_read_is_drawn_as_on_its_way() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let calls = Calls::to("memory:lesson-09-unread", Endless(tell)).await;
    let (mut entries, reply) = calls.kv.load().await.unwrap();
    assert_eq!(told.recv().await, Some("began"));
    entries.send(&entry(1)).await.unwrap();
    drop((entries, reply));
    let mut page = Page::kept();
    Diagram::of(&calls.events().await).draw(&mut page);
    let drawn = "
                       client                        server
                  Load ●___________                    │
                       │           ╲_________          │
                       │                     ╲________▶●
                  load ●_______                        │
     gives the call up ●_______╲______                 │
                       │           ╲__╲____…_          │
                       │                     ╲________▶●
                       │                               ● the handler is dropped
";
    assert_eq!(page.text(), &drawn[1..]);
}

#[test]
fn the_lesson_is_given_to_its_end_on_80_columns() {
    let output = Command::new(env!("CARGO_BIN_EXE_lesson_09_shapes")).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("cargo lesson check 9"));
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "longer than 80 columns: {line}");
    }
}
