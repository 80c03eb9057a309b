//! Writes stubs from a contract.
//!
//! A stub is so regular that a program can write it. This one reads a `.proto` file and writes what
//! `stub/kv` has by hand: the messages, and for each service a trait, a client stub and a server stub.
//! It is pure Rust; nothing has to be installed.
//!
//! In `build.rs`:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! fn main() -> ExitCode {
//!     stub_build::compile("proto/kv.proto")
//! }
//! ```
//!
//! and where the module is to be, with the name of the package in the `.proto` file:
//!
//! ```ignore
//! pub mod proto {
//!     include!(concat!(env!("OUT_DIR"), "/kv.rs"));
//! }
//! ```
//!
//! What is written needs the crates `client`, `server`, `stub`, `transport`, `prost` with its feature
//! `derive`, and `serde` with its feature `derive`; `prost-types` too, where a message has a field of a
//! type in `google.protobuf`.
//!
//! | in the `.proto` file | in Rust |
//! |---|---|
//! | `service Kv` | the trait `Kv`, `KvServer`, `KvClient` |
//! | `rpc Get` | the method `get`, and `static KV_GET`, its description |
//! | `message GetRequest` | the structure `GetRequest` |
//! | `google.protobuf.Empty` | `()` |
//! | `bytes` | `prost::bytes::Bytes` |
//!
//! The [`Bytes`] of a message that came as protobuf are not copied: they are a part of what was received,
//! and keep it in memory, which can be more than the message. Copy what is kept for long:
//! `Bytes::copy_from_slice`. In bincode bytes are their length and themselves; in JSON a list of numbers,
//! not the base64 of protobuf's JSON.
//!
//! [`Bytes`]: https://docs.rs/bytes/1/bytes/struct.Bytes.html
//!
//! | file | what it does |
//! |------|--------------|
//! | `contract.rs` | reads `.proto` files |
//! | `comments.rs` | gives each item a comment that rustdoc can take |
//! | `messages.rs` | writes the messages, and says which codecs they have |
//! | `service.rs` | writes trait, client stub and server stub |
//! | `names.rs` | finds names that mean one thing only |
//! | `error.rs` | says what is wrong, where, and what to do |

mod comments;
mod contract;
mod error;
mod messages;
mod names;
mod service;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use prost_types::{FileDescriptorProto, FileDescriptorSet};

pub use error::Error;

/// Writes into `OUT_DIR` what the `.proto` file at this path describes: a Rust file for each package in
/// it and in what it imports, `kv.rs` for the package `kv`. Its imports are looked for in its folder.
///
/// This is what `main` of a `build.rs` returns: if something is wrong, the build ends with what, where,
/// and what to do.
pub fn compile(proto: impl AsRef<Path>) -> ExitCode {
    Builder::new().compile(proto)
}

/// The same with more to say.
#[derive(Clone, Debug)]
pub struct Builder {
    includes: Vec<PathBuf>,
    codecs: Vec<Codec>,
}

/// A codec that messages can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Protobuf.
    Protobuf,
    /// JSON.
    Json,
    /// bincode.
    Bincode,
}

/// What was written.
#[derive(Debug)]
pub struct Generated {
    /// The text for each package, by its name.
    pub packages: BTreeMap<String, String>,
    /// The `.proto` files that were read.
    pub sources: Vec<PathBuf>,
}

impl Builder {
    /// Imports from the folder of the `.proto` file; protobuf, JSON and bincode.
    pub fn new() -> Self {
        Self { includes: Vec::new(), codecs: vec![Codec::Protobuf, Codec::Json, Codec::Bincode] }
    }

    /// Looks in this folder too for what is imported. If the `.proto` file itself is below it, this is
    /// where its own name begins.
    pub fn include(mut self, folder: impl Into<PathBuf>) -> Self {
        self.includes.push(folder.into());
        self
    }

    /// The codecs that messages have. The first is the one that is used where nobody chooses.
    ///
    /// A message with a field of a type in `google.protobuf` has protobuf only, whatever is said here.
    pub fn codecs(mut self, codecs: impl IntoIterator<Item = Codec>) -> Self {
        self.codecs = codecs.into_iter().collect();
        self
    }

    /// As the function [`compile`].
    pub fn compile(&self, proto: impl AsRef<Path>) -> ExitCode {
        match self.write(proto.as_ref()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        }
    }

    /// What [`compile`](Self::compile) would write.
    ///
    /// # Errors
    /// What is wrong with the `.proto` file, or with one that it imports.
    pub fn generate(&self, proto: impl AsRef<Path>) -> Result<Generated, Error> {
        let contract = contract::read(proto.as_ref(), &self.includes)?;
        service::check(&contract)?;
        let mut packages = BTreeMap::<String, Vec<&FileDescriptorProto>>::new();
        for file in &contract.files {
            packages.entry(file.package().to_owned()).or_default().push(file);
        }
        let (written, mut services) = messages::write(&contract, &self.codecs)?;
        let texts = packages.into_iter().filter_map(|(package, files)| {
            let messages = written.get(&package).map_or("", String::as_str);
            let services = services.remove(&package).unwrap_or_default();
            let codecs = messages::declared(&package, &contract, &self.codecs);
            if messages.is_empty() && services.is_empty() {
                return None;
            }
            let mut names = names::Names::of(&files);
            let codecs = messages::declarations(&codecs, &mut names);
            let stubs: Vec<_> = services.iter().map(|it| service::write(it, &mut names)).collect();
            let mut text = format!("{HEADER}{}", names.uses());
            let parts = stubs.iter().map(String::as_str).chain([messages, &codecs]);
            for part in parts.filter(|part| !part.is_empty()) {
                text.push('\n');
                text.push_str(part);
            }
            Some((package, text))
        });
        Ok(Generated { packages: texts.collect(), sources: contract.sources })
    }

    /// What the `.proto` file and all that it imports say, as values: for a program that reads messages
    /// which it was not built for. Each file stands behind those that it imports.
    ///
    /// # Errors
    /// What is wrong with the `.proto` file, or with one that it imports.
    pub fn descriptors(&self, proto: impl AsRef<Path>) -> Result<FileDescriptorSet, Error> {
        let contract = contract::read(proto.as_ref(), &self.includes)?;
        let files = contract.foreign.into_iter().chain(contract.files);
        // Where each item stands, and its comments, say nothing about bytes.
        let file = files.map(|file| FileDescriptorProto { source_code_info: None, ..file }).collect();
        Ok(FileDescriptorSet { file })
    }

    fn write(&self, proto: &Path) -> Result<(), Error> {
        let generated = self.generate(proto)?;
        let folder = std::env::var_os("OUT_DIR").map(PathBuf::from).ok_or_else(|| {
            Error::new(
                "there is no OUT_DIR",
                "Call this from a build script: Cargo says there where to write.",
            )
        })?;
        for (package, text) in &generated.packages {
            let name = if package.is_empty() { "_" } else { package };
            let file = folder.join(format!("{name}.rs"));
            std::fs::write(&file, text).map_err(|error| {
                Error::new(
                    format!("cannot write {}: {error}", file.display()),
                    "See why this file cannot be written.",
                )
            })?;
        }
        for source in &generated.sources {
            println!("cargo:rerun-if-changed={}", source.display());
        }
        Ok(())
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

const HEADER: &str = "// Written by stub_build from a .proto file. Change that one, and build again.\n\n";
