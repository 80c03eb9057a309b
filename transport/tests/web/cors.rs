//! Which pages may call, and what they may read (Fetch, "HTTP-network-or-cache fetch" and "CORS protocol").

use bytes::Bytes;
use http::Request;
use transport::web::{Body, Web};
use transport::{Code, Metadata, Status};

use crate::ends::{
    Answer, VERSIONS, answering, call, call_with, ending_with, full, message, request, site, trailers,
    uncalled,
};
use crate::support::{echo, service};

/// Pages there may call.
const APP: &str = "https://app.example";

fn allowing() -> Web {
    Web::new().allow_origin("http://localhost:5173").unwrap().allow_origin(APP).unwrap()
}

fn from(origin: &str) -> Request<Bytes> {
    call_with(&[("origin", origin)], message("hello"))
}

/// What a browser asks before it lets a page at `origin` call.
fn preflight(origin: &str) -> Request<Bytes> {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type,x-grpc-web"),
    ];
    request("OPTIONS", "/kv.Kv/Get", &headers, "")
}

/// What an answer says to browsers about who may read it.
fn says_nothing(answer: &Answer) -> bool {
    answer.headers.keys().all(|name| !name.as_str().starts_with("access-control-"))
}

fn vary(answer: &Answer) -> String {
    let values = answer.headers.get_all("vary").iter().map(|value| value.to_str().unwrap());
    values.collect::<Vec<_>>().join(", ")
}

fn was_called(answer: &Answer) -> bool {
    answer.status == 200 && answer.body == [message("hello"), trailers("grpc-status: 0\r\n")].concat()
}

#[tokio::test(start_paused = true)]
async fn who_is_no_page_may_call_and_is_told_nothing() {
    for version in VERSIONS {
        let answer = version.ask(service(echo), Web::new(), call(message("hello"))).await;
        assert!(was_called(&answer) && says_nothing(&answer));
        assert_eq!(vary(&answer), "");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_of_the_server_itself_may_call() {
    for version in VERSIONS {
        for own in ["http://kv.example:8080", "https://kv.example:8080", "HTTP://KV.Example:8080"] {
            let answer = version.ask(service(echo), Web::new(), from(own)).await;
            assert!(was_called(&answer) && says_nothing(&answer), "{own}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_of_another_origin_is_refused_and_nothing_is_called() {
    for version in VERSIONS {
        for other in [
            "http://kv.example",
            "http://kv.example:80801",
            "http://evil.example",
            "http://kv.example:8080.evil.example",
            "http://evil.example/kv.example:8080",
            "kv.example:8080",
            "null",
            "",
        ] {
            for web in [Web::new(), allowing()] {
                let answer = version.ask(uncalled(), web, from(other)).await;
                assert_eq!(answer.status, 403, "{other}");
                assert!(says_nothing(&answer));
                assert_eq!(answer.header("grpc-status"), None);
                let said = String::from_utf8(answer.body.to_vec()).unwrap();
                assert!(said.contains(other), "{said}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_is_refused_by_every_part_of_its_origin() {
    for version in VERSIONS {
        for other in [
            "http://app.example",
            "https://app.example:8443",
            "https://app.example.evil.example",
            "https://evil-app.example",
            "https://app.example, https://app.example",
            "https://app.example/",
        ] {
            assert_eq!(version.ask(uncalled(), allowing(), from(other)).await.status, 403, "{other}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_may_call_may_read_all_that_grpc_has_to_say() {
    let mut head = Metadata::new();
    head.append("etag-of-key", "1").unwrap();
    head.append("trace-bin", vec![1]).unwrap();
    for version in VERSIONS {
        let head = head.clone();
        let service = answering(move |mut send| {
            let head = head.clone();
            async move {
                send.respond(head).unwrap();
                send.send_last("hello".into()).await.unwrap();
            }
        });
        let answer = version.ask(service, allowing(), from(APP)).await;
        assert!(was_called(&answer));
        assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        assert_eq!(vary(&answer), "origin");
        let exposed = answer.header("access-control-expose-headers").unwrap();
        let exposed: Vec<_> = exposed.split(',').map(str::trim).collect();
        for name in ["grpc-status", "grpc-message", "grpc-encoding", "etag-of-key", "trace-bin"] {
            assert!(exposed.contains(&name), "{name} of {exposed:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_may_call_may_read_a_status_alone() {
    for version in VERSIONS {
        let mut metadata = Metadata::new();
        metadata.append("retry-in", "1s").unwrap();
        let status = Status::new(Code::Unavailable, "later").with_metadata(metadata);
        let answer = version.ask(ending_with(status), allowing(), from(APP)).await;
        assert_eq!(answer.status_alone(), (200, "14", "later"));
        assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
        let exposed = answer.header("access-control-expose-headers").unwrap();
        assert!(exposed.split(',').any(|name| name.trim() == "retry-in"), "{exposed}");
        let answer = version.ask(uncalled(), allowing(), call_with(&[("origin", APP)], "")).await;
        assert_eq!(answer.status_alone().1, "12");
        assert_eq!(answer.header("access-control-allow-origin"), Some(APP), "errors can be read too");
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_depend_on_their_origin_say_so() {
    for version in VERSIONS {
        for origin in ["http://kv.example:8080", APP, "http://localhost:5173"] {
            assert_eq!(vary(&version.ask(service(echo), allowing(), from(origin)).await), "origin");
        }
        let answer = version.ask(service(echo), allowing(), call(message("hello"))).await;
        assert_eq!(vary(&answer), "origin", "a cache may give it to a page");
    }
}

#[tokio::test(start_paused = true)]
async fn a_browser_that_asks_first_is_told_what_a_page_may_do() {
    for version in VERSIONS {
        let answer = version.ask(uncalled(), allowing(), preflight(APP)).await;
        assert_eq!((answer.status, &*answer.body), (204, &b""[..]));
        assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
        assert_eq!(answer.header("access-control-allow-methods"), Some("POST"));
        let headers = answer.header("access-control-allow-headers");
        assert_eq!(headers, Some("authorization,content-type,x-grpc-web"));
        assert_eq!(answer.header("access-control-max-age"), Some("7200"));
        assert!(vary(&answer).contains("origin"));
        assert_eq!(answer.header("content-length"), None, "RFC 9110 §8.6");
    }
}

#[tokio::test(start_paused = true)]
async fn a_browser_that_asks_for_a_page_that_may_not_is_told_so() {
    for version in VERSIONS {
        for other in ["https://evil.example", "null"] {
            let answer = version.ask(uncalled(), allowing(), preflight(other)).await;
            assert_eq!(answer.status, 403);
            assert!(says_nothing(&answer));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn scheme_and_host_that_are_allowed_have_no_case() {
    for version in VERSIONS {
        let web = Web::new().allow_origin("HTTPS://App.Example").unwrap();
        let answer = version.ask(service(echo), web, from(APP)).await;
        assert!(was_called(&answer));
        assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
    }
}

#[test]
fn what_no_browser_sends_as_an_origin_cannot_be_allowed() {
    for wrong in [
        "*",
        "null",
        "",
        "app.example",
        "https://",
        "https://app.example/",
        "https://app.example/x",
        "https://app.example?x",
        "https://app.example#x",
        "https://a@app.example",
        "ws://app.example",
        "https://app.example:",
        "https://app.example:x",
        "https://app.example:99999",
        "https://app.example:443",
        "http://app.example:80",
        "https://app.example https://b.example",
        "https://\u{fc}.example",
    ] {
        let error = Web::new().allow_origin(wrong).expect_err(wrong);
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(error.message().contains(&format!("{wrong:?} is not an origin")), "{error}");
    }
}

/// A site that answers `here`.
fn here() -> Web {
    site(|request: Request<Body>| async move {
        assert_eq!(request.uri().path(), "/here");
        http::Response::builder().header("x-more", "1").header("vary", "accept").body(full("here")).unwrap()
    })
}

#[tokio::test(start_paused = true)]
async fn a_page_that_may_call_may_read_the_site_too() {
    for version in VERSIONS {
        let web = here().allow_origin(APP).unwrap();
        let answer =
            version.ask(uncalled(), web.clone(), request("GET", "/here", &[("origin", APP)], "")).await;
        assert_eq!((answer.status, &*answer.body), (200, &b"here"[..]));
        assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
        assert!(answer.header("access-control-expose-headers").unwrap().contains("x-more"));
        assert_eq!(vary(&answer), "accept, origin");
        let headers = [("origin", APP), ("access-control-request-method", "DELETE")];
        let answer = version.ask(uncalled(), web, request("OPTIONS", "/here", &headers, "")).await;
        assert_eq!((answer.status, answer.header("access-control-allow-methods")), (204, Some("DELETE")));
        assert_eq!(answer.header("access-control-allow-headers"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn another_page_may_not_read_the_site_and_is_refused_when_its_browser_asks() {
    for version in VERSIONS {
        let ask = async |method, headers: &[(&str, &str)]| {
            version.ask(uncalled(), here(), request(method, "/here", headers, "")).await
        };
        let evil = ("origin", "https://evil.example");
        assert!(says_nothing(&ask("GET", &[evil]).await));
        assert_eq!(ask("OPTIONS", &[evil, ("access-control-request-method", "PUT")]).await.status, 403);
        // What is no question of a browser is the site's own.
        assert_eq!(ask("OPTIONS", &[evil]).await.body, "here");
        assert_eq!(ask("OPTIONS", &[("access-control-request-method", "PUT")]).await.body, "here");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_of_the_server_itself_has_the_site_as_it_is() {
    for version in VERSIONS {
        let headers = [("origin", "http://kv.example:8080")];
        let answer = version.ask(uncalled(), here(), request("GET", "/here", &headers, "")).await;
        assert!(says_nothing(&answer));
        assert_eq!((&*answer.body, &*vary(&answer)), (&b"here"[..], "accept"));
    }
}
