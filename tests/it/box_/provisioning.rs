//! Service accounts follow authorizations; app users stand in files.
use super::*;
use crate::support::TestDb;
use understudy::provision::{self, Prune};
use understudy::store;

async fn apply(db: &TestDb, text: &str, prune: Prune) -> String {
    let mut conn = store::connection::pool::connect(&db.url).await.unwrap();
    let file = provision::read(text, |_| None).unwrap_or_else(|wrong| panic!("{wrong:?}"));
    provision::apply_to(&mut conn, &file, prune).await.unwrap().to_string()
}

async fn export(db: &TestDb) -> String {
    let mut conn = store::connection::pool::connect(&db.url).await.unwrap();
    provision::export_from(&mut conn).await.unwrap()
}

/// `organization status roles`, in order.
async fn accounts(db: &TestDb) -> Vec<String> {
    let rows = db
        .rows(
            "SELECT concat_ws(' ', organization_id, status, (SELECT string_agg(role, ',') \
             FROM user_roles WHERE user_id = id)) FROM users \
             WHERE kind = 'service_account' AND created_by_client_id = 'app' ORDER BY 1",
        )
        .await;
    rows.iter().map(|row| row.get(0)).collect()
}

async fn migrated() -> TestDb {
    let db = TestDb::empty();
    store::connection::pool::migrate(&db.url).await.unwrap();
    db
}

fn file(authorized_in: &str) -> String {
    format!(
        "version: 1\norganizations: [{{id: one}}, {{id: two}}]\nclients:\n  - {{client_id: app, \
         kind: machine, client_secret: s, box: {{authorized_in: [{authorized_in}]}}}}\n"
    )
}

#[tokio::test]
async fn an_application_has_one_service_account_where_it_is_let_in() {
    let db = migrated().await;
    apply(&db, &file("one, two"), Prune::No).await;
    assert_eq!(accounts(&db).await, ["one active app_service", "two active app_service"]);
    let ids = "SELECT string_agg(id, ' ' ORDER BY id) FROM users";
    let before = (db.text(ids).await, db.count("SELECT count(*) FROM audit_events").await);
    let plan = apply(&db, &file("one, two"), Prune::Yes).await;
    assert!(plan.starts_with("0 to create, 0 to update, 0 to delete, "), "{plan}");
    let after = (db.text(ids).await, db.count("SELECT count(*) FROM audit_events").await);
    assert_eq!(after, before, "the second time nothing changes");
    apply(&db, &file("two"), Prune::No).await;
    assert_eq!(accounts(&db).await, ["one inactive app_service", "two active app_service"]);
    apply(&db, &file("one, two"), Prune::No).await;
    assert_eq!(db.text(ids).await, before.0, "it is the same one again");
    let events = "SELECT string_agg(concat(detail ->> 'action', ' ', detail ->> 'status'), ', ' ORDER BY seq) \
                  FROM audit_events WHERE type = 'user.changed'";
    assert_eq!(db.text(events).await, "create , create , update inactive, update active");
}

#[tokio::test]
async fn a_service_account_goes_with_its_application_or_its_organization() {
    let db = migrated().await;
    apply(&db, &file("one, two"), Prune::No).await;
    let fewer = file("two").replace("{id: one}, ", "");
    apply(&db, &fewer, Prune::Yes).await;
    assert_eq!(accounts(&db).await, ["two active app_service"]);
    let none = "version: 1\norganizations: [{id: two}]\n";
    apply(&db, none, Prune::Yes).await;
    assert_eq!(db.count("SELECT count(*) FROM users").await, 0);
}

#[tokio::test]
async fn withdrawing_the_authorization_ends_what_was_begun_with_it() {
    let server = TestServer::start().await;
    APP.token(&server, "user", "usr_alice").await;
    let ours = server.db.count("SELECT count(*) FROM impersonations WHERE status = 'active'").await;
    assert_eq!(ours, 1);
    let directory = include_str!("../support/directory.yaml");
    let withdrawn = directory.replace("authorized_in: [org_acme]", "authorized_in: []");
    apply(&server.db, &withdrawn, Prune::No).await;
    let trail = server.db.trail().await;
    assert!(trail.last().unwrap().ends_with("->usr_alice (client_changed)"), "{trail:?}");
}

#[tokio::test]
async fn app_users_are_exported_and_applied_again() {
    let db = migrated().await;
    let users = "users:\n  - {id: ned, kind: app_user, organization: one, application: app, \
                 external_app_user_id: '17', name: Ned, email: ned@appusers.invalid, email_verified: false, \
                 box: {language: de, job_title: Warden, restriction: delete_edit}}\n";
    let text = file("one") + users;
    apply(&db, &text, Prune::No).await;
    let written = export(&db).await;
    let plan = apply(&db, &written, Prune::Yes).await;
    assert!(plan.starts_with("0 to create, 0 to update, 0 to delete, "), "{plan}\n{written}");
    assert!(!written.contains("service_account"), "{written}");
    let other = migrated().await;
    // Secrets are not written.
    let with_secret = written.replace("client_id: app", "client_id: app\n  client_secret: s");
    apply(&other, &with_secret, Prune::No).await;
    let row = "SELECT concat_ws(' ', created_by_client_id, external_app_user_id, box ->> 'job_title') \
               FROM users WHERE id = 'ned'";
    assert_eq!(other.text(row).await, "app 17 Warden");
    assert_eq!(accounts(&other).await, ["one active app_service"]);
    // What the API changed since stays, unless the file says it.
    db.sql("UPDATE users SET box = '{\"language\": \"fr\"}' WHERE id = 'ned'").await;
    let silent =
        text.split(",                  box:").next().unwrap().split(", box: {lang").next().unwrap();
    let silent = format!("{silent}}}\n");
    apply(&db, &silent, Prune::No).await;
    assert_eq!(db.text("SELECT box ->> 'language' FROM users WHERE id = 'ned'").await, "fr");
}

#[tokio::test]
async fn what_does_not_fit_is_told_with_its_key() {
    let db = migrated().await;
    let conn = store::connection::pool::connect(&db.url).await.unwrap();
    // Beside an empty database: what an entry names may be in the file or there.
    let mistakes = async |text: &str| match provision::read(text, |_| None) {
        Ok(file) => provision::plan(&conn, &file, Prune::No).await.unwrap_err().to_string(),
        Err(wrong) => wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    };
    for (user, problem) in [
        ("{id: a, application: app}", "a person belongs to no application"),
        ("{id: a, kind: app_user, application: none}", "there is no client `none`"),
        ("{id: a, kind: app_user, external_app_user_id: x}", "needs an `application`"),
        ("{id: a, box: {colour: red}}", "is not what the Box-shaped API keeps"),
        ("{id: a, roles: [app_service]}", "there is no role `app_service`"),
    ] {
        let said = mistakes(&format!("{}users:\n  - {user}\n", file("one"))).await;
        assert!(said.contains(problem), "{user}: {said}");
    }
    let spa = file("one").replace("kind: machine, client_secret: s", "kind: spa");
    let said = mistakes(&spa).await;
    assert!(said.contains("is for an application of kind machine or web"), "{said}");
}
