//! Settings out of the metadata of a service provider.
use super::{Filled, LIST, NEW, at, changed, edit, save};
use crate::console::signed_in;
use crate::support::browser::unescape;
use crate::support::{Browser, Page, TestServer};

/// As a browser sends a form with a file.
pub(super) async fn upload(browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Page {
    let mut body = String::new();
    for (name, value) in fields {
        let file = if *name == "file" { "; filename=\"sp.xml\"" } else { "" };
        body.push_str(&format!(
            "--frontier\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n"
        ));
    }
    body.push_str("--frontier--\r\n");
    let request = browser.request(reqwest::Method::POST, path).header("accept", "text/html");
    let kind = "multipart/form-data; boundary=frontier";
    browser.send(request.header("content-type", kind).body(body)).await
}

const METADATA: &str = r#"<?xml version="1.0"?><EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://sp.made.test/saml">
<SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
<SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://sp.made.test/slo"/>
<NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</NameIDFormat>
<AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://sp.made.test/acs" index="3"/>
</SPSSODescriptor></EntityDescriptor>"#;

fn csrf_of(page: &Page, action: &str) -> String {
    Filled::read(page, action).get("csrf").to_owned()
}

#[tokio::test]
async fn metadata_fill_in_the_form_by_file_and_by_paste() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let (form, action) = (at("saml"), format!("{NEW}/metadata"));
    let csrf = csrf_of(&ada.open(&form).await, &action);
    let page = upload(
        &ada,
        &action,
        &[("csrf", &csrf), ("metadata", ""), ("entity_id", ""), ("file", METADATA)],
    )
    .await;
    assert_eq!(page.status, 200, "{}", page.body);
    let filled = Filled::read(&page, &form);
    for (field, value) in [
        ("name", "sp.made.test"),
        ("entity_id", "https://sp.made.test/saml"),
        ("acs_urls", "https://sp.made.test/acs"),
        ("acs_indexes", "3"),
        ("slo_url", "https://sp.made.test/slo"),
        ("slo_binding", "post"),
        ("name_id_format", "persistent"),
        ("sign_response", "on"),
    ] {
        assert_eq!(filled.get(field), value, "{field}");
    }
    assert_eq!(
        server.db.count("SELECT count(*) FROM clients WHERE name = 'sp.made.test'").await,
        0
    );
    // A large one is read as well.
    let long = format!("{METADATA}<!--{}-->", "x".repeat(700 * 1024));
    let page = upload(&ada, &format!("{NEW}/metadata"), &[("csrf", &csrf), ("file", &long)]).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let made = filled.with("client_id", "made").send(&ada, &form).await;
    assert_eq!(made.location(), format!("{LIST}/made?done=created"), "{}", made.body);

    // Into one that is there: what metadata do not speak of stays.
    let (form, action) = (format!("{LIST}/made/edit"), format!("{LIST}/made/metadata"));
    let own = edit(&ada, "made").await.with("saml_attributes", "mail = email").with("name", "Made");
    assert_eq!(save(&ada, "made", &own).await.status, 303);
    let csrf = csrf_of(&ada.open(&form).await, &action);
    let other = METADATA.replace("/acs", "/other-acs");
    let page = upload(&ada, &action, &[("csrf", &csrf), ("metadata", &other), ("file", "")]).await;
    let filled = Filled::read(&page, &form);
    assert_eq!(filled.get("acs_urls"), "https://sp.made.test/other-acs");
    assert_eq!((filled.get("saml_attributes"), filled.get("name")), ("mail = email", "Made"));
    assert_eq!(filled.send(&ada, &form).await.status, 303);
    let told = changed(&server, "made").await;
    assert_eq!(told.last().unwrap().2, "[\"saml.acs_urls\"]");
}

#[tokio::test]
async fn h28_metadata_that_are_too_large_or_hostile_are_refused() {
    let server = TestServer::start_with(&[("UNDERSTUDY_RATE_LIMITS", "off")]).await;
    let ada = signed_in(&server, "ada").await;
    let (form, action) = (at("saml"), format!("{NEW}/metadata"));
    let csrf = csrf_of(&ada.open(&form).await, &action);
    let before = server.db.contents().await;
    let large = "x".repeat(1024 * 1024 + 1);
    assert_eq!(upload(&ada, &action, &[("csrf", &csrf), ("file", &large)]).await.status, 413);
    let entities = METADATA.replace(
        "<EntityDescriptor",
        "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><EntityDescriptor",
    );
    let expired = METADATA.replace(" entityID=", " validUntil=\"2020-01-01T00:00:00Z\" entityID=");
    let script = METADATA.replace("https://sp.made.test/acs", "javascript:alert(1)");
    for (text, words) in [
        ("", "Choose a file, or paste the metadata."),
        ("<html>", "The document cannot be read"),
        ("<a/>", "is no metadata of SAML 2.0"),
        (&entities, "The document cannot be read"),
        (&expired, "was valid until 2020"),
        (&script, "has an address in AssertionConsumerService"),
    ] {
        let page = upload(&ada, &action, &[("csrf", &csrf), ("file", text)]).await;
        assert_eq!(page.status, 400, "{words}: {}", page.body);
        let error = page.body.split("id=\"upload-error\"").nth(1).unwrap();
        let error = unescape(error.split('<').next().unwrap());
        assert!(error.contains(words), "{words}: {error}");
        assert!(!error.contains("passwd"), "{error}");
    }
    let both = [("csrf", csrf.as_str()), ("file", METADATA), ("metadata", METADATA)];
    assert_eq!(upload(&ada, &action, &both).await.status, 400);
    let more = [("csrf", csrf.as_str()), ("file", METADATA), ("status", "active")];
    assert_eq!(upload(&ada, &action, &more).await.status, 400);
    let twice = [("csrf", csrf.as_str()), ("file", METADATA), ("file", METADATA)];
    assert_eq!(upload(&ada, &action, &twice).await.status, 400);
    assert_eq!(upload(&ada, &action, &[("csrf", "x"), ("file", METADATA)]).await.status, 403);
    assert_eq!(ada.post_form(&action, &[("csrf", &csrf)]).await.status, 415);
    // An application that speaks no SAML has no metadata.
    let path = format!("{LIST}/portal/metadata");
    assert_eq!(upload(&ada, &path, &[("csrf", &csrf), ("file", METADATA)]).await.status, 403);
    assert_eq!(server.db.contents().await, before);
}

/// M-02: the body is as long as it says and ends before its form does.
#[tokio::test]
async fn m02_a_form_that_is_cut_short_is_refused_at_once() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let (form, action) = (at("saml"), format!("{NEW}/metadata"));
    let csrf = csrf_of(&ada.open(&form).await, &action);
    let whole = format!(
        "--frontier\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n\
         --frontier\r\nContent-Disposition: form-data; name=\"file\"; filename=\"sp.xml\"\r\n\r\n\
         {METADATA}\r\n--frontier--\r\n"
    );
    let in_the_headers = whole.find("form-data").unwrap();
    let after_the_first = whole.rfind("--frontier\r\n").unwrap();
    let cuts = [
        0,
        5,
        in_the_headers,
        after_the_first - 2,
        after_the_first,
        after_the_first + 12,
        whole.len() - 200,
        whole.len() - 14,
        whole.len() - 6,
    ];
    for cut in cuts {
        let begun = std::time::Instant::now();
        let request = ada.request(reqwest::Method::POST, &action).header("accept", "text/html");
        let kind = "multipart/form-data; boundary=frontier";
        let request = request.header("content-type", kind).body(whole[..cut].to_owned());
        let page = ada.send(request).await;
        assert_eq!(page.status, 400, "cut at {cut}: {}", page.body);
        assert!(begun.elapsed() < std::time::Duration::from_secs(2), "cut at {cut}");
    }
    assert_eq!(ada.get(&form).await.status, 200);
}
