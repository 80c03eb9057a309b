//! Who shows a feed does it on a thread of its own: what it writes to may be blocked for as long as it likes.

use std::io;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot::{self, error::RecvError};
use tokio::sync::watch;
use tokio::time::timeout;

/// Whether to stop.
pub(super) type Stop = watch::Receiver<bool>;

/// Runs `show` on a thread until it is done, or until `end`: then it is told to stop, and has a second for that.
/// `None`: it was not done by then.
///
/// # Errors
/// When there can be no further thread, or it has panicked.
pub(super) async fn run<T: Send + 'static>(
    show: impl FnOnce(Stop) -> T + Send + 'static,
    end: impl Future,
) -> io::Result<Option<T>> {
    let (stop, told) = watch::channel(false);
    let (done, mut shown) = oneshot::channel();
    thread::Builder::new().spawn(move || {
        // Who waited for it may have gone.
        let _ = done.send(show(told));
    })?;
    tokio::select! {
        result = &mut shown => return result.map(Some).map_err(panicked),
        _ = end => {}
    }
    stop.send_replace(true);
    match timeout(GRACE, shown).await {
        Ok(result) => result.map(Some).map_err(panicked),
        Err(_) => Ok(None),
    }
}

fn panicked(_: RecvError) -> io::Error {
    io::Error::other("a panic, told above")
}

/// How long the last words may take.
const GRACE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_is_done_is_not_told_to_stop_and_who_is_told_may_finish() {
        let done = run(|_| 1, std::future::pending::<()>()).await;
        assert_eq!(done.ok(), Some(Some(1)));
        let runtime = tokio::runtime::Handle::current();
        let told = run(
            move |mut stop| runtime.block_on(async move { stop.wait_for(|stop| *stop).await.is_ok() }),
            std::future::ready(()),
        );
        assert_eq!(told.await.ok(), Some(Some(true)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_blocked_is_not_waited_for_for_ever() {
        let (_held, blocked) = std::sync::mpsc::channel::<()>();
        assert_eq!(run(move |_| blocked.recv(), std::future::ready(())).await.ok(), Some(None));
    }
}
