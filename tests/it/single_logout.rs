//! Sign-out in all directions: service providers end sessions, and hear of those that ended elsewhere.
use crate::support::node::until;
use crate::support::{Browser, Page, TestServer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use understudy::crypto::certificate::{PublicKey, self_sign};
use understudy::crypto::keys::{Algorithm, generate};
use understudy::crypto::xml::{Limits, Name, SignaturePlace, Signer, read, verify_octets};
use understudy::flows::logout::deliver_logout::deliver_due;
use understudy::provision::{self, Prune};
use understudy::store;
use url::form_urlencoded::{byte_serialize, parse};

const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";

/// The key of a service provider, and of somebody else.
static PROVIDER: LazyLock<Signer> = LazyLock::new(key);
static STRANGER: LazyLock<Signer> = LazyLock::new(key);

fn key() -> Signer {
    let key = generate(Algorithm::Rs256).unwrap();
    let at = |text: &str| text.parse().unwrap();
    let (from, to) = (at("2026-01-01T00:00:00Z"), at("2036-01-01T00:00:00Z"));
    let certificate = self_sign(&key.private, "sp", from, to).unwrap();
    Signer::load(&key.private, &certificate).unwrap()
}

/// Two providers whose users may start here; `shop` speaks Redirect, `wiki` POST. A third one has no key,
/// and `desk` is a relying party.
async fn start(slo: &str) -> TestServer {
    let server = TestServer::start().await;
    let certificate = PROVIDER.certificate();
    let provider = |id: &str, more: &str| {
        format!(
            "  - client_id: {id}\n    name: The {id}\n    kind: saml\n    impersonation: {{enabled: true, unsolicited: true}}\n    \
             saml: {{entity_id: \"urn:{id}\", acs_urls: [\"http://127.0.0.1:9/{id}/acs\"], slo_url: \"{slo}/{id}\", \
             name_id_format: persistent, idp_initiated: true{more}}}\n"
        )
    };
    let signed = format!(", certificate: \"{certificate}\"");
    let text = format!(
        "version: 1\nclients:\n{}{}{}",
        provider("shop", &signed),
        provider("wiki", &format!("{signed}, slo_binding: post")),
        provider("bare", ""),
    );
    let mut conn = store::connection::pool::connect(&server.db.url).await.unwrap();
    let file = provision::read(&text, |_| None).unwrap_or_else(|wrong| panic!("{wrong:?}"));
    provision::apply_to(&mut conn, &file, Prune::No).await.unwrap();
    server
}

/// What a provider learned when somebody signed in.
struct Login {
    client: &'static str,
    name: String,
    index: String,
}

fn signed_in(client: &'static str, page: &Page) -> Login {
    assert_eq!(page.status, 200, "{}", page.body);
    let xml = STANDARD.decode(page.field("SAMLResponse").unwrap()).unwrap();
    let document = read(&xml, &Limits::MESSAGE).unwrap();
    let assertion = document.unverified().required_child(Name::new(SAML, "Assertion")).unwrap();
    let child = |of: understudy::crypto::xml::Element<'_>, name| {
        of.required_child(Name::new(SAML, name)).unwrap().text().unwrap()
    };
    let subject = assertion.required_child(Name::new(SAML, "Subject")).unwrap();
    let statement = assertion.required_child(Name::new(SAML, "AuthnStatement")).unwrap();
    Login {
        client,
        name: child(subject, "NameID"),
        index: statement.required("SessionIndex").unwrap().to_owned(),
    }
}

async fn sign_in(browser: &Browser, client: &'static str) -> Login {
    signed_in(client, &browser.open(&format!("/samlp/{client}")).await)
}

async fn alice(server: &TestServer) -> Browser {
    let alice = server.browser();
    assert_eq!(alice.sign_in("alice@acme.test", "alice-password").await.status, 303);
    alice
}

/// A `LogoutRequest`; `index` as the provider wants it.
fn logout_request(server: &TestServer, login: &Login, index: Option<&str>) -> String {
    let client = login.client;
    let index =
        index.map_or_else(String::new, |index| format!("<p:SessionIndex>{index}</p:SessionIndex>"));
    format!(
        "<p:LogoutRequest xmlns:p=\"{SAMLP}\" xmlns:a=\"{SAML}\" ID=\"_r1\" Version=\"2.0\" \
         IssueInstant=\"{}\" Destination=\"{}/samlp/{client}/logout\"><a:Issuer>urn:{client}</a:Issuer>\
         <a:NameID>{}</a:NameID>{index}</p:LogoutRequest>",
        now(),
        server.url,
        login.name,
    )
}

#[expect(clippy::disallowed_methods, reason = "the clock of a service provider")]
fn now() -> String {
    let seconds =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    understudy::domain::Timestamp::from_timestamp(i64::try_from(seconds).unwrap(), 0)
        .unwrap()
        .to_rfc3339()
}

/// The Redirect binding: deflated, and signed by `key` if there is one.
fn redirect(kind: &str, xml: &str, state: Option<&str>, key: Option<&Signer>) -> String {
    let mut deflate =
        flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    deflate.write_all(xml.as_bytes()).unwrap();
    let encode =
        |bytes: &[u8]| byte_serialize(STANDARD.encode(bytes).as_bytes()).collect::<String>();
    let mut query = format!("{kind}={}", encode(&deflate.finish().unwrap()));
    if let Some(state) = state {
        query =
            format!("{query}&RelayState={}", byte_serialize(state.as_bytes()).collect::<String>());
    }
    let Some(key) = key else { return query };
    let method: String = byte_serialize(RSA_SHA256.as_bytes()).collect();
    query = format!("{query}&SigAlg={method}");
    let signature = key.sign_octets(query.as_bytes()).unwrap();
    format!("{query}&Signature={}", encode(&signature))
}

fn inflate(message: &str) -> String {
    let mut text = String::new();
    let bytes = STANDARD.decode(message).unwrap();
    flate2::read::DeflateDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    text
}

fn parameter(url: &str, name: &str) -> Option<String> {
    let query = url.split_once('?')?.1;
    parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// The URLs that the frames of a farewell page load, and where it goes on to.
fn letters(page: &Page) -> (Vec<String>, String) {
    let plain = |text: &str| crate::support::browser::unescape(text);
    let frames = page.body.split("data-src=\"").skip(1);
    let frames = frames.map(|rest| plain(rest.split('"').next().unwrap())).collect();
    let onward = page.body.split("id=\"onward\"").nth(1).unwrap();
    (frames, plain(onward.split("href=\"").nth(1).unwrap().split('"').next().unwrap()))
}

async fn is_signed_in(browser: &Browser) -> bool {
    browser.open("/account").await.status == 200
}

/// The answer of our server that came by a redirect, checked: its status codes.
async fn answer_to_shop(server: &TestServer, page: &Page) -> Vec<String> {
    assert_eq!(page.status, 302, "{}", page.body);
    let url = page.location().to_owned();
    let signed = url.split_once('?').unwrap().1.split("&Signature=").next().unwrap().to_owned();
    let signature = STANDARD.decode(parameter(&url, "Signature").unwrap()).unwrap();
    verify_octets(RSA_SHA256, &[idp_key(server).await], signed.as_bytes(), &signature).unwrap();
    assert_eq!(parameter(&url, "RelayState").as_deref(), Some("back to the shop"));
    let xml = inflate(&parameter(&url, "SAMLResponse").unwrap());
    let document = read(xml.as_bytes(), &Limits::MESSAGE).unwrap();
    let answer = document.unverified();
    assert!(answer.is(Name::new(SAMLP, "LogoutResponse")), "{xml}");
    assert_eq!(answer.attribute("InResponseTo"), Some("_r1"));
    let code = Name::new(SAMLP, "StatusCode");
    let mut codes = Vec::new();
    let mut at = answer.required_child(Name::new(SAMLP, "Status")).unwrap();
    while let Some(one) = at.child(code).unwrap() {
        codes.push(one.required("Value").unwrap().rsplit(':').next().unwrap().to_owned());
        at = one;
    }
    codes
}

async fn idp_key(server: &TestServer) -> PublicKey {
    let metadata = server.browser().get("/samlp/metadata").await.body;
    let certificate = metadata.split("<ds:X509Certificate>").nth(1).unwrap();
    PublicKey::parse(certificate.split('<').next().unwrap()).unwrap()
}

async fn asks(browser: &Browser, client: &str, query: &str) -> Page {
    browser.open(&format!("/samlp/{client}/logout?{query}")).await
}

#[tokio::test]
async fn a_provider_signs_its_user_out_and_is_told_that_it_is_done() {
    let server = start("http://127.0.0.1:9/slo").await;
    let alice = alice(&server).await;
    let shop = sign_in(&alice, "shop").await;
    let xml = logout_request(&server, &shop, Some(&shop.index));
    let query = redirect("SAMLRequest", &xml, Some("back to the shop"), Some(&PROVIDER));
    let page = asks(&alice, "shop", &query).await;
    assert!(!is_signed_in(&alice).await, "the session is over");
    let answer = alice.open(page.location()).await;
    assert_eq!(answer_to_shop(&server, &answer).await, ["Success"]);
    let logouts = "SELECT count(*) FROM audit_events WHERE type = 'logout' AND actor = 'usr_alice'";
    assert_eq!(server.db.count(logouts).await, 1);
}

/// Shibboleth shows its user an error page when it is told that nobody is known.
/// However often an application asks, it takes part once, and what it calls the user last is what it may call them.
#[tokio::test]
async fn an_application_takes_part_in_a_session_once() {
    let server = start("http://127.0.0.1:9/slo").await;
    let browser = alice(&server).await;
    let rows = "SELECT count(*) FROM session_participants";
    let first = sign_in(&browser, "shop").await;
    let again = sign_in(&browser, "shop").await;
    assert_eq!((&again.index, &again.name), (&first.index, &first.name));
    assert_eq!(server.db.count(rows).await, 1);
    assert_ne!(sign_in(&browser, "wiki").await.index, first.index);
    assert_ne!(sign_in(&alice(&server).await, "shop").await.index, first.index);
    assert_eq!(server.db.count(rows).await, 3);

    server.db.sql("UPDATE session_participants SET left_at = clock_now(), name_id = 'old'").await;
    let back = sign_in(&browser, "shop").await;
    let found = format!(
        "SELECT count(*) FROM session_participants WHERE id = '{}' AND name_id = '{}' AND left_at IS NULL",
        first.index, back.name
    );
    assert_eq!(server.db.count(&found).await, 1);
}

#[tokio::test]
async fn a_session_that_is_over_already_is_as_good_as_ended() {
    let server = start("http://127.0.0.1:9/slo").await;
    let alice = alice(&server).await;
    let shop = sign_in(&alice, "shop").await;
    let csrf = alice.open("/logout").await.field("csrf").unwrap();
    alice.post_form("/logout", &[("csrf", &csrf)]).await;
    assert!(!is_signed_in(&alice).await);
    for index in [Some(shop.index.as_str()), None] {
        let xml = logout_request(&server, &shop, index);
        let query = redirect("SAMLRequest", &xml, Some("back to the shop"), Some(&PROVIDER));
        let page = asks(&alice, "shop", &query).await;
        let answer = alice.open(page.location()).await;
        assert_eq!(answer_to_shop(&server, &answer).await, ["Success"]);
    }
    let logouts = "SELECT count(*) FROM audit_events WHERE type = 'logout'";
    assert_eq!(server.db.count(logouts).await, 1);
}

#[tokio::test]
async fn one_address_takes_the_sign_out_of_every_provider() {
    let server = start("http://127.0.0.1:9/slo").await;
    let metadata = server.browser().get("/samlp/metadata").await.body;
    let address = format!("Location=\"{}/samlp/logout\"", server.url);
    assert_eq!(metadata.matches(&address).count(), 2, "{metadata}");
    let alice = alice(&server).await;
    let shop = sign_in(&alice, "shop").await;
    let xml = logout_request(&server, &shop, Some(&shop.index)).replace("/samlp/shop/", "/samlp/");
    let sent = |xml: &str, key: &Signer| {
        let query = redirect("SAMLRequest", xml, Some("back to the shop"), Some(key));
        format!("/samlp/logout?{query}")
    };
    let nobody = xml.replace("urn:shop", "urn:nobody");
    for refused in [sent(&xml, &STRANGER), sent(&nobody, &PROVIDER)] {
        assert_eq!(alice.open(&refused).await.status, 400);
        assert!(is_signed_in(&alice).await);
    }
    let page = alice.open(&sent(&xml, &PROVIDER)).await;
    assert!(!is_signed_in(&alice).await, "the session is over");
    let answer = alice.open(page.location()).await;
    assert_eq!(answer_to_shop(&server, &answer).await, ["Success"]);
}

#[tokio::test]
async fn d33_an_application_that_does_not_answer_makes_the_logout_a_partial_one() {
    let server = start("http://127.0.0.1:9/slo").await;
    let alice = alice(&server).await;
    let shop = sign_in(&alice, "shop").await;
    let wiki = sign_in(&alice, "wiki").await;
    let xml = logout_request(&server, &shop, None);
    let query = redirect("SAMLRequest", &xml, Some("back to the shop"), Some(&PROVIDER));
    let page = asks(&alice, "shop", &query).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(!is_signed_in(&alice).await, "whatever others do, it is over here");
    let (frames, onward) = letters(&page);
    assert_eq!(frames, Vec::<String>::new(), "the wiki gets a form");
    let form = page.form("http://127.0.0.1:9/slo/wiki");
    let sent = STANDARD.decode(form.field("SAMLRequest").unwrap()).unwrap();
    let document = read(&sent, &Limits::MESSAGE).unwrap();
    let keys = [idp_key(&server).await];
    let expected = Name::new(SAMLP, "LogoutRequest");
    let farewell = understudy::crypto::xml::verify(&document, &keys, expected).unwrap();
    let name = farewell.required_child(Name::new(SAML, "NameID")).unwrap();
    assert_eq!(name.text().unwrap(), wiki.name);
    let index = farewell.required_child(Name::new(SAMLP, "SessionIndex")).unwrap();
    assert_eq!(index.text().unwrap(), wiki.index);
    let state = form.field("RelayState").unwrap();
    assert!(state.len() <= 80, "{state}");
    assert_eq!(
        answer_to_shop(&server, &alice.open(&onward).await).await,
        ["Success", "PartialLogout"]
    );

    let id = farewell.required("ID").unwrap();
    for (key, status, answered) in
        [(&*STRANGER, "Success", 400), (&PROVIDER, "Responder", 200), (&PROVIDER, "Success", 200)]
    {
        let told = wiki_says(&server, &alice, (id, &state), (key, status)).await;
        assert_eq!(told.status, answered, "{status}: {}", told.body);
        let now = answer_to_shop(&server, &alice.open(&onward).await).await;
        let heard = answered == 200 && status == "Success";
        assert_eq!(now.len(), if heard { 1 } else { 2 }, "{status} {now:?}");
    }
}

/// The wiki's `LogoutResponse`, by POST.
async fn wiki_says(
    server: &TestServer,
    browser: &Browser,
    (request, state): (&str, &str),
    (key, status): (&Signer, &str),
) -> Page {
    let xml = format!(
        "<p:LogoutResponse xmlns:p=\"{SAMLP}\" xmlns:a=\"{SAML}\" ID=\"_w1\" Version=\"2.0\" \
         IssueInstant=\"{}\" Destination=\"{}/samlp/wiki/logout\" InResponseTo=\"{request}\">\
         <a:Issuer>urn:wiki</a:Issuer><p:Status><p:StatusCode \
         Value=\"urn:oasis:names:tc:SAML:2.0:status:{status}\"/></p:Status></p:LogoutResponse>",
        now(),
        server.url,
    );
    let signed = key.sign_enveloped(&xml, "ID", "_w1", SignaturePlace::AfterIssuer).unwrap();
    let form = [("SAMLResponse", STANDARD.encode(signed)), ("RelayState", state.to_owned())];
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.post_form("/samlp/wiki/logout", &form).await
}

#[tokio::test]
async fn d32_only_what_the_provider_signed_about_its_own_login_ends_anything() {
    let server = start("http://127.0.0.1:9/slo").await;
    let alice = alice(&server).await;
    let shop = sign_in(&alice, "shop").await;
    let wiki = sign_in(&alice, "wiki").await;
    let good = logout_request(&server, &shop, Some(&shop.index));
    let signed =
        |xml: &str, key: &Signer| redirect("SAMLRequest", xml, Some("back to the shop"), Some(key));
    let refused = [
        redirect("SAMLRequest", &good, None, None),
        signed(&good, &STRANGER),
        signed(&good.replace("urn:shop", "urn:wiki"), &PROVIDER),
        signed(&good.replace("/samlp/shop/logout", "/samlp/wiki/logout"), &PROVIDER),
        signed(&good.replace(" Destination=", " Elsewhere="), &PROVIDER),
        signed(&good.replace("LogoutRequest", "AuthnRequest"), &PROVIDER),
        signed(&good, &PROVIDER).replace("back", "forth"),
        signed(&good.replace("IssueInstant=\"20", "IssueInstant=\"19"), &PROVIDER),
    ];
    for query in refused {
        let page = asks(&alice, "shop", &query).await;
        assert_eq!(page.status, 400, "{}", page.body);
        assert!(is_signed_in(&alice).await, "{query}");
    }
    // Well signed, but about nobody that the shop knows: another name, another login.
    for login in [
        Login { client: "shop", name: wiki.name.clone(), index: wiki.index.clone() },
        Login { client: "shop", name: shop.name.clone(), index: wiki.index.clone() },
        Login { client: "shop", name: "somebody".to_owned(), index: shop.index.clone() },
    ] {
        let xml = logout_request(&server, &login, Some(&login.index));
        let page = asks(&alice, "shop", &signed(&xml, &PROVIDER)).await;
        let answer = alice.open(page.location()).await;
        let codes = answer_to_shop(&server, &answer).await;
        assert_eq!(codes, ["Requester", "UnknownPrincipal"]);
        assert!(is_signed_in(&alice).await, "{}", login.name);
    }
}

#[tokio::test]
async fn a_provider_without_a_key_can_only_ask_the_person() {
    let server = start("http://127.0.0.1:9/slo").await;
    let alice = alice(&server).await;
    let bare = sign_in(&alice, "bare").await;
    let xml = logout_request(&server, &bare, Some(&bare.index));
    let page = asks(&alice, "bare", &redirect("SAMLRequest", &xml, None, None)).await;
    assert_eq!((page.status, page.location()), (302, "/logout"));
    assert!(is_signed_in(&alice).await);
    // A signature that nobody can check is no signature.
    let query = redirect("SAMLRequest", &xml, None, Some(&PROVIDER));
    assert_eq!(asks(&alice, "bare", &query).await.status, 400);
    assert!(is_signed_in(&alice).await);
}

#[tokio::test]
async fn d30_a_disabled_provider_ends_nothing() {
    let server = start("http://127.0.0.1:9/slo").await;
    let alice = alice(&server).await;
    let shop = sign_in(&alice, "shop").await;
    server.db.sql("UPDATE clients SET status = 'inactive' WHERE id = 'shop'").await;
    // It is remembered for a second at most.
    until("the provider is unknown", 5, async || {
        alice.open("/samlp/metadata/shop").await.status == 404
    })
    .await;
    let xml = logout_request(&server, &shop, Some(&shop.index));
    let query = redirect("SAMLRequest", &xml, None, Some(&PROVIDER));
    assert_eq!(asks(&alice, "shop", &query).await.status, 400);
    assert!(is_signed_in(&alice).await);
}

#[tokio::test]
async fn whoever_signs_out_here_takes_the_news_to_every_provider() {
    let server = start("http://127.0.0.1:9/slo").await;
    let alice = alice(&server).await;
    let shop = sign_in(&alice, "shop").await;
    sign_in(&alice, "bare").await;
    let csrf = alice.open("/logout").await.field("csrf").unwrap();
    let page = alice.post_form("/logout", &[("csrf", &csrf)]).await;
    assert!(!is_signed_in(&alice).await);
    let (frames, onward) = letters(&page);
    assert_eq!((frames.len(), onward.as_str()), (2, "/logout"));
    let policy = page.header("content-security-policy").unwrap();
    // K-14: a provider may send its frame on to another of its hosts.
    assert!(policy.ends_with("frame-src 'self' https: http:"), "{policy}");
    let to_shop = frames.iter().find(|url| url.contains("/slo/shop")).unwrap();
    let xml = inflate(&parameter(to_shop, "SAMLRequest").unwrap());
    assert!(xml.contains(&shop.name) && xml.contains(&shop.index), "{xml}");
}

#[tokio::test]
async fn stopping_an_impersonation_takes_the_news_to_its_provider_and_to_no_other() {
    let server = start("http://127.0.0.1:9/slo").await;
    let sam = server.sam().await;
    let own = sign_in(&sam, "wiki").await;
    let body = serde_json::json!({
        "protocol": "samlp", "impersonator_id": "usr_sam", "client_id": "shop",
        "additionalParameters": {"state": "s"},
    });
    let link = server.ask("usr_alice", body).await.body;
    let csrf = sam.open(&link).await.field("csrf").unwrap();
    let acting = signed_in("shop", &sam.post_form(&link, &[("csrf", &csrf)]).await);
    assert_ne!(acting.name, own.name);
    let page = sam.open("/me/impersonation").await;
    let form = page.form("/impersonation/stop");
    let fields = [("csrf", form.field("csrf").unwrap()), ("id", form.field("id").unwrap())];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let page = sam.post_form("/impersonation/stop", &fields).await;
    let (frames, onward) = letters(&page);
    let [to_shop] = frames.as_slice() else { panic!("{frames:?}") };
    let xml = inflate(&parameter(to_shop, "SAMLRequest").unwrap());
    assert!(xml.contains(&acting.index), "{xml}");
    assert!(onward.starts_with("/impersonation/stopped"), "{onward}");
    assert!(is_signed_in(&sam).await, "the actor is back");

    // And the other way round: the provider ends what Sam does as Alice, and nothing of Sam's own.
    let body = serde_json::json!({
        "protocol": "samlp", "impersonator_id": "usr_sam", "client_id": "shop",
    });
    let link = server.ask("usr_alice", body).await.body;
    let csrf = sam.open(&link).await.field("csrf").unwrap();
    let acting = signed_in("shop", &sam.post_form(&link, &[("csrf", &csrf)]).await);
    let xml = logout_request(&server, &acting, Some(&acting.index));
    asks(&sam, "shop", &redirect("SAMLRequest", &xml, None, Some(&PROVIDER))).await;
    let ended = "SELECT count(*) FROM impersonations WHERE end_reason = 'logout'";
    assert_eq!(server.db.count(ended).await, 1);
    assert!(is_signed_in(&sam).await);
}

/// An application that only listens.
fn ear() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, heard) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut text = String::new();
            let mut part = [0; 4096];
            while !text.contains("\r\n\r\n") {
                match stream.read(&mut part) {
                    Ok(0) | Err(_) => break,
                    Ok(n) => text.push_str(&String::from_utf8_lossy(&part[..n])),
                }
            }
            let answer = "HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            drop(stream.write_all(answer.as_bytes()));
            if sender.send(text).is_err() {
                return;
            }
        }
    });
    (url, heard)
}

#[tokio::test]
async fn a_provider_hears_of_an_end_that_no_browser_took_part_in() {
    let (url, heard) = ear();
    let server = start(&url).await;
    let body = serde_json::json!({
        "protocol": "samlp", "impersonator_id": "usr_sam", "client_id": "shop",
    });
    let sam = server.sam().await;
    let link = server.ask("usr_alice", body).await.body;
    let csrf = sam.open(&link).await.field("csrf").unwrap();
    let acting = signed_in("shop", &sam.post_form(&link, &[("csrf", &csrf)]).await);
    let id = server.db.text("SELECT id FROM impersonations WHERE status = 'active'").await;
    let token = server.global_token().await;
    let browser = server.browser();
    let path = format!("/api/impersonations/{id}");
    let request = browser.request(reqwest::Method::DELETE, &path).bearer_auth(token);
    assert!(browser.send(request).await.status < 300);
    let ctx = server.parts.context(1).unwrap();
    deliver_due(&ctx).await.unwrap();
    assert!(heard.try_recv().is_err(), "a browser would have ten seconds");
    server.db.advance("11 seconds").await;
    deliver_due(&ctx).await.unwrap();
    let request = heard.recv_timeout(Duration::from_secs(10)).unwrap();
    let target = request.split(' ').nth(1).unwrap();
    assert!(target.starts_with("/shop?SAMLRequest="), "{request}");
    let xml = inflate(&parameter(target, "SAMLRequest").unwrap());
    assert!(xml.contains(&acting.index) && xml.contains(&acting.name), "{xml}");
}

/// `shop` and `wiki` with an address of their own for responses.
async fn start_with_response_addresses() -> TestServer {
    let server = start("http://127.0.0.1:9/slo").await;
    let certificate = PROVIDER.certificate();
    let provider = |id: &str, binding: &str| {
        format!(
            "  - client_id: {id}\n    kind: saml\n    saml: {{entity_id: \"urn:{id}\", acs_urls: [\"http://127.0.0.1:9/{id}/acs\"], \
             slo_url: \"http://127.0.0.1:9/slo/{id}\", slo_response_url: \"http://127.0.0.1:9/slo/{id}-return\", \
             slo_binding: {binding}, certificate: \"{certificate}\", name_id_format: persistent, idp_initiated: true}}\n"
        )
    };
    let text = format!(
        "version: 1\nclients:\n{}{}",
        provider("shop", "redirect"),
        provider("wiki", "post")
    );
    let mut conn = store::connection::pool::connect(&server.db.url).await.unwrap();
    let file = provision::read(&text, |_| None).unwrap_or_else(|wrong| panic!("{wrong:?}"));
    provision::apply_to(&mut conn, &file, Prune::No).await.unwrap();
    let exported = provision::export_from(&mut conn).await.unwrap();
    assert!(
        exported.contains("slo_response_url: http://127.0.0.1:9/slo/shop-return"),
        "{exported}"
    );
    server
}

#[tokio::test]
async fn k13_a_response_goes_to_its_own_address_and_a_request_to_the_other() {
    let server = start_with_response_addresses().await;
    for client in ["shop", "wiki"] {
        let alice = alice(&server).await;
        let login = sign_in(&alice, client).await;
        let xml = logout_request(&server, &login, None);
        let query = redirect("SAMLRequest", &xml, None, Some(&PROVIDER));
        let page = asks(&alice, client, &query).await;
        let page = alice.open(page.location()).await;
        let address = format!("http://127.0.0.1:9/slo/{client}-return");
        let response = if client == "shop" {
            assert!(page.location().starts_with(&format!("{address}?")), "{}", page.location());
            inflate(&parameter(page.location(), "SAMLResponse").unwrap())
        } else {
            let posted = page.form(&address).field("SAMLResponse").unwrap();
            String::from_utf8(STANDARD.decode(posted).unwrap()).unwrap()
        };
        assert!(response.contains(&format!("Destination=\"{address}\"")), "{response}");
    }
    // What we ask of it goes to the address for requests.
    let alice = alice(&server).await;
    let (shop, _) = (sign_in(&alice, "shop").await, sign_in(&alice, "wiki").await);
    let xml = logout_request(&server, &shop, None);
    let page = asks(&alice, "shop", &redirect("SAMLRequest", &xml, None, Some(&PROVIDER))).await;
    let sent = page.form("http://127.0.0.1:9/slo/wiki").field("SAMLRequest").unwrap();
    let sent = String::from_utf8(STANDARD.decode(sent).unwrap()).unwrap();
    assert!(sent.contains("Destination=\"http://127.0.0.1:9/slo/wiki\""), "{sent}");
}
