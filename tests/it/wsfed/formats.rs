//! The forms of a token: files to learn them from, and libraries of others that read them.
use super::{AUTH0, REALM, REPLY, Received, XMLSOAP, alice, sign_in};
use crate::support::counterpart::{node, run};
use crate::support::{Browser, TestServer};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::Command;

const V13: &str = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";

/// Indented, with what is new each time replaced by what it is; that it is that has been checked first.
fn pretty(xml: &str, issuer: &str) -> String {
    let at = |text: &str| text.parse::<DateTime<Utc>>().ok();
    let issued = xml.split("IssueInstant=\"").nth(1).unwrap().split('"').next().unwrap();
    let issued = at(issued).unwrap();
    let tidy = |text: &str| -> String {
        if let Some(time) = at(text) {
            let seconds = (time - issued).num_seconds();
            return if seconds == 0 { "[now]".into() } else { format!("[now {seconds:+} s]") };
        }
        let id = text.strip_prefix('#').unwrap_or(text);
        if id.len() == 33 && id.starts_with('_') && id[1..].bytes().all(|b| b.is_ascii_hexdigit()) {
            return text.replace(id, "[id]");
        }
        if text.starts_with("grt_") {
            return "[login]".into();
        }
        if text.len() > 40 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b)) {
            return "[base64]".into();
        }
        text.replace(issuer, "https://idp.example")
    };
    let mut lines = Vec::new();
    let mut depth = 0_usize;
    for piece in xml.split_inclusive('>') {
        let (text, tag) = piece.split_at(piece.find('<').unwrap());
        let quoted: Vec<String> = tag.split('"').map(&tidy).collect();
        let tag = quoted.join("\"");
        if tag.starts_with("</") {
            depth -= 1;
            if text.is_empty() && !lines.last().is_some_and(|l: &String| l.trim_start().starts_with("<") && !l.contains("</") && !l.ends_with("/>") && l.trim_start().trim_start_matches('<').split([' ', '>']).next() == tag[2..].split('>').next()) {
                lines.push(format!("{}{tag}", "  ".repeat(depth)));
            } else {
                lines.last_mut().unwrap().push_str(&format!("{}{tag}", tidy(text)));
            }
        } else {
            lines.push(format!("{}{tag}", "  ".repeat(depth)));
            depth += usize::from(!tag.ends_with("/>"));
        }
    }
    lines.join("\n")
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
    let alice = alice(&server).await;
    let cases = [
        ("wsfed_saml11", ordinary(&alice, &sign_in("")).await),
        ("wsfed_saml11_impersonated", impersonated(&server, "shop-wsfed", "wsfed").await),
        (
            "wsfed_saml20",
            ordinary(&alice, "/wsfed/shop-wsfed-20?wa=wsignin1.0&wtrealm=urn%3Atest%3Awsfed-20").await,
        ),
        ("wsfed_saml20_impersonated", impersonated(&server, "shop-wsfed-20", "wsfed").await),
        ("rms", ordinary(&alice, "/rms/legacy-rms?wa=wsignin1.0&wtrealm=urn%3Atest%3Arms").await),
        ("rms_impersonated", impersonated(&server, "legacy-rms", "wsfed-rms").await),
    ];
    for (name, answer) in cases {
        insta::assert_snapshot!(name, pretty(&answer.wresult, &server.url));
    }
}

#[tokio::test]
async fn e17_a_relying_party_gets_the_token_that_it_asks_for() {
    let server = TestServer::start().await;
    let alice = alice(&server).await;
    let ask = |trust: &str, kind: &str| {
        let wreq = format!(
            "<w:RequestSecurityToken xmlns:w=\"{trust}\"><w:TokenType>{kind}</w:TokenType></w:RequestSecurityToken>"
        );
        let wreq: String = url::form_urlencoded::byte_serialize(wreq.as_bytes()).collect();
        sign_in(&format!("&wreq={wreq}"))
    };
    let saml20 = ordinary(&alice, &ask(V13, "urn:oasis:names:tc:SAML:2.0:assertion")).await;
    assert!(saml20.wresult.starts_with(&format!("<t:RequestSecurityTokenResponseCollection xmlns:t=\"{V13}\">")));
    assert!(saml20.assertion().contains("xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\""));
    let old = "http://schemas.xmlsoap.org/ws/2005/02/trust";
    let saml11 = ordinary(&alice, &ask(old, "urn:oasis:names:tc:SAML:1.0:assertion")).await;
    assert!(saml11.wresult.starts_with(&format!("<t:RequestSecurityTokenResponse xmlns:t=\"{old}\">")));
    assert!(saml11.assertion().contains("xmlns:saml=\"urn:oasis:names:tc:SAML:1.0:assertion\""));
}

fn xmlsec1(xml: &str, id: &str) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(xml.as_bytes()).unwrap();
    let output = Command::new("xmlsec1")
        .args(["--verify", "--insecure", "--enabled-key-data", "x509,rsa", id])
        .arg(file.path())
        .output()
        .expect("run scripts/setup-tests.sh first");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{xml}");
}

#[tokio::test]
async fn xmlsec1_accepts_the_signatures_of_tokens_and_metadata() {
    let server = TestServer::start().await;
    let alice = alice(&server).await;
    let saml11 = ordinary(&alice, &sign_in("")).await;
    xmlsec1(saml11.assertion(), "--id-attr:AssertionID");
    xmlsec1(&saml11.wresult, "--id-attr:AssertionID");
    let acted = impersonated(&server, "legacy-rms", "wsfed-rms").await;
    xmlsec1(acted.assertion(), "--id-attr:AssertionID");
    let saml20 = impersonated(&server, "shop-wsfed-20", "wsfed").await;
    xmlsec1(saml20.assertion(), "--id-attr:ID");
    let metadata = server.browser().get("/FederationMetadata/2007-06/FederationMetadata.xml").await;
    xmlsec1(&metadata.body, "--id-attr:ID");
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
    let answer = ordinary(&alice(&server).await, url).await;
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
        ("legacy-rms", "wsfed-rms", "urn:test:rms", "http://127.0.0.1:9/rms"),
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
