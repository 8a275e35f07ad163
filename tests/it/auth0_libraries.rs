//! Libraries that applications of Auth0 have, as they are, before this server.
use crate::support::counterpart::{node, python, run};
use crate::support::dev::free_port;
use crate::support::{Node, TestDb};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A key and a certificate of 127.0.0.1.
fn certificate(folder: &Path) -> (PathBuf, PathBuf) {
    let (key, cert) = (folder.join("key.pem"), folder.join("cert.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=127.0.0.1",
        ])
        .args(["-addext", "subjectAltName=IP:127.0.0.1", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&cert)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (key, cert)
}

/// The server, and an application that its person signs in to.
struct Setting {
    facts: Value,
    _node: Node,
    _db: TestDb,
}

/// `issuer` is the public URL; without one it is where the server listens.
async fn setting(callbacks: &[&str], issuer: Option<&str>) -> Setting {
    let application = format!("http://127.0.0.1:{}", free_port());
    let callbacks: Vec<_> = callbacks.iter().map(|path| format!("{application}{path}")).collect();
    let text = format!(
        "version: 1\nclients:\n  - {{client_id: app, name: Northwind, kind: web, first_party: true,\n     \
         client_secret: app-secret, initiate_login_uri: \"{application}/login\",\n     \
         redirect_uris: {callbacks:?}, post_logout_redirect_uris: [\"{application}/\"],\n     \
         scopes: [openid, profile, email, offline_access, \"orders:read\"],\n     \
         grant_types: [authorization_code, refresh_token],\n     \
         audiences: [\"https://orders.test\"], impersonation: {{enabled: true}}}}\n"
    );
    let db = TestDb::create();
    let mut conn = understudy::store::connection::pool::connect(&db.url).await.unwrap();
    let file = understudy::provision::read(&text, |_| None).unwrap_or_else(|it| panic!("{it:?}"));
    let never = understudy::provision::Prune::No;
    understudy::provision::apply_to(&mut conn, &file, never).await.unwrap();
    let server = if let Some(issuer) = issuer {
        Node::start(&db, issuer).await
    } else {
        let server = Node::launch(&db.url);
        server.until_ready().await;
        server
    };
    let facts = json!({
        "issuer": issuer.unwrap_or(&server.url),
        "upstream": server.url,
        "application": application,
        "redirect_uri": callbacks[0],
        "client_id": "app",
        "client_secret": "app-secret",
        "audience": "https://orders.test",
        "machine_id": "machine",
        "machine_secret": "machine-secret",
        "machine_audience": "https://jobs.test/api",
        "global_id": "global",
        "global_secret": "global-secret",
        "subject": "usr_alice",
        "actor": "usr_sam",
        "person": {"email": "alice@acme.test", "password": "alice-password"},
        "agent": {"email": "sam@understudy.test", "password": "sam-password"},
    });
    Setting { facts, _node: server, _db: db }
}

/// Runs a script of npm packages that ask at `https://` and nowhere else.
async fn behind_tls(script: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (key, cert) = certificate(folder.path());
    let issuer = format!("https://127.0.0.1:{}", free_port());
    let mut setting = setting(&["/callback"], Some(&issuer)).await;
    setting.facts["key"] = key.to_str().into();
    setting.facts["cert"] = cert.to_str().into();
    let mut command = node(script);
    command.env("NODE_EXTRA_CA_CERTS", &cert);
    run(command, &setting.facts).await;
}

#[tokio::test]
async fn auth0_of_npm_gets_renews_and_revokes_tokens_and_sees_every_error() {
    behind_tls("auth0_node.mjs").await;
}

#[tokio::test]
async fn auth0_python_gets_renews_and_revokes_tokens_and_sees_every_error() {
    let setting = setting(&["/callback"], None).await;
    run(python("auth0_python_client.py"), &setting.facts).await;
}

#[tokio::test]
async fn passport_auth0_signs_in_and_has_the_marks_in_its_profile() {
    behind_tls("passport_auth0.mjs").await;
}

#[tokio::test]
async fn auth_js_signs_in_by_its_auth0_provider_and_by_one_of_ones_own() {
    let callbacks = ["auth0", "understudy", "by-userinfo"].map(|it| format!("/auth/callback/{it}"));
    let setting = setting(&callbacks.each_ref().map(String::as_str), None).await;
    run(node("authjs.mjs"), &setting.facts).await;
}

#[tokio::test]
async fn mozilla_django_oidc_signs_in_renews_silently_and_signs_out() {
    let setting = setting(&["/oidc/callback/"], None).await;
    run(python("mozilla_django_oidc_client.py"), &setting.facts).await;
}
