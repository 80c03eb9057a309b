//! Writes `interop::proto`, and tonic's stubs, which only tests and examples include: of `Kv` with messages
//! of its own, and of the test service with the messages of `interop::proto`.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Err(error) = write_stubs_of_tonic() {
        eprintln!("tonic's stubs cannot be written: {error}");
        return ExitCode::FAILURE;
    }
    stub_build::Builder::new().include("proto").compile(TEST)
}

fn write_stubs_of_tonic() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::var("OUT_DIR")?).join("tonic");
    std::fs::create_dir_all(&folder)?;
    // protox reads what protoc would, so that protoc need not be installed.
    let kv = protox::compile([KV], [KV_FOLDER])?;
    tonic_prost_build::configure().out_dir(&folder).compile_fds(kv)?;
    println!("cargo:rerun-if-changed={KV}");
    let test = protox::compile([TEST], ["proto"])?;
    tonic_prost_build::configure()
        .out_dir(&folder)
        .extern_path(PACKAGE, "::interop::proto")
        .compile_fds(test)?;
    Ok(())
}

const TEST: &str = "proto/grpc/testing/test.proto";
const PACKAGE: &str = ".grpc.testing";
const KV_FOLDER: &str = "../stub/kv/proto";
const KV: &str = "../stub/kv/proto/kv.proto";
