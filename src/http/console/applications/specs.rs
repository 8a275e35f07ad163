//! Every setting of an application that the console shows and changes: its place in the words of the file, what
//! it is called for people, and for which kinds it is there.
use crate::domain::client::ClientKind::{self, Global, Machine, Native, Saml, Spa, Web, Wsfed};

/// How a setting is written in a form.
#[derive(Clone, Copy)]
pub enum FieldShape {
    Text,
    Url,
    Number,
    /// One a line.
    Lines,
    /// Whole numbers, with commas.
    Numbers,
    /// Certificates, one after the other.
    Certificates,
    /// One certificate.
    Certificate,
    /// Public keys in PEM, each after its id.
    Keys,
    Json,
    /// `name = field`, one a line.
    Pairs,
    Flag,
    /// Whether a list holds this word.
    Member(&'static str),
    /// One of these, with what they mean; an empty word is that nothing is said.
    Word(&'static [(&'static str, &'static str)]),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldGroup {
    Basics,
    SignIn,
    SignOut,
    Saml,
    Wsfed,
    Proof,
    Tokens,
    Impersonation,
    Box,
}

impl FieldGroup {
    pub const ALL: [Self; 9] = [
        Self::Basics,
        Self::SignIn,
        Self::Saml,
        Self::Wsfed,
        Self::SignOut,
        Self::Proof,
        Self::Tokens,
        Self::Impersonation,
        Self::Box,
    ];

    /// Its id on the page, and its heading.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Basics => ("basics", "Basics"),
            Self::SignIn => ("sign-in", "Signing in"),
            Self::SignOut => ("sign-out", "Signing out"),
            Self::Saml => ("saml", "SAML 2.0"),
            Self::Wsfed => ("wsfed", "WS-Federation"),
            Self::Proof => ("proof", "Client authentication"),
            Self::Tokens => ("tokens", "Tokens"),
            Self::Impersonation => ("impersonation", "Impersonation"),
            Self::Box => ("box", "Box-compatible API"),
        }
    }
}

#[derive(Clone, Copy)]
pub struct Spec {
    /// Of the field of the form.
    pub name: &'static str,
    pub label: &'static str,
    /// The way to it in an entry of the file.
    pub at: &'static str,
    pub shape: FieldShape,
    pub group: FieldGroup,
    pub kinds: &'static [ClientKind],
    /// Empty: it explains itself.
    pub hint: &'static str,
    pub required: bool,
}

const ALL: &[ClientKind] = &ClientKind::ALL;
const PEOPLE: &[ClientKind] = &[Web, Spa, Native, Saml, Wsfed];
const OIDC: &[ClientKind] = &[Web, Spa, Native];
const OAUTH: &[ClientKind] = &[Web, Spa, Native, Machine, Global];
const SECRET: &[ClientKind] = &[Web, Machine, Global];
const BOX: &[ClientKind] = &[Web, Machine];
const SIGN_OUT: &[ClientKind] = &[Web, Spa, Native, Wsfed];

const METHODS: &[(&str, &str)] = &[
    ("", "client_secret_basic or client_secret_post"),
    ("client_secret_basic", "client_secret_basic"),
    ("client_secret_post", "client_secret_post"),
    ("private_key_jwt", "private_key_jwt"),
    ("none", "none (public client)"),
];
const ALGORITHMS: &[(&str, &str)] =
    &[("RS256", "RS256"), ("ES256", "ES256"), ("EdDSA", "EdDSA (Ed25519)")];
const REDEEM: &[(&str, &str)] = &[
    ("confirm", "Agent confirms in the browser"),
    ("direct", "The link alone signs in (for programs)"),
];
const BINDINGS: &[(&str, &str)] = &[("redirect", "Redirect"), ("post", "POST")];
const CIPHERS: &[(&str, &str)] = &[
    ("", "Default (AES-256-GCM)"),
    ("http://www.w3.org/2009/xmlenc11#aes256-gcm", "AES-256-GCM"),
    ("http://www.w3.org/2009/xmlenc11#aes128-gcm", "AES-128-GCM"),
    ("http://www.w3.org/2001/04/xmlenc#aes256-cbc", "AES-256-CBC"),
    ("http://www.w3.org/2001/04/xmlenc#aes128-cbc", "AES-128-CBC"),
];
const FORMATS: &[(&str, &str)] = &[
    ("", "As the application asks"),
    ("persistent", "Persistent: a name for this application alone"),
    ("transient", "Transient: another one each time"),
    ("emailAddress", "Email address, if it is verified"),
    ("unspecified", "The user id"),
];
const VERSIONS: &[(&str, &str)] = &[("1.1", "SAML 1.1"), ("2.0", "SAML 2.0")];
const TRUST: &[(&str, &str)] = &[("2005/02", "February 2005"), ("1.3", "1.3")];

const fn spec(
    (name, label, at): (&'static str, &'static str, &'static str),
    shape: FieldShape,
    group: FieldGroup,
    kinds: &'static [ClientKind],
    hint: &'static str,
) -> Spec {
    Spec { name, label, at, shape, group, kinds, hint, required: false }
}

const fn needed(spec: Spec) -> Spec {
    Spec { required: true, ..spec }
}

#[rustfmt::skip]
const SPECS: &[Spec] = &[
    needed(spec(("name", "Name", "name"), FieldShape::Text, FieldGroup::Basics, ALL, "People see it when they sign in, and in their history.")),
    spec(("first_party", "One of our own applications", "first_party"), FieldShape::Flag, FieldGroup::Basics, OIDC, "Others ask people for their consent first."),

    spec(("redirect_uris", "Redirect URIs", "redirect_uris"), FieldShape::Lines, FieldGroup::SignIn, OIDC, "One per line, exactly as the application sends them. https, or http on a loopback address; native applications may have a scheme of their own."),
    spec(("initiate_login_uri", "Initiate login URI", "initiate_login_uri"), FieldShape::Url, FieldGroup::SignIn, PEOPLE, "Where the application begins a sign-in of its own accord (initiate_login_uri)."),

    needed(spec(("entity_id", "Entity ID", "saml.entity_id"), FieldShape::Text, FieldGroup::Saml, &[Saml], "Exactly as the application sends it.")),
    needed(spec(("acs_urls", "Assertion consumer addresses (ACS)", "saml.acs_urls"), FieldShape::Lines, FieldGroup::Saml, &[Saml], "One per line; the first is the default.")),
    spec(("acs_indexes", "Their numbers", "saml.acs_indexes"), FieldShape::Numbers, FieldGroup::Saml, &[Saml], "As in the application's metadata, one for each address: 0, 1. Without any they are counted from 0."),
    spec(("slo_url", "Single logout address", "saml.slo_url"), FieldShape::Url, FieldGroup::Saml, &[Saml], ""),
    spec(("slo_response_url", "Address for logout responses", "saml.slo_response_url"), FieldShape::Url, FieldGroup::Saml, &[Saml], "Only where it differs from the single logout address (ResponseLocation)."),
    spec(("slo_binding", "Logout messages go by", "saml.slo_binding"), FieldShape::Word(BINDINGS), FieldGroup::Saml, &[Saml], ""),
    spec(("name_id_format", "Name of the user (NameID)", "saml.name_id_format"), FieldShape::Word(FORMATS), FieldGroup::Saml, &[Saml], ""),
    spec(("certificates", "Signing certificates", "saml.certificates"), FieldShape::Certificates, FieldGroup::Saml, &[Saml], "What the application signs its requests with, in PEM or base64. Several while it changes over."),
    spec(("require_signed_requests", "Refuse requests without a signature", "saml.require_signed_requests"), FieldShape::Flag, FieldGroup::Saml, &[Saml], ""),
    spec(("sign_response", "Sign the response too, not only the assertion", "saml.sign_response"), FieldShape::Flag, FieldGroup::Saml, &[Saml], ""),
    spec(("encrypt_assertion", "Encrypt assertions", "saml.encrypt_assertion"), FieldShape::Flag, FieldGroup::Saml, &[Saml], ""),
    spec(("encryption_certificate", "Encryption certificate", "saml.encryption_certificate"), FieldShape::Certificate, FieldGroup::Saml, &[Saml], "With an RSA key."),
    spec(("encryption_algorithm", "Encrypted with", "saml.encryption_algorithm"), FieldShape::Word(CIPHERS), FieldGroup::Saml, &[Saml], ""),
    spec(("idp_initiated", "May be started from here, without a request", "saml.idp_initiated"), FieldShape::Flag, FieldGroup::Saml, &[Saml], ""),
    spec(("delegation_restriction", "Name the agent in a Delegation condition too", "saml.delegation_restriction"), FieldShape::Flag, FieldGroup::Saml, &[Saml], ""),
    spec(("saml_attributes", "Attributes", "saml.attributes"), FieldShape::Pairs, FieldGroup::Saml, &[Saml], "The name that the application knows = the field of the user, one a line: mail = email. Empty: the usual ones."),

    needed(spec(("realm", "Realm (wtrealm)", "wsfed.realm"), FieldShape::Text, FieldGroup::Wsfed, &[Wsfed], "Exactly as the application sends it.")),
    needed(spec(("reply_urls", "Reply addresses", "wsfed.reply_urls"), FieldShape::Lines, FieldGroup::Wsfed, &[Wsfed], "One per line; the first is the default.")),
    spec(("token_version", "Token", "wsfed.token_version"), FieldShape::Word(VERSIONS), FieldGroup::Wsfed, &[Wsfed], ""),
    spec(("wst", "WS-Trust", "wsfed.wst"), FieldShape::Word(TRUST), FieldGroup::Wsfed, &[Wsfed], ""),
    spec(("wsfed_attributes", "Claims", "wsfed.attributes"), FieldShape::Pairs, FieldGroup::Wsfed, &[Wsfed], "The name that the application knows = the field of the user, one a line. Empty: the usual ones."),

    spec(("post_logout_redirect_uris", "Post-logout redirect URIs", "post_logout_redirect_uris"), FieldShape::Lines, FieldGroup::SignOut, SIGN_OUT, "One per line."),
    spec(("backchannel_logout_uri", "Back-channel logout address", "backchannel_logout_uri"), FieldShape::Url, FieldGroup::SignOut, OIDC, "Called from server to server when a user signs out."),

    spec(("auth_method", "Token endpoint auth method", "token_endpoint_auth_method"), FieldShape::Word(METHODS), FieldGroup::Proof, SECRET, ""),
    spec(("jwks", "Public keys (JWKS)", "jwks"), FieldShape::Json, FieldGroup::Proof, SECRET, "For a key of its own: a JSON object with \"keys\". Public keys only."),

    spec(("grant_code", "People sign in (authorization_code)", "grant_types"), FieldShape::Member("authorization_code"), FieldGroup::Tokens, OIDC, ""),
    spec(("grant_refresh", "Stays signed in (refresh_token)", "grant_types"), FieldShape::Member("refresh_token"), FieldGroup::Tokens, OIDC, ""),
    spec(("grant_credentials", "Calls APIs by itself (client_credentials)", "grant_types"), FieldShape::Member("client_credentials"), FieldGroup::Tokens, SECRET, ""),
    spec(("grant_exchange", "Exchanges tokens (token-exchange)", "grant_types"), FieldShape::Member("urn:ietf:params:oauth:grant-type:token-exchange"), FieldGroup::Tokens, SECRET, ""),
    spec(("scopes", "Scopes", "scopes"), FieldShape::Lines, FieldGroup::Tokens, OAUTH, "In addition to the standard scopes, one per line."),
    spec(("api_scopes", "Scopes of our own APIs", "api_scopes"), FieldShape::Lines, FieldGroup::Tokens, OAUTH, "One a line: impersonations:create, impersonations:read, impersonations:end, forward-auth. Only for our own applications, and only for tokens that ask for them."),
    spec(("audiences", "Audiences", "audiences"), FieldShape::Lines, FieldGroup::Tokens, OAUTH, "The APIs that it may have tokens for, one a line."),
    spec(("introspect", "May ask about tokens of other applications (introspection)", "introspect"), FieldShape::Flag, FieldGroup::Tokens, SECRET, "For an API that is called with opaque tokens. An API with an audience of its own needs no such right."),
    spec(("id_token_algorithm", "ID token signing algorithm", "id_token_signed_response_alg"), FieldShape::Word(ALGORITHMS), FieldGroup::Tokens, OIDC, ""),
    spec(("lifetime", "Access token lifetime (seconds)", "access_token_lifetime"), FieldShape::Number, FieldGroup::Tokens, OAUTH, "At most 86400, a day."),

    spec(("acting", "Support staff may sign in to it as its users", "impersonation.enabled"), FieldShape::Flag, FieldGroup::Impersonation, PEOPLE, ""),
    spec(("redeem", "Redemption", "impersonation.redeem"), FieldShape::Word(REDEEM), FieldGroup::Impersonation, PEOPLE, "With the second, anyone who has the link is signed in, and the agent is only whom the program named."),
    spec(("unsolicited", "Allow unsolicited responses", "impersonation.unsolicited"), FieldShape::Flag, FieldGroup::Impersonation, PEOPLE, "Otherwise the browser is sent to its initiate login URI, which is safer."),
    spec(("read_scopes", "Read-only scopes", "impersonation.read_scopes"), FieldShape::Lines, FieldGroup::Impersonation, OIDC, "Scopes kept in read-only mode, one per line."),
    spec(("read_only", "Honors read-only impersonation", "impersonation.read_only"), FieldShape::Flag, FieldGroup::Impersonation, PEOPLE, "The application says that it changes nothing while an agent may only look. Otherwise read-only sessions are not offered for it."),

    spec(("box_as_user", "May call as users (As-User)", "box.perform_actions_as_users"), FieldShape::Flag, FieldGroup::Box, BOX, ""),
    spec(("box_on_behalf_of", "May call on behalf of somebody (On-Behalf-Of)", "box.on_behalf_of"), FieldShape::Flag, FieldGroup::Box, BOX, ""),
    spec(("box_user_tokens", "May ask for tokens of users", "box.generate_user_access_tokens"), FieldShape::Flag, FieldGroup::Box, BOX, ""),
    spec(("box_enterprise", "Works with everybody in an organization", "box.enterprise_access"), FieldShape::Flag, FieldGroup::Box, BOX, "Otherwise only with the app users that it made."),
    spec(("box_authorized_in", "Authorized in", "box.authorized_in"), FieldShape::Lines, FieldGroup::Box, BOX, "The organizations that let it in, by their id, one a line. Nowhere else does any of this count."),
    spec(("box_keys", "Public keys for assertions", "box.public_keys"), FieldShape::Keys, FieldGroup::Box, BOX, "Each in PEM, and in the line before it its id (kid). RSA from 2048 bits."),
];

pub fn of(kind: ClientKind) -> impl Iterator<Item = &'static Spec> {
    SPECS.iter().filter(move |spec| spec.kinds.contains(&kind))
}

/// The kinds in the order in which they are offered, with what they are.
pub const KINDS: [(ClientKind, &str, &str); 7] = [
    (Web, "Web application", "Runs on a server and keeps a secret. OpenID Connect."),
    (
        Spa,
        "Single-page application",
        "Runs in the browser, with PKCE and no secret. OpenID Connect.",
    ),
    (
        Native,
        "Native application",
        "On a phone or a computer, with PKCE and no secret. OpenID Connect.",
    ),
    (Machine, "Machine", "Calls APIs in its own name; nobody signs in to it."),
    (Saml, "SAML 2.0", "A service provider."),
    (Wsfed, "WS-Federation", "A relying party, also of Rights Management."),
    (
        Global,
        "Global client",
        "A program that makes impersonation links, for anybody and in anybody's name.",
    ),
];

pub fn kind(kind: ClientKind) -> &'static str {
    KINDS.iter().find(|(known, ..)| *known == kind).map_or("", |(_, label, _)| label)
}
