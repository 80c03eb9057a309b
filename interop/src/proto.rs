//! What `stub_build` writes of `proto/grpc/testing/test.proto`.

include!(concat!(env!("OUT_DIR"), "/grpc.testing.rs"));
