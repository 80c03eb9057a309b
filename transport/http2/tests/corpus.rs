//! Every input that fuzzing has found worth keeping, again.

#![allow(clippy::unwrap_used)]

mod fuzz_targets;

use std::path::Path;

fn replay(target: &str, run: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(&corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", corpus.display());
    for file in files {
        println!("{}", file.display());
        run(&std::fs::read(&file).unwrap());
    }
}

#[test]
fn a_server_stands_up_to_the_corpus() {
    replay("server", fuzz_targets::server);
}

#[test]
fn a_client_stands_up_to_the_corpus() {
    replay("client", fuzz_targets::client);
}

#[test]
fn hpack_stands_up_to_the_corpus() {
    replay("hpack", fuzz_targets::hpack);
}
