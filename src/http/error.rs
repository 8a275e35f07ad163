//! From reasons to status codes and words. Nothing internal ever reaches a body.
use super::reason::with_reason;
use crate::flows::impersonation::redeem_impersonation::RedeemRefusal;
use crate::flows::impersonation::start_impersonation::StartRefusal;
use crate::flows::{Failure, InternalError};
use crate::impersonation::Denial;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use std::borrow::Cow;

/// An answer of the JSON API that is not a success: `{"error","error_description","error_code"}`.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{error}")]
pub struct ApiError {
    status: StatusCode,
    error: &'static str,
    description: Cow<'static, str>,
    code: Option<&'static str>,
    /// What a token would have to carry ([RFC 6750 §3]): scope tokens, so they need no quoting.
    ///
    /// [RFC 6750 §3]: https://www.rfc-editor.org/rfc/rfc6750#section-3
    scope: Option<String>,
    /// How many seconds ago the sign-in may be at most ([RFC 9470 §3]).
    ///
    /// [RFC 9470 §3]: https://www.rfc-editor.org/rfc/rfc9470#section-3
    max_age: Option<i64>,
}

/// Seconds after which an overloaded or cut-off server may be asked again.
pub const RETRY_AFTER: &str = "2";

impl ApiError {
    pub fn new(
        status: StatusCode,
        error: &'static str,
        description: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            error,
            description: description.into(),
            code: None,
            scope: None,
            max_age: None,
        }
    }

    pub fn invalid_request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", description)
    }

    /// No credential, so no `error` in the challenge ([RFC 6750 §3.1]).
    ///
    /// [RFC 6750 §3.1]: https://www.rfc-editor.org/rfc/rfc6750#section-3.1
    pub fn no_credential() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "a bearer token is needed")
    }

    pub fn invalid_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_token", "the access token is not valid")
    }

    pub fn insufficient_scope() -> Self {
        Self::new(StatusCode::FORBIDDEN, "insufficient_scope", "the access token may not do this")
    }

    /// The token does not carry `scope`.
    pub fn lacks_scope(scope: impl Into<String>) -> Self {
        let scope = scope.into();
        let text = format!("the access token must carry the scope `{scope}`");
        let refused = Self::new(StatusCode::FORBIDDEN, "insufficient_scope", text);
        Self { scope: Some(scope), ..refused }
    }

    pub fn not_found(what: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", what)
    }

    pub fn unavailable() -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, "temporarily_unavailable", "try again in a moment")
    }

    pub fn server_error() -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "server_error", "something went wrong here")
    }

    pub fn rate_limited() -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        Self::new(status, "rate_limited", "too many requests from this address")
    }

    pub fn denied(denial: Denial) -> Self {
        if denial == Denial::OtherOrganization {
            return Self::not_found("the user or the application is unknown");
        }
        let text = denial.to_string();
        let refused = if denial == Denial::StepUpRequired {
            Self::new(StatusCode::UNAUTHORIZED, "insufficient_user_authentication", text)
        } else {
            Self::new(StatusCode::FORBIDDEN, "access_denied", text)
        };
        Self { code: Some(denial.code()), ..refused }
    }

    /// Says how old a sign-in may be, where the answer asks for a fresh one.
    #[must_use]
    pub fn with_step_up(self, window: Option<chrono::Duration>) -> Self {
        Self { max_age: window.map(|window| window.num_seconds()), ..self }
    }

    pub fn description(&self) -> &str {
        &self.description
    }

    fn challenge(&self) -> Option<Cow<'static, str>> {
        match (self.status, self.error) {
            (StatusCode::UNAUTHORIZED, "unauthorized") => Some("Bearer".into()),
            // RFC 9470 §3
            (StatusCode::UNAUTHORIZED, "insufficient_user_authentication") => {
                let error = "Bearer error=\"insufficient_user_authentication\"";
                Some(match self.max_age {
                    Some(seconds) => format!("{error}, max_age=\"{seconds}\"").into(),
                    None => error.into(),
                })
            }
            (StatusCode::UNAUTHORIZED, _) => Some("Bearer error=\"invalid_token\"".into()),
            (StatusCode::FORBIDDEN, "insufficient_scope") => {
                let error = "Bearer error=\"insufficient_scope\"";
                Some(match &self.scope {
                    Some(scope) => format!("{error}, scope=\"{scope}\"").into(),
                    None => error.into(),
                })
            }
            _ => None,
        }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status);
        answer.insert_header((header::CACHE_CONTROL, "no-store"));
        if let Some(challenge) = self.challenge() {
            answer.insert_header((header::WWW_AUTHENTICATE, challenge.as_ref()));
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            answer.insert_header((header::ALLOW, "GET, HEAD"));
        }
        let busy = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS];
        if busy.contains(&self.status) {
            answer.insert_header((header::RETRY_AFTER, RETRY_AFTER));
        }
        let mut body = serde_json::json!({
            "error": self.error,
            "error_description": self.description,
        });
        if let (Some(code), Some(members)) = (self.code, body.as_object_mut()) {
            members.insert("error_code".to_owned(), code.into());
        }
        with_reason(answer.json(body), self.description.clone())
    }
}

impl<R: Into<Self>> From<Failure<R>> for ApiError {
    fn from(failure: Failure<R>) -> Self {
        match failure {
            Failure::Refused(reason) => reason.into(),
            Failure::Internal(cause) => cause.into(),
            Failure::Busy => Self::unavailable(),
        }
    }
}

/// A dependency that is down is 503; only what we have broken ourselves is 500.
impl From<InternalError> for ApiError {
    fn from(cause: InternalError) -> Self {
        log(&cause);
        if is_outage(&cause) {
            return Self::unavailable();
        }
        Self::server_error()
    }
}

/// Writes an accident down, once, where it is answered.
pub fn log(cause: &InternalError) {
    tracing::error!(cause = cause as &dyn std::error::Error, "request failed");
}

/// Everything but a row that breaks an invariant: a lost connection, a timeout, a full disk, a trail
/// that cannot be written, a node that turned read-only.
pub fn is_outage(cause: &InternalError) -> bool {
    match cause {
        InternalError::Unavailable(_)
        | InternalError::Query(_)
        | InternalError::Pooled(_)
        | InternalError::Setting { .. }
        | InternalError::Schema(_) => true,
        InternalError::Corrupt { .. } => false,
    }
}

impl From<StartRefusal> for ApiError {
    fn from(refusal: StartRefusal) -> Self {
        match refusal {
            StartRefusal::NoSuchUser | StartRefusal::NoSuchClient => {
                Self::not_found("the user or the application is unknown")
            }
            StartRefusal::Parameter(problem) => Self::invalid_request(problem.to_string()),
            StartRefusal::Denied(denial) => Self::denied(denial),
        }
    }
}

/// Auth0's words. Until the MAC verifies there is one answer only.
impl From<RedeemRefusal> for ApiError {
    fn from(refusal: RedeemRefusal) -> Self {
        let words = |text| Self::new(StatusCode::FORBIDDEN, "access_denied", text);
        match refusal {
            RedeemRefusal::Duplicate => Self::invalid_request("more than one bewit"),
            RedeemRefusal::CredentialBeside => Self::invalid_request(
                "the link was opened with an Authorization header beside it, such as that of a password for this host",
            ),
            RedeemRefusal::BadMac | RedeemRefusal::OtherPath => words("Impersonation - Bad mac"),
            RedeemRefusal::Expired => words("Impersonation - Access expired"),
            RedeemRefusal::Used => words("Impersonation - Link already used"),
            RedeemRefusal::Revoked => words("Impersonation - Link revoked"),
            RedeemRefusal::WrongPerson => words("Impersonation - Not for this user"),
            RedeemRefusal::Forged => words("Impersonation - Not confirmed"),
            RedeemRefusal::NotToBeConfirmed => {
                let status = StatusCode::METHOD_NOT_ALLOWED;
                Self::new(status, "invalid_request", "this link is opened with GET")
            }
            RedeemRefusal::Denied(_) => words("Impersonation - Not permitted"),
        }
    }
}
