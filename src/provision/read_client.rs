//! The section `clients`.
use super::file::{LeftOut, WantedClient};
use super::names::{EntryNames, check_id, read_reset, read_status};
use super::read_rooms::{self, Rooms};
use super::section::FileSection;
use super::section::check_line;
use crate::crypto::{hash, jwk};
use crate::domain::api_scope::ApiScope;
use crate::domain::client::{AuthMethod, ClientKind, GrantType, SigningAlgorithm};
use crate::domain::protocol::ProtocolName;
use crate::domain::registered_uri::{check_redirect, check_web};
use crate::domain::scope::Scopes;
use crate::store::applications::write::ClientRecord;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use std::collections::HashSet;

const LONGEST_LIFETIME: i32 = 86_400;

pub(super) fn read_all(top: &FileSection<'_>, names: &EntryNames) -> Vec<WantedClient> {
    let mut seen = HashSet::new();
    let mut rooms = Rooms::default();
    let sections = top.sections("clients").into_iter();
    sections.map(|section| read_one(section, names, &mut seen, &mut rooms)).collect()
}

fn read_one(
    section: FileSection<'_>,
    names: &EntryNames,
    seen: &mut HashSet<String>,
    rooms: &mut Rooms,
) -> WantedClient {
    let id = section.required("client_id").unwrap_or_default();
    check_id(&section, "client_id", &id, seen);
    if !section.gives("kind") {
        section.missing("kind");
    }
    let words = ClientKind::ALL.map(ClientKind::as_str);
    let kind = section.word("kind", &words).and_then(ClientKind::parse).unwrap_or(ClientKind::Web);
    if kind.reserved_ids().contains(&id.as_str()) {
        section.wrong("client_id", format!("`{id}` is an address of ours already: /samlp/{id}"));
    }
    let (status, left_out) = read_status(&section);
    let secrets = ["client_secret", "client_secret_hash"];
    let reset = read_reset(&section, "client_secret_reset", secrets);
    let left_out = LeftOut { reset, ..left_out };
    let proof = read_proof(&section, kind);
    let rooms = rooms.read(&section, kind);
    let (valid_until, notices) = (rooms.valid_until, rooms.notices);
    let redirect = |key| section.checked(key, |uri| check_redirect(uri, kind)).unwrap_or_default();
    let redirect_uris = redirect("redirect_uris");
    let initiate_login_uri = section.checked_text("initiate_login_uri", check_web);
    let acting = read_impersonation(&section, kind, initiate_login_uri.is_some());
    let organization_id = names.organization(&section);
    let box_ = read_rooms::read_box(&section, (names, kind, organization_id.as_deref()));
    let record = ClientRecord {
        organization_id,
        name: section.checked_text("name", check_line).unwrap_or_else(|| id.clone()),
        status,
        kind: kind.as_str().to_owned(),
        first_party: section.flag("first_party").unwrap_or(true),
        auth_method: proof.method.as_str().to_owned(),
        jwks: proof.jwks,
        redirect_uris: rooms.redirect_uris.unwrap_or(redirect_uris),
        post_logout_redirect_uris: redirect("post_logout_redirect_uris"),
        initiate_login_uri,
        backchannel_logout_uri: section.checked_text("backchannel_logout_uri", check_web),
        grant_types: read_grant_types(&section, kind, proof.method),
        scopes: section.checked("scopes", check_scope).unwrap_or_default(),
        api_scopes: read_api_scopes(&section, kind),
        audiences: section.checked("audiences", check_line).unwrap_or_default(),
        introspect: read_introspect(&section, kind),
        id_token_algorithm: section
            .word(
                "id_token_signed_response_alg",
                &SigningAlgorithm::ALL.map(SigningAlgorithm::as_str),
            )
            .unwrap_or("RS256")
            .to_owned(),
        access_token_lifetime: read_lifetime(&section),
        impersonation_enabled: acting.enabled,
        redeem: acting.redeem.to_owned(),
        unsolicited: acting.unsolicited,
        read_scopes: acting.read_scopes,
        read_only: acting.read_only,
        saml: rooms.saml,
        wsfed: rooms.wsfed,
        box_,
        id,
    };
    section.finish();
    WantedClient { record, secret_hash: proof.secret_hash, left_out, valid_until, notices }
}

/// How the application shows who it is.
struct ClientProof {
    method: AuthMethod,
    jwks: Option<Value>,
    secret_hash: Option<Vec<u8>>,
}

fn read_proof(section: &FileSection<'_>, kind: ClientKind) -> ClientProof {
    const METHODS: [&str; 4] =
        ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
    let secret_hash = read_secret(section);
    let jwks = section.object("jwks");
    if jwks.as_ref().is_some_and(|jwks| !jwk::parse_set(jwks).is_ok_and(|keys| !keys.is_empty())) {
        section.wrong(
            "jwks",
            "holds no usable public keys (RFC 7517: RSA from 2048 bits, P-256, Ed25519)",
        );
    }
    let given = section.word("token_endpoint_auth_method", &METHODS).and_then(AuthMethod::parse);
    let method = given.unwrap_or(match jwks {
        Some(_) => AuthMethod::PrivateKeyJwt,
        None => kind.default_auth_method(),
    });
    check_proof(section, kind, method);
    ClientProof { method, jwks, secret_hash }
}

/// A secret that is never asked for would be a false comfort, and a method without its secret a locked door.
fn check_proof(section: &FileSection<'_>, kind: ClientKind, method: AuthMethod) {
    let secret = ["client_secret", "client_secret_hash"].into_iter().find(|key| section.gives(key));
    if !kind.is_confidential() && (method != AuthMethod::None || secret.is_some()) {
        let key = secret.unwrap_or("token_endpoint_auth_method");
        section.wrong(key, format!("an application of kind {} keeps no secret", kind.as_str()));
        return;
    }
    match method {
        AuthMethod::PrivateKeyJwt => {
            if let Some(key) = secret {
                section.wrong(key, "is not used with private_key_jwt");
            }
            if !section.gives("jwks") {
                section.wrong("token_endpoint_auth_method", "private_key_jwt needs `jwks`");
            }
        }
        AuthMethod::None => {
            if let Some(key) = secret.or_else(|| section.gives("jwks").then_some("jwks")) {
                section.wrong(key, "is not used when token_endpoint_auth_method is none");
            }
            if matches!(kind, ClientKind::Global | ClientKind::Machine) {
                let problem = format!("a client of kind {} must show who it is", kind.as_str());
                section.wrong("token_endpoint_auth_method", problem);
            }
        }
        AuthMethod::ClientSecret | AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost => {
            if section.gives("jwks") {
                section.wrong("jwks", "is used with private_key_jwt only");
            }
        }
    }
}

fn read_secret(section: &FileSection<'_>) -> Option<Vec<u8>> {
    let plain = section.text("client_secret");
    let hashed = section.text("client_secret_hash");
    if plain.is_some() && hashed.is_some() {
        section.wrong("client_secret_hash", "stands beside `client_secret`; give one of them");
    }
    if let Some(plain) = plain {
        return Some(hash::hash_secret(&plain));
    }
    let digest = parse_digest(&hashed?);
    if digest.is_none() {
        section.wrong("client_secret_hash", "must be `sha256:` and the digest in hex or base64url");
    }
    digest
}

fn parse_digest(text: &str) -> Option<Vec<u8>> {
    let digest = text.strip_prefix("sha256:")?;
    let bytes = if digest.len() == 64 {
        let octet = |nth: usize| u8::from_str_radix(digest.get(nth * 2..nth * 2 + 2)?, 16).ok();
        (0..32).map(octet).collect::<Option<Vec<u8>>>()?
    } else {
        URL_SAFE_NO_PAD.decode(digest.trim_end_matches('=')).ok()?
    };
    (bytes.len() == 32).then_some(bytes)
}

struct ActingSettings {
    enabled: bool,
    redeem: &'static str,
    unsolicited: bool,
    read_scopes: Vec<String>,
    read_only: bool,
}

/// An application that does not mention impersonation takes no part in it.
fn read_impersonation(
    section: &FileSection<'_>,
    kind: ClientKind,
    initiates: bool,
) -> ActingSettings {
    let signs_in = ProtocolName::ALL.into_iter().any(|protocol| kind.speaks(protocol));
    let unsolicited = signs_in && !initiates;
    let Some(acting) = section.section("impersonation") else {
        return ActingSettings {
            enabled: false,
            redeem: "confirm",
            unsolicited,
            read_scopes: Vec::new(),
            read_only: false,
        };
    };
    let enabled = acting.flag("enabled").unwrap_or(true);
    let redeem = acting.word("redeem", &["confirm", "direct"]).unwrap_or("confirm");
    let unsolicited = acting.flag("unsolicited").unwrap_or(unsolicited);
    if enabled && signs_in && !unsolicited && !initiates {
        acting.wrong("unsolicited", "needs an `initiate_login_uri` to go on to when it is false");
    }
    let read_scopes = acting.checked("read_scopes", check_read_scope).unwrap_or_default();
    let read_only = acting.flag("read_only").unwrap_or(false);
    acting.finish();
    ActingSettings { enabled, redeem, unsolicited, read_scopes, read_only }
}

fn read_grant_types(
    section: &FileSection<'_>,
    kind: ClientKind,
    method: AuthMethod,
) -> Vec<String> {
    let given = section.checked("grant_types", |name| check_grant_type(name, kind, method));
    given.unwrap_or_else(|| {
        kind.default_grant_types().iter().map(|grant| grant.as_str().to_owned()).collect()
    })
}

fn check_grant_type(name: &str, kind: ClientKind, method: AuthMethod) -> Result<(), String> {
    let grant = GrantType::parse(name).ok_or_else(|| {
        format!("is none of: {}", GrantType::ALL.map(GrantType::as_str).join(", "))
    })?;
    let fits = match grant {
        // RFC 6749 §4.4, and ours for RFC 8693: only for an application that shows who it is.
        GrantType::ClientCredentials | GrantType::TokenExchange => {
            kind.is_confidential() && method != AuthMethod::None
        }
        GrantType::AuthorizationCode | GrantType::RefreshToken => kind.speaks(ProtocolName::Oauth2),
    };
    if fits {
        Ok(())
    } else {
        Err(format!("is not for an application of kind {} like this", kind.as_str()))
    }
}

/// Scopes of our own APIs are for the operator's and the organizations' own applications: who signs in to somebody
/// else's has not chosen it as one that manages this server. The file, the console and `client add` all read here.
fn read_api_scopes(section: &FileSection<'_>, kind: ClientKind) -> Vec<String> {
    let scopes = section.checked("api_scopes", check_api_scope).unwrap_or_default();
    let third_party = section.flag("first_party") == Some(false);
    if third_party && kind == ClientKind::Global {
        section.wrong("first_party", "the global client is one of our own applications");
    }
    let gets_tokens = !matches!(kind, ClientKind::Saml | ClientKind::Wsfed);
    if !scopes.is_empty() && !gets_tokens {
        let problem = format!("an application of kind {} gets no access tokens", kind.as_str());
        section.wrong("api_scopes", problem);
    } else if !scopes.is_empty() && third_party {
        section.wrong("api_scopes", "a third-party application (first_party: false) has none");
    }
    scopes
}

fn check_api_scope(scope: &str) -> Result<(), String> {
    match ApiScope::parse(scope) {
        Some(_) => Ok(()),
        None => Err(format!("is none of: {}", ApiScope::ALL.map(ApiScope::as_str).join(", "))),
    }
}

/// Only an application that shows who it is may ask about tokens ([RFC 7662 §2.1]).
///
/// [RFC 7662 §2.1]: https://www.rfc-editor.org/rfc/rfc7662#section-2.1
fn read_introspect(section: &FileSection<'_>, kind: ClientKind) -> bool {
    let introspect = section.flag("introspect").unwrap_or(false);
    if introspect && !kind.is_confidential() {
        let problem = format!("an application of kind {} keeps no secret", kind.as_str());
        section.wrong("introspect", problem);
    }
    introspect
}

/// What a read-only impersonation keeps may be `forward-auth`, which judges each method.
fn check_read_scope(scope: &str) -> Result<(), String> {
    if scope == ApiScope::ForwardAuth.as_str() { Ok(()) } else { check_scope(scope) }
}

fn check_scope(scope: &str) -> Result<(), String> {
    if ApiScope::parse(scope).is_some() {
        return Err("is a scope of our own APIs; write it in `api_scopes`".to_owned());
    }
    if scope.contains(' ') {
        return Err("is more than one scope; write a list".to_owned());
    }
    Scopes::parse(scope).map(|_| ()).map_err(|problem| format!("is no scope: {problem}"))
}

fn read_lifetime(section: &FileSection<'_>) -> i32 {
    let seconds = section.whole_number("access_token_lifetime").unwrap_or(3600);
    if !(1..=LONGEST_LIFETIME).contains(&seconds) {
        section.wrong("access_token_lifetime", "must be between 1 and 86400 seconds");
    }
    seconds
}

#[cfg(test)]
mod tests {
    use crate::provision::applications::needed_for;
    use crate::provision::entry::read_entry;
    use crate::provision::read;

    fn wrong(client: &str) -> String {
        let text = format!("version: 1\nclients:\n  - {{client_id: app, {client}}}\n");
        match read(&text, |_| None) {
            Ok(_) => String::new(),
            Err(mistakes) => {
                mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
            }
        }
    }

    #[test]
    fn k01_scopes_of_our_own_apis_are_listed_in_their_own_place_and_never_by_a_third_party() {
        for good in [
            "kind: web, api_scopes: [\"impersonations:create\", forward-auth]",
            "kind: spa, api_scopes: [\"impersonations:read\"]",
            "kind: machine, api_scopes: [forward-auth]",
            "kind: web, first_party: false, api_scopes: []",
            "kind: web, api_scopes: [forward-auth], impersonation: {read_scopes: [forward-auth]}",
        ] {
            assert_eq!(wrong(good), "", "{good}");
        }
        for (bad, problem) in [
            ("kind: web, first_party: false, api_scopes: [forward-auth]", "third-party"),
            ("kind: machine, first_party: false, api_scopes: [forward-auth]", "third-party"),
            (
                "kind: web, api_scopes: [\"impersonations:all\"]",
                "is none of: impersonations:create",
            ),
            ("kind: global, first_party: false", "the global client is one of our own"),
            ("kind: web, api_scopes: [Forward-Auth]", "is none of"),
            ("kind: web, scopes: [\"impersonations:read\"]", "write it in `api_scopes`"),
            ("kind: web, scopes: [forward-auth]", "write it in `api_scopes`"),
            (
                "kind: web, impersonation: {read_scopes: [\"impersonations:read\"]}",
                "write it in `api_scopes`",
            ),
            (
                "kind: wsfed, wsfed: {realm: r, reply_urls: [\"https://a.test/\"]}, api_scopes: [forward-auth]",
                "gets no access tokens",
            ),
        ] {
            assert!(wrong(bad).contains(problem), "{bad}: {}", wrong(bad));
        }
    }

    /// The console reads with the same reader, and lets nobody hand on what they do not hold.
    #[test]
    fn k01_the_console_refuses_the_same_and_asks_for_what_the_scopes_open() {
        let entry = |first_party: bool| {
            let values = serde_json::json!({
                "client_id": "app", "kind": "web", "first_party": first_party,
                "api_scopes": ["impersonations:create", "impersonations:end", "forward-auth"],
            });
            read_entry(values.as_object().unwrap(), [])
        };
        let Err(faults) = entry(false) else { panic!("a third party has none") };
        assert_eq!(
            faults.iter().map(|fault| fault.key.as_str()).collect::<Vec<_>>(),
            ["api_scopes"]
        );
        let Ok(entry) = entry(true) else { panic!("one of our own may have them") };
        assert_eq!(needed_for(entry.record()), ["impersonate", "impersonations:end"]);
    }

    #[test]
    fn k24_only_an_application_that_keeps_a_secret_may_ask_about_tokens() {
        assert_eq!(wrong("kind: machine, introspect: true"), "");
        assert!(wrong("kind: spa, introspect: true").contains("keeps no secret"));
        assert!(wrong("kind: machine, introspect: yes-please").contains("true or false"));
    }
}
