use super::Oauth2;
use super::answer::with_refusal;
use super::metadata::document;
use super::parameters::OauthParameters as Sent;
use super::request::{self, BadAuthorizeRequest as Bad, is_registered};
use crate::authentication::with_password;
use crate::domain::client::{
    AuthMethod, Client, ClientImpersonation, ClientKind, GrantType, SigningAlgorithm,
};
use crate::domain::protocol::{ProtocolName, Redeem};
use crate::domain::scope::Scopes;
use crate::domain::user::{Profile, User, UserKind};
use crate::domain::{ClientId, Status, Timestamp, UserId};
use crate::flows::login::authorize::Ask;
use crate::login::{
    Answer, Login, LoginRequest, Parameters, Principal, Protocol, ResponseMode, testing,
};
use proptest::prelude::*;
use std::sync::Arc;

const ISSUER: &str = "https://id.example";
const CALLBACK: &str = "https://rp.example/cb";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn client(kind: ClientKind, redirect_uris: &[&str]) -> Client {
    Client {
        id: ClientId::parse("shop").unwrap(),
        name: "Shop".into(),
        organization: None,
        status: Status::Active,
        kind,
        first_party: true,
        auth_method: AuthMethod::None,
        secret_hashes: Vec::new(),
        jwks: None,
        redirect_uris: redirect_uris.iter().map(|uri| (*uri).to_owned()).collect(),
        post_logout_redirect_uris: Vec::new(),
        initiate_login_uri: None,
        backchannel_logout_uri: None,
        grant_types: vec![GrantType::AuthorizationCode],
        scopes: Scopes::default(),
        api_scopes: Vec::new(),
        audiences: vec!["https://api.example".into()],
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
        saml: None,
        wsfed: None,
        box_: None,
    }
}

/// A good request of a confidential application; `changed` in place of its parameters.
fn read_as(kind: ClientKind, changed: &[(&str, Option<&str>)]) -> Result<Ask, Bad> {
    let changed: Vec<_> =
        changed.iter().map(|(name, value)| (*name, value.map(str::to_owned))).collect();
    let good = format!(
        "client_id=shop&redirect_uri={CALLBACK}&response_type=code&scope=openid&state=s&nonce=n"
    );
    let good = Sent::of_form(good.as_bytes()).unwrap();
    let sent = Sent::of_form(good.query_with(&changed).as_bytes()).unwrap();
    request::read(&Arc::new(client(kind, &[CALLBACK])), &sent, ISSUER)
}

fn read(changed: &[(&str, Option<&str>)]) -> Result<Ask, Bad> {
    read_as(ClientKind::Web, changed)
}

fn error_of(asked: &Result<Ask, Bad>) -> &'static str {
    match asked {
        Ok(_) => "accepted",
        Err(Bad::Here(_)) => "here",
        Err(Bad::There(_, refusal)) => refusal.words().0,
    }
}

fn user() -> User {
    User {
        id: UserId::parse("ada").unwrap(),
        kind: UserKind::Person,
        status: Status::Active,
        organization: None,
        profile: Profile::default(),
        permissions: std::iter::empty::<String>().collect(),
        owner: None,
    }
}

fn answered(request: &LoginRequest) -> Answer {
    let now = Timestamp::from_timestamp(1_800_000_000, 0).unwrap();
    let principal = Principal::from(with_password(user(), true, now).unwrap());
    let client = client(ClientKind::Web, &[CALLBACK]);
    let told = Oauth2.answer(&Login {
        principal: &principal,
        request,
        client: &client,
        issuer: ISSUER,
        code: "c+d",
        id: "grt_1",
        now: principal.authenticated_at(),
        signer: testing::signer(),
        pairwise: &testing::pairwise(),
    });
    told.unwrap().answer
}

fn to(answer: Answer) -> String {
    match answer {
        Answer::Redirect(to) => to,
        Answer::FormPost { action, fields } => format!("{action} {fields:?}"),
        Answer::WebMessage { origin, fields } => format!("{origin} {fields:?}"),
    }
}

#[test]
fn c01_a_look_alike_of_a_redirect_uri_is_not_registered() {
    let client = client(ClientKind::Web, &[CALLBACK, "http://127.0.0.1/cb"]);
    assert!(is_registered(&client, CALLBACK));
    for other in [
        "https://rp.example/CB",
        "https://RP.example/cb",
        "https://rp.example/cb/",
        "https://rp.example/cb/../x",
        "https://rp.example/cb%2f",
        "https://rp.example/cb?x=1",
        "https://rp.example/cb#f",
        "https://rp.example/cb?",
        "https://rp.example:443/cb",
        "https://rp.example:443@evil.example/cb",
        "https://rp.example.evil/cb",
        "https://rp.example\\.evil/cb",
        "https://rp.example/\tcb",
        "https://rp.example/cb\n",
        "http://rp.example/cb",
        "https://rp.example:8443/cb",
        "https://rp.exampl\u{435}/cb",
        " https://rp.example/cb",
        "http://127.0.0.1:5000/cb",
        "http://localhost/cb",
        "",
    ] {
        assert!(!is_registered(&client, other), "{other:?}");
        let asked = read(&[("redirect_uri", Some(other))]);
        assert_eq!(error_of(&asked), "here", "{other:?}");
    }
}

#[test]
fn c02_and_c03_a_registered_query_is_kept_and_no_other_is_taken() {
    let client = client(ClientKind::Web, &["https://rp.example/cb?a=1"]);
    for other in ["cb?a=1&b=2", "cb?a=2", "cb", "cb?a=1&a=1"] {
        assert!(!is_registered(&client, &format!("https://rp.example/{other}")), "{other}");
    }
    assert!(is_registered(&client, "https://rp.example/cb?a=1"));
    let mut request = read(&[]).ok().unwrap().request;
    request.return_url = "https://rp.example/cb?a=1".into();
    assert!(
        to(answered(&request)).starts_with("https://rp.example/cb?a=1&code=c%2Bd&state=s&iss=")
    );
}

#[test]
fn c04_the_port_of_a_native_application_on_a_loopback_address_is_its_own_matter() {
    let registered = ["http://127.0.0.1/cb", "http://[::1]:7000/cb"];
    let native = client(ClientKind::Native, &registered);
    for good in ["http://127.0.0.1:51004/cb", "http://127.0.0.1/cb", "http://[::1]:1/cb"] {
        assert!(is_registered(&native, good), "{good}");
        let web = client(ClientKind::Web, &registered);
        assert_eq!(is_registered(&web, good), registered.contains(&good), "{good}");
    }
    for other in [
        "http://localhost:51004/cb",
        "https://127.0.0.1:51004/cb",
        "http://127.0.0.1:51004/other",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:99999/cb",
        "http://127.0.0.1:80@evil.example/cb",
        "http://127.0.0.1.evil.example/cb",
        "http://127.0.0.1:1/cb?x=1",
        "http://127.0.0.2:1/cb",
        "http://[::1]evil/cb",
    ] {
        assert!(!is_registered(&native, other), "{other}");
    }
}

#[test]
fn c05_a_request_without_redirect_uri_leads_nowhere() {
    assert_eq!(error_of(&read(&[("redirect_uri", None)])), "here");
}

#[test]
fn c09_and_c10_only_code_is_a_response_type() {
    assert_eq!(error_of(&read(&[("response_type", None)])), "invalid_request");
    for other in ["foo", "token", "token code", "id_token", "code id_token", "CODE", "none"] {
        let asked = read(&[("response_type", Some(other))]);
        assert_eq!(error_of(&asked), "unsupported_response_type", "{other}");
    }
    let Err(Bad::There(reply, _)) = read(&[("response_type", Some("token"))]) else { panic!() };
    assert_eq!(reply.mode, ResponseMode::Fragment);
}

#[test]
fn c13_a_public_application_needs_a_challenge() {
    for kind in [ClientKind::Spa, ClientKind::Native] {
        assert_eq!(error_of(&read_as(kind, &[])), "invalid_request");
        let with = [("code_challenge", Some(CHALLENGE)), ("code_challenge_method", Some("S256"))];
        assert_eq!(error_of(&read_as(kind, &with)), "accepted");
    }
}

#[test]
fn c14_a_challenge_is_s256_or_refused() {
    for method in [None, Some("plain"), Some("s256"), Some("S512")] {
        let with = [("code_challenge", Some(CHALLENGE)), ("code_challenge_method", method)];
        assert_eq!(error_of(&read(&with)), "invalid_request", "{method:?}");
    }
    for challenge in ["", "short", &CHALLENGE[1..], &format!("{CHALLENGE}A"), &"=".repeat(43)] {
        let with = [("code_challenge", Some(challenge)), ("code_challenge_method", Some("S256"))];
        assert_eq!(error_of(&read(&with)), "invalid_request", "{challenge}");
    }
}

#[test]
fn c11_and_c44_every_answer_names_the_issuer_and_escapes_what_was_sent() {
    let state = "\"><script>\u{2028}&x=1#f \r\nLocation: evil";
    for mode in ["query", "fragment", "form_post"] {
        let ask = read(&[("state", Some(state)), ("response_mode", Some(mode))]).ok().unwrap();
        match answered(&ask.request) {
            Answer::Redirect(to) => {
                let (_, sent) = to.split_once(['?', '#']).unwrap();
                let sent = Sent::of_form(sent.as_bytes()).unwrap();
                assert_eq!(sent.get("state"), Some(state));
                assert_eq!((sent.get("iss"), sent.get("code")), (Some(ISSUER), Some("c+d")));
                assert!(to.is_ascii() && !to.contains(['<', '"', '\r', '\n', ' ']), "{to}");
            }
            Answer::FormPost { action, fields } => {
                assert_eq!((action.as_str(), mode), (CALLBACK, "form_post"));
                assert!(fields.contains(&("state", state.to_owned())));
                assert!(fields.contains(&("iss", ISSUER.to_owned())));
            }
            Answer::WebMessage { .. } => panic!("{mode}"),
        }
    }
    let Err(Bad::There(reply, refusal)) = read(&[("prompt", Some("none login"))]) else { panic!() };
    let told = to(with_refusal(&reply, refusal, ISSUER));
    assert!(told.starts_with("https://rp.example/cb?error=invalid_request&"), "{told}");
    assert!(told.ends_with("&state=s&iss=https%3A%2F%2Fid.example"), "{told}");
}

#[test]
fn c57_a_state_that_was_not_given_is_absent_and_never_empty() {
    for state in [None, Some("")] {
        let ask = read(&[("state", state), ("nonce", None)]).ok().unwrap();
        assert!(ask.request.state.is_none() && ask.request.nonce.is_none());
        assert!(!to(answered(&ask.request)).contains("state"));
    }
}

#[test]
fn c47_and_c48_long_values_come_back_whole() {
    let (nonce, state) = ("n".repeat(384), "s".repeat(8192));
    let ask = read(&[("nonce", Some(&nonce)), ("state", Some(&state))]).ok().unwrap();
    assert_eq!(ask.request.nonce.as_deref(), Some(nonce.as_str()));
    assert!(to(answered(&ask.request)).contains(&state));
}

#[test]
fn c49_and_c50_odd_prompts_and_ages_are_refused() {
    for prompt in ["none login", "login none", "none consent", "Login", "create"] {
        assert_eq!(error_of(&read(&[("prompt", Some(prompt))])), "invalid_request", "{prompt}");
    }
    for age in ["-1", "+1", "x", "1.5", "9999999999999999999999", " 1", "0x1"] {
        assert_eq!(error_of(&read(&[("max_age", Some(age))])), "invalid_request", "{age}");
    }
    let ask = read(&[("prompt", Some("consent login")), ("max_age", Some("10000"))]).ok().unwrap();
    assert!(ask.prompt.login && ask.prompt.consent && ask.max_age == Some(10_000));
}

#[test]
fn c52_unknown_parameters_are_left_alone() {
    let odd = "\"><x";
    let extra = ["display", "ui_locales", "login_hint", "unknown", "claims", "acr_values"];
    let extra: Vec<_> = extra.iter().map(|name| (*name, Some(odd))).collect();
    assert_eq!(error_of(&read(&extra)), "accepted");
}

#[test]
fn c53_a_request_object_is_never_half_used() {
    for (name, error) in [
        ("request", "request_not_supported"),
        ("request_uri", "request_uri_not_supported"),
        ("registration", "registration_not_supported"),
    ] {
        assert_eq!(error_of(&read(&[(name, Some("x")), ("response_type", None)])), error);
    }
}

#[test]
fn an_audience_is_our_own_or_registered() {
    let audience = |text: &str| {
        read(&[("audience", Some(text))]).map(|ask| ask.request.audience).map_err(|_| ())
    };
    for own in ["https://id.example", "https://id.example/userinfo", "https://id.example/api/v2/"] {
        assert_eq!(audience(own), Ok(None), "{own}");
    }
    // An empty path and `/` are one address; the token says the registered spelling.
    for spelling in ["https://api.example", "https://api.example/"] {
        assert_eq!(audience(spelling), Ok(Some("https://api.example".into())), "{spelling}");
    }
    for other in ["https://id.example.evil", "https://api.example/x", "x"] {
        assert_eq!(error_of(&read(&[("audience", Some(other))])), "invalid_target", "{other}");
    }
    let both =
        [("audience", Some("https://api.example")), ("resource", Some("https://id.example"))];
    assert_eq!(error_of(&read(&both)), "invalid_target");
}

#[test]
fn an_application_of_another_protocol_asks_in_vain() {
    for kind in [ClientKind::Machine, ClientKind::Global, ClientKind::Saml] {
        assert_eq!(error_of(&read_as(kind, &[])), "unauthorized_client", "{kind:?}");
    }
}

fn unsolicited(kind: ClientKind, given: &[(&str, &str)]) -> Result<LoginRequest, &'static str> {
    let given: Parameters =
        given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let client = client(kind, &[CALLBACK, "https://rp.example/other"]);
    Oauth2.unsolicited(&client, &given).map_err(|bad| bad.field)
}

#[test]
fn an_unsolicited_request_has_the_defaults_of_the_contract() {
    let request = unsolicited(ClientKind::Web, &[]).ok().unwrap();
    assert_eq!((request.protocol, request.return_url.as_str()), (ProtocolName::Oauth2, CALLBACK));
    assert_eq!(request.scope.to_string(), "openid");
    assert!(request.state.is_none() && request.response_mode == ResponseMode::Query);
    let chosen = [("callback_url", "https://rp.example/other"), ("response_mode", "form_post")];
    let request = unsolicited(ClientKind::Web, &chosen).ok().unwrap();
    assert_eq!(request.return_url, "https://rp.example/other");
}

#[test]
fn an_unsolicited_code_for_a_public_application_needs_a_challenge() {
    assert_eq!(unsolicited(ClientKind::Spa, &[]).err(), Some("code_challenge"));
    let with = [("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
    assert!(unsolicited(ClientKind::Spa, &with).is_ok());
    for (field, value) in [
        ("response_type", "token"),
        ("response_mode", "x"),
        ("scope", "a\"b"),
        ("audience", "https://other.example"),
    ] {
        assert_eq!(unsolicited(ClientKind::Web, &[(field, value)]).err(), Some(field));
    }
}

#[test]
fn c94_discovery_says_what_is_there() {
    let document = document(ISSUER);
    assert_eq!(document["issuer"], ISSUER);
    assert_eq!(document["code_challenge_methods_supported"], serde_json::json!(["S256"]));
    assert_eq!(document["authorization_response_iss_parameter_supported"], true);
    insta::assert_json_snapshot!(document);
}

proptest! {
    #[test]
    fn c01_no_text_but_the_registered_one_is_a_redirect_uri(text in "\\PC{0,60}") {
        let client = client(ClientKind::Web, &[CALLBACK]);
        prop_assert_eq!(is_registered(&client, &text), text == CALLBACK);
    }

    #[test]
    fn no_parameters_make_it_fall_over(
        name in "(prompt|max_age|scope|acr_values|claims|response_type|response_mode|nonce|code_challenge|audience)",
        value in "\\PC{0,80}",
    ) {
        let _ = error_of(&read(&[(&name, Some(&value))]));
    }

    #[test]
    fn no_native_redirect_uri_makes_it_fall_over(rest in "[0-9:/@.\\[\\]a-z]{0,30}") {
        let native = client(ClientKind::Native, &["http://127.0.0.1/cb"]);
        let uri = format!("http://127.0.0.1{rest}");
        if is_registered(&native, &uri) {
            let parsed = url::Url::parse(&uri).unwrap();
            prop_assert_eq!(parsed.host_str(), Some("127.0.0.1"));
            prop_assert_eq!(parsed.path(), "/cb");
        }
    }
}
