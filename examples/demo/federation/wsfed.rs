//! A relying party of WS-Federation (passive requestor profile).

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::token::{self, Expected, Keys, Token, Untrusted};
use super::{Fields, Party, Speaks, party};
use crate::web::{Answer, Shop, now};

fn address(shop: &Shop, party: &Party, pairs: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs);
    format!("{}?{}", party.asked_at(shop), query.finish())
}

/// `wsignin1.0`; `id` comes back as `wctx`, and shows that this browser has asked.
pub fn request(shop: &Shop, party: &Party, id: &str) -> String {
    let (realm, reply) = (party.name(shop), party.answered_at(shop));
    let time = now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let pairs = [
        ("wa", "wsignin1.0"),
        ("wtrealm", realm.as_str()),
        ("wreply", &reply),
        ("wctx", id),
        ("wct", &time),
    ];
    address(shop, party, &pairs)
}

pub fn sign_out(shop: &Shop, party: &Party) -> String {
    let (realm, home) = (party.name(shop), party.home(shop));
    let pairs = [("wa", "wsignout1.0"), ("wtrealm", realm.as_str()), ("wreply", &home)];
    address(shop, party, &pairs)
}

pub fn read(
    shop: &Shop,
    party: &Party,
    keys: &Keys,
    form: &Fields,
) -> Result<(Token, Option<String>), Untrusted> {
    let said = |name: &str| form.get(name).map(String::as_str);
    let (Some("wsignin1.0"), Some(result)) = (said("wa"), said("wresult")) else {
        return Err(Untrusted::Form);
    };
    let expected = Expected {
        issuer: &shop.settings.issuer,
        audience: &party.name(shop),
        recipient: &party.answered_at(shop),
        now: now(),
    };
    let token = token::read(result, keys, &expected)?;
    Ok((token, form.get("wctx").cloned()))
}

#[derive(Deserialize)]
struct CleanUp {
    wa: Option<String>,
}

/// `wsignoutcleanup1.0`: the provider says that it is over. Shown in a frame of its page, so no answer.
pub async fn cleaned_up(shop: Data<Shop>, request: HttpRequest, slug: Path<String>) -> Answer {
    let party = party(&shop, &slug)?;
    let asked: CleanUp = shop.query(&request)?;
    if party.speaks != Speaks::WsFederation || asked.wa.as_deref() != Some("wsignoutcleanup1.0") {
        return Err(shop.bad_request("Nothing is asked for."));
    }
    let cookie = format!("at_{}", party.slug.replace('-', "_"));
    if let Some(id) = shop.cookie(&request, &cookie) {
        shop.federated.end(&id);
    }
    Ok(HttpResponse::Ok().cookie(shop.clear_cookie(&cookie)).finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federation::PARTIES;
    use crate::settings::tests::settings;
    use url::Url;

    #[test]
    fn a_request_names_the_realm_and_where_to_answer() {
        // Another test may have been first.
        drop(rustls::crypto::ring::default_provider().install_default());
        let shop = Shop::new(settings()).unwrap();
        let url = Url::parse(&request(&shop, &PARTIES[2], "_x")).unwrap();
        assert_eq!(url.path(), "/wsfed/northwind-wsfed");
        let named = |name: &str| url.query_pairs().find(|(n, _)| n == name).unwrap().1.into_owned();
        assert_eq!(named("wtrealm"), "http://127.0.0.1:8090/at/wsfed/metadata");
        assert_eq!(named("wreply"), "http://127.0.0.1:8090/at/wsfed/answer");
        assert_eq!(named("wctx"), "_x");
    }
}
