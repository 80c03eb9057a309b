//! What can be called.

use server::dispatch::unimplemented;
use transport::Status;

/// A key–value store with a counter: what can be called, here or far away.
///
/// Every method is `async` and can fail with a [`Status`], also where the store is a local object and
/// neither would be needed: who calls cannot see where the object is, but has to know that it may be
/// far away.
///
/// A method that is not implemented answers UNIMPLEMENTED.
pub trait Kv: Send + Sync + 'static {
    /// The value of `key`.
    ///
    /// # Errors
    /// NOT_FOUND when it has none.
    fn get(&self, key: &str) -> impl Future<Output = Result<String, Status>> + Send {
        let _ = key;
        async { Err(unimplemented("Get")) }
    }

    /// Gives `key` the value `value`.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when the key is empty.
    fn put(&self, key: &str, value: &str) -> impl Future<Output = Result<(), Status>> + Send {
        let _ = (key, value);
        async { Err(unimplemented("Put")) }
    }

    /// Removes `key`; whether it was there.
    ///
    /// # Errors
    /// None of its own.
    fn delete(&self, key: &str) -> impl Future<Output = Result<bool, Status>> + Send {
        let _ = key;
        async { Err(unimplemented("Delete")) }
    }

    /// Adds `by` to the number that is the value of `key`, 0 if it has none; the new number. Called
    /// twice, it counts twice.
    ///
    /// # Errors
    /// FAILED_PRECONDITION when the value is not a number; OUT_OF_RANGE when the new one would not fit
    /// into 64 bits; INVALID_ARGUMENT when the key is empty. The value stays as it was then.
    fn increment(&self, key: &str, by: i64) -> impl Future<Output = Result<i64, Status>> + Send {
        let _ = (key, by);
        async { Err(unimplemented("Increment")) }
    }
}
