//! The audit trail: read, taken away, and checked.
use crate::support::{Browser, TestServer};

async fn signed_in(server: &TestServer, email: &str, password: &str) -> Browser {
    let browser = server.browser();
    assert_eq!(browser.sign_in(email, password).await.status, 303);
    browser
}

async fn export(browser: &Browser, format: &str, filters: &[(&str, &str)]) -> crate::support::Page {
    let page = browser.open("/console/audit").await;
    let csrf = page.form("/console/audit/export").field("csrf").unwrap();
    let mut form = vec![("csrf", csrf.as_str()), ("format", format)];
    form.extend(filters);
    browser.post_form("/console/audit/export", &form).await
}

#[tokio::test]
async fn support_reads_its_own_part_and_an_auditor_that_of_the_organization() {
    let server = TestServer::start().await;
    server.sam_as_alice("portal").await;
    server.browser().sign_in("carol@globex.test", "carol-password").await;
    let ada = signed_in(&server, "ada@understudy.test", "ada-password").await;
    let sees =
        |body: &str| ["Impersonation started", "usr_carol", "usr_ada"].map(|it| body.contains(it));
    assert_eq!(sees(&ada.open("/console/audit").await.body), [true, true, true]);
    let sam = server.sam().await;
    let page = sam.open("/console/audit").await.body;
    assert_eq!(sees(&page), [true, false, false]);
    assert!(page.contains("What you did, and what was done to you."));
    let auditor = signed_in(&server, "auditor@acme.test", "audrey-password").await;
    assert_eq!(sees(&auditor.open("/console/audit").await.body), [true, false, false]);
    let asked = sam.open("/console/audit?actor=usr_carol").await.body;
    assert!(!asked.contains("<tr id=\"e"), "no filter widens it");
    let exported = export(&sam, "jsonl", &[("actor", "usr_carol")]).await;
    assert_eq!((exported.status, exported.body.as_str()), (200, ""));
}

#[tokio::test]
async fn events_are_found_by_type_people_application_and_time() {
    let server = TestServer::start().await;
    server.impersonated_tokens().await;
    server.browser().sign_in("alice@acme.test", "wrong").await;
    let ada = signed_in(&server, "ada@understudy.test", "ada-password").await;
    let id = server.db.text("SELECT id FROM impersonations").await;
    let events = async |query: &str| {
        let page = ada.open(&format!("/console/audit?{query}")).await;
        assert_eq!(page.status, 200, "{query}");
        page.body.matches("<tr id=\"e").count()
    };
    let provisioned =
        server.db.count("SELECT count(*) FROM audit_events WHERE actor = 'cli'").await;
    for (query, expected) in [
        ("type=impersonation.*", 3),
        ("type=impersonation.started", 1),
        ("type=nothing.*", 0),
        ("type=login.failed", 1),
        ("actor=usr_sam&type=impersonation.*", 3),
        ("subject=alice%40acme.test&application=legacy", 3),
        (&format!("impersonation={id}"), 3),
        ("from=2099-01-01T00%3A00", 0),
    ] {
        assert_eq!(events(query).await, expected, "{query}");
    }
    assert!(events("").await >= 5 && provisioned >= 0);
}

#[tokio::test]
async fn h26_an_export_holds_no_formula_and_every_event() {
    let server = TestServer::start().await;
    let evil = "=HYPERLINK(\"https://evil.test\")\u{1b}[31m";
    let insert = format!(
        "INSERT INTO audit_events (type, actor, reason, user_agent) \
         SELECT 'user.changed', 'usr_sam', $e${evil}$e$, E'a\\r\\nb' FROM generate_series(1, 2500)"
    );
    server.db.sql(&insert).await;
    let ada = signed_in(&server, "ada@understudy.test", "ada-password").await;
    let csv = export(&ada, "csv", &[("type", "user.changed"), ("actor", "usr_sam")]).await;
    assert_eq!(csv.status, 200, "{}", csv.body);
    assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"audit.csv\""));
    assert!(csv.body.starts_with("seq,at,type,actor,"));
    assert_eq!(csv.body.matches("\"'=HYPERLINK(\"\"https://evil.test\"\")").count(), 2500);
    assert_eq!(csv.body.matches(",\"=").count(), 0);
    let lines = export(&ada, "jsonl", &[("type", "user.changed"), ("actor", "usr_sam")]).await;
    let events: Vec<serde_json::Value> =
        lines.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 2500, "h25: one line an event, whatever is in it");
    assert_eq!(events[0]["reason"], evil);
    let seqs: Vec<i64> = events.iter().map(|event| event["seq"].as_i64().unwrap()).collect();
    assert!(seqs.is_sorted());
    let took = "SELECT actor || ' ' || (detail ->> 'format') || ' ' || (detail ->> 'filter') || ' ' || \
                (detail ->> 'events') FROM audit_events WHERE type = 'audit.exported' ORDER BY seq LIMIT 1";
    assert_eq!(server.db.text(took).await, "usr_ada csv type=user.changed&actor=usr_sam 2500");
    assert_eq!(export(&ada, "xls", &[]).await.status, 400);
}

#[tokio::test]
async fn an_export_that_would_not_be_whole_is_refused() {
    let server = TestServer::start().await;
    let insert = "INSERT INTO audit_events (type, detail) SELECT 'login.failed', '{}' FROM generate_series(1, 100001)";
    server.db.sql(insert).await;
    let ada = signed_in(&server, "ada@understudy.test", "ada-password").await;
    let refused = export(&ada, "csv", &[("type", "login.failed")]).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("More than 100,000 events"));
}

#[tokio::test]
async fn h06_what_an_event_holds_is_shown_as_text() {
    let server = TestServer::start().await;
    server
        .db
        .sql("INSERT INTO audit_events (type, actor, reason, ticket, user_agent, detail) VALUES \
              ('user.changed', '<script>a</script>', '\"><img src=x onerror=b>', '<b>', '<svg/onload=c>', '{\"x\": \"</code><script>d\"}')")
        .await;
    let ada = signed_in(&server, "ada@understudy.test", "ada-password").await;
    let page = ada.open("/console/audit").await;
    for raw in ["<script>a", "<img src=x", "<svg/onload", "<script>d", "ticket <bdi><b>"] {
        assert!(!page.body.contains(raw), "{raw}");
    }
}
