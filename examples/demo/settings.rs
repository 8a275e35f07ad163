//! The settings from the environment, checked once.

use url::{Origin, Url};

pub struct Settings {
    pub listen: String,
    pub issuer: String,
    pub issuer_origin: Origin,
    pub client_id: String,
    /// Absent for a public client, which then relies on PKCE alone.
    pub client_secret: Option<String>,
    pub name: String,
    url: Url,
}

impl Settings {
    pub fn from_environment() -> Result<Self, String> {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
        Self::read(|name| std::env::var(name).ok())
    }

    pub fn read(find: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let given = |name: &str| find(name).filter(|value| !value.trim().is_empty());
        let issuer = given("DEMO_ISSUER").unwrap_or_else(|| "http://127.0.0.1:8080".to_owned());
        let issuer_origin = web_url("DEMO_ISSUER", &issuer)?.origin();
        let url = given("DEMO_URL").unwrap_or_else(|| "http://127.0.0.1:8090".to_owned());
        let url = web_url("DEMO_URL", &url)?;
        if url.path() != "/" {
            return Err("DEMO_URL must be an origin, without a path".to_owned());
        }
        Ok(Self {
            listen: given("DEMO_LISTEN").unwrap_or_else(|| "127.0.0.1:8090".to_owned()),
            issuer: issuer.trim_end_matches('/').to_owned(),
            issuer_origin,
            client_id: given("DEMO_CLIENT_ID").ok_or("DEMO_CLIENT_ID is missing")?,
            client_secret: given("DEMO_CLIENT_SECRET"),
            name: given("DEMO_NAME").unwrap_or_else(|| "Northwind Orders".to_owned()),
            url,
        })
    }

    /// The start page; also what the provider sends people back to after a logout.
    pub fn home(&self) -> Url {
        self.url.clone()
    }

    pub fn callback(&self) -> String {
        format!("{}callback", self.url)
    }

    /// Browsers keep a cookie named `__Host-…` only when it is `Secure`, so only over https.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The `Host` header of a request that was meant for us.
    pub fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// An address we may send a browser to after a login: on our own origin, or not at all.
    ///
    /// [OpenID Connect Core 1.0 §4](https://openid.net/specs/openid-connect-core-1_0.html#ThirdPartyInitiatedLogin)
    /// demands this check of `target_link_uri`, so that we are no open redirector. The answer is
    /// absolute: a path such as `//elsewhere.example` alone would lead away.
    pub fn own_address(&self, address: &str) -> Option<Url> {
        let address = Url::parse(address).ok()?;
        let ours = address.origin() == self.url.origin()
            && address.username().is_empty()
            && address.password().is_none();
        ours.then_some(address)
    }

    /// The same for the path that one of our own pages put into a link.
    pub fn own_path(&self, path: &str) -> Option<Url> {
        self.own_address(self.url.join(path).ok()?.as_str())
    }

    /// `form-action` names the provider too: browsers apply it to where a form is redirected. Of scripts, ours
    /// and its bar alone.
    pub fn content_security_policy(&self) -> String {
        let provider = self.issuer_origin.ascii_serialization();
        format!(
            "default-src 'none'; style-src 'self'; script-src 'self' {provider}/impersonation/bar.js; img-src 'self'; \
             form-action 'self' {provider}; base-uri 'none'; frame-ancestors 'none'"
        )
    }
}

fn web_url(name: &str, value: &str) -> Result<Url, String> {
    let url = Url::parse(value).map_err(|error| format!("{name}: {error}"))?;
    let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if matches!(url.scheme(), "http" | "https") && plain {
        Ok(url)
    } else {
        Err(format!("{name} must be an http or https address without query or fragment"))
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn settings() -> Settings {
        Settings::read(|name| (name == "DEMO_CLIENT_ID").then(|| "demo".to_owned()))
            .unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    #[test]
    fn a_return_address_must_be_on_our_own_origin() {
        let settings = settings();
        for good in [
            "http://127.0.0.1:8090/",
            "http://127.0.0.1:8090/orders/NW-20418?tab=items",
            "http://127.0.0.1:8090//elsewhere.example/",
        ] {
            assert_eq!(settings.own_address(good).map(String::from).as_deref(), Some(good));
        }
        for bad in [
            "",
            "/orders/NW-20418",
            "//127.0.0.1:8090/",
            "http://127.0.0.1:8080/",
            "https://127.0.0.1:8090/",
            "http://127.0.0.1:8090@elsewhere.example/",
            "http://someone@127.0.0.1:8090/",
            "http://127.0.0.1:8090.elsewhere.example/",
            "http://localhost:8090/",
            "javascript:alert(1)",
            "data:text/html,x",
        ] {
            assert_eq!(settings.own_address(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_path_of_ours_cannot_lead_away() {
        let settings = settings();
        assert!(settings.own_path("/orders/NW-20418").is_some());
        for bad in ["//elsewhere.example", "/\\elsewhere.example", "https://elsewhere.example/"] {
            assert_eq!(settings.own_path(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_trailing_slash_of_the_issuer_does_not_count() {
        let settings = Settings::read(|name| match name {
            "DEMO_CLIENT_ID" => Some("demo".to_owned()),
            "DEMO_ISSUER" => Some("https://id.example/".to_owned()),
            _ => None,
        });
        assert_eq!(settings.map(|settings| settings.issuer), Ok("https://id.example".to_owned()));
    }

    #[test]
    fn a_missing_or_wrong_setting_is_named() {
        let missing = Settings::read(|_| None).err().unwrap_or_default();
        assert!(missing.contains("DEMO_CLIENT_ID"), "{missing}");
        for wrong in ["ftp://127.0.0.1/", "127.0.0.1:8090", "http://127.0.0.1:8090/shop"] {
            let settings = Settings::read(|name| (name == "DEMO_URL").then(|| wrong.to_owned()));
            assert!(settings.is_err_and(|error| error.contains("DEMO_URL")), "{wrong}");
        }
    }
}
