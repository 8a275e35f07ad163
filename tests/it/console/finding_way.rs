//! Landing in the right place, finding what was meant, and forms that lose nothing.
use super::set_up::{code, fresh};
use super::{button, signed_in, verdict};
use crate::support::TestServer;
use serde_json::json;
use understudy::flows::login::first_admin::WaitingSetup;

const HISTORY: &str = "/console/impersonations/history";
const AUDIT: &str = "/console/audit";

/// Sam was in as Alice for ticket ZD-4711.
async fn with_ticket() -> TestServer {
    let server = TestServer::start().await;
    let body = json!({
        "protocol": "oauth2", "impersonator_id": "usr_sam", "client_id": "legacy",
        "ticket": "ZD-4711", "reason": "Cannot see the 100% refund",
    });
    let link = server.ask("usr_alice", body).await;
    assert_eq!(link.status, 200, "{}", link.body);
    assert_eq!(server.browser().get(&link.body).await.status, 302);
    server.impersonated_tokens().await;
    server
}

#[tokio::test]
async fn n01_the_details_of_an_event_have_a_row_of_their_own() {
    let server = with_ticket().await;
    let page = signed_in(&server, "ada").await.open(AUDIT).await;
    let events = page.body.matches("<tr id=\"e").count();
    assert!(events > 0);
    assert_eq!(
        page.body.matches("<tr class=\"beneath\"><td colspan=\"5\"><details").count(),
        events
    );
    assert_eq!(page.body.matches("<th scope=\"col\">").count(), 5, "the columns of the table");
}

#[tokio::test]
async fn n05_whoever_has_the_console_lands_there() {
    let server = TestServer::start().await;
    for (email, password, to) in [
        ("sam@understudy.test", "sam-password", "/console"),
        ("auditor@acme.test", "audrey-password", "/console"),
        ("alice@acme.test", "alice-password", "/account"),
    ] {
        let browser = server.browser();
        let csrf = browser.open("/login").await.field("csrf").unwrap();
        let form =
            [("csrf", csrf.as_str()), ("return_to", ""), ("email", email), ("password", password)];
        let entered = browser.post_form("/login", &form).await;
        assert_eq!((entered.status, entered.location()), (303, to), "{email}");
        assert_eq!(browser.open("/").await.location(), to, "{email}");
    }
    // A page that was asked for comes first.
    let browser = server.browser();
    let csrf = browser.open("/login").await.field("csrf").unwrap();
    let form = [
        ("csrf", csrf.as_str()),
        ("return_to", "/account"),
        ("email", "sam@understudy.test"),
        ("password", "sam-password"),
    ];
    assert_eq!(browser.post_form("/login", &form).await.location(), "/account");
    assert_eq!(server.browser().open("/").await.location(), "/account");
}

#[tokio::test]
async fn n06_an_installation_without_an_administrator_leads_to_its_set_up() {
    let server = fresh().await;
    let browser = server.browser();
    for path in
        ["/", "/login", "/login?return_to=%2Fconsole", "/login?return_to=%2Fconsole%2Fusers"]
    {
        let answer = browser.open(path).await;
        assert_eq!((answer.status, answer.location()), (302, "/setup"), "{path}");
    }
    assert!(browser.open("/setup").await.body.contains("understudy bootstrap"));
    // People of a directory without an administrator still sign in.
    for path in ["/login?return_to=%2Faccount", "/login?return_to=%2Fauthorize%3Fclient_id%3Dx"] {
        assert_eq!(browser.open(path).await.status, 200, "{path}");
    }
    let ready = TestServer::start().await;
    assert_eq!(ready.browser().open("/login").await.status, 200);
}

#[tokio::test]
async fn n07_a_wrong_password_keeps_the_code_and_success_is_said() {
    let server = fresh().await;
    let code = code(&server.parts, WaitingSetup::Keep).await.unwrap();
    let browser = server.browser();
    let csrf = browser.open("/setup").await.field("csrf").unwrap();
    let form = |password: &str, code: &str| {
        [
            ("csrf", csrf.clone()),
            ("code", code.to_owned()),
            ("email", "root@example.test".to_owned()),
        ]
        .into_iter()
        .chain([("name", "Rosa".to_owned()), ("password", password.to_owned())])
        .chain([("repeated", password.to_owned())])
        .collect::<Vec<_>>()
    };
    let send = async |form: Vec<(&str, String)>| {
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.post_form("/setup", &form).await
    };
    let short = send(form("short", &code)).await;
    assert_eq!(short.status, 400);
    assert_eq!(short.field("code").as_deref(), Some(code.as_str()));
    let focused = short.body.split("autofocus").next().unwrap();
    assert!(
        focused.rsplit("<input").next().unwrap().contains("name=\"password\""),
        "{}",
        short.body
    );
    assert!(!short.body.contains("value=\"short\""));
    let wrong = send(form("correct horse battery", "wrong")).await;
    assert_eq!((wrong.status, wrong.field("code").as_deref()), (403, Some("")));
    let made = send(form("correct horse battery", &code)).await;
    assert_eq!(made.status, 303, "{}", made.body);
    let page = browser.open(made.location()).await;
    assert!(page.body.contains("Administrator created. Sign in to continue."), "{}", page.body);
    let other = server.browser().open(made.location()).await;
    assert!(!other.body.contains("Administrator created"));
}

#[tokio::test]
async fn n08_the_application_that_the_user_used_last_is_chosen() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    let here = "/console/users/usr_alice/sign-in-as";
    let chosen = async || {
        let page = sam.open(here).await;
        let select = page.body.split("name=\"application\"").nth(1).unwrap();
        let option = select.split("selected").next().unwrap().rsplit("value=\"").next().unwrap();
        option.split('"').next().unwrap().to_owned()
    };
    let alice = server.alice().await;
    let first = "/authorize?response_type=code&client_id=orders&scope=openid&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback";
    assert!(alice.get(first).await.location_param("code").is_some());
    assert_eq!(chosen().await, "orders");
    server.db.advance("1 minute").await;
    let other = "/authorize?response_type=code&client_id=portal&scope=openid&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fportal";
    let answer = alice.get(other).await;
    assert!(answer.location_param("code").is_some(), "{answer:?}");
    assert_eq!(chosen().await, "portal");
}

#[tokio::test]
async fn n09_the_verdict_keeps_to_the_length_that_was_chosen() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    let page = sam.open("/console/users/usr_alice/sign-in-as?application=legacy&duration=30").await;
    let until = verdict(&page).split("datetime=\"").nth(1).unwrap().to_owned();
    let until: chrono::DateTime<chrono::Utc> = until.split('"').next().unwrap().parse().unwrap();
    let now: chrono::DateTime<chrono::Utc> = server
        .db
        .text("SELECT to_char(clock_now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')")
        .await
        .parse()
        .unwrap();
    assert!((until - now).num_minutes() >= 28, "{until}");
    assert!(verdict(&page).contains("Its session lasts 10 minutes at most."), "{}", verdict(&page));
}

#[tokio::test]
async fn n12_a_part_of_a_name_finds_and_an_unknown_one_is_said() {
    let server = with_ticket().await;
    let ada = signed_in(&server, "ada").await;
    for path in [HISTORY, AUDIT] {
        for found in [
            "actor=Sam",
            "actor=sam+sup",
            "subject=alice",
            "application=legacy+crm",
            "application=CRM",
        ] {
            let page = ada.open(&format!("{path}?{found}")).await;
            assert!(page.body.contains("<tbody"), "{path} {found}: {}", page.body);
        }
        let page = ada.open(&format!("{path}?actor=Nobodyhere")).await;
        assert!(page.body.contains("No user matches “Nobodyhere”."), "{}", page.body);
        let page = ada.open(&format!("{path}?application=Nothing")).await;
        assert!(page.body.contains("No application matches “Nothing”."), "{}", page.body);
        let page = ada.open(&format!("{path}?actor=Max")).await;
        assert!(
            !page.body.contains("matches “") && !page.body.contains("<tbody"),
            "known, but did nothing"
        );
    }
    // Staff of an organization are not told who exists elsewhere.
    let riley = signed_in(&server, "riley").await;
    let [there, not_there] = ["carol%40globex.test", "nobody%40globex.test"];
    let page = async |who: &str| riley.open(&format!("{HISTORY}?subject={who}")).await.body;
    let (there, not_there) = (page(there).await, page(not_there).await);
    assert!(there.contains("No user matches “carol@globex.test”."), "{there}");
    assert!(not_there.contains("No user matches “nobody@globex.test”."), "{not_there}");
    assert!(page("alice").await.contains("<tbody"));
}

#[tokio::test]
async fn n13_who_was_in_for_a_ticket_is_found_and_shown() {
    let server = with_ticket().await;
    let ada = signed_in(&server, "ada").await;
    for (query, rows) in [
        ("", 2),
        ("ticket=ZD-4711", 1),
        ("ticket=zd-4711", 1),
        ("ticket=ZD-47", 0),
        ("reason=REFUND", 1),
        ("reason=100%25+ref", 1),
        ("reason=1_0%25", 0),
        ("reason=refund&ticket=other", 0),
    ] {
        let page = ada.open(&format!("{HISTORY}?{query}")).await;
        assert_eq!(page.body.matches("<th scope=\"row\">").count(), rows, "{query}: {}", page.body);
    }
    for path in [HISTORY, "/console/impersonations"] {
        let page = ada.open(path).await;
        for part in ["ZD-4711", "Cannot see the 100% refund"] {
            assert!(page.body.contains(part), "{path}: {part}");
        }
    }
    let trail = ada.open(&format!("{AUDIT}?ticket=zd-4711")).await;
    assert!(trail.body.contains("Impersonation started"), "{}", trail.body);
    assert!(!trail.body.contains("Token issued</span>"), "of the other impersonation");
    assert!(!ada.open(&format!("{AUDIT}?ticket=ZD-47")).await.body.contains("<tbody"));
}

#[tokio::test]
async fn n14_times_are_elements_that_the_script_makes_local() {
    let server = with_ticket().await;
    let ada = signed_in(&server, "ada").await;
    for path in [HISTORY, AUDIT, "/account/sessions"] {
        let page = ada.open(path).await;
        assert!(page.body.contains("<time datetime=\"20"), "{path}: {}", page.body);
        assert!(page.body.contains("/static/times."), "{path}");
    }
    let filtered = ada.open(&format!("{HISTORY}?from=2026-01-31T14%3A30%3A00.000Z")).await;
    assert!(filtered.body.contains("value=\"2026-01-31T14:30\""), "{}", filtered.body);
}

#[tokio::test]
async fn n15_a_code_is_copied_and_its_address_is_a_link() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    let here = "/console/users/usr_alice/sign-in-as";
    let page = sam.open(&format!("{here}?application=portal")).await;
    assert!(page.body.contains("data-copy-answer=\"link\">Copy link</button>"), "{}", page.body);
    assert!(page.body.contains(">Use another browser…</button>"));
    let action = format!("{here}/code");
    let form = [("csrf", button(&page, &action)), ("application", "portal".to_owned())];
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let code = sam.post_form(&action, &form).await;
    assert_eq!(code.status, 200, "{}", code.body);
    assert!(code.body.contains("data-copy=\"code\" hidden"), "{}", code.body);
    assert!(code.body.contains(&format!("href=\"/go\">{}/go</a>", server.url)), "{}", code.body);
}

#[tokio::test]
async fn n16_n17_what_is_hidden_stays_hidden_and_fields_keep_to_their_column() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    let page = ada.open(HISTORY).await;
    let sheet = async |name: &str| {
        let rest = page.body.split(&format!("/static/{name}.")).nth(1).unwrap();
        ada.get(&format!("/static/{name}.{}", rest.split('"').next().unwrap())).await.body
    };
    assert!(sheet("understudy").await.contains("[hidden] { display: none !important; }"));
    let console = sheet("console").await;
    assert!(
        console.contains(
            ".filters.many .field { min-width: 0; grid-template-columns: minmax(0, 1fr); }"
        )
    );
}

#[tokio::test]
async fn n19_permissions_that_do_nothing_are_not_offered() {
    let server = TestServer::start().await;
    let ada = signed_in(&server, "ada").await;
    for path in [
        "/console/new-role",
        "/console/roles/admin",
        "/console/roles/support",
        "/console/users/usr_ada",
    ] {
        let page = ada.open(path).await;
        assert_eq!(page.status, 200, "{path}");
        for word in ["policies:write", "settings:write", "Change policies", "Change settings"] {
            assert!(!page.body.contains(word), "{path}: {word}");
        }
    }
}

#[tokio::test]
async fn n20_an_empty_list_says_what_to_do_first() {
    let server = fresh().await;
    let code = code(&server.parts, WaitingSetup::Keep).await.unwrap();
    let browser = server.browser();
    let csrf = browser.open("/setup").await.field("csrf").unwrap();
    let password = "correct horse battery";
    let form = [
        ("csrf", csrf.as_str()),
        ("code", code.as_str()),
        ("email", "root@example.test"),
        ("name", "Rosa"),
        ("password", password),
        ("repeated", password),
    ];
    assert_eq!(browser.post_form("/setup", &form).await.status, 303);
    assert_eq!(browser.sign_in("root@example.test", password).await.status, 303);
    for (path, first, searched) in [
        ("/console/applications", "Create your first application", "No applications found"),
        ("/console/organizations", "Create your first organization", "No organizations found"),
        (HISTORY, "No impersonations yet", "No impersonations found"),
    ] {
        let empty = browser.open(path).await;
        assert!(
            empty.body.contains(first) && !empty.body.contains(searched),
            "{path}: {}",
            empty.body
        );
        let query = if path == HISTORY { "ticket=zz" } else { "q=zz" };
        let nothing = browser.open(&format!("{path}?{query}")).await;
        assert!(nothing.body.contains(searched) && !nothing.body.contains(first), "{path}");
    }
}

#[tokio::test]
async fn n21_a_caller_is_found_by_their_phone_number() {
    let server = TestServer::start().await;
    let change = "UPDATE users SET phone_number = '+41 44 668 18 00' WHERE id = 'usr_alice'";
    server.db.sql(change).await;
    let sam = signed_in(&server, "sam").await;
    for (query, found) in [
        ("%2B41446681800", true),
        ("0041+44+668+18+00", true),
        ("044+668+18+00", true),
        ("044%2F668.18.00", true),
        ("6681800", true),
        ("6681801", false),
        ("668", false),
    ] {
        let page = sam.open(&format!("/console/users?q={query}")).await;
        assert_eq!(page.body.contains("Alice Chen"), found, "{query}: {}", page.body);
    }
}

#[tokio::test]
async fn n22_stop_in_an_application_leads_back_to_the_user() {
    let server = TestServer::start().await;
    let sam = signed_in(&server, "sam").await;
    let here = "/console/users/usr_alice/sign-in-as";
    let page = sam.open(&format!("{here}?application=orders")).await;
    let form = [("csrf", button(&page, here)), ("application", "orders".to_owned())];
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(sam.post_form(here, &form).await.status, 303);
    let path = "/authorize?response_type=code&client_id=orders&scope=openid&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback";
    let code = sam.get(path).await.location_param("code").unwrap();
    let tokens = server.exchange("orders", &code, "http://127.0.0.1:9/callback").await.json();
    let hint = tokens["id_token"].as_str().unwrap();
    let left = sam.open(&format!("/oidc/logout?id_token_hint={hint}")).await;
    assert!(left.location().starts_with("/impersonation/stopped?"), "{}", left.location());
    let page = sam.open(left.location()).await;
    assert!(page.body.contains("Impersonation ended"), "{}", page.body);
    assert!(page.body.contains("href=\"/console/users/usr_alice\""), "{}", page.body);
    assert_eq!(server.db.text("SELECT end_reason FROM impersonations").await, "stopped_by_actor");
    assert_eq!(sam.open("/console/users/usr_alice").await.status, 200, "Sam is still signed in");
}
