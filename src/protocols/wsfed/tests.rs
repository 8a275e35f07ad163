use super::claims::split;
use super::parameters::{LONGEST, SentParameters};
use super::refusal::BadWsfedRequest;
use super::request::{WsfedAction, action};
use super::wreq;
use crate::domain::federation::{TokenForm, TokenVersion, TrustVersion};
use proptest::prelude::*;

fn sent(text: &str) -> Result<SentParameters, BadWsfedRequest> {
    SentParameters::read(text.as_bytes())
}

#[test]
fn e10_a_parameter_stands_once_and_what_is_to_be_done_is_known() {
    assert_eq!(sent("wa=a&wa=a").err(), Some(BadWsfedRequest::Twice));
    assert_eq!(sent("wa=%zz").err(), Some(BadWsfedRequest::Unreadable));
    assert_eq!(sent(&"x".repeat(LONGEST + 1)).err(), Some(BadWsfedRequest::TooLong));
    let said = |text: &str| sent(text).and_then(|sent| action(&sent));
    assert_eq!(said("wa=wsignin1.0&wctx=x"), Ok(WsfedAction::SignIn));
    assert_eq!(said("wa=wsignout1.0"), Ok(WsfedAction::SignOut));
    assert_eq!(said("wa=wsignoutcleanup1.0"), Ok(WsfedAction::Cleanup));
    for text in ["", "wa=", "wa=wsignin1.0%20", "wa=WSIGNIN1.0", "wa=wattr1.0"] {
        assert_eq!(said(text), Err(BadWsfedRequest::Action), "{text}");
    }
}

#[test]
fn a_claim_is_put_together_again_as_it_was() {
    for (name, namespace, last) in [
        ("http://schemas.auth0.com/impersonated", "http://schemas.auth0.com", "impersonated"),
        ("https://shop.test/a/b", "https://shop.test/a", "b"),
        ("role", "http://schemas.auth0.com", "role"),
        ("urn:oid:1.2", "http://schemas.auth0.com", "urn:oid:1.2"),
        ("https://shop.test/", "http://schemas.auth0.com", "https://shop.test/"),
    ] {
        assert_eq!(split(name), (namespace, last), "{name}");
    }
}

#[test]
fn e07_a_token_request_is_read_for_its_form_and_nothing_else() {
    const OLD: &str = "http://schemas.xmlsoap.org/ws/2005/02/trust";
    const NEW: &str = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";
    let ask = |trust: &str, inner: &str| {
        wreq::read(&format!(
            "<t:RequestSecurityToken xmlns:t=\"{trust}\">{inner}</t:RequestSecurityToken>"
        ))
    };
    let form = |token, trust| Ok(TokenForm { token, trust: Some(trust) });
    assert_eq!(ask(OLD, ""), form(None, TrustVersion::Feb2005));
    let kind = "<t:TokenType>urn:oasis:names:tc:SAML:2.0:assertion</t:TokenType><t:Other/>";
    assert_eq!(ask(NEW, kind), form(Some(TokenVersion::Saml20), TrustVersion::V13));
    for (trust, inner) in [
        ("urn:other", ""),
        (OLD, "<t:TokenType>urn:jwt</t:TokenType>"),
        (OLD, "<t:TokenType><t:x/></t:TokenType>"),
        (OLD, "<t:TokenType/><t:TokenType/>"),
        (OLD, "&x;"),
    ] {
        assert_eq!(ask(trust, inner), Err(BadWsfedRequest::Request), "{trust} {inner}");
    }
    let declared = format!("<!DOCTYPE a><t:RequestSecurityToken xmlns:t=\"{OLD}\"/>");
    assert_eq!(wreq::read(&declared), Err(BadWsfedRequest::Request));
    let long = format!("<t:RequestSecurityToken xmlns:t=\"{OLD}\">{}", " ".repeat(20_000));
    assert_eq!(wreq::read(&long), Err(BadWsfedRequest::Request));
}

proptest! {
    #[test]
    fn no_claim_name_has_an_empty_half(name in "\\PC{1,40}") {
        let (namespace, last) = split(&name);
        prop_assert!(!namespace.is_empty() && !last.is_empty());
    }

    #[test]
    fn no_request_makes_it_fall_over(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = SentParameters::read(&bytes).and_then(|sent| action(&sent));
        let _ = wreq::read(&String::from_utf8_lossy(&bytes));
    }
}
