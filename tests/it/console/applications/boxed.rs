//! The settings of an application for the Box-shaped channels.
use super::{LIST, at, changed, edit, fresh, save};
use crate::console::signed_in;
use crate::support::{Page, TestServer};

const PEM: &str = include_str!("../../box_/keys/app.pub.pem");

#[track_caller]
fn says(page: &Page, words: &str) {
    assert_eq!(page.status, 400, "{}", page.body);
    assert!(page.body.contains(words), "{words}: {}", page.body);
}

async fn settings(server: &TestServer, id: &str) -> String {
    let sql = format!("SELECT coalesce(box::text, 'none') FROM clients WHERE id = '{id}'");
    server.db.text(&sql).await
}

#[tokio::test]
async fn what_an_application_may_do_as_users_is_changed_in_its_form() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let page = fresh(&ada, "machine", "made").await.send(&ada, &at("machine")).await;
    assert_eq!(page.status, 201, "{}", page.body);
    assert_eq!(settings(&server, "made").await, "none", "whoever says nothing has none");
    let form = edit(&ada, "made").await;
    let form = form
        .with("box_as_user", "on")
        .with("box_authorized_in", "org_acme")
        .with("box_keys", &format!("my key\r\n{}", PEM.replace('\n', "\r\n")));
    let saved = save(&ada, "made", &form).await;
    assert_eq!(saved.status, 303, "{}", saved.body);
    let stored: serde_json::Value = serde_json::from_str(&settings(&server, "made").await).unwrap();
    assert_eq!(stored["perform_actions_as_users"], true);
    assert_eq!(stored["on_behalf_of"], false);
    assert_eq!(stored["authorized_in"], serde_json::json!(["org_acme"]));
    assert_eq!(stored["public_keys"], serde_json::json!([{"id": "my key", "pem": PEM.trim()}]));
    let (_, action, what) = changed(&server, "made").await.pop().unwrap();
    assert!(action == "update" && what.contains("box"), "{action} {what}");
    // It has an account of its own in the organization from now on.
    let own = "SELECT count(*) FROM users WHERE created_by_client_id = 'made' AND organization_id = 'org_acme' AND status = 'active'";
    assert_eq!(server.db.count(own).await, 1);
    let shown = ada.open(&format!("{LIST}/made")).await;
    for words in ["Box-compatible API", "May call as users (As-User)", "my key", "org_acme"] {
        assert!(shown.body.contains(words), "{words}: {}", shown.body);
    }
    assert!(!shown.body.contains("understudy apply"));
    // Saved again as it stands, nothing changes; all off and empty, it is gone again.
    let same = save(&ada, "made", &edit(&ada, "made").await).await;
    assert!(same.location().ends_with("done=same"), "{same:?}");
    let off = edit(&ada, "made").await.without("box_as_user").with("box_authorized_in", "");
    assert_eq!(save(&ada, "made", &off.with("box_keys", "")).await.status, 303);
    assert_eq!(server.db.count(own).await, 0);
}

#[tokio::test]
async fn what_provisioning_set_stands_in_the_form_as_it_is() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    for id in ["box-app", "box-small", "desk"] {
        let before = settings(&server, id).await;
        let form = edit(&ada, id).await.with("name", "Another name");
        assert_eq!(save(&ada, id, &form).await.status, 303, "{id}");
        assert_eq!(settings(&server, id).await, before, "{id}");
        let (_, _, what) = changed(&server, id).await.pop().unwrap();
        assert_eq!(what, "[\"name\"]", "{id}");
    }
    let portal = ada.open(&format!("{LIST}/portal")).await;
    assert!(!portal.body.contains("Box-compatible API"), "it has nothing to do with it");
}

#[tokio::test]
async fn h24_what_is_wrong_in_them_is_said_at_the_field() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let before = server.db.contents().await;
    let form = edit(&ada, "box-app").await;
    for (field, value, words) in [
        ("box_authorized_in", "nowhere", "There is no organization “nowhere”"),
        ("box_keys", "just a name", "“pem” is empty"),
        ("box_keys", PEM, "“id” is empty"),
        ("box_keys", &format!("a\n{PEM}\na\n{PEM}"), "“a”"),
        (
            "box_keys",
            "a\n-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
            "RSA from 2048 bits",
        ),
    ] {
        let page = save(&ada, "box-app", &form.clone().with(field, value)).await;
        says(&page, words);
        assert!(page.body.contains(&format!("id=\"{field}-error\"")), "{field}: {}", page.body);
    }
    assert_eq!(server.db.contents().await, before);
}

#[tokio::test]
async fn h12_nobody_lets_an_application_act_as_users_who_may_not_themselves() {
    let server = TestServer::start().await;
    server
        .db
        .sql(
            "INSERT INTO roles (name, permissions) VALUES ('apps', '{clients:read,clients:write}'); \
             DELETE FROM user_roles WHERE user_id = 'usr_max'; INSERT INTO user_roles VALUES ('usr_max', 'apps')",
        )
        .await;
    let max = signed_in(&server, "max").await;
    for field in ["box_as_user", "box_on_behalf_of", "box_user_tokens"] {
        let form = edit(&max, "machine").await.with(field, "on");
        assert_eq!(save(&max, "machine", &form).await.status, 403, "{field}");
    }
    assert_eq!(settings(&server, "machine").await, "none");
}
