//! The frame of a page for the browser that asks: with the bar of its running impersonation.
use super::browser::BrowserSession;
use super::forms;
use super::layout::{Bar, Page, bare};
use crate::flows::login::browser::{HeldSession, Live};

pub fn frame(browser: &BrowserSession, title: &str) -> Page {
    let running: Vec<_> = browser.running().collect();
    let first = running.iter().min_by_key(|(_, live)| live.granted.terms().ends_at);
    let bar = first.map(|(held, live)| bar(browser, (held, live), running.len() - 1));
    Page { bar, ..bare(title) }
}

fn bar(browser: &BrowserSession, (held, live): (&HeldSession, &Live), others: usize) -> Bar {
    let granted = &live.granted;
    let ends_at = granted.terms().ends_at;
    Bar {
        id: granted.id().to_string(),
        actor: granted.actor().display_name().to_owned(),
        subject: granted.subject().display_name().to_owned(),
        application: live.application.name.clone(),
        ends_at_rfc3339: ends_at.to_rfc3339(),
        minutes_left: minutes_left(live),
        stop_csrf: forms::token(&browser.ctx, "stop", &[held.session.as_str()]),
        others,
    }
}

pub fn minutes_left(live: &Live) -> i64 {
    (live.granted.terms().ends_at - live.now).num_minutes().max(0)
}
