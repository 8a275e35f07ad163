//! The first administrator of a fresh installation.
use crate::support::node::{run, until};
use crate::support::{Browser, Node, Page, TestDb, TestServer};
use understudy::app::ServerParts;
use understudy::flows::login::first_admin::{WaitingSetup, make_code};
use understudy::store;

/// As `serve` finds it the first time: migrated, and nobody is there.
pub async fn fresh() -> TestServer {
    let db = TestDb::empty();
    store::connection::pool::migrate(&db.url).await.unwrap();
    let parts = crate::support::server::parts(&db.url, "http://127.0.0.1:1");
    let ctx = parts.context(1).unwrap();
    let mut conn = ctx.store.conn().await.unwrap();
    understudy::flows::operations::rotate_keys::ensure_keys(&mut conn, &ctx.shared.keys)
        .await
        .unwrap();
    drop(conn);
    TestServer::start_on(db, &[]).await
}

pub async fn code(parts: &ServerParts, waiting: WaitingSetup) -> Option<String> {
    make_code(&parts.context(1).unwrap(), waiting).await.unwrap()
}

async fn enter(browser: &Browser, code: &str, more: &[(&str, &str)]) -> Page {
    let csrf = browser.open("/setup").await.field("csrf").unwrap_or_default();
    let mut form = vec![
        ("csrf", csrf.as_str()),
        ("code", code),
        ("email", "root@example.test"),
        ("name", "Rosa Root"),
        ("password", "correct horse battery"),
        ("repeated", "correct horse battery"),
    ];
    form.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    form.extend_from_slice(more);
    browser.post_form("/setup", &form).await
}

const PEOPLE: &str = "SELECT count(*) FROM users";

#[tokio::test]
async fn h29_a_fresh_installation_has_no_account_and_its_code_makes_one_administrator_once() {
    let server = fresh().await;
    assert_eq!(server.db.count(PEOPLE).await, 0);
    let code = code(&server.parts, WaitingSetup::Keep).await.unwrap();
    assert_eq!(
        self::code(&server.parts, WaitingSetup::Keep).await,
        None,
        "another node prints no second one"
    );
    let stored =
        "SELECT count(*) FROM setup_codes WHERE encode(code_hash, 'escape') LIKE '%' || $$";
    assert_eq!(server.db.count(&format!("{stored}{code}$$")).await, 0);
    let browser = server.browser();
    for wrong in ["", "x", &code[1..]] {
        assert_eq!(enter(&browser, wrong, &[]).await.status, 403, "{wrong}");
    }
    assert_eq!(server.db.count(PEOPLE).await, 0);
    let made = enter(&browser, &code, &[]).await;
    assert_eq!((made.status, made.location()), (303, "/login?return_to=%2Fconsole"));
    let entered = browser.sign_in("root@example.test", "correct horse battery").await;
    assert_eq!(entered.status, 303);
    assert_eq!(browser.open("/console/users").await.status, 200);
    let who = "SELECT concat_ws(' ', kind, organization_id, role) FROM users JOIN user_roles ON user_id = id";
    assert_eq!(server.db.text(who).await, "person admin");
    let event = "SELECT count(*) FROM audit_events WHERE type = 'user.changed' AND reason = 'the first administrator'";
    assert_eq!(server.db.count(event).await, 1);
    // From now on there is neither page nor code.
    let other = server.browser();
    assert_eq!(other.open("/setup").await.status, 404);
    for waiting in [WaitingSetup::Keep, WaitingSetup::Replace] {
        assert_eq!(self::code(&server.parts, waiting).await, None);
    }
    assert_eq!(
        enter(&other, &code, &[("email", "second@example.test")]).await.status,
        403,
        "no page, no token"
    );
    assert_eq!(server.db.count(PEOPLE).await, 1);
}

/// The real thing: `serve` on an empty database.
#[tokio::test]
async fn h29_the_server_prints_the_code_once_and_no_log_holds_it() {
    let db = TestDb::empty();
    let node = Node::launch(&db.url);
    node.until_ready().await;
    until("the code is printed", 10, async || node.output().contains("not shown again")).await;
    let said = node.output();
    assert!(said.contains(&format!("{}/setup", node.url)), "{said}");
    let code = said.split("not shown again:").nth(1).unwrap().split_whitespace().next().unwrap();
    assert_eq!(code.len(), 43, "{said}");
    let made = enter(&node.browser(), code, &[]).await;
    assert_eq!(made.status, 303, "{}", made.body);
    let other = Node::launch(&db.url);
    other.until_ready().await;
    assert!(!other.output().contains("/setup"), "nothing to print any more");
    assert_eq!(node.output().matches(code).count(), 1, "whatever the log tells");
    assert!(!node.output().contains("correct horse"));
}

#[tokio::test]
async fn h29_a_code_is_dead_after_an_hour_and_when_another_is_made() {
    let server = fresh().await;
    let first = code(&server.parts, WaitingSetup::Keep).await.unwrap();
    server.db.advance("60 minutes").await;
    assert_eq!(enter(&server.browser(), &first, &[]).await.status, 403);
    let second = code(&server.parts, WaitingSetup::Keep).await.unwrap();
    let third = code(&server.parts, WaitingSetup::Replace).await.unwrap();
    assert_eq!(enter(&server.browser(), &second, &[]).await.status, 403);
    assert_eq!(enter(&server.browser(), &third, &[]).await.status, 303);
}

#[tokio::test]
async fn h29_of_two_who_use_a_code_at_once_one_becomes_administrator() {
    let server = fresh().await;
    let code = code(&server.parts, WaitingSetup::Keep).await.unwrap();
    let (one, other) = (server.browser(), server.browser());
    let (a, b) = tokio::join!(
        enter(&one, &code, &[]),
        enter(&other, &code, &[("email", "second@example.test")])
    );
    let mut answers = [a.status, b.status];
    answers.sort_unstable();
    assert!(matches!(answers, [303, 403 | 404]), "{answers:?}");
    assert_eq!(server.db.count(PEOPLE).await, 1);
}

#[tokio::test]
async fn what_is_typed_wrongly_is_said_and_costs_no_code() {
    let server = fresh().await;
    let code = code(&server.parts, WaitingSetup::Keep).await.unwrap();
    let browser = server.browser();
    for (more, words) in [
        (vec![("email", "no address")], "Enter a valid email address."),
        (vec![("password", "short"), ("repeated", "short")], "fewer than 12 characters"),
        (
            vec![("password", "root@example.test"), ("repeated", "root@example.test")],
            "as the password",
        ),
        (vec![("repeated", "correct horse batterie")], "passwords don&#39;t match"),
    ] {
        let page = enter(&browser, &code, &more).await;
        assert_eq!(page.status, 400, "{words}");
        assert!(page.body.contains(words), "{words}: {}", page.body);
        // The code stays in its field (N-07), passwords do not.
        assert!(page.field("code").as_deref() == Some(&code), "{words}");
        assert!(!page.body.contains("correct horse"), "{words}");
    }
    assert_eq!(enter(&browser, &code, &[("role", "admin")]).await.status, 400, "h10");
    assert_eq!(enter(&browser, &code, &[]).await.status, 303);
}

#[tokio::test]
async fn c84_guessing_codes_is_held_back() {
    let server = fresh().await;
    let code = code(&server.parts, WaitingSetup::Keep).await.unwrap();
    let browser = server.browser();
    let mut last = enter(&browser, "wrong", &[]).await;
    for _ in 0..20 {
        if last.status == 429 {
            break;
        }
        last = enter(&browser, "wrong", &[]).await;
    }
    assert_eq!((last.status, last.header("retry-after")), (429, Some("900")));
    assert_eq!(enter(&browser, &code, &[]).await.status, 429);
}

#[tokio::test]
async fn h29_the_command_prints_a_new_code_only_while_nobody_administers() {
    let db = TestDb::create();
    let said = run(&db.url, &["bootstrap"]);
    assert!(
        !said.success && said.err.contains("somebody administers this installation already"),
        "{said:?}"
    );
    db.sql("DELETE FROM user_roles WHERE role = 'admin'").await;
    let said = run(&db.url, &["bootstrap"]);
    assert!(
        said.success && said.out.contains("/setup") && said.out.contains("works once"),
        "{said:?}"
    );
    assert_eq!(db.count("SELECT count(*) FROM setup_codes").await, 1);
}
