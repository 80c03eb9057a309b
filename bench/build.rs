//! Writes our stubs, and tonic's for the same messages; says which compiler this is.

use std::error::Error;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use prost::Message;

fn main() -> ExitCode {
    if let Err(error) = write_stubs_of_tonic() {
        eprintln!("tonic's stubs cannot be written: {error}");
        return ExitCode::FAILURE;
    }
    println!("cargo:rustc-env=COMPILER={}", compiler().unwrap_or_else(|| "not known".to_owned()));
    stub_build::compile(BENCH)
}

fn write_stubs_of_tonic() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::var("OUT_DIR")?).join("tonic");
    std::fs::create_dir_all(&folder)?;
    // protox reads what protoc would, so that protoc need not be installed.
    let bench = protox::compile([BENCH], ["proto"])?;
    tonic_prost_build::configure()
        .out_dir(&folder)
        .extern_path(".bench", "crate::proto")
        .compile_fds(bench)?;
    // What protoc would give to a build script, for the scenario `build`.
    let hello = protox::compile([HELLO], ["proto"])?;
    std::fs::write(folder.join("hello.bin"), hello.encode_to_vec())?;
    println!("cargo:rerun-if-changed={HELLO}");
    Ok(())
}

/// The compiler's name and version.
fn compiler() -> Option<String> {
    let output = Command::new(std::env::var_os("RUSTC")?).arg("--version").output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

const HELLO: &str = "proto/hello.proto";
const BENCH: &str = "proto/bench.proto";
