//! The bodies of requests and answers.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use transport::Code;
use utoipa::openapi::{Content, Ref, RefOr, Response};
use utoipa::{IntoResponses, ToSchema};

use crate::Problem;
use crate::problem::PROBLEM;

/// A value.
// To utoipa a type that is called `Value` is any JSON there is, whatever is in it.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct Text {
    pub(crate) value: String,
}

/// Whether a key was there.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct Existed {
    pub(crate) existed: bool,
}

/// By how much a number grows.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct By {
    /// JSON has one kind of number, and a browser rounds those beyond 2^53.
    pub(crate) by: i64,
}

/// The new number.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct Number {
    /// JSON has one kind of number, and a browser rounds those beyond 2^53.
    pub(crate) value: i64,
}

/// What is put.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) value: String,
}

/// How many entries were put.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct Count {
    pub(crate) count: u64,
}

/// What became of a key.
#[derive(Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub(crate) struct Change {
    pub(crate) key: String,
    /// The new value; null when the key was removed.
    pub(crate) value: Option<String>,
}

impl From<kv::proto::Change> for Change {
    fn from(change: kv::proto::Change) -> Self {
        Self { key: change.key, value: change.value }
    }
}

/// A body in JSON. What is none is answered with a problem that says what is wrong and where.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let rejected = match Json::from_request(request, state).await {
            Ok(Json(body)) => return Ok(Self(body)),
            Err(rejected) => rejected,
        };
        Err(Problem::with_status(rejected.status(), Code::InvalidArgument, rejected.body_text()))
    }
}

/// What is answered to a body that is none, as the description says it.
pub(crate) struct WrongBody;

impl IntoResponses for WrongBody {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let problem = Content::new(Some(Ref::from_schema_name("Problem")));
        let answer = |(status, why): (u16, &str)| {
            let response = Response::builder().description(why).content(PROBLEM, problem.clone()).build();
            (status.to_string(), response.into())
        };
        [
            (413, "The body is larger than 4 MiB."),
            (415, "The body is not said to be JSON."),
            (422, "The body is JSON, and another than is due."),
        ]
        .map(answer)
        .into()
    }
}
