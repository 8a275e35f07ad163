//! What this server says of itself ([OpenID Connect Discovery §3], [RFC 8414]).
//!
//! [OpenID Connect Discovery §3]: https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata
//! [RFC 8414]: https://www.rfc-editor.org/rfc/rfc8414
use crate::domain::api_scope::ApiScope;
use crate::domain::client::{Client, GrantType};
use crate::domain::protocol::ProtocolName;
use crate::domain::scope::{OFFLINE_ACCESS, STANDARD};
use crate::flows::tokens::claims::PASSWORD_ACR;
use crate::login::Setting;
use serde_json::{Value, json};

const CLIENT_AUTHENTICATION: [&str; 4] =
    ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
const ASSERTION_ALGORITHMS: [&str; 5] = ["RS256", "RS384", "RS512", "ES256", "EdDSA"];
const CLAIMS: [&str; 22] = [
    "sub",
    "iss",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "at_hash",
    "sid",
    "name",
    "given_name",
    "family_name",
    "nickname",
    "picture",
    "email",
    "email_verified",
    "phone_number",
    "act",
    "impersonated",
    "impersonator",
];

/// One document for both well-known places: each leaves alone what it does not know.
pub fn document(issuer: &str) -> Value {
    let mut document = endpoints(issuer);
    let supported = json!({
        "scopes_supported": scopes(),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "grant_types_supported": GrantType::ALL.map(GrantType::as_str),
        "subject_types_supported": ["public"],
        "acr_values_supported": ["0", PASSWORD_ACR],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"],
        "code_challenge_methods_supported": ["S256"],
        "claim_types_supported": ["normal"],
        "claims_supported": CLAIMS,
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
    });
    if let (Some(members), Value::Object(supported)) = (document.as_object_mut(), supported) {
        members.extend(supported);
    }
    document
}

/// Those that an application may ask for by its entry are among them ([RFC 8414 §2]).
///
/// [RFC 8414 §2]: https://www.rfc-editor.org/rfc/rfc8414#section-2
fn scopes() -> Vec<&'static str> {
    let own = ApiScope::ALL.map(ApiScope::as_str);
    STANDARD.iter().copied().chain([OFFLINE_ACCESS]).chain(own).collect()
}

/// What an application is given by hand: everything else it finds by discovery. One that signs nobody in has
/// no use for the addresses that browsers are sent to.
pub fn setup(issuer: &str, client: &Client) -> Vec<Setting> {
    const ENDPOINTS: [(&str, &str, bool); 5] = [
        ("authorization_endpoint", "Authorization endpoint", true),
        ("token_endpoint", "Token endpoint", false),
        ("userinfo_endpoint", "Userinfo endpoint", true),
        ("jwks_uri", "Keys (JWKS)", false),
        ("end_session_endpoint", "Sign-out endpoint", true),
    ];
    let browsers = client.kind.speaks(ProtocolName::Oauth2);
    let discovery = format!("{issuer}/.well-known/openid-configuration");
    let mut settings = vec![
        Setting::new("Issuer", issuer),
        Setting::new("Discovery address", discovery),
        Setting::new("Client ID", client.id.as_str()),
    ];
    let document = endpoints(issuer);
    let wanted = ENDPOINTS.into_iter().filter(|(.., for_browsers)| browsers || !for_browsers);
    settings.extend(
        wanted.filter_map(|(name, label, _)| {
            Some(Setting::new(label, document.get(name)?.as_str()?))
        }),
    );
    settings
}

fn endpoints(issuer: &str) -> Value {
    let at = |path: &str| format!("{issuer}{path}");
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/oauth/token"),
        "userinfo_endpoint": at("/userinfo"),
        "jwks_uri": at("/.well-known/jwks.json"),
        "introspection_endpoint": at("/oauth/introspect"),
        "revocation_endpoint": at("/oauth/revoke"),
        "end_session_endpoint": at("/oidc/logout"),
    });
    let all = &CLIENT_AUTHENTICATION[..];
    // Whoever asks about somebody's token has to prove who they are.
    let proving = all.strip_suffix(&["none"]).unwrap_or(all);
    let neighbours = [
        ("token_endpoint", all),
        ("introspection_endpoint", proving),
        ("revocation_endpoint", all),
    ];
    if let Some(members) = document.as_object_mut() {
        for (name, methods) in neighbours {
            members.insert(format!("{name}_auth_methods_supported"), json!(methods));
            let algorithms = json!(ASSERTION_ALGORITHMS);
            members.insert(format!("{name}_auth_signing_alg_values_supported"), algorithms);
        }
    }
    document
}
