//! The console: who gets in, what they find, and how they get from a user to being signed in as them.
mod applications;
mod confirmed;
mod entering;
mod finding;
mod finding_way;
mod fresh;
mod history;
mod members;
mod organizations;
mod kept;
mod keys;
mod real_browser;
mod repeated;
mod roles;
mod set_up;
mod sign_in_as;
mod step_up;
mod templates;
mod trail;
mod user_page;

use crate::support::{Browser, Page, TestServer};

/// Somebody of the directory, signed in.
async fn signed_in(server: &TestServer, name: &str) -> Browser {
    let browser = server.browser();
    let domain = match name {
        "alice" | "riley" | "cora" | "cody" => "acme.test",
        "carol" => "globex.test",
        _ => "understudy.test",
    };
    let page = browser.sign_in(&format!("{name}@{domain}"), &format!("{name}-password")).await;
    assert_eq!(page.status, 303, "{}", page.body);
    browser
}

/// The token of the button that posts to `action`.
#[track_caller]
fn button(page: &Page, action: &str) -> String {
    let marked = format!("formaction=\"{action}\" name=\"csrf\" value=\"");
    let rest = page.body.split(&marked).nth(1);
    let rest = rest.unwrap_or_else(|| panic!("no button for {action}: {}", page.body));
    rest.split('"').next().unwrap().to_owned()
}

/// What the page says about the question it was asked.
#[track_caller]
fn verdict(page: &Page) -> String {
    let rest = page.body.split("id=\"verdict\"").nth(1);
    let rest = rest.unwrap_or_else(|| panic!("no verdict: {} {}", page.status, page.body));
    rest.split("</main>").next().unwrap().to_owned()
}
