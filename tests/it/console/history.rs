//! Impersonations, running and past, and an end to them.
use crate::support::{Browser, TestServer};

const ACTIVE: &str = "SELECT count(*) FROM impersonations WHERE status = 'active'";

async fn signed_in(server: &TestServer, name: &str) -> Browser {
    let browser = server.browser();
    let domain = if ["riley", "auditor", "alice"].contains(&name) { "acme" } else { "understudy" };
    let password = if name == "auditor" { "audrey-password" } else { &format!("{name}-password") };
    let answer = browser.sign_in(&format!("{name}@{domain}.test"), password).await;
    assert_eq!(answer.status, 303, "{name}");
    browser
}

/// Sam acts as Carol of Globex; the id.
async fn as_carol(server: &TestServer) -> String {
    let body = serde_json::json!({"protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": "globex-shop"});
    let link = server.ask("usr_carol", body).await;
    assert_eq!(link.status, 200, "{}", link.body);
    assert_eq!(server.browser().get(&link.body).await.status, 302);
    server.db.text("SELECT id FROM impersonations WHERE subject_id = 'usr_carol'").await
}

#[tokio::test]
async fn what_runs_is_shown_with_the_time_left_and_ended_by_whoever_may() {
    let server = TestServer::start().await;
    let tokens = server.impersonated_tokens().await;
    let ada = signed_in(&server, "ada").await;
    let page = ada.open("/console/impersonations").await;
    for words in ["Sam Support", "Alice Chen", "Legacy CRM", "9 min left", "One impersonation"] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let id = server.db.text("SELECT id FROM impersonations").await;
    let action = format!("/console/impersonations/{id}/end");
    let csrf = page.form(&action).field("csrf").unwrap();
    assert_eq!(ada.post_form(&action, &[("csrf", "a.b")]).await.status, 403);
    let ended = ada.post_form(&action, &[("csrf", &csrf)]).await;
    assert_eq!(ended.location(), "/console/impersonations?done=ended");
    assert_eq!(server.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 401);
    assert_eq!(server.db.text("SELECT end_reason FROM impersonations").await, "stopped_by_admin");
    let page = ada.open(ended.location()).await;
    assert!(page.body.contains("Impersonation ended.") && page.body.contains("Nothing is running"));
}

#[tokio::test]
async fn everything_is_ended_at_once_but_only_what_one_sees() {
    let server = TestServer::start().await;
    server.sam_as_alice("portal").await;
    server.link("orders").await;
    let elsewhere = as_carol(&server).await;
    let riley = signed_in(&server, "riley").await;
    let page = riley.open("/console/impersonations").await;
    assert!(page.body.contains("That is in your organization."));
    let csrf = page.form("/console/impersonations/end-all").field("csrf").unwrap();
    let ended = riley.post_form("/console/impersonations/end-all", &[("csrf", &csrf)]).await;
    assert_eq!(ended.status, 303, "{}", ended.body);
    let left = "SELECT string_agg(id, ',') FROM impersonations WHERE ended_at IS NULL";
    assert_eq!(server.db.text(left).await, elsewhere);
}

#[tokio::test]
async fn h09_an_impersonation_of_another_organization_is_not_there() {
    let server = TestServer::start().await;
    let theirs = as_carol(&server).await;
    let riley = signed_in(&server, "riley").await;
    let path = format!("/console/impersonations/{theirs}");
    assert_eq!(riley.open(&path).await.status, 404);
    let own = server.db.text("SELECT id FROM sessions WHERE user_id = 'usr_riley'").await;
    let mac = server.parts.shared.forms.sign("end-impersonation", &["salt", &own, &theirs]);
    let csrf = format!("salt.{mac}");
    let ended = riley.post_form(&format!("{path}/end"), &[("csrf", &csrf)]).await;
    assert_eq!(ended.status, 404);
    assert!(!riley.open("/console/impersonations/history").await.body.contains(&theirs));
    let ada = signed_in(&server, "ada").await;
    assert_eq!(ada.open(&path).await.status, 200);
}

#[tokio::test]
async fn h31_whoever_may_only_look_ends_nothing() {
    let server = TestServer::start().await;
    server.sam_as_alice("portal").await;
    server
        .db
        .sql("UPDATE roles SET permissions = '{users:read,impersonations:read}' WHERE name = 'auditor'")
        .await;
    let auditor = signed_in(&server, "auditor").await;
    let page = auditor.open("/console/impersonations").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("Sam Support") && !page.body.contains("/end"), "{}", page.body);
    let id = server.db.text("SELECT id FROM impersonations").await;
    for path in
        [format!("/console/impersonations/{id}/end"), "/console/impersonations/end-all".to_owned()]
    {
        assert_eq!(auditor.post_form(&path, &[("csrf", "a.b")]).await.status, 403);
    }
    assert_eq!(auditor.open("/console/audit").await.status, 403);
    assert_eq!(auditor.post_form("/console/audit/export", &[("csrf", "a.b")]).await.status, 403);
    assert_eq!(server.db.count(ACTIVE).await, 1);
}

#[tokio::test]
async fn the_history_is_narrowed_by_everything_that_is_known() {
    let server = TestServer::start().await;
    server.impersonated_tokens().await;
    server.db.sql("UPDATE impersonations SET status = 'ended', ended_at = clock_now(), end_reason = 'logout'").await;
    server.sam_as_alice("portal").await;
    let ada = signed_in(&server, "ada").await;
    let found = async |query: &str| {
        let page = ada.open(&format!("/console/impersonations/history?{query}")).await;
        assert_eq!(page.status, 200, "{query}: {}", page.body);
        ["Portal", "Legacy CRM"]
            .map(|name| page.body.contains(&format!("<bdi class=\"name\">{name}")))
    };
    for (query, expected) in [
        ("", [true, true]),
        ("actor=sam%40understudy.test", [true, true]),
        ("actor=usr_ada", [false, false]),
        ("subject=alice%40acme.test", [true, true]),
        ("subject=nobody%40acme.test", [false, false]),
        ("application=Portal", [true, false]),
        ("application=legacy", [false, true]),
        ("protocol=oauth2", [true, true]),
        ("protocol=samlp", [false, false]),
        ("channel=console", [false, false]),
        ("ended=logout", [false, true]),
        ("from=2099-01-01T00%3A00", [false, false]),
        ("to=2020-01-01T00%3A00", [false, false]),
        ("from=2020-01-01T00%3A00&to=2099-01-01T00%3A00&application=Portal", [true, false]),
    ] {
        assert_eq!(found(query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn h33_a_filter_is_taken_literally_or_refused() {
    let server = TestServer::start().await;
    server.sam_as_alice("portal").await;
    let ada = signed_in(&server, "ada").await;
    for path in ["/console/impersonations/history", "/console/audit"] {
        for text in ["%25", "_", "%27%20OR%201%3D1--", "%5C", "usr_%25"] {
            let page = ada.open(&format!("{path}?actor={text}")).await;
            assert_eq!(page.status, 200, "{text}");
            assert!(!page.body.contains("Alice Chen"), "{path} {text}");
        }
        for query in [
            format!("actor={}", "x".repeat(257)),
            "from=yesterday".to_owned(),
            "from=99999-01-01T00%3A00".to_owned(),
            "subject=%00".to_owned(),
        ] {
            assert_eq!(ada.open(&format!("{path}?{query}")).await.status, 400, "{query}");
        }
    }
}

#[tokio::test]
async fn everything_that_happened_in_one_is_told_in_order() {
    let server = TestServer::start().await;
    server.impersonated_tokens().await;
    let ada = signed_in(&server, "ada").await;
    let id = server.db.text("SELECT id FROM impersonations").await;
    let path = format!("/console/impersonations/{id}");
    let page = ada.open(&path).await;
    let csrf = page.form(&format!("{path}/end")).field("csrf").unwrap();
    let form = [("csrf", csrf.as_str()), ("back", "detail")];
    let ended = ada.post_form(&format!("{path}/end"), &form).await;
    assert_eq!(ended.location(), format!("{path}?done=ended"));
    let page = ada.open(&path).await;
    let timeline = page.body.split("class=\"timeline\"").nth(1).unwrap();
    let at = |words: &str| timeline.find(words).unwrap_or_else(|| panic!("{words}: {timeline}"));
    let order = ["Link created", "Impersonation started", "Token issued", "Impersonation ended"];
    assert!(order.map(at).is_sorted(), "{timeline}");
    for words in
        ["Asserted by the application that asked", "Stopped by an administrator", "Ada Admin"]
    {
        assert!(page.body.contains(words), "{words}");
    }
}

#[tokio::test]
async fn what_a_clock_has_ended_is_written_down_although_nobody_asks() {
    let server = TestServer::start().await;
    server.sam_as_alice("portal").await;
    server.db.advance("31 minutes").await;
    let ada = signed_in(&server, "ada").await;
    assert!(ada.open("/console/impersonations").await.body.contains("Nothing is running"));
    crate::support::node::until("it is written down", 15, async || {
        server.db.count(ACTIVE).await == 0
    })
    .await;
    let events = server.db.trail().await;
    assert_eq!(events.last().unwrap(), "impersonation.ended usr_sam->usr_alice (timeout)");
}
