//! Small faults of the console's pages: what they lead to, ask and say.
use super::applications::Filled;
use super::members::post;
use super::signed_in;
use crate::support::TestServer;

#[tokio::test]
async fn n02_a_refused_impersonation_in_the_trail_leads_to_no_page_that_is_not_there() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    let here = "/console/users/usr_alice/sign-in-as";
    let csrf = super::button(&sam.open(here).await, here);
    let off = "UPDATE organizations SET impersonation_enabled = false WHERE id = 'org_acme'";
    server.db.sql(off).await;
    let refused = sam.post_form(here, &[("csrf", &csrf), ("application", "portal")]).await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    let trail = signed_in(&server, "ada").await.open("/console/audit").await;
    assert!(trail.body.contains("Impersonation refused"), "{}", trail.body);
    for href in trail.body.split("href=\"/console/impersonations/").skip(1) {
        let id = href.split('"').next().unwrap();
        assert!(id.starts_with("history"), "{id} leads nowhere");
    }
}

#[tokio::test]
async fn n03_switching_off_asks_first_and_says_how_far_it_reaches() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let (one, two) = (signed_in(&server, "alice").await, signed_in(&server, "alice").await);
    let page = ada.open("/console/users/usr_alice").await;
    assert!(!page.body.contains("action=\"/console/users/usr_alice/status\""), "{}", page.body);
    let path = "/console/users/usr_alice/status";
    let asked = ada.open(path).await;
    assert_eq!(asked.status, 200, "{}", asked.body);
    assert!(asked.body.contains("signed in with 2 browsers"), "{}", asked.body);
    assert_eq!(one.open("/account").await.status, 200, "asking does nothing");
    assert_eq!(Filled::read(&asked, path).send(&ada, path).await.status, 303);
    assert_eq!(two.open("/account").await.status, 302);
    assert_eq!(ada.open(path).await.location(), "/console/users/usr_alice", "nothing to ask");
}

#[tokio::test]
async fn n03_an_organization_is_switched_off_by_its_name() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let alice = signed_in(&server, "alice").await;
    let (up, path) = ("/console/organizations/org_acme", "/console/organizations/org_acme/status");
    let page = ada.open(up).await;
    assert!(page.body.contains("href=\"/console/organizations/org_acme/status\""), "{}", page.body);
    let asked = ada.open(path).await;
    assert!(asked.body.contains("One person is signed out."), "{}", asked.body);
    assert!(asked.body.contains("people in it can no longer sign in anywhere."), "{}", asked.body);
    let form = Filled::read(&asked, path);
    for typed in ["", "Acm", "Globex"] {
        let wrong = form.clone().with("name", typed).send(&ada, path).await;
        assert_eq!(wrong.status, 400, "{typed}");
        assert!(wrong.body.contains("id=\"name-error\""), "{}", wrong.body);
    }
    assert_eq!(alice.open("/account").await.status, 200);
    let name = server.db.text("SELECT name FROM organizations WHERE id = 'org_acme'").await;
    let done = form.with("name", &name).send(&ada, path).await;
    assert_eq!(done.location(), "/console/organizations/org_acme?done=inactive");
    assert_eq!(alice.open("/account").await.status, 302);
    // On again without a question.
    let page = ada.open(up).await;
    assert_eq!(Filled::read(&page, path).send(&ada, path).await.status, 303);
    assert_eq!(ada.open(path).await.status, 200);
}

#[tokio::test]
async fn n04_no_role_chosen_is_said_at_the_field() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let path = "/console/users/usr_alice/roles/give";
    let page = ada.open("/console/users/usr_alice").await;
    assert!(page.body.contains("<select id=\"role\" name=\"role\" required"), "{}", page.body);
    let page = post(&server, &ada, (path, "give-role", "usr_alice"), &[("role", "")]).await;
    assert_eq!(page.status, 400);
    for part in ["id=\"role-error\"", "Choose a role.", "aria-label=\"Console\"", "Alice Chen"] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
}

#[tokio::test]
async fn n11_a_link_that_is_refused_says_why_in_words_for_people() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    let link = server.link("portal").await;
    for (browser, words) in
        [(&signed_in(&server, "alice").await, "This link is for somebody else"), (&sam, "Act as")]
    {
        let page = browser.open(&link).await;
        assert!(page.body.contains(words), "{}", page.body);
        assert!(!page.body.contains("Impersonation - "), "{}", page.body);
    }
    let damaged = sam.open(&format!("{link}x")).await;
    assert!(damaged.body.contains("This link does not work"), "{}", damaged.body);
    assert!(!damaged.body.contains("mac"), "{}", damaged.body);
    // Programs are told in the words of the API that they know.
    let told = sam.get(&format!("{link}x")).await.json();
    assert_eq!(told["error_description"], "Impersonation - Bad mac");
}

#[tokio::test]
async fn n18_a_refusal_in_the_console_keeps_the_menu() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    for (path, status) in [("/console/users/usr_none", 404), ("/console/keys", 403)] {
        let page = sam.open(path).await;
        assert_eq!(page.status, status, "{path}");
        for part in ["aria-label=\"Console\"", "href=\"/console/users\"", "action=\"/logout\""] {
            assert!(page.body.contains(part), "{path} {part}: {}", page.body);
        }
    }
    let forged = sam.post_form("/console/users/usr_alice/sign-in-as", &[("csrf", "x")]).await;
    assert!(forged.status == 403 && forged.body.contains("aria-label=\"Console\""));
    // Nobody else sees a menu.
    let alice = signed_in(&server, "alice").await.open("/console/users").await;
    assert!(alice.status == 403 && !alice.body.contains("aria-label=\"Console\""));
}

#[tokio::test]
async fn n10_the_button_says_why_it_can_never_work() {
    let server = TestServer::start().await;
    server.db.sql("INSERT INTO user_roles VALUES ('usr_carol', 'user-manager')").await;
    let sam = signed_in(&server, "sam").await;
    for (user, words) in [
        ("usr_carol", "They hold rights that you do not have."),
        ("usr_left", "Their account, or their organization, is not active."),
        ("usr_service", "service account"),
        ("usr_app", "app user without a login"),
    ] {
        let page = sam.open(&format!("/console/users/{user}")).await;
        assert!(!page.body.contains("/sign-in-as\""), "{user}: {}", page.body);
        assert!(page.body.contains("disabled aria-describedby=\"never\""), "{user}");
        let why = page.body.split("id=\"never\"").nth(1).unwrap().split("</p>").next().unwrap();
        assert!(why.contains(words), "{user}: {why}");
        // By its address: the reason, and no form to fill in for nothing.
        let form = sam.open(&format!("/console/users/{user}/sign-in-as")).await;
        assert!(form.status == 200 && !form.body.contains("name=\"reason\""), "{}", form.body);
    }
    let page = sam.open("/console/users/usr_alice").await;
    assert!(page.body.contains("/sign-in-as\">Sign in as user"), "{}", page.body);
    assert!(!sam.open("/console/users/usr_sam").await.body.contains("Sign in as user"));
}
