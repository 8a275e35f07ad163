//! `/account/password`: changes the password of the account owner.
use super::owner::{AccountOwner, RepeatableOwner};
use super::{AccountSection, tabs};
use crate::flows::Failure;
use crate::flows::login::change_password::{
    PasswordChange, PasswordRefusal, SHORTEST, change_password,
};
use crate::flows::login::next_cookie::PresentedCookie;
use crate::http::console::kit::Tab;
use crate::http::cookies;
use crate::http::ui::browser::with_cookies;
use crate::http::ui::error::PageError;
use crate::http::ui::forms::Posted;
use crate::http::ui::frame::frame;
use crate::http::ui::headers::render;
use crate::http::ui::layout::Page;
use crate::http::ui::throttled;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "account/password.html")]
struct PasswordPage {
    page: Page,
    tabs: Vec<Tab>,
    flash: Option<&'static str>,
    error: Option<&'static str>,
    /// The field that is wrong.
    wrong: &'static str,
    /// For password managers; may be empty.
    email: String,
    shortest: usize,
    csrf: String,
}

const DONE: &str =
    "Your password is changed. Other browsers are signed out, and nobody acts as you or for you.";

pub async fn get(owner: AccountOwner) -> HttpResponse {
    page(&owner, StatusCode::OK, None)
}

fn page(
    owner: &AccountOwner,
    status: StatusCode,
    error: Option<(&'static str, &'static str)>,
) -> HttpResponse {
    let page = PasswordPage {
        page: frame(&owner.browser, "Your password"),
        tabs: tabs(AccountSection::Password),
        flash: owner.flash(&[("changed", DONE)]),
        error: error.map(|(_, text)| text),
        wrong: error.map_or("", |(field, _)| field),
        email: owner.session().user.profile.email.clone().unwrap_or_default(),
        shortest: SHORTEST,
        csrf: owner.token("password", ""),
    };
    render(&page, status)
}

pub async fn post(owner: RepeatableOwner, posted: Posted) -> Result<HttpResponse, PageError> {
    let RepeatableOwner(owner) = owner;
    let fields = ["csrf", "username", "current_password", "new_password", "repeated"];
    let mut form = posted.only(owner.request(), &fields)?;
    owner.check(&form, "password", "")?;
    let (current, new) = (form.take("current_password"), form.take("new_password"));
    if new != form.get("repeated") {
        let error = ("repeated", "The passwords don't match.");
        return Ok(page(&owner, StatusCode::BAD_REQUEST, Some(error)));
    }
    let change = PasswordChange { current, new };
    let presented = PresentedCookie { session: owner.session(), token: &owner.browser.own_token() };
    match change_password(owner.ctx(), presented, change, &owner.browser.caller).await {
        Ok(changed) => {
            let cookie = cookies::set_own(owner.request(), &changed.session_token);
            Ok(with_cookies(owner.done("/account/password", "changed"), [cookie]))
        }
        Err(Failure::Refused(refusal)) => {
            let wait =
                if let PasswordRefusal::Throttled(wait) = refusal { Some(wait) } else { None };
            let (status, field, text) = words_of(refusal);
            Ok(throttled::told(page(&owner, status, Some((field, text))), wait))
        }
        Err(Failure::Accident(cause)) => Err(owner.accident(&cause)),
        Err(Failure::Busy) => Err(PageError::busy(owner.request())),
    }
}

fn words_of(refusal: PasswordRefusal) -> (StatusCode, &'static str, &'static str) {
    let bad = StatusCode::BAD_REQUEST;
    match refusal {
        PasswordRefusal::WrongPassword => {
            (bad, "current_password", "The current password is wrong.")
        }
        PasswordRefusal::Throttled(wait) => {
            (StatusCode::TOO_MANY_REQUESTS, "current_password", throttled::words(wait))
        }
        PasswordRefusal::TooShort => {
            (bad, "new_password", "The new password has fewer than 12 characters.")
        }
        PasswordRefusal::TooLong => (bad, "new_password", "A password has at most 4096 bytes."),
        PasswordRefusal::Unchanged => {
            (bad, "new_password", "The new password is the one that you have.")
        }
        PasswordRefusal::Guessable => {
            (bad, "new_password", "Don't use your name or email address as the password.")
        }
    }
}
