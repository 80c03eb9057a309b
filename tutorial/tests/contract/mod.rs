//! The contract suite: what holds for every `Kv`, wherever it is and however it is reached.
//!
//! A further way to reach one is a further line in `all_ways_to_a_kv.rs`.

#![allow(clippy::unwrap_used, dead_code, unused_imports, unused_macros)] // Each test file uses its part.

pub(crate) mod streams;
pub(crate) mod unary;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use client::{CallOptions, Channel};
use kv::{Kv, KvClient, KvServer, Store, proto};
use kv_json::JsonClient;
use server::{Router, Server};
use tokio::net::TcpListener;
use transport::web::Web;
use transport::{Limits, tls};

/// Runs every sentence of the contract for each way to a `Kv`: `name: expression,` where the
/// expression is a future of a [`Way`].
macro_rules! contract_suite {
    ($($way:ident: $reach:expr,)*) => {
        $(
            mod $way {
                $crate::contract::sentences! { $reach, unary;
                    a_value_that_was_put_is_the_value_that_is_got
                    a_key_without_a_value_is_not_found
                    a_second_put_takes_the_place_of_the_first
                    keys_do_not_share_values
                    delete_tells_whether_the_key_was_there
                    a_deleted_key_is_not_found
                    increment_begins_at_zero_and_returns_the_new_number
                    increment_adds_negative_numbers_too
                    increment_called_twice_counts_twice
                    the_number_of_a_counter_is_a_value_that_can_be_got
                    a_value_that_is_not_a_number_cannot_be_incremented_and_stays
                    a_number_that_would_not_fit_is_out_of_range_and_stays
                    an_empty_key_is_an_invalid_argument
                    any_text_is_a_key_and_a_value
                    a_large_value_is_a_value
                    increments_at_the_same_time_are_each_counted_once
                }
            }
        )*
    };
}

/// The same for a method in which the server alone sends many, where a client cannot.
macro_rules! watch_suite {
    ($($way:ident: $reach:expr,)*) => {
        $(
            mod $way {
                $crate::contract::sentences! { $reach, streams;
                    a_watcher_gets_the_present_value_and_then_each_change_in_order
                    a_watcher_is_not_told_of_other_keys
                }
            }
        )*
    };
}

/// The same for the methods in which one side or both send many messages; there is a generated client
/// stub at the end of each way.
macro_rules! stream_suite {
    ($($way:ident: $reach:expr,)*) => {
        $(
            mod $way {
                $crate::contract::sentences! { $reach, streams;
                    a_watcher_gets_the_present_value_and_then_each_change_in_order
                    a_watcher_is_not_told_of_other_keys
                    what_was_loaded_is_there_and_was_counted
                    a_load_without_entries_has_loaded_none
                    an_error_in_the_middle_of_a_load_ends_it_and_what_came_before_stays
                    a_sync_tells_each_change_in_order_whoever_made_it
                    a_sync_that_is_finished_ends_with_the_changes_until_then
                    a_sync_with_a_wrong_change_ends_with_its_error
                }
            }
        )*
    };
}

macro_rules! sentences {
    ($reach:expr, $module:ident; $($sentence:ident)*) => {
        $(
            #[tokio::test]
            async fn $sentence() {
                use super::*;
                let way = $reach.await;
                $crate::contract::$module::$sentence(way.kv).await;
            }
        )*
    };
}

pub(crate) use {contract_suite, sentences, stream_suite, watch_suite};

/// A `Kv`, and what has to live as long as it is used.
pub(crate) struct Way<K> {
    pub(crate) kv: Arc<K>,
    _server: Option<Server>,
}

impl<K> Way<K> {
    /// A `Kv` that needs `server`.
    pub(crate) fn to(server: Server, kv: K) -> Self {
        Self { kv: Arc::new(kv), _server: Some(server) }
    }
}

/// A local object.
pub(crate) async fn local() -> Way<Store> {
    Way { kv: Arc::new(Store::new()), _server: None }
}

/// A client stub of a server that listens on `address`, both written by hand, with messages in `codec`.
pub(crate) async fn served_on(address: &str, codec: &'static str) -> Way<KvClient> {
    let mut server = Server::new(Router::new().with(KvServer::new(Store::new())));
    let bound = server.listen(address).await.unwrap();
    let kv = KvClient::connect(&bound.to_string()).await.unwrap();
    Way::to(server, kv.with(CallOptions::new().codec(codec)))
}

/// The same, both generated.
pub(crate) async fn streams_on(address: &str, codec: &'static str) -> Way<proto::KvClient> {
    let mut server = Server::new(Router::new().with(proto::KvServer::new(Store::new())));
    let bound = server.listen(address).await.unwrap();
    let kv = proto::KvClient::connect(&bound.to_string()).await.unwrap();
    Way::to(server, kv.with(CallOptions::new().codec(codec)))
}

/// A server that answers gRPC-Web, and a client stub that speaks it, with messages in `codec`.
pub(crate) async fn on_the_web(codec: &'static str) -> Way<KvClient> {
    let mut server = Server::new(Router::new().with(KvServer::new(Store::new()))).web(Web::new());
    let bound = server.listen(HTTP).await.unwrap();
    let kv = KvClient::connect(&format!("web+{bound}")).await.unwrap();
    Way::to(server, kv.with(CallOptions::new().codec(codec)))
}

/// The same, generated.
pub(crate) async fn streams_on_the_web(codec: &'static str) -> Way<proto::KvClient> {
    let mut server = Server::new(Router::new().with(proto::KvServer::new(Store::new()))).web(Web::new());
    let bound = server.listen(HTTP).await.unwrap();
    let kv = proto::KvClient::connect(&format!("web+{bound}")).await.unwrap();
    Way::to(server, kv.with(CallOptions::new().codec(codec)))
}

/// The same as [`on_the_web`] with TLS.
pub(crate) async fn secured_on_the_web(codec: &'static str) -> Way<KvClient> {
    let router = Router::new().with(KvServer::new(Store::new()));
    let mut server = Server::new(router).web(Web::new()).tls(TLS.0.clone());
    let bound = format!("web+{}", server.listen(HTTPS).await.unwrap());
    let channel = Channel::connect_tls(&bound, Limits::default(), TLS.1.clone()).await.unwrap();
    Way::to(server, KvClient::new(channel).with(CallOptions::new().codec(codec)))
}

/// A client of the HTTP API with JSON.
pub(crate) async fn as_json_api() -> Way<JsonClient> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let api = kv_json::router(Arc::new(Store::new()));
    tokio::spawn(axum::serve(listener, api).into_future());
    Way { kv: Arc::new(JsonClient::new(&base).unwrap()), _server: None }
}

/// The same as [`served_on`] with TLS.
pub(crate) async fn secured_on(address: &str, codec: &'static str) -> Way<KvClient> {
    let (server, channel) = secured(Router::new().with(KvServer::new(Store::new())), address).await;
    Way::to(server, KvClient::new(channel).with(CallOptions::new().codec(codec)))
}

/// The same as [`streams_on`] with TLS.
pub(crate) async fn streams_secured_on(address: &str, codec: &'static str) -> Way<proto::KvClient> {
    let (server, channel) = secured(Router::new().with(proto::KvServer::new(Store::new())), address).await;
    Way::to(server, proto::KvClient::new(channel).with(CallOptions::new().codec(codec)))
}

/// A server with a certificate, and the way to it of a client that trusts that.
async fn secured(router: Router, address: &str) -> (Server, Arc<Channel>) {
    let mut server = Server::new(router).tls(TLS.0.clone());
    let bound = server.listen(address).await.unwrap().to_string();
    let channel = Channel::connect_tls(&bound, Limits::default(), TLS.1.clone()).await.unwrap();
    (server, channel)
}

/// What such a server shows, and who trusts it.
static TLS: LazyLock<(tls::Server, tls::Client)> = LazyLock::new(|| {
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let server = tls::Server::new(own.cert.pem(), own.signing_key.serialize_pem()).unwrap();
    (server, tls::Client::trusting(own.cert.pem()).unwrap())
});

/// An address in memory that nobody else has.
pub(crate) fn memory() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("memory:contract-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A TCP port that is free.
pub(crate) const TCP: &str = "tcp://127.0.0.1:0";

/// A TCP port that is free, for gRPC.
pub(crate) const HTTP: &str = "http://127.0.0.1:0";

/// A TCP port that is free, for our own frames in TLS.
pub(crate) const TLS_TCP: &str = "tls+tcp://127.0.0.1:0";

/// A TCP port that is free, for gRPC in TLS.
pub(crate) const HTTPS: &str = "https://127.0.0.1:0";
