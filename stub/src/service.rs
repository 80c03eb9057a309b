//! What the server stub of one service is called.

use transport::Service;

/// The server stub of one service: serves the calls whose path begins with its name.
pub trait NamedService: Service {
    /// The service's full name, such as `kv.Kv`.
    const NAME: &'static str;
}
