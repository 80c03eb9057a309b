//! What book and README show is what there is. In the book a comment in front of each piece says where the piece comes
//! from; here it is made again and compared. To make all of them anew: `BOOK=refresh cargo test -p tutorial --test book`.

#![allow(clippy::unwrap_used)]

mod links;
mod markdown;
mod marker;
mod pages;
mod pictures;
mod readme;
mod runs;
mod shape;

use std::path::{Path, PathBuf};

/// Whether pieces and pictures are to be written and not only compared.
fn refreshes() -> bool {
    std::env::var_os("BOOK").is_some_and(|what| what == "refresh")
}

/// The folder of the whole workspace, from which the pages name files.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Where the pages are.
fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("book/src")
}

/// Ends a test that found `problems`, and says what to do.
fn none_of(problems: &[String]) {
    assert!(
        problems.is_empty(),
        "\n\n{}\n\nPieces and pictures are made anew by: BOOK=refresh cargo test -p tutorial --test book\n",
        problems.join("\n\n")
    );
}
