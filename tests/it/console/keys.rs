//! The keys that the server signs with.
use super::applications::Filled;
use super::signed_in;
use crate::support::TestServer;

const HERE: &str = "/console/keys";

async fn ids(server: &TestServer, state: &str) -> Vec<String> {
    let sql = format!("SELECT id FROM signing_keys WHERE state = '{state}' ORDER BY id");
    server.db.rows(&sql).await.iter().map(|row| row.get(0)).collect()
}

async fn id_token(server: &TestServer) -> String {
    let alice = signed_in(server, "alice").await;
    let path = "/authorize?response_type=code&client_id=orders&scope=openid\
        &redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback";
    let code = alice.get(path).await.location_param("code").unwrap();
    let tokens = server.exchange("orders", &code, "http://127.0.0.1:9/callback").await.json();
    tokens["id_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_next_keys_take_over_and_the_old_ones_go_on_verifying() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let before = id_token(&server).await;
    let next = ids(&server, "next").await;
    let path = format!("{HERE}/rotate");
    let page = ada.open(&path).await;
    assert!(next.iter().all(|id| page.body.contains(id)), "{}", page.body);
    let form = Filled::read(&page, &path);
    let (done, late) = tokio::join!(form.send(&ada, &path), form.send(&ada, &path));
    let mut told = [done.status, late.status];
    told.sort_unstable();
    // Whoever waits too long for the keys to be made is told to try again.
    assert!(matches!(told, [303, 403 | 503]), "{told:?}: {} {}", done.body, late.body);
    assert_eq!(ids(&server, "current").await, next);
    let page = ada.open(HERE).await;
    for word in ["Current", "Next", "Retiring", "SHA-256"] {
        assert!(page.body.contains(word), "{word}: {}", page.body);
    }
    // The same click again, or two at once, rotate nothing more.
    assert_eq!(form.send(&ada, &path).await.status, 403);
    assert_eq!(ids(&server, "current").await, next);
    let after = id_token(&server).await;
    let kid = |token: &str| {
        use base64::Engine as _;
        let head = token.split('.').next().unwrap();
        let head = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(head).unwrap();
        serde_json::from_slice::<serde_json::Value>(&head).unwrap()["kid"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(next.contains(&kid(&after)) && !next.contains(&kid(&before)));
    let keys = server.browser().get("/.well-known/jwks.json").await.body;
    assert!(keys.contains(&kid(&before)) && keys.contains(&kid(&after)));
    let told = "SELECT count(*) FROM audit_events WHERE type = 'key.rotated' AND actor = 'usr_ada'";
    assert_eq!(server.db.count(told).await, 1);
}

#[tokio::test]
async fn h16_public_parts_are_taken_away_and_private_ones_never() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let rows = server
        .db
        .rows("SELECT id, purpose, encode(private_sealed, 'base64') FROM signing_keys")
        .await;
    assert!(rows.len() >= 10);
    for row in rows {
        let (id, purpose, sealed): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        let page = ada.get(&format!("{HERE}/{id}/public")).await;
        assert!(!page.body.contains(sealed.trim()), "{id}");
        match purpose.as_str() {
            "bewit" => assert_eq!(page.status, 404, "{id}"),
            "xml" => {
                assert_eq!(page.status, 200);
                assert!(page.body.starts_with("-----BEGIN CERTIFICATE-----\n"), "{}", page.body);
                assert!(!page.body.contains("PRIVATE"));
            }
            _ => {
                let jwk = page.json();
                assert_eq!(jwk["kid"], id.as_str());
                for member in ["d", "p", "q", "dp", "dq", "qi", "k"] {
                    assert!(jwk.get(member).is_none(), "{member}");
                }
                let file = page.header("content-disposition").unwrap();
                assert!(file.starts_with("attachment; filename=\"understudy-"), "{file}");
            }
        }
    }
    assert_eq!(ada.get(&format!("{HERE}/key_none/public")).await.status, 404);
}

#[tokio::test]
async fn h09_the_keys_are_for_staff_of_the_operator_alone() {
    let server = TestServer::start().await;
    server
        .db
        .sql(
            "INSERT INTO roles (name, permissions) VALUES ('keys', '{keys:write}'); \
              INSERT INTO user_roles VALUES ('usr_riley', 'keys'), ('usr_max', 'keys')",
        )
        .await;
    let riley = signed_in(&server, "riley").await;
    let max = signed_in(&server, "max").await;
    let before = ids(&server, "current").await;
    let id = &before[0];
    for path in [HERE, "/console/keys/rotate", &format!("{HERE}/{id}/public")] {
        assert_eq!(riley.open(path).await.status, 404, "{path}");
    }
    assert_eq!(riley.post_form("/console/keys/rotate", &[("csrf", "x")]).await.status, 404);
    assert!(!riley.open("/console/users").await.body.contains(HERE));
    assert_eq!(max.open(HERE).await.status, 200);
    for form in [vec![("csrf", "x")], vec![], vec![("csrf", "x"), ("force", "1")]] {
        let page = max.post_form("/console/keys/rotate", &form).await;
        assert!(matches!(page.status, 400 | 403), "{}", page.status);
    }
    let sam = signed_in(&server, "sam").await;
    assert_eq!(sam.open(HERE).await.status, 403);
    assert_eq!(sam.post_form("/console/keys/rotate", &[("csrf", "x")]).await.status, 403);
    assert_eq!(ids(&server, "current").await, before);
}

const REPLACE: &str = "/console/keys/replace";

/// How many of these are alive.
const ALIVE: &str = "SELECT (SELECT count(*) FROM sessions WHERE ended_at IS NULL) \
    + (SELECT count(*) FROM impersonations WHERE ended_at IS NULL)";

#[tokio::test]
async fn d39_stolen_keys_are_replaced_from_the_console_and_everybody_is_signed_out() {
    let server = TestServer::start().await;
    let (alice, sam) = (server.alice().await, server.sam_as_alice("portal").await);
    let tokens = server.impersonated_tokens().await;
    let waiting = server.link("legacy").await;
    let ada = signed_in(&server, "ada").await;
    let old = ids(&server, "current").await;
    assert!(ada.open(HERE).await.body.contains(REPLACE));
    let page = ada.open(REPLACE).await;
    for words in ["Everybody is signed out here, you too", "Every impersonation ends", "metadata"] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let form = Filled::read(&page, REPLACE);
    // However lately somebody signed in: the password, or nothing is done.
    let alive = server.db.count(ALIVE).await;
    for wrong in ["", "not-her-password"] {
        let refused = form.clone().with("password", wrong).send(&ada, REPLACE).await;
        assert_eq!(refused.status, 403, "{}", refused.body);
        assert!(refused.body.contains("The password is wrong."), "{}", refused.body);
    }
    assert_eq!((ids(&server, "current").await, server.db.count(ALIVE).await), (old.clone(), alive));

    let form = form.with("password", "ada-password");
    let (one, two) = tokio::join!(form.send(&ada, REPLACE), form.send(&ada, REPLACE));
    let mut told = [one.status, two.status];
    told.sort_unstable();
    assert!(matches!(told, [200, 303 | 403 | 503]), "{told:?}: {} {}", one.body, two.body);
    let done = if one.status == 200 { one } else { two };
    assert!(done.body.contains("Every key has been replaced"), "{}", done.body);
    assert!(done.body.contains("read our metadata again"), "{}", done.body);
    // Rows are marked in batches afterwards; what counts is that nothing of them is taken any more.
    for browser in [&ada, &alice, &sam] {
        assert_ne!(browser.open("/account").await.status, 200);
    }
    assert_eq!(server.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 401);
    assert_eq!(server.browser().get(&waiting).await.status, 403);
    let now = ids(&server, "current").await;
    assert!(now.len() == old.len() && now.iter().all(|id| !old.contains(id)));
    assert_eq!(ids(&server, "retired").await.len(), 2 * old.len());
    let told =
        "SELECT count(*) FROM audit_events WHERE type = 'key.replaced' AND actor = 'usr_ada'";
    assert_eq!(server.db.count(told).await, 1);
    // Signed in anew, everything works with the new keys.
    let ada = signed_in(&server, "ada").await;
    assert_eq!(ada.open(HERE).await.status, 200);
    assert!(
        server.db.count("SELECT count(*) FROM audit_events WHERE type = 'login.failed'").await >= 2
    );
}

#[tokio::test]
async fn h31_the_emergency_is_not_for_everybody_to_declare() {
    let server = TestServer::start().await;
    let grant = "INSERT INTO roles (name, permissions) VALUES ('keys', '{keys:write}'); \
                 INSERT INTO user_roles VALUES ('usr_riley', 'keys')";
    server.db.sql(grant).await;
    let before = ids(&server, "current").await;
    let form = [("csrf", "x"), ("password", "ada-password")];
    for (name, status) in [("riley", 404), ("sam", 403), ("ada", 403)] {
        let browser = signed_in(&server, name).await;
        assert_eq!(browser.post_form(REPLACE, &form).await.status, status, "{name}");
    }
    let ada = signed_in(&server, "ada").await;
    // The form that rotates is not one that replaces.
    let rotate = format!("{HERE}/rotate");
    let other = Filled::read(&ada.open(&rotate).await, &rotate).with("password", "ada-password");
    assert_eq!(other.send(&ada, REPLACE).await.status, 403);
    let more = Filled::read(&ada.open(REPLACE).await, REPLACE).with("compromised", "1");
    assert_eq!(more.send(&ada, REPLACE).await.status, 400);
    assert_eq!(ids(&server, "current").await, before);
}
