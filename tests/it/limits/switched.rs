//! Off is over: what was handed out before something is switched off, or taken away, is dead for good.
use super::{ALICE, BOB};
use crate::box_::{APP, SMALL};
use crate::support::node::run;
use crate::support::{Browser, TestServer};
use reqwest::Method;
use serde_json::Value;
use understudy::provision::{self, DryRun, Prune};

const DIRECTORY: &str = include_str!("../support/directory.yaml");
const CALLBACK: &str = "http://127.0.0.1:9/callback";

/// The directory of the stories with one part of it in other words.
async fn apply(server: &TestServer, old: &str, new: &str) {
    apply_and(server, (old, new), Prune::No).await;
}

async fn apply_and(server: &TestServer, (old, new): (&str, &str), prune: Prune) {
    assert_eq!(DIRECTORY.matches(old).count(), 1, "{old}");
    let text = DIRECTORY.replace(old, new);
    let file = provision::read(&text, |_| None).unwrap();
    let ctx = server.parts.context(1).unwrap();
    provision::apply(&ctx, &file, DryRun::No, prune).await.unwrap();
}

async fn switch(server: &TestServer, entry: &str, status: &str) {
    apply(server, &format!("{entry}\n"), &format!("{entry}\n    status: {status}\n")).await;
}

/// A code of `orders` that nobody has used yet.
async fn code(browser: &Browser) -> String {
    let path = format!(
        "/authorize?response_type=code&client_id=orders&redirect_uri={CALLBACK}&scope=openid+offline_access"
    );
    let answer = browser.get(&path).await;
    assert_eq!(answer.status, 302, "{}", answer.body);
    answer.location_param("code").unwrap_or_else(|| panic!("{}", answer.location()))
}

/// All that one browser's sign-in gives `orders`, and what the application holds for itself.
struct HandedOut {
    browser: Browser,
    access: String,
    refresh: String,
    code: String,
    own: String,
}

impl HandedOut {
    async fn to(server: &TestServer, who: (&str, &str)) -> Self {
        let browser = server.browser();
        assert_eq!(browser.sign_in(who.0, who.1).await.status, 303);
        let tokens = server.exchange("orders", &code(&browser).await, CALLBACK).await.json();
        let text =
            |name: &str| tokens[name].as_str().unwrap_or_else(|| panic!("{tokens}")).to_owned();
        let code = code(&browser).await;
        let own = server.client_token("machine", "machine-secret").await;
        Self { access: text("access_token"), refresh: text("refresh_token"), code, own, browser }
    }

    /// Access token, refresh token, code; using the last two uses them up.
    async fn count(&self, server: &TestServer) -> [bool; 3] {
        let access = server.userinfo(&self.access).await.status == 200;
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", "orders"),
            ("client_secret", "orders-secret"),
            ("refresh_token", self.refresh.as_str()),
        ];
        let refreshed = server.browser().post_form("/oauth/token", &form).await.status == 200;
        let exchanged = server.exchange("orders", &self.code, CALLBACK).await.status == 200;
        [access, refreshed, exchanged]
    }

    async fn is_signed_in(&self) -> bool {
        self.browser.open("/account").await.status == 200
    }
}

async fn active(server: &TestServer, token: &str) -> Value {
    let form = [("token", token), ("client_id", "machine"), ("client_secret", "machine-secret")];
    server.browser().post_form("/oauth/introspect", &form).await.json()["active"].clone()
}

#[tokio::test]
async fn k25_what_an_application_was_given_stays_dead_when_it_is_on_again() {
    let server = TestServer::start().await;
    let before = HandedOut::to(&server, ALICE).await;
    switch(&server, "client_id: orders", "inactive").await;
    assert_eq!(server.userinfo(&before.access).await.status, 401);
    switch(&server, "client_id: orders", "active").await;
    assert_eq!(before.count(&server).await, [false; 3]);
    assert!(before.is_signed_in().await, "a session is no application's");
    let after = HandedOut::to(&server, ALICE).await;
    assert_eq!(after.count(&server).await, [true; 3], "and it works again");
    // Nothing that others were given, for the same person.
    let other = HandedOut::to(&server, BOB).await;
    switch(&server, "client_id: portal", "inactive").await;
    switch(&server, "client_id: portal", "active").await;
    assert_eq!(other.count(&server).await, [true; 3]);
}

#[tokio::test]
async fn k25_an_application_that_is_taken_away_and_made_again_does_not_inherit() {
    let server = TestServer::start().await;
    let before = HandedOut::to(&server, ALICE).await;
    let entry = DIRECTORY.split("  - client_id: ").find(|it| it.starts_with("orders\n")).unwrap();
    apply_and(&server, (&format!("  - client_id: {entry}"), ""), Prune::Yes).await;
    let file = provision::read(DIRECTORY, |_| None).unwrap();
    let ctx = server.parts.context(1).unwrap();
    provision::apply(&ctx, &file, DryRun::No, Prune::No).await.unwrap();
    assert_eq!(before.count(&server).await, [false; 3]);
    assert_eq!(HandedOut::to(&server, ALICE).await.count(&server).await, [true; 3]);
}

#[tokio::test]
async fn k25_tokens_that_an_application_holds_for_itself_stay_dead_too() {
    let server = TestServer::start().await;
    let jwt = async || {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "machine"),
            ("client_secret", "machine-secret"),
            ("audience", "https://jobs.test/api"),
        ];
        let answer = server.browser().post_form("/oauth/token", &form).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["access_token"].as_str().unwrap().to_owned()
    };
    let old = [jwt().await, server.client_token("machine", "machine-secret").await];
    assert_eq!(
        (active(&server, &old[0]).await, active(&server, &old[1]).await),
        (true.into(), true.into())
    );
    switch(&server, "client_id: machine", "inactive").await;
    switch(&server, "client_id: machine", "active").await;
    crate::support::node::until("the application is on", 3, async || {
        let form = [("token", "x"), ("client_id", "machine"), ("client_secret", "machine-secret")];
        server.browser().post_form("/oauth/introspect", &form).await.status == 200
    })
    .await;
    for token in old {
        assert_eq!(active(&server, &token).await, false, "within the same second too");
    }
    let new = [jwt().await, server.client_token("machine", "machine-secret").await];
    for token in new {
        assert_eq!(active(&server, &token).await, true);
    }
}

#[tokio::test]
async fn k25_what_people_of_an_organization_were_given_stays_dead() {
    for by_console in [false, true] {
        let server = TestServer::start().await;
        let (alice, bob) = (HandedOut::to(&server, ALICE).await, HandedOut::to(&server, BOB).await);
        let ada = server.browser();
        assert_eq!(ada.sign_in("ada@understudy.test", "ada-password").await.status, 303);
        let staff = HandedOut { browser: ada.clone(), ..HandedOut::to(&server, ALICE).await };
        for status in ["inactive", "active"] {
            if by_console {
                let action = "/console/organizations/org_acme/status";
                // Switching off asks first, on a page of its own.
                let asks = status == "inactive";
                let page = if asks { action } else { "/console/organizations/org_acme" };
                let page = ada.open(page).await;
                let csrf = page.form(action).field("csrf").unwrap();
                let form = [("csrf", csrf.as_str()), ("status", status)];
                assert_eq!(ada.post_form(action, &form).await.status, 303);
            } else {
                let entry = "{id: org_acme, name: Acme}";
                let other = format!("{{id: org_acme, name: Acme, status: {status}}}");
                apply(&server, entry, &other).await;
            }
        }
        for who in [&alice, &bob] {
            assert!(!who.is_signed_in().await, "{by_console}");
            assert_eq!(who.count(&server).await, [false; 3], "{by_console}");
        }
        assert!(staff.is_signed_in().await, "staff of the operator are of no organization");
        let after = HandedOut::to(&server, ALICE).await;
        assert!(after.is_signed_in().await);
        assert_eq!(after.count(&server).await, [true; 3], "{by_console}");
        assert_eq!(active(&server, &after.own).await, true);
    }
}

#[tokio::test]
async fn k25_tokens_of_an_organizations_own_application_stay_dead() {
    let server = TestServer::start().await;
    server.db.sql("UPDATE clients SET organization_id = 'org_globex' WHERE id = 'machine'").await;
    let old = server.client_token("machine", "machine-secret").await;
    let ctx = server.parts.context(1).unwrap();
    let conn = ctx.store.conn().await.unwrap();
    let globex = understudy::domain::OrganizationId::parse("org_globex").unwrap();
    understudy::flows::directory::manage_organizations::end_issued_credentials(&conn, &globex)
        .await
        .unwrap();
    assert_eq!(active(&server, &old).await, false);
    let new = server.client_token("machine", "machine-secret").await;
    assert_eq!(active(&server, &new).await, true);
}

#[tokio::test]
async fn k25_an_application_that_is_let_in_again_starts_anew() {
    let server = TestServer::start().await;
    let user = SMALL.app_user(&server, "kim").await;
    let old = [SMALL.enterprise_token(&server).await, SMALL.token(&server, "user", &user).await];
    let untouched = APP.enterprise_token(&server).await;
    let me = async |token: &str| {
        let browser = server.browser();
        browser.send(browser.request(Method::GET, "/2.0/users/me").bearer_auth(token)).await.status
    };
    for token in &old {
        assert_eq!(me(token).await, 200);
    }
    let entry = "name: Box App for its own users\n    kind: machine\n    client_secret: box-small-secret\n    box:\n      authorized_in: [org_acme]";
    apply(&server, entry, &entry.replace("[org_acme]", "[]")).await;
    let file = provision::read(DIRECTORY, |_| None).unwrap();
    let ctx = server.parts.context(1).unwrap();
    provision::apply(&ctx, &file, DryRun::No, Prune::No).await.unwrap();
    crate::support::node::until("it is let in again", 3, async || {
        SMALL.ask(&server, "enterprise", "org_acme").await.status == 200
    })
    .await;
    for token in &old {
        assert_eq!(me(token).await, 401);
    }
    assert_eq!(me(&untouched).await, 200, "another application");
    let new = [SMALL.enterprise_token(&server).await, SMALL.token(&server, "user", &user).await];
    for token in &new {
        assert_eq!(me(token).await, 200);
    }
}

/// Tokens that come of no sign-in had nothing that ended them.
#[tokio::test]
async fn k25_an_app_user_who_is_switched_off_and_on_starts_anew() {
    let server = TestServer::start().await;
    let user = APP.app_user(&server, "kim").await;
    let (old, service) =
        (APP.token(&server, "user", &user).await, APP.enterprise_token(&server).await);
    let browser = server.browser();
    let call = async |method: Method, token: &str, body: &str| {
        let path = if method == Method::GET {
            "/2.0/users/me".to_owned()
        } else {
            format!("/2.0/users/{user}")
        };
        let request = browser.request(method, &path).bearer_auth(token).body(body.to_owned());
        browser.send(request).await.status
    };
    assert_eq!(call(Method::GET, &old, "").await, 200);
    for status in ["inactive", "active"] {
        let body = format!("{{\"status\": \"{status}\"}}");
        assert_eq!(call(Method::PUT, &service, &body).await, 200);
    }
    assert_eq!(call(Method::GET, &old, "").await, 401);
    let new = APP.token(&server, "user", &user).await;
    assert_eq!(call(Method::GET, &new, "").await, 200);
}

#[tokio::test]
async fn k25_whoever_changed_a_leaked_secret_has_a_way_to_end_what_was_got_by_it() {
    let server = TestServer::start().await;
    let ada = server.browser();
    assert_eq!(ada.sign_in("ada@understudy.test", "ada-password").await.status, 303);
    // The form offers it, and without it nothing ends.
    for ends in [false, true] {
        let before = HandedOut::to(&server, ALICE).await;
        let here = "/console/applications/orders/secret";
        let page = ada.open(here).await;
        assert!(page.body.contains("End all tokens as well"), "{}", page.body);
        let csrf = page.form(here).field("csrf").unwrap();
        let mut form = vec![("csrf", csrf.as_str())];
        form.extend(ends.then_some(("end_tokens", "on")));
        assert_eq!(ada.post_form(here, &form).await.status, 200);
        assert_eq!(server.userinfo(&before.access).await.status, if ends { 401 } else { 200 });
        let secret = "INSERT INTO client_secrets (client_id, secret_hash) VALUES ('orders', sha256('orders-secret'))";
        server.db.sql(secret).await;
        crate::support::node::until("the old secret is good again", 3, async || {
            server.exchange("orders", "x", CALLBACK).await.status == 400
        })
        .await;
        if ends {
            assert_eq!(before.count(&server).await, [false; 3]);
        }
    }
    // Without a new secret: in the console and on the command line.
    let before = HandedOut::to(&server, ALICE).await;
    let here = "/console/applications/orders/end-tokens";
    let csrf = ada.open(here).await.form(here).field("csrf").unwrap();
    assert_eq!(ada.post_form(here, &[("csrf", &csrf)]).await.status, 303);
    assert_eq!(before.count(&server).await, [false; 3]);
    let before = HandedOut::to(&server, ALICE).await;
    let said = run(&server.db.url, &["client", "end-tokens", "orders"]);
    assert!(said.success && said.out.contains("ended all tokens of orders"), "{said:?}");
    assert_eq!(before.count(&server).await, [false; 3]);
    assert!(!run(&server.db.url, &["client", "end-tokens", "nobody"]).success);
    let events = "SELECT string_agg(concat_ws('|', actor, client_id, detail ->> 'action', detail ->> 'tokens'), ', ' ORDER BY seq) \
         FROM audit_events WHERE type = 'application.changed' AND seq > 0 AND client_id = 'orders' \
         AND (detail ->> 'action' = 'end_tokens' OR detail ->> 'tokens' = 'ended')";
    let expected = "usr_ada|orders|update|ended, usr_ada|orders|end_tokens, cli|orders|end_tokens";
    assert_eq!(server.db.text(events).await, expected);
    assert_eq!(HandedOut::to(&server, ALICE).await.count(&server).await, [true; 3]);
}

/// An impersonation that was allowed does not go on after a switch for it was off for a moment.
#[tokio::test]
async fn k25_an_impersonation_does_not_outlive_a_switch_that_was_off() {
    for (old, off) in [
        (
            "impersonation: {enabled: true, redeem: direct, unsolicited: true, read_scopes: [\"crm:read\"]}",
            "impersonation: {enabled: false}",
        ),
        ("version: 1\n", "version: 1\nsettings: {impersonation: {enabled: false}}\n"),
    ] {
        let server = TestServer::start().await;
        let token = server.impersonated_tokens().await["access_token"].as_str().unwrap().to_owned();
        assert_eq!(server.userinfo(&token).await.status, 200);
        apply(&server, old, off).await;
        let on = if old.starts_with("version") {
            "version: 1\nsettings: {impersonation: {enabled: true}}\n"
        } else {
            old
        };
        apply(&server, old, on).await;
        assert_eq!(server.userinfo(&token).await.status, 401, "{off}");
        let open = "SELECT count(*) FROM impersonations WHERE status = 'active'";
        assert_eq!(server.db.count(open).await, 0, "{off}");
    }
}

/// What is dead stays dead for as long as anything of it could still be shown.
#[tokio::test]
async fn k25_the_cleaning_does_not_bring_anything_back() {
    let server = TestServer::start().await;
    let before = HandedOut::to(&server, ALICE).await;
    switch(&server, "client_id: orders", "inactive").await;
    switch(&server, "client_id: orders", "active").await;
    server.db.advance("13 days").await;
    let ctx = server.parts.context(1).unwrap();
    let looking = understudy::flows::impersonation::end_impersonation::ScanWindow::Recent;
    understudy::flows::operations::housekeeping::delete_expired(&ctx, looking).await.unwrap();
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "orders"),
        ("client_secret", "orders-secret"),
        ("refresh_token", before.refresh.as_str()),
    ];
    assert_eq!(server.browser().post_form("/oauth/token", &form).await.status, 400);
}

/// Whoever knows a leaked secret has asked for links with it, and a `direct` link signs in whoever has it.
#[tokio::test]
async fn k25_what_an_application_asked_for_ends_with_its_tokens() {
    let server = TestServer::start().await;
    let acting = server.impersonated_tokens().await["access_token"].as_str().unwrap().to_owned();
    let waiting = server.link("legacy").await;
    let entry = "kind: global, client_secret: global-secret}";
    for status in ["inactive", "active"] {
        let other = entry.replace('}', &format!(", status: {status}}}"));
        apply(&server, entry, &other).await;
    }
    assert_eq!(server.userinfo(&acting).await.status, 401);
    assert_eq!(server.browser().get(&waiting).await.status, 403);
    let ended = "SELECT count(*) FROM impersonations WHERE status IN ('active', 'link_issued')";
    assert_eq!(server.db.count(ended).await, 0);
}

#[tokio::test]
async fn k25_links_that_wait_do_not_survive_an_organization_that_was_switched_off() {
    let entry = "{id: org_acme, name: Acme}";
    for off in ["status: inactive", "impersonation: {enabled: false}"] {
        let server = TestServer::start().await;
        let waiting = server.link("legacy").await;
        apply(&server, entry, &format!("{{id: org_acme, name: Acme, {off}}}")).await;
        let on = off.replace("inactive", "active").replace("false", "true");
        apply(&server, entry, &format!("{{id: org_acme, name: Acme, {on}}}")).await;
        assert_eq!(server.browser().get(&waiting).await.status, 403, "{off}");
    }
}

const SAM: &str = "name: Sam Support, password: sam-password, roles: [support]}";
const WAITING: &str = "SELECT count(*) FROM impersonations WHERE status = 'link_issued'";

#[tokio::test]
async fn k25_links_that_wait_do_not_come_back_with_a_role_that_was_taken_away() {
    let server = TestServer::start().await;
    let links = [server.link("legacy").await, server.link("portal").await];
    let sam = server.sam().await;
    assert_eq!(server.db.count(WAITING).await, 2);
    apply(&server, SAM, &SAM.replace("[support]", "[]")).await;
    assert_eq!(server.db.count(WAITING).await, 0);
    apply(&server, SAM, SAM).await;
    let again = server.browser().open(&links[0]).await;
    assert_eq!(again.status, 403, "{}", again.body);
    assert_eq!(sam.open(&links[1]).await.status, 403);
    let ended = "SELECT count(*) FROM audit_events WHERE type = 'impersonation.ended' AND reason = 'actor_revoked'";
    assert_eq!(server.db.count(ended).await, 2, "{:?}", server.db.trail().await);
}

#[tokio::test]
async fn k25_what_runs_does_not_come_back_with_a_role_that_the_next_file_gives_back() {
    let server = TestServer::start().await;
    let sam = server.sam_as_alice("portal").await;
    apply(&server, SAM, &SAM.replace("[support]", "[]")).await;
    apply(&server, SAM, SAM).await;
    assert_eq!(sam.get("/me/impersonation").await.json()["impersonated"], false);
}

#[tokio::test]
async fn k25_links_that_wait_do_not_come_back_with_what_their_application_lost() {
    let entry = "redirect_uris: [\"http://127.0.0.1:9/legacy\"]";
    let server = TestServer::start().await;
    let direct = server.link("legacy").await;
    apply(&server, entry, "redirect_uris: [\"http://127.0.0.1:9/elsewhere\"]").await;
    apply(&server, entry, entry).await;
    assert_eq!(server.browser().open(&direct).await.status, 403);
    // What the change does not touch waits on.
    let direct = server.link("legacy").await;
    apply(&server, "name: Legacy CRM", "name: Another name").await;
    assert_eq!(server.browser().open(&direct).await.status, 302);
}

#[tokio::test]
async fn k25_a_code_that_waits_does_not_come_back_with_a_role_that_was_taken_away() {
    let server = TestServer::start().await;
    let sam = server.sam().await;
    let here = "/console/users/usr_alice/sign-in-as";
    let page = sam.open(&format!("{here}?application=portal")).await.body;
    let marked = format!("formaction=\"{here}/code\" name=\"csrf\" value=\"");
    let csrf = page.split(&marked).nth(1).unwrap().split('"').next().unwrap();
    let form = [("csrf", csrf), ("application", "portal")];
    let shown = sam.post_form(&format!("{here}/code"), &form).await.body;
    let code = shown.split("id=\"code\"").nth(1).unwrap().split_once('>').unwrap().1;
    let code = code.split('<').next().unwrap();
    apply(&server, SAM, &SAM.replace("[support]", "[]")).await;
    apply(&server, SAM, SAM).await;
    let csrf = sam.open("/go").await.form("/go").field("csrf").unwrap();
    let typed = sam.post_form("/go", &[("csrf", &csrf), ("code", code)]).await;
    assert_eq!(typed.status, 400, "{}", typed.body);
    assert_eq!(server.db.count(WAITING).await, 0);
}
