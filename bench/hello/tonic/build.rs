//! As the documentation of tonic has it, but protoc has been run already: it need not be installed.

use prost::Message;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hello = prost_types::FileDescriptorSet::decode(include_bytes!("hello.bin").as_slice())?;
    tonic_prost_build::configure().compile_fds(hello)?;
    Ok(())
}
