//! The report as one page for a browser, that needs nothing else: no script, no network.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::api::Api;
use super::chart::{self, grouped};
use super::protocol::Bytes;
use super::speed::IN_FLIGHT;
use super::streaming::SHAPES;
use super::{Machine, Report, summary};

/// The page.
pub fn page(report: &Report) -> String {
    let rows = summary::rows(report);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "gRPC and an HTTP API with JSON" }
                style { (PreEscaped(STYLE)) (PreEscaped(chart::STYLE)) }
            }
            body {
                header {
                    h1 { "gRPC and an HTTP API with JSON" }
                    p { "One store, called in four ways, row by row. Every figure and every answer on this page was \
                         measured or received when it was made." }
                    (made_on(&report.machine))
                }
                main {
                    section {
                        table.summary {
                            thead { tr { th {} th { "gRPC" } th { "HTTP and JSON" } } }
                            tbody { @for row in &rows {
                                tr {
                                    th scope="row" { a href={ "#" (id(row.name)) } { (row.name) } }
                                    td data-of="gRPC" { (row.grpc) }
                                    td data-of="JSON" { (row.json) }
                                }
                            } }
                        }
                    }
                    (contract(report)) (payload(report)) (protocol(report)) (speed(report)) (strictness(report))
                    (streaming(report)) (browser(report)) (security(report)) (client_code(report))
                }
            }
        }
    }
    .into_string()
}

fn made_on(machine: &Machine) -> Markup {
    let Machine { processor, cores, system, optimised } = machine;
    html! {
        p.weak { (cores) " cores, " (system) ", " (processor) "; built "
            @if *optimised { "for speed." }
            @else { strong { "without optimising: figures of speed say little." } }
        }
    }
}

fn contract(report: &Report) -> Markup {
    let contract = &report.contract;
    section(
        "contract",
        "Both have a document that a program can read. Code is made of the one, and the other is made of \
         code.",
        html! {
            table {
                thead { tr {
                th {} th.number { "lines" } th.number { "bytes" } th.number { "methods" } th.number { "types" }
            } }
                tbody { @for document in [&contract.proto, &contract.openapi] {
                    tr {
                        th scope="row" { code { (document.name) } }
                        td.number data-of="lines" { (document.lines) }
                        td.number data-of="bytes" { (grouped(document.bytes as f64)) }
                        td.number data-of="methods" { (document.methods) }
                        td.number data-of="types" { (document.types) }
                    }
                } }
            }
            p { "What each says of the same thing; ✓ where a program can do something with it, ✗ where it is \
                 words for people." }
            table.stacked {
                thead { tr { th {} th { "kv.proto" } th { "OpenAPI" } } }
                tbody { @for says in &contract.says {
                    tr {
                        th scope="row" { (says.of) }
                        td data-of="kv.proto" { (mark(says.checked[0])) code { (says.proto) } }
                        td data-of="OpenAPI" { (mark(says.checked[1])) code { (says.openapi) } }
                    }
                } }
            }
            details {
            summary { "The same method in each" }
            div.pair { @for text in &contract.method { pre { (text) } } }
        }
        },
    )
}

fn payload(report: &Report) -> Markup {
    let bars = chart::inline("Messages in three codecs", &chart::payload(&report.payload));
    section(
        "payload",
        "The same messages in three codecs, in bytes. The lower, darker part of a bar is what gzip makes \
         of it. Each message has a scale of its own.",
        html! {
            (PreEscaped(bars))
        },
    )
}

fn protocol(report: &Report) -> Markup {
    let bars = chart::inline("Bytes of a warm call", &chart::protocol(&report.protocol));
    section(
        "protocol",
        "get(\"greeting\"), which returns \"hello\", counted by a relay between client and server. The \
         lower, darker part of a bar is the messages themselves.",
        html! {
            (PreEscaped(bars))
            table.stacked {
                thead { tr {
                th {} th { "made of" } th.number { "messages" } th.number { "first call" } th.number { "later" }
            } }
                tbody { @for passed in &report.protocol.calls {
                    tr {
                        th scope="row" { (passed.api.name()) }
                        td data-of="made of" { (passed.api.made_of()) }
                        td.number data-of="messages" { (sum(passed.messages)) }
                        td.number data-of="first call" { (sum(passed.first)) }
                        td.number data-of="later" { (sum(passed.warm)) }
                    }
                } }
            }
            details { summary { "The bytes of the JSON API, which are words" } div.pair {
                @for text in &report.protocol.exchange { pre { (text.trim_end()) } }
            } }
        },
    )
}

fn speed(report: &Report) -> Markup {
    let one =
        chart::inline("One call at a time", &chart::speed("one at a time", &report.speed.one_at_a_time));
    let name = format!("{IN_FLIGHT} at once");
    let many = chart::inline("Many calls at once", &chart::speed(&name, &report.speed.many_at_once));
    section(
        "speed",
        "The same call, in turns; client and server are two threads of one program, and the time on a \
         processor is that of both. Look at the ratios. What is compared is more than two formats: the \
         libraries on either side differ too.",
        html! {
            (PreEscaped(one)) (PreEscaped(many))
        },
    )
}

fn strictness(report: &Report) -> Markup {
    let counts = Api::ALL.map(|api| {
        format!("{} {} of {}", api.name(), report.strictness.noticed(api), report.strictness.wrongs.len())
    });
    section(
        "strictness",
        "The same wrong things, said to each: ✓ where it was noticed, ✗ where it was taken for right.",
        html! {
            table.stacked.wide {
                thead { tr { th {} @for api in Api::ALL { th { (api.name()) } } } }
                tbody { @for wrong in &report.strictness.wrongs {
                    tr {
                        th scope="row" { (wrong.what) }
                        @for answer in &wrong.answers {
                            td data-of=(answer.api.name()) {
                                (mark(!answer.accepted)) strong { (answer.code) }
                                @if !answer.text.is_empty() { " " span.weak { (answer.text) } }
                            }
                        }
                    }
                } }
            }
            p { "Noticed: " (counts.join(", ")) "." }
        },
    )
}

fn streaming(report: &Report) -> Markup {
    section(
        "streaming",
        "The four shapes of a call, tried: what was sent last arrived before the next was sent.",
        html! {
            table.stacked.wide {
                thead { tr { th {} @for shape in SHAPES { th { (shape) } } } }
                tbody { @for shapes in &report.streaming.apis {
                    tr {
                        th scope="row" { (shapes.api.name()) }
                        @for (shape, tried) in SHAPES.iter().zip(&shapes.shapes) {
                            td data-of=(shape) { (mark(tried.works)) (tried.how) }
                        }
                    }
                } }
            }
        },
    )
}

fn browser(report: &Report) -> Markup {
    let [sent, read] = &report.browser.number;
    section(
        "browser",
        "What a page can send, sent by HTTP/1.1; and what it can see of the answer: its head and its \
         body, and no trailers.",
        html! {
            table.stacked {
                thead { tr { th {} th { "request" } th { "answer" } } }
                tbody { @for asked in &report.browser.requests {
                    tr {
                        th scope="row" { (asked.api.name()) }
                        td data-of="request" { (mark(asked.works)) code { (asked.request) } }
                        td data-of="answer" { (asked.answer) }
                    }
                } }
            }
            table.stacked {
                thead { tr { th {} th { "call" } th { "status" } th { "stands in" } } }
                tbody { @for stands in &report.browser.statuses {
                    tr {
                        th scope="row" { (stands.api.name()) }
                        td data-of="call" { (mark(stands.is_seen)) code { (stands.call) } }
                        td data-of="status" { (stands.status) }
                        td data-of="stands in" { (stands.place) }
                    }
                } }
            }
            table.stacked {
                thead { tr {
                th {} th { "the server allows" } th { "a page of" }
                th { "is answered, when its browser asks (CORS)" }
            } }
                tbody { @for preflight in &report.browser.preflights {
                    tr {
                        th scope="row" { (preflight.api.name()) }
                        td data-of="the server allows" { (mark(preflight.allowed)) (preflight.allows) }
                        td data-of="a page of" { (preflight.origin) }
                        td data-of="is answered" { (preflight.answer) }
                    }
                } }
            }
            p {
            "A number as it stands in JSON, " code { (sent) } ", is " code { (read) } " to JSON.parse, where all \
             numbers are doubles."
        }
        },
    )
}

fn security(report: &Report) -> Markup {
    section(
        "security",
        "TLS is below all of them, and the same for all. Bytes there + back; and what is said when only \
         one of two speaks it.",
        html! {
            table.stacked.wide {
                thead { tr {
                    th {} th.number { "first call" } th.number { "later" } th { "client without TLS" }
                th { "server without TLS" } th { "unknown signer" }
                } }
                tbody { @for secured in &report.security.apis {
                    tr {
                        th scope="row" { (secured.api.name()) }
                        td.number data-of="first call" { (sum(secured.first)) }
                        td.number data-of="later" { (sum(secured.warm)) }
                        td data-of="client without TLS" { (secured.plain_client) }
                        td data-of="server without TLS" { (secured.plain_server) }
                        td data-of="unknown signer" { (secured.stranger) }
                    }
                } }
            }
        },
    )
}

fn client_code(report: &Report) -> Markup {
    section(
        "client code",
        "Four clients of the same service, two written by hand and two by program. Lines are those with \
         code.",
        html! {
            table.stacked {
                thead { tr {
                th {} th.number { "lines" } th.number { "methods" } th { "an error is" } th { "changes are" }
            } }
                tbody { @for code in &report.client_code.clients {
                    tr {
                        th scope="row" { (code.what) }
                        td.number data-of="lines" { (code.lines) }
                        td.number data-of="methods" { (code.methods) }
                        td data-of="an error is" { (code.error) }
                        td data-of="changes are" { (code.changes) }
                    }
                } }
            }
            @for code in &report.client_code.clients {
            p.weak { (code.what) ", " code { (code.file) } }
            pre { (code.signature) }
        }
        },
    )
}

fn section(name: &str, about: &str, body: Markup) -> Markup {
    html! { section id=(id(name)) { h2 { (name) } p { (about) } (body) } }
}

fn id(name: &str) -> String {
    name.replace(' ', "-")
}

fn sum(bytes: Bytes) -> String {
    format!("{} + {}", grouped(bytes.there as f64), grouped(bytes.back as f64))
}

fn mark(is_so: bool) -> Markup {
    html! {
        @if is_so { span.mark role="img" aria-label="yes" { "✓" } }
        @else { span.mark role="img" aria-label="no" { "✗" } }
        " "
    }
}

const STYLE: &str = include_str!("page.css");
