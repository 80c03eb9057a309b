//! What `stub_build` writes of `proto/kv.proto`.

include!(concat!(env!("OUT_DIR"), "/kv.rs"));
