//! The account: what its owner sees and changes, and that nobody else does.
use crate::support::{Browser, Page, TestServer};

const ACTIVE: &str = "SELECT count(*) FROM impersonations WHERE status = 'active'";
const NEW: &str = "four unrelated words";

async fn alice(server: &TestServer) -> Browser {
    let browser = server.browser();
    assert_eq!(browser.sign_in("alice@acme.test", "alice-password").await.status, 303);
    browser
}

async fn change(browser: &Browser, current: &str, new: &str) -> Page {
    let csrf = browser.open("/account/password").await.form("/account/password").field("csrf");
    let csrf = csrf.unwrap();
    let form = [
        ("csrf", csrf.as_str()),
        ("current_password", current),
        ("new_password", new),
        ("repeated", new),
    ];
    browser.post_form("/account/password", &form).await
}

#[tokio::test]
async fn a18_a_change_of_the_actors_password_ends_what_they_do_as_others_everywhere() {
    let server = TestServer::start().await;
    let tokens = server.impersonated_tokens().await;
    let (acting, elsewhere) = (server.sam_as_alice("portal").await, server.sam().await);
    let sam = server.sam().await;
    assert_eq!(server.db.count(ACTIVE).await, 2);
    let changed = change(&sam, "sam-password", NEW).await;
    assert_eq!(changed.status, 303, "{}", changed.body);
    assert_eq!(server.db.count(ACTIVE).await, 0);
    assert_eq!(server.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 401);
    for over in [&acting, &elsewhere] {
        assert!(over.open("/account").await.location().starts_with("/login"), "still signed in");
    }
    assert!(sam.open(changed.location()).await.body.contains("Your password is changed."));
    let reasons = "SELECT string_agg(DISTINCT end_reason, ',') FROM impersonations";
    assert_eq!(server.db.text(reasons).await, "actor_revoked");
    let event =
        "SELECT actor || ' ' || subject FROM audit_events WHERE type = 'user.password_changed'";
    assert_eq!(server.db.text(event).await, "usr_sam usr_sam");
    let old = server.browser().sign_in("sam@understudy.test", "sam-password").await;
    assert_eq!(old.status, 400);
    assert_eq!(server.browser().sign_in("sam@understudy.test", NEW).await.status, 303);
}

#[tokio::test]
async fn a49_a_change_of_the_subjects_password_and_sign_out_everywhere_end_what_others_do_as_them()
{
    let server = TestServer::start().await;
    server.sam_as_alice("portal").await;
    let owner = alice(&server).await;
    assert_eq!(change(&owner, "alice-password", NEW).await.status, 303);
    assert_eq!(server.db.count(ACTIVE).await, 0);
    server.sam_as_alice("orders").await;
    let other = server.browser();
    other.sign_in("alice@acme.test", NEW).await;
    let page = owner.open("/account/sessions").await;
    let csrf = page.form("/account/sessions/end-others").field("csrf").unwrap();
    let ended = owner.post_form("/account/sessions/end-others", &[("csrf", &csrf)]).await;
    assert_eq!(ended.status, 303, "{}", ended.body);
    assert_eq!(server.db.count(ACTIVE).await, 0);
    assert!(other.open("/account").await.location().starts_with("/login"));
    assert_eq!(owner.open("/account").await.status, 200);
    let reasons = "SELECT string_agg(end_reason, ',' ORDER BY id) FROM impersonations";
    assert_eq!(server.db.text(reasons).await, "subject_changed,stopped_by_subject");
}

#[tokio::test]
async fn a28_whoever_only_acts_as_somebody_changes_nothing_of_their_account() {
    let server = TestServer::start().await;
    let acting = server.browser();
    assert_eq!(acting.get(&server.link("legacy").await).await.status, 302);
    let before = server.db.contents().await;
    for path in [
        "/account/password",
        "/account/profile",
        "/account/sessions/end",
        "/account/sessions/end-others",
        "/account/access/end",
    ] {
        let form = [("csrf", "a.b"), ("current_password", "alice-password"), ("new_password", NEW)];
        assert_eq!(acting.post_form(path, &form).await.status, 403, "{path}");
    }
    for path in ["/account/password", "/account/profile", "/account/sessions", "/account/access"] {
        assert_eq!(acting.open(path).await.location(), "/me/impersonation", "{path}");
    }
    assert_eq!(server.db.contents().await, before);
}

#[tokio::test]
async fn a_wrong_current_password_counts_as_a_failed_sign_in() {
    let server = TestServer::start().await;
    let owner = alice(&server).await;
    for _ in 0..10 {
        let refused = change(&owner, "wrong", NEW).await;
        assert_eq!(refused.status, 400);
        assert!(refused.body.contains("The current password is wrong."));
    }
    let waiting = change(&owner, "alice-password", NEW).await;
    assert_eq!(waiting.status, 429);
    assert_eq!(waiting.header("retry-after"), Some("900"));
    assert_eq!(server.browser().sign_in("alice@acme.test", "alice-password").await.status, 429);
    server.db.advance("16 minutes").await;
    assert_eq!(change(&owner, "alice-password", NEW).await.status, 303);
    let failed =
        "SELECT count(*) FROM audit_events WHERE type = 'login.failed' AND actor = 'usr_alice'";
    assert_eq!(server.db.count(failed).await, 10);
}

#[tokio::test]
async fn a_new_password_is_long_new_and_no_name() {
    let server = TestServer::start().await;
    let owner = alice(&server).await;
    for (new, words) in [
        ("eleven-char", "fewer than 12"),
        ("alice-password", "the one that you have"),
        (" Alice@ACME.test", "as the password"),
        (&"x".repeat(5000), "at most 4096"),
    ] {
        let refused = change(&owner, "alice-password", new).await;
        assert_eq!(refused.status, 400, "{new}");
        assert!(refused.body.contains(words), "{new}: {}", refused.body);
        assert!(!refused.body.contains(new) || new.contains("Alice"), "it is not shown again");
    }
    assert_eq!(server.browser().sign_in("alice@acme.test", "alice-password").await.status, 303);
}

#[tokio::test]
async fn the_old_cookie_of_the_session_that_changed_the_password_is_dead() {
    let server = TestServer::start().await;
    let owner = alice(&server).await;
    let tokens = "SELECT string_agg(encode(token_hash, 'hex'), ',') FROM sessions WHERE user_id = 'usr_alice'";
    let before = server.db.text(tokens).await;
    let changed = change(&owner, "alice-password", NEW).await;
    assert!(changed.header("set-cookie").unwrap().starts_with("understudy="));
    assert_ne!(server.db.text(tokens).await, before);
    assert_eq!(owner.open("/account").await.status, 200);
}

#[tokio::test]
async fn the_subject_ends_access_and_sees_how_it_ended() {
    let server = TestServer::start().await;
    let tokens = server.impersonated_tokens().await;
    let owner = alice(&server).await;
    let page = owner.open("/account/access").await;
    assert!(page.body.contains("Running now") && page.body.contains("Legacy CRM"));
    let form = page.form("/account/access/end");
    let (csrf, id) = (form.field("csrf").unwrap(), form.field("id").unwrap());
    let end = async |csrf: &str, id: &str| {
        owner.post_form("/account/access/end", &[("csrf", csrf), ("id", id)]).await
    };
    assert_eq!(end(&csrf, "imp_other").await.status, 403, "the token is for this one");
    assert_eq!(end(&csrf, &id).await.status, 303);
    assert_eq!(server.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 401);
    assert_eq!(server.db.text("SELECT end_reason FROM impersonations").await, "stopped_by_subject");
    let ended =
        "SELECT actor || '>' || subject FROM audit_events WHERE type = 'impersonation.ended'";
    assert_eq!(server.db.text(ended).await, "usr_alice>usr_alice");
    assert_eq!(end(&csrf, &id).await.status, 303, "again is no mistake");
    let page = owner.open("/account/access").await;
    assert!(page.body.contains("you ended it") && !page.body.contains("Running now"));
}

#[tokio::test]
async fn l05_the_subject_reads_the_reason_and_the_ticket_of_an_access() {
    let server = TestServer::start().await;
    let mut command = crate::support::node::program(&server.db.url, &server.url);
    command.args(["impersonate", "--actor", "usr_sam", "--subject", "usr_alice"]);
    command.args(["--application", "legacy", "--reason", "Order <NW-20418>", "--ticket", "T-7"]);
    let said = crate::support::node::run_with(command, "");
    assert_eq!(server.browser().get(said.out.trim()).await.status, 302);
    let owner = alice(&server).await;
    for page in ["/account/access", "/account"] {
        let body = owner.open(page).await.body;
        assert!(body.contains("<bdi>Order &#60;NW-20418&#62;</bdi>"), "{body}");
        assert!(body.contains("ticket <bdi>T-7</bdi>"), "{body}");
    }
}

#[tokio::test]
async fn h09_nobody_ends_what_is_done_as_somebody_else_or_a_session_of_somebody_else() {
    let server = TestServer::start().await;
    server.sam_as_alice("portal").await;
    let id = server.db.text("SELECT id FROM impersonations").await;
    let session = server.db.text("SELECT id FROM sessions WHERE user_id = 'usr_sam'").await;
    let bob = server.browser();
    bob.sign_in("bob@acme.test", "bob-password").await;
    let key = &server.parts.shared.forms;
    let own = server.db.text("SELECT id FROM sessions WHERE user_id = 'auth0|bob'").await;
    for (path, purpose, about) in [
        ("/account/access/end", "end-access", &id),
        ("/account/sessions/end", "end-session", &session),
    ] {
        // A genuine token, as if a page had offered it.
        let mac = key.sign(purpose, &["salt", &own, about]);
        let csrf = format!("salt.{mac}");
        let answer = bob.post_form(path, &[("csrf", &csrf), ("id", about)]).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
    }
    assert_eq!(server.db.count(ACTIVE).await, 1);
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one() {
    let server = TestServer::start().await;
    let (owner, other) = (alice(&server).await, alice(&server).await);
    server.db.sql("UPDATE sessions SET user_agent = 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0' WHERE user_id = 'usr_alice'").await;
    let page = owner.open("/account/sessions").await;
    assert_eq!(
        page.body.matches("Firefox on Linux</bdi>").count(),
        3,
        "and at the button that ends the other"
    );
    assert_eq!(page.body.matches("This browser").count(), 1);
    let own: String = {
        let at = page.body.find("This browser").unwrap();
        Page { body: page.body[at..].to_owned(), ..page.clone() }.field("id").unwrap()
    };
    let theirs = format!("SELECT id FROM sessions WHERE user_id = 'usr_alice' AND id <> '{own}'");
    let theirs = server.db.text(&theirs).await;
    let at = page.body.find(&format!("value=\"{theirs}\"")).unwrap();
    let csrf = page.body[..at].rsplit("name=\"csrf\" value=\"").next().unwrap();
    let csrf = csrf.split('"').next().unwrap();
    let form = [("csrf", csrf), ("id", theirs.as_str())];
    assert_eq!(owner.post_form("/account/sessions/end", &form).await.status, 303);
    assert!(other.open("/account").await.location().starts_with("/login"));
    assert_eq!(owner.open("/account").await.status, 200);
}

#[tokio::test]
async fn a_profile_is_changed_by_its_owner_and_the_event_names_only_the_fields() {
    let server = TestServer::start().await;
    let owner = alice(&server).await;
    let page = owner.open("/account/profile").await;
    assert!(page.body.contains("alice@acme.test") && !page.body.contains("name=\"email\""));
    let csrf = page.form("/account/profile").field("csrf").unwrap();
    let form = [
        ("csrf", csrf.as_str()),
        ("name", "Alice <script>alert(1)</script>"),
        ("given_name", "Alice"),
        ("family_name", "Chen"),
        ("nickname", ""),
    ];
    assert_eq!(owner.post_form("/account/profile", &form).await.status, 303);
    let page = owner.open("/account").await;
    assert!(page.body.contains("Alice &#60;script&#62;") && !page.body.contains("<script>alert"));
    let event =
        "SELECT detail::text FROM audit_events WHERE type = 'user.changed' AND actor = 'usr_alice'";
    assert_eq!(server.db.text(event).await, r#"{"fields": ["name", "nickname"]}"#);
    let broken = [("csrf", csrf.as_str()), ("name", "a\r\nb")];
    assert_eq!(owner.post_form("/account/profile", &broken).await.status, 400);
}

#[tokio::test]
async fn h10_a_form_of_the_account_takes_no_other_field() {
    let server = TestServer::start().await;
    let owner = alice(&server).await;
    let before = server.db.contents().await;
    for (path, extra) in [
        ("/account/profile", "email"),
        ("/account/profile", "roles"),
        ("/account/password", "user_id"),
        ("/account/sessions/end-others", "user_id"),
        ("/account/access/end", "reason"),
    ] {
        let page = owner.post_form(path, &[("csrf", "a.b"), (extra, "usr_ada")]).await;
        assert_eq!(page.status, 400, "{path} {extra}");
    }
    assert_eq!(server.db.contents().await, before);
}

#[tokio::test]
async fn h23_a_form_that_was_left_open_does_nothing_for_whoever_came_after() {
    let server = TestServer::start().await;
    let browser = server.browser();
    browser.sign_in("alice@acme.test", "alice-password").await;
    let password = browser.open("/account/password").await.form("/account/password");
    let left = password.field("csrf").unwrap();
    browser.sign_in("sam@understudy.test", "sam-password").await;
    let before = server.db.contents().await;
    let form = [
        ("csrf", left.as_str()),
        ("current_password", "sam-password"),
        ("new_password", NEW),
        ("repeated", NEW),
    ];
    assert_eq!(browser.post_form("/account/password", &form).await.status, 403);
    assert_eq!(server.db.contents().await, before);
}

#[tokio::test]
async fn who_accessed_the_account_is_shown_page_by_page() {
    let server = TestServer::start().await;
    for _ in 0..23 {
        server.browser().get(&server.link("legacy").await).await;
    }
    let owner = alice(&server).await;
    let first = owner.open("/account/access").await;
    assert_eq!(first.body.matches("<li>\n<div>").count(), 20, "{}", first.body);
    let next = first.body.split("href=\"/account/access?before=").nth(1).unwrap();
    let next = format!("/account/access?before={}", next.split('"').next().unwrap());
    let second = owner.open(&next).await;
    assert_eq!(second.body.matches("<li>\n<div>").count(), 3);
    assert!(!second.body.contains("rel=\"next\""));
    assert_eq!(owner.open("/account").await.body.matches("<li>\n<div>").count(), 5);
}
