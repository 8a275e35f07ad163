//! What the trail says of calls in the name of others.
use super::people::{at_desk, cora, denied, get, userinfo_as};
use crate::support::TestServer;
use futures_util::future::join_all;
use understudy::flows::impersonation::end_impersonation::ScanWindow;
use understudy::flows::operations::housekeeping;

const CALLS: &str = "SELECT count(*) FROM audit_events WHERE type = 'impersonation.api_call'";
const BREAK: &str = "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
    $$ BEGIN RAISE EXCEPTION 'no'; END $$; \
    CREATE TRIGGER refuse BEFORE INSERT ON audit_events EXECUTE FUNCTION refuse()";
const MEND: &str = "DROP TRIGGER refuse ON audit_events";

/// The events of a channel: type, actor, subject, reason.
async fn events(server: &TestServer, channel: &str) -> Vec<String> {
    let sql = format!(
        "SELECT concat_ws(' ', type, actor, subject, reason, detail ->> 'request') FROM audit_events \
         WHERE channel = '{channel}' ORDER BY seq"
    );
    server.db.rows(&sql).await.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn f17_the_trail_names_the_actor_the_subject_and_the_header() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    let page = userinfo_as(&server, &token, "usr_alice").await;
    assert_eq!(page.status, 200);
    denied(&userinfo_as(&server, &token, "usr_cody").await);
    denied(&userinfo_as(&server, &token, "nobody").await);
    assert_eq!(
        events(&server, "as_user").await,
        [
            "impersonation.started usr_cora usr_alice",
            "impersonation.api_call usr_cora usr_alice GET /userinfo",
            "impersonation.refused usr_cora usr_cody higher_privileges",
            "impersonation.refused usr_cora nobody other_organization",
        ]
    );
    let named = [("on-behalf-of", "alice@acme.test")];
    assert_eq!(get(&server, "/userinfo", &token, &named).await.status, 200);
    assert_eq!(
        events(&server, "on_behalf_of").await,
        [
            "impersonation.started usr_cora usr_alice",
            "impersonation.api_call usr_cora usr_alice GET /userinfo",
        ]
    );
    let row = "SELECT concat_ws(' ', id, client_id, organization_id, status, actor_proof, protocol) \
        FROM impersonations WHERE channel = 'as_user'";
    let id = page.header("x-impersonation-id").unwrap();
    assert_eq!(server.db.text(row).await, format!("{id} desk org_acme active token oauth2"));
}

#[tokio::test]
async fn a52_every_one_of_many_calls_at_once_is_in_the_trail_and_in_one_row() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    let pages = join_all((0..40).map(|_| userinfo_as(&server, &token, "usr_alice"))).await;
    let ids: std::collections::BTreeSet<_> =
        pages.iter().map(|page| page.header("x-impersonation-id").unwrap()).collect();
    assert_eq!(ids.len(), 1, "one row for a bearer and a subject");
    assert_eq!(server.db.count(CALLS).await, 40);
    let starts = "SELECT count(*) FROM audit_events WHERE type = 'impersonation.started'";
    assert_eq!(server.db.count(starts).await, 1);
    let other = at_desk(&server, "cody@acme.test").await;
    let page = userinfo_as(&server, &other, "usr_alice").await;
    assert!(!ids.contains(page.header("x-impersonation-id").unwrap()));
}

/// None is answered that is not written.
#[tokio::test]
async fn a54_a_call_that_cannot_be_written_down_is_not_made() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    let call = async || userinfo_as(&server, &token, "usr_alice").await;
    assert_eq!(call().await.status, 200);
    server.db.sql(BREAK).await;
    let pages = join_all((0..10).map(|_| call())).await;
    for page in pages {
        assert_eq!(page.status, 503, "{page:?}");
        assert!(!page.body.contains("usr_alice"));
    }
    assert_eq!(server.userinfo(&token).await.status, 200, "as oneself goes on");
    assert_eq!(server.db.count(CALLS).await, 1);

    server.db.sql(MEND).await;
    assert_eq!(call().await.status, 200);
    assert_eq!(server.db.count(CALLS).await, 2, "every call that was answered, and no other");
}

#[tokio::test]
async fn a52_a_server_that_stops_loses_no_call() {
    let mut server = TestServer::start().await;
    let token = cora(&server).await;
    let pages = join_all((0..40).map(|_| userinfo_as(&server, &token, "usr_alice"))).await;
    assert!(pages.iter().all(|page| page.status == 200));
    server.stop();
    assert_eq!(server.db.count(CALLS).await, 40);
}

#[tokio::test]
async fn a18_what_lived_by_a_token_that_is_over_is_over_in_the_history_too() {
    let server = TestServer::start().await;
    let ended = "SELECT coalesce(string_agg(concat_ws(' ', reason, actor), ', '), '') FROM audit_events \
        WHERE type = 'impersonation.ended' AND channel = 'as_user'";
    let ctx = server.parts.context(1).unwrap();
    let token = cora(&server).await;
    assert_eq!(userinfo_as(&server, &token, "usr_alice").await.status, 200);
    housekeeping::delete_expired(&ctx, ScanWindow::Recent).await.unwrap();
    assert_eq!(server.db.text(ended).await, "");
    let form = [("token", token.as_str()), ("client_id", "desk"), ("client_secret", "desk-secret")];
    assert_eq!(server.browser().post_form("/oauth/revoke", &form).await.status, 200);
    housekeeping::delete_expired(&ctx, ScanWindow::Recent).await.unwrap();
    assert_eq!(server.db.text(ended).await, "actor_revoked usr_cora");
    let token = cora(&server).await;
    assert_eq!(userinfo_as(&server, &token, "usr_alice").await.status, 200);
    server.db.advance("1 day").await;
    housekeeping::delete_expired(&ctx, ScanWindow::Recent).await.unwrap();
    assert_eq!(server.db.text(ended).await, "actor_revoked usr_cora, timeout usr_cora");
}
