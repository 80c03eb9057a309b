//! The report for a terminal of 80 columns.

use super::api::Api;
use super::chart::{grouped, three_digits};
use super::protocol::Bytes;
use super::speed::{IN_FLIGHT, Pace};
use super::streaming::SHAPES;
use super::strictness::Answer;
use super::{Machine, Report, chart, summary};
use crate::page::{BOLD, Page, shorten};

/// Prints all rows, and the table.
pub fn tell(page: &mut Page, report: &Report) {
    contract(page, report);
    payload(page, report);
    protocol(page, report);
    speed(page, report);
    strictness(page, report);
    streaming(page, report);
    browser(page, report);
    security(page, report);
    client_code(page, report);
    table(page, report);
}

fn contract(page: &mut Page, report: &Report) {
    page.heading("contract");
    page.say(
        "Both have a document that a program can read. That of gRPC comes first, and code is made of it. \
         That of the API is made of the code (stub/kv/json/src/api.rs), and tells others what there is.",
    );
    page.blank();
    head(page, &format!("    {:14}{:>7}{:>9}{:>9}{:>8}", "", "lines", "bytes", "methods", "types"));
    for document in [&report.contract.proto, &report.contract.openapi] {
        let (name, lines, bytes) = (document.name, document.lines, grouped(document.bytes as f64));
        page.line(format_args!(
            "    {name:14}{lines:>7}{bytes:>9}{:>9}{:>8}",
            document.methods, document.types
        ));
    }
    page.blank();
    page.say("The same method in the first one:");
    for part in report.contract.method[0].split("\n\n") {
        page.blank();
        page.listing(part);
    }
    page.blank();
    page.say(&format!(
        "In the second one it takes {} lines, for it tells of HTTP: path, verb, content types, and each \
         status that can come. What each says of the same thing, and (✓) whether a program can do something \
         with it:",
        report.contract.method[1].lines().count(),
    ));
    page.blank();
    for says in &report.contract.says {
        page.line(format_args!("    {BOLD}{}{BOLD:#}", says.of));
        for (text, checked) in [(&says.proto, says.checked[0]), (&says.openapi, says.checked[1])] {
            page.line(format_args!("      {} {}", mark(checked), shorten(text, 72)));
        }
    }
    page.blank();
    page.say(
        "Neither checks what a key may be, or which error comes when: that is said in words, and held by \
         tests (tutorial/tests/contract/).",
    );
}

fn payload(page: &mut Page, report: &Report) {
    page.heading("payload");
    page.say("The same messages in three codecs, in bytes; and each again, made smaller by gzip:");
    page.blank();
    head(page, &format!("    {:20}{:>16}{:>16}{:>16}", "", "bincode", "protobuf", "JSON"));
    for sizes in &report.payload.messages {
        let cells = sizes
            .each()
            .map(|(_, size)| format!("{:>9}{:>7}", grouped(size.plain as f64), grouped(size.gzip as f64)));
        page.line(format_args!("    {:20}{}", sizes.message, cells.concat()));
    }
    page.picture("19-payload", "Messages in three codecs, in bytes; the lower part is gzip's");
    page.drawn(|title| chart::file(title, &chart::payload(&report.payload)));
    page.blank();
    page.say(
        "A text is a text: of 1 KiB each codec makes 1 KiB. JSON pays for names, for digits, and for bytes, \
         which it has to write as base64. Names repeat, so gzip takes them back: behind it the list is no \
         larger in JSON than in protobuf. What is small becomes larger by it, and so do bytes that have no \
         pattern. A negative int64 takes ten bytes in protobuf, and two letters in JSON. (Lesson 11)",
    );
}

fn protocol(page: &mut Page, report: &Report) {
    page.heading("protocol");
    page.say(
        "get(\"greeting\"), which returns \"hello\", there + back, counted by a relay between client and \
         server: the two messages alone; the first call on a connection, with all that begins it; a later \
         one.",
    );
    page.blank();
    head(page, &format!("    {:12}{:30}{:>8}{:>13}{:>12}", "", "", "messages", "first call", "later"));
    for passed in &report.protocol.calls {
        let [messages, first, warm] = [passed.messages, passed.first, passed.warm].map(sum);
        let api = passed.api;
        page.line(format_args!(
            "    {:12}{:30}{messages:>8}{first:>13}{warm:>12}",
            api.name(),
            api.made_of()
        ));
    }
    page.picture("19-protocol", "The bytes of a warm call; the lower part is its messages");
    page.drawn(|title| chart::file(title, &chart::protocol(&report.protocol)));
    page.blank();
    page.say(
        "Where the bytes of the last one are. HTTP/1.1 says each time, in words, what HTTP/2 has said \
         before:",
    );
    for text in &report.protocol.exchange {
        page.blank();
        for line in text.trim_end().lines() {
            page.line(format_args!("{}", format!("    {}", shorten(line, 74)).trim_end()));
        }
    }
    page.blank();
    page.say(
        "So it is less the JSON than the fields around it: gRPC-Web says still more of them, and takes the \
         most. JSON in gRPC, an option of each call, takes 18 bytes more than protobuf (lesson 15).",
    );
}

fn speed(page: &mut Page, report: &Report) {
    page.heading("speed");
    page.say(&format!(
        "The same call, in turns; client and server are two threads of this program. First one at a time, \
         then {IN_FLIGHT} at once: on one connection, but for HTTP/1.1, which takes a connection for each. \
         Look at the ratios: the figures are those of this machine, now.",
    ));
    page.blank();
    let Machine { processor, cores, system, optimised } = &report.machine;
    page.line(format_args!(
        "    machine     {}",
        shorten(&format!("{cores} cores, {system}, {processor}"), 62)
    ));
    page.line(format_args!(
        "    built       {}",
        if *optimised { "for speed" } else { "without optimising" }
    ));
    for (what, paces) in
        [("one at a time", &report.speed.one_at_a_time), ("100 at once", &report.speed.many_at_once)]
    {
        page.blank();
        head(page, &format!("    {what:14}{:>15}{:>14}{:>14}{:>14}", "", "client", "server", "beside JSON"));
        let json = paces.iter().find(|pace| pace.api == Api::Json).map_or(1.0, |pace| pace.calls_a_second);
        for pace in paces {
            row_of_speed(page, pace, json);
        }
    }
    page.blank();
    page.say(
        "Microseconds are those of a processor, for a call. What is compared is more than two formats: \
         hyper, axum and reqwest on one side, this project's HTTP/2 on the other. One thing is the \
         protocol's: to have 100 calls on one connection, and many of them in one write. Without --release \
         the figures say little:",
    );
    page.blank();
    page.code("cargo run --release -p tutorial --bin lesson_19_table");
}

fn row_of_speed(page: &mut Page, pace: &Pace, json: f64) {
    let micros = |it: Option<f64>| it.map_or_else(|| "–".to_owned(), |it| format!("{} µs", three_digits(it)));
    page.line(format_args!(
        "    {:12}{:>10} calls/s{:>11}{:>14}{:>8.1} times",
        pace.api.name(),
        grouped(pace.calls_a_second),
        micros(pace.client_micros),
        micros(pace.server_micros),
        pace.calls_a_second / json,
    ));
}

fn strictness(page: &mut Page, report: &Report) {
    page.heading("strictness");
    page.say("The same wrong things, said to each. ✓: it was noticed. ✗: it was taken for right.");
    for wrong in &report.strictness.wrongs {
        page.blank();
        page.line(format_args!("    {BOLD}{}{BOLD:#}", wrong.what));
        for same in wrong.answers.chunk_by(Answer::says_the_same) {
            let names = same.iter().map(|answer| answer.api.name()).collect::<Vec<_>>().join(", ");
            page.point(&format!("  {} {names:14}", mark(!same[0].accepted)), &same[0].to_string());
        }
    }
    page.blank();
    head(page, &format!("    {:12}{:>10}", "", "noticed"));
    for api in Api::ALL {
        let (noticed, all) = (report.strictness.noticed(api), report.strictness.wrongs.len());
        page.line(format_args!("    {:12}{:>10}", api.name(), format!("{noticed} of {all}")));
    }
    page.blank();
    page.say(
        "protobuf passes over what it does not know, and takes what is missing for its default: both on \
         purpose, so that old and new programs understand each other. What has no place in an int64 cannot \
         be told from another number. These bytes were made by hand: with a stub the compiler notices before \
         anything is sent. JSON says what it is, so its reader can say what is wrong; that this one does is \
         serde's work, and not that of the description, which nobody asks.",
    );
}

fn streaming(page: &mut Page, report: &Report) {
    page.heading("streaming");
    page.say(
        "The four shapes of lesson 9, tried: a watcher is told of a change that is made later; an entry is \
         in the store before the next one is sent; what was sent comes back before more is sent.",
    );
    for shapes in &report.streaming.apis {
        page.blank();
        page.line(format_args!("    {BOLD}{}{BOLD:#}", shapes.api.name()));
        for (name, tried) in SHAPES.iter().zip(&shapes.shapes) {
            page.point(&format!("  {} {name:17}", mark(tried.works)), &tried.how);
        }
    }
}

fn browser(page: &mut Page, report: &Report) {
    page.heading("browser");
    page.say("What fetch() can send, sent here by HTTP/1.1, as a page without TLS does:");
    page.blank();
    for asked in &report.browser.requests {
        page.line(format_args!("    {} {:10}{}", mark(asked.works), asked.api.name(), asked.request));
        page.point("              →", &asked.answer);
    }
    page.blank();
    page.say(
        "And where the status stands. A page sees the head and the body of an answer; trailers are not given \
         to it:",
    );
    page.blank();
    for stands in &report.browser.statuses {
        let (api, call, status) = (stands.api.name(), stands.call, &stands.status);
        page.line(format_args!("    {} {api:10}{call:17}{status:16}{}", mark(stands.is_seen), stands.place));
    }
    page.blank();
    page.say(
        "May a page of https://app.example call? Its browser asks first (CORS). By default a server \
     lets in pages of its own origin; it can allow others:",
    );
    page.blank();
    for preflight in &report.browser.preflights {
        let (mark, api, allows) = (mark(preflight.allowed), preflight.api.name(), preflight.allows);
        page.line(format_args!("    {mark} {api:10}{allows} is allowed, asked by {}", preflight.origin));
        page.point("              →", &preflight.answer);
    }
    page.blank();
    page.say(
        "One more thing that a page does to JSON. The number that was sent, and what JSON.parse makes of it, \
         where all numbers are doubles:",
    );
    page.blank();
    let [sent, read] = &report.browser.number;
    page.line(format_args!("    {sent}  →  {BOLD}{read}{BOLD:#}"));
}

fn security(page: &mut Page, report: &Report) {
    page.heading("security");
    page.say(
        "TLS is below all of them, and the same for all. Bytes there + back until the first answer, and of a \
         later call:",
    );
    page.blank();
    head(page, &format!("    {:12}{:14}{:>16}{:>14}", "", "", "first call", "later"));
    for secured in &report.security.apis {
        let [first, warm] = [secured.first, secured.warm].map(sum);
        page.line(format_args!("    {:12}{:14}{first:>16}{warm:>14}", secured.api.name(), secured.scheme));
    }
    page.blank();
    page.say(
        "A client without TLS, at a server with it; one with TLS, at a server without; one that does not \
         know who has signed:",
    );
    for secured in &report.security.apis {
        page.blank();
        page.line(format_args!("    {BOLD}{}{BOLD:#}", secured.api.name()));
        for text in [&secured.plain_client, &secured.plain_server, &secured.stranger] {
            page.point("   ", text);
        }
    }
}

fn client_code(page: &mut Page, report: &Report) {
    page.heading("client code");
    page.say("Four clients of the same service. Lines are those with code:");
    page.blank();
    head(page, &format!("    {:25}{:>6}{:>9}  {}", "", "lines", "methods", "an error is"));
    for code in &report.client_code.clients {
        page.line(format_args!("    {:25}{:>6}{:>9}  {}", code.what, code.lines, code.methods, code.error));
    }
    page.blank();
    page.say("And increment, as each offers it:");
    for code in &report.client_code.clients {
        page.blank();
        page.line(format_args!("    {BOLD}{}{BOLD:#}", code.what));
        page.listing(&code.signature);
    }
    page.blank();
    page.say(
        "progenitor writes clients in Rust, from OpenAPI 3.0; that of this API is 3.1, so it was given the \
         same in the older words (stub/kv/json/tests/generated.rs). It gives methods and bodies their types. \
         A problem is another content type to it than JSON, so an error is a status and bytes; and what is \
         in an event it does not know.",
    );
}

fn table(page: &mut Page, report: &Report) {
    page.heading("the table");
    for row in summary::rows(report) {
        page.line(format_args!("    {BOLD}{}{BOLD:#}", row.name));
        page.line(format_args!("      gRPC   {}", row.grpc));
        page.line(format_args!("      JSON   {}", row.json));
    }
}

fn head(page: &mut Page, text: &str) {
    page.line(format_args!("{BOLD}{}{BOLD:#}", text.trim_end()));
}

fn sum(bytes: Bytes) -> String {
    format!("{} + {}", bytes.there, bytes.back)
}

fn mark(is_so: bool) -> &'static str {
    if is_so { "✓" } else { "✗" }
}
