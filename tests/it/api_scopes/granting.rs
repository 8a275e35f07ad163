//! Who gets a scope of our own APIs: who asks for it, of the applications that list it.
use super::{ALL, change, lists, token};
use crate::box_::people::token_at;
use crate::support::{Page, TestServer};
use serde_json::Value;

async fn at_token(server: &TestServer, client: &str, more: &[(&str, &str)]) -> Page {
    let secret = format!("{client}-secret");
    let form: Vec<_> = [("client_id", client), ("client_secret", &secret)]
        .into_iter()
        .chain(more.iter().copied())
        .collect();
    server.browser().post_form("/oauth/token", &form).await
}

fn scope(page: &Page) -> String {
    page.json()["scope"].as_str().unwrap_or_default().to_owned()
}

/// What a token of Sam's at `client` carries when it is asked for with `scope`.
async fn carried(server: &TestServer, client: &str, asked: &str) -> String {
    let asked = asked.replace(':', "%3A").replace(' ', "%20");
    let token = token_at(server, "sam@understudy.test", client, &format!("&scope={asked}")).await;
    let secret = format!("{client}-secret");
    let form =
        [("token", token.as_str()), ("client_id", client), ("client_secret", secret.as_str())];
    let said = server.browser().post_form("/oauth/introspect", &form).await.json();
    said["scope"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn k01_at_a_sign_in_a_scope_is_given_to_who_lists_it_and_asks_for_it() {
    let server = TestServer::start().await;
    let every = format!("openid {ALL}");
    assert_eq!(carried(&server, "desk", &every).await, every);
    assert_eq!(carried(&server, "desk", "openid files:read").await, "openid files:read");
    assert_eq!(carried(&server, "invoices", &every).await, "openid", "it lists nothing");
    lists(&server, "invoices", "impersonations:read").await;
    assert_eq!(carried(&server, "invoices", &every).await, "openid impersonations:read");
    // The name among an application's own scopes gives nothing.
    change(&server, "UPDATE clients SET scopes = '{impersonations:create,forward-auth}', api_scopes = '{}' WHERE id = 'invoices'").await;
    assert_eq!(carried(&server, "invoices", &every).await, "openid");
    // Nor does any spelling of it.
    change(&server, "UPDATE clients SET scopes = '{}', api_scopes = '{Impersonations:Create,*}' WHERE id = 'invoices'").await;
    assert_eq!(
        carried(&server, "invoices", "openid Impersonations:Create impersonations:create").await,
        "openid"
    );
}

#[tokio::test]
async fn k01_an_application_that_speaks_for_itself_gets_what_it_lists_and_asks_for() {
    let server = TestServer::start().await;
    let grant = ("grant_type", "client_credentials");
    assert_eq!(scope(&at_token(&server, "machine", &[grant]).await), "jobs:run jobs:read");
    let refused = at_token(&server, "machine", &[grant, ("scope", "forward-auth")]).await;
    assert_eq!((refused.status, refused.json()["error"].as_str()), (400, Some("invalid_scope")));
    lists(&server, "machine", ALL).await;
    assert_eq!(
        scope(&at_token(&server, "machine", &[grant]).await),
        "jobs:run jobs:read",
        "unasked it is not given"
    );
    let asked = at_token(&server, "machine", &[grant, ("scope", "jobs:run forward-auth")]).await;
    assert_eq!(scope(&asked), "jobs:run forward-auth");
    // A token for another API opens none of ours.
    let other = [grant, ("scope", "forward-auth"), ("audience", "https://jobs.test/api")];
    assert_eq!(at_token(&server, "machine", &other).await.status, 400);
    change(&server, "UPDATE clients SET first_party = false WHERE id = 'machine'").await;
    assert_eq!(at_token(&server, "machine", &[grant, ("scope", "forward-auth")]).await.status, 400);
}

#[tokio::test]
async fn k01_the_global_client_carries_what_its_contract_needs_and_no_more() {
    let server = TestServer::start().await;
    let grant = ("grant_type", "client_credentials");
    let own = "impersonations:create impersonations:read impersonations:end";
    assert_eq!(scope(&at_token(&server, "global", &[grant]).await), own);
    let less = at_token(&server, "global", &[grant, ("scope", "impersonations:read")]).await;
    assert_eq!(scope(&less), "impersonations:read");
    let token = less.json()["access_token"].as_str().unwrap().to_owned();
    let body = serde_json::json!({"protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": "legacy"});
    assert_eq!(server.ask_with(&token, "usr_alice", body).await.status, 403);
    let more =
        at_token(&server, "global", &[grant, ("scope", "impersonations:create forward-auth")])
            .await;
    assert_eq!(more.status, 400, "{more:?}");
}

#[tokio::test]
async fn k01_a_refresh_gives_no_scope_that_the_application_lost() {
    let server = TestServer::start().await;
    let browser = server.browser();
    assert_eq!(browser.sign_in("sam@understudy.test", "sam-password").await.status, 303);
    let path = "/authorize?response_type=code&client_id=desk&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fdesk\
        &scope=openid%20offline_access%20impersonations%3Aread";
    let code = browser.get(path).await.location_param("code").unwrap();
    let tokens: Value = server.exchange("desk", &code, "http://127.0.0.1:9/desk").await.json();
    assert_eq!(tokens["scope"], "openid offline_access impersonations:read");
    let refresh = async |token: &Value, more: &[(&str, &str)]| {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str().unwrap())];
        let form: Vec<_> = form.into_iter().chain(more.iter().copied()).collect();
        at_token(&server, "desk", &form).await
    };
    let kept = refresh(&tokens["refresh_token"], &[]).await;
    assert_eq!(scope(&kept), "openid offline_access impersonations:read");
    lists(&server, "desk", "forward-auth").await;
    let next = kept.json()["refresh_token"].clone();
    let asked = refresh(&next, &[("scope", "impersonations:read")]).await;
    assert_eq!(asked.json()["error"], "invalid_scope", "{asked:?}");
    assert_eq!(scope(&refresh(&next, &[]).await), "openid offline_access");
}

#[tokio::test]
async fn k01_who_acts_as_somebody_gets_no_scope_that_manages_impersonations() {
    let server = TestServer::start().await;
    lists(&server, "legacy", ALL).await;
    change(&server, "UPDATE clients SET read_only = true WHERE id = 'legacy'").await;
    for (mode, expected) in [("full", "openid forward-auth"), ("read_only", "openid")] {
        let body = serde_json::json!({
            "protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": "legacy", "mode": mode,
            "additionalParameters": {"scope": format!("openid {ALL}")},
        });
        let answer = server.ask("usr_alice", body).await;
        let Some(link) = answer.body.strip_prefix(&server.url) else { panic!("{answer:?}") };
        let code = server.browser().get(link).await.location_param("code").unwrap();
        let tokens = server.exchange("legacy", &code, "http://127.0.0.1:9/legacy").await;
        assert_eq!(scope(&tokens), expected, "{mode}");
    }
    // By exchange neither.
    let cora = token(&server, "desk", "usr_cora", &format!("openid {ALL}")).await;
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", "usr_alice"),
        ("subject_token_type", "urn:understudy:params:oauth:token-type:user_id"),
        ("actor_token", cora.as_str()),
        ("actor_token_type", "urn:ietf:params:oauth:token-type:access_token"),
    ];
    let page = at_token(&server, "desk", &form).await;
    assert_eq!((page.status, scope(&page).as_str()), (200, "openid forward-auth"), "{page:?}");
    let more: Vec<_> = form.into_iter().chain([("scope", "impersonations:create")]).collect();
    assert_eq!(at_token(&server, "desk", &more).await.json()["error"], "invalid_scope");
}

/// The operator's own applications ask for consent only when they say so; then each scope stands there in words.
#[tokio::test]
async fn k01_the_consent_page_names_each_scope_in_words() {
    let server = TestServer::start().await;
    let sam = server.sam().await;
    let path = "/authorize?response_type=code&client_id=orders&prompt=consent&scope=openid%20impersonations%3Acreate\
        %20impersonations%3Aread%20impersonations%3Aend%20forward-auth&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback";
    let page = sam.open(sam.get(path).await.location()).await;
    for words in [
        "Sign in as other users in your name",
        "See who signs in as other users",
        "End impersonations",
        "Call the APIs behind this server in your name",
    ] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
}

/// The scope in a JWT, whoever it is for.
fn claimed(token: &str) -> String {
    use base64::Engine as _;
    let claims = token.split('.').nth(1).unwrap_or_else(|| panic!("no JWT: {token}"));
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    claims["scope"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn k01_a_token_for_another_api_carries_no_scope_of_ours() {
    let server = TestServer::start().await;
    let elsewhere = "&audience=https%3A%2F%2Ffiles.test%2Fapi";
    let every = format!("openid {ALL}").replace(':', "%3A").replace(' ', "%20");
    let more = format!("&scope={every}{elsewhere}");
    let token = token_at(&server, "sam@understudy.test", "desk", &more).await;
    assert_eq!(claimed(&token), "openid");
    // For our own APIs it does, whatever they are called.
    let own =
        format!("&scope={every}&audience={}", server.url.replace(':', "%3A").replace('/', "%2F"));
    let token = token_at(&server, "sam@understudy.test", "desk", &own).await;
    let form = [("token", token.as_str()), ("client_id", "desk"), ("client_secret", "desk-secret")];
    let said = server.browser().post_form("/oauth/introspect", &form).await.json();
    assert_eq!(said["scope"], format!("openid {ALL}"));
    // An exchange for another API leaves it out, and refuses it when it is asked for.
    let exchange = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("actor_token", token.as_str()),
        ("actor_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("subject_token", "usr_alice"),
        ("subject_token_type", "urn:understudy:params:oauth:token-type:user_id"),
        ("audience", "https://files.test/api"),
    ];
    let given = at_token(&server, "desk", &exchange).await;
    assert_eq!(given.status, 200, "{}", given.body);
    let token = given.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(claimed(&token), "openid");
    let asked: Vec<_> = exchange.into_iter().chain([("scope", "openid forward-auth")]).collect();
    let refused = at_token(&server, "desk", &asked).await;
    assert_eq!(refused.json()["error"], "invalid_scope", "{}", refused.body);
}
