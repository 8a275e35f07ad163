//! `/`: leads to the console, to the account, or to the set-up of a fresh installation.
use super::set_up;
use crate::domain::user::User;
use crate::http::console::session::may_enter;
use crate::http::ui::browser::BrowserSession;
use crate::http::ui::headers::redirect;
use actix_web::HttpResponse;

/// Where `user` lands without a better place: the console, if there is anything for them in it.
pub fn landing(user: &User) -> &'static str {
    if may_enter(user) { "/console" } else { "/account" }
}

/// `/`. An installation without an administrator leads to its set-up.
pub async fn home(browser: BrowserSession) -> HttpResponse {
    let to = match browser.own() {
        Some(session) => landing(&session.user),
        None if set_up::waits(&browser).await => "/setup",
        None => "/account",
    };
    redirect(browser.request.method(), to)
}
