//! Who calls, from the headers that the proxy got from `/forward-auth`.

use crate::answer::Refusal;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::future::{Ready, ready};

/// The user that the call is made as, and who really makes it.
pub struct Caller {
    pub id: String,
    name: String,
    login: String,
    /// The actor, if another person acts as the user.
    pub actor: Option<String>,
}

impl Caller {
    fn of(request: &HttpRequest) -> Result<Self, Refusal> {
        let told = |name: &str| {
            let mut values = request.headers().get_all(name);
            let value = values.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
            // A second value would not be the proxy's.
            let value = if values.next().is_some() { "" } else { value };
            percent_decode_str(value).decode_utf8_lossy().into_owned()
        };
        let id = told("x-auth-subject");
        if id.is_empty() {
            return Err(Refusal::Unauthorized);
        }
        let actor = Some(told("x-auth-actor")).filter(|actor| !actor.is_empty());
        let caller = Self { id, name: told("x-auth-name"), login: told("x-auth-email"), actor };
        tracing::info!(
            subject = %caller.id,
            actor = caller.actor.as_deref().unwrap_or("-"),
            "{} {}", request.method(), request.path()
        );
        Ok(caller)
    }

    /// A user in the JSON of Box.
    pub fn as_user(&self) -> Value {
        json!({ "type": "user", "id": self.id, "name": self.name, "login": self.login })
    }
}

impl FromRequest for Caller {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}
