//! What the stories say again and again.
use super::{Browser, Page, TestServer};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

impl TestServer {
    /// A token of an application for itself.
    pub async fn client_token(&self, client: &str, secret: &str) -> String {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client),
            ("client_secret", secret),
        ];
        let answer = self.browser().post_form("/oauth/token", &form).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    pub async fn global_token(&self) -> String {
        self.client_token("global", "global-secret").await
    }

    /// Asks for a link with the global client's token.
    pub async fn ask(&self, subject: &str, body: Value) -> Page {
        let token = self.global_token().await;
        self.ask_with(&token, subject, body).await
    }

    pub async fn ask_with(&self, token: &str, subject: &str, body: Value) -> Page {
        let browser = self.browser();
        let path = format!("/users/{}/impersonate", subject.replace('|', "%7C"));
        let request = browser.request(reqwest::Method::POST, &path).bearer_auth(token).json(&body);
        browser.send(request).await
    }

    /// A link for Sam to act as Alice in `client`; its path and query.
    pub async fn link(&self, client: &str) -> String {
        self.link_by(client, "oauth2").await
    }

    /// The same for an application that speaks `protocol`.
    pub async fn link_by(&self, client: &str, protocol: &str) -> String {
        let body = json!({
            "protocol": protocol, "impersonator_id": "usr_sam", "client_id": client,
            "additionalParameters": {"response_type": "code", "state": "st ate", "scope": "openid profile email"},
        });
        let answer = self.ask("usr_alice", body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body.strip_prefix(&self.url).unwrap().to_owned()
    }

    /// Exchanges a code.
    pub async fn exchange(&self, client: &str, code: &str, redirect_uri: &str) -> Page {
        let secret = format!("{client}-secret");
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", client),
            ("client_secret", secret.as_str()),
            ("code", code),
            ("redirect_uri", redirect_uri),
        ];
        self.browser().post_form("/oauth/token", &form).await
    }

    /// Redeems a direct link of the legacy client and exchanges its code: the token answer.
    pub async fn impersonated_tokens(&self) -> Value {
        let opened = self.browser().get(&self.link("legacy").await).await;
        assert_eq!(opened.status, 302, "{}", opened.body);
        let code = opened.location_param("code").unwrap();
        let answer = self.exchange("legacy", &code, "http://127.0.0.1:9/legacy").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    /// Sam's browser after signing in.
    pub async fn sam(&self) -> Browser {
        let browser = self.browser();
        let answer = browser.sign_in("sam@understudy.test", "sam-password").await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        browser
    }

    /// Alice's browser after signing in.
    pub async fn alice(&self) -> Browser {
        let browser = self.browser();
        let answer = browser.sign_in("alice@acme.test", "alice-password").await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        browser
    }

    /// Sam's browser in the middle of an impersonation of Alice in `client` (a `confirm` one).
    pub async fn sam_as_alice(&self, client: &str) -> Browser {
        self.sam_as_alice_by(client, "oauth2").await
    }

    /// The same in an application that speaks `protocol`.
    pub async fn sam_as_alice_by(&self, client: &str, protocol: &str) -> Browser {
        let sam = self.sam().await;
        let link = self.link_by(client, protocol).await;
        let page = sam.open(&link).await;
        let csrf = page.field("csrf").unwrap();
        let answer = sam.post_form(&link, &[("csrf", &csrf)]).await;
        assert!(matches!(answer.status, 200 | 303), "{}", answer.body);
        sam
    }

    pub async fn userinfo(&self, token: &str) -> Page {
        let browser = self.browser();
        let request = browser.request(reqwest::Method::GET, "/userinfo").bearer_auth(token);
        browser.send(request).await
    }

    pub async fn introspect(&self, token: &str) -> Page {
        let form =
            [("token", token), ("client_id", "checker"), ("client_secret", "checker-secret")];
        self.browser().post_form("/oauth/introspect", &form).await
    }
}

/// The claims of a JWT, unchecked.
pub fn claims(jwt: &str) -> Value {
    let body = URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&body).unwrap()
}
