//! K-23: a native application gets no code without interaction.
use super::*;
use crate::support::words::claims;

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const APPS: &str = r#"
version: 1
clients:
  - client_id: phone
    name: Phone App
    kind: native
    redirect_uris: ["http://127.0.0.1/cb", "http://[::1]/cb", "com.example.phone:/cb", "https://app.example/cb"]
    initiate_login_uri: https://app.example/start
    impersonation: {enabled: true}
  - client_id: theirs
    name: Their App
    kind: native
    first_party: false
    redirect_uris: ["http://127.0.0.1/theirs"]
"#;

async fn start() -> TestServer {
    let server = TestServer::start_with(&[("UNDERSTUDY_RATE_LIMITS", "off")]).await;
    apply(&server, APPS).await;
    server
}

fn asks(client: &str, redirect_uri: &str, more: &str) -> String {
    let to: String = url::form_urlencoded::byte_serialize(redirect_uri.as_bytes()).collect();
    format!(
        "/authorize?response_type=code&client_id={client}&scope=openid&redirect_uri={to}\
         &code_challenge={CHALLENGE}&code_challenge_method=S256&state=s{more}"
    )
}

/// The page in between, answered with its own form.
async fn answer(browser: &Browser, page: &Page, decision: &str) -> Page {
    let form = page.form("/consent");
    let (csrf, to) = (form.field("csrf").unwrap(), form.field("return_to").unwrap());
    let fields = [("csrf", &*csrf), ("return_to", &*to), ("decision", decision)];
    browser.post_form("/consent", &fields).await
}

async fn question(browser: &Browser, asked: &str) -> Page {
    let away = browser.open(asked).await;
    assert!(away.location().starts_with("/consent?"), "{away:?}");
    let page = browser.open(away.location()).await;
    assert_eq!(page.status, 200, "{}", page.body);
    page
}

#[tokio::test]
async fn k23_nothing_is_given_to_a_port_or_a_scheme_without_a_yes_to_this_request() {
    let server = start().await;
    let alice = server.alice().await;
    for to in [
        "http://127.0.0.1:31337/cb",
        "http://127.0.0.1/cb",
        "http://[::1]:4711/cb",
        "com.example.phone:/cb",
    ] {
        let quiet = alice.open(&asks("phone", to, "&prompt=none")).await;
        assert_eq!(quiet.location_param("error").as_deref(), Some("interaction_required"), "{to}");
        for _ in 0..2 {
            let page = question(&alice, &asks("phone", to, "")).await;
            assert!(page.body.contains("wants to sign you in"), "{}", page.body);
            assert!(page.body.contains("Phone App") && page.body.contains("Alice Chen"));
            let on = answer(&alice, &page, "allow").await;
            let done = alice.open(on.location()).await;
            assert!(done.location().starts_with(to), "{done:?}");
            assert!(done.location_param("code").is_some(), "{done:?}");
            // The yes was for that answer.
            let again = alice.open(on.location()).await;
            assert!(again.location().starts_with("/consent?"), "{again:?}");
        }
        let page = question(&alice, &asks("phone", to, "")).await;
        let denied = alice.open(answer(&alice, &page, "deny").await.location()).await;
        assert_eq!(denied.location_param("error").as_deref(), Some("access_denied"));
        // What is not remembered does not answer silently either.
        let quiet = alice.open(&asks("phone", to, "&prompt=none")).await;
        assert_eq!(quiet.location_param("error").as_deref(), Some("interaction_required"), "{to}");
    }
    assert_eq!(server.db.count("SELECT count(*) FROM consents").await, 0, "nothing is kept");
    let claimed = alice.open(&asks("phone", "https://app.example/cb", "&prompt=none")).await;
    assert!(claimed.location_param("code").is_some(), "{claimed:?}");
}

#[tokio::test]
async fn k23_a_yes_is_for_its_request_its_session_and_its_time() {
    let server = start().await;
    let (alice, other) = (server.alice().await, server.alice().await);
    let to = "http://127.0.0.1:31337/cb";
    let yes = async |browser: &Browser| {
        let page = question(browser, &asks("phone", to, "")).await;
        answer(browser, &page, "allow").await.location().to_owned()
    };
    let elsewhere = other.open(&yes(&alice).await).await;
    assert!(elsewhere.location().starts_with("/consent?"), "{elsewhere:?}");
    let changed = yes(&alice).await.replace("31337", "31338");
    assert!(alice.open(&changed).await.location().starts_with("/consent?"));
    let wider = yes(&alice).await.replace("scope=openid", "scope=openid+offline_access");
    assert!(alice.open(&wider).await.location().starts_with("/consent?"));
    let late = yes(&alice).await;
    server.db.advance("6 minutes").await;
    assert!(alice.open(&late).await.location().starts_with("/consent?"));
    let forged = asks("phone", to, "&understudy_confirmed=1.AAAA");
    assert!(alice.open(&forged).await.location().starts_with("/consent?"));
}

#[tokio::test]
async fn k23_it_holds_while_an_impersonation_runs_there() {
    let server = start().await;
    let sam = server.sam_as_alice("phone").await;
    let to = "http://127.0.0.1:31337/cb";
    let quiet = sam.open(&asks("phone", to, "&prompt=none")).await;
    assert_eq!(quiet.location_param("error").as_deref(), Some("interaction_required"));
    let page = question(&sam, &asks("phone", to, "")).await;
    assert!(page.body.contains("You are acting as") && page.body.contains("Alice Chen"));
    let on = answer(&sam, &page, "allow").await;
    let code = sam.open(on.location()).await.location_param("code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "phone"),
        ("code", &code),
        ("redirect_uri", to),
        ("code_verifier", VERIFIER),
    ];
    let tokens = server.browser().post_form("/oauth/token", &form).await.json();
    let claims = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!((&claims["sub"], &claims["act"]["sub"]), (&"usr_alice".into(), &"usr_sam".into()));
}

#[tokio::test]
async fn k23_consent_is_a_yes_and_kept_consent_is_none() {
    let server = start().await;
    let alice = server.alice().await;
    for _ in 0..2 {
        let page = question(&alice, &asks("theirs", "http://127.0.0.1:5/theirs", "")).await;
        assert!(page.body.contains("wants to access your account"), "{}", page.body);
        let on = answer(&alice, &page, "allow").await;
        assert!(alice.open(on.location()).await.location_param("code").is_some());
    }
    let quiet = alice.open(&asks("theirs", "http://127.0.0.1:5/theirs", "&prompt=none")).await;
    assert_eq!(quiet.location_param("error").as_deref(), Some("interaction_required"));
}

#[tokio::test]
async fn k23_prompts_and_the_question_go_together() {
    let server = start().await;
    let alice = server.alice().await;
    let to = "http://127.0.0.1:31337/cb";
    let page = question(&alice, &asks("phone", to, "&prompt=consent")).await;
    let on = answer(&alice, &page, "allow").await;
    assert!(alice.open(on.location()).await.location_param("code").is_some());
    let login = alice.open(&asks("phone", to, "&prompt=login")).await;
    let login = alice.open(login.location()).await;
    let back = alice.sign_in_on(&login, "alice@acme.test", "alice-password").await;
    let page = question(&alice, back.location()).await;
    let on = answer(&alice, &page, "allow").await;
    assert!(alice.open(on.location()).await.location_param("code").is_some());
}

/// A `direct` link would be that silent code: into such an application it is confirmed by its actor.
#[tokio::test]
async fn k23_a_direct_link_hands_no_code_to_a_port_or_a_scheme_without_a_person() {
    const DIRECT: &str = r#"
version: 1
clients:
  - client_id: desktop
    name: Desktop App
    kind: native
    redirect_uris: ["http://127.0.0.1/cb", "com.example.desktop:/cb", "https://app.example/cb"]
    impersonation: {enabled: true, redeem: direct, unsolicited: true}
"#;
    let server = start().await;
    apply(&server, DIRECT).await;
    let link = async |to: &str| {
        let body = serde_json::json!({
            "protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": "desktop",
            "additionalParameters": {
                "response_type": "code", "state": "s", "scope": "openid", "redirect_uri": to,
                "code_challenge": CHALLENGE, "code_challenge_method": "S256",
            },
        });
        let answer = server.ask("usr_alice", body).await;
        assert_eq!(answer.status, 200, "{to}: {}", answer.body);
        answer.body.strip_prefix(&server.url).unwrap().to_owned()
    };
    for to in ["http://127.0.0.1/cb", "com.example.desktop:/cb"] {
        let link = link(to).await;
        let stranger = server.browser().get(&link).await;
        assert_eq!(stranger.header("location"), None, "{to}");
        assert!(stranger.body.contains("Sign in to open the impersonation link"), "{to}");
        let page = server.sam().await.get(&link).await;
        assert_eq!(page.status, 200, "{to}: {page:?}");
        assert!(page.body.contains("Alice Chen") && page.body.contains("Desktop App"));
    }
    let codes = "SELECT count(*) FROM impersonations WHERE status <> 'link_issued'";
    assert_eq!(server.db.count(codes).await, 0);
    // An address that the application has claimed is as it is registered.
    let claimed = server.browser().get(&link("https://app.example/cb").await).await;
    assert!(claimed.location_param("code").is_some(), "{claimed:?}");
}
