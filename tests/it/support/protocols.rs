//! One story, told in every protocol that an application can be answered in.
//!
//! The applications of the directory have twins: `legacy` speaks OAuth 2, `legacy-saml`, `legacy-wsfed` and
//! `legacy-rms` the others. A [`Story`] calls them all `legacy`.
use super::browser::unescape;
use super::words::claims;
use super::{Browser, Page, TestServer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde_json::{Value, json};
use std::io::Write as _;
use std::ops::Deref;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoken {
    Oauth2,
    Samlp,
    Wsfed,
    WsfedRms,
}

/// Who an application was told is there.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    pub email: String,
    /// The actor's id and e-mail address.
    pub actor: Option<(String, String)>,
}

impl Spoken {
    pub const ALL: [Self; 4] = [Self::Oauth2, Self::Samlp, Self::Wsfed, Self::WsfedRms];

    /// As the impersonation endpoint calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Oauth2 => "oauth2",
            Self::Samlp => "samlp",
            Self::Wsfed => "wsfed",
            Self::WsfedRms => "wsfed-rms",
        }
    }

    pub fn client(self, twin: &str) -> String {
        match self {
            Self::Oauth2 => twin.to_owned(),
            Self::Samlp => format!("{twin}-saml"),
            Self::Wsfed => format!("{twin}-wsfed"),
            Self::WsfedRms => format!("{twin}-rms"),
        }
    }

    /// Where that application is answered.
    pub fn return_url(self, twin: &str) -> String {
        if (self, twin) == (Self::Oauth2, "orders") {
            return "http://127.0.0.1:9/callback".to_owned();
        }
        format!("http://127.0.0.1:9/{}", self.client(twin))
    }

    /// The field in which an answer that is posted says who signed in.
    fn field(self) -> Option<&'static str> {
        match self {
            Self::Oauth2 => None,
            Self::Samlp => Some("SAMLResponse"),
            Self::Wsfed | Self::WsfedRms => Some("wresult"),
        }
    }

    /// Whether the application is told who signed in.
    pub fn is_answer(self, page: &Page) -> bool {
        match self.field() {
            None => matches!(page.status, 302 | 303) && page.location_param("code").is_some(),
            Some(field) => page.status == 200 && page.field(field).is_some(),
        }
    }

    /// What the application finds again of what it, or the link, has sent along.
    pub fn state(self, page: &Page) -> Option<String> {
        match self {
            Self::Oauth2 => page.location_param("state"),
            Self::Samlp => page.field("RelayState"),
            Self::Wsfed | Self::WsfedRms => page.field("wctx"),
        }
    }

    /// The XML of an answer that is posted.
    pub fn xml(self, page: &Page) -> Option<String> {
        let answer = page.field(self.field()?)?;
        Some(match self {
            Self::Samlp => String::from_utf8(STANDARD.decode(answer).unwrap()).unwrap(),
            Self::Oauth2 | Self::Wsfed | Self::WsfedRms => answer,
        })
    }

    /// Every attribute of such an answer with its full name, in their order.
    pub fn attributes(self, page: &Page) -> Vec<(String, String)> {
        let xml = self.xml(page).unwrap();
        let text = |part: &str, name: &str| {
            let at = part.split(&format!("{name}=\"")).nth(1);
            at.map(|rest| unescape(rest.split('"').next().unwrap()))
        };
        let one = |part: &str| {
            let name = text(part, "AttributeName").map_or_else(
                || text(part, "Name").unwrap(),
                |name| format!("{}/{name}", text(part, "AttributeNamespace").unwrap()),
            );
            let value = part.split("<saml:AttributeValue").nth(1).unwrap().split_once('>').unwrap();
            (name, unescape(value.1.split('<').next().unwrap()))
        };
        xml.split("<saml:Attribute ").skip(1).map(one).collect()
    }

    /// What an answer that is posted says.
    pub fn posted(self, page: &Page) -> Option<Told> {
        let xml = self.xml(page)?;
        let actor = attribute(&xml, "http://schemas.auth0.com", "impersonator");
        let email = attribute(&xml, "http://schemas.auth0.com", "impersonator_email");
        let claims = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims";
        Some(Told { email: attribute(&xml, claims, "emailaddress")?, actor: actor.zip(email) })
    }

    /// Where the application sends a browser to ask who is there.
    pub async fn asks(self, server: &TestServer, twin: &str, demand: Demand) -> String {
        let client = self.client(twin);
        match self {
            Self::Oauth2 => {
                let more = match demand {
                    Demand::Nothing => "",
                    Demand::Fresh => "&prompt=login",
                    Demand::Stronger => "&acr_values=urn:mace:incommon:iap:silver",
                };
                let to = encoded(&self.return_url(twin));
                format!(
                    "/authorize?response_type=code&scope=openid+profile+email&client_id={client}\
                     &redirect_uri={to}{more}"
                )
            }
            Self::Samlp => {
                let request = authn_request(server, &client, demand).await;
                format!("/samlp/{client}?SAMLRequest={}", encoded(&deflated(&request)))
            }
            Self::Wsfed | Self::WsfedRms => {
                let more = match demand {
                    Demand::Nothing => "",
                    Demand::Fresh => "&wfresh=0",
                    Demand::Stronger => "&wauth=urn:oasis:names:tc:SAML:1.0:am:X509-PKI",
                };
                let room = if self == Self::Wsfed { "wsfed" } else { "rms" };
                format!("/{room}/{client}?wa=wsignin1.0&wtrealm=urn%3Atest%3A{client}{more}")
            }
        }
    }
}

/// What an application demands of a sign-in, whichever way its protocol says that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    Nothing,
    /// The user is to sign in now.
    Fresh,
    /// More than a password.
    Stronger,
}

/// A server, and the protocol of this telling.
pub struct Story {
    server: TestServer,
    pub by: Spoken,
}

impl Deref for Story {
    type Target = TestServer;

    fn deref(&self) -> &TestServer {
        &self.server
    }
}

/// Tells it in every protocol, each time on a server of its own.
pub async fn each(tell: impl AsyncFn(Story)) {
    each_with(&[], tell).await;
}

/// The same with settings.
#[expect(clippy::print_stdout, reason = "says which protocol failed")]
pub async fn each_with(settings: &[(&str, &str)], tell: impl AsyncFn(Story)) {
    for by in Spoken::ALL {
        // Read when it fails.
        println!("by {}", by.name());
        tell(Story { server: TestServer::start_with(settings).await, by }).await;
    }
}

impl Story {
    pub fn client(&self, twin: &str) -> String {
        self.by.client(twin)
    }

    /// The body that asks for Sam to act in an application.
    pub fn asking(&self, twin: &str) -> Value {
        json!({
            "protocol": self.by.name(), "impersonator_id": "usr_sam", "client_id": self.client(twin),
        })
    }

    /// A link for Sam to act as Alice; its path and query.
    pub async fn link(&self, twin: &str) -> String {
        self.server.link_by(&self.client(twin), self.by.name()).await
    }

    /// Sam's browser in the middle of an impersonation of Alice.
    pub async fn sam_as_alice(&self, twin: &str) -> Browser {
        self.server.sam_as_alice_by(&self.client(twin), self.by.name()).await
    }

    /// The application asks who is at this browser.
    pub async fn sign_on(&self, browser: &Browser, twin: &str, demand: Demand) -> Page {
        browser.open(&self.by.asks(&self.server, twin, demand).await).await
    }

    /// A direct link, opened: Sam acts as Alice in `legacy`, in nobody's browser.
    pub async fn act_directly(&self) {
        self.is_answered(&self.browser().get(&self.link("legacy").await).await);
    }

    #[track_caller]
    pub fn is_answered(&self, page: &Page) {
        assert!(self.by.is_answer(page), "by {}: {} {}", self.by.name(), page.status, page.body);
    }

    /// What the application learns from an answer.
    pub async fn told(&self, twin: &str, page: &Page) -> Told {
        self.is_answered(page);
        if self.by != Spoken::Oauth2 {
            return self.by.posted(page).unwrap();
        }
        let code = page.location_param("code").unwrap();
        let tokens = self.exchange(twin, &code, &self.by.return_url(twin)).await.json();
        let claims = claims(tokens["id_token"].as_str().unwrap());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let actor = claims.get("impersonator");
        Told {
            email: text(&claims["email"]),
            actor: actor.map(|actor| (text(&actor["user_id"]), text(&actor["email"]))),
        }
    }
}

async fn authn_request(server: &TestServer, client: &str, demand: Demand) -> String {
    let format = "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'";
    let sql = format!("SELECT to_char(clock_now() AT TIME ZONE 'UTC', {format})");
    let (now, id) =
        (server.db.text(&sql).await, server.db.text("SELECT md5(random()::text)").await);
    let force = if demand == Demand::Fresh { " ForceAuthn=\"true\"" } else { "" };
    let context = match demand {
        Demand::Nothing | Demand::Fresh => String::new(),
        Demand::Stronger => "<samlp:RequestedAuthnContext><saml:AuthnContextClassRef>\
            urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI\
            </saml:AuthnContextClassRef></samlp:RequestedAuthnContext>"
            .to_owned(),
    };
    format!(
        "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_{id}\" Version=\"2.0\" \
         IssueInstant=\"{now}\"{force}><saml:Issuer>urn:test:{client}</saml:Issuer>{context}\
         </samlp:AuthnRequest>"
    )
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// SAML bindings §3.4.4.1.
fn deflated(message: &str) -> String {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(message.as_bytes()).unwrap();
    STANDARD.encode(encoder.finish().unwrap())
}

/// The value of an attribute in either version of SAML, as it is written.
fn attribute(xml: &str, space: &str, name: &str) -> Option<String> {
    let saml20 = format!("Name=\"{space}/{name}\"");
    let saml11 = format!("AttributeName=\"{name}\" AttributeNamespace=\"{space}\"");
    let at = xml.find(&saml20).or_else(|| xml.find(&saml11))?;
    let value = xml[at..].split("<saml:AttributeValue").nth(1)?.split_once('>')?.1;
    value.split('<').next().map(str::to_owned)
}
