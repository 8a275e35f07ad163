//! SAML 2.0, as service providers and their users see it.
mod answers;
mod clients;
mod corpus;
mod impersonating;
mod lists;
mod metadata;
mod names;
mod requests;
mod signatures;
mod spellings;

use crate::support::{Browser, Page, TestServer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::io::Write as _;
use std::sync::LazyLock;
use understudy::crypto::certificate::self_sign;
use understudy::crypto::keys::{Algorithm, generate};
use understudy::crypto::xml::{
    Document, Element, Limits, Name, SignaturePlace, Signer, XmlError, is_signed, read,
};
use understudy::provision::{self, Prune};
use understudy::store;
use url::form_urlencoded::byte_serialize;

const ACS: &str = "http://127.0.0.1:9/acs";
const SECOND_ACS: &str = "http://127.0.0.1:9/acs-too?a=1";
const ENTITY: &str = "urn:test:sp";
const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";

/// A key of a service provider with its private part.
struct Key {
    signer: Signer,
    pkcs8: Vec<u8>,
}

fn key() -> Key {
    let key = generate(Algorithm::Rs256).unwrap();
    let at = |text: &str| text.parse().unwrap();
    // Long expired: what counts is the key (D38).
    let (from, to) = (at("2015-01-01T00:00:00Z"), at("2016-01-01T00:00:00Z"));
    let certificate = self_sign(&key.private, "sp", from, to).unwrap();
    Key { signer: Signer::load(&key.private, &certificate).unwrap(), pkcs8: key.private.to_vec() }
}

static PROVIDER: LazyLock<Key> = LazyLock::new(key);
static STRANGER: LazyLock<Key> = LazyLock::new(key);

/// Registers the application `sp`; `more` are further keys of its `saml` section, in YAML's flow style.
async fn register(server: &TestServer, more: &str) {
    let text = format!(
        "version: 1\nclients:\n  - client_id: sp\n    name: The provider\n    kind: saml\n    \
         impersonation: {{enabled: true, redeem: direct, unsolicited: true}}\n    \
         saml: {{entity_id: \"{ENTITY}\", acs_urls: [\"{ACS}\", \"{SECOND_ACS}\"]{more}}}\n"
    );
    apply(server, &text).await;
}

async fn apply(server: &TestServer, text: &str) {
    let mut conn = store::connection::pool::connect(&server.db.url).await.unwrap();
    let file = provision::read(text, |_| None).unwrap_or_else(|wrong| panic!("{wrong:?}"));
    provision::apply_to(&mut conn, &file, Prune::No).await.unwrap();
}

/// With `sp` registered, and without limits.
async fn start(more: &str) -> TestServer {
    let server = TestServer::start_with(&[("UNDERSTUDY_RATE_LIMITS", "off")]).await;
    register(&server, more).await;
    server
}

/// `, certificates: […]` with the provider's own.
fn signed() -> String {
    format!(", certificates: [\"{}\"]", PROVIDER.signer.certificate())
}

impl TestServer {
    /// What time it is on the clock that all nodes go by.
    async fn time(&self, ahead: &str) -> String {
        let moment = format!("(clock_now() + interval '{ahead}') AT TIME ZONE 'UTC'");
        let format = "YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"";
        self.db.text(&format!("SELECT to_char({moment}, '{format}')")).await
    }

    /// The usual request.
    async fn request(&self) -> String {
        let now = self.time("0 s").await;
        format!(
            "<samlp:AuthnRequest xmlns:samlp=\"{SAMLP}\" xmlns:saml=\"{SAML}\" ID=\"_r1\" Version=\"2.0\" \
             IssueInstant=\"{now}\" Destination=\"{}/samlp/sp\" AssertionConsumerServiceURL=\"{ACS}\">\
             <saml:Issuer>{ENTITY}</saml:Issuer></samlp:AuthnRequest>",
            self.url
        )
    }
}

fn deflate(xml: &str) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(xml.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn escaped(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

/// The query of the Redirect binding.
fn query(xml: &str, relay_state: Option<&str>) -> String {
    let request = format!("SAMLRequest={}", escaped(&STANDARD.encode(deflate(xml))));
    match relay_state {
        Some(state) => format!("{request}&RelayState={}", escaped(state)),
        None => request,
    }
}

/// The same, signed.
fn signed_query(xml: &str, relay_state: Option<&str>, key: &Key) -> String {
    let octets = format!("{}&SigAlg={}", query(xml, relay_state), escaped(RSA_SHA256));
    let signature = key.signer.sign_octets(octets.as_bytes()).unwrap();
    format!("{octets}&Signature={}", escaped(&STANDARD.encode(signature)))
}

/// With a signature inside.
fn enveloped(xml: &str, key: &Key) -> String {
    key.signer.sign_enveloped(xml, "ID", "_r1", SignaturePlace::AfterIssuer).unwrap()
}

async fn by_redirect(browser: &Browser, xml: &str) -> Page {
    browser.open(&format!("/samlp/sp?{}", query(xml, Some("the state")))).await
}

/// As a page of somebody else posts it.
async fn by_post(browser: &Browser, xml: &str) -> Page {
    let encoded = STANDARD.encode(xml);
    let form = [("SAMLRequest", encoded.as_str()), ("RelayState", "the state")];
    browser.post_form("/samlp/sp", &form).await
}

/// What an application is posted.
struct Told {
    xml: String,
    document: Document,
    relay_state: Option<String>,
}

const ASSERTION: Name = Name::new(SAML, "Assertion");

impl Told {
    /// The message on a page that posts it to `acs`.
    #[track_caller]
    fn read(page: &Page, acs: &str) -> Self {
        assert_eq!(page.status, 200, "{}", page.body);
        let form = page.form(acs);
        let xml = STANDARD.decode(form.field("SAMLResponse").unwrap()).unwrap();
        let document = read(&xml, &Limits::MESSAGE).unwrap();
        let xml = String::from_utf8(xml).unwrap();
        Self { xml, document, relay_state: form.field("RelayState") }
    }

    fn response(&self) -> Element<'_> {
        self.document.unverified()
    }

    #[track_caller]
    fn assertion(&self) -> Element<'_> {
        self.response().required_child(ASSERTION).unwrap_or_else(|_| panic!("{}", self.xml))
    }

    /// The text at a path of elements below the assertion.
    #[track_caller]
    fn text(&self, path: &[&'static str]) -> String {
        self.at(path).text().unwrap()
    }

    #[track_caller]
    fn at(&self, path: &[&'static str]) -> Element<'_> {
        path.iter().fold(self.assertion(), |element, name| {
            element.required_child(Name::new(SAML, name)).unwrap_or_else(|_| panic!("{}", self.xml))
        })
    }

    fn name_id(&self) -> (String, String) {
        let name = self.at(&["Subject", "NameID"]);
        (name.required("Format").unwrap().to_owned(), name.text().unwrap())
    }

    fn context(&self) -> String {
        self.text(&["AuthnStatement", "AuthnContext", "AuthnContextClassRef"])
    }

    /// The values of an attribute.
    fn attribute(&self, name: &str) -> Vec<String> {
        let statement = self.at(&["AttributeStatement"]);
        let all = statement.children_named(Name::new(SAML, "Attribute"));
        all.filter(|attribute| attribute.attribute("Name") == Some(name))
            .flat_map(|attribute| attribute.children())
            .map(|value| value.text().unwrap())
            .collect()
    }

    /// The last word of each status code.
    fn status(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut next = self.response().child(Name::new(SAMLP, "Status"));
        while let Ok(Some(element)) = next {
            words.extend(
                element
                    .attribute("Value")
                    .map(|value| value.rsplit(':').next().unwrap().to_owned()),
            );
            next = element.child(Name::new(SAMLP, "StatusCode"));
        }
        words
    }
}

/// A no that the application hears, in a signed message without any assertion (D37).
#[track_caller]
fn hears(page: &Page, acs: &str, status: [&str; 2]) {
    let told = Told::read(page, acs);
    assert_eq!(told.status(), status, "{}", told.xml);
    assert!(!told.xml.contains("Assertion>"), "{}", told.xml);
    assert!(is_signed(&told.document));
    assert_eq!(told.response().attribute("InResponseTo"), Some("_r1"));
    assert_eq!(told.relay_state.as_deref(), Some("the state"));
}

/// A no that is shown here and sent nowhere.
#[track_caller]
fn stays_here(page: &Page) {
    assert!((400..500).contains(&page.status), "{} {}", page.status, page.body);
    assert_eq!(page.header("location"), None);
    assert!(!page.body.contains("SAMLResponse"), "{}", page.body);
    assert!(!page.body.contains("127.0.0.1:9"), "{}", page.body);
}

#[expect(clippy::needless_pass_by_value, reason = "it is asked right where it is made")]
fn missing<T>(found: Result<T, XmlError>) -> bool {
    matches!(found, Err(XmlError::Missing))
}
