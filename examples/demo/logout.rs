//! "Sign out", and the banner's "Stop": both end our session and ask the provider for RP-initiated logout, with the
//! ID token as hint.
//!
//! After "Sign out" the provider sends the browser back here. If the ID token is an impersonated one, only the
//! impersonation ends, and the actor's own session stays. Then we send no return address, because the provider's page
//! leads the agent back to the page where they started.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Form};
use openidconnect::{ClientId, CsrfToken, LogoutRequest, PostLogoutRedirectUrl};
use serde::Deserialize;

use crate::session::Session;
use crate::web::{Answer, Shop, see_other};

#[derive(Deserialize)]
pub struct LogoutForm {
    form_token: String,
}

pub async fn logout(shop: Data<Shop>, request: HttpRequest, form: Form<LogoutForm>) -> Answer {
    let id = shop.cookie(&request, "session").unwrap_or_default();
    let home = shop.settings.home();
    let Some(session) = shop.sessions.find(&id) else {
        return Ok(see_other(home.as_str(), &[shop.clear_cookie("session")]));
    };
    if session.form_token != form.form_token {
        let text = "The button you pressed was from an older page. Please try again.";
        return Err(shop.problem(StatusCode::FORBIDDEN, "That did not work", text));
    }
    shop.sessions.end(&id);
    let provider = shop.directory.provider(&shop.settings).await;
    let end_session = provider.ok().and_then(|provider| provider.end_session.clone());
    let Some(end_session) = end_session else {
        return Err(shop.problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "You are signed out here only",
            only_here(&session),
        ));
    };
    let address = LogoutRequest::from(end_session)
        .set_id_token_hint(&session.id_token)
        .set_client_id(ClientId::new(shop.settings.client_id.clone()));
    if session.acting.is_some() {
        return Ok(see_other(address.http_get_url().as_str(), &[shop.clear_cookie("session")]));
    }
    let state = CsrfToken::new_random_len(32);
    let goodbye = Goodbye::SignedOut.cookie_value(&state);
    let address = address
        .set_post_logout_redirect_uri(PostLogoutRedirectUrl::from_url(home))
        .set_state(state)
        .http_get_url();
    let cookies = [shop.clear_cookie("session"), shop.set_cookie("goodbye", goodbye)];
    Ok(see_other(address.as_str(), &cookies))
}

fn only_here(session: &Session) -> String {
    let sorry = "The identity provider does not answer, so it could not be told.";
    if session.acting.is_none() {
        return sorry.to_owned();
    }
    let end = session.ends_at.format("%H:%M UTC");
    format!("{sorry} The impersonation ends by itself at {end}.")
}

/// The notice on the start page when the browser comes back from the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goodbye {
    SignedOut,
}

impl Goodbye {
    fn cookie_value(self, state: &CsrfToken) -> String {
        let word = match self {
            Self::SignedOut => "signed-out",
        };
        format!("{word}.{}", state.secret())
    }

    /// Only for the `state` that we sent along; a link from another site shows no notice.
    pub fn parse(cookie: &str, state: &str) -> Option<Self> {
        let (word, expected) = cookie.split_once('.')?;
        if expected != state {
            return None;
        }
        match word {
            "signed-out" => Some(Self::SignedOut),
            _ => None,
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Self::SignedOut => "You are signed out.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goodbye_is_said_only_to_the_browser_that_left() {
        let state = CsrfToken::new_random();
        let cookie = Goodbye::SignedOut.cookie_value(&state);
        assert_eq!(Goodbye::parse(&cookie, state.secret()), Some(Goodbye::SignedOut));
        assert_eq!(Goodbye::parse(&cookie, "made up"), None);
        assert_eq!(Goodbye::parse("", ""), None);
        assert_eq!(Goodbye::parse("shout.x", "x"), None);
    }
}
