//! Lesson 08: a lost request looks like a lost reply.

use std::process::ExitCode;

use client::CallOptions;
use kv::{Kv, KvClient, Store};
use stub::codec::{CodecName, Protobuf};
use tokio::time::timeout;
use transport::{Code, Limits, Status, grpc};
use tutorial::joined::{self, Passed};
use tutorial::lab::{
    Diagram, Experiment, Fault, IDEMPOTENCY_KEY, PATIENCE, Passing, Refusing, Strategy, by_seed, patient,
    with_key,
};
use tutorial::lens;
use tutorial::lesson::Lesson;
use tutorial::page::{BOLD, Page, count};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let lesson = const { Lesson::numbered(8) };
    let seed = clap::Arg::new("seed")
        .long("seed")
        .value_name("NUMBER")
        .value_parser(clap::value_parser!(u64))
        .default_value("8")
        .help("Decides what goes wrong in the storm: the same number, the same run");
    let (mut page, given) = lesson.begin_with(
        [seed],
        &[
            "Who gets no answer cannot know whether the request was lost or the reply. The status is the \
             same; what has happened is not.",
            "A deadline ends the waiting. It says nothing about whether the method ran.",
            "A call may be made again if it was not processed, if doing it twice is doing it once, or if the \
             server recognises it. Else it may count twice.",
            "Nothing delivers exactly once. A server that remembers can do a thing at most once, for as long as \
             it remembers.",
        ],
        "An increment gets no answer in time. Is the counter 0 or 1? Its caller tries again, and now there is \
         an answer. What may the counter be?",
    );
    let seed = given.get_one("seed").copied().unwrap_or_default();
    let given = run(&mut page, seed).await;
    lesson.end(
        page,
        given,
        "In client/src/call.rs, `unary`, replace `status.was_not_processed()` by `status.code() == \
         Code::Unavailable`: a client that kindly tries again whenever a server cannot be reached. Run this \
         again, and look at the table of faults, last line: the caller has called once, sees Ok(2), and the \
         counter is 2. The test below fails.",
    )
}

async fn run(page: &mut Page, seed: u64) -> Result<(), Status> {
    lost(page).await?;
    waiting(page).await?;
    all_faults(page).await?;
    again(page).await?;
    not_processed(page).await?;
    idempotent(page).await?;
    remembered(page).await?;
    storm(page, seed).await?;

    page.heading("and the questions");
    page.say(
        "0 or 1: nobody at the client can tell. After the second attempt it is 1 or 2, and if the first one is \
         still on its way, it is 1 now and 2 later. To deliver exactly once, the sender would have to know \
         that its message has arrived; but the word that says so can be lost too, and the word about that word. \
         What can be had is: send until there is an answer (at least once), and recognise what comes again (at \
         most once). Together, and only as long as the server remembers, each thing is done once.",
    );
    Ok(())
}

async fn lost(page: &mut Page) -> Result<(), Status> {
    page.heading("a request is lost");
    page.say(&format!(
        "A client calls increment(\"hits\", 1), and waits {} ms. Between client and server is a connection \
         around the connection that loses messages when it is told to. (tutorial/src/lab/faulty.rs) Time goes \
         down.",
        PATIENCE.as_millis(),
    ));
    page.blank();
    page.picture("08-lost-request", "The request is lost");
    let (first, counter) = one_call(page, Fault::LoseRequest).await?;
    page.blank();
    outcome(page, &first, counter);

    page.heading("a reply is lost");
    page.say("Another server, the same call; now the request arrives.");
    page.blank();
    page.picture("08-lost-reply", "The reply is lost");
    let (second, counter) = one_call(page, Fault::LoseReply).await?;
    page.blank();
    outcome(page, &second, counter);
    page.blank();
    let same = if first == second { "The same, code and text." } else { "Not the same!" };
    page.say(&format!(
        "{same} Cover the right half of both pictures: what is left is all that the client has, and it is \
         one picture.",
    ));
    Ok(())
}

fn outcome(page: &mut Page, seen: &str, counter: i64) {
    page.line(format_args!("    the client sees {seen}"));
    page.line(format_args!("    the counter is  {BOLD}{counter}{BOLD:#}"));
}

/// One call, drawn; what its caller saw, and what the counter is.
async fn one_call(page: &mut Page, fault: Fault) -> Result<(String, i64), Status> {
    let experiment = Experiment::new([fault]);
    let result = experiment.increment(patient()).await;
    Diagram::of(&experiment.events().await).draw(page);
    Ok((shown(&result), experiment.hits().await?))
}

async fn waiting(page: &mut Page) -> Result<(), Status> {
    page.heading("a deadline, and what it does not say");
    let experiment = Experiment::new([Fault::LoseReply]);
    let forever = experiment.kv.with(CallOptions::new());
    let waited = timeout(3 * PATIENCE, forever.increment("hits", 1)).await;
    page.say(&format!(
        "Without a deadline the client would wait: after {} ms, three times as long as before, the call {}. \
         Nothing ever tells a client that nothing will come. So every call that matters has a deadline; \
         it ends the waiting, and that is all it does: the call is dropped. (client/src/deadline.rs, `within`)",
        (3 * PATIENCE).as_millis(),
        if waited.is_err() { "has not ended" } else { "has ended" },
    ));
    page.blank();
    page.say(
        "It is read as \"it did not happen\" again and again. It means \"I have stopped listening\": the method \
         may have run, may be running, or may be about to run.",
    );
    page.blank();
    page.say(
        "But TCP loses nothing? It repeats bytes until they are acknowledged, by the other machine and not by \
         the program on it. When the connection ends, or a server or a proxy in between does, nobody knows what \
         of the last bytes was read, and acted on.",
    );
    Ok(())
}

async fn all_faults(page: &mut Page) -> Result<(), Status> {
    page.heading("all that can go wrong with one call");
    page.say("Each line is one call to a server of its own. (tutorial/src/lab/fault.rs)");
    page.blank();
    page.line(format_args!("    {BOLD}{:32} {:26} counter{BOLD:#}", "what happens", "the client sees"));
    for fault in Fault::ALL {
        let experiment = Experiment::new([fault]);
        let seen = match experiment.increment(patient()).await {
            Ok(value) => format!("Ok({value})"),
            Err(status) => status.code().to_string(),
        };
        experiment.events().await;
        let counter = experiment.hits().await?;
        page.line(format_args!("    {:32} {seen:26} {counter}", fault.to_string()));
    }
    page.blank();
    page.say(
        "UNAVAILABLE has the same trouble as DEADLINE_EXCEEDED: 0 or 1. And a request that arrives twice, \
         without anybody's wish, is a 2 behind an answer that says 1.",
    );
    Ok(())
}

async fn again(page: &mut Page) -> Result<(), Status> {
    page.heading("so it tries again");
    page.say("The reply is lost, and the client does what seems to be clear. The counter should be 1:");
    page.blank();
    let experiment = Experiment::new([Fault::LoseReply]);
    while experiment.increment(patient()).await.is_err() {}
    page.picture("08-again", "A lost reply, and a second attempt");
    Diagram::of(&experiment.events().await).draw(page);
    page.blank();
    page.line(format_args!(
        "    the counter is {BOLD}{}{BOLD:#}: wrong, as it has to be",
        experiment.hits().await?
    ));

    page.heading("or the first attempt was only late");
    page.say(
        "A message that is not there yet looks like a lost one, too. Here the second overtakes the first:",
    );
    page.blank();
    let experiment = Experiment::new([Fault::Delay]);
    while experiment.increment(patient()).await.is_err() {}
    let now = experiment.hits().await?;
    page.picture("08-late", "A late request, and a second attempt");
    Diagram::of(&experiment.events().await).draw(page);
    page.blank();
    page.line(format_args!(
        "    when the client has its answer, the counter is {BOLD}{now}{BOLD:#}; later it is {BOLD}{}{BOLD:#}",
        experiment.hits().await?,
    ));
    Ok(())
}

async fn not_processed(page: &mut Page) -> Result<(), Status> {
    page.heading("safe to call again: what was not processed");
    page.say(
        "A server can say that it has not begun. In HTTP/2 that is RST_STREAM with REFUSED_STREAM, or a GOAWAY \
         whose last stream is an earlier one (RFC 9113 §8.7). This server, made by hand, refuses its first \
         request (tutorial/src/lab/refusing.rs). What passes on its streams when a client increments, once:",
    );
    page.blank();
    let (near, far) = tokio::io::duplex(64 << 10);
    let serving = tokio::spawn(Refusing::new(Store::new(), 1).serve(far));
    let passed = Passing::default();
    let tap = passed.tap(near);
    let connection = grpc::connect_over(tap, &Limits::default(), "kv.test").await?;
    let kv = KvClient::new(connection).with(CallOptions::new().codec(Protobuf::NAME));
    let hits = kv.increment("hits", 1).await?;
    drop(kv);
    let requests = serving.await.map_err(|_| broken("the server"))?.map_err(|_| broken("the connection"))?;
    let pieces = passed.take();
    let frames: Vec<_> = pieces.iter().flat_map(|(way, bytes)| Passed::all(*way, bytes)).collect();
    joined::sides(page);
    joined::draw(page, frames.iter().filter(|frame| frame.stream() > 0));
    page.blank();
    if let Some(reset) = frames.iter().find(|frame| frame.label().starts_with("RST_STREAM")) {
        page.spans(&reset.bytes, &lens::http2::frame(&reset.bytes).spans);
        page.blank();
    }
    page.say(&format!(
        "One call, {}, and the caller has seen Ok({hits}). It was the client that called again, because \
         `Status::was_not_processed` said so (client/src/call.rs, `unary`). It does so with no other status: \
         that a call failed does not say that it was not processed.",
        count(requests, "request"),
    ));
    Ok(())
}

async fn idempotent(page: &mut Page) -> Result<(), Status> {
    page.heading("safe to call again: what may be done twice");
    let experiment = Experiment::new([Fault::LoseReply, Fault::None, Fault::None, Fault::LoseReply]);
    experiment.kv.put("colour", "red").await.err().ok_or_else(|| broken("the experiment"))?;
    let put = experiment.kv.put("colour", "red").await;
    let value = experiment.kv.get("colour").await;
    experiment.kv.delete("colour").await.err().ok_or_else(|| broken("the experiment"))?;
    let deleted = experiment.kv.delete("colour").await;
    page.say(&format!(
        "To put the same value twice is to put it once: idempotent. Lost reply, second put: {}, and the value \
         is {}. To delete twice, too, but see what the second attempt answers: {}, as if the value had never \
         been there. The effect is idempotent; the answer is not.",
        shown(&put),
        shown(&value),
        shown(&deleted),
    ));
    page.blank();
    page.say(
        "And idempotent does not mean that order does not matter. Here the client gives red up and puts blue. \
         What was given up is still on its way:",
    );
    page.blank();
    let experiment = Experiment::new([Fault::Delay]);
    for value in ["red", "blue"] {
        experiment.saw(&experiment.kv.put("colour", value).await);
    }
    page.picture("08-order", "A put that is late has the last word");
    Diagram::of(&experiment.events().await).draw(page);
    page.blank();
    let value = experiment.kv.get("colour").await?;
    page.line(format_args!("    in the end the colour is {BOLD}{value}{BOLD:#}"));
    Ok(())
}

async fn remembered(page: &mut Page) -> Result<(), Status> {
    page.heading("safe to call again: what the server recognises");
    page.say(&format!(
        "The client invents a name for what it wants done once, and sends it with each attempt, as the metadata \
         `{IDEMPOTENCY_KEY}`. The server keeps the answer under that name. (tutorial/src/lab/once.rs, \
         AtMostOnce) The same lost reply:",
    ));
    page.blank();
    let experiment = Experiment::remembering(2, [Fault::LoseReply]);
    let mine = with_key("0190f6d2-mine")?;
    while experiment.increment(mine.clone()).await.is_err() {}
    page.picture("08-key", "A lost reply, and a second attempt with the same key");
    Diagram::of(&experiment.events().await).draw(page);
    page.blank();
    page.line(format_args!("    the counter is {BOLD}{}{BOLD:#}", experiment.hits().await?));
    page.blank();
    page.say(
        "The second request arrives, and its method does not run: the answer is the first one's. For that the \
         server notes the name before it begins. If it noted it afterwards, two attempts at the same time would \
         both count; if it noted it elsewhere than the number, a crash between the two would. A real one \
         writes both in one transaction.",
    );
    page.blank();
    for other in ["0190f6d3-theirs", "0190f6d4-theirs"] {
        experiment.increment(with_key(other)?).await?;
    }
    let before = experiment.hits().await?;
    let late = experiment.increment(mine).await;
    page.say(&format!(
        "What it costs is memory, for as long as somebody may try again. This server remembers two names. Two \
         other increments later the counter is {before}; now the first request comes once more, and sees {}: \
         it has been forgotten, and counts again. A thousand increments a second, remembered for a day at 100 \
         bytes each, are {:.1} GB.",
        shown(&late),
        1000.0 * 86_400.0 * 100.0 / 1e9,
    ));
    Ok(())
}

async fn storm(page: &mut Page, seed: u64) -> Result<(), Status> {
    let increments = 12;
    page.heading("all of it at once, by a seed");
    page.say(&format!(
        "{increments} increments, one after the other, while any of those faults may befall each call. Seed \
         {seed} decides which; the same for all three lines.",
    ));
    page.blank();
    page.line(format_args!("    {BOLD}{:36} calls  answered  counter{BOLD:#}", "a client that"));
    let strategies = [
        ("gives up", Strategy::Once),
        ("tries again", Strategy::UntilAnswered),
        ("tries again with an idempotency key", Strategy::UntilAnsweredWithKey),
    ];
    let mut runs = Vec::new();
    for (told, strategy) in strategies {
        let run = Experiment::remembering(100, by_seed(seed)).storm(increments, strategy).await?;
        let (calls, answered, counter) = (run.calls, run.answered, run.counter);
        page.line(format_args!("    {told:36} {calls:5}  {answered:8}  {BOLD}{counter:7}{BOLD:#}"));
        runs.push(run);
    }
    let again = Experiment::remembering(100, by_seed(seed)).storm(increments, Strategy::Once).await?;
    let same = runs.first().is_some_and(|first| *first == again);
    page.blank();
    page.say(&format!(
        "Each increment should be counted once if it was answered, and only the last client can rely on that. \
         The first line was run twice: {} of {}, {}. A failure that can be repeated can be understood; that is \
         what the seed is for.",
        if same { "the same order" } else { "not the same order" },
        count(again.events.len(), "event"),
        if same { "event by event" } else { "which should not be" },
    ));
    page.blank();
    page.table(&[(&format!("cargo lesson 8 --seed {}", seed.wrapping_add(1)), "another storm")]);
    Ok(())
}

fn shown<T: std::fmt::Debug>(result: &Result<T, Status>) -> String {
    match result {
        Ok(value) => format!("Ok({value:?})"),
        Err(status) => status.to_string(),
    }
}

fn broken(what: &str) -> Status {
    Status::new(Code::Internal, format!("{what} did not do what this lesson needs"))
}
