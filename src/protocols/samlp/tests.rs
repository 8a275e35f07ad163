use super::Samlp;
use super::message::Received;
use super::metadata::SamlMetadata;
use super::refusal::{SamlRefusal, refuse};
use crate::authentication::with_password;
use crate::crypto::xml::{Element, Limits, Name, is_signed, read};
use crate::domain::client::{
    AuthMethod, Client, ClientImpersonation, ClientKind, SigningAlgorithm,
};
use crate::domain::federation::SamlSettings;
use crate::domain::protocol::{ProtocolName, Redeem};
use crate::domain::scope::Scopes;
use crate::domain::user::{Profile, User, UserKind};
use crate::domain::{ClientId, Status, Timestamp, UserId};
use crate::login::{
    Answer, Login, LoginRequest, Parameters, Principal, Protocol, ProtocolResponse, Unanswerable,
    testing,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

const ISSUER: &str = "https://id.example";
const ACS: &str = "https://sp.example/acs";
const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";

fn client(settings: SamlSettings) -> Client {
    Client {
        id: ClientId::parse("shop").unwrap(),
        name: "Shop".into(),
        organization: None,
        status: Status::Active,
        kind: ClientKind::Saml,
        first_party: true,
        auth_method: AuthMethod::None,
        secret_hashes: Vec::new(),
        jwks: None,
        redirect_uris: vec![ACS.to_owned()],
        post_logout_redirect_uris: Vec::new(),
        initiate_login_uri: None,
        backchannel_logout_uri: None,
        grant_types: Vec::new(),
        scopes: Scopes::default(),
        api_scopes: Vec::new(),
        audiences: Vec::new(),
        introspect: false,
        id_token_algorithm: SigningAlgorithm::Rs256,
        access_token_lifetime: 3600,
        impersonation: ClientImpersonation {
            enabled: true,
            redeem: Redeem::Direct,
            unsolicited: true,
            read_scopes: Scopes::default(),
            read_only: false,
        },
        saml: Some(Arc::new(settings)),
        wsfed: None,
        box_: None,
    }
}

fn settings() -> SamlSettings {
    SamlSettings {
        entity_id: "urn:test:sp".into(),
        acs_urls: vec![ACS.to_owned()],
        ..SamlSettings::default()
    }
}

fn request() -> LoginRequest {
    LoginRequest::plain(ProtocolName::Samlp, ClientId::parse("shop").unwrap(), ACS.to_owned())
}

fn now() -> Timestamp {
    Timestamp::from_timestamp(1_800_000_000, 0).unwrap()
}

fn answer(
    settings: SamlSettings,
    request: &LoginRequest,
    profile: Profile,
) -> Result<ProtocolResponse, Unanswerable> {
    let user = User {
        id: UserId::parse("ada").unwrap(),
        kind: UserKind::Person,
        status: Status::Active,
        organization: None,
        profile,
        permissions: std::iter::empty::<String>().collect(),
        owner: None,
    };
    let principal = Principal::from(with_password(user, true, now()).unwrap());
    Samlp.answer(&Login {
        principal: &principal,
        request,
        client: &client(settings),
        issuer: ISSUER,
        code: "a secret",
        id: "grt_1",
        now: now(),
        signer: testing::signer(),
        pairwise: &testing::pairwise(),
    })
}

fn xml(answer: &Answer) -> String {
    let Answer::FormPost { action, fields } = answer else { panic!("no form") };
    assert_eq!(action, ACS);
    let (name, value) = fields.first().unwrap();
    assert_eq!(*name, "SAMLResponse");
    String::from_utf8(STANDARD.decode(value).unwrap()).unwrap()
}

fn attributes(response: Element<'_>) -> Vec<(String, String)> {
    let assertion = response.required_child(Name::new(SAML, "Assertion")).unwrap();
    let statement = assertion.required_child(Name::new(SAML, "AttributeStatement")).unwrap();
    let name = |attribute: &Element<'_>| attribute.required("Name").unwrap().to_owned();
    let all = statement.children().flat_map(|attribute| {
        attribute.children().map(move |value| (name(&attribute), value.text().unwrap()))
    });
    all.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn d16_what_is_read_from_an_assertion_is_what_the_profile_says(
        name in "[\\PC\t\r\n<>&\"'\\]]{0,40}",
        nickname in "(</?saml:[A-Za-z]{1,9}>|<!--|\\]\\]>|&[a-z]{1,4};|\\PC){0,9}",
        state in "\\PC{0,40}",
    ) {
        let profile = Profile {
            name: Some(name.clone()), nickname: Some(nickname.clone()), ..Profile::default()
        };
        let mapping = [("a", "name"), ("b", "nickname")];
        let mapping = mapping.map(|(name, field)| (name.to_owned(), field.to_owned()));
        let settings = SamlSettings { attributes: BTreeMap::from(mapping), ..settings() };
        let request = LoginRequest { in_response_to: Some(format!("_{state}")), ..request() };
        let told = answer(settings, &request, profile).unwrap();
        let document = read(xml(&told.answer).as_bytes(), &Limits::MESSAGE).unwrap();
        let response = document.unverified();
        let expected = [("a".to_owned(), name), ("b".to_owned(), nickname)];
        prop_assert_eq!(attributes(response), expected);
        prop_assert_eq!(response.attribute("InResponseTo"), request.in_response_to.as_deref());
    }

    #[test]
    fn no_query_and_no_form_makes_it_fall_over(text in "(SAMLRequest|RelayState|SigAlg|Signature|&|=|%[0-9A-F]{2}|\\PC){0,20}") {
        let _ = Received::of_query(&text).map(|found| found.map(|found| found.read().is_ok()));
        let _ = Received::of_form(text.as_bytes());
    }

    #[test]
    fn nothing_deflated_makes_it_fall_over(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let text: String = url::form_urlencoded::byte_serialize(STANDARD.encode(bytes).as_bytes()).collect();
        let _ = Received::of_query(&format!("SAMLRequest={text}"));
    }
}

#[test]
fn d26_what_cannot_be_encrypted_is_not_said() {
    let certificate = Some(testing::signer().certificate().to_owned());
    let wanting = SamlSettings { encrypt_assertion: true, ..settings() };
    for unanswerable in [
        wanting.clone(),
        SamlSettings { encryption_certificate: Some("no key".into()), ..wanting.clone() },
        SamlSettings {
            encryption_certificate: certificate.clone(),
            encryption_algorithm: Some("urn:x".into()),
            ..wanting.clone()
        },
    ] {
        assert!(answer(unanswerable, &request(), Profile::default()).is_err());
    }
    let good = SamlSettings { encryption_certificate: certificate, ..wanting };
    let told = answer(good, &request(), Profile::default()).unwrap();
    let xml = xml(&told.answer);
    assert!(xml.contains("EncryptedAssertion") && !xml.contains("<saml:Assertion"), "{xml}");
    assert!(xml.contains("http://www.w3.org/2009/xmlenc11#aes256-gcm"), "{xml}");
}

#[test]
fn a_character_that_xml_does_not_have_is_refused_and_nobody_is_named() {
    for bad in ["\0", "a\u{1}b", "\u{fffe}"] {
        let profile = Profile { nickname: Some(bad.into()), ..Profile::default() };
        let told = answer(settings(), &request(), profile).unwrap();
        assert_eq!(told.name, None);
        let xml = xml(&told.answer);
        assert!(xml.contains("InvalidAttrNameOrValue") && !xml.contains("Assertion>"), "{xml}");
    }
}

#[test]
fn d37_every_no_is_signed_and_without_an_assertion() {
    for refusal in [
        SamlRefusal::NoPassive,
        SamlRefusal::NoAuthnContext,
        SamlRefusal::RequestDenied,
        SamlRefusal::InvalidNameIdPolicy,
        SamlRefusal::NoVerifiedEmail,
        SamlRefusal::UnsupportedBinding,
        SamlRefusal::RequestUnsupported,
        SamlRefusal::InvalidAttribute,
    ] {
        let told = refuse(&request(), refusal, (ISSUER, now(), testing::signer())).unwrap();
        let xml = xml(&told);
        let document = read(xml.as_bytes(), &Limits::MESSAGE).unwrap();
        assert!(is_signed(&document));
        let children = document.unverified().children().map(|child| child.local_name());
        assert_eq!(children.collect::<Vec<_>>(), ["Issuer", "Status"], "{xml}");
        assert!(!xml.contains("status:Success"), "{xml}");
    }
}

#[test]
fn a_pairwise_name_is_of_one_user_at_one_application() {
    let format = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent".to_owned();
    let request = LoginRequest { name_id_format: Some(format), ..request() };
    let named = |entity_id: &str| {
        let settings = SamlSettings { entity_id: entity_id.into(), ..settings() };
        answer(settings, &request, Profile::default()).unwrap().name.unwrap().value
    };
    assert_eq!(named("urn:a"), named("urn:a"));
    assert_ne!(named("urn:a"), named("urn:b"));
}

#[test]
fn an_impersonation_request_needs_nothing_but_an_address() {
    let shop = client(settings());
    let read = |pairs: &[(&str, &str)]| {
        let sent = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Samlp.unsolicited(&shop, &sent.collect::<Parameters>())
    };
    let plain = read(&[("response_type", "code"), ("scope", "openid"), ("state", "")]).unwrap();
    assert_eq!((plain.return_url.as_str(), plain.state), (ACS, None));
    let other = read(&[("callback_url", "https://other.example/"), ("state", "s")]).unwrap();
    assert_eq!(other.return_url, "https://other.example/");
    assert_eq!((other.state.as_deref(), other.in_response_to), (Some("s"), None));
    assert_eq!(read(&[("state", &"x".repeat(2049))]).err().unwrap().field, "state");
    let none = Client { redirect_uris: Vec::new(), ..client(settings()) };
    assert_eq!(Samlp.unsolicited(&none, &Parameters::new()).err().unwrap().field, "callback_url");
}

#[test]
fn metadata_can_be_read_by_people() {
    let shop = client(SamlSettings { require_signed_requests: true, ..settings() });
    let metadata = SamlMetadata::new(ISSUER, Some(&shop), ["MIIB", "MIIC"].into_iter()).unwrap();
    insta::assert_snapshot!(metadata.write().unwrap().replace("><", ">\n<"));
}

#[test]
fn k27_a_request_stands_as_long_as_its_application_does_not_change() {
    use crate::login::LoginRequest;
    use crate::protocols::common::checked::{Checked, SealedRequest};
    let now = "2026-01-01T12:00:00Z".parse().unwrap();
    let shop = client(settings());
    let plain = LoginRequest::plain(ProtocolName::Samlp, shop.id.clone(), ACS.to_owned());
    let sealed = SealedRequest::new(Checked::plain(plain), &shop, now);
    assert!(sealed.stands(&shop, now));
    assert!(sealed.stands(&shop.clone(), now + chrono::Duration::minutes(59)));
    assert!(!sealed.stands(&shop, now + chrono::Duration::minutes(60)));
    let changed = [
        client(SamlSettings { certificates: vec!["new".into()], ..settings() }),
        client(SamlSettings { require_signed_requests: true, ..settings() }),
        Client { redirect_uris: vec![ACS.to_owned(), "https://x.test".into()], ..shop.clone() },
        Client { status: Status::Inactive, ..shop.clone() },
    ];
    for other in changed {
        assert!(!sealed.stands(&other, now), "{other:?}");
    }
}
