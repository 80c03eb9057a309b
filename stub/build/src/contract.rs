//! Reads `.proto` files.

use std::path::{Path, PathBuf};

use prost_types::{DescriptorProto, FileDescriptorProto};
use protox::Compiler;

use crate::{Error, comments};

/// A `.proto` file and all that it imports.
pub(crate) struct Contract {
    /// Each file behind those that it imports. Every item in it has a comment.
    pub(crate) files: Vec<FileDescriptorProto>,
    /// The files of google.protobuf, whose Rust types are in the crate prost-types.
    pub(crate) foreign: Vec<FileDescriptorProto>,
    /// Where the files are, as far as they are on this disk.
    pub(crate) sources: Vec<PathBuf>,
    includes: Vec<PathBuf>,
}

/// The file `proto`, with what it imports from `includes` or from its own folder.
pub(crate) fn read(proto: &Path, includes: &[PathBuf]) -> Result<Contract, Error> {
    if !proto.exists() {
        let text = format!("there is no file {}", proto.display());
        return Err(Error::new(text, "Give its path as it is from the folder of Cargo.toml."));
    }
    let mut includes = includes.to_vec();
    // Of two folders that hold it the first gives it its name.
    if !includes.iter().any(|folder| proto.starts_with(folder)) {
        let folder = proto.parent().filter(|folder| *folder != Path::new(""));
        includes.push(folder.unwrap_or(Path::new(".")).to_owned());
    }
    let wrong = |error: protox::Error| Error::of_protox(&error, proto, &includes);
    let mut compiler = Compiler::new(&includes).map_err(wrong)?;
    compiler.include_source_info(true).include_imports(true).open_file(proto).map_err(wrong)?;
    let files = compiler.file_descriptor_set().file;
    let (foreign, mut files): (Vec<_>, _) =
        files.into_iter().partition(|file| file.package() == "google.protobuf");
    files.iter_mut().for_each(comments::complete);
    let sources = compiler.files().filter_map(|file| file.path().map(Path::to_owned)).collect();
    Ok(Contract { files, foreign, sources, includes })
}

impl Contract {
    /// Where the file with this name is.
    pub(crate) fn path_of(&self, file: &FileDescriptorProto) -> PathBuf {
        let there = self.includes.iter().map(|folder| folder.join(file.name()));
        there.into_iter().find(|path| path.exists()).unwrap_or_else(|| file.name().into())
    }

    /// The messages that are in no other, each with its full name: `.kv.GetRequest`.
    pub(crate) fn messages(&self) -> impl Iterator<Item = (String, &DescriptorProto)> {
        self.files.iter().flat_map(|file| {
            file.message_type.iter().map(|message| (full_name(file.package(), message.name()), message))
        })
    }
}

pub(crate) fn full_name(package: &str, name: &str) -> String {
    if package.is_empty() { format!(".{name}") } else { format!(".{package}.{name}") }
}
