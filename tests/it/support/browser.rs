//! A person's browser, or a program's HTTP client: keeps cookies, follows nothing by itself.
use reqwest::cookie::Jar;
use reqwest::header::HeaderMap;
use reqwest::{Client, ClientBuilder, Method, RequestBuilder};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use std::sync::{Arc, OnceLock};

#[derive(Clone)]
pub struct Browser {
    pub client: Client,
    pub url: String,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Page {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Page {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn location(&self) -> &str {
        self.header("location")
            .unwrap_or_else(|| panic!("no Location: {} {}", self.status, self.body))
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The value of a field of the first form that has it, decoded.
    pub fn field(&self, name: &str) -> Option<String> {
        let at = self.body.find(&format!("name=\"{name}\""))?;
        let start = self.body[..at].rfind('<')?;
        let end = start + self.body[start..].find('>')?;
        let tag = &self.body[start..end];
        let value = tag.split("value=\"").nth(1)?.split('"').next()?;
        Some(unescape(value))
    }

    /// The part of the page that is the form with this `action`.
    #[track_caller]
    pub fn form(&self, action: &str) -> Self {
        let marked = format!("action=\"{}\"", action.replace('&', "&#38;"));
        let at =
            self.body.find(&marked).unwrap_or_else(|| panic!("no form {action}: {}", self.body));
        let end = at + self.body[at..].find("</form>").unwrap();
        Self { body: self.body[at..end].to_owned(), ..self.clone() }
    }

    /// One parameter of the `Location`.
    pub fn location_param(&self, name: &str) -> Option<String> {
        let url = self.location().replace('#', "?");
        let base = url::Url::parse("http://127.0.0.1").unwrap();
        let url = base.join(&url).unwrap();
        url.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned())
    }
}

pub fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        let (reference, letter) = [
            ("&#34;", '"'),
            ("&quot;", '"'),
            ("&#39;", '\''),
            ("&#60;", '<'),
            ("&lt;", '<'),
            ("&#62;", '>'),
            ("&gt;", '>'),
            ("&#38;", '&'),
            ("&amp;", '&'),
        ]
        .into_iter()
        .find(|(reference, _)| rest[at..].starts_with(reference))
        .unwrap_or(("&", '&'));
        plain.push(letter);
        rest = &rest[at + reference.len()..];
    }
    plain + rest
}

/// Nothing here speaks TLS: with certificates of the machine to read, making one takes 50 ms.
fn client() -> ClientBuilder {
    static TLS: OnceLock<ClientConfig> = OnceLock::new();
    let tls = TLS.get_or_init(|| {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = ClientConfig::builder_with_provider(provider);
        let roots = versions.with_safe_default_protocol_versions().unwrap();
        roots.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
    });
    Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
}

impl Browser {
    pub fn new(url: &str) -> Self {
        let client = client().cookie_store(true).build().unwrap();
        Self { client, url: url.to_owned() }
    }

    /// Keeps no cookie: a program, or whoever writes the header by itself.
    pub fn bare(url: &str) -> Self {
        let client = client().build().unwrap();
        Self { client, url: url.to_owned() }
    }

    /// A browser into whose jar one can look.
    pub fn with_jar(url: &str) -> (Self, Arc<Jar>) {
        let jar = Arc::new(Jar::default());
        let client = client().cookie_provider(Arc::clone(&jar)).build().unwrap();
        (Self { client, url: url.to_owned() }, jar)
    }

    /// `path` is a local path or a whole URL.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url =
            if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.url) };
        self.client.request(method, url)
    }

    pub async fn send(&self, request: RequestBuilder) -> Page {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Page { status, headers, body: answer.text().await.unwrap() }
    }

    pub async fn get(&self, path: &str) -> Page {
        self.send(self.request(Method::GET, path)).await
    }

    /// As a person's browser asks: for a page.
    pub async fn open(&self, path: &str) -> Page {
        self.send(self.request(Method::GET, path).header("accept", "text/html")).await
    }

    pub async fn post_form(&self, path: &str, form: &[(&str, &str)]) -> Page {
        let request = self.request(Method::POST, path).header("accept", "text/html");
        self.send(request.form(form)).await
    }

    pub async fn post_json(&self, path: &str, body: Value) -> Page {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    /// Signs in by the login page; where it goes on to.
    pub async fn sign_in(&self, email: &str, password: &str) -> Page {
        let page = self.open("/login").await;
        self.sign_in_on(&page, email, password).await
    }

    /// Fills in the login form on `page`.
    pub async fn sign_in_on(&self, page: &Page, email: &str, password: &str) -> Page {
        assert_eq!(page.status, 200, "{}", page.body);
        // A page of a browser that acts as somebody has the form of its bar before this one.
        let login = page.form("/login");
        let csrf = login.field("csrf").unwrap();
        let return_to = login.field("return_to").unwrap_or_default();
        let form = [
            ("csrf", csrf.as_str()),
            ("return_to", return_to.as_str()),
            ("email", email),
            ("password", password),
        ];
        self.post_form("/login", &form).await
    }
}
