//! Who may write which application, and what a form may hold.
use super::metadata::upload;
use super::{Filled, LIST, NEW, at, edit, fresh, save};
use crate::console::signed_in;
use crate::support::TestServer;

/// Whoever reads and writes applications, as somebody of the directory.
async fn give(server: &TestServer, user: &str, permissions: &str) {
    let sql = format!(
        "INSERT INTO roles (name, permissions) VALUES ('role-{user}', '{{{permissions}}}'); \
         DELETE FROM user_roles WHERE user_id = '{user}'; \
         INSERT INTO user_roles VALUES ('{user}', 'role-{user}')"
    );
    server.db.sql(&sql).await;
}

#[tokio::test]
async fn h10_a_field_of_another_kind_or_of_nothing_is_refused() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let before = server.db.contents().await;
    for field in
        ["status", "kind", "box", "client_secret", "secret_hash", "realm", "id", "tenant_id"]
    {
        let form = fresh(&ada, "web", "made").await.with(field, "x");
        assert_eq!(form.send(&ada, &at("web")).await.status, 400, "{field}");
        let form = edit(&ada, "portal").await.with(field, "x");
        assert_eq!(save(&ada, "portal", &form).await.status, 400, "{field}");
    }
    let form = edit(&ada, "portal").await.with("client_id", "global");
    assert_eq!(save(&ada, "portal", &form).await.status, 400);
    for (path, field) in [("secret", "secret"), ("status", "kind"), ("delete", "id")] {
        let path = format!("{LIST}/portal/{path}");
        let form = Filled::read(&ada.open(&path).await, &path).with(field, "x");
        assert_eq!(form.send(&ada, &path).await.status, 400, "{path}");
    }
    let unreadable = edit(&ada, "portal").await.with("name", "a\u{1b}[31m");
    assert_eq!(save(&ada, "portal", &unreadable).await.status, 400);
    assert_eq!(server.db.contents().await, before);
}

#[tokio::test]
async fn h03_each_form_is_good_for_its_own_purpose_and_application() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let before = server.db.contents().await;
    let of = async |path: &str| Filled::read(&ada.open(path).await, path).get("csrf").to_owned();
    let edit_token = of(&format!("{LIST}/portal/edit")).await;
    let other = of(&format!("{LIST}/invoices/secret")).await;
    for (path, fields) in [
        ("secret", vec![]),
        ("status", vec![("status", "inactive")]),
        ("delete", vec![]),
        ("edit", vec![("name", "x"), ("version", "x")]),
    ] {
        for token in ["", "x", &other, if path == "edit" { "y" } else { &edit_token }] {
            let form: Vec<_> = fields.iter().copied().chain([("csrf", token)]).collect();
            let page = ada.post_form(&format!("{LIST}/portal/{path}"), &form).await;
            assert_eq!(page.status, 403, "{path}");
        }
    }
    let page = fresh(&ada, "web", "made").await.send(&ada, &at("machine")).await;
    assert!(matches!(page.status, 400 | 403), "{}", page.status);
    assert_eq!(server.db.contents().await, before);
}

const ALL_FORMS: [&str; 4] = ["edit", "secret", "status", "delete"];

#[tokio::test]
async fn h31_who_may_only_read_changes_nothing() {
    let server = TestServer::start().await;
    give(&server, "usr_max", "clients:read").await;
    let max = signed_in(&server, "max").await;
    let list = max.open(LIST).await;
    assert_eq!(list.status, 200);
    assert!(!list.body.contains(NEW), "{}", list.body);
    let page = max.open(&format!("{LIST}/portal")).await;
    assert_eq!(page.status, 200);
    assert!(!page.body.contains("/edit") && !page.body.contains("/delete"), "{}", page.body);
    assert_eq!(max.open(&format!("{LIST}/portal/setup")).await.status, 200);
    let before = server.db.contents().await;
    for path in ALL_FORMS {
        let path = format!("{LIST}/portal/{path}");
        assert_eq!(max.open(&path).await.status, 403, "{path}");
        assert_eq!(max.post_form(&path, &[("csrf", "x")]).await.status, 403, "{path}");
    }
    assert_eq!(max.open(NEW).await.status, 403);
    assert_eq!(max.post_form(&at("web"), &[("csrf", "x")]).await.status, 403);
    for path in [format!("{NEW}/metadata"), format!("{LIST}/orders-saml/metadata")] {
        assert_eq!(upload(&max, &path, &[("csrf", "x")]).await.status, 403, "{path}");
    }
    assert_eq!(server.db.contents().await, before);
}

#[tokio::test]
async fn h09_an_administrator_of_an_organization_has_its_applications_and_no_others() {
    let server = TestServer::start_with(&[("UNDERSTUDY_RATE_LIMITS", "off")]).await;
    give(&server, "usr_riley", "clients:read,clients:write,impersonate,impersonate:admin").await;
    let riley = signed_in(&server, "riley").await;
    let list = riley.open(&format!("{LIST}?organization=org_globex")).await;
    assert_eq!(list.status, 200);
    assert!(!list.body.contains("Globex") && !list.body.contains("Northwind"), "{}", list.body);
    let before = server.db.contents().await;
    // Another organization's, and the operator's.
    for id in ["globex-shop", "portal", "global", "none"] {
        for path in ["", "/setup", "/edit", "/secret", "/status", "/delete"] {
            let path = format!("{LIST}/{id}{path}");
            assert_eq!(riley.open(&path).await.status, 404, "{path}");
        }
        for path in ALL_FORMS {
            let path = format!("{LIST}/{id}/{path}");
            let page = riley.post_form(&path, &[("csrf", "x")]).await;
            assert_eq!(page.status, 404, "{path}");
        }
    }
    assert_eq!(server.db.contents().await, before);
    // What they make is their organization's, and the form says nothing else.
    let form = fresh(&riley, "web", "acme-own").await;
    assert!(!form.0.contains_key("organization"));
    let elsewhere = form.clone().with("organization", "org_globex");
    assert_eq!(elsewhere.send(&riley, &at("web")).await.status, 400);
    assert_eq!(form.send(&riley, &at("web")).await.status, 201);
    let home = server.db.text("SELECT organization_id FROM clients WHERE id = 'acme-own'").await;
    assert_eq!(home, "org_acme");
    let form = edit(&riley, "acme-own").await.with("name", "Renamed");
    assert_eq!(save(&riley, "acme-own", &form).await.status, 303);
    let home = server.db.text("SELECT organization_id FROM clients WHERE name = 'Renamed'").await;
    assert_eq!(home, "org_acme");
    // The global client acts as anybody, anywhere.
    assert_eq!(riley.open(&at("global")).await.status, 403);
    assert_eq!(riley.post_form(&at("global"), &[("csrf", "x")]).await.status, 403);
}

#[tokio::test]
async fn h12_nobody_writes_an_application_with_power_that_they_lack() {
    let server = TestServer::start().await;
    give(&server, "usr_max", "clients:read,clients:write").await;
    let boxed = "UPDATE clients SET box = '{\"perform_actions_as_users\": true, \"authorized_in\": []}' WHERE id = 'machine'";
    server.db.sql(boxed).await;
    let max = signed_in(&server, "max").await;
    let before = server.db.contents().await;
    for id in ["global", "machine"] {
        assert!(max.open(&format!("{LIST}/{id}")).await.body.contains("can act as people"));
        for path in ALL_FORMS {
            assert_eq!(max.open(&format!("{LIST}/{id}/{path}")).await.status, 403, "{id} {path}");
        }
    }
    assert_eq!(max.open(&at("global")).await.status, 403);
    assert!(!max.open(NEW).await.body.contains("kind=global"));
    assert_eq!(server.db.contents().await, before);
    // Ada holds both, and what the form does not show stays.
    let ada = signed_in(&server, "ada").await;
    let form = edit(&ada, "machine").await.with("name", "Renamed");
    assert_eq!(save(&ada, "machine", &form).await.status, 303);
    let kept = "SELECT count(*) FROM clients WHERE id = 'machine' AND name = 'Renamed' AND box ->> 'perform_actions_as_users' = 'true'";
    assert_eq!(server.db.count(kept).await, 1);
}
