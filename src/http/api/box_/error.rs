//! What goes wrong, in the envelope that Box's SDKs read.
use crate::flows::directory::manage_users::ManageRefusal;
use crate::flows::{Failure, InternalError};
use crate::http::box_error::HELP_URL;
use crate::http::error::{ApiError, RETRY_AFTER, is_outage, log};
use crate::http::reason::with_reason;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError as _};
use serde_json::{Value, json};

#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum BoxError {
    /// A field of the body or the query that cannot be taken, by name.
    #[error("{name}: {message}")]
    Field { code: &'static str, name: String, message: String },
    #[error("the body cannot be read")]
    Body(StatusCode, String),
    #[error(transparent)]
    Refused(#[from] ManageRefusal),
    #[error("this method is not allowed here")]
    MethodNotAllowed(&'static str),
    #[error("something went wrong here")]
    Server,
    #[error("try again in a moment")]
    Unavailable,
}

impl BoxError {
    pub(super) fn field(name: &str, message: impl Into<String>) -> Self {
        Self::Field { code: "bad_request", name: name.to_owned(), message: message.into() }
    }

    fn parts(&self) -> (StatusCode, &'static str, String, Option<Value>) {
        let of_field = |name: &str, message: &str| {
            json!({ "errors": [
                { "reason": "invalid_parameter", "name": name, "message": message },
            ] })
        };
        match self {
            Self::Field { code, name, message } => {
                let context = of_field(name, message);
                (StatusCode::BAD_REQUEST, code, "Bad Request".to_owned(), Some(context))
            }
            Self::Body(status, problem) => (*status, "bad_request", problem.clone(), None),
            Self::Refused(refusal) => refused(*refusal),
            Self::MethodNotAllowed(_) => {
                (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", self.to_string(), None)
            }
            Self::Server => {
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                (status, "internal_server_error", self.to_string(), None)
            }
            Self::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", self.to_string(), None)
            }
        }
    }

    pub(super) fn answer(&self, request_id: &str) -> HttpResponse {
        let (status, code, message, context) = self.parts();
        let reason = match self {
            Self::Field { name, message, .. } => format!("{name}: {message}"),
            Self::Body(..)
            | Self::Refused(_)
            | Self::MethodNotAllowed(_)
            | Self::Server
            | Self::Unavailable => message.clone(),
        };
        let mut body = json!({
            "type": "error",
            "status": status.as_u16(),
            "code": code,
            "help_url": HELP_URL,
            "message": message,
            "request_id": request_id,
        });
        if let (Some(context), Some(members)) = (context, body.as_object_mut()) {
            members.insert("context_info".to_owned(), context);
        }
        let mut answer = HttpResponse::build(status);
        answer.insert_header((header::CACHE_CONTROL, "no-store"));
        match self {
            Self::Unavailable => {
                answer.insert_header((header::RETRY_AFTER, RETRY_AFTER));
            }
            Self::MethodNotAllowed(allow) => {
                answer.insert_header((header::ALLOW, *allow));
            }
            Self::Refused(ManageRefusal::MissingScope) => {
                let challenge = "Bearer error=\"insufficient_scope\"";
                answer.insert_header((header::WWW_AUTHENTICATE, challenge));
            }
            Self::Field { .. } | Self::Body(..) | Self::Refused(_) | Self::Server => {}
        }
        with_reason(answer.json(body), reason)
    }
}

/// Status, code, message and `context_info` of a no.
fn refused(refusal: ManageRefusal) -> (StatusCode, &'static str, String, Option<Value>) {
    let conflict = |name: &str| {
        Some(json!({ "errors": [
            { "reason": "already_used", "name": name, "message": "it belongs to another user" },
        ] }))
    };
    let no_such = |name: &str, message: &str| {
        Some(json!({ "errors": [
            { "reason": "invalid_parameter", "name": name, "message": message },
        ] }))
    };
    match refusal {
        ManageRefusal::Forbidden => (
            StatusCode::FORBIDDEN,
            "access_denied_insufficient_permissions",
            "Access denied - insufficient permission".to_owned(),
            None,
        ),
        ManageRefusal::MissingScope => {
            (StatusCode::FORBIDDEN, "insufficient_scope", refusal.to_string(), None)
        }
        ManageRefusal::NotFound => {
            (StatusCode::NOT_FOUND, "not_found", "Not Found".to_owned(), None)
        }
        ManageRefusal::LoginTaken => {
            let code = "user_login_already_used";
            (StatusCode::CONFLICT, code, refusal.to_string(), conflict("login"))
        }
        ManageRefusal::ExternalIdTaken => {
            let context = conflict("external_app_user_id");
            (StatusCode::CONFLICT, "conflict", refusal.to_string(), context)
        }
        ManageRefusal::RoleTooHigh => {
            let context = no_such("role", &refusal.to_string());
            let code = "access_denied_insufficient_permissions";
            let message = "Access denied - insufficient permission".to_owned();
            (StatusCode::FORBIDDEN, code, message, context)
        }
        ManageRefusal::LastAdministrator => {
            (StatusCode::CONFLICT, "conflict", refusal.to_string(), None)
        }
        ManageRefusal::NotForAppUsers(name) => {
            let context = no_such(name, &refusal.to_string());
            (StatusCode::BAD_REQUEST, "bad_request", "Bad Request".to_owned(), context)
        }
    }
}

impl From<Failure<ManageRefusal>> for BoxError {
    fn from(failure: Failure<ManageRefusal>) -> Self {
        match failure {
            Failure::Refused(refusal) => Self::Refused(refusal),
            Failure::Internal(cause) => cause.into(),
            Failure::Busy => Self::Unavailable,
        }
    }
}

impl From<InternalError> for BoxError {
    fn from(cause: InternalError) -> Self {
        log(&cause);
        if is_outage(&cause) { Self::Unavailable } else { Self::Server }
    }
}

/// A body that did not arrive whole or is too large.
impl From<ApiError> for BoxError {
    fn from(error: ApiError) -> Self {
        Self::Body(error.status_code(), error.description().to_owned())
    }
}
