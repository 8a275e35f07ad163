//! What an operator does for one person: `user add`, `user reset-password`, `sessions end`.
use super::with;
use crate::support::node::{program, run, run_with};
use crate::support::{Browser, Page, TestDb, TestServer};

/// A command beside a running server, whose links lead there.
fn beside(server: &TestServer, arguments: &[&str]) -> crate::support::node::Said {
    let mut command = program(&server.db.url, &server.url);
    command.args(arguments);
    run_with(command, "")
}

fn link(out: &str) -> String {
    let at = out.find("http").unwrap_or_else(|| panic!("no link: {out}"));
    out[at..].trim().trim_end_matches(['"', '}']).to_owned()
}

async fn choose(browser: &Browser, link: &str, password: &str) -> Page {
    let page = browser.get(link).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let form = page.form("/reset-password");
    let (csrf, code) = (form.field("csrf").unwrap(), form.field("code").unwrap());
    let form = [("csrf", &*csrf), ("code", &*code), ("password", password), ("repeated", password)];
    browser.post_form("/reset-password", &form).await
}

const NEW: &str = "a new one for Dana";

#[tokio::test]
async fn a_user_is_added_and_chooses_a_password_once_by_a_link() {
    let server = TestServer::start().await;
    let add = ["user", "add", "--email", "dana@acme.test", "--name", "Dana", "--organization"];
    let said = beside(&server, &[&add[..], &["org_acme", "--role", "support"]].concat());
    assert!(said.success, "{said:?}");
    let link = link(&said.out);
    assert!(link.starts_with(&format!("{}/reset-password?code=", server.url)), "{link}");
    let code = link.split("code=").nth(1).unwrap();
    let stored = server.db.text("SELECT string_agg(p::text, ' ') FROM password_resets p").await;
    assert!(!stored.contains(code));
    let browser = server.browser();
    // Opening it, and a password that is too short, use nothing up.
    assert_eq!(browser.get(&link).await.status, 200);
    assert_eq!(choose(&browser, &link, "short").await.status, 400);
    let done = choose(&browser, &link, NEW).await;
    assert_eq!((done.status, done.location()), (303, "/login"), "{}", done.body);
    assert_eq!(browser.sign_in("dana@acme.test", NEW).await.status, 303);
    assert_eq!(choose(&server.browser(), &link, "another one for her").await.status, 403);
    assert_eq!(server.browser().sign_in("dana@acme.test", NEW).await.status, 303);
    let trail = "SELECT string_agg(actor || ' ' || type || coalesce(' ' || reason, ''), ', ' ORDER BY seq) \
        FROM audit_events WHERE type LIKE 'user.%' AND subject = (SELECT id FROM users WHERE email = 'dana@acme.test')";
    let id = server.db.text("SELECT id FROM users WHERE email = 'dana@acme.test'").await;
    assert_eq!(
        server.db.text(trail).await,
        format!(
            "cli user.changed, cli user.password_changed a one-time link was made, \
             {id} user.password_changed chosen by a one-time link"
        )
    );
    let again = beside(&server, &[&add[..], &["org_acme"]].concat());
    assert!(!again.success && again.err.contains("is user `usr_"), "{again:?}");
}

#[tokio::test]
async fn what_a_new_user_is_given_obeys_the_rules_of_the_file() {
    let db = TestDb::create();
    let before = db.contents().await;
    for wrong in [
        &["--email", "nobody"][..],
        &["--email", "d@acme.test", "--organization", "org_nowhere"],
        &["--email", "d@acme.test", "--role", "suport"],
        &["--email", "d@acme.test", "--id", "usr_alice"],
        &["--email", "alice@acme.test"],
        &["--email", "d@acme.test", "--name", "a\u{1b}[31m"],
    ] {
        let said = run(&db.url, &[&["user", "add"], wrong].concat());
        assert!(!said.success && !said.err.is_empty() && said.out.is_empty(), "{said:?}");
    }
    assert_eq!(db.contents().await, before);
}

#[tokio::test]
async fn a_reset_ends_the_old_password_and_every_session_and_is_used_within_an_hour() {
    let server = TestServer::start().await;
    let alice = server.browser();
    assert_eq!(alice.sign_in("alice@acme.test", "alice-password").await.status, 303);
    let tokens = server.impersonated_tokens().await;
    let first = beside(&server, &["user", "reset-password", "alice@acme.test"]);
    assert!(first.success, "{first:?}");
    assert_eq!(alice.open("/account").await.status, 302);
    assert_eq!(server.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 401);
    assert_eq!(server.browser().sign_in("alice@acme.test", "alice-password").await.status, 400);
    let second = beside(&server, &["user", "reset-password", "usr_alice", "--json"]);
    let second: serde_json::Value = serde_json::from_str(&second.out).unwrap();
    let second = second["url"].as_str().unwrap().to_owned();
    let browser = server.browser();
    assert_eq!(choose(&browser, &link(&first.out), NEW).await.status, 403, "replaced");
    server.db.advance("61 minutes").await;
    assert_eq!(choose(&browser, &second, NEW).await.status, 403, "too old");
    let third = beside(&server, &["user", "reset-password", "usr_alice"]);
    assert_eq!(choose(&browser, &link(&third.out), "alice@acme.test").await.status, 400);
    assert_eq!(choose(&browser, &link(&third.out), NEW).await.status, 303);
    assert_eq!(browser.sign_in("alice@acme.test", NEW).await.status, 303);
}

#[tokio::test]
async fn a_link_is_void_for_a_user_who_may_not_sign_in() {
    let server = TestServer::start().await;
    let said = beside(&server, &["user", "reset-password", "usr_alice"]);
    server.db.sql("UPDATE users SET status = 'inactive' WHERE id = 'usr_alice'").await;
    assert_eq!(choose(&server.browser(), &link(&said.out), NEW).await.status, 403);
    for (user, words) in [("usr_alice", "not active"), ("usr_nobody", "no user")] {
        let said = beside(&server, &["user", "reset-password", user]);
        assert!(!said.success && said.err.contains(words), "{said:?}");
    }
}

#[tokio::test]
async fn of_two_who_use_a_link_at_once_one_sets_the_password() {
    let server = TestServer::start().await;
    let link = link(&beside(&server, &["user", "reset-password", "usr_alice"]).out);
    let (one, other) = (server.browser(), server.browser());
    let (first, second) = tokio::join!(
        choose(&one, &link, "the first of two"),
        choose(&other, &link, "the second of two")
    );
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 403]);
}

#[tokio::test]
async fn sessions_end_signs_a_user_out_everywhere_and_says_so_in_the_trail() {
    let server = TestServer::start().await;
    let alice = server.browser();
    assert_eq!(alice.sign_in("alice@acme.test", "alice-password").await.status, 303);
    let tokens = server.impersonated_tokens().await;
    let said = beside(&server, &["sessions", "end", "--user", "alice@acme.test", "--json"]);
    assert!(said.success, "{said:?}");
    let value: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(value["of"], "usr_alice");
    assert!(value["ended"]["sessions"].as_i64().unwrap() >= 1, "{value}");
    assert_eq!(alice.open("/account").await.status, 302);
    assert_eq!(server.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 401);
    assert_eq!(server.browser().sign_in("alice@acme.test", "alice-password").await.status, 303);
    let trail =
        "SELECT subject || ' ' || (detail->>'of') FROM audit_events WHERE type = 'sessions.ended'";
    assert_eq!(server.db.text(trail).await, "usr_alice user");
    for (arguments, code) in [
        (&["--user", "nobody"][..], 1),
        (&["--application", "nothing"], 1),
        (&["--organization", "org_nowhere"], 1),
        (&[], 2),
        (&["--user", "usr_alice", "--everybody"], 2),
        (&["--application", "legacy"], 0),
        (&["--organization", "org_acme"], 0),
        (&["--everybody"], 0),
    ] {
        let said = run(&server.db.url, &[&["sessions", "end"], arguments].concat());
        assert_eq!(said.code, Some(code), "{arguments:?}: {said:?}");
    }
}

/// No audit row, no act.
#[tokio::test]
async fn nothing_is_done_when_its_event_cannot_be_written() {
    let db = TestDb::create();
    db.sql(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RAISE EXCEPTION 'no space left'; END $$; \
         CREATE TRIGGER full_disk BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION full_disk()",
    )
    .await;
    let before = db.contents().await;
    for arguments in [
        &["user", "add", "--email", "dana@acme.test"][..],
        &["user", "reset-password", "usr_alice"],
        &["sessions", "end", "--user", "usr_alice"],
        &["audit", "export"],
    ] {
        let said = with(&db.url, &[], arguments);
        assert!(!said.success && said.out.is_empty(), "{arguments:?}: {said:?}");
    }
    assert_eq!(db.contents().await, before);
}
