//! OAuth 2 and OpenID Connect, as applications and their users see them.
mod authorize;
mod backchannel_logout;
mod client_authentication;
mod client_credentials;
mod codes;
mod consent;
mod discovery;
mod edge;
mod forge;
mod introspection;
mod jwt;
mod lists;
mod logout;
mod pkce;
mod prompts;
mod redirect_uris;
mod refresh;
mod response_modes;
mod revocation;
mod sign_in;
mod spellings;
mod tokens;
mod userinfo;

use crate::support::browser::unescape;
use crate::support::{Browser, Page, TestServer};
use serde_json::Value;

const CALLBACK: &str = "http://127.0.0.1:9/callback";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const LIMITS_OFF: &[(&str, &str)] = &[("UNDERSTUDY_RATE_LIMITS", "off")];

type Pairs<'a> = [(&'a str, &'a str)];

fn encode(pairs: &Pairs<'_>) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The usual request of the application `orders`; `changes` replace its parameters or add to them.
fn asked(changes: &Pairs<'_>) -> String {
    let usual = [
        ("response_type", "code"),
        ("client_id", "orders"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid"),
        ("state", "st"),
    ];
    let unchanged = usual.iter().filter(|(name, _)| changes.iter().all(|(other, _)| other != name));
    let all: Vec<_> = unchanged.chain(changes).copied().collect();
    encode(&all)
}

fn authorize(changes: &Pairs<'_>) -> String {
    format!("/authorize?{}", asked(changes))
}

/// The usual request without one of its parameters.
fn without(name: &str) -> String {
    let query = asked(&[]);
    let kept: Vec<_> =
        query.split('&').filter(|part| !part.starts_with(&format!("{name}="))).collect();
    format!("/authorize?{}", kept.join("&"))
}

/// A page that says no, and sends nobody anywhere.
#[track_caller]
fn stays_here(answer: &Page) {
    assert!((400..500).contains(&answer.status), "{} {}", answer.status, answer.body);
    assert_eq!(answer.header("location"), None);
    assert_eq!(answer.header("refresh"), None);
    assert!(!answer.body.contains("http-equiv"), "{}", answer.body);
}

/// An error that the application hears of, in its callback.
#[track_caller]
fn hears(answer: &Page, error: &str) {
    assert!(matches!(answer.status, 302 | 303), "{} {}", answer.status, answer.body);
    assert!(answer.location().starts_with("http://127.0.0.1:9/"), "{}", answer.location());
    assert_eq!(answer.location_param("error").as_deref(), Some(error), "{}", answer.location());
    assert_eq!(answer.location_param("code"), None);
}

/// An error in the JSON of RFC 6749 §5.2, with the characters that it allows.
#[track_caller]
fn refused(answer: &Page, status: u16, error: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    let body = answer.json();
    assert_eq!(body["error"], error, "{}", answer.body);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let description = body["error_description"].as_str().unwrap_or_default();
    let allowed = |b: u8| matches!(b, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    assert!(description.bytes().all(allowed), "{description}");
}

/// The hidden fields of the first form of a page that posts to `action`.
fn hidden_fields(page: &Page, action: &str) -> Vec<(String, String)> {
    let start = page.body.find(&format!("action=\"{action}\"")).unwrap_or_else(|| {
        panic!("no form for {action}: {} {}", page.status, page.body);
    });
    let form = page.body[start..].split("</form>").next().unwrap();
    let hidden = form.split("<input").filter(|tag| tag.contains("type=\"hidden\""));
    let attribute = |tag: &str, name: &str| {
        let value = tag.split(&format!("{name}=\"")).nth(1)?.split('"').next()?;
        Some(unescape(value))
    };
    hidden.map(|tag| (attribute(tag, "name").unwrap(), attribute(tag, "value").unwrap())).collect()
}

impl TestServer {
    async fn token(&self, form: &Pairs<'_>) -> Page {
        self.browser().post_form("/oauth/token", form).await
    }

    /// Exchanges a code of `orders`.
    async fn redeem(&self, code: &str) -> Page {
        self.exchange("orders", code, CALLBACK).await
    }

    async fn redeem_with(&self, code: &str, verifier: &str) -> Page {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("client_id", "orders"),
            ("client_secret", "orders-secret"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", verifier),
        ])
        .await
    }

    async fn refresh(&self, token: &str, changes: &Pairs<'_>) -> Page {
        let mut form = vec![
            ("grant_type", "refresh_token"),
            ("client_id", "orders"),
            ("client_secret", "orders-secret"),
            ("refresh_token", token),
        ];
        form.extend(changes);
        self.token(&form).await
    }

    /// What `orders` gets for Alice.
    async fn tokens_for(&self, browser: &Browser, scope: &str) -> Value {
        let code = browser.code(&[("scope", scope)]).await;
        let answer = self.redeem(&code).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    async fn alices_tokens(&self, scope: &str) -> Value {
        self.tokens_for(&self.alice().await, scope).await
    }
}

impl Browser {
    /// A code for the usual request with `changes`.
    async fn code(&self, changes: &Pairs<'_>) -> String {
        let answer = self.get(&authorize(changes)).await;
        assert_eq!(answer.status, 302, "{}", answer.body);
        answer.location_param("code").unwrap_or_else(|| panic!("{}", answer.location()))
    }
}

#[track_caller]
fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}
