//! What `stub_build` writes of `proto/bench.proto`.

include!(concat!(env!("OUT_DIR"), "/bench.rs"));
