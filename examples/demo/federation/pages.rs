//! The pages after a sign-in by SAML or WS-Federation.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use askama::Template;
use chrono::{DateTime, Utc};
use serde_json::json;

use super::sessions::Session;
use super::{PARTIES, Party, party};
use crate::marks::{Acting, sentence, time_left};
use crate::pages::{Banner, Frame, User, bar_js, initials, machine, render};
use crate::web::{Answer, Shop, now};

const XMLSOAP: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/";

#[derive(Template)]
#[template(path = "federated.html", config = "examples/demo/askama.toml")]
struct Federated {
    frame: Frame,
    title: &'static str,
    slug: &'static str,
    others: Vec<&'static Party>,
    profile: Option<Profile>,
}

struct Profile {
    name: String,
    subject: String,
    signed_in_at: String,
    actor: Option<String>,
    claims: Vec<(String, String)>,
    token: String,
}

pub async fn home(shop: Data<Shop>, request: HttpRequest, slug: Path<String>) -> Answer {
    let party = party(&shop, &slug)?;
    let cookie = format!("at_{}", party.slug.replace('-', "_"));
    let id = shop.cookie(&request, &cookie).unwrap_or_default();
    let session = shop.federated.find(&id, now()).filter(|session| session.party == party.slug);
    let page = Federated {
        frame: session.as_ref().map_or_else(
            || Frame::empty(&shop.settings.name),
            |session| frame(&shop, party, session),
        ),
        title: party.title,
        slug: party.slug,
        others: PARTIES.iter().filter(|other| other.slug != party.slug).collect(),
        profile: session.map(profile),
    };
    let gone = shop.clear_cookie(&cookie);
    let stale = page.profile.is_none() && !id.is_empty();
    let forget: &[_] = if stale { &[gone] } else { &[] };
    Ok(render(&page, StatusCode::OK, forget))
}

fn claim(session: &Session, name: &str) -> Option<String> {
    session.token.claims.get(&format!("{XMLSOAP}{name}")).cloned()
}

fn name(session: &Session) -> String {
    let named = claim(session, "name").or_else(|| claim(session, "emailaddress"));
    named.unwrap_or_else(|| session.token.name.clone())
}

/// The assertion in the words of the bar, which reads claims.
fn marks(ends_at: DateTime<Utc>) -> String {
    let mark = json!({ "exp": ends_at.timestamp() });
    json!({ "impersonated": true, "https://understudy.dev/claims/impersonation": mark }).to_string()
}

fn frame(shop: &Shop, party: &Party, session: &Session) -> Frame {
    let name = name(session);
    let banner = session.acting.as_ref().map(|actor| {
        let acting = Acting {
            actor: actor.clone(),
            impersonation_id: None,
            read_only: false,
            until: Some(session.ends_at),
        };
        Banner {
            bar_js: bar_js(shop),
            marks: marks(session.ends_at),
            actor: actor.clone(),
            subject: name.clone(),
            now: machine(now()),
            sentence: sentence(&acting, &name),
            read_only: false,
            time_left: time_left(session.ends_at, now()),
            until: session.ends_at.format("%H:%M UTC").to_string(),
            until_machine: machine(session.ends_at),
            form_token: session.form_token.clone(),
        }
    });
    let user = User {
        initials: initials(&name),
        email: claim(session, "emailaddress"),
        form_token: session.form_token.clone(),
        name,
    };
    Frame {
        shop: shop.settings.name.clone(),
        user: Some(user),
        banner,
        stop: format!("/at/{}/stop", party.slug),
    }
}

fn profile(session: Session) -> Profile {
    Profile {
        name: name(&session),
        subject: session.token.name.clone(),
        signed_in_at: session.signed_in_at.format("%-d %b %Y, %H:%M UTC").to_string(),
        actor: session.acting.clone(),
        token: session.token.xml.replace("><", ">\n<"),
        claims: session.token.claims.into_iter().collect(),
    }
}
