//! The same shop for customers whose software speaks SAML 2.0 or WS-Federation.
//!
//! Each [`Party`] is an application of its own to the provider, at `/at/{slug}`. The XML is read and verified
//! with `understudy::crypto::xml`, which any Rust program may use; it returns only the signed content. Copy
//! [`token`], which is short, before [`saml`] and [`wsfed`].

pub mod pages;
pub mod saml;
pub mod sessions;
pub mod token;
pub mod wsfed;

use actix_web::HttpRequest;
use actix_web::cookie::SameSite;
use actix_web::web::{Data, Form, Path, ServiceConfig, get, post, resource};
use serde::Deserialize;
use std::collections::BTreeMap;

use crate::session::random;
use crate::web::{Answer, Problem, Shop, now, see_other};
use sessions::Pending;
use token::Keys;

pub type Fields = BTreeMap<String, String>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    Saml,
    WsFederation,
}

/// One application, as it is registered with the provider.
#[derive(Debug, Clone, Copy)]
pub struct Party {
    pub slug: &'static str,
    pub title: &'static str,
    pub speaks: Speaks,
    /// The provider's endpoint, below its issuer.
    pub endpoint: &'static str,
    /// Whether unsolicited answers are accepted.
    pub unsolicited: bool,
}

pub const PARTIES: [Party; 4] = [
    Party {
        slug: "saml",
        title: "SAML 2.0",
        speaks: Speaks::Saml,
        endpoint: "samlp/northwind-saml",
        unsolicited: false,
    },
    Party {
        slug: "saml-direct",
        title: "SAML 2.0, by link alone",
        speaks: Speaks::Saml,
        endpoint: "samlp/northwind-saml-direct",
        unsolicited: true,
    },
    Party {
        slug: "wsfed",
        title: "WS-Federation",
        speaks: Speaks::WsFederation,
        endpoint: "wsfed/northwind-wsfed",
        unsolicited: false,
    },
    Party {
        slug: "rms",
        title: "Rights management",
        speaks: Speaks::WsFederation,
        endpoint: "rms/northwind-rms",
        unsolicited: true,
    },
];

impl Party {
    pub fn find(slug: &str) -> Option<&'static Self> {
        PARTIES.iter().find(|party| party.slug == slug)
    }

    /// `entityID` or realm: the audience of tokens for us.
    pub fn name(&self, shop: &Shop) -> String {
        format!("{}/metadata", self.home(shop))
    }

    pub fn home(&self, shop: &Shop) -> String {
        format!("{}at/{}", shop.settings.home(), self.slug)
    }

    /// Assertion consumer service or reply URL.
    pub fn answered_at(&self, shop: &Shop) -> String {
        format!("{}/answer", self.home(shop))
    }

    pub fn asked_at(&self, shop: &Shop) -> String {
        format!("{}/{}", shop.settings.issuer, self.endpoint)
    }
}

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/at/{party}").route(get().to(pages::home)))
        .service(resource("/at/{party}/login").route(get().to(login)))
        .service(resource("/at/{party}/initiate-login").route(get().to(initiated)))
        .service(
            resource("/at/{party}/answer")
                .route(post().to(answered))
                .route(get().to(wsfed::cleaned_up)),
        )
        .service(resource("/at/{party}/logout").route(get().to(saml::logged_out)))
        .service(resource("/at/{party}/stop").route(post().to(stop)))
        .service(resource("/at/{party}/metadata").route(get().to(saml::metadata)));
}

pub fn party(shop: &Shop, slug: &str) -> Result<&'static Party, Problem> {
    Party::find(slug).ok_or_else(|| crate::pages::missing(shop))
}

async fn login(shop: Data<Shop>, request: HttpRequest, slug: Path<String>) -> Answer {
    let party = party(&shop, &slug)?;
    begin(&shop, &request, party, party.home(&shop))
}

#[derive(Deserialize)]
struct Initiation {
    iss: Option<String>,
    target_link_uri: Option<String>,
}

/// The provider asks us to start; nothing in the request is believed (see `login::initiated_by_link`).
async fn initiated(shop: Data<Shop>, request: HttpRequest, slug: Path<String>) -> Answer {
    let party = party(&shop, &slug)?;
    let asked: Initiation = shop.query(&request)?;
    if asked.iss.as_deref() != Some(shop.settings.issuer.as_str()) {
        return Err(shop.bad_request("It comes from an identity provider that we do not use."));
    }
    let return_to = match asked.target_link_uri {
        None => party.home(&shop),
        Some(address) => shop
            .settings
            .own_address(&address)
            .ok_or_else(|| shop.bad_request("It leads to another site."))?
            .into(),
    };
    begin(&shop, &request, party, return_to)
}

fn begin(shop: &Shop, request: &HttpRequest, party: &'static Party, return_to: String) -> Answer {
    let browser = shop.cookie(request, "browser").filter(|it| it.len() == random().len());
    let browser = browser.unwrap_or_else(random);
    // Letters and digits behind an underscore: good as an XML id, and as an opaque context.
    let id = format!("_{}", random().replace(['-', '.', '~'], "_"));
    let address = match party.speaks {
        Speaks::Saml => saml::request(shop, party, &id)?,
        Speaks::WsFederation => wsfed::request(shop, party, &id),
    };
    let pending =
        Pending { party: party.slug, browser: browser.clone(), return_to, started_at: now() };
    if !shop.federated.begin(id, pending) {
        return Err(shop.busy());
    }
    let mut cookie = shop.set_cookie("browser", browser);
    if shop.settings.is_https() {
        // The answer is posted from the provider's site, and a `Lax` cookie does not come along.
        cookie.set_same_site(SameSite::None);
    }
    Ok(see_other(&address, &[cookie]))
}

/// The browser posts the provider's answer.
async fn answered(
    shop: Data<Shop>,
    request: HttpRequest,
    slug: Path<String>,
    form: Form<Fields>,
) -> Answer {
    let party = party(&shop, &slug)?;
    let keys = keys(&shop).await?;
    let read = match party.speaks {
        Speaks::Saml => saml::read(&shop, party, &keys, &form),
        Speaks::WsFederation => wsfed::read(&shop, party, &keys, &form),
    };
    let (token, asked_as) = read.map_err(|untrusted| failed(&shop, party, &untrusted))?;
    let browser = shop.cookie(&request, "browser").unwrap_or_default();
    let pending = match asked_as {
        Some(id) => match shop.federated.finish(&id, (party.slug, &browser), now()) {
            Some(pending) => Some(pending),
            // Ignore the state of an unsolicited answer, because we did not send it.
            None if party.unsolicited && token.in_response_to.is_none() => None,
            None => return Err(failed(&shop, party, &token::Untrusted::NotAsked)),
        },
        None if party.unsolicited => None,
        None => return Err(failed(&shop, party, &token::Untrusted::NotAsked)),
    };
    if !shop.federated.first_time(&token.id, token.until, now()) {
        return Err(failed(&shop, party, &token::Untrusted::Replayed));
    }
    let to = pending.map_or_else(|| party.home(&shop), |pending| pending.return_to);
    let cookie = format!("at_{}", party.slug.replace('-', "_"));
    if let Some(old) = shop.cookie(&request, &cookie) {
        shop.federated.end(&old);
    }
    let id = shop.federated.start(party, token, now()).ok_or_else(|| shop.busy())?;
    Ok(see_other(&to, &[shop.set_cookie(&cookie, id)]))
}

/// The keys that the provider publishes, from its metadata.
async fn keys(shop: &Shop) -> Result<Keys, Problem> {
    let address =
        format!("{}/FederationMetadata/2007-06/FederationMetadata.xml", shop.settings.issuer);
    let unreachable = || shop.unreachable(crate::provider::Unreachable);
    let text = shop.directory.http.text(&address).await.map_err(|error| {
        tracing::warn!(%error, "the provider's metadata cannot be had");
        unreachable()
    })?;
    Keys::of_metadata(&text, &shop.settings.issuer).map_err(|error| {
        tracing::warn!(%error, "the provider's metadata is not trusted");
        unreachable()
    })
}

fn failed(shop: &Shop, party: &Party, untrusted: &token::Untrusted) -> Problem {
    tracing::warn!(party = party.slug, %untrusted, "an answer is not trusted");
    let status = actix_web::http::StatusCode::BAD_REQUEST;
    shop.problem(status, "You are not signed in", format!("The answer is not good: {untrusted}."))
}

/// "Stop" and "Sign out": our session ends here, and the provider's page offers to end the rest.
async fn stop(
    shop: Data<Shop>,
    request: HttpRequest,
    slug: Path<String>,
    form: Form<Fields>,
) -> Answer {
    let party = party(&shop, &slug)?;
    let cookie = format!("at_{}", party.slug.replace('-', "_"));
    let id = shop.cookie(&request, &cookie).unwrap_or_default();
    let gone = [shop.clear_cookie(&cookie)];
    let Some(session) = shop.federated.find(&id, now()) else {
        return Ok(see_other(&party.home(&shop), &gone));
    };
    if form.get("form_token") != Some(&session.form_token) {
        let text = "The button you pressed was from an older page. Please try again.";
        return Err(shop.problem(
            actix_web::http::StatusCode::FORBIDDEN,
            "That did not work",
            text,
        ));
    }
    shop.federated.end(&id);
    let page = if session.acting.is_some() { "me/impersonation" } else { "logout" };
    let to = match party.speaks {
        Speaks::Saml => format!("{}/{page}", shop.settings.issuer),
        Speaks::WsFederation => wsfed::sign_out(&shop, party),
    };
    Ok(see_other(&to, &gone))
}
