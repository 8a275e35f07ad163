//! What is in a role: seen by staff, changed by the operator as far as they reach.
use super::members::post;
use super::signed_in;
use crate::support::TestServer;

#[tokio::test]
async fn a_role_says_in_words_what_it_may_do_and_who_holds_it() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let list = ada.open("/console/roles").await;
    for words in ["admin", "support", "Built in", "auditor", "user-manager", "New role"] {
        assert!(list.body.contains(words), "{words}: {}", list.body);
    }
    let page = ada.open("/console/roles/auditor").await;
    for words in ["Read the whole audit trail", "audit:read", "Audrey", "Acme", "Rank 5"] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let built_in = ada.open("/console/roles/admin").await;
    assert!(built_in.body.contains("Ada Admin") && !built_in.body.contains("id=\"change\""));
    assert_eq!(ada.open("/console/roles/nothing").await.status, 404);
    // Staff of an organization see their own people.
    let riley = signed_in(&server, "riley").await;
    let support = riley.open("/console/roles/support").await;
    assert!(support.body.contains("Riley Reyes") && !support.body.contains("Sam Support"));
    assert!(!riley.open("/console/roles").await.body.contains("Members"));
}

#[tokio::test]
async fn a_role_is_made_changed_given_and_removed() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let csrf = ada.open("/console/new-role").await.form("/console/new-role").field("csrf").unwrap();
    let fields = [
        ("csrf", csrf.as_str()),
        ("name", "Help desk/1"),
        ("rank", "15"),
        ("users:read", "on"),
        ("others", "orders:refund\n\norders:read"),
    ];
    let made = ada.post_form("/console/new-role", &fields).await;
    assert_eq!(made.location(), "/console/roles/Help%20desk%2F1?done=created");
    let again = ada.post_form("/console/new-role", &fields).await;
    assert_eq!(again.status, 409);
    assert!(
        again.body.contains("There is a role of this name.")
            && again.body.contains("value=\"Help desk/1\"")
    );
    let page = ada.open(made.location()).await;
    assert!(page.body.contains("orders:refund") && page.body.contains("Role created."));
    let here = "/console/roles/Help%20desk%2F1";
    let csrf = page.form(here).field("csrf").unwrap();
    let fields = [
        ("csrf", csrf.as_str()),
        ("rank", "16"),
        ("users:read", "on"),
        ("impersonate", "on"),
        ("others", "orders:read"),
    ];
    assert_eq!(ada.post_form(here, &fields).await.location(), format!("{here}?done=changed"));
    let row = "SELECT rank || ' ' || array_to_string(permissions, ' ') FROM roles WHERE name = 'Help desk/1'";
    assert_eq!(server.db.text(row).await, "16 impersonate orders:read users:read");
    let told = "SELECT detail ->> 'added' || (detail ->> 'removed') || (detail ->> 'rank') FROM audit_events \
                WHERE type = 'role.changed' AND detail ->> 'action' = 'update' AND actor = 'usr_ada'";
    assert_eq!(server.db.text(told).await, "[\"impersonate\"][\"orders:refund\"]16");
    server.db.sql("INSERT INTO user_roles VALUES ('usr_alice', 'Help desk/1')").await;
    let gone = format!("{here}/delete");
    assert_eq!(post(&server, &ada, (&gone, "delete-role", "Help desk/1"), &[]).await.status, 409);
    server.db.sql("DELETE FROM user_roles WHERE user_id = 'usr_alice'").await;
    let csrf = ada.open(here).await.form(&gone).field("csrf").unwrap();
    assert_eq!(
        ada.post_form(&gone, &[("csrf", &csrf)]).await.location(),
        "/console/roles?done=deleted"
    );
    assert_eq!(ada.open(here).await.status, 404);
}

#[tokio::test]
async fn what_a_form_says_wrongly_is_said_at_its_field() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let csrf = ada.open("/console/new-role").await.form("/console/new-role").field("csrf").unwrap();
    for (field, value, words) in [
        ("name", "", "A name is a line of 1 to 100 characters."),
        ("name", "a\u{7}b", "A name is a line of 1 to 100 characters."),
        ("rank", "-5", "A whole number from 0 to 1000."),
        ("rank", "ten", "A whole number from 0 to 1000."),
        ("others", "Not one", "“Not” is no permission"),
    ] {
        let mut fields =
            vec![("csrf", csrf.as_str()), ("name", "x"), ("rank", "1"), ("others", "")];
        fields.retain(|(name, _)| *name != field);
        fields.push((field, value));
        let page = ada.post_form("/console/new-role", &fields).await;
        assert_eq!(page.status, 400, "{field} {value}");
        assert!(page.body.contains(words), "{words}: {}", page.body);
        assert!(page.body.contains(&format!("aria-describedby=\"{field}-")), "{field}");
    }
}

#[tokio::test]
async fn h12_a_role_is_not_grown_above_whoever_changes_it() {
    let server = TestServer::start().await;
    server.db.sql("INSERT INTO roles (name, permissions, rank) VALUES ('role-keeper', '{users:read,roles:write}', 50), ('high', '{users:read}', 60), ('rich', '{keys:write}', 1); \
                   INSERT INTO user_roles VALUES ('usr_max', 'role-keeper'), ('usr_riley', 'role-keeper')").await;
    let max = signed_in(&server, "max").await;
    let change = async |role: &str, fields: &[(&str, &str)]| {
        let path = format!("/console/roles/{role}");
        post(&server, &max, (&path, "change-role", role), fields).await.status
    };
    // His own role, one below, one above, one with more, and one that is built in.
    assert_eq!(
        change(
            "role-keeper",
            &[("rank", "50"), ("users:read", "on"), ("roles:write", "on"), ("keys:write", "on")]
        )
        .await,
        403
    );
    assert_eq!(
        change("role-keeper", &[("rank", "51"), ("users:read", "on"), ("roles:write", "on")]).await,
        403
    );
    assert_eq!(change("high", &[("rank", "1")]).await, 403);
    assert_eq!(change("rich", &[("rank", "1")]).await, 403, "nor made less");
    assert_eq!(change("support", &[("rank", "1")]).await, 403);
    assert_eq!(change("auditor", &[("rank", "5"), ("others", "orders:refund")]).await, 403);
    let new = [("name", "n"), ("rank", "1"), ("others", "orders:refund")];
    assert_eq!(post(&server, &max, ("/console/new-role", "new-role", ""), &new).await.status, 403);
    assert_eq!(
        post(&server, &max, ("/console/roles/rich/delete", "delete-role", "rich"), &[])
            .await
            .status,
        403
    );
    assert_eq!(
        change(
            "user-manager",
            &[("rank", "20"), ("users:read", "on"), ("users:write", "on"), ("roles:write", "on")]
        )
        .await,
        303
    );
    // Roles count everywhere, so nobody of one organization changes them.
    let riley = signed_in(&server, "riley").await;
    let fields = [("rank", "1"), ("users:read", "on")];
    assert_eq!(
        post(&server, &riley, ("/console/roles/auditor", "change-role", "auditor"), &fields)
            .await
            .status,
        403
    );
    assert_eq!(riley.open("/console/new-role").await.status, 403);
    let refused = "SELECT count(*) FROM audit_events WHERE type = 'role.changed' AND detail ->> 'refused' = 'true'";
    assert_eq!(server.db.count(refused).await, 9);
}

#[tokio::test]
async fn what_a_role_no_longer_allows_is_over_at_once() {
    let server = TestServer::start().await;
    server.db.sql("INSERT INTO roles (name, permissions, rank) SELECT 'desk', permissions, 10 FROM roles WHERE name = 'support'; \
                   UPDATE user_roles SET role = 'desk' WHERE user_id = 'usr_sam'").await;
    let ada = signed_in(&server, "ada").await;
    server.sam_as_alice("portal").await;
    let change = async |fields: &[(&str, &str)]| {
        post(&server, &ada, ("/console/roles/desk", "change-role", "desk"), fields).await.status
    };
    let status = "SELECT concat_ws(' ', status, end_reason) FROM impersonations";
    assert_eq!(change(&[("rank", "9"), ("impersonate", "on"), ("users:read", "on")]).await, 303);
    assert_eq!(server.db.text(status).await, "active");
    assert_eq!(change(&[("rank", "9"), ("users:read", "on")]).await, 303);
    assert_eq!(server.db.text(status).await, "ended actor_revoked");
    let ended_by = "SELECT actor FROM audit_events WHERE type = 'impersonation.ended'";
    assert_eq!(server.db.text(ended_by).await, "usr_ada");
}
