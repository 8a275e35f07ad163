//! What is typed wrong, and what is said of it.
use super::{Filled, at, fresh};
use crate::console::signed_in;
use crate::support::TestServer;
use crate::support::browser::unescape;

const SCRIPT: &str = "javascript:alert(1)";

/// Of which kind, which field, what is typed, and what is said of it.
const MISTAKES: &[(&str, &str, &str, &str)] = &[
    ("web", "name", "", "This is missing."),
    ("web", "client_id", "", "This is missing."),
    ("web", "client_id", "orders", "It is the id of another application."),
    ("web", "redirect_uris", SCRIPT, "has a scheme that is never allowed"),
    ("web", "redirect_uris", "http://made.test/cb", "must be https"),
    ("web", "redirect_uris", "https://made.test/*", "has a wildcard"),
    ("web", "redirect_uris", "com.made.app:/cb", "for native applications"),
    ("web", "post_logout_redirect_uris", SCRIPT, "has a scheme that is never allowed"),
    ("web", "initiate_login_uri", SCRIPT, "has a scheme that is never allowed"),
    ("web", "initiate_login_uri", "data:text/html,x", "has a scheme that is never allowed"),
    ("web", "backchannel_logout_uri", SCRIPT, "has a scheme that is never allowed"),
    ("web", "lifetime", "0", "must be between 1 and 86400"),
    ("web", "lifetime", "ten", "must be a whole number"),
    ("web", "scopes", "a b", "is more than one scope"),
    ("web", "jwks", "{", "It is no JSON."),
    ("web", "jwks", "{\"keys\": []}", "no usable public keys"),
    ("web", "auth_method", "private_key_jwt", "needs “Public keys (JWKS)”"),
    ("web", "organization", "org_none", "It is no organization that is there."),
    ("web", "id_token_algorithm", "HS256", "is none of"),
    ("web", "redeem", "maybe", "is none of"),
    ("spa", "redirect_uris", "https://user@made.test/", "has a user name"),
    ("native", "redirect_uris", SCRIPT, "has a scheme that is never allowed"),
    ("machine", "auth_method", "none", "must show who it is"),
    ("saml", "entity_id", "", "This is missing."),
    ("saml", "entity_id", "urn:test:sp", "It is that of another application."),
    ("saml", "acs_urls", "", "must hold an address"),
    ("saml", "acs_urls", SCRIPT, "has a scheme that is never allowed"),
    ("saml", "acs_indexes", "1, 2", "another number for each"),
    ("saml", "acs_indexes", "one", "whole numbers"),
    ("saml", "slo_url", SCRIPT, "has a scheme that is never allowed"),
    ("saml", "certificates", "AAAA", "cannot be used"),
    ("saml", "encryption_certificate", "AAAA", "cannot be used"),
    ("saml", "encrypt_assertion", "on", "It needs an “Encryption certificate”."),
    ("saml", "require_signed_requests", "on", "Signing certificates"),
    ("saml", "saml_attributes", "mail = password", "is filled from none of"),
    ("saml", "saml_attributes", "a = email\r\na = name", "It has a name twice."),
    ("wsfed", "realm", "urn:test:wsfed", "It is that of another application."),
    ("wsfed", "reply_urls", SCRIPT, "has a scheme that is never allowed"),
    ("wsfed", "token_version", "3.0", "is none of"),
    ("wsfed", "initiate_login_uri", SCRIPT, "has a scheme that is never allowed"),
];

/// A mistake of each field: what was typed stays, and the words stand at the field.
#[tokio::test]
async fn h24_what_provisioning_refuses_the_form_refuses_at_its_field() {
    let server = TestServer::start_with(&[("UNDERSTUDY_RATE_LIMITS", "off")]).await;
    let ada = signed_in(&server, "ada").await;
    let sql = "UPDATE clients SET saml = saml || '{\"entity_id\": \"urn:test:sp\"}' WHERE id = 'orders-saml'";
    server.db.sql(sql).await;
    let before = server.db.contents().await;
    for (kind, field, typed, words) in MISTAKES.iter().copied() {
        let form = fresh(&ada, kind, "made").await.with(field, typed);
        let page = form.send(&ada, &at(kind)).await;
        assert!(matches!(page.status, 400 | 409), "{kind} {field} {typed}: {}", page.status);
        let error = page.body.split(&format!("id=\"{field}-error\">")).nth(1);
        let error = error.unwrap_or_else(|| panic!("{field} {typed}: {}", page.body));
        let error = unescape(error.split('<').next().unwrap());
        assert!(error.contains(words), "{field} {typed}: {error}");
        assert!(page.body.contains(&format!("href=\"#{field}\"")), "{field}: no way to it");
        let again = Filled::read(&page, &at(kind));
        let same = ["organization", "auth_method", "id_token_algorithm", "redeem", "token_version"];
        if !same.contains(&field) {
            assert_eq!(again.get(field), typed.replace("\r\n", "\n"), "{field}");
        }
        if field != "name" {
            assert_eq!(again.get("name"), "Made here");
        }
    }
    let unsolicited = fresh(&ada, "web", "made").await.with("acting", "on").without("unsolicited");
    let page = unsolicited.send(&ada, &at("web")).await;
    assert!(page.body.contains("id=\"unsolicited-error\""), "{}", page.body);
    assert_eq!(server.db.contents().await, before);
}
