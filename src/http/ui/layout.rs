//! What every page has around its content: title, assets, and the bar of a running impersonation.
use super::assets;

/// `title` is ours alone: text in `<title>` cannot be bidi-isolated, so no name of a person or an
/// application goes there.
#[derive(Clone)]
pub struct Page {
    pub title: String,
    pub css: String,
    pub form_post_js: String,
    pub countdown_js: String,
    /// Shows times in the reader's own zone.
    pub times_js: String,
    /// Holds back the second press of a button, where scripts run. Without it the server leads on all the same.
    pub once_js: String,
    /// Also the favicon.
    pub logo: String,
    /// Present on every page of a browser that runs an impersonation.
    pub bar: Option<Bar>,
}

/// The running impersonation, with its stop button: the one that ends first when several run.
#[derive(Clone)]
pub struct Bar {
    /// Posted as `id`, so that a form left open in a tab stops its own impersonation and no other.
    pub id: String,
    pub actor: String,
    pub subject: String,
    pub application: String,
    pub ends_at_rfc3339: String,
    /// Whole minutes, rounded down.
    pub minutes_left: i64,
    pub stop_csrf: String,
    /// How many more run side by side; not 0 links to `/me/impersonation`.
    pub others: usize,
}

/// A button of a page; the first one is its primary button.
#[derive(Clone)]
pub struct Action {
    pub label: String,
    /// Always a local path: no scheme, so nothing to run.
    pub href: String,
}

impl Action {
    pub fn new(label: &str, href: impl Into<String>) -> Self {
        Self { label: label.to_owned(), href: href.into() }
    }
}

/// The frame for an answer that does not look up the session of the browser.
pub fn bare(title: &str) -> Page {
    Page {
        title: title.to_owned(),
        css: assets::url("understudy.css"),
        form_post_js: assets::url("form-post.js"),
        countdown_js: assets::url("countdown.js"),
        times_js: assets::url("times.js"),
        once_js: assets::url("once.js"),
        logo: assets::url("logo.svg"),
        bar: None,
    }
}
