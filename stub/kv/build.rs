//! Writes `kv::proto`.

use std::process::ExitCode;

use stub_build::{Builder, Codec};

fn main() -> ExitCode {
    // bincode is the one to read, and so the one that is used where nobody chooses.
    let codecs = [Codec::Bincode, Codec::Protobuf, Codec::Json];
    Builder::new().codecs(codecs).compile("proto/kv.proto")
}
