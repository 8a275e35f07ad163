//! Applications in the console: found, made, changed, taken away, by whom and how far.
use super::signed_in;
use crate::support::browser::unescape;
use crate::support::{Browser, Page, TestServer};
use std::collections::BTreeMap;

const LIST: &str = "/console/applications";
const NEW: &str = "/console/new-application";
const KINDS: [&str; 7] = ["web", "spa", "native", "machine", "saml", "wsfed", "global"];

/// Whoever reads and writes applications, as somebody of the directory.
async fn give(server: &TestServer, user: &str, permissions: &str) {
    let sql = format!(
        "INSERT INTO roles (name, permissions) VALUES ('role-{user}', '{{{permissions}}}'); \
         DELETE FROM user_roles WHERE user_id = '{user}'; \
         INSERT INTO user_roles VALUES ('{user}', 'role-{user}')"
    );
    server.db.sql(&sql).await;
}

/// What a browser would send of the form with this action, as it stands.
#[derive(Clone)]
pub(super) struct Filled(BTreeMap<String, String>);

impl Filled {
    #[track_caller]
    pub(super) fn read(page: &Page, action: &str) -> Self {
        let form = page.form(action).body;
        let mut fields = BTreeMap::new();
        for tag in form.split('<').skip(1) {
            let word = tag.split([' ', '>']).next().unwrap();
            let inside = tag.split('>').next().unwrap();
            let value_of = |name: &str| {
                let rest = inside.split(&format!(" {name}=\"")).nth(1)?;
                Some(unescape(rest.split('"').next().unwrap()))
            };
            let Some(name) = value_of("name") else { continue };
            let value = match (word, value_of("type").as_deref()) {
                ("input", Some("checkbox")) if inside.contains(" checked") => "on".to_owned(),
                ("input", Some("checkbox")) => continue,
                ("input", _) => value_of("value").unwrap_or_default(),
                ("textarea", _) => unescape(tag.split_once('>').unwrap().1),
                ("select", _) => {
                    let start = form.find(&format!("name=\"{name}\"")).unwrap();
                    let all = form[start..].split("</select>").next().unwrap();
                    let options: Vec<&str> = all.split("<option ").skip(1).collect();
                    let chosen = options
                        .iter()
                        .find(|it| it.split('>').next().unwrap().contains(" selected"));
                    let chosen = chosen.or(options.first()).unwrap();
                    unescape(chosen.split("value=\"").nth(1).unwrap().split('"').next().unwrap())
                }
                _ => continue,
            };
            fields.insert(name, value);
        }
        Self(fields)
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }

    #[track_caller]
    fn get(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_else(|| panic!("no {name}: {:?}", self.0))
    }

    pub(super) async fn send(&self, browser: &Browser, action: &str) -> Page {
        let form: Vec<_> = self.0.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        browser.post_form(action, &form).await
    }
}

fn at(kind: &str) -> String {
    format!("{NEW}?kind={kind}")
}

/// The form for a new one, with what every one of its kind needs.
async fn fresh(browser: &Browser, kind: &str, id: &str) -> Filled {
    let page = browser.open(&at(kind)).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let form = Filled::read(&page, &at(kind)).with("client_id", id).with("name", "Made here");
    match kind {
        "web" => form.with("redirect_uris", "http://127.0.0.1:9/made\r\n\r\nhttps://made.test/cb"),
        "spa" => form.with("redirect_uris", "https://made.test/spa"),
        "native" => form.with("redirect_uris", "com.made.app:/cb"),
        "saml" => form
            .with("entity_id", &format!("urn:made:{id}"))
            .with("acs_urls", "https://made.test/acs")
            .with("saml_attributes", "mail = email"),
        "wsfed" => form
            .with("realm", &format!("urn:made:{id}"))
            .with("reply_urls", "https://made.test/wsfed"),
        _ => form,
    }
}

async fn edit(browser: &Browser, id: &str) -> Filled {
    let action = format!("{LIST}/{id}/edit");
    let page = browser.open(&action).await;
    assert_eq!(page.status, 200, "{}", page.body);
    Filled::read(&page, &action)
}

async fn save(browser: &Browser, id: &str, form: &Filled) -> Page {
    form.send(browser, &format!("{LIST}/{id}/edit")).await
}

/// The secret on the page that shows it.
#[track_caller]
fn secret(page: &Page) -> String {
    let rest = page.body.split("id=\"client-secret\"").nth(1);
    let rest = rest.unwrap_or_else(|| panic!("no secret: {} {}", page.status, page.body));
    let secret = rest.split("value=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(secret.len(), 43);
    secret.to_owned()
}

async fn changed(server: &TestServer, id: &str) -> Vec<(String, String, String)> {
    let sql = format!(
        "SELECT actor, detail ->> 'action', coalesce(detail ->> 'changed', '') FROM audit_events \
         WHERE type = 'application.changed' AND client_id = '{id}' AND actor <> 'cli' ORDER BY seq"
    );
    let rows = server.db.rows(&sql).await;
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

/// Signs Alice in and exchanges the code with this secret.
async fn exchange(server: &TestServer, id: &str, secret: &str) -> Page {
    let alice = signed_in(server, "alice").await;
    let redirect = "http%3A%2F%2F127.0.0.1%3A9%2Fmade";
    let path = format!(
        "/authorize?response_type=code&client_id={id}&scope=openid&redirect_uri={redirect}"
    );
    let code = alice.get(&path).await.location_param("code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", "http://127.0.0.1:9/made"),
        ("client_id", id),
        ("client_secret", secret),
    ];
    server.browser().post_form("/oauth/token", &form).await
}

#[tokio::test]
async fn h16_people_sign_in_with_the_secret_that_was_shown_once() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let page = fresh(&ada, "web", "made").await.send(&ada, &at("web")).await;
    assert_eq!(page.status, 201, "{}", page.body);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let first = secret(&page);
    assert_eq!(exchange(&server, "made", &first).await.status, 200);

    let ask = format!("{LIST}/made/secret");
    let form = Filled::read(&ada.open(&ask).await, &ask);
    let page = form.send(&ada, &ask).await;
    let second = secret(&page);
    assert_eq!(exchange(&server, "made", &first).await.status, 401);
    assert_eq!(exchange(&server, "made", &second).await.status, 200);
    // Sent again, the form makes no third one.
    assert_eq!(form.send(&ada, &ask).await.status, 403);
    assert_eq!(exchange(&server, "made", &second).await.status, 200);

    for path in ["", "/edit", "/setup", "/secret", "/status", "/delete"] {
        let page = ada.open(&format!("{LIST}/made{path}")).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(!page.body.contains(&first) && !page.body.contains(&second), "{path}");
    }
    let everything = "SELECT concat((SELECT string_agg(a::text, '') FROM audit_events a), \
        (SELECT string_agg(c::text, '') FROM clients c), (SELECT string_agg(s::text, '') FROM client_secrets s))";
    let kept = server.db.text(everything).await;
    assert!(!kept.contains(&first) && !kept.contains(&second));
    let told = changed(&server, "made").await;
    let told: Vec<_> = told.iter().map(|(who, what, names)| (&**who, &**what, &**names)).collect();
    let expected = [("usr_ada", "create", ""), ("usr_ada", "update", "[\"client_secret\"]")];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn every_kind_is_made_shown_edited_and_configured() {
    let server = TestServer::start_with(&[("UNDERSTUDY_RATE_LIMITS", "off")]).await;
    let ada = signed_in(&server, "ada").await;
    let kinds = ada.open(NEW).await;
    for kind in KINDS {
        assert!(kinds.body.contains(&format!("{NEW}?kind={kind}")), "{kind}");
        let id = format!("made-{kind}");
        let page = fresh(&ada, kind, &id).await.send(&ada, &at(kind)).await;
        let keeps_secret = ["web", "machine", "global"].contains(&kind);
        assert_eq!(page.status, if keeps_secret { 201 } else { 303 }, "{kind}: {}", page.body);
        let page = ada.open(&format!("{LIST}/{id}")).await;
        assert!(page.body.contains("Made here"), "{kind}: {}", page.body);
        assert_eq!(page.body.contains("id=\"secret\""), keeps_secret, "{kind}");

        // Saved as it stands it changes nothing; then one word does.
        let form = edit(&ada, &id).await;
        let same = save(&ada, &id, &form).await;
        assert_eq!(same.location(), format!("{LIST}/{id}?done=same"), "{kind}");
        let other = save(&ada, &id, &form.with("name", "Another name")).await;
        assert_eq!(other.location(), format!("{LIST}/{id}?done=saved"), "{kind}: {}", other.body);
        assert_eq!(changed(&server, &id).await.last().unwrap().2, "[\"name\"]", "{kind}");

        let setup = ada.open(&format!("{LIST}/{id}/setup")).await;
        assert_eq!(setup.status, 200);
        let expected: &[&str] = match kind {
            "web" => &[
                "/.well-known/openid-configuration",
                "/authorize",
                "/oauth/token",
                "openid-client",
                "http://127.0.0.1:9/made",
            ],
            "spa" => &["/authorize", "oidc-client-ts", "https://made.test/spa"],
            "native" => &["/authorize", "com.made.app:/cb"],
            "machine" | "global" => &["/oauth/token", "grant_type=client_credentials"],
            "saml" => &[
                "/samlp/made-saml",
                "/samlp/made-saml/logout",
                "/samlp/metadata/made-saml",
                "BEGIN CERTIFICATE",
                "urn:made:made-saml",
                "https://made.test/acs",
            ],
            _ => &[
                "/wsfed/made-wsfed",
                "FederationMetadata.xml",
                "urn:made:made-wsfed",
                "/rms/made-wsfed",
                "BEGIN CERTIFICATE",
            ],
        };
        for text in expected {
            assert!(setup.body.contains(text), "{kind}: no {text} in {}", setup.body);
        }
    }
}

/// A mistake of each field: what was typed stays, and the words stand at the field.
#[tokio::test]
async fn h24_what_provisioning_refuses_the_form_refuses_at_its_field() {
    let server = TestServer::start_with(&[("UNDERSTUDY_RATE_LIMITS", "off")]).await;
    let ada = signed_in(&server, "ada").await;
    let before = server.db.contents().await;
    let script = "javascript:alert(1)";
    for (kind, field, typed, words) in [
        ("web", "name", "", "This is missing."),
        ("web", "client_id", "", "This is missing."),
        ("web", "client_id", "orders", "It is the id of another application."),
        ("web", "redirect_uris", script, "has a scheme that is never allowed"),
        ("web", "redirect_uris", "http://made.test/cb", "must be https"),
        ("web", "redirect_uris", "https://made.test/*", "has a wildcard"),
        ("web", "redirect_uris", "com.made.app:/cb", "for native applications"),
        ("web", "post_logout_redirect_uris", script, "has a scheme that is never allowed"),
        ("web", "initiate_login_uri", script, "has a scheme that is never allowed"),
        ("web", "initiate_login_uri", "data:text/html,x", "has a scheme that is never allowed"),
        ("web", "backchannel_logout_uri", script, "has a scheme that is never allowed"),
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
        ("native", "redirect_uris", script, "has a scheme that is never allowed"),
        ("machine", "auth_method", "none", "must show who it is"),
        ("saml", "entity_id", "", "This is missing."),
        ("saml", "entity_id", "urn:test:sp", "It is that of another application."),
        ("saml", "acs_urls", "", "must hold an address"),
        ("saml", "acs_urls", script, "has a scheme that is never allowed"),
        ("saml", "acs_indexes", "1, 2", "another number for each"),
        ("saml", "acs_indexes", "one", "whole numbers"),
        ("saml", "slo_url", script, "has a scheme that is never allowed"),
        ("saml", "certificates", "AAAA", "cannot be used"),
        ("saml", "encryption_certificate", "AAAA", "cannot be used"),
        ("saml", "encrypt_assertion", "on", "It needs an “Encryption certificate”."),
        ("saml", "require_signed_requests", "on", "Signing certificates"),
        ("saml", "saml_attributes", "mail = password", "is filled from none of"),
        ("saml", "saml_attributes", "a = email\r\na = name", "It has a name twice."),
        ("wsfed", "realm", "urn:test:wsfed", "It is that of another application."),
        ("wsfed", "reply_urls", script, "has a scheme that is never allowed"),
        ("wsfed", "token_version", "3.0", "is none of"),
        ("wsfed", "initiate_login_uri", script, "has a scheme that is never allowed"),
    ] {
        if field == "entity_id" && typed == "urn:test:sp" {
            let sql = "UPDATE clients SET saml = saml || '{\"entity_id\": \"urn:test:sp\"}' WHERE id = 'orders-saml'";
            server.db.sql(sql).await;
        }
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
    assert_eq!(server.db.count("SELECT count(*) FROM clients WHERE id = 'made'").await, 0);
    let own = "UPDATE clients SET saml = saml || '{\"entity_id\": \"x\"}' WHERE id = 'orders-saml'";
    server.db.sql(own).await;
    assert_eq!(before.len(), server.db.contents().await.len());
}

#[tokio::test]
async fn what_two_administrators_change_at_once_is_shown_to_the_second() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let (first, second) = (edit(&ada, "orders").await, edit(&ada, "orders").await);
    let first = first.with("scopes", "orders:read\norders:write\norders:refund");
    assert_eq!(save(&ada, "orders", &first).await.status, 303);
    let second = second.with("name", "Northwind").with("lifetime", "600");
    let page = save(&ada, "orders", &second).await;
    assert_eq!(page.status, 409);
    let clash = page.body.split("id=\"clash\"").nth(1).unwrap().split("</section>").next().unwrap();
    for text in ["Scopes", "orders:refund", "Northwind Orders", ">Northwind<", "3600", ">600<"] {
        assert!(clash.contains(text), "{text}: {clash}");
    }
    let count = "SELECT count(*) FROM clients WHERE id = 'orders' AND name = 'Northwind Orders' AND 'orders:refund' = ANY(scopes)";
    assert_eq!(server.db.count(count).await, 1);
    // What was typed is there, and saved it is after all, with what the other one wanted.
    let again = Filled::read(&page, &format!("{LIST}/orders/edit"));
    assert_eq!(again.get("name"), "Northwind");
    let scopes = "orders:read\norders:write\norders:refund";
    assert_eq!(save(&ada, "orders", &again.with("scopes", scopes)).await.status, 303);
    let told = changed(&server, "orders").await;
    assert_eq!(told[0].2, "[\"scopes\"]");
    assert_eq!(told[1].2, "[\"name\", \"access_token_lifetime\"]");
}

#[tokio::test]
async fn h10_a_field_of_another_kind_or_of_nothing_is_refused() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let before = server.db.contents().await;
    for field in
        ["status", "kind", "box", "client_secret", "secret_hash", "realm", "id", "tenant_id"]
    {
        let form = fresh(&ada, "web", "made").await.with(field, "x");
        assert_eq!(form.send(&ada, &at("web")).await.status, 400, "{field}");
        let form = edit(&ada, "portal").await.with(field, "x");
        assert_eq!(save(&ada, "portal", &form).await.status, 400, "{field}");
    }
    let form = edit(&ada, "portal").await.with("client_id", "global");
    assert_eq!(save(&ada, "portal", &form).await.status, 400);
    for (path, field) in [("secret", "secret"), ("status", "kind"), ("delete", "id")] {
        let path = format!("{LIST}/portal/{path}");
        let form = Filled::read(&ada.open(&path).await, &path).with(field, "x");
        assert_eq!(form.send(&ada, &path).await.status, 400, "{path}");
    }
    let unreadable = edit(&ada, "portal").await.with("name", "a\u{1b}[31m");
    assert_eq!(save(&ada, "portal", &unreadable).await.status, 400);
    assert_eq!(server.db.contents().await, before);
}

#[tokio::test]
async fn h03_each_form_is_good_for_its_own_purpose_and_application() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let before = server.db.contents().await;
    let of = async |path: &str| Filled::read(&ada.open(path).await, path).get("csrf").to_owned();
    let edit_token = of(&format!("{LIST}/portal/edit")).await;
    let other = of(&format!("{LIST}/invoices/secret")).await;
    for (path, fields) in [
        ("secret", vec![]),
        ("status", vec![("status", "inactive")]),
        ("delete", vec![]),
        ("edit", vec![("name", "x"), ("version", "x")]),
    ] {
        for token in ["", "x", &other, if path == "edit" { "y" } else { &edit_token }] {
            let form: Vec<_> = fields.iter().copied().chain([("csrf", token)]).collect();
            let page = ada.post_form(&format!("{LIST}/portal/{path}"), &form).await;
            assert_eq!(page.status, 403, "{path}");
        }
    }
    let page = fresh(&ada, "web", "made").await.send(&ada, &at("machine")).await;
    assert!(matches!(page.status, 400 | 403), "{}", page.status);
    assert_eq!(server.db.contents().await, before);
}

const ALL_FORMS: [&str; 4] = ["edit", "secret", "status", "delete"];

#[tokio::test]
async fn h31_who_may_only_read_changes_nothing() {
    let server = TestServer::start().await;
    give(&server, "usr_max", "clients:read").await;
    let max = signed_in(&server, "max").await;
    let list = max.open(LIST).await;
    assert_eq!(list.status, 200);
    assert!(!list.body.contains(NEW), "{}", list.body);
    let page = max.open(&format!("{LIST}/portal")).await;
    assert_eq!(page.status, 200);
    assert!(!page.body.contains("/edit") && !page.body.contains("/delete"), "{}", page.body);
    assert_eq!(max.open(&format!("{LIST}/portal/setup")).await.status, 200);
    let before = server.db.contents().await;
    for path in ALL_FORMS {
        let path = format!("{LIST}/portal/{path}");
        assert_eq!(max.open(&path).await.status, 403, "{path}");
        assert_eq!(max.post_form(&path, &[("csrf", "x")]).await.status, 403, "{path}");
    }
    assert_eq!(max.open(NEW).await.status, 403);
    assert_eq!(max.post_form(&at("web"), &[("csrf", "x")]).await.status, 403);
    for path in [format!("{NEW}/metadata"), format!("{LIST}/orders-saml/metadata")] {
        assert_eq!(upload(&max, &path, &[("csrf", "x")]).await.status, 403, "{path}");
    }
    assert_eq!(server.db.contents().await, before);
}

#[tokio::test]
async fn h09_an_administrator_of_an_organization_has_its_applications_and_no_others() {
    let server = TestServer::start_with(&[("UNDERSTUDY_RATE_LIMITS", "off")]).await;
    give(&server, "usr_riley", "clients:read,clients:write,impersonate,impersonate:admin").await;
    let riley = signed_in(&server, "riley").await;
    let list = riley.open(&format!("{LIST}?organization=org_globex")).await;
    assert_eq!(list.status, 200);
    assert!(!list.body.contains("Globex") && !list.body.contains("Northwind"), "{}", list.body);
    let before = server.db.contents().await;
    // Another organization's, and the operator's.
    for id in ["globex-shop", "portal", "global", "none"] {
        for path in ["", "/setup", "/edit", "/secret", "/status", "/delete"] {
            let path = format!("{LIST}/{id}{path}");
            assert_eq!(riley.open(&path).await.status, 404, "{path}");
        }
        for path in ALL_FORMS {
            let path = format!("{LIST}/{id}/{path}");
            let page = riley.post_form(&path, &[("csrf", "x")]).await;
            assert_eq!(page.status, 404, "{path}");
        }
    }
    assert_eq!(server.db.contents().await, before);
    // What they make is their organization's, and the form says nothing else.
    let form = fresh(&riley, "web", "acme-own").await;
    assert!(!form.0.contains_key("organization"));
    let elsewhere = form.clone().with("organization", "org_globex");
    assert_eq!(elsewhere.send(&riley, &at("web")).await.status, 400);
    assert_eq!(form.send(&riley, &at("web")).await.status, 201);
    let home = server.db.text("SELECT organization_id FROM clients WHERE id = 'acme-own'").await;
    assert_eq!(home, "org_acme");
    let form = edit(&riley, "acme-own").await.with("name", "Renamed");
    assert_eq!(save(&riley, "acme-own", &form).await.status, 303);
    let home = server.db.text("SELECT organization_id FROM clients WHERE name = 'Renamed'").await;
    assert_eq!(home, "org_acme");
    // The global client acts as anybody, anywhere.
    assert_eq!(riley.open(&at("global")).await.status, 403);
    assert_eq!(riley.post_form(&at("global"), &[("csrf", "x")]).await.status, 403);
}

#[tokio::test]
async fn h12_nobody_writes_an_application_with_power_that_they_lack() {
    let server = TestServer::start().await;
    give(&server, "usr_max", "clients:read,clients:write").await;
    let boxed = "UPDATE clients SET box = '{\"perform_actions_as_users\": true, \"authorized_in\": []}' WHERE id = 'machine'";
    server.db.sql(boxed).await;
    let max = signed_in(&server, "max").await;
    let before = server.db.contents().await;
    for id in ["global", "machine"] {
        assert!(max.open(&format!("{LIST}/{id}")).await.body.contains("can act as people"));
        for path in ALL_FORMS {
            assert_eq!(max.open(&format!("{LIST}/{id}/{path}")).await.status, 403, "{id} {path}");
        }
    }
    assert_eq!(max.open(&at("global")).await.status, 403);
    assert!(!max.open(NEW).await.body.contains("kind=global"));
    assert_eq!(server.db.contents().await, before);
    // Ada holds both, and what the form does not show stays.
    let ada = signed_in(&server, "ada").await;
    let form = edit(&ada, "machine").await.with("name", "Renamed");
    assert_eq!(save(&ada, "machine", &form).await.status, 303);
    let kept = "SELECT count(*) FROM clients WHERE id = 'machine' AND name = 'Renamed' AND box ->> 'perform_actions_as_users' = 'true'";
    assert_eq!(server.db.count(kept).await, 1);
}

#[tokio::test]
async fn switching_off_ends_what_runs_and_deleting_takes_it_away() {
    let server = TestServer::start().await;
    let _sam = server.sam_as_alice("portal").await;
    let ada = signed_in(&server, "ada").await;
    let path = format!("{LIST}/portal/status");
    let off = Filled::read(&ada.open(&path).await, &path);
    assert_eq!(off.get("status"), "inactive");
    assert_eq!(off.send(&ada, &path).await.status, 303);
    let over = "SELECT count(*) FROM impersonations i JOIN audit_events a ON a.impersonation_id = i.id \
         WHERE i.status = 'ended' AND i.end_reason = 'client_changed' \
         AND a.type = 'impersonation.ended' AND a.actor = 'usr_ada'";
    assert_eq!(server.db.count(over).await, 1);
    let on = Filled::read(&ada.open(&path).await, &path);
    assert_eq!(on.get("status"), "active");
    assert_eq!(on.send(&ada, &path).await.status, 303);

    let path = format!("{LIST}/portal/delete");
    let gone = Filled::read(&ada.open(&path).await, &path).send(&ada, &path).await;
    assert_eq!(gone.location(), format!("{LIST}?done=deleted"));
    assert_eq!(server.db.count("SELECT count(*) FROM clients WHERE id = 'portal'").await, 0);
    assert_eq!(
        server.db.count("SELECT count(*) FROM client_secrets WHERE client_id = 'portal'").await,
        0
    );
    assert_eq!(ada.open(&format!("{LIST}/portal")).await.status, 404);
    let told = changed(&server, "portal").await;
    let told: Vec<_> = told.iter().map(|(_, what, names)| (&**what, &**names)).collect();
    assert_eq!(told, [("update", "[\"status\"]"), ("update", "[\"status\"]"), ("delete", "")]);
}

#[tokio::test]
async fn applications_are_found_by_name_id_organization_protocol_and_status() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    server.db.sql("UPDATE clients SET status = 'inactive' WHERE id = 'closed'").await;
    for (query, found, other) in [
        ("q=NORTHWIND", "/console/applications/orders\"", "/console/applications/portal\""),
        ("q=legacy-es", "/console/applications/legacy-es\"", "/console/applications/legacy\""),
        ("organization=org_globex", "globex-shop", "/console/applications/orders\""),
        ("protocol=samlp", "orders-saml", "shop-wsfed"),
        ("protocol=wsfed", "shop-wsfed", "orders-saml"),
        ("protocol=none", "/console/applications/machine\"", "/console/applications/orders\""),
        ("status=inactive", "/console/applications/closed\"", "/console/applications/orders\""),
    ] {
        let page = ada.open(&format!("{LIST}?{query}")).await;
        assert!(page.body.contains(found) && !page.body.contains(other), "{query}: {}", page.body);
    }
    // A hundred more; page after page shows each once.
    server
        .db
        .sql("INSERT INTO clients (id, name, kind, auth_method) SELECT 'many_' || n, 'Many ' || n % 7, 'spa', 'none' FROM generate_series(1, 100) n")
        .await;
    let mut path = format!("{LIST}?q=many_");
    let mut seen = Vec::new();
    loop {
        let page = ada.open(&path).await;
        let rows = page.body.split("href=\"/console/applications/many_").skip(1);
        seen.extend(rows.map(|rest| rest.split('"').next().unwrap().to_owned()));
        let next = page
            .body
            .split("<a class=\"button small\" href=\"")
            .find(|it| it.contains("rel=\"next\""));
        let Some(next) = next else { break };
        path = unescape(next.split('"').next().unwrap());
    }
    assert_eq!(seen.len(), 100);
    assert_eq!(seen.iter().collect::<std::collections::BTreeSet<_>>().len(), 100);
    for odd in ["%25", "_", "%27%3B--", "%5C"] {
        assert_eq!(ada.open(&format!("{LIST}?q={odd}")).await.status, 200, "{odd}");
    }
    assert_eq!(ada.open(&format!("{LIST}?q={}", "a".repeat(257))).await.status, 400);
}

/// As a browser sends a form with a file.
async fn upload(browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Page {
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
