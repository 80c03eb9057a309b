//! Lesson 10, yours: one method of a contract, its path and its function.
//!
//! Fill in the functions. `cargo lesson check 10` says how far they are, and what is wrong.

#![allow(unused)] // Take this away when nothing is left to write.

use std::process::ExitCode;

use tutorial::exercise::generated::{EXERCISE, GeneratedCode, Rpc};

/// What is checked.
pub const YOURS: GeneratedCode = GeneratedCode { read, path, function };

/// Runs the checks.
pub fn main() -> ExitCode {
    EXERCISE.report(&YOURS)
}

/// What a line says like `rpc Watch(WatchRequest) returns (stream Change);`.
fn read(line: &str) -> Option<Rpc> {
    None
}

/// The path of a method: a slash, the package and a dot if there is a package, the service, a slash, the method.
fn path(package: &str, service: &str, method: &str) -> String {
    String::new()
}

/// The name of the function in Rust: snake_case, and behind `r#` if it is a keyword.
fn function(method: &str) -> String {
    String::new()
}
