//! A `Kv` that is not ours, as a program of its own: `interop/examples/tonic_kv.rs`, which is made of tonic. It
//! is built when it is wanted, so that nothing here depends on tonic.

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::cargo::cargo;

/// The program.
#[derive(Clone, Debug)]
pub struct TonicKv {
    program: PathBuf,
}

/// The program as a server, until this is dropped.
#[derive(Debug)]
pub struct Serving {
    child: Child,
    address: SocketAddr,
}

impl TonicKv {
    /// Builds it with cargo, beside the program that runs now. That takes a minute the first time.
    ///
    /// # Errors
    /// Why it cannot be had: there is no cargo, or no network to fetch tonic from.
    pub fn build() -> Result<Self, String> {
        // <target>/<profile>/<program>
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let folder = own.parent().ok_or("this program is in no folder")?;
        let name = folder.file_name().unwrap_or_default();
        let profile = if name == "debug" { "dev".as_ref() } else { name };
        let target = folder.parent().ok_or("this program is in no folder of cargo's")?;
        let output = cargo()
            // With the features that the whole workspace wants, so that nothing is built a second time.
            .args(["build", "--quiet", "--workspace", "--example", "tonic_kv", "--profile"])
            .arg(profile)
            .arg("--target-dir")
            .arg(target)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("cargo cannot be run: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let first = said.lines().find(|line| line.starts_with("error")).unwrap_or("cargo failed");
            return Err(first.to_owned());
        }
        let file = format!("tonic_kv{}", std::env::consts::EXE_SUFFIX);
        Ok(Self { program: folder.join("examples").join(file) })
    }

    /// Lets it serve, with an empty store, on a free port.
    ///
    /// # Errors
    /// When it does not start, or does not say where it listens.
    pub fn serve(&self) -> io::Result<Serving> {
        let mut child = Command::new(&self.program)
            .args(["--listen", "127.0.0.1:0"])
            // It serves until this pipe is closed.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.as_mut() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line.trim().strip_prefix("listening on http://").and_then(|at| at.parse().ok());
        match address {
            Some(address) => Ok(Serving { child, address }),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                Err(io::Error::other(format!("it says {line:?}, and not where it listens")))
            }
        }
    }

    /// Lets it make one call, such as `["get", "greeting"]`: what it prints.
    ///
    /// # Errors
    /// What it says when the call fails.
    pub fn call(&self, server: SocketAddr, call: &[&str]) -> Result<String, String> {
        let output = Command::new(&self.program)
            .args(["--connect", &format!("http://{server}")])
            .args(call)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }
}

impl Serving {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It ends by itself when its standard input does, which is closed here; this is for when it hangs.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
