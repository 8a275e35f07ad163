//! What gives power needs a fresh proof of the person: every form of ours is named here with its answer.
use super::TestServer;
use super::table::TABLE;
use Answer::{Asks, Decided, Fresh, Without};
use std::collections::BTreeSet;

/// Whether a `POST` by the session of a person needs a sign-in, or a confirmed password, within the step-up window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// `FreshConsoleSession`.
    Fresh,
    /// The decision about the impersonation says so.
    Decided,
    /// Its own form always has a field for the password, or for a code in its place.
    Asks,
    /// It gives no power: it ends something, reads, or changes how somebody is called.
    Without,
}

const FORMS: &[(&str, Answer)] = &[
    ("/account/access/end", Without),
    ("/account/password", Asks),
    ("/account/profile", Without),
    ("/account/sessions/end", Without),
    ("/account/sessions/end-others", Without),
    ("/api/users/{user_id}/impersonate", Decided),
    // What an application does with a consent is judged by how old the sign-in behind its token is.
    ("/consent", Without),
    ("/console/applications/{client_id}/delete", Fresh),
    ("/console/applications/{client_id}/edit", Fresh),
    ("/console/applications/{client_id}/end-tokens", Fresh),
    // Fills the form in; saving that is another `POST`.
    ("/console/applications/{client_id}/metadata", Without),
    ("/console/applications/{client_id}/secret", Fresh),
    ("/console/applications/{client_id}/status", Fresh),
    ("/console/audit/export", Without),
    ("/console/impersonations/end-all", Without),
    ("/console/impersonations/{id}/end", Without),
    ("/console/keys/end-sessions", Fresh),
    ("/console/keys/replace", Asks),
    ("/console/keys/rotate", Fresh),
    ("/console/new-application", Fresh),
    ("/console/new-application/metadata", Without),
    ("/console/new-organization", Fresh),
    ("/console/new-role", Fresh),
    ("/console/organizations/{id}", Fresh),
    ("/console/organizations/{id}/delete", Fresh),
    ("/console/organizations/{id}/end-sessions", Fresh),
    ("/console/organizations/{id}/status", Fresh),
    ("/console/roles/{name}", Fresh),
    ("/console/roles/{name}/delete", Fresh),
    ("/console/users/{user_id}/end-sessions", Fresh),
    ("/console/users/{user_id}/roles/give", Fresh),
    ("/console/users/{user_id}/roles/take", Fresh),
    ("/console/users/{user_id}/sessions/{id}/end", Without),
    ("/console/users/{user_id}/sign-in-as", Decided),
    ("/console/users/{user_id}/sign-in-as/code", Decided),
    ("/console/users/{user_id}/sign-in-as/link", Decided),
    ("/console/users/{user_id}/status", Fresh),
    ("/go", Decided),
    ("/impersonation/stop", Without),
    ("/login", Asks),
    ("/logout", Without),
    ("/reset-password", Asks),
    ("/setup", Asks),
    ("/users/{user_id}/impersonate", Decided),
];

/// Endpoints of the protocols and of our API: applications ask with credentials or tokens, or people are signed in to
/// an application. What is asked there about acting as somebody, the decision judges.
fn is_for_programs(path: &str) -> bool {
    let starts =
        ["/api/", "/oauth", "/oidc", "/v2/", "/samlp", "/wsfed", "/rms", "/2.0", "/forward-auth"];
    let links = ["/users/{user_id}/impersonate", "/api/users/{user_id}/impersonate"];
    let exact = ["/userinfo", "/authorize"];
    let programs = starts.iter().any(|start| path.starts_with(start)) || exact.contains(&path);
    programs && !links.contains(&path)
}

const HEADING: &str = "<h1>Confirm your password</h1>";

#[test]
fn k04_every_form_says_whether_it_needs_a_fresh_proof() {
    let posts = TABLE.iter().filter(|line| line.method == "POST").map(|line| line.path);
    let mounted: BTreeSet<&str> = posts.filter(|path| !is_for_programs(path)).collect();
    let told: BTreeSet<&str> = FORMS.iter().map(|(path, _)| *path).collect();
    let missing: Vec<_> = mounted.difference(&told).collect();
    let invented: Vec<_> = told.difference(&mounted).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "without an answer {missing:?}, not mounted {invented:?}"
    );
}

#[tokio::test]
async fn k04_an_old_session_meets_the_password_wherever_the_table_says_so() {
    let server = TestServer::start().await;
    let ada = server.browser();
    assert_eq!(ada.sign_in("ada@understudy.test", "ada-password").await.status, 303);
    let old = "UPDATE sessions SET authenticated_at = authenticated_at - interval '2 hours', \
               created_at = created_at - interval '2 hours'";
    for is_old in [false, true] {
        if is_old {
            server.db.sql(old).await;
        }
        let before = server.db.contents().await;
        let mut wrong = Vec::new();
        for (path, answer) in FORMS {
            if matches!(*path, "/logout" | "/login") {
                continue;
            }
            let line = TABLE.iter().find(|line| line.method == "POST" && line.path == *path);
            let asked = line.unwrap().asked;
            let page = ada.post_form(asked, &[("csrf", "x")]).await;
            let confirms = page.status == 403 && page.body.contains(HEADING);
            // The page says what the password is for.
            assert!(!confirms || !page.body.contains("This change needs"), "{path}");
            if confirms != (is_old && *answer == Fresh) || page.status == 303 {
                wrong.push(format!("old: {is_old}, {path} {answer:?}: {}", page.status));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let sessions = |(table, _): &&(String, String)| table != "sessions";
        let after = server.db.contents().await;
        assert!(before.iter().filter(sessions).eq(after.iter().filter(sessions)));
    }
}
