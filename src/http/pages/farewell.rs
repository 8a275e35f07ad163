//! Front-channel logout: the browser notifies each application that a session has ended, and then goes on.
//!
//! Each letter travels in a frame of its own, all at once, so that one application that hangs holds up
//! nobody; after [`PATIENCE`] the browser goes on without it.
use crate::domain::SessionId;
use crate::flows::logout::notify_logout::{LogoutMessage, logout_messages};
use crate::flows::{Context, InternalError};
use crate::http::ui::assets;
use crate::http::ui::headers::{redirect, render_parting};
use crate::http::ui::layout::{Page, bare};
use crate::login::Answer;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

/// Seconds until the browser goes on without applications that have not answered.
const PATIENCE: u32 = 4;

#[derive(Template)]
#[template(path = "farewell.html")]
struct FarewellPage {
    page: Page,
    script: String,
    patience: u32,
    next: String,
    letters: Vec<LogoutNotificationPage>,
}

/// One letter, as its frame or its form.
struct LogoutNotificationPage {
    frame: String,
    application: String,
    /// Where the form leads, or what the frame shows.
    url: String,
    /// `None`: the frame loads `url` by itself.
    fields: Option<Vec<(&'static str, String)>>,
}

/// To `to`, by way of every application that was told about `sessions` and has not left.
///
/// `to` is a path of ours or a registered URL.
pub async fn onward(
    request: &HttpRequest,
    ctx: &Context,
    sessions: &[SessionId],
    to: &str,
) -> Result<HttpResponse, InternalError> {
    let letters = logout_messages(ctx, sessions).await?;
    if letters.is_empty() {
        return Ok(redirect(request.method(), to));
    }
    Ok(page(letters, to))
}

fn page(letters: Vec<LogoutMessage>, to: &str) -> HttpResponse {
    let mut envelopes = Vec::with_capacity(letters.len());
    for (nth, letter) in letters.into_iter().enumerate() {
        let (url, fields) = match letter.answer {
            Answer::Redirect(url) => (url, None),
            Answer::FormPost { action, fields } => (action, Some(fields)),
            // Only an answer to a question of a page is a message.
            Answer::WebMessage { .. } => continue,
        };
        let frame = format!("farewell-{nth}");
        envelopes.push(LogoutNotificationPage {
            frame,
            application: letter.application,
            url,
            fields,
        });
    }
    let page = FarewellPage {
        page: bare("Signing out"),
        script: assets::url("farewell.js"),
        patience: PATIENCE,
        next: to.to_owned(),
        letters: envelopes,
    };
    render_parting(&page, StatusCode::OK)
}
