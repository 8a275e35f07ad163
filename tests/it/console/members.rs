//! Roles are given and taken, people switched off and on: by whoever reaches that far, and never the last
//! administrator.
use super::signed_in;
use crate::support::{Browser, Page, TestServer};

/// Posts a form of the console with a token that was truly made for this session and these parts.
pub async fn post(
    server: &TestServer,
    browser: &Browser,
    (path, purpose, about): (&str, &str, &str),
    fields: &[(&str, &str)],
) -> Page {
    let account = browser.open("/console/users").await;
    assert_eq!(account.status, 200, "nobody is signed in: {}", account.body);
    let sessions = "SELECT id, user_id FROM sessions WHERE ended_at IS NULL ORDER BY created_at";
    // Which of the sessions is that of the browser only its forms say.
    for row in server.db.rows(sessions).await {
        let id: String = row.get(0);
        let mac = match about {
            "" => server.parts.shared.forms.sign(purpose, &["salt", &id]),
            about => server.parts.shared.forms.sign(purpose, &["salt", &id, about]),
        };
        let csrf = format!("salt.{mac}");
        let form: Vec<(&str, &str)> =
            fields.iter().copied().chain([("csrf", csrf.as_str())]).collect();
        let page = browser.post_form(path, &form).await;
        if page.status != 403 || !page.body.contains("This form has expired") {
            return page;
        }
    }
    panic!("no session fits");
}

async fn give(server: &TestServer, by: &Browser, user: &str, role: &str) -> u16 {
    let path = format!("/console/users/{user}/roles/give");
    post(server, by, (&path, "give-role", user), &[("role", role)]).await.status
}

async fn take(server: &TestServer, by: &Browser, user: &str, role: &str) -> u16 {
    let path = format!("/console/users/{user}/roles/take");
    post(server, by, (&path, "take-role", user), &[("role", role)]).await.status
}

async fn switch(server: &TestServer, by: &Browser, user: &str, status: &str) -> u16 {
    let path = format!("/console/users/{user}/status");
    post(server, by, (&path, "status-of-user", user), &[("status", status)]).await.status
}

const ROLES: &str = "SELECT coalesce(string_agg(user_id || '=' || role, ' ' ORDER BY user_id, role), '') FROM user_roles";

#[tokio::test]
async fn a_role_is_given_and_taken_on_the_page_of_the_user() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let page = ada.open("/console/users/usr_alice").await;
    let action = "/console/users/usr_alice/roles/give";
    let csrf = page.form(action).field("csrf").unwrap();
    let given = ada.post_form(action, &[("csrf", &csrf), ("role", "auditor")]).await;
    assert_eq!(given.location(), "/console/users/usr_alice?done=given");
    let page = ada.open(given.location()).await;
    assert!(page.body.contains("Role added.") && page.body.contains(">auditor<"));
    let action = "/console/users/usr_alice/roles/take";
    let csrf = page.form(action).field("csrf").unwrap();
    let taken = ada.post_form(action, &[("csrf", &csrf), ("role", "auditor")]).await;
    assert_eq!(taken.location(), "/console/users/usr_alice?done=taken");
    let told = "SELECT string_agg(concat_ws(' ', actor, subject, organization_id, detail ->> 'action', detail ->> 'role'), ', ' ORDER BY seq) \
                FROM audit_events WHERE type = 'user.changed' AND actor = 'usr_ada'";
    assert_eq!(
        server.db.text(told).await,
        "usr_ada usr_alice org_acme role_given auditor, usr_ada usr_alice org_acme role_taken auditor"
    );
    // Once more changes nothing and says nothing.
    assert_eq!(take(&server, &ada, "usr_alice", "auditor").await, 303);
    assert_eq!(server.db.text(told).await.matches("role_taken").count(), 1);
    assert_eq!(give(&server, &ada, "usr_alice", "nothing").await, 400);
    assert_eq!(give(&server, &ada, "usr_app", "auditor").await, 409);
    assert_eq!(give(&server, &ada, "usr_alice", "app_service").await, 409);
}

/// Riley with the right to change people, in Acme.
async fn manager(server: &TestServer) -> Browser {
    server.db.sql("INSERT INTO roles (name, permissions, rank) VALUES ('desk', '{impersonate,users:read,users:write,impersonations:read,impersonations:end,audit:read-own}', 30); \
                   INSERT INTO roles (name, permissions, rank) VALUES ('reader', '{users:read}', 5), ('boss', '{users:read}', 31); \
                   INSERT INTO user_roles VALUES ('usr_riley', 'desk')").await;
    signed_in(server, "riley").await
}

#[tokio::test]
async fn h11_giving_and_taking_need_the_same() {
    let server = TestServer::start().await;
    let riley = manager(&server).await;
    let sam = signed_in(&server, "sam").await;
    server.db.sql("INSERT INTO user_roles VALUES ('auth0|bob', 'reader')").await;
    let encoded = "auth0%7Cbob";
    for role in ["reader", "support"] {
        assert_eq!(give(&server, &sam, "usr_alice", role).await, 403, "reads only: {role}");
        assert_eq!(take(&server, &sam, "usr_alice", role).await, 403, "reads only: {role}");
    }
    for role in ["boss", "auditor", "admin", "coadmin", "user-manager"] {
        let may = role == "user-manager";
        let (given, taken) = (
            give(&server, &riley, "usr_alice", role).await,
            take(&server, &riley, "usr_alice", role).await,
        );
        let expected = if may { 303 } else { 403 };
        assert_eq!((given, taken), (expected, expected), "{role}");
    }
    let path = format!("/console/users/{encoded}/roles/take");
    let taken = post(&server, &riley, (&path, "take-role", "auth0|bob"), &[("role", "reader")]);
    assert_eq!(taken.await.status, 303);
    let page = riley.open("/console/users/usr_alice").await;
    let offered = page.body.split("<select id=\"role\"").nth(1).unwrap();
    let offered = offered.split("</select>").next().unwrap();
    for (role, may) in [("reader", true), ("support", true), ("boss", false), ("admin", false)] {
        assert_eq!(offered.contains(&format!("value=\"{role}\"")), may, "{role}: {offered}");
    }
}

#[tokio::test]
async fn h12_nobody_gives_what_they_lack_to_others_or_to_themselves() {
    let server = TestServer::start().await;
    let riley = manager(&server).await;
    let before = server.db.text(ROLES).await;
    // A permission that they lack; a rank above theirs; all of it; to others and to themselves.
    for role in ["auditor", "boss", "admin", "coadmin"] {
        for user in ["usr_alice", "usr_riley"] {
            assert_eq!(give(&server, &riley, user, role).await, 403, "{user} {role}");
        }
    }
    // By a role that they hold: only the operator changes roles, and not above themselves.
    let wider = [("rank", "30"), ("users:read", "on"), ("users:write", "on"), ("audit:read", "on")];
    let grown = post(&server, &riley, ("/console/roles/desk", "change-role", "desk"), &wider).await;
    assert_eq!(grown.status, 403);
    let new = [("name", "mine"), ("rank", "1"), ("audit:read", "on")];
    assert_eq!(
        post(&server, &riley, ("/console/new-role", "new-role", ""), &new).await.status,
        403
    );
    assert_eq!(server.db.text(ROLES).await, before);
    let refusals = "SELECT count(*) FROM audit_events WHERE type = 'user.changed' AND actor = 'usr_riley' \
                    AND detail ->> 'refused' = 'true' AND reason LIKE 'the role has%'";
    assert_eq!(server.db.count(refusals).await, 8, "each attempt is written down");
}

#[tokio::test]
async fn h13_nobody_demotes_or_switches_off_a_superior_and_strangers_are_not_there() {
    let server = TestServer::start().await;
    let riley = manager(&server).await;
    for (user, status) in
        [("usr_cora", 403), ("usr_carol", 404), ("usr_ada", 404), ("usr_riley", 403)]
    {
        assert_eq!(switch(&server, &riley, user, "inactive").await, status, "{user}");
    }
    assert_eq!(take(&server, &riley, "usr_cora", "coadmin").await, 403);
    assert_eq!(give(&server, &riley, "usr_carol", "reader").await, 404);
    // Of equal permissions but a higher rank.
    server.db.sql("INSERT INTO user_roles VALUES ('usr_alice', 'boss')").await;
    assert_eq!(switch(&server, &riley, "usr_alice", "inactive").await, 403);
    let page = riley.open("/console/users/usr_alice").await;
    assert!(
        !page.body.contains("/status\"") && !page.body.contains("/roles/give"),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn whoever_is_switched_off_is_out_at_once() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let alice = signed_in(&server, "alice").await;
    server.sam_as_alice("portal").await;
    assert_eq!(switch(&server, &ada, "usr_alice", "inactive").await, 303);
    assert!(alice.open("/account").await.location().starts_with("/login"));
    let ended = "SELECT concat_ws(' ', status, end_reason) FROM impersonations";
    assert_eq!(server.db.text(ended).await, "ended subject_changed");
    let back = server.browser().sign_in("alice@acme.test", "alice-password").await;
    assert_eq!(back.status, 403);
    assert_eq!(switch(&server, &ada, "usr_alice", "active").await, 303);
    let back = server.browser().sign_in("alice@acme.test", "alice-password").await;
    assert_eq!(back.status, 303);
}

#[tokio::test]
async fn a_demoted_actor_acts_no_longer_from_that_moment() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let sam = server.sam_as_alice("portal").await;
    assert_eq!(give(&server, &ada, "usr_sam", "auditor").await, 303);
    let status = "SELECT concat_ws(' ', status, end_reason) FROM impersonations";
    assert_eq!(server.db.text(status).await, "active", "nothing that mattered has changed");
    assert_eq!(take(&server, &ada, "usr_sam", "support").await, 303);
    assert_eq!(server.db.text(status).await, "ended actor_revoked");
    assert!(!sam.open("/account").await.body.contains("Impersonation in progress"));
}

#[tokio::test]
async fn h14_the_last_administrator_stays() {
    let server = TestServer::start().await;
    // A second one, who may do anything to Ada but is none by the role.
    server.db.sql("INSERT INTO roles (name, permissions, rank) SELECT 'equal', permissions, 100 FROM roles WHERE name = 'admin'; \
                   INSERT INTO user_roles VALUES ('usr_max', 'equal')").await;
    let max = signed_in(&server, "max").await;
    assert_eq!(take(&server, &max, "usr_ada", "admin").await, 409);
    assert_eq!(switch(&server, &max, "usr_ada", "inactive").await, 409);
    let ada = signed_in(&server, "ada").await;
    assert_eq!(take(&server, &ada, "usr_ada", "admin").await, 409, "nor by themselves");
    // An administrator in an organization does not replace the operator's.
    assert_eq!(give(&server, &max, "usr_alice", "admin").await, 303);
    assert_eq!(take(&server, &max, "usr_ada", "admin").await, 409);
    assert_eq!(give(&server, &max, "usr_sam", "admin").await, 303);
    assert_eq!(take(&server, &max, "usr_ada", "admin").await, 303);
    assert_eq!(switch(&server, &max, "usr_sam", "inactive").await, 409);
    let left =
        "SELECT string_agg(user_id, ' ' ORDER BY user_id) FROM user_roles WHERE role = 'admin'";
    assert_eq!(server.db.text(left).await, "usr_alice usr_sam");
}

#[tokio::test]
async fn h14_of_two_who_take_the_last_two_at_once_one_is_refused() {
    let server = TestServer::start().await;
    server.db.sql("INSERT INTO user_roles VALUES ('usr_sam', 'admin')").await;
    for _ in 0..5 {
        let (ada, sam) = (signed_in(&server, "ada").await, signed_in(&server, "sam").await);
        let (one, other) = tokio::join!(
            take(&server, &ada, "usr_sam", "admin"),
            take(&server, &sam, "usr_ada", "admin")
        );
        let left = server.db.count("SELECT count(*) FROM user_roles WHERE role = 'admin'").await;
        assert_eq!(left, 1, "{one} {other}");
        let mut answers = [one, other];
        answers.sort_unstable();
        assert!(answers == [303, 409] || answers == [303, 403], "{answers:?}");
        server.db.sql("INSERT INTO user_roles VALUES ('usr_sam', 'admin'), ('usr_ada', 'admin') ON CONFLICT DO NOTHING; DELETE FROM sessions").await;
    }
}
