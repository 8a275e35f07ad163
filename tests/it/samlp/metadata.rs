//! What we say of ourselves, and what service providers say of themselves.
use super::*;
use crate::support::{node, xmlsec};
use std::time::{Duration, Instant};

const MD: &str = "urn:oasis:names:tc:SAML:2.0:metadata";

#[tokio::test]
async fn our_metadata_are_signed_and_name_our_addresses_and_keys() {
    let server = start(&format!("{}, require_signed_requests: true", signed())).await;
    let browser = server.browser();
    for (path, sso, slo, wanted) in [
        ("/samlp/metadata", "/samlp", "/samlp/logout", "false"),
        ("/samlp/metadata/sp", "/samlp/sp", "/samlp/sp/logout", "true"),
    ] {
        let page = browser.get(path).await;
        assert_eq!(page.status, 200, "{}", page.body);
        assert_eq!(page.header("content-type"), Some("application/samlmetadata+xml"));
        let keys = xmlsec::Keys::of_metadata(&page.body);
        keys.verify(&page.body, &format!("{MD}:EntityDescriptor"));
        let document = read(page.body.as_bytes(), &Limits::MESSAGE).unwrap();
        let entity = document.unverified();
        assert_eq!(entity.attribute("entityID"), Some(server.url.as_str()));
        let idp = entity.required_child(Name::new(MD, "IDPSSODescriptor")).unwrap();
        assert_eq!(idp.attribute("WantAuthnRequestsSigned"), Some(wanted));
        let services = |name: &'static str| {
            let all = idp.children_named(Name::new(MD, name));
            all.map(|s| (s.required("Binding").unwrap(), s.required("Location").unwrap()))
                .collect::<Vec<_>>()
        };
        let bindings = ["HTTP-Redirect", "HTTP-POST"];
        let at = |path: &str| {
            bindings.map(|b| {
                (
                    format!("urn:oasis:names:tc:SAML:2.0:bindings:{b}"),
                    format!("{}{path}", server.url),
                )
            })
        };
        let owned = |all: Vec<(&str, &str)>| -> Vec<(String, String)> {
            all.into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
        };
        assert_eq!(owned(services("SingleSignOnService")), at(sso));
        assert_eq!(owned(services("SingleLogoutService")), at(slo));
        // The next key is there before it signs.
        assert_eq!(idp.children_named(Name::new(MD, "KeyDescriptor")).count(), 2);
        assert_eq!(idp.children_named(Name::new(MD, "NameIDFormat")).count(), 4);
        assert_eq!(browser.get(path).await.body, page.body);
    }
    assert_eq!(browser.get("/samlp/metadata/nobody").await.status, 404);
    assert_eq!(browser.get("/samlp/metadata/orders").await.status, 404);
}

/// A descriptor of a service provider; each part can be changed.
fn descriptor(entity_id: &str, keys: &str) -> String {
    format!(
        "<md:EntityDescriptor xmlns:md=\"{MD}\" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" ID=\"_m1\" entityID=\"{entity_id}\">\
         <md:SPSSODescriptor AuthnRequestsSigned=\"true\" WantAssertionsSigned=\"true\" \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{keys}\
         <md:SingleLogoutService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"https://sp.example/slo\"/>\
         <md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>\
         <md:AssertionConsumerService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact\" Location=\"https://sp.example/artifact\" index=\"1\"/>\
         <md:AssertionConsumerService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"{SECOND_ACS}\" index=\"2\"/>\
         <md:AssertionConsumerService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"{ACS}\" index=\"5\" isDefault=\"true\"/>\
         </md:SPSSODescriptor></md:EntityDescriptor>"
    )
}

fn key_descriptor(purpose: &str, certificate: &str, methods: &str) -> String {
    format!(
        "<md:KeyDescriptor{purpose}><ds:KeyInfo><ds:X509Data><ds:X509Certificate>\n{certificate}\n</ds:X509Certificate>\
         </ds:X509Data></ds:KeyInfo>{methods}</md:KeyDescriptor>"
    )
}

fn own_key(purpose: &str) -> String {
    key_descriptor(purpose, PROVIDER.signer.certificate(), "")
}

fn file(metadata: &str, more: &str) -> String {
    serde_json::json!({"version": 1, "clients": [{
        "client_id": "sp", "kind": "saml",
        "saml": serde_json::from_str::<serde_json::Value>(&format!(
            "{{\"metadata\": {}{more}}}", serde_json::to_string(metadata).unwrap()
        )).unwrap(),
    }]})
    .to_string()
}

#[track_caller]
fn refused(metadata: &str, more: &str, because: &str) {
    let mistakes = provision::read(&file(metadata, more), |_| None).unwrap_err();
    let said = mistakes[0].to_string();
    assert!(said.contains(because), "{said}");
}

#[tokio::test]
async fn d36_a_key_without_a_use_is_for_both_and_metadata_are_all_that_is_needed() {
    let server = TestServer::start_with(&[("UNDERSTUDY_RATE_LIMITS", "off")]).await;
    apply(&server, &file(&descriptor(ENTITY, &own_key("")), "")).await;
    let alice = server.alice().await;
    let xml = server.request().await;
    stays_here(&by_redirect(&alice, &xml).await);
    stays_here(&by_post(&alice, &enveloped(&xml, &STRANGER)).await);
    let told = Told::read(&by_post(&alice, &enveloped(&xml, &PROVIDER)).await, ACS);
    assert!(told.name_id().0.ends_with(":persistent"));
    let by_index = xml.replace(
        &format!("AssertionConsumerServiceURL=\"{ACS}\""),
        "AssertionConsumerServiceIndex=\"2\"",
    );
    Told::read(&by_post(&alice, &enveloped(&by_index, &PROVIDER)).await, SECOND_ACS);
    // Written out and read again nothing changes.
    let mut conn = store::connection::pool::connect(&server.db.url).await.unwrap();
    let text = provision::export_from(&mut conn).await.unwrap();
    let plan = provision::plan(&conn, &provision::read(&text, |_| None).unwrap(), Prune::Yes)
        .await
        .unwrap();
    assert!(plan.is_unchanged(), "{plan}");
    let same = provision::read(&file(&descriptor(ENTITY, &own_key("")), ""), |_| None).unwrap();
    let plan = provision::apply_to(&mut conn, &same, Prune::No).await.unwrap();
    assert!(plan.is_unchanged(), "{plan}");
    // Another application cannot call itself so.
    let other = file(&descriptor(ENTITY, &own_key("")), "").replace("\"sp\"", "\"sp2\"");
    let other = provision::read(&other, |_| None).unwrap();
    let taken = provision::apply_to(&mut conn, &other, Prune::No).await.unwrap_err();
    assert!(taken.to_string().contains("is that of application `sp`"), "{taken}");
    // Never "no key, no check".
    refused(&descriptor(ENTITY, ""), "", "has no key to check that with");
    refused(
        &descriptor(ENTITY, &own_key(" use=\"encryption\"")),
        "",
        "has no key to check that with",
    );
}

#[tokio::test]
async fn metadata_with_a_key_for_encryption_ask_for_it() {
    let server = TestServer::start_with(&[("UNDERSTUDY_RATE_LIMITS", "off")]).await;
    let method = |uri: &str| {
        format!("<md:EncryptionMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#{uri}\"/>")
    };
    let certificate = PROVIDER.signer.certificate();
    let asking = |methods: &str| {
        let key = key_descriptor(" use=\"encryption\"", certificate, methods);
        descriptor(ENTITY, &format!("{}{key}", own_key(" use=\"signing\"")))
    };
    let methods = format!("{}{}", method("aes128-cbc"), method("rsa-oaep-mgf1p"));
    apply(&server, &file(&asking(&methods), "")).await;
    let page = by_post(&server.alice().await, &enveloped(&server.request().await, &PROVIDER)).await;
    let told = Told::read(&page, ACS);
    assert!(told.xml.contains("xmlenc#aes128-cbc\"") && told.xml.contains("EncryptedAssertion"));
    let weak = asking(&format!("{}{}", method("aes128-cbc"), method("rsa-1_5")));
    refused(&weak, ", \"encrypt_assertion\": true", "an encryption that is not spoken here");
    // Asked for and not possible is not "not asked for" (K-12).
    refused(&weak, "", "an encryption that is not spoken here");
    provision::read(&file(&weak, ", \"encrypt_assertion\": false"), |_| None).unwrap();
}

#[tokio::test]
async fn d35_metadata_are_of_now_of_one_application_and_signed_if_that_is_wanted() {
    let server = TestServer::start().await;
    let good = descriptor(ENTITY, &own_key(""));
    let mut conn = store::connection::pool::connect(&server.db.url).await.unwrap();
    let until = |time: &str| good.replace(" ID=", &format!(" validUntil=\"{time}\" ID="));
    let past = provision::read(&file(&until("2020-01-01T00:00:00Z"), ""), |_| None).unwrap();
    let refusal = provision::apply_to(&mut conn, &past, Prune::No).await.unwrap_err();
    assert!(refusal.to_string().contains("was valid until 2020-01-01"), "{refusal}");
    let future = provision::read(&file(&until("2999-01-01T00:00:00Z"), ""), |_| None).unwrap();
    provision::apply_to(&mut conn, &future, Prune::No).await.unwrap();
    refused(&until("soon"), "", "`validUntil` that is no time");
    // Signed by whoever is named.
    let by = |key: &Key| format!(", \"metadata_certificate\": \"{}\"", key.signer.certificate());
    let sign =
        |key: &Key| key.signer.sign_enveloped(&good, "ID", "_m1", SignaturePlace::First).unwrap();
    provision::read(&file(&sign(&PROVIDER), &by(&PROVIDER)), |_| None).unwrap();
    refused(&sign(&STRANGER), &by(&PROVIDER), "is not signed with `metadata_certificate`");
    refused(&good, &by(&PROVIDER), "is not signed with `metadata_certificate`");
    let changed = sign(&PROVIDER).replace(SECOND_ACS, "http://127.0.0.1:9/evil");
    refused(&changed, &by(&PROVIDER), "is not signed with `metadata_certificate`");
    // Of many, one is named.
    let bare = |n: usize| {
        descriptor(&format!("urn:test:{n}"), &own_key("")).replace("_m1", &format!("_m{n}"))
    };
    let many: String = (0..2_000).map(bare).collect();
    let many = format!("<md:EntitiesDescriptor xmlns:md=\"{MD}\">{many}</md:EntitiesDescriptor>");
    let begun = Instant::now();
    refused(&many, "", "describes 2000 service providers");
    provision::read(&file(&many, ", \"entity_id\": \"urn:test:1234\""), |_| None).unwrap();
    // Five seconds as it is built for use; without the optimiser, beside other tests, several times that.
    let most = Duration::from_secs(if cfg!(debug_assertions) { 60 } else { 5 });
    assert!(begun.elapsed() < most, "{:?}", begun.elapsed());
    refused(&many, ", \"entity_id\": \"urn:test:nobody\"", "describes no such service provider");
    for (bad, because) in [
        (format!("<!DOCTYPE x>{good}"), "a document type declaration"),
        ("<x/>".to_owned(), "is no metadata of SAML 2.0"),
        ("text".to_owned(), "cannot be read"),
        (good.replace(ACS, "javascript:alert(1)"), "has an address in AssertionConsumerService"),
        (
            good.replace("bindings:HTTP-POST\" Location=\"http", "bindings:PAOS\" Location=\"http"),
            "by HTTP-POST",
        ),
        (
            good.replace("SAML:2.0:protocol", "SAML:1.1:protocol"),
            "describes no such service provider",
        ),
    ] {
        refused(&bad, "", because);
    }
}

#[tokio::test]
async fn d38_short_keys_are_refused_and_old_certificates_are_not() {
    // 1024 bits, made by OpenSSL.
    let short = short_certificate();
    let weak = key_descriptor("", &short, "");
    refused(&descriptor(ENTITY, &weak), "", "cannot be used");
    let text = format!(
        "version: 1\nclients:\n  - {{client_id: a, kind: saml, saml: {{entity_id: x, acs_urls: [\"{ACS}\"], certificates: [\"{short}\"]}}}}"
    );
    let mistakes = provision::read(&text, |_| None).unwrap_err();
    assert!(mistakes[0].to_string().contains("cannot be used"), "{mistakes:?}");
    // The provider's own expired long ago.
    provision::read(&file(&descriptor(ENTITY, &own_key("")), ""), |_| None).unwrap();
}

fn short_certificate() -> String {
    let made = std::process::Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:1024",
            "-nodes",
            "-subj",
            "/CN=short",
            "-keyout",
            "/dev/null",
        ])
        .output()
        .unwrap();
    let pem = String::from_utf8(made.stdout).unwrap();
    pem.lines().filter(|line| !line.starts_with("-----")).collect()
}

#[tokio::test]
async fn a_service_provider_is_added_by_its_metadata_from_the_command_line_and_from_a_file() {
    let server = start("").await;
    let folder = tempfile::tempdir().unwrap();
    let metadata = folder.path().join("shop.xml");
    std::fs::write(&metadata, descriptor("https://shop.example/saml", &own_key(""))).unwrap();
    let metadata = metadata.to_str().unwrap();
    let add = ["client", "add", "--saml-metadata", metadata];
    let said = node::run(&server.db.url, &add);
    assert!(said.success, "{}", said.err);
    let expected = [
        "added shop.example",
        "our entity ID: http://127.0.0.1:1",
        "our metadata: http://127.0.0.1:1/samlp/metadata/shop.example",
    ];
    assert_eq!(said.out.lines().collect::<Vec<_>>(), expected);
    let page = server.browser().get("/samlp/metadata/shop.example").await;
    assert!(page.body.contains("WantAuthnRequestsSigned=\"true\""), "{}", page.body);
    // It is there, and its name is taken.
    let again = node::run(&server.db.url, &add);
    assert!(again.err.contains("there is an application `shop.example`"), "{}", again.err);
    let other = node::run(&server.db.url, &[&add[..], &["--client-id", "other"]].concat());
    assert!(other.err.contains("is that of application `shop.example`"), "{}", other.err);
    let wrong = folder.path().join("wrong.xml");
    std::fs::write(&wrong, "<!DOCTYPE x>").unwrap();
    let wrong = ["client", "add", "--saml-metadata", wrong.to_str().unwrap()];
    let wrong = node::run(&server.db.url, &wrong);
    assert!(!wrong.success && wrong.err.contains("a document type declaration"), "{}", wrong.err);
    // Beside the file that names it.
    let directory = folder.path().join("directory.yaml");
    let text = "version: 1\nclients:\n  - {client_id: shop.example, name: Shop, kind: saml, saml: {metadata_file: shop.xml}}\n";
    std::fs::write(&directory, text).unwrap();
    let said = node::run(&server.db.url, &["apply", "-f", directory.to_str().unwrap()]);
    assert!(said.success && said.out.contains("name"), "{} {}", said.out, said.err);
    std::fs::write(&directory, text.replace("shop.xml", "gone.xml")).unwrap();
    let said = node::run(&server.db.url, &["apply", "-f", directory.to_str().unwrap()]);
    assert!(said.err.contains("clients[0].saml.metadata_file: cannot be read"), "{}", said.err);
}

#[test]
fn an_id_that_stands_in_our_addresses_is_refused() {
    let read = |id: &str| {
        let text = format!(
            "version: 1\nclients:\n  - client_id: {id}\n    kind: saml\n    \
             saml: {{entity_id: 'urn:x', acs_urls: ['https://x.test/acs']}}\n"
        );
        provision::read(&text, |_| None)
    };
    for id in ["metadata", "logout"] {
        let told = format!("{:?}", read(id).err().unwrap());
        assert!(told.contains("is an address of ours already"), "{told}");
    }
    assert!(read("meta").is_ok());
}
