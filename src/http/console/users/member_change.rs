//! The forms that give a user a role, and take one away.
use super::member::{GIVE, TAKE, apply};
use super::{detail, named, path};
use crate::domain::permission::USERS_WRITE;
use crate::domain::text::is_plain_line;
use crate::flows::directory::manage_members::MembershipChange;
use crate::http::console::{ConsoleSession, FreshConsoleSession};
use crate::http::ui::error::PageError;
use crate::http::ui::forms::Posted;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

pub async fn give(fresh: FreshConsoleSession) -> Result<HttpResponse, PageError> {
    let (console, posted) = fresh.into_parts();
    change_role(&console, posted, MemberPurpose::Give).await
}

pub async fn take(fresh: FreshConsoleSession) -> Result<HttpResponse, PageError> {
    let (console, posted) = fresh.into_parts();
    change_role(&console, posted, MemberPurpose::Take).await
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MemberPurpose {
    Give,
    Take,
}

async fn change_role(
    console: &ConsoleSession,
    posted: Posted,
    purpose: MemberPurpose,
) -> Result<HttpResponse, PageError> {
    console.require(USERS_WRITE)?;
    let user = named(console)?;
    let form = posted.only(console.request(), &["csrf", "role"])?;
    let word = if purpose == MemberPurpose::Give { GIVE } else { TAKE };
    console.check(&form, word, &[user.as_str()])?;
    let role = form.get("role");
    if role.is_empty() && purpose == MemberPurpose::Give {
        return detail::page(console, &user, Some("Choose a role."), StatusCode::BAD_REQUEST).await;
    }
    if role.is_empty() || !is_plain_line(role) {
        return Err(console.malformed("Which role?"));
    }
    let (change, done) = match purpose {
        MemberPurpose::Give => (MembershipChange::Give(role), "given"),
        MemberPurpose::Take => (MembershipChange::Take(role), "taken"),
    };
    apply(console, &user, change).await?;
    Ok(console.done(&path(&user), done))
}
