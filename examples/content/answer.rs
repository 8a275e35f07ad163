//! Errors, in the JSON of Box's API.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

#[derive(Debug, Clone, Copy, thiserror::Error)]
pub enum Refusal {
    /// The request has no headers of the proxy.
    #[error("unauthorized")]
    Unauthorized,
    #[error("not_found")]
    NotFound,
    #[error("bad_request")]
    BadRequest(&'static str),
    #[error("item_name_in_use")]
    NameInUse,
    #[error("request_entity_too_large")]
    TooLarge,
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::NameInUse => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let message = match self {
            Self::Unauthorized => "Unauthorized",
            Self::NotFound => "Not Found",
            Self::BadRequest(what) => what,
            Self::NameInUse => "Item with the same name already exists",
            Self::TooLarge => "The file is larger than 16 MiB",
        };
        HttpResponse::build(self.status_code()).json(json!({
            "type": "error",
            "status": self.status_code().as_u16(),
            "code": self.to_string(),
            "message": message,
        }))
    }
}
