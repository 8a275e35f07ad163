//! What gives power needs a fresh proof of the person, and nothing that was filled in is lost for it.
use super::applications::{Filled, fresh};
use super::members::post;
use super::signed_in;
use crate::support::{Browser, Page, TestServer};

const GIVE: &str = "/console/users/auth0%7Cbob/roles/give";
const ROLES: &str = "SELECT coalesce(string_agg(role, ' ' ORDER BY role), '-') FROM user_roles WHERE user_id = 'auth0|bob'";
const TWO_HOURS: &str = "UPDATE sessions SET authenticated_at = authenticated_at - interval '2 hours', \
                         created_at = created_at - interval '2 hours'";

/// The form that gives Bob a role, as a page of Ada's would send it.
async fn give(server: &TestServer, browser: &Browser, role: &str) -> Page {
    post(server, browser, (GIVE, "give-role", "auth0|bob"), &[("role", role)]).await
}

#[track_caller]
fn asks(page: &Page) {
    assert_eq!(page.status, 403, "{}", page.body);
    assert!(page.body.contains("<h1>Confirm your password</h1>"), "{}", page.body);
}

async fn confirm(browser: &Browser, page: &Page, action: &str, password: &str) -> Page {
    Filled::read(page, action).with("step_up_password", password).send(browser, action).await
}

#[tokio::test]
async fn k04_a_role_is_given_by_an_old_session_only_with_the_password() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    server.db.sql(TWO_HOURS).await;
    let asked = give(&server, &ada, "admin").await;
    asks(&asked);
    let wrong = confirm(&ada, &asked, GIVE, "not-hers").await;
    asks(&wrong);
    assert!(wrong.body.contains("The password is wrong."));
    assert_eq!(server.db.text(ROLES).await, "-");
    assert_eq!(Filled::read(&wrong, GIVE).get("role"), "admin", "still filled in");
    let done = confirm(&ada, &wrong, GIVE, "ada-password").await;
    assert_eq!(done.location(), "/console/users/auth0%7Cbob?done=given");
    assert_eq!(server.db.text(ROLES).await, "admin");
    // The renewed session counts for the next form too.
    assert_eq!(give(&server, &ada, "auditor").await.status, 303);
    let told = "SELECT string_agg(type || coalesce(' ' || reason, ''), ', ' ORDER BY seq) FROM audit_events \
                WHERE subject = 'usr_ada' AND (reason LIKE '%step-up' OR detail ->> 'step_up' = 'true')";
    let expected = "login.failed wrong password at a step-up, login.succeeded";
    assert_eq!(server.db.text(told).await, expected);
}

/// A path, the purpose and the object of its form, and fields.
type Case = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

const CHANGES: &[Case] = &[
    ("/console/users/auth0%7Cbob/roles/take", "take-role", "auth0|bob", &[("role", "auditor")]),
    ("/console/users/usr_alice/status", "status-of-user", "usr_alice", &[("status", "inactive")]),
    (
        "/console/organizations/org_acme/status",
        "status-of-organization",
        "org_acme",
        &[("status", "inactive")],
    ),
    ("/console/organizations/org_acme", "change-organization", "org_acme", &[("name", "Other")]),
    ("/console/new-organization", "new-organization", "", &[("name", "New"), ("id", "org_new")]),
    (
        "/console/new-role",
        "new-role",
        "",
        &[("name", "boss"), ("rank", "9"), ("users:write", "on")],
    ),
    ("/console/roles/auditor", "change-role", "auditor", &[("rank", "9"), ("users:write", "on")]),
    (
        "/console/applications/portal/status",
        "application-status",
        "portal",
        &[("status", "inactive")],
    ),
    ("/console/applications/portal/delete", "delete-application", "portal", &[]),
];

#[tokio::test]
async fn k04_roles_people_and_organizations_are_not_changed_by_an_old_session() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    assert_eq!(give(&server, &ada, "auditor").await.status, 303);
    server.db.sql(TWO_HOURS).await;
    let before = server.db.contents().await;
    for (path, purpose, about, fields) in CHANGES {
        let asked = post(&server, &ada, (path, purpose, about), fields).await;
        asks(&asked);
        let carried = Filled::read(&asked, path);
        for (name, value) in *fields {
            assert_eq!(carried.get(name), *value, "{path}");
        }
        asks(&carried.with("step_up_password", "wrong").send(&ada, path).await);
    }
    let same = |(table, _): &&(String, String)| table != "sessions";
    assert!(before.iter().filter(same).eq(server.db.contents().await.iter().filter(same)));
}

#[tokio::test]
async fn k04_an_application_and_its_secret_are_made_after_the_password() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let new = "/console/new-application?kind=web";
    let form = fresh(&ada, "web", "made").await;
    let secret = "/console/applications/orders/secret";
    let rotate = Filled::read(&ada.open(secret).await, secret);
    server.db.sql(TWO_HOURS).await;
    let asked = form.send(&ada, new).await;
    asks(&asked);
    let carried = Filled::read(&asked, new);
    assert_eq!(carried.get("redirect_uris"), form.get("redirect_uris"), "line breaks too");
    assert!(!asked.body.contains("client-secret"));
    let rows = "SELECT count(*) FROM clients WHERE id = 'made'";
    assert_eq!(server.db.count(rows).await, 0);
    let made = carried.with("step_up_password", "ada-password").send(&ada, new).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(server.db.count(rows).await, 1);
    let uris = "SELECT redirect_uris::text FROM clients WHERE id = 'made'";
    assert!(server.db.text(uris).await.contains("https://made.test/cb"));
    // A mistake of the form is shown with the form, as ever, and the renewed session goes on.
    let again = form.send(&ada, new).await;
    assert_eq!(again.status, 409, "{}", again.body);
    server.db.sql(TWO_HOURS).await;
    let asked = rotate.send(&ada, secret).await;
    asks(&asked);
    let shown = confirm(&ada, &asked, secret, "ada-password").await;
    assert!(shown.status == 200 && shown.body.contains("id=\"client-secret\""), "{}", shown.body);
}

#[tokio::test]
async fn k04_a_form_that_is_refused_after_the_password_keeps_the_renewed_session() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    server.db.sql(TWO_HOURS).await;
    let asked = give(&server, &ada, "nothing").await;
    let refused = confirm(&ada, &asked, GIVE, "ada-password").await;
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert_eq!(ada.open("/console/users").await.status, 200, "signed in with the new cookie");
    assert_eq!(give(&server, &ada, "auditor").await.status, 303);
}

#[tokio::test]
async fn k04_the_window_is_the_operators_and_zero_is_never() {
    let server = TestServer::start_with(&[("UNDERSTUDY_STEP_UP_MINUTES", "0")]).await;
    let ada = signed_in(&server, "ada").await;
    server.db.sql(TWO_HOURS).await;
    assert_eq!(give(&server, &ada, "auditor").await.status, 303);
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    server.db.advance("4 minutes 58 seconds").await;
    assert_eq!(give(&server, &ada, "auditor").await.status, 303, "not yet");
    server.db.advance("3 seconds").await;
    asks(&give(&server, &ada, "support").await);
}

#[tokio::test]
async fn k04_a_password_confirmed_in_another_tab_counts_here() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    server.db.sql(TWO_HOURS).await;
    let (here, there) =
        (give(&server, &ada, "auditor").await, give(&server, &ada, "support").await);
    assert_eq!(confirm(&ada, &there, GIVE, "ada-password").await.status, 303);
    // The form that was sent before goes on, with the password or without.
    let form = Filled::read(&here, GIVE);
    assert_eq!(form.clone().without("step_up_password").send(&ada, GIVE).await.status, 303);
    assert_eq!(form.with("step_up_password", "ada-password").send(&ada, GIVE).await.status, 303);
    assert_eq!(server.db.text(ROLES).await, "auditor support");
}

#[tokio::test]
async fn k04_the_same_confirmation_twice_does_it_once_and_strands_nobody() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let path = "/console/keys/rotate";
    let form = Filled::read(&ada.open(path).await, path);
    server.db.sql(TWO_HOURS).await;
    let asked = form.send(&ada, path).await;
    asks(&asked);
    assert_eq!(confirm(&ada, &asked, path, "ada-password").await.status, 303);
    let again = confirm(&ada, &asked, path, "ada-password").await;
    assert!(again.status == 403 && again.body.contains("This form has expired"), "{}", again.body);
    let rotated =
        "SELECT count(*) FROM audit_events WHERE type = 'key.rotated' AND actor = 'usr_ada'";
    assert_eq!(server.db.count(rotated).await, 1);
    assert_eq!(ada.open("/console/keys").await.status, 200);
}

#[tokio::test]
async fn k04_only_the_page_that_asks_may_send_the_password() {
    let server = TestServer::start().await;
    let (ada, sam) = (signed_in(&server, "ada").await, signed_in(&server, "sam").await);
    server.db.sql(TWO_HOURS).await;
    let asked = give(&server, &ada, "auditor").await;
    let form = Filled::read(&asked, GIVE);
    let status = "/console/users/usr_alice/status";
    let elsewhere = form.clone().with("step_up_password", "ada-password");
    for (browser, path) in [(&sam, GIVE), (&ada, status)] {
        let page = elsewhere.send(browser, path).await;
        assert!(page.status == 403 && page.body.contains("This form has expired"), "{}", page.body);
    }
    let failed = "SELECT count(*) FROM audit_events WHERE type = 'login.failed'";
    assert_eq!(server.db.count(failed).await, 0);
    // What the form was is checked after the password as ever.
    let forged = form.with("csrf", "x").with("step_up_password", "ada-password");
    let page = forged.send(&ada, GIVE).await;
    assert!(page.status == 403 && page.body.contains("This form has expired"), "{}", page.body);
    assert_eq!(server.db.text(ROLES).await, "-");
}

#[tokio::test]
async fn k04_guessing_there_is_held_back_like_at_the_sign_in() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    server.db.sql(TWO_HOURS).await;
    let asked = give(&server, &ada, "admin").await;
    let mut last = confirm(&ada, &asked, GIVE, "wrong").await;
    for _ in 0..20 {
        if last.status == 429 {
            break;
        }
        last = confirm(&ada, &asked, GIVE, "wrong").await;
    }
    assert_eq!(last.status, 429, "{}", last.body);
    assert!(last.header("retry-after").is_some());
    assert_eq!(confirm(&ada, &asked, GIVE, "ada-password").await.status, 429, "the right one too");
    assert_eq!(server.db.text(ROLES).await, "-");
}
