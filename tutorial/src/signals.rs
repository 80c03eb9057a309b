//! The signals that ask a program to end, or to read its files again.

use std::io;

/// Ctrl-C, and where there are signals SIGTERM. From when this is made, they end the program no more by themselves.
#[cfg(unix)]
#[derive(Debug)]
pub struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Listens for them. Only within a runtime.
    ///
    /// # Errors
    /// When the system does not let this process handle them.
    pub fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The name of the next one.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "Ctrl-C",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

/// Ctrl-C.
#[cfg(not(unix))]
#[derive(Debug)]
pub struct Signals;

#[cfg(not(unix))]
impl Signals {
    /// Listens for it.
    ///
    /// # Errors
    /// None here.
    pub fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// Its name, when it comes.
    pub async fn next(&mut self) -> &'static str {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        "Ctrl-C"
    }
}

/// SIGHUP, where there are signals: what a program began with has changed. From when this is made, it ends the program no
/// more by itself.
#[cfg(unix)]
#[derive(Debug)]
pub struct Hangup(tokio::signal::unix::Signal);

#[cfg(unix)]
impl Hangup {
    /// Listens for it. Only within a runtime.
    ///
    /// # Errors
    /// When the system does not let this process handle it.
    pub fn new() -> io::Result<Self> {
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).map(Self)
    }

    /// The next one. Several that come at once may be one.
    pub async fn next(&mut self) {
        self.0.recv().await;
    }
}

/// What never comes.
#[cfg(not(unix))]
#[derive(Debug)]
pub struct Hangup;

#[cfg(not(unix))]
impl Hangup {
    /// Listens for nothing.
    ///
    /// # Errors
    /// None here.
    pub fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// Never ends.
    pub async fn next(&mut self) {
        std::future::pending().await
    }
}
