//! What went wrong, as JSON (RFC 9457).

use std::borrow::Cow;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use transport::{Code, Status};
use utoipa::ToSchema;

/// What went wrong: *problem details* (RFC 9457), with the code of the contract as an extension.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Problem {
    /// The HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// What that status is called.
    #[schema(value_type = String, example = "Not Found")]
    pub title: Cow<'static, str>,
    /// What went wrong this time.
    #[schema(example = "no value for \"color\"")]
    pub detail: String,
    /// The code, as gRPC calls it.
    #[schema(value_type = String, example = "NOT_FOUND")]
    pub code: Cow<'static, str>,
}

impl Problem {
    /// What `code` means over HTTP
    /// ([google/rpc/code.proto](https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto)).
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self::with_status(status_of(code), code, detail.into())
    }

    /// What went wrong before the method was reached, and which HTTP status says so.
    pub(crate) fn with_status(status: StatusCode, code: Code, detail: String) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self { status: status.as_u16(), title: title.into(), detail, code: code.name().into() }
    }
}

impl From<Status> for Problem {
    fn from(status: Status) -> Self {
        Self::new(status.code(), status.message())
    }
}

impl From<Problem> for Status {
    fn from(problem: Problem) -> Self {
        let code = Code::ALL.into_iter().find(|code| code.name() == problem.code);
        Self::new(code.unwrap_or_else(|| code_of(problem.status)), problem.detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, [(header::CONTENT_TYPE, PROBLEM)], Json(self)).into_response()
    }
}

/// What an HTTP status means where nothing else is said.
pub(crate) fn code_of(status: u16) -> Code {
    match status {
        400 | 413 | 415 | 422 => Code::InvalidArgument,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::NotFound,
        405 | 501 => Code::Unimplemented,
        429 => Code::ResourceExhausted,
        502..=504 => Code::Unavailable,
        _ => Code::Unknown,
    }
}

fn status_of(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The type of a problem (RFC 9457 §3).
pub(crate) const PROBLEM: &str = "application/problem+json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_the_same_after_its_journey_as_a_problem() {
        for code in Code::ALL {
            let problem = Problem::from(Status::new(code, "why"));
            assert_eq!(Status::from(problem), Status::new(code, "why"));
        }
    }

    #[test]
    fn a_code_that_is_not_known_is_told_by_the_http_status() {
        let problem = Problem { code: "TEAPOT".into(), ..Problem::new(Code::NotFound, "why") };
        assert_eq!(Status::from(problem).code(), Code::NotFound);
    }
}
