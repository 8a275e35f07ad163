//! A service provider of SAML 2.0: Web Browser SSO (request by Redirect, answer by POST) and Single Logout.

use std::io::{Read as _, Write as _};

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use percent_encoding::percent_decode_str;
use understudy::crypto::xml::{self, Limits, Name, escape};

use super::token::{self, Expected, Keys, SAML20, Token, Untrusted};
use super::{Fields, Party, Speaks, keys, party};
use crate::session::random;
use crate::web::{Answer, Problem, Shop, now, see_other};

const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const LARGEST: u64 = 64 * 1024;

/// An `AuthnRequest`; `id` comes back as `InResponseTo`.
pub fn request(shop: &Shop, party: &Party, id: &str) -> Result<String, Problem> {
    let time = now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let message = format!(
        "<samlp:AuthnRequest xmlns:samlp=\"{PROTOCOL}\" ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{time}\" \
         Destination=\"{}\" AssertionConsumerServiceURL=\"{}\" \
         ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\">\
         <saml:Issuer xmlns:saml=\"{SAML20}\">{}</saml:Issuer></samlp:AuthnRequest>",
        text(shop, &party.asked_at(shop))?,
        text(shop, &party.answered_at(shop))?,
        text(shop, &party.name(shop))?,
    );
    redirect(shop, &party.asked_at(shop), &[("SAMLRequest", &packed(shop, &message)?)])
}

fn text(shop: &Shop, value: &str) -> Result<String, Problem> {
    escape(value).map_err(|_| shop.bad_request("It cannot be written down."))
}

/// SAML bindings §3.4.4.1.
fn packed(shop: &Shop, message: &str) -> Result<String, Problem> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    let bytes = encoder.write_all(message.as_bytes()).and_then(|()| encoder.finish());
    bytes.map(|bytes| STANDARD.encode(bytes)).map_err(|_| shop.busy())
}

fn redirect(shop: &Shop, to: &str, pairs: &[(&str, &str)]) -> Result<String, Problem> {
    let mut address = url::Url::parse(to).map_err(|_| shop.bad_request("It leads nowhere."))?;
    address.query_pairs_mut().extend_pairs(pairs);
    Ok(address.into())
}

/// The token, and the request that it says it answers: our `InResponseTo`, and nothing of the `RelayState`.
pub fn read(
    shop: &Shop,
    party: &Party,
    keys: &Keys,
    form: &Fields,
) -> Result<(Token, Option<String>), Untrusted> {
    let response = form.get("SAMLResponse").ok_or(Untrusted::Form)?;
    let response = STANDARD.decode(response).map_err(|_| Untrusted::Form)?;
    let response = String::from_utf8(response).map_err(|_| Untrusted::Form)?;
    if !response.contains(SUCCESS) {
        return Err(Untrusted::Failed);
    }
    let expected = Expected {
        issuer: &shop.settings.issuer,
        audience: &party.name(shop),
        recipient: &party.answered_at(shop),
        now: now(),
    };
    let token = token::read(&response, keys, &expected)?;
    let asked_as = token.in_response_to.clone();
    Ok((token, asked_as))
}

/// The provider says that a session is over; this comes in a frame of its page.
pub async fn logged_out(shop: Data<Shop>, request: HttpRequest, slug: Path<String>) -> Answer {
    let party = party(&shop, &slug)?;
    let bad = || shop.bad_request("This is no logout request of our provider.");
    let raw = |name: &str| {
        let pairs = request.query_string().split('&');
        pairs.filter_map(|part| part.split_once('=')).find(|(n, _)| *n == name).map(|(_, v)| v)
    };
    let plain = |name: &str| {
        raw(name).and_then(|value| percent_decode_str(value).decode_utf8().ok().map(String::from))
    };
    if party.speaks != Speaks::Saml {
        return Err(bad());
    }
    let (Some(message), Some(method), Some(signature)) =
        (plain("SAMLRequest"), plain("SigAlg"), plain("Signature"))
    else {
        return Err(bad());
    };
    // The signature covers the parameters as they were sent, in this order.
    let signed: Vec<String> = ["SAMLRequest", "RelayState", "SigAlg"]
        .into_iter()
        .filter_map(|name| raw(name).map(|value| format!("{name}={value}")))
        .collect();
    let signature = STANDARD.decode(signature).map_err(|_| bad())?;
    let keys = keys(&shop).await?;
    if !token::is_signed(&keys, &method, signed.join("&").as_bytes(), &signature) {
        return Err(bad());
    }
    let (id, indexes) = logout(&message).ok_or_else(bad)?;
    for index in indexes {
        shop.federated.end_index(party.slug, &index);
    }
    let answer = logout_response(&shop, party, &id)?;
    let mut pairs = vec![("SAMLResponse", answer.as_str())];
    let state = plain("RelayState");
    pairs.extend(state.as_deref().map(|state| ("RelayState", state)));
    let to = format!("{}/logout", party.asked_at(&shop));
    Ok(see_other(&redirect(&shop, &to, &pairs)?, &[]))
}

/// The id of a `LogoutRequest`, and the sessions it names.
fn logout(message: &str) -> Option<(String, Vec<String>)> {
    let packed = STANDARD.decode(message).ok()?;
    let mut bytes = Vec::new();
    DeflateDecoder::new(packed.as_slice()).take(LARGEST).read_to_end(&mut bytes).ok()?;
    let document = xml::read(&bytes, &Limits::MESSAGE).ok()?;
    let request = document.unverified();
    if !request.is(Name::new(PROTOCOL, "LogoutRequest")) {
        return None;
    }
    let indexes = request.children_named(Name::new(PROTOCOL, "SessionIndex"));
    let indexes: Vec<String> = indexes.filter_map(|index| index.text().ok()).collect();
    Some((request.attribute("ID")?.to_owned(), indexes))
}

fn logout_response(shop: &Shop, party: &Party, id: &str) -> Result<String, Problem> {
    let time = now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let message = format!(
        "<samlp:LogoutResponse xmlns:samlp=\"{PROTOCOL}\" ID=\"_{}\" Version=\"2.0\" IssueInstant=\"{time}\" \
         Destination=\"{}/logout\" InResponseTo=\"{}\"><saml:Issuer xmlns:saml=\"{SAML20}\">{}</saml:Issuer>\
         <samlp:Status><samlp:StatusCode Value=\"{SUCCESS}\"/></samlp:Status></samlp:LogoutResponse>",
        random(),
        text(shop, &party.asked_at(shop))?,
        text(shop, id)?,
        text(shop, &party.name(shop))?,
    );
    packed(shop, &message)
}

/// Our metadata, for the provider; `understudy client add --saml-metadata` reads it too.
pub async fn metadata(shop: Data<Shop>, slug: Path<String>) -> Answer {
    let party = party(&shop, &slug)?;
    if party.speaks != Speaks::Saml {
        return Err(crate::pages::missing(&shop));
    }
    let (name, home) = (text(&shop, &party.name(&shop))?, text(&shop, &party.home(&shop))?);
    let document = format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{name}\">\
         <md:SPSSODescriptor protocolSupportEnumeration=\"{PROTOCOL}\" WantAssertionsSigned=\"true\">\
         <md:SingleLogoutService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" \
         Location=\"{home}/logout\"/>\
         <md:AssertionConsumerService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" \
         Location=\"{home}/answer\" index=\"0\" isDefault=\"true\"/>\
         </md:SPSSODescriptor></md:EntityDescriptor>"
    );
    Ok(HttpResponse::Ok().content_type("application/samlmetadata+xml").body(document))
}
