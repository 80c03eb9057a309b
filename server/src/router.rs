//! Finds the service of a call by its path.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use stub::NamedService;
use transport::{Code, IncomingCall, Service, Serving, Status};

/// Gives each call to the service its path names; answers UNIMPLEMENTED where there is none.
#[derive(Default)]
pub struct Router {
    services: BTreeMap<&'static str, Arc<dyn Service>>,
}

impl Router {
    /// A router without services.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the server stub of a service. Of two with the same name the later one serves.
    pub fn with<S: NamedService>(mut self, service: S) -> Self {
        self.services.insert(S::NAME, Arc::new(service));
        self
    }
}

impl Service for Router {
    fn serve(&self, call: IncomingCall) -> Serving {
        if let Some(service) = self.services.get(call.head.path.service()) {
            return service.serve(call);
        }
        let text = format!("there is no service {} here", call.head.path.service());
        call.send.finish(Status::new(Code::Unimplemented, text));
        Box::pin(std::future::ready(()))
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Router").field(&self.services.keys()).finish()
    }
}
