//! Every kind of token × every route of our own APIs.
use super::{ALL, lists, token};
use crate::every_route::table::{Line, TABLE};
use crate::support::TestServer;
use reqwest::Method;

const COLUMNS: [&str; 15] = [
    "third party, with every scope in its row and in its token",
    "web, sign-in scopes only",
    "web, every scope, support agent",
    "web, every scope, user without a role",
    "web, scope to read, support agent",
    "SPA, every scope, support agent",
    "native, every scope, support agent",
    "machine, every scope",
    "machine, its own scopes only",
    "global client",
    "global client of Acme",
    "web, every scope, an impersonated user",
    "web that lists nothing any more, every scope, support agent",
    "web, scope to end sessions, administrator",
    "machine, scope to end sessions",
];

/// The answers, in the order of [`COLUMNS`].
#[rustfmt::skip]
const EXPECTED: &[(&str, &str, [u16; 15])] = &[
    ("POST", "/users/{user_id}/impersonate", [403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 403, 403, 403, 403]),
    ("POST", "/api/users/{user_id}/impersonate", [403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 403, 403, 403, 403]),
    ("POST", "/api/impersonations", [403, 403, 201, 403, 403, 201, 201, 403, 403, 201, 201, 403, 403, 403, 403]),
    ("GET", "/api/impersonations", [403, 403, 200, 403, 200, 200, 200, 200, 403, 200, 200, 403, 403, 403, 403]),
    ("GET", "/api/impersonations/{id}", [403, 403, 200, 403, 200, 200, 200, 200, 403, 200, 200, 403, 403, 403, 403]),
    // The user is the one who is acted as.
    ("DELETE", "/api/impersonations/{id}", [403, 403, 204, 204, 403, 204, 204, 204, 403, 204, 204, 403, 403, 403, 403]),
    ("POST", "/api/impersonations/end-all", [403, 403, 200, 403, 403, 200, 200, 200, 403, 200, 200, 403, 403, 403, 403]),
    // A scope of its own.
    ("POST", "/api/sessions/end-all", [403, 403, 403, 403, 403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200]),
    ("GET", "/forward-auth", [403, 403, 200, 200, 403, 200, 200, 200, 403, 403, 403, 200, 403, 403, 403]),
    ("GET", "/forward-auth/{path:.*}", [403, 403, 200, 200, 403, 200, 200, 200, 403, 403, 403, 200, 403, 403, 403]),
    // Asks for a scope of the machine's.
    ("GET", "/forward-auth-for/{path:.*}", [403, 403, 403, 403, 403, 403, 403, 200, 200, 403, 403, 403, 403, 403, 403]),
];

const END_SESSIONS: &str = "sessions:end";

/// Routes that a token opens; a link is opened without any.
fn is_own_api(line: &Line) -> bool {
    let below = ["/api/", "/users/", "/forward-auth"];
    below.iter().any(|start| line.path.starts_with(start)) && !line.asked.contains("bewit=")
}

fn expected(line: &Line) -> Option<[u16; 15]> {
    let own =
        EXPECTED.iter().find(|(method, path, _)| (*method, *path) == (line.method, line.path));
    own.map(|(.., statuses)| *statuses)
}

/// Every route that asks for a scope of our own has answers, and every answer belongs to such a route. What is mounted
/// is in [`TABLE`] (`h18_the_table_names_what_is_mounted_and_nothing_else`).
fn every_route_has_its_answers() {
    let missing: Vec<_> = TABLE
        .iter()
        .filter(|line| is_own_api(line) && expected(line).is_none())
        .map(|line| (line.method, line.path))
        .collect();
    assert!(missing.is_empty(), "without an answer: {missing:?}");
    let gone: Vec<_> = EXPECTED
        .iter()
        .filter(|(method, path, _)| !TABLE.iter().any(|l| (l.method, l.path) == (*method, *path)))
        .collect();
    assert!(gone.is_empty(), "not mounted any more: {gone:?}");
    // And each is in the table by which the extractors decide.
    for line in TABLE.iter().filter(|line| is_own_api(line) && !line.path.contains("forward-auth"))
    {
        let known = understudy::http::extract::api_routes::API_ROUTES;
        let known = known.iter().any(|it| (it.method, it.path) == (line.method, line.path));
        assert!(known, "{} {}", line.method, line.path);
    }
    for route in understudy::http::extract::api_routes::API_ROUTES {
        let told =
            EXPECTED.iter().any(|(method, path, _)| (*method, *path) == (route.method, route.path));
        assert!(told, "without an answer: {} {}", route.method, route.path);
    }
    // And no answer is a refusal to everybody: somebody may call each of them.
    let closed =
        EXPECTED.iter().filter(|(.., answers)| answers.iter().all(|answer| *answer == 403));
    assert_eq!(closed.collect::<Vec<_>>(), Vec::<&(&str, &str, [u16; 15])>::new());
}

async fn tokens(server: &TestServer) -> [String; 15] {
    lists(server, "stranger", ALL).await;
    for client in ["spa", "native", "legacy"] {
        lists(server, client, ALL).await;
    }
    let more = format!("{ALL} {END_SESSIONS}");
    for client in ["orders", "machine"] {
        lists(server, client, &more).await;
    }
    server
        .db
        .sql(
            "INSERT INTO clients (id, name, kind, organization_id, auth_method, grant_types) \
             VALUES ('acme-desk', 'Acme desk', 'global', 'org_acme', 'client_secret', '{client_credentials}')",
        )
        .await;
    let signed_in = "openid profile email offline_access";
    let every = format!("{signed_in} {ALL}");
    let acting = server.impersonated_tokens().await;
    let acting = acting["access_token"].as_str().unwrap().to_owned();
    let sql =
        format!("UPDATE access_tokens SET scope = '{every}' WHERE impersonation_id IS NOT NULL");
    server.db.sql(&sql).await;
    let sam = async |client: &str, scope: &str| token(server, client, "usr_sam", scope).await;
    [
        sam("stranger", &every).await,
        sam("orders", signed_in).await,
        sam("orders", &every).await,
        token(server, "orders", "usr_alice", &every).await,
        sam("orders", "openid impersonations:read").await,
        sam("spa", &every).await,
        sam("native", &every).await,
        token(server, "machine", "", &format!("jobs:run {ALL}")).await,
        token(server, "machine", "", "jobs:run jobs:read").await,
        server.global_token().await,
        token(
            server,
            "acme-desk",
            "",
            "impersonations:create impersonations:read impersonations:end",
        )
        .await,
        acting,
        sam("invoices", &every).await,
        token(server, "orders", "usr_ada", END_SESSIONS).await,
        token(server, "machine", "", END_SESSIONS).await,
    ]
}

#[tokio::test]
async fn k01_every_token_opens_what_it_was_made_for_and_nothing_else_at_every_route_of_our_own_apis()
 {
    every_route_has_its_answers();
    let server = TestServer::start_with(&[("UNDERSTUDY_RATE_LIMITS", "off")]).await;
    let tokens = tokens(&server).await;
    server.link("legacy").await;
    let ids = "SELECT id FROM impersonations WHERE client_id = 'legacy' AND status = 'link_issued'";
    let waiting = server.db.text(ids).await;
    let browser = server.browser();
    let mut wrong = Vec::new();
    for line in TABLE.iter().filter(|line| is_own_api(line)) {
        let expected = expected(line).unwrap();
        let path = line.asked.replace("{seen}", &waiting).replace("{doomed}", &waiting);
        for (nth, column) in COLUMNS.iter().enumerate() {
            let request = browser.request(line.method.parse::<Method>().unwrap(), &path);
            let request = request.bearer_auth(&tokens[nth]);
            let request = if line.body.is_empty() { request } else { request.body(line.body) };
            let page = browser.send(request).await;
            if page.status != expected[nth] {
                wrong.push(format!(
                    "{} {}: {column}: {} {}",
                    line.method, line.path, page.status, page.body
                ));
            }
            if page.status == 403 {
                let challenge = page.header("www-authenticate").unwrap_or_default();
                assert!(
                    challenge.starts_with("Bearer error=\"insufficient_scope\""),
                    "{line_of}: {challenge}",
                    line_of = line.path
                );
                assert_eq!(page.json()["error"], "insufficient_scope", "{}", line.path);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Each refusal is in the trail, with the application whose token it was.
    for client in ["stranger", "orders", "spa", "native", "machine", "legacy", "invoices", "global"]
    {
        let sql = format!(
            "SELECT count(*) FROM audit_events WHERE type IN ('api.refused', 'impersonation.refused') \
             AND client_id = '{client}' AND detail ->> 'scope' <> ''"
        );
        assert!(server.db.count(&sql).await > 0, "{client}");
    }
}
