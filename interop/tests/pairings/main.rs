//! Every case for every pairing of a client and a server: ours over HTTP/2 and over our own transports, and
//! both sides made with tonic. That tonic passes beside itself says that its two sides are made rightly
//! here.
//!
//! A pairing that cannot do a case with compression has a test in `compression.rs` instead, whose name says what
//! it does.

#![allow(clippy::unwrap_used)]

mod compression;
mod served;
mod tonic_client;
mod tonic_server;

use std::time::Duration;

use interop::cases::{self, Case};

/// One test for each case that every pairing can do, and for those that are named: a client's function of
/// this name is given what `reach` leads to.
macro_rules! pairing {
    ($pairing:ident: $client:ident, $reach:expr; $($more:ident)*) => {
        mod $pairing {
            pairing! { $client $reach;
                empty_unary
                large_unary
                client_streaming
                server_streaming
                ping_pong
                empty_stream
                custom_metadata
                status_code_and_message
                special_status_message
                unimplemented_method
                unimplemented_service
                cancel_after_begin
                cancel_after_first_response
                $($more)*
            }
        }
    };
    ($client:ident $reach:expr; $($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                use super::*;
                let served = $reach.await;
                let passed = tokio::time::timeout(LONGEST, $client::$case(&served.client)).await;
                if let Err(failure) = passed.expect("the case ends") {
                    panic!("{failure}");
                }
            }
        )*

        /// The cases of this pairing.
        pub(super) const CASES: &[&str] = &[$(stringify!($case)),*];
    };
}

pairing! { our_client_and_our_server: cases, served::ours("http://127.0.0.1:0");
    timeout_on_sleeping_server
    client_compressed_unary
    client_compressed_streaming
    server_compressed_unary
    server_compressed_streaming
}

pairing! { our_client_and_our_server_over_tcp: cases, served::ours("tcp://127.0.0.1:0");
    timeout_on_sleeping_server
}

pairing! { our_client_and_our_server_in_memory: cases, served::in_memory();
    timeout_on_sleeping_server
}

// Over gRPC-Web a request has one message: the cases with more, and those that answer one by one, cannot be done.
mod our_client_and_our_server_over_grpc_web {
    pairing! { cases served::ours_on_the_web();
        empty_unary
        large_unary
        server_streaming
        special_status_message
        unimplemented_method
        unimplemented_service
        client_compressed_unary
        server_compressed_unary
        server_compressed_streaming
    }
}

pairing! { our_client_and_the_server_of_tonic: cases, served::tonics();
    timeout_on_sleeping_server
    server_compressed_unary
}

pairing! { the_client_of_tonic_and_our_server: tonic_client, served::ours_for_tonic();
    timeout_on_sleeping_server
    client_compressed_unary
    server_compressed_unary
}

// Without `timeout_on_sleeping_server`: neither side of tonic goes on to look at the deadline once the head of
// the response is there, so that the case would never end.
pairing! { tonic_and_tonic: tonic_client, served::tonics_for_tonic();
    server_compressed_unary
}

/// What a pairing cannot do it cannot do for a reason that stands above, or in a test of its own.
#[test]
fn no_case_is_missing() {
    let of_client = ["client_compressed_unary", "client_compressed_streaming"];
    let of_server = ["server_compressed_unary", "server_compressed_streaming"];
    let both = [of_client, of_server].concat();
    let several_messages = [
        "client_streaming",
        "client_compressed_streaming",
        "ping_pong",
        "empty_stream",
        "custom_metadata",
        "status_code_and_message",
        "cancel_after_begin",
        "cancel_after_first_response",
        "timeout_on_sleeping_server",
    ];
    for (pairing, cannot) in [
        (our_client_and_our_server::CASES, &[][..]),
        (our_client_and_our_server_over_tcp::CASES, &both),
        (our_client_and_our_server_in_memory::CASES, &both),
        (our_client_and_our_server_over_grpc_web::CASES, &several_messages),
        (our_client_and_the_server_of_tonic::CASES, &[of_client[0], of_client[1], of_server[1]]),
        (the_client_of_tonic_and_our_server::CASES, &[of_client[1], of_server[1]]),
        (tonic_and_tonic::CASES, &["timeout_on_sleeping_server", of_client[0], of_client[1], of_server[1]]),
    ] {
        let mut all = Case::ALL.map(Case::name);
        let mut tested = [pairing, cannot].concat();
        all.sort_unstable();
        tested.sort_unstable();
        assert_eq!(tested, all);
    }
}

/// A case that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(60);
