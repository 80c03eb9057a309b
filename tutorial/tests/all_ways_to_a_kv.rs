//! One contract, every way to keep it. A further transport or codec is a further line.

mod contract;

use contract::{contract_suite, in_memory, local, over_http, over_tcp};

contract_suite! {
    a_local_object: local(),
    in_memory_with_bincode: in_memory(),
    in_memory_with_protobuf: async { in_memory().await.with_codec("proto") },
    in_memory_with_json: async { in_memory().await.with_codec("json") },
    over_tcp_with_bincode: over_tcp(),
    over_tcp_with_protobuf: async { over_tcp().await.with_codec("proto") },
    over_tcp_with_json: async { over_tcp().await.with_codec("json") },
    over_http_with_bincode: async { over_http().await.with_codec("bincode") },
    over_http_with_protobuf: over_http(),
    over_http_with_json: async { over_http().await.with_codec("json") },
}
