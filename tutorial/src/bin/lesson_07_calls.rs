//! Lesson 07: many calls, one connection.

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use kv::{Kv, KvClient, KvServer, Store};
use server::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use transport::frame::Kind;
use transport::{Limits, Status, tcp};
use tutorial::lens;
use tutorial::lesson::{Lesson, no_network};
use tutorial::page::{BOLD, Page};
use tutorial::tap::{Tap, Way};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let lesson = const { Lesson::numbered(7) };
    let mut page = lesson.begin(
        &[
            "Any number of calls share one connection. The call's number in each frame keeps them apart.",
            "Answers come in the order in which they are ready, not in the order of the calls.",
            "A slow call that waits never blocks a fast one.",
        ],
        "Four calls leave at once on one connection; the first is slow. In which order do the answers come? \
         And what would have to be true if frames carried no call number?",
    );
    let given = run(&mut page).await;
    lesson.end(
        page,
        given,
        "In transport/src/session/local.rs, `open_call`, replace `self.last_call += 1` by \
         `self.last_call = 1`: every call gets the same number. Run this again. The server does not guess \
         which call is meant: it names the number and closes the connection. A number is used once. The test below fails \
         too.",
    )
}

async fn run(page: &mut Page) -> Result<(), Status> {
    let gate = Arc::new(Notify::new());
    let frames = Arc::new(Mutex::new(Vec::new()));
    let kv = connect(gate.clone(), frames.clone()).await?;
    kv.put("slow", "tortoise").await?;
    kv.put("fast", "hare").await?;
    frames.lock().unwrap_or_else(PoisonError::into_inner).clear(); // The lesson begins here.

    page.heading("four calls at once, the first is slow");
    page.say("The server does not answer get(\"slow\") before the other three have been answered.");
    page.blank();
    let mut calls = tokio::task::JoinSet::new();
    for key in ["slow", "fast", "fast", "fast"] {
        let kv = kv.clone();
        calls.spawn(async move { (key, kv.get(key).await) });
    }
    let mut answered = 0;
    while let Some(Ok((key, value))) = calls.join_next().await {
        answered += 1;
        page.line(format_args!("    answer {answered}: get({key:?}) = {BOLD}{:?}{BOLD:#}", value?));
        if answered == 3 {
            gate.notify_one();
        }
    }

    page.heading("the frames, as they passed the client");
    page.line(format_args!("    client{:54}server", ""));
    let passed = std::mem::take(&mut *frames.lock().unwrap_or_else(PoisonError::into_inner));
    for (way, bytes) in &passed {
        for frame in lens::frame::frames(bytes).0 {
            page.arrow(*way == Way::Out, &told(frame));
        }
    }
    let writes = passed.iter().filter(|(way, _)| *way == Way::Out).count();
    page.blank();
    page.say(&format!(
        "The four calls left in {writes} write{}: whatever is ready when the connection's task wakes leaves \
         together. Each answer has the number of its call, and with that it finds its caller, whoever is \
         waiting beside it. (Calls 1 and 2 were two puts before; method 1 is Put, 2 is Get.) \
         (transport/src/session/, transport/src/host.rs)",
        if writes == 1 { "" } else { "s" },
    ));
    page.blank();
    page.say(
        "The slow method kept nobody waiting because it waited with .await. One that computes for long, or \
         sleeps without .await, does: a method runs in the task of its connection until its first .await \
         that has to wait, and the other calls on that connection stand behind it.",
    );
    page.blank();
    page.say(
        "And the question: without call numbers, answers would have to come in the order of the calls, and \
         the slow one would hold up all the rest.",
    );
    Ok(())
}

/// What was written or read at once.
type Frames = Arc<Mutex<Vec<(Way, Vec<u8>)>>>;

/// A client of a server over TCP, with a tap on the client's end that keeps what is written and read.
async fn connect(gate: Arc<Notify>, frames: Frames) -> Result<KvClient, Status> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(no_network)?;
    let address = listener.local_addr().map_err(no_network)?;
    let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
    let (near, (far, _)) = (near.map_err(no_network)?, far.map_err(no_network)?);
    let router = Arc::new(Router::new().with(KvServer::new(Gated { store: Store::new(), gate })));
    tokio::spawn(
        async move { tcp::serve_over(far, &Limits::default(), router, std::future::pending()).await },
    );
    let tap = Tap::new(near, move |way, bytes: &[u8]| {
        // Both ends write whole frames, and what is as small as here arrives as it was written.
        frames.lock().unwrap_or_else(PoisonError::into_inner).push((way, bytes.to_vec()));
    });
    Ok(KvClient::new(tcp::connect_over(tap, &Limits::default()).await?))
}

fn told(frame: &[u8]) -> String {
    let seen = lens::frame::frame(frame);
    let Some(header) = seen.header else { return "?".to_owned() };
    let text = seen.message.map(|range| String::from_utf8_lossy(&frame[range]).into_owned());
    let text: String = text.unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
    match header.kind {
        Kind::Call => format!("{} {} method {} {text:?}", header.kind, header.call, header.code),
        _ => format!("{} {} {text:?}", header.kind, header.call),
    }
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
