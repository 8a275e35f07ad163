//! `POST /oauth2/token` by assertion and by name.
use super::*;

const SUBJECT: &str = "Please check the 'sub' claim. The 'sub' specified is invalid.";
const SIGNATURE: &str = "OAuth JWT signature verification failed.";
const NOT_AUTHORIZED: &str = "This app is not authorized by the enterprise";
const NO_USER_TOKENS: &str =
    "Cannot obtain user token based on the enterprise configuration for your app";

async fn subject_of(server: &TestServer, token: &str) -> Value {
    server.introspect(token).await.json()["sub"].clone()
}

async fn last_event(server: &TestServer, kind: &str) -> Value {
    let sql = format!(
        "SELECT row_to_json(e)::text FROM audit_events e WHERE type = '{kind}' ORDER BY seq DESC LIMIT 1"
    );
    serde_json::from_str(&server.db.text(&sql).await).unwrap()
}

#[tokio::test]
async fn an_enterprise_token_speaks_for_the_service_account() {
    let server = TestServer::start().await;
    let answer = APP.ask(&server, "enterprise", "org_acme").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let expected = format!(
        r#"{{"access_token":"{token}","expires_in":3600,"restricted_to":[],"token_type":"bearer"}}"#
    );
    assert_eq!(answer.body, expected);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(subject_of(&server, &token).await, service_account(&server, APP).await);
}

#[tokio::test]
async fn g17_an_app_user_is_reached_by_the_application_that_made_it_only() {
    let server = TestServer::start().await;
    let ned = SMALL.app_user(&server, "ned").await;
    let token = SMALL.token(&server, "user", &ned).await;
    assert_eq!(subject_of(&server, &token).await, *ned);
    let introspected = server.introspect(&token).await.json();
    assert_eq!(introspected.get("act"), None, "it is nobody else");
    refused(&APP.ask(&server, "user", &ned).await, "invalid_grant", SUBJECT);
}

#[tokio::test]
async fn a_managed_user_is_an_impersonation_by_the_service_account() {
    let server = TestServer::start().await;
    let service = service_account(&server, APP).await;
    let token = APP.token(&server, "user", "usr_alice").await;
    let trail = server.db.trail().await;
    let said = server.introspect(&token).await.json();
    assert_eq!(
        (&said["sub"], &said["impersonated"]),
        (&json!("usr_alice"), &json!(true)),
        "{said}"
    );
    assert_eq!(said["act"], json!({"iss": server.url, "sub": service}));
    assert_eq!(
        trail,
        [
            format!("impersonation.started {service}->usr_alice"),
            format!("impersonation.token_issued {service}->usr_alice"),
        ]
    );
    let row =
        "SELECT concat_ws(' ', status, channel, actor_proof, requested_by) FROM impersonations";
    assert_eq!(server.db.text(row).await, "active jwt_grant client box-app");
}

#[tokio::test]
async fn a21_the_token_of_a_managed_user_ends_with_everybody_it_needs() {
    for sql in [
        "UPDATE users SET status = 'inactive' WHERE id = 'usr_alice'",
        "UPDATE users SET status = 'inactive' WHERE kind = 'service_account'",
        "UPDATE clients SET box = jsonb_set(box, '{enterprise_access}', 'false') WHERE id = 'box-app'",
        "UPDATE clients SET box = jsonb_set(box, '{authorized_in}', '[]') WHERE id = 'box-app'",
        "UPDATE organizations SET impersonation_enabled = false",
        "UPDATE organizations SET status = 'inactive' WHERE id = 'org_acme'",
        "UPDATE settings SET impersonation_enabled = false",
        "UPDATE clients SET status = 'inactive' WHERE id = 'box-app'",
    ] {
        let server = TestServer::start().await;
        let token = APP.token(&server, "user", "usr_alice").await;
        server.db.sql(sql).await;
        assert_eq!(server.introspect(&token).await.body, r#"{"active":false}"#, "{sql}");
        assert_ne!(APP.ask(&server, "user", "usr_alice").await.status, 200, "{sql}");
    }
    let server = TestServer::start().await;
    let token = APP.token(&server, "user", "usr_alice").await;
    server.db.advance("59 minutes").await;
    assert_eq!(server.introspect(&token).await.json()["active"], true);
    server.db.advance("1 minute").await;
    assert_eq!(server.introspect(&token).await.body, r#"{"active":false}"#);
}

#[tokio::test]
async fn g01_an_assertion_that_lives_too_long_is_refused() {
    let server = TestServer::start().await;
    let claims = APP.claims(&server, "enterprise", "org_acme").await;
    let now = claims["exp"].as_i64().unwrap() - 30;
    let too_far = "'exp' claim. It exceeds the maximum value of 60 seconds beyond the issue time";
    for (iat, exp) in
        [(None, 70), (Some(0), 70), (Some(-40), 30), (None, 100_000), (None, i64::MAX / 2)]
    {
        let mut claims = claims.clone();
        claims["exp"] = (now + exp).into();
        if let Some(iat) = iat {
            claims["iat"] = (now + iat).into();
        }
        refused(&APP.send(&server, &APP.assertion(&claims)).await, "invalid_grant", too_far);
    }
    let mut claims = claims.clone();
    claims["exp"] = (now - 10).into();
    refused(&APP.send(&server, &APP.assertion(&claims)).await, "invalid_grant", "'exp' claim.");
}

#[tokio::test]
async fn g02_an_unknown_subject_is_refused() {
    let server = TestServer::start().await;
    for subject in ["usr_nobody", "usr_carol", "236506102", "org_acme"] {
        refused(&APP.ask(&server, "user", subject).await, "invalid_grant", SUBJECT);
    }
}

#[tokio::test]
async fn g03_a_subject_is_a_string() {
    let server = TestServer::start().await;
    for subject in [json!(236_506_102), json!(["org_acme"]), json!(""), json!(null), json!({})] {
        let mut claims = APP.claims(&server, "enterprise", "org_acme").await;
        claims["sub"] = subject;
        refused(&APP.send(&server, &APP.assertion(&claims)).await, "invalid_grant", SUBJECT);
    }
}

#[tokio::test]
async fn g04_the_kind_of_the_subject_is_said_and_right() {
    let server = TestServer::start().await;
    refused(
        &APP.ask(&server, "enterprise", "usr_alice").await,
        "unauthorized_client",
        NOT_AUTHORIZED,
    );
    for kind in [json!("admin"), json!(""), json!(null), json!(1), json!("User")] {
        let mut claims = APP.claims(&server, "enterprise", "org_acme").await;
        claims["box_sub_type"] = kind;
        let answer = APP.send(&server, &APP.assertion(&claims)).await;
        refused(&answer, "invalid_grant", "'box_sub_type' claim");
    }
}

#[tokio::test]
async fn g05_without_the_approval_of_an_administrator_there_is_no_token() {
    let server = TestServer::start().await;
    // An organization that has not approved it, and one that is not there: no difference.
    for organization in ["org_globex", "org_none"] {
        let answer = APP.ask(&server, "enterprise", organization).await;
        refused(&answer, "unauthorized_client", NOT_AUTHORIZED);
    }
    let ned = SMALL.app_user(&server, "ned").await;
    let before = (SMALL.token(&server, "user", &ned).await, SMALL.enterprise_token(&server).await);
    let withdrawn =
        "UPDATE clients SET box = jsonb_set(box, '{authorized_in}', '[]') WHERE id = 'box-small'";
    server.db.sql(withdrawn).await;
    // Applications are remembered for a second.
    let server = TestServer::start_on(server.db.copy().await, &[]).await;
    for token in [before.0, before.1] {
        assert_eq!(server.introspect(&token).await.body, r#"{"active":false}"#);
    }
    for (kind, subject) in [("enterprise", "org_acme"), ("user", ned.as_str())] {
        let answer = SMALL.ask(&server, kind, subject).await;
        refused(&answer, "unauthorized_client", NOT_AUTHORIZED);
    }
}

#[tokio::test]
async fn g06_a_defect_in_any_claim_is_refused() {
    let server = TestServer::start().await;
    let right = APP.claims(&server, "enterprise", "org_acme").await;
    let now = right["exp"].as_i64().unwrap() - 30;
    for (name, value, part) in [
        ("iss", json!(null), "'iss' claim"),
        ("iss", json!("box-small"), "'iss' claim"),
        ("aud", json!(null), "'aud' claim"),
        ("aud", json!("https://elsewhere.test/oauth2/token"), "'aud' claim"),
        ("exp", json!(null), "'exp' claim"),
        ("exp", json!((now + 30).to_string()), "'exp' claim"),
        ("jti", json!(null), "'jti' claim"),
        ("sub", json!(null), "'sub' claim"),
        ("nbf", json!(now + 60), "'nbf' claim"),
        ("iat", json!(now + 60), "'iat' claim"),
    ] {
        let mut claims = right.clone();
        claims[name] = value;
        if claims[name].is_null() {
            claims.as_object_mut().unwrap().remove(name);
        }
        refused(&APP.send(&server, &APP.assertion(&claims)).await, "invalid_grant", part);
    }
}

#[tokio::test]
async fn g07_an_assertion_is_taken_once_on_any_node() {
    let server = TestServer::start().await;
    let claims = APP.claims(&server, "enterprise", "org_acme").await;
    let assertion = APP.assertion(&claims);
    let answers =
        futures_util::future::join_all((0..8).map(|_| APP.send(&server, &assertion))).await;
    let (good, bad): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(good.len(), 1, "{bad:?}");
    let used = "'jti' claim. A unique 'jti' value is required.";
    for answer in bad {
        refused(answer, "invalid_grant", used);
    }
    assert_eq!(server.db.count("SELECT count(*) FROM access_tokens").await, 1);
    // The same name in another assertion, to another user, on a node that has just started.
    let ned = APP.app_user(&server, "ned").await;
    let mut claims = claims;
    claims["sub"] = ned.into();
    claims["box_sub_type"] = "user".into();
    let other = TestServer::start_on(server.db.copy().await, &[]).await;
    claims["aud"] = format!("{}/oauth2/token", other.url).into();
    refused(&APP.send(&other, &APP.assertion(&claims)).await, "invalid_grant", used);
    claims["sub"] = "usr_alice".into();
    refused(&APP.send(&other, &APP.assertion(&claims)).await, "invalid_grant", used);
    assert_eq!(other.db.count("SELECT count(*) FROM impersonations").await, 0);
}

#[tokio::test]
async fn g08_the_key_of_another_application_is_no_key() {
    let server = TestServer::start().await;
    let claims = APP.claims(&server, "enterprise", "org_acme").await;
    for kid in [json!("key-1"), json!("key-2"), json!("key-3"), json!(null)] {
        let mut header = json!({"alg": "RS256", "typ": "JWT", "kid": kid});
        if kid.is_null() {
            header.as_object_mut().unwrap().remove("kid");
        }
        let answer = APP.send(&server, &SMALL.sign(&header, &claims)).await;
        refused(&answer, "invalid_grant", SIGNATURE);
    }
    let unnamed = json!({"alg": "RS256"});
    assert_eq!(APP.send(&server, &APP.sign(&unnamed, &claims)).await.status, 200);
}

#[tokio::test]
async fn g09_a_key_that_is_taken_away_signs_nothing() {
    let server = TestServer::start().await;
    APP.enterprise_token(&server).await;
    server.db.sql("UPDATE clients SET box = jsonb_set(box, '{public_keys}', '[]')").await;
    let server = TestServer::start_on(server.db.copy().await, &[]).await;
    refused(&APP.ask(&server, "enterprise", "org_acme").await, "invalid_grant", SIGNATURE);
}

#[tokio::test]
async fn g10_a_user_who_is_off_or_gone_is_no_subject() {
    let server = TestServer::start().await;
    let ned = APP.app_user(&server, "ned").await;
    let token = APP.token(&server, "user", &ned).await;
    server.db.sql(&format!("UPDATE users SET status = 'inactive' WHERE id = '{ned}'")).await;
    assert_eq!(server.introspect(&token).await.body, r#"{"active":false}"#);
    refused(&APP.ask(&server, "user", &ned).await, "invalid_grant", SUBJECT);
    refused(&APP.ask(&server, "user", "usr_left").await, "invalid_grant", SUBJECT);
    server.db.sql(&format!("DELETE FROM users WHERE id = '{ned}'")).await;
    refused(&APP.ask(&server, "user", &ned).await, "invalid_grant", SUBJECT);
}

#[tokio::test]
async fn g11_an_issuer_that_is_off_gets_nothing() {
    let server = TestServer::start().await;
    server.db.sql("UPDATE clients SET status = 'inactive' WHERE id = 'box-app'").await;
    let answer = APP.ask(&server, "enterprise", "org_acme").await;
    refused(&answer, "invalid_client", "The client credentials are invalid");
    server.db.sql("UPDATE organizations SET status = 'inactive' WHERE id = 'org_acme'").await;
    refused(&SMALL.ask(&server, "enterprise", "org_acme").await, "invalid_grant", SUBJECT);
}

#[tokio::test]
async fn g12_nobody_with_power_over_others_is_a_subject() {
    let server = TestServer::start().await;
    let coadmin = "INSERT INTO user_roles VALUES ('usr_alice', 'coadmin')";
    server.db.sql(coadmin).await;
    let service = service_account(&server, SMALL).await;
    // A co-administrator, an agent, the operator's administrator, service accounts of others.
    for subject in ["usr_alice", "usr_riley", "usr_ada", "usr_service", &service] {
        refused(&APP.ask(&server, "user", subject).await, "invalid_grant", SUBJECT);
    }
    let trail = server.db.trail().await;
    assert!(
        trail.iter().any(|event| event.contains("->usr_alice (higher_privileges)")),
        "{trail:?}"
    );
}

#[tokio::test]
async fn g13_the_marks_say_that_the_subject_did_not_authenticate() {
    let server = TestServer::start().await;
    let before =
        server.db.rows("SELECT last_login_at, login_count FROM users WHERE id = 'usr_alice'");
    assert_eq!(before.await[0].get::<_, i64>(1), 0);
    let token = APP.token(&server, "user", "usr_alice").await;
    let said = server.introspect(&token).await.json();
    assert_eq!((said["acr"].as_str(), said.get("amr")), (Some("0"), None), "{said}");
    let count = "SELECT login_count FROM users WHERE id = 'usr_alice'";
    assert_eq!(server.db.count(count).await, 0);
}

#[tokio::test]
async fn g14_there_is_never_a_refresh_token() {
    let server = TestServer::start().await;
    let ned = APP.app_user(&server, "ned").await;
    for (kind, subject) in
        [("enterprise", "org_acme"), ("user", ned.as_str()), ("user", "usr_alice")]
    {
        let answer = APP.ask(&server, kind, subject).await.json();
        assert_eq!(answer.get("refresh_token"), None);
        assert_eq!(answer["expires_in"], 3600);
    }
    server.db.sql("UPDATE clients SET access_token_lifetime = 86400").await;
    let server = TestServer::start_on(server.db.copy().await, &[]).await;
    assert_eq!(APP.ask(&server, "enterprise", "org_acme").await.json()["expires_in"], 3600);
}

#[tokio::test]
async fn g15_no_other_algorithm_is_taken() {
    let server = TestServer::start().await;
    let claims = APP.claims(&server, "enterprise", "org_acme").await;
    let public = include_str!("keys/app.pub.pem");
    for alg in ["none", "HS256", "hs256", "RS1", "rs256"] {
        let header = json!({"alg": alg, "kid": "key-1"});
        let signed = APP.sign(&header, &claims);
        let (signed, _) = signed.rsplit_once('.').unwrap();
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, public.as_bytes());
        let mac = URL_SAFE_NO_PAD.encode(ring::hmac::sign(&key, signed.as_bytes()));
        for signature in ["", &mac] {
            let answer = APP.send(&server, &format!("{signed}.{signature}")).await;
            refused(&answer, "invalid_grant", SIGNATURE);
        }
    }
}

#[tokio::test]
async fn g16_what_is_no_signed_token_is_refused_at_once() {
    let server = TestServer::start().await;
    let big = "a".repeat(40_000);
    let five =
        format!("{}.a.b.c.d", URL_SAFE_NO_PAD.encode(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#));
    let nested = APP.assertion(&json!(APP.assertion(&json!({}))));
    let zip =
        APP.sign(&json!({"alg": "RS256", "kid": "key-1", "zip": "DEF"}), &json!({"sub": "x"}));
    for assertion in ["x", "a.b", "..", &five, &big] {
        refused(&APP.send(&server, assertion).await, "invalid_grant", SIGNATURE);
    }
    for assertion in [nested, zip] {
        assert_eq!(APP.send(&server, &assertion).await.status, 400);
    }
    assert_eq!(APP.send(&server, &"a".repeat(1 << 20)).await.status, 413);
}

#[tokio::test]
async fn g31_wrong_assertions_are_held_back_for_the_application_alone() {
    let server = TestServer::start().await;
    let claims = APP.claims(&server, "enterprise", "org_acme").await;
    let wrong = SMALL.assertion(&claims);
    for _ in 0..100 {
        refused(&APP.send(&server, &wrong).await, "invalid_grant", SIGNATURE);
    }
    let answer = APP.send(&server, &APP.assertion(&claims)).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("60")), "{answer:?}");
    SMALL.enterprise_token(&server).await;
}

#[tokio::test]
async fn g32_every_grant_leaves_its_event_and_never_the_assertion() {
    let server = TestServer::start().await;
    let service = service_account(&server, APP).await;
    let claims = APP.claims(&server, "enterprise", "org_acme").await;
    let assertion = APP.assertion(&claims);
    assert_eq!(APP.send(&server, &assertion).await.status, 200);
    let event = last_event(&server, "application.token_issued").await;
    let said = (&event["actor"], &event["client_id"], &event["subject"], &event["organization_id"]);
    assert_eq!(said, (&json!("box-app"), &json!("box-app"), &json!(service), &json!("org_acme")));
    assert_eq!(event["detail"]["key"], "key-1");
    assert_eq!(event["detail"]["jti"], claims["jti"]);
    APP.token(&server, "user", "usr_alice").await;
    let event = last_event(&server, "impersonation.token_issued").await;
    assert_eq!(
        (&event["detail"]["key"], &event["channel"]),
        (&json!("key-1"), &json!("jwt_grant"))
    );
    assert_eq!(APP.send(&server, &assertion).await.status, 400);
    let event = last_event(&server, "application.token_refused").await;
    assert_eq!(event["reason"], "jti was used before");
    let signature = assertion.rsplit('.').next().unwrap();
    let kept = format!("SELECT count(*) FROM audit_events e WHERE e::text LIKE '%{signature}%'");
    assert_eq!(server.db.count(&kept).await, 0);
}

#[tokio::test]
async fn g33_a_jti_has_16_to_128_characters() {
    let server = TestServer::start().await;
    for (length, status) in [(0, 400), (15, 400), (16, 200), (128, 200), (129, 400)] {
        let mut claims = APP.claims(&server, "enterprise", "org_acme").await;
        claims["jti"] = "j".repeat(length).into();
        let answer = APP.send(&server, &APP.assertion(&claims)).await;
        assert_eq!(answer.status, status, "{length}: {}", answer.body);
        if status == 400 {
            refused(&answer, "invalid_grant", "'jti' claim. A value of 16 to 128 characters");
        }
    }
}

#[tokio::test]
async fn g34_only_three_algorithms_and_the_exact_address() {
    let alias = "https://api.box.com/oauth2/token";
    let server = TestServer::start_with(&[("UNDERSTUDY_JWT_AUDIENCE_ALIASES", alias)]).await;
    for (alg, status) in
        [("RS256", 200), ("RS384", 200), ("RS512", 200), ("PS256", 400), ("ES256", 400)]
    {
        let claims = APP.claims(&server, "enterprise", "org_acme").await;
        let signed = APP.sign(&json!({"alg": alg, "kid": "key-1"}), &claims);
        assert_eq!(APP.send(&server, &signed).await.status, status, "{alg}");
    }
    let own = format!("{}/oauth2/token", server.url);
    for (aud, status) in [
        (json!(alias), 200),
        (json!(format!("{alias}/")), 400),
        (json!(server.url), 400),
        (json!(format!("{own}/")), 400),
        (json!([own]), 400),
        (json!(own.to_uppercase()), 400),
    ] {
        let mut claims = APP.claims(&server, "enterprise", "org_acme").await;
        claims["aud"] = aud.clone();
        let answer = APP.send(&server, &APP.assertion(&claims)).await;
        assert_eq!(answer.status, status, "{aud}: {}", answer.body);
    }
    let strict = TestServer::start().await;
    let mut claims = APP.claims(&strict, "enterprise", "org_acme").await;
    claims["aud"] = alias.into();
    refused(&APP.send(&strict, &APP.assertion(&claims)).await, "invalid_grant", "'aud' claim");
}

#[tokio::test]
async fn managed_users_need_both_switches() {
    let server = TestServer::start().await;
    refused(&SMALL.ask(&server, "user", "usr_alice").await, "unauthorized_client", NO_USER_TOKENS);
    for switch in ["generate_user_access_tokens", "enterprise_access"] {
        let server = TestServer::start().await;
        let off = format!("UPDATE clients SET box = jsonb_set(box, '{{{switch}}}', 'false')");
        server.db.sql(&off).await;
        refused(
            &APP.ask(&server, "user", "usr_alice").await,
            "unauthorized_client",
            NO_USER_TOKENS,
        );
    }
}

#[tokio::test]
async fn the_subject_can_be_named_with_the_secret_alone() {
    let server = TestServer::start().await;
    let ned = APP.app_user(&server, "ned").await;
    let ask = async |more: &[(&str, &str)]| {
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", "box-app"),
            ("client_secret", "box-app-secret"),
        ];
        form.extend(more);
        server.browser().post_form("/oauth2/token", &form).await
    };
    let service = service_account(&server, APP).await;
    for (kind, id, subject) in [
        ("enterprise", "org_acme", service.as_str()),
        ("user", &ned, &ned),
        ("user", "usr_alice", "usr_alice"),
    ] {
        let answer = ask(&[("box_subject_type", kind), ("box_subject_id", id)]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(subject_of(&server, &token).await, subject);
    }
    refused(&ask(&[]).await, "invalid_request", "box_subject_type is missing");
    refused(&ask(&[("box_subject_type", "user")]).await, "invalid_request", "box_subject_id");
    let odd = [("box_subject_type", "group"), ("box_subject_id", "1")];
    refused(&ask(&odd).await, "invalid_request", "neither enterprise nor user");
    let unknown = [("box_subject_type", "user"), ("box_subject_id", "usr_carol")];
    refused(&ask(&unknown).await, "invalid_grant", SUBJECT);
}

#[tokio::test]
async fn whoever_is_not_the_application_gets_nothing() {
    let server = TestServer::start().await;
    let assertion = APP.assertion(&APP.claims(&server, "enterprise", "org_acme").await);
    for (id, secret) in [("box-app", "wrong"), ("nobody", "x"), ("box-small", "box-app-secret")] {
        let form = [
            ("grant_type", JWT_BEARER),
            ("client_id", id),
            ("client_secret", secret),
            ("assertion", assertion.as_str()),
        ];
        let answer = server.browser().post_form("/oauth2/token", &form).await;
        refused(&answer, "invalid_client", "The client credentials are invalid");
    }
    // An application without the section, and one that keeps no secret.
    for (id, secret) in [("machine", Some("machine-secret")), ("spa", None)] {
        let mut form = vec![("grant_type", JWT_BEARER), ("client_id", id), ("assertion", "x")];
        form.extend(secret.map(|secret| ("client_secret", secret)));
        let answer = server.browser().post_form("/oauth2/token", &form).await;
        refused(&answer, "unauthorized_client", NOT_AUTHORIZED);
    }
    let form = [("grant_type", "password"), ("client_id", "box-app")];
    let answer = server.browser().post_form("/oauth2/token", &form).await;
    refused(&answer, "unsupported_grant_type", "");
}
