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
    assert_eq!(told, [303, 403], "{} {}", done.body, late.body);
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
