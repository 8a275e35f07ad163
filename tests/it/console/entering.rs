//! Who gets in, and where.
use super::signed_in;
use crate::support::{Browser, TestServer};

/// Every page of the console with an address of its own, and every form.
const PAGES: &[&str] = &[
    "/console",
    "/console/users",
    "/console/users/usr_alice",
    "/console/users/usr_alice/preview",
    "/console/users/usr_alice/sign-in-as",
    "/console/organizations",
    "/console/organizations/org_acme",
    "/console/new-organization",
    "/console/roles",
    "/console/roles/auditor",
    "/console/new-role",
];
/// The same of administrators alone.
const ADMIN_PAGES: &[&str] = &[
    "/console/applications",
    "/console/applications/portal",
    "/console/applications/portal/setup",
    "/console/applications/portal/edit",
    "/console/applications/portal/secret",
    "/console/applications/portal/status",
    "/console/applications/portal/delete",
    "/console/new-application",
    "/console/new-application?kind=saml",
    "/console/keys",
    "/console/keys/rotate",
];
const ADMIN_FORMS: &[&str] = &[
    "/console/new-application?kind=web",
    "/console/new-application/metadata",
    "/console/applications/portal/edit",
    "/console/applications/portal/metadata",
    "/console/applications/portal/secret",
    "/console/applications/portal/status",
    "/console/applications/portal/delete",
    "/console/keys/rotate",
];
const FORMS: &[&str] = &[
    "/console/users/usr_alice/sign-in-as",
    "/console/users/usr_alice/sign-in-as/link",
    "/console/users/usr_alice/sign-in-as/code",
    "/console/users/usr_alice/sessions/ses_none/end",
    "/console/users/usr_alice/roles/give",
    "/console/users/usr_alice/roles/take",
    "/console/users/usr_alice/status",
    "/console/organizations/org_acme",
    "/console/organizations/org_acme/status",
    "/console/organizations/org_acme/delete",
    "/console/new-organization",
    "/console/roles/auditor",
    "/console/roles/auditor/delete",
    "/console/new-role",
];

#[tokio::test]
async fn h18_staff_get_in_as_far_as_their_roles_go_and_nobody_else_does() {
    let server = TestServer::start().await;
    // Columns: the pages. `usr_auditor` may read users, not act; `max` may write, not act.
    for (name, expected) in [
        ("alice", [403, 403, 403, 403, 403, 403, 403, 403, 403, 403, 403]),
        ("max", [302, 200, 200, 200, 403, 403, 403, 403, 200, 200, 403]),
        ("sam", [302, 200, 200, 200, 200, 403, 403, 403, 200, 200, 403]),
        ("riley", [302, 200, 200, 200, 200, 403, 403, 403, 200, 200, 403]),
        ("carol", [403, 403, 403, 403, 403, 403, 403, 403, 403, 403, 403]),
        ("ada", [302, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200]),
    ] {
        let browser = signed_in(&server, name).await;
        for (path, expected) in PAGES.iter().zip(expected) {
            let page = browser.open(path).await;
            assert_eq!(page.status, expected, "{name} {path}: {}", page.body);
        }
    }
    for (name, expected) in
        [("alice", 403), ("max", 403), ("sam", 403), ("riley", 403), ("ada", 200)]
    {
        let browser = signed_in(&server, name).await;
        for path in ADMIN_PAGES {
            assert_eq!(browser.open(path).await.status, expected, "{name} {path}");
        }
    }
    let nobody = server.browser();
    for path in PAGES.iter().chain(ADMIN_PAGES) {
        let page = nobody.open(path).await;
        assert!(page.location().starts_with("/login?return_to=%2Fconsole"), "{path}");
    }
}

/// A browser that holds nothing but an impersonated session: nobody's own.
async fn acting_only(server: &TestServer) -> Browser {
    let browser = server.sam_as_alice("portal").await;
    server.db.sql("UPDATE sessions SET ended_at = clock_now() WHERE NOT impersonated").await;
    browser
}

#[tokio::test]
async fn a38_an_impersonated_administrator_is_nobody_in_the_console() {
    let server = TestServer::start().await;
    let browser = acting_only(&server).await;
    server.db.sql("INSERT INTO user_roles VALUES ('usr_alice', 'admin')").await;
    for path in PAGES.iter().chain(ADMIN_PAGES) {
        let page = browser.open(path).await;
        assert!(matches!(page.status, 302 | 403), "{path}: {}", page.status);
    }
    for path in FORMS.iter().chain(ADMIN_FORMS) {
        let page = browser.post_form(path, &[("csrf", "x")]).await;
        assert!(matches!(page.status, 303 | 403), "{path}: {}", page.status);
    }
}

#[tokio::test]
async fn h17_one_path_is_one_page_and_no_other_spelling_is() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    for path in [
        "//console/users",
        "/console//users",
        "/console/users/",
        "/CONSOLE/users",
        "/console/..;/console/users",
        "/console/users;x=1",
        "/console/users.",
        "/console%2fusers",
        "/console/users/usr_alice/",
        "/console/users/usr_alice/Sign-In-As",
        "/console/users/usr_alice/sign-in-as;v=1",
        "/console/users/%2e%2e",
        "/console/users/usr_alice%00",
        "/console/users/%ff",
    ] {
        let page = sam.open(path).await;
        assert!(matches!(page.status, 400 | 404), "{path}: {}", page.status);
    }
}

#[tokio::test]
async fn h10_a_field_that_is_not_of_the_form_is_refused() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    let before = server.db.contents().await;
    for path in FORMS.iter().take(3) {
        for field in ["role", "actor", "impersonator_id", "is_super", "organization", "user_id"] {
            let form = [("csrf", "x"), ("application", "portal"), (field, "usr_ada")];
            assert_eq!(sam.post_form(path, &form).await.status, 400, "{path} {field}");
        }
    }
    let ada = signed_in(&server, "ada").await;
    for path in FORMS {
        for field in ["rôle", "actor", "tenant_id", "is_super", "built_in", "kind", "user_id"] {
            let form = [("csrf", "x"), (field, "usr_ada")];
            assert_eq!(ada.post_form(path, &form).await.status, 400, "{path} {field}");
        }
    }
    let before = without_sessions(before);
    assert_eq!(without_sessions(server.db.contents().await), before);
}

/// Signing in is no change of what the forms are about.
fn without_sessions(mut contents: Vec<(String, String)>) -> Vec<(String, String)> {
    contents.retain(|(table, _)| table != "sessions" && table != "users");
    contents
}

/// Nobody who may only look changes anything: every form, by its own true token.
#[tokio::test]
async fn h31_whoever_may_only_look_changes_nothing_about_people_roles_and_organizations() {
    let server = TestServer::start().await;
    server.db.sql("UPDATE roles SET permissions = '{users:read,organizations:read,audit:read}' WHERE name = 'auditor'; INSERT INTO user_roles VALUES ('usr_unverified', 'auditor'); DELETE FROM user_roles WHERE user_id = 'usr_unverified' AND role = 'support'").await;
    let browser = server.browser();
    let entered = browser.sign_in("unverified@understudy.test", "una-password").await;
    assert_eq!(entered.status, 303, "{}", entered.body);
    for path in PAGES.iter().filter(|path| !path.contains("sign-in-as") && !path.contains("/new-"))
    {
        let page = browser.open(path).await;
        let main = page.body.split("<main").nth(1).unwrap_or_default();
        assert!(!main.contains("method=\"post\""), "{path} offers a form: {main}");
    }
    let session = server.db.text("SELECT id FROM sessions WHERE user_id = 'usr_unverified'").await;
    let before = server.db.contents().await;
    for path in FORMS {
        let parts: Vec<&str> = path.split('/').collect();
        let about = parts.get(3).copied().unwrap_or_default();
        for purpose in [
            "give-role",
            "take-role",
            "status-of-user",
            "change-organization",
            "status-of-organization",
            "delete-organization",
            "new-organization",
            "change-role",
            "delete-role",
            "new-role",
            "end-session",
            "sign-in-as",
        ] {
            let mac = server.parts.shared.forms.sign(purpose, &["salt", &session, about]);
            let csrf = format!("salt.{mac}");
            let page = browser.post_form(path, &[("csrf", &csrf)]).await;
            assert_eq!(page.status, 403, "{path} {purpose}");
        }
    }
    assert_eq!(server.db.contents().await, before);
}

#[tokio::test]
async fn h09_what_belongs_to_another_organization_is_not_there() {
    let server = TestServer::start().await;
    let riley = signed_in(&server, "riley").await;
    for id in ["usr_carol", "usr_sam", "usr_ada", "usr_none"] {
        for rest in ["", "/preview", "/sign-in-as"] {
            let path = format!("/console/users/{id}{rest}");
            let page = riley.open(&path).await;
            assert_eq!(page.status, 404, "{path}");
            assert!(!page.body.contains("Carol"), "{path}");
        }
    }
    assert_eq!(riley.open("/console/users/auth0%7Cbob").await.status, 200);
    let list = riley.open("/console/users?organization=org_globex&q=carol").await;
    assert!(!list.body.contains("carol@globex.test"), "{}", list.body);
    assert!(!list.body.contains("Globex"), "{}", list.body);
}

#[tokio::test]
async fn h30_what_goes_wrong_says_nothing_about_the_inside() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    server.db.sql("ALTER TABLE users RENAME COLUMN search TO lost").await;
    let page = sam.open("/console/users?q=alice").await;
    assert_eq!(page.status, 503);
    for word in ["search", "SELECT", "column", "src/", "panicked", "postgres"] {
        assert!(!page.body.contains(word), "{word}: {}", page.body);
    }
    assert!(page.body.contains("<code>"), "no request id: {}", page.body);
}

#[tokio::test]
async fn a_page_asked_for_is_shown_after_signing_in() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let path = "/console/users/usr_alice/sign-in-as?application=portal&ticket=T-1&reason=a%20b";
    let login = browser.open(path).await;
    let form = browser.open(login.location()).await;
    let entered = browser.sign_in_on(&form, "sam@understudy.test", "sam-password").await;
    assert_eq!(entered.location(), path);
}
