//! Applications in the console: found, made, changed, taken away, by whom and how far.
mod boxed;
mod faults;
mod metadata;
mod who;

use super::signed_in;
use crate::support::browser::unescape;
use crate::support::{Browser, Page, TestServer};
use std::collections::BTreeMap;

const LIST: &str = "/console/applications";
const NEW: &str = "/console/new-application";
const KINDS: [&str; 7] = ["web", "spa", "native", "machine", "saml", "wsfed", "global"];

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

    pub(super) fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }

    #[track_caller]
    pub(super) fn get(&self, name: &str) -> &str {
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
pub(super) async fn fresh(browser: &Browser, kind: &str, id: &str) -> Filled {
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
