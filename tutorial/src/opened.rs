//! What a command line says about browsers.

use std::sync::Arc;

use clap::Args;
use kv::Store;
use transport::web::Web;

use crate::site;

/// What `kv_server` answers beside gRPC.
#[derive(Debug, Args)]
pub struct Opened {
    /// Answer gRPC-Web too, an HTTP API with JSON, and a page in a browser that shows both
    #[arg(long)]
    web: bool,
    #[arg(long, value_name = "ORIGIN", requires = "web", help = ALLOW_ORIGIN)]
    allow_origin: Vec<String>,
}

impl Opened {
    /// What is answered, on top of `store`; `None`: gRPC alone.
    ///
    /// # Errors
    /// What is wrong with an origin, or with the contract whose names the page shows.
    pub fn web(&self, store: &Arc<Store>) -> Result<Option<Web>, String> {
        if !self.web {
            return Ok(None);
        }
        let site = site::router(store.clone()).map_err(|error| error.to_string())?;
        let mut web = Web::new().site(site);
        for origin in &self.allow_origin {
            web = web.allow_origin(origin).map_err(|error| error.message().to_owned())?;
        }
        Ok(Some(web))
    }
}

const ALLOW_ORIGIN: &str =
    "Let pages of ORIGIN call as well, such as https://app.example; may be given more than once";
