//! WS-Federation: what relying parties ask, and the tokens that they get.
mod conditions;
mod formats;
mod impersonating;
mod metadata;
mod requests;
mod sign_out;
mod spellings;

use crate::support::Page;
use std::collections::BTreeMap;
use understudy::crypto::certificate::PublicKey;
use understudy::crypto::xml::{self, Document, Element, Limits, Name};

pub const REPLY: &str = "http://127.0.0.1:9/wsfed";
pub const REALM: &str = "urn:test:wsfed";
pub const XMLSOAP: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/";
pub const AUTH0: &str = "http://schemas.auth0.com/";
const SAML11: &str = "urn:oasis:names:tc:SAML:1.0:assertion";
const SAML20: &str = "urn:oasis:names:tc:SAML:2.0:assertion";

/// `/wsfed/{client}` with `wsignin1.0`, the realm of the test client, and `more`.
pub fn sign_in(more: &str) -> String {
    format!("/wsfed/shop-wsfed?wa=wsignin1.0&wtrealm=urn%3Atest%3Awsfed{more}")
}

#[track_caller]
pub fn is_refused(page: &Page) {
    assert_eq!(page.status, 400, "{}", page.body);
    assert_eq!(page.header("location"), None);
    assert!(!page.body.contains("wresult"), "{}", page.body);
}

/// The page that posts the answer, as a relying party receives it.
pub struct Received {
    pub action: String,
    pub wresult: String,
    pub wctx: Option<String>,
}

impl Received {
    #[track_caller]
    pub fn of(page: &Page) -> Self {
        assert_eq!(page.status, 200, "{}", page.body);
        assert_eq!(page.field("wa").as_deref(), Some("wsignin1.0"), "{}", page.body);
        let action = page.body.split("id=\"form-post\"").nth(1).unwrap();
        let action = action.split("action=\"").nth(1).unwrap().split('"').next().unwrap();
        Self {
            action: crate::support::browser::unescape(action),
            wresult: page.field("wresult").unwrap(),
            wctx: page.field("wctx"),
        }
    }

    /// The assertion, cut out: as it has to be verifiable.
    pub fn assertion(&self) -> &str {
        let prefix = if self.wresult.contains("<saml:Assertion") { "saml:" } else { "" };
        let (begin, end) = (format!("<{prefix}Assertion "), format!("</{prefix}Assertion>"));
        let start = self.wresult.find(&begin).unwrap();
        &self.wresult[start..self.wresult.find(&end).unwrap() + end.len()]
    }

    pub fn token(&self) -> Token {
        Token { document: read(self.assertion()) }
    }
}

pub fn read(text: &str) -> Document {
    xml::read(text.as_bytes(), &Limits::MESSAGE).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// The certificate that a signed document brings along.
pub fn certificate(text: &str) -> PublicKey {
    let start = text.find("<X509Certificate>").unwrap() + "<X509Certificate>".len();
    let end = start + text[start..].find('<').unwrap();
    PublicKey::parse(&text[start..end]).unwrap()
}

/// An assertion of either version.
pub struct Token {
    document: Document,
}

impl Token {
    fn namespace(&self) -> &'static str {
        let root = self.document.unverified();
        [SAML11, SAML20].into_iter().find(|it| *it == root.namespace()).unwrap()
    }

    pub fn root(&self) -> Element<'_> {
        self.document.unverified()
    }

    pub fn verify(&self, key: PublicKey) {
        let expected = Name::new(self.namespace(), "Assertion");
        xml::verify(&self.document, &[key], expected).unwrap();
    }

    /// The element at the end of `path`.
    pub fn at(&self, path: &[&'static str]) -> Element<'_> {
        path.iter().fold(self.root(), |element, local| {
            element.required_child(Name::new(self.namespace(), local)).unwrap()
        })
    }

    /// Name and values of every claim.
    pub fn claims(&self) -> BTreeMap<String, String> {
        let name = |local| Name::new(self.namespace(), local);
        let mut claims = BTreeMap::new();
        for attribute in self.at(&["AttributeStatement"]).children_named(name("Attribute")) {
            let claim = match attribute.attribute("Name") {
                Some(name) => name.to_owned(),
                None => format!(
                    "{}/{}",
                    attribute.required("AttributeNamespace").unwrap(),
                    attribute.required("AttributeName").unwrap()
                ),
            };
            let value = attribute.required_child(name("AttributeValue")).unwrap().text().unwrap();
            assert!(claims.insert(claim, value).is_none(), "a claim twice");
        }
        claims
    }
}
