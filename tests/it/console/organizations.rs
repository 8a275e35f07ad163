//! Organizations: found, made, changed, switched off, removed.
use super::members::post;
use super::signed_in;
use crate::support::TestServer;

#[tokio::test]
async fn organizations_are_found_by_name_or_id_a_page_at_a_time() {
    let server = TestServer::start().await;
    server.db.sql("INSERT INTO organizations (id, name) SELECT 'many_' || n, 'Twin 100% ' || n / 3 FROM generate_series(1, 120) n").await;
    let ada = signed_in(&server, "ada").await;
    let found = async |query: &str| {
        let page = ada.open(&format!("/console/organizations{query}")).await;
        assert_eq!(page.status, 200, "{query}");
        page.body.matches("href=\"/console/organizations/").count()
    };
    assert_eq!(found("?q=acm").await, 1);
    assert_eq!(found("?q=ORG_GLO").await, 1);
    assert_eq!(found("?q=many_77").await, 1);
    assert_eq!(found("?q=100%25+many_77").await, 1);
    assert_eq!(found("?q=100%25x").await, 0);
    assert_eq!(found("?status=inactive").await, 0);
    let (mut path, mut seen) = ("/console/organizations?q=twin".to_owned(), 0);
    loop {
        let page = ada.open(&path).await;
        seen += page.body.matches("<th scope=\"row\">").count();
        if !page.body.contains("rel=\"next\"") {
            break;
        }
        let before = page.body.split("rel=\"next\"").next().unwrap();
        path = before
            .rsplit("href=\"")
            .next()
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .replace("&#38;", "&");
    }
    assert_eq!(seen, 120);
}

#[tokio::test]
async fn an_organization_is_made_changed_and_removed_and_all_is_written_down() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let new = "/console/new-organization";
    let csrf = ada.open(new).await.form(new).field("csrf").unwrap();
    let made = ada
        .post_form(
            new,
            &[
                ("csrf", &csrf),
                ("name", " Initech "),
                ("id", "auth0|org/1"),
                ("impersonation", "on"),
            ],
        )
        .await;
    assert_eq!(made.location(), "/console/organizations/auth0%7Corg%2F1?done=created");
    let taken =
        ada.post_form(new, &[("csrf", &csrf), ("name", "Other"), ("id", "auth0|org/1")]).await;
    assert_eq!(taken.status, 409);
    assert!(taken.body.contains("There is an organization of this id already."));
    assert_eq!(ada.post_form(new, &[("csrf", &csrf), ("name", " ")]).await.status, 400);
    let own = ada.post_form(new, &[("csrf", &csrf), ("name", "No id")]).await;
    assert!(own.location().starts_with("/console/organizations/org_"), "{}", own.location());
    let here = "/console/organizations/auth0%7Corg%2F1";
    let page = ada.open(made.location()).await;
    assert!(page.body.contains("Initech") && page.body.contains("Organization created."));
    let csrf = page.form(here).field("csrf").unwrap();
    assert_eq!(ada.post_form(here, &[("csrf", &csrf), ("name", "")]).await.status, 400);
    assert_eq!(ada.post_form(here, &[("csrf", &csrf), ("name", "Initrode")]).await.status, 303);
    let row = "SELECT concat_ws(' ', name, status, impersonation_enabled) FROM organizations WHERE id = 'auth0|org/1'";
    assert_eq!(server.db.text(row).await, "Initrode active f");
    let gone = format!("{here}/delete");
    let csrf = ada.open(here).await.form(&gone).field("csrf").unwrap();
    assert_eq!(
        ada.post_form(&gone, &[("csrf", &csrf)]).await.location(),
        "/console/organizations?done=deleted"
    );
    assert_eq!(ada.open(here).await.status, 404);
    let told = "SELECT string_agg(detail ->> 'action' || coalesce(detail ->> 'changed', ''), ' ' ORDER BY seq) FROM audit_events \
                WHERE type = 'organization.changed' AND organization_id = 'auth0|org/1' AND actor = 'usr_ada'";
    assert_eq!(
        server.db.text(told).await,
        "create update[\"name\", \"impersonation.enabled\"] delete"
    );
}

#[tokio::test]
async fn one_that_is_not_empty_is_not_removed() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    assert!(
        ada.open("/console/organizations/org_acme")
            .await
            .body
            .contains("Only an empty organization")
    );
    let gone = ("/console/organizations/org_acme/delete", "delete-organization", "org_acme");
    let refused = post(&server, &ada, gone, &[]).await;
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("It is not empty"));
}

#[tokio::test]
async fn switching_one_off_ends_what_runs_in_it_and_nothing_elsewhere() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let alice = signed_in(&server, "alice").await;
    server.sam_as_alice("portal").await;
    let status = "SELECT concat_ws(' ', status, end_reason) FROM impersonations";
    let globex =
        ("/console/organizations/org_globex/status", "status-of-organization", "org_globex");
    assert_eq!(post(&server, &ada, globex, &[("status", "inactive")]).await.status, 303);
    assert_eq!(server.db.text(status).await, "active");
    let acme = ("/console/organizations/org_acme/status", "status-of-organization", "org_acme");
    assert_eq!(post(&server, &ada, acme, &[("status", "inactive")]).await.status, 303);
    assert_eq!(server.db.text(status).await, "ended subject_changed");
    assert!(alice.open("/account").await.location().starts_with("/login"));
    assert_eq!(post(&server, &ada, acme, &[("status", "active")]).await.status, 303);
    // What was ended stays ended (K-25): she signs in anew.
    assert!(alice.open("/account").await.location().starts_with("/login"));
    let again = signed_in(&server, "alice").await;
    assert_eq!(again.open("/account").await.status, 200);
}

#[tokio::test]
async fn the_switch_for_impersonation_ends_it_at_once() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    server.sam_as_alice("portal").await;
    let acme = ("/console/organizations/org_acme", "change-organization", "org_acme");
    assert_eq!(post(&server, &ada, acme, &[("name", "Acme")]).await.status, 303);
    let status = "SELECT concat_ws(' ', status, end_reason) FROM impersonations";
    assert_eq!(server.db.text(status).await, "ended feature_off");
}

#[tokio::test]
async fn h09_staff_of_an_organization_see_and_name_their_own_and_no_more() {
    let server = TestServer::start().await;
    server.db.sql("INSERT INTO roles (name, permissions, rank) VALUES ('office', '{users:read,organizations:read,organizations:write}', 20); \
                   INSERT INTO user_roles VALUES ('usr_riley', 'office')").await;
    let riley = signed_in(&server, "riley").await;
    let list = riley.open("/console/organizations").await;
    assert!(
        list.body.contains("Acme")
            && !list.body.contains("Globex")
            && !list.body.contains("New organization")
    );
    assert_eq!(riley.open("/console/organizations/org_globex").await.status, 404);
    assert_eq!(riley.open("/console/new-organization").await.status, 403);
    let page = riley.open("/console/organizations/org_acme").await;
    assert!(page.body.contains("Settings") && !page.body.contains("Deactivate"));
    let change = ("/console/organizations/org_acme", "change-organization", "org_acme");
    let fields = [("name", "Acme Inc."), ("impersonation", "on")];
    assert_eq!(post(&server, &riley, change, &fields).await.status, 303);
    let other = ("/console/organizations/org_globex", "change-organization", "org_globex");
    assert_eq!(post(&server, &riley, other, &fields).await.status, 404);
    for (way, purpose, field) in [
        ("status", "status-of-organization", ("status", "inactive")),
        ("delete", "delete-organization", ("csrf_", "")),
    ] {
        let path = format!("/console/organizations/org_acme/{way}");
        let fields: Vec<(&str, &str)> = if way == "delete" { Vec::new() } else { vec![field] };
        assert_eq!(post(&server, &riley, (&path, purpose, "org_acme"), &fields).await.status, 403);
    }
    let names = "SELECT string_agg(name, ' ' ORDER BY id) FROM organizations";
    assert_eq!(server.db.text(names).await, "Acme Inc. Globex");
}

#[tokio::test]
async fn h14_an_organization_with_the_last_administrator_is_not_switched_off() {
    let server = TestServer::start().await;
    // An installation of one tenant: its administrator is in the organization, and so is Cora.
    server.db.sql("INSERT INTO user_roles VALUES ('usr_alice', 'admin'); DELETE FROM user_roles WHERE user_id = 'usr_ada'; \
                   INSERT INTO roles (name, permissions, rank) SELECT 'equal', permissions, 100 FROM roles WHERE name = 'admin'; \
                   INSERT INTO user_roles VALUES ('usr_max', 'equal')").await;
    let max = signed_in(&server, "max").await;
    let acme = ("/console/organizations/org_acme/status", "status-of-organization", "org_acme");
    let refused = post(&server, &max, acme, &[("status", "inactive")]).await;
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert_eq!(
        server.db.text("SELECT status FROM organizations WHERE id = 'org_acme'").await,
        "active"
    );
}
