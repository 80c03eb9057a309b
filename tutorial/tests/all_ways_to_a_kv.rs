//! One contract, every way to keep it. A further transport or codec is a further line.

mod contract;

use contract::{
    HTTP, HTTPS, TCP, TLS_TCP, as_json_api, contract_suite, local, memory, on_the_web, secured_on,
    secured_on_the_web, served_on, stream_suite, streams_on, streams_on_the_web, streams_secured_on,
    watch_suite,
};

contract_suite! {
    a_local_object: local(),
    in_memory_with_bincode: served_on(&memory(), "bincode"),
    in_memory_with_protobuf: served_on(&memory(), "proto"),
    in_memory_with_json: served_on(&memory(), "json"),
    over_tcp_with_bincode: served_on(TCP, "bincode"),
    over_tcp_with_protobuf: served_on(TCP, "proto"),
    over_tcp_with_json: served_on(TCP, "json"),
    over_http_with_bincode: served_on(HTTP, "bincode"),
    over_http_with_protobuf: served_on(HTTP, "proto"),
    over_http_with_json: served_on(HTTP, "json"),
    over_tls_tcp_with_bincode: secured_on(TLS_TCP, "bincode"),
    over_tls_tcp_with_protobuf: secured_on(TLS_TCP, "proto"),
    over_tls_tcp_with_json: secured_on(TLS_TCP, "json"),
    over_https_with_bincode: secured_on(HTTPS, "bincode"),
    over_https_with_protobuf: secured_on(HTTPS, "proto"),
    over_https_with_json: secured_on(HTTPS, "json"),
    over_grpc_web_with_bincode: on_the_web("bincode"),
    over_grpc_web_with_protobuf: on_the_web("proto"),
    over_grpc_web_with_json: on_the_web("json"),
    over_grpc_web_in_tls_with_protobuf: secured_on_the_web("proto"),
    as_an_http_api_with_json: as_json_api(),
}

stream_suite! {
    streams_in_memory_with_bincode: streams_on(&memory(), "bincode"),
    streams_in_memory_with_protobuf: streams_on(&memory(), "proto"),
    streams_in_memory_with_json: streams_on(&memory(), "json"),
    streams_over_tcp_with_bincode: streams_on(TCP, "bincode"),
    streams_over_tcp_with_protobuf: streams_on(TCP, "proto"),
    streams_over_tcp_with_json: streams_on(TCP, "json"),
    streams_over_http_with_bincode: streams_on(HTTP, "bincode"),
    streams_over_http_with_protobuf: streams_on(HTTP, "proto"),
    streams_over_http_with_json: streams_on(HTTP, "json"),
    streams_over_tls_tcp_with_bincode: streams_secured_on(TLS_TCP, "bincode"),
    streams_over_tls_tcp_with_protobuf: streams_secured_on(TLS_TCP, "proto"),
    streams_over_tls_tcp_with_json: streams_secured_on(TLS_TCP, "json"),
    streams_over_https_with_bincode: streams_secured_on(HTTPS, "bincode"),
    streams_over_https_with_protobuf: streams_secured_on(HTTPS, "proto"),
    streams_over_https_with_json: streams_secured_on(HTTPS, "json"),
}

watch_suite! {
    watching_over_grpc_web_with_bincode: streams_on_the_web("bincode"),
    watching_over_grpc_web_with_protobuf: streams_on_the_web("proto"),
    watching_over_grpc_web_with_json: streams_on_the_web("json"),
}
