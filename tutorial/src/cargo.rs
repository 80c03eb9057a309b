//! The cargo that runs a program, for programs that run it in turn.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The cargo that runs this program, or else the one there is, at the root of this clone.
///
/// It learns nothing of what cargo tells the programs that it runs. There are build scripts that ask to be run again when
/// that changes (the one of `ring` is), so that cargo from here would build anew what cargo by hand has built, and the
/// other way round, every time.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace());
    for (name, _) in env::vars_os() {
        if TOLD.iter().any(|told| name.to_string_lossy().starts_with(told)) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// The root of this clone.
pub fn workspace() -> PathBuf {
    let tutorial = Path::new(env!("CARGO_MANIFEST_DIR"));
    tutorial.parent().unwrap_or(tutorial).to_owned()
}

/// How the names begin of what cargo tells a program about its package.
const TOLD: [&str; 2] = ["CARGO_MANIFEST_", "CARGO_PKG_"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_learns_nothing_of_the_package_of_the_program_that_runs_it() {
        let removed: Vec<_> = cargo()
            .get_envs()
            .filter(|(_, value)| value.is_none())
            .map(|(name, _)| name.to_owned())
            .collect();
        for told in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "CARGO_PKG_VERSION_PRE"] {
            assert!(env::var_os(told).is_some() && removed.iter().any(|name| name == told), "{told}");
        }
    }
}
