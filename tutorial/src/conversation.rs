//! All that two ends say to each other, while calls are made.

use std::sync::{Arc, Mutex, PoisonError};

use transport::{Connection, Limits, Service, Status, tcp};

use crate::tap::{Tap, Way};

/// The bytes of a connection, from its hello on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conversation {
    /// What the client sent.
    pub out: Vec<u8>,
    /// What the server sent.
    pub back: Vec<u8>,
}

impl Conversation {
    /// Lets `calls` run on a connection to `service` that carries our own frames over a stream in memory.
    /// When they are over, what has passed is the conversation; with it comes what they returned.
    ///
    /// # Errors
    /// When the two ends do not understand each other's hello.
    pub async fn of<T>(
        service: Arc<dyn Service>,
        calls: impl AsyncFnOnce(Arc<dyn Connection>) -> T,
    ) -> Result<(Self, T), Status> {
        let said = Arc::new(Mutex::new(Self::default()));
        let (near, far) = tokio::io::duplex(64 << 10);
        let serving = tokio::spawn(async move {
            tcp::serve_over(far, &Limits::default(), service, std::future::pending()).await
        });
        let tap = {
            let said = said.clone();
            Tap::new(near, move |way, bytes: &[u8]| {
                let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
                if way == Way::Out { &mut said.out } else { &mut said.back }.extend_from_slice(bytes);
            })
        };
        let connection = tcp::connect_over(tap, &Limits::default()).await?;
        let returned = calls(connection).await;
        serving.abort();
        let said = said.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok((said, returned))
    }
}
