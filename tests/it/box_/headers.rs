//! `As-User` and `On-Behalf-Of`.
use super::people::{asking, at_desk, cora, denied, get, token_at, userinfo_as};
use super::{APP, SMALL, service_account};
use crate::support::TestServer;
use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

const BY_EMAIL: &str = "on-behalf-of";

#[tokio::test]
async fn f16_a_call_as_somebody_is_answered_as_them_with_the_marks() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    let page = userinfo_as(&server, &token, "usr_alice").await;
    let said = page.json();
    let id = page.header("x-impersonation-id").unwrap();
    assert_eq!((&said["sub"], &said["name"]), (&json!("usr_alice"), &json!("Alice Chen")));
    assert_eq!(said["impersonated"], true);
    assert_eq!(said["impersonator"], json!({"user_id": "usr_cora", "email": "cora@acme.test"}));
    assert_eq!(said["act"], json!({"iss": server.url, "sub": "usr_cora"}));
    assert_eq!(said["https://understudy.dev/claims/impersonation"]["id"], id);
    // What manages impersonations is used by nobody who acts.
    for headers in [[("as-user", "usr_alice")], [(BY_EMAIL, "alice@acme.test")]] {
        let page = get(&server, "/api/impersonations", &token, &headers).await;
        assert_eq!(page.status, 403, "{page:?}");
    }
    assert_eq!(get(&server, "/api/impersonations", &token, &[]).await.status, 200);
}

#[tokio::test]
async fn f18_every_answer_says_that_it_is_acting_and_is_kept_by_nobody() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    let page = userinfo_as(&server, &token, "usr_alice").await;
    let id = page.header("x-impersonation-id").unwrap().to_owned();
    for path in ["/userinfo", "/me/impersonation", "/forward-auth"] {
        let page = get(&server, path, &token, &[("as-user", "usr_alice")]).await;
        assert_eq!((page.status, page.header("x-impersonation-id")), (200, Some(id.as_str())));
        assert_eq!(page.header("cache-control"), Some("no-store"), "{path}");
        let vary: Vec<_> =
            page.headers.get_all("vary").iter().map(|v| v.to_str().unwrap()).collect();
        assert!(vary.join(", ").contains("As-User, On-Behalf-Of"), "{path}: {vary:?}");
        assert_eq!(page.header("deprecation"), None);
    }
    let page = get(&server, "/userinfo", &token, &[(BY_EMAIL, "alice@acme.test")]).await;
    assert_eq!(page.header("deprecation"), Some("true"));
    assert!(page.header("link").unwrap().contains("rel=\"successor-version\""));
}

#[tokio::test]
async fn f19_as_one_as_another_and_as_oneself_are_three_answers() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    for (subject, sub) in [("usr_alice", "usr_alice"), ("auth0|bob", "auth0|bob")] {
        assert_eq!(userinfo_as(&server, &token, subject).await.json()["sub"], sub);
        let own = server.userinfo(&token).await;
        assert_eq!(own.json()["sub"], "usr_cora");
        assert_eq!(own.header("x-impersonation-id"), None);
        assert_eq!(own.json().get("act"), None);
    }
}

#[tokio::test]
async fn f01_an_application_without_the_switch_is_refused() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    let off = "UPDATE clients SET box = jsonb_set(box, '{perform_actions_as_users}', 'false') \
        WHERE id = 'desk'";
    server.db.sql(off).await;
    denied(&userinfo_as(&server, &token, "usr_alice").await);
    denied(&get(&server, "/userinfo", &token, &[(BY_EMAIL, "alice@acme.test")]).await);
    // An administrator's own token of an application that takes no part.
    let orders = "&scope=openid";
    let token = token_at(&server, "cora@acme.test", "portal", orders).await;
    denied(&userinfo_as(&server, &token, "usr_alice").await);
}

#[tokio::test]
async fn f01_the_older_header_needs_a_permission_of_its_own() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    let off =
        "UPDATE clients SET box = jsonb_set(box, '{on_behalf_of}', 'false') WHERE id = 'desk'";
    server.db.sql(off).await;
    denied(&get(&server, "/userinfo", &token, &[(BY_EMAIL, "alice@acme.test")]).await);
    assert_eq!(userinfo_as(&server, &token, "usr_alice").await.status, 200);
}

#[tokio::test]
async fn f02_nobody_is_named_by_their_own_id_or_address() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    denied(&userinfo_as(&server, &token, "usr_cora").await);
    denied(&get(&server, "/userinfo", &token, &[(BY_EMAIL, "cora@acme.test")]).await);
}

#[tokio::test]
async fn f03_an_ordinary_token_names_nobody() {
    let server = TestServer::start().await;
    for email in ["alice@acme.test", "auditor@acme.test", "riley@acme.test"] {
        let name = email.split('@').next().unwrap();
        let name = if name == "auditor" { "audrey" } else { name };
        let browser = server.browser();
        assert_eq!(browser.sign_in(email, &format!("{name}-password")).await.status, 303);
        let to = "http://127.0.0.1:9/desk";
        let path = "/authorize?response_type=code&client_id=desk&scope=openid\
            &redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fdesk";
        let code = browser.get(path).await.location_param("code").unwrap();
        let tokens = server.exchange("desk", &code, to).await.json();
        let token = tokens["access_token"].as_str().unwrap();
        denied(&userinfo_as(&server, token, "auth0|bob").await);
    }
}

/// Also the one body of every refusal: nobody learns why, or whether there is such a user.
#[tokio::test]
async fn f09_whoever_may_not_be_acted_as_is_as_unknown_as_nobody() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    let service = service_account(&server, APP).await;
    let app_user = APP.app_user(&server, "ned").await;
    let subjects = [
        "nobody",
        "usr_carol",
        "usr_ada",
        "usr_sam",
        "usr_cody",
        "usr_left",
        "usr_service",
        "-1",
        "usr_ALICE",
        service.as_str(),
        app_user.as_str(),
        "usr_app",
        "usr_auditor",
    ];
    for subject in subjects {
        denied(&userinfo_as(&server, &token, subject).await);
    }
    for address in ["nobody@acme.test", "carol@globex.test", "left@acme.test", "cody@acme.test"] {
        denied(&get(&server, "/userinfo", &token, &[(BY_EMAIL, address)]).await);
    }
    let deleted = "DELETE FROM users WHERE id = 'usr_alice'";
    assert_eq!(userinfo_as(&server, &token, "usr_alice").await.status, 200);
    server.db.sql(deleted).await;
    denied(&userinfo_as(&server, &token, "usr_alice").await);
}

#[tokio::test]
async fn f04_a_service_account_is_never_acted_as() {
    let server = TestServer::start().await;
    let service = service_account(&server, APP).await;
    denied(&userinfo_as(&server, &cora(&server).await, &service).await);
    let other = service_account(&server, SMALL).await;
    denied(&userinfo_as(&server, &APP.enterprise_token(&server).await, &other).await);
}

#[tokio::test]
async fn f05_nobody_acts_as_their_peers_and_superiors() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    server.db.sql("UPDATE users SET organization_id = 'org_acme' WHERE id = 'usr_ada'").await;
    for subject in ["usr_cody", "usr_ada", "usr_riley"] {
        denied(&userinfo_as(&server, &token, subject).await);
    }
    // Nor does an administrator, whatever they hold.
    let ada = at_desk(&server, "ada@understudy.test").await;
    denied(&userinfo_as(&server, &ada, "usr_cora").await);
    assert_eq!(userinfo_as(&server, &ada, "usr_alice").await.status, 200);
}

#[tokio::test]
async fn f06_both_headers_are_refused_even_for_one_person() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    let both = [("as-user", "usr_alice"), (BY_EMAIL, "alice@acme.test")];
    for path in ["/userinfo", "/me/impersonation", "/api/impersonations"] {
        let page = get(&server, path, &token, &both).await;
        assert_eq!((page.status, page.json()["error"].as_str()), (400, Some("invalid_request")));
    }
    // A proxy has no word for 400.
    assert_eq!(get(&server, "/forward-auth", &token, &both).await.status, 403);
}

#[tokio::test]
async fn f07_a_header_twice_or_a_list_is_refused() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    for headers in [
        &[("as-user", "usr_alice"), ("as-user", "usr_alice")][..],
        &[("as-user", "usr_alice, usr_bob")],
        &[("as-user", "usr_alice,usr_alice")],
        &[(BY_EMAIL, "alice@acme.test"), (BY_EMAIL, "alice@acme.test")],
    ] {
        let page = get(&server, "/userinfo", &token, headers).await;
        assert_eq!(page.status, 400, "{headers:?}: {page:?}");
    }
}

#[tokio::test]
async fn f08_a_malformed_header_never_means_oneself() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    let long = "1".repeat(10_000);
    for value in ["", " ", "\t", "ü", "usr alice", &long] {
        for name in ["as-user", BY_EMAIL] {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            let request = asking(&server, "/userinfo", &token).header(name, value.clone());
            let page = server.browser().send(request).await;
            assert!(
                page.status >= 400 && !page.body.contains("cora"),
                "{name} {value:?}: {page:?}"
            );
        }
    }
    // On the wire, what no client would send.
    for line in ["As-User: usr\0alice", "As-User:", "As-User : usr_alice", "As_User: usr_alice"] {
        let answer = raw(&server, &token, &[line]);
        assert!(answer.starts_with("HTTP/1.1 400"), "{line:?}: {answer}");
        assert!(!answer.contains("usr_cora"));
    }
}

fn raw(server: &TestServer, token: &str, lines: &[&str]) -> String {
    let host = server.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let more: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    write!(
        stream,
        "GET /userinfo HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n{more}\r\n"
    )
    .unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
    let mut answer = vec![0; 4096];
    let read = stream.read(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

#[tokio::test]
async fn f10_who_is_switched_off_is_out() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    assert_eq!(userinfo_as(&server, &token, "usr_alice").await.status, 200);
    server.db.sql("UPDATE users SET status = 'inactive' WHERE id = 'usr_alice'").await;
    denied(&userinfo_as(&server, &token, "usr_alice").await);
    server.db.sql("UPDATE users SET status = 'active' WHERE id = 'usr_alice'").await;
    // What has ended does not begin again with the same token.
    denied(&userinfo_as(&server, &token, "usr_alice").await);
    assert_eq!(userinfo_as(&server, &token, "auth0|bob").await.status, 200);
    server.db.sql("UPDATE users SET status = 'inactive' WHERE id = 'usr_cora'").await;
    assert_eq!(userinfo_as(&server, &token, "auth0|bob").await.status, 401);
}

#[tokio::test]
async fn f11_names_of_headers_have_no_case_and_no_other_spelling() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    for name in ["as-user", "AS-USER", "As-User"] {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        let request = asking(&server, "/userinfo", &token).header(name, "usr_alice");
        assert_eq!(server.browser().send(request).await.json()["sub"], "usr_alice");
    }
    let answer = raw(&server, &token, &["aS-uSeR: usr_alice"]);
    assert!(answer.contains(r#""sub":"usr_alice""#), "{answer}");
    // Another header altogether.
    let page = get(&server, "/userinfo", &token, &[("x-as-user", "usr_alice")]).await;
    assert_eq!(page.json()["sub"], "usr_cora");
    for name in ["As_User", "on_behalf_of"] {
        assert_eq!(get(&server, "/userinfo", &token, &[(name, "usr_alice")]).await.status, 400);
    }
}

#[tokio::test]
async fn f12_a_connection_header_that_takes_the_name_away_is_refused() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    for lines in [
        &["Connection: As-User", "As-User: usr_alice"][..],
        &["Connection: close, as-user"],
        &["Connection: keep-alive", "Connection: On-Behalf-Of", "On-Behalf-Of: alice@acme.test"],
    ] {
        let answer = raw(&server, &token, lines);
        assert!(answer.starts_with("HTTP/1.1 400"), "{lines:?}: {answer}");
    }
}

#[tokio::test]
async fn f13_identity_headers_from_outside_mean_nothing() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    let smuggled = [
        ("x-forwarded-user", "usr_alice"),
        ("x-auth-user", "usr_alice"),
        ("x-auth-subject", "usr_alice"),
        ("remote-user", "usr_alice"),
        ("x-impersonation-id", "imp_0"),
    ];
    for path in ["/userinfo", "/forward-auth"] {
        let page = get(&server, path, &token, &smuggled).await;
        assert!(!format!("{page:?}").contains("usr_alice"), "{page:?}");
    }
    let page = server
        .browser()
        .request(Method::GET, "/forward-auth")
        .header("x-auth-subject", "usr_alice");
    assert_eq!(server.browser().send(page).await.status, 401);
}

#[tokio::test]
async fn f15_acting_gives_no_scope_that_the_token_has_not() {
    let server = TestServer::start().await;
    let token = token_at(&server, "cora@acme.test", "desk", "&scope=openid%20files%3Aread").await;
    let said = userinfo_as(&server, &token, "usr_alice").await.json();
    assert_eq!((said.get("email"), said.get("name")), (None, None), "{said}");
    let page = "/forward-auth?scope=files%3Aread";
    let page = get(&server, page, &token, &[("as-user", "usr_alice")]).await;
    assert_eq!(page.header("x-auth-scopes"), Some("openid files:read"));
    // And no right that the subject has not: see `f16`, and the property tests of the heart.
}

#[tokio::test]
async fn f20_an_identity_in_the_query_or_in_the_body_is_nobody() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    let page = get(&server, "/userinfo?as_user=usr_alice&user_id=usr_alice", &token, &[]).await;
    assert_eq!(page.json()["sub"], "usr_cora");
    let form = [("as_user", "usr_alice"), ("As-User", "usr_alice"), ("user_id", "usr_alice")];
    let request =
        server.browser().request(Method::POST, "/userinfo").bearer_auth(&token).form(&form);
    assert_eq!(server.browser().send(request).await.json()["sub"], "usr_cora");
    let page = get(&server, "/forward-auth?as_user=usr_alice", &token, &[]).await;
    assert_eq!(page.status, 403, "{page:?}");
}

#[tokio::test]
async fn f21_a_token_without_a_user_acts_as_nobody() {
    let server = TestServer::start().await;
    let token = server.client_token("machine", "machine-secret").await;
    denied(&userinfo_as(&server, &token, "usr_alice").await);
    // The application's service account is somebody.
    let token = APP.enterprise_token(&server).await;
    assert_eq!(userinfo_as(&server, &token, "usr_alice").await.json()["sub"], "usr_alice");
    let service = service_account(&server, APP).await;
    let page = "/forward-auth?scope=item_upload";
    let page = get(&server, page, &token, &[("as-user", "usr_alice")]).await;
    assert_eq!(page.header("x-auth-actor"), Some(service.as_str()));
}

#[tokio::test]
async fn f22_an_address_names_whoever_has_it_now() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    let named = [(BY_EMAIL, "alice@acme.test")];
    assert_eq!(get(&server, "/userinfo", &token, &named).await.json()["sub"], "usr_alice");
    server
        .db
        .sql(
            "UPDATE users SET email = 'old@acme.test', email_canonical = 'old@acme.test' WHERE id = 'usr_alice'; \
             UPDATE users SET email = 'Alice@acme.test', email_canonical = 'alice@acme.test' WHERE id = 'auth0|bob'",
        )
        .await;
    let page = get(&server, "/userinfo", &token, &named).await;
    assert_eq!(page.json()["sub"], "auth0|bob");
    let subjects = "SELECT string_agg(subject, ' ' ORDER BY seq) FROM audit_events \
        WHERE type = 'impersonation.api_call'";
    assert_eq!(server.db.text(subjects).await, "usr_alice auth0|bob", "the id, not the address");
    server.db.sql("UPDATE users SET email_verified = false WHERE id = 'auth0|bob'").await;
    denied(&get(&server, "/userinfo", &token, &named).await);
}

#[tokio::test]
async fn f23_an_address_is_compared_without_case_and_in_no_other_way() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    let page = get(&server, "/userinfo", &token, &[(BY_EMAIL, "ALICE@Acme.Test")]).await;
    assert_eq!(page.json()["sub"], "usr_alice");
    for address in
        ["alice+tag@acme.test", "alice@acme.test.", "al.ice@acme.test", "alice@xn--acme-0ra.test"]
    {
        denied(&get(&server, "/userinfo", &token, &[(BY_EMAIL, address)]).await);
    }
}

#[tokio::test]
async fn f24_two_users_never_share_an_address() {
    let server = TestServer::start().await;
    let twice = "INSERT INTO users (id, email, email_canonical) VALUES ('x', 'ALICE@acme.test', 'alice@acme.test')";
    assert!(server.db.client().await.execute(twice, &[]).await.is_err());
}

#[tokio::test]
async fn f25_whoever_acts_already_names_nobody_else() {
    let server = TestServer::start().await;
    let token = APP.token(&server, "user", "usr_alice").await;
    denied(&userinfo_as(&server, &token, "auth0|bob").await);
    denied(&userinfo_as(&server, &token, "usr_alice").await);
    let acting = server.impersonated_tokens().await;
    denied(&userinfo_as(&server, acting["access_token"].as_str().unwrap(), "auth0|bob").await);
}

#[tokio::test]
async fn f26_the_call_after_the_actor_is_switched_off_is_401() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    assert_eq!(userinfo_as(&server, &token, "usr_alice").await.status, 200);
    server.db.sql("UPDATE users SET status = 'inactive' WHERE id = 'usr_cora'").await;
    let page = userinfo_as(&server, &token, "usr_alice").await;
    assert_eq!(page.status, 401);
    assert_eq!(page.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
}

#[tokio::test]
async fn f28_the_app_user_of_another_application_is_nobody() {
    let server = TestServer::start().await;
    let theirs = SMALL.app_user(&server, "theirs").await;
    let own = APP.app_user(&server, "own").await;
    let token = APP.enterprise_token(&server).await;
    denied(&userinfo_as(&server, &token, &theirs).await);
    let ask = "/forward-auth?scope=item_upload";
    let page = get(&server, ask, &token, &[("as-user", own.as_str())]).await;
    assert_eq!((page.status, page.header("x-auth-subject")), (200, Some(own.as_str())));
    let login = format!("{own}@appusers.invalid");
    let page = get(&server, ask, &token, &[(BY_EMAIL, login.as_str())]).await;
    assert_eq!(page.header("x-auth-subject"), Some(own.as_str()));
}

#[tokio::test]
async fn f29_an_app_user_acts_as_nobody() {
    let server = TestServer::start().await;
    let own = APP.app_user(&server, "own").await;
    let other = APP.app_user(&server, "other").await;
    let token = APP.token(&server, "user", &own).await;
    for subject in [other.as_str(), "usr_alice"] {
        denied(&userinfo_as(&server, &token, subject).await);
    }
    let body = json!({"protocol": "oauth2", "impersonator_id": own, "client_id": "legacy"});
    assert_eq!(server.ask("usr_alice", body).await.status, 403);
}

#[tokio::test]
async fn f34_a_suspended_organization_or_application_acts_no_more() {
    let server = TestServer::start().await;
    let ada = at_desk(&server, "ada@understudy.test").await;
    assert_eq!(userinfo_as(&server, &ada, "usr_alice").await.status, 200);
    server.db.sql("UPDATE organizations SET status = 'inactive' WHERE id = 'org_acme'").await;
    denied(&userinfo_as(&server, &ada, "auth0|bob").await);
    server
        .db
        .sql("UPDATE organizations SET status = 'active', impersonation_enabled = false")
        .await;
    denied(&userinfo_as(&server, &ada, "auth0|bob").await);
    server.db.sql("UPDATE organizations SET impersonation_enabled = true").await;
    assert_eq!(userinfo_as(&server, &ada, "auth0|bob").await.status, 200);
    server.db.sql("UPDATE clients SET status = 'inactive' WHERE id = 'desk'").await;
    assert_eq!(userinfo_as(&server, &ada, "auth0|bob").await.status, 401, "its tokens are dead");
}

#[tokio::test]
async fn introspection_says_as_whom_a_call_is_made() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    let ask = async |as_user: &str| {
        let form = [
            ("token", token.as_str()),
            ("as_user", as_user),
            ("client_id", "checker"),
            ("client_secret", "checker-secret"),
        ];
        server.browser().post_form("/oauth/introspect", &form).await
    };
    let said: Value = ask("usr_alice").await.json();
    assert_eq!((&said["active"], &said["sub"]), (&json!(true), &json!("usr_alice")));
    assert_eq!(said["act"]["sub"], "usr_cora");
    denied(&ask("usr_cody").await);
    denied(&ask("nobody").await);
    assert_eq!(ask("").await.json()["sub"], "usr_cora", "an empty field is none");
}

#[tokio::test]
async fn a46_what_somebody_has_ended_is_over_for_this_token() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    let page = get(&server, "/me/impersonation", &token, &[("as-user", "usr_alice")]).await;
    assert_eq!(page.json()["impersonator"]["user_id"], "usr_cora");
    let request = server.browser().request(Method::DELETE, "/me/impersonation");
    let request = request.bearer_auth(&token).header("as-user", "usr_alice");
    assert_eq!(server.browser().send(request).await.status, 204);
    denied(&userinfo_as(&server, &token, "usr_alice").await);
    // Not by the other header either, nor by a token that is narrowed from this one.
    denied(&get(&server, "/userinfo", &token, &[(BY_EMAIL, "alice@acme.test")]).await);
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", token.as_str()),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("scope", "openid"),
    ];
    let narrowed = server.browser().post_form("/oauth2/token", &form).await;
    let narrowed = narrowed.json()["access_token"].as_str().unwrap().to_owned();
    denied(&userinfo_as(&server, &narrowed, "usr_alice").await);
    assert_eq!(server.userinfo(&token).await.status, 200);
    let fresh = cora(&server).await;
    assert_eq!(userinfo_as(&server, &fresh, "usr_alice").await.status, 200);
}

#[tokio::test]
async fn a07_a_subject_who_is_promoted_is_acted_as_no_more() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    assert_eq!(userinfo_as(&server, &token, "usr_alice").await.status, 200);
    server.db.sql("INSERT INTO user_roles VALUES ('usr_alice', 'support')").await;
    denied(&userinfo_as(&server, &token, "usr_alice").await);
    let ended = "SELECT end_reason FROM impersonations WHERE channel = 'as_user'";
    assert_eq!(server.db.text(ended).await, "subject_changed");
}

#[tokio::test]
async fn l09_acting_as_somebody_ends_with_the_moment_of_the_subject_and_stays_over() {
    let server = TestServer::start().await;
    let token = cora(&server).await;
    assert_eq!(userinfo_as(&server, &token, "usr_alice").await.status, 200);
    server.db.sql("SELECT put_not_before('user_not_before', ARRAY['usr_alice'])").await;
    assert_ne!(userinfo_as(&server, &token, "usr_alice").await.status, 200);
    let ended = "SELECT end_reason FROM impersonations WHERE ended_at IS NOT NULL";
    assert_eq!(server.db.text(ended).await, "stopped_by_admin");
    assert_ne!(userinfo_as(&server, &token, "usr_alice").await.status, 200, "by this token");
    assert_eq!(server.userinfo(&token).await.status, 200, "the actor's own token is good");
    // Their own end takes the token along.
    server.db.sql("SELECT put_not_before('user_not_before', ARRAY['usr_cora'])").await;
    assert_eq!(server.userinfo(&token).await.status, 401);
}
