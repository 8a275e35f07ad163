//! The next keys take over.
use super::list::purpose;
use super::{HERE, require};
use crate::flows::operations::rotate_keys;
use crate::flows::operations::see_keys::{KeyState, list_keys};
use crate::http::console::kit::ShownMoment;
use crate::http::console::{ConsoleFrame, ConsoleSection, ConsoleSession, FreshConsoleSession};
use crate::http::ui::error::PageError;
use crate::http::ui::headers::render;
use crate::http::ui::layout::Page;
use crate::http::ui::times;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

const ROTATE: &str = "rotate-keys";
#[derive(Template)]
#[template(path = "console/keys_rotate.html")]
struct RotateKeysPage {
    page: Page,
    console: ConsoleFrame,
    up: &'static str,
    rows: Vec<Next>,
    /// How long the youngest has been published, where that is not long.
    young: Option<String>,
    csrf: String,
}

struct Next {
    id: String,
    purpose: &'static str,
    algorithm: String,
    created: ShownMoment,
}

/// Stands for the keys that would take over: a form is good for one change.
fn names(rows: &[Next]) -> String {
    rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>().join(" ")
}

async fn next(console: &ConsoleSession) -> Result<(Vec<Next>, Option<String>), PageError> {
    let (keys, now) = list_keys(console.ctx()).await.map_err(|e| console.accident(&e))?;
    let next: Vec<_> = keys.into_iter().filter(|key| key.state == KeyState::Next).collect();
    let youngest = next.iter().map(|key| now - key.created_at).min();
    let young = youngest.filter(|age| *age < rotate_keys::KNOWN_AFTER).map(times::span);
    let row = |key: crate::flows::operations::see_keys::ShownKey| Next {
        purpose: purpose(&key.purpose),
        created: key.created_at.into(),
        algorithm: key.algorithm,
        id: key.id,
    };
    Ok((next.into_iter().map(row).collect(), young))
}

pub async fn ask(console: ConsoleSession) -> Result<HttpResponse, PageError> {
    require(&console)?;
    let (rows, young) = next(&console).await?;
    let (page, frame) = console.frame(ConsoleSection::Keys, "Rotate the signing keys?", &[]);
    let csrf = console.token(ROTATE, &[&names(&rows)]);
    let page = RotateKeysPage { page, console: frame, up: HERE, csrf, rows, young };
    Ok(render(&page, StatusCode::OK))
}

/// This server signs with the new keys at once, others within seconds.
pub async fn rotate(fresh: FreshConsoleSession) -> Result<HttpResponse, PageError> {
    let (console, posted) = fresh.into_parts();
    require(&console)?;
    let form = posted.only(console.request(), &["csrf"])?;
    let (rows, _) = next(&console).await?;
    console.check(&form, ROTATE, &[&names(&rows)])?;
    let ctx = console.ctx();
    let by = (Some(&console.user().id), &console.browser.caller);
    let keys = &ctx.shared.keys;
    let mut conn = ctx.store.conn().await.map_err(|e| console.accident(&e))?;
    let seen: Vec<String> = rows.into_iter().map(|row| row.id).collect();
    let done = rotate_keys::rotate_seen(&mut conn, keys, by, &seen).await;
    if done.map_err(|e| console.accident(&e))?.is_none() {
        return Err(PageError::forged(console.request()));
    }
    keys.reload(&conn).await.map_err(|e| console.accident(&e))?;
    Ok(console.done(HERE, "rotated"))
}
