//! The forms of a token: files to learn them from, and libraries of others that read them.
use super::{AUTH0, REALM, REPLY, Received, XMLSOAP, sign_in};
use crate::support::counterpart::{node, run};
use crate::support::xmlsec::Keys;
use crate::support::{Browser, TestServer};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

const SAML11: &str = "urn:oasis:names:tc:SAML:1.0:assertion:Assertion";
const V13: &str = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";

/// Indented, with what is new each time replaced by what it is; that it is that has been checked first.
fn pretty(xml: &str, issuer: &str) -> String {
    let issued = xml.split("IssueInstant=\"").nth(1).unwrap().split('"').next().unwrap();
    let issued: DateTime<Utc> = issued.parse().unwrap();
    let mut lines: Vec<String> = Vec::new();
    let mut depth = 0_usize;
    let mut holds_elements = true;
    for piece in xml.split_inclusive('>') {
        let (text, tag) = piece.split_at(piece.find('<').unwrap());
        let quoted: Vec<String> = tag.split('"').map(|part| tidy(part, issued, issuer)).collect();
        let (text, tag) = (tidy(text, issued, issuer), quoted.join("\""));
        let closes = tag.starts_with("</");
        depth -= usize::from(closes);
        if closes && !holds_elements {
            lines.last_mut().unwrap().push_str(&format!("{text}{tag}"));
        } else {
            lines.push(format!("{}{tag}", "  ".repeat(depth)));
        }
        depth += usize::from(!closes && !tag.ends_with("/>"));
        holds_elements = closes || tag.ends_with("/>");
    }
    lines.join("\n")
}

fn tidy(text: &str, issued: DateTime<Utc>, issuer: &str) -> String {
    if let Ok(time) = text.parse::<DateTime<Utc>>() {
        // How long the sign-in before it takes is not what this is about.
        let seconds = (time - issued).num_seconds();
        return if seconds.abs() < 20 { "[now]".into() } else { format!("[now {seconds:+} s]") };
    }
    let id = text.strip_prefix('#').unwrap_or(text);
    let hex = id.strip_prefix('_').is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
    if hex && id.len() == 33 {
        return text.replace(id, "[id]");
    }
    if text.starts_with("grt_") {
        return "[login]".into();
    }
    let base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/=".contains(&b);
    if text.len() > 40 && text.bytes().all(base64) {
        return "[base64]".into();
    }
    text.replace(issuer, "https://idp.example")
}

async fn ordinary(browser: &Browser, path: &str) -> Received {
    Received::of(&browser.open(path).await)
}

async fn impersonated(server: &TestServer, client: &str, protocol: &str) -> Received {
    let link = server.link_by(client, protocol).await;
    Received::of(&server.browser().get(&link).await)
}

#[tokio::test]
async fn e17_the_forms_of_a_token_are_as_they_are_written_down() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let cases = [
        ("wsfed_saml11", ordinary(&alice, &sign_in("")).await),
        ("wsfed_saml11_impersonated", impersonated(&server, "shop-wsfed", "wsfed").await),
        (
            "wsfed_saml20",
            ordinary(&alice, "/wsfed/shop-wsfed-20?wa=wsignin1.0&wtrealm=urn%3Atest%3Awsfed-20")
                .await,
        ),
        ("wsfed_saml20_impersonated", impersonated(&server, "shop-wsfed-20", "wsfed").await),
        (
            "rms",
            ordinary(&alice, "/rms/legacy-rms?wa=wsignin1.0&wtrealm=urn%3Atest%3Alegacy-rms").await,
        ),
        ("rms_impersonated", impersonated(&server, "legacy-rms", "wsfed-rms").await),
    ];
    for (name, answer) in cases {
        insta::assert_snapshot!(name, pretty(&answer.wresult, &server.url));
    }
}

#[tokio::test]
async fn e17_a_relying_party_gets_the_token_that_it_asks_for() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let ask = |trust: &str, kind: &str| {
        let wreq = format!(
            "<w:RequestSecurityToken xmlns:w=\"{trust}\"><w:TokenType>{kind}</w:TokenType></w:RequestSecurityToken>"
        );
        let wreq: String = url::form_urlencoded::byte_serialize(wreq.as_bytes()).collect();
        sign_in(&format!("&wreq={wreq}"))
    };
    let saml20 = ordinary(&alice, &ask(V13, "urn:oasis:names:tc:SAML:2.0:assertion")).await;
    assert!(
        saml20
            .wresult
            .starts_with(&format!("<t:RequestSecurityTokenResponseCollection xmlns:t=\"{V13}\">"))
    );
    assert!(saml20.assertion().contains("xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\""));
    let old = "http://schemas.xmlsoap.org/ws/2005/02/trust";
    let saml11 = ordinary(&alice, &ask(old, "urn:oasis:names:tc:SAML:1.0:assertion")).await;
    assert!(
        saml11.wresult.starts_with(&format!("<t:RequestSecurityTokenResponse xmlns:t=\"{old}\">"))
    );
    assert!(saml11.assertion().contains("xmlns:saml=\"urn:oasis:names:tc:SAML:1.0:assertion\""));
}

#[tokio::test]
async fn xmlsec1_accepts_the_signatures_of_tokens_and_metadata() {
    let server = TestServer::start().await;
    let alice = server.alice().await;
    let path = "/FederationMetadata/2007-06/FederationMetadata.xml";
    let metadata = server.browser().get(path).await.body;
    let keys = Keys::of_metadata(&metadata);
    keys.verify(&metadata, "urn:oasis:names:tc:SAML:2.0:metadata:EntityDescriptor");
    let saml11 = ordinary(&alice, &sign_in("")).await;
    keys.verify(saml11.assertion(), SAML11);
    keys.verify(&saml11.wresult, SAML11);
    keys.refuse(&saml11.assertion().replace("usr_alice", "usr_carol"), SAML11);
    let acted = impersonated(&server, "legacy-rms", "wsfed-rms").await;
    keys.verify(acted.assertion(), SAML11);
    let saml20 = impersonated(&server, "shop-wsfed-20", "wsfed").await;
    keys.verify(saml20.assertion(), "urn:oasis:names:tc:SAML:2.0:assertion:Assertion");
}

/// What a library makes of an answer, with our metadata and nothing else from us.
async fn read_by_library(server: &TestServer, facts: Value) -> Value {
    let path = "/wsfed/FederationMetadata/2007-06/FederationMetadata.xml";
    let mut told = facts;
    told["metadata"] = json!(server.browser().get(path).await.body);
    serde_json::from_str(&run(node("wsfed.mjs"), &told).await).unwrap()
}

#[tokio::test]
async fn e05_passport_wsfed_saml2_signs_in_and_reads_every_letter() {
    let server = TestServer::start().await;
    let name = "A \"quoted\" & <tagged> 'name'\u{2028}🎈";
    let quoted = name.replace('\'', "''");
    server.db.sql(&format!("UPDATE users SET name = '{quoted}' WHERE id = 'usr_alice'")).await;
    let facts = json!({"realm": REALM, "wreply": REPLY, "wctx": "a&b=\"c\""});
    let asked = read_by_library(&server, facts.clone()).await;
    assert_eq!(asked["entity"], json!(server.url));
    let url = asked["url"].as_str().unwrap();
    let answer = ordinary(&server.alice().await, url).await;
    assert_eq!(answer.wctx.as_deref(), Some("a&b=\"c\""));
    let mut facts = facts;
    facts["fields"] = json!({"wa": "wsignin1.0", "wresult": answer.wresult, "wctx": answer.wctx});
    let user = &read_by_library(&server, facts).await["user"];
    assert_eq!(user[format!("{XMLSOAP}name")], json!(name));
    assert_eq!(user["email"], "alice@acme.test");
    assert_eq!(user["issuer"], json!(server.url));
    assert_eq!(user.get(format!("{AUTH0}impersonated")), None);
}

#[tokio::test]
async fn a59_passport_wsfed_saml2_reads_the_marks_of_every_form() {
    let server = TestServer::start().await;
    for (client, protocol, realm, reply) in [
        ("shop-wsfed", "wsfed", REALM, REPLY),
        ("shop-wsfed-20", "wsfed", "urn:test:wsfed-20", "http://127.0.0.1:9/wsfed-20"),
        ("legacy-rms", "wsfed-rms", "urn:test:legacy-rms", "http://127.0.0.1:9/legacy-rms"),
    ] {
        let answer = impersonated(&server, client, protocol).await;
        let fields = json!({"wa": "wsignin1.0", "wresult": answer.wresult, "wctx": answer.wctx});
        let facts = json!({"realm": realm, "wreply": reply, "wctx": "x", "fields": fields});
        let user = &read_by_library(&server, facts).await["user"];
        assert_eq!(user[format!("{AUTH0}impersonated")], "true", "{client}");
        assert_eq!(user[format!("{AUTH0}impersonator")], "usr_sam");
        assert_eq!(user[format!("{AUTH0}impersonator_email")], "sam@understudy.test");
        assert_eq!(user["email"], "alice@acme.test");
    }
}

/// `passport-azure-ad`, which reads the names of elements as AD FS and Entra ID write them.
async fn read_by_microsoft(server: &TestServer, fields: Option<Value>) -> Value {
    let metadata = "wsfed/shop-wsfed-20/FederationMetadata/2007-06/FederationMetadata.xml";
    let facts = json!({
        "metadata": format!("{}/{metadata}", server.url),
        "realm": "urn:test:wsfed-20",
        "wreply": "http://127.0.0.1:9/wsfed-20",
        "fields": fields,
    });
    serde_json::from_str(&run(node("wsfed_microsoft.mjs"), &facts).await).unwrap()
}

#[tokio::test]
async fn a59_microsofts_relying_party_signs_in_and_reads_the_marks() {
    let server = TestServer::start().await;
    let old =
        "UPDATE clients SET wsfed = wsfed || '{\"wst\": \"2005/02\"}' WHERE id = 'shop-wsfed-20'";
    server.db.sql(old).await;
    let asked = read_by_microsoft(&server, None).await;
    let path = asked["url"].as_str().unwrap().strip_prefix(&server.url).unwrap();
    let alice = server.alice().await;
    for (answer, acts) in [
        (ordinary(&alice, path).await, false),
        (impersonated(&server, "shop-wsfed-20", "wsfed").await, true),
    ] {
        let fields = json!({"wa": "wsignin1.0", "wresult": answer.wresult});
        let user = &read_by_microsoft(&server, Some(fields)).await["user"];
        assert_eq!(user["nameID"]["_"], "usr_alice");
        assert_eq!(user["issuer"], json!(server.url));
        assert_eq!(user[format!("{XMLSOAP}name")], "Alice Chen");
        let mark = |name: &str| user.get(format!("{AUTH0}{name}")).and_then(Value::as_str);
        assert_eq!(mark("impersonated"), acts.then_some("true"), "{user}");
        assert_eq!(mark("impersonator"), acts.then_some("usr_sam"));
        assert_eq!(mark("impersonator_email"), acts.then_some("sam@understudy.test"));
    }
    let out = asked["signOut"].as_str().unwrap().strip_prefix(&server.url).unwrap();
    let question = alice.open(out).await;
    assert!(question.body.contains("Sign out"), "{}", question.body);
}
