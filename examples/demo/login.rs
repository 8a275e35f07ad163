//! Signing in.
//!
//! Copy [`initiated_by_link`]: it lets the identity provider start a login, and yet every login
//! that comes back to [`callback`] is one that this application asked for, with its own state, nonce
//! and PKCE verifier, from this very browser.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Form};
use chrono::{DateTime, Utc};
use openidconnect::core::{CoreAuthenticationFlow, CoreJwsSigningAlgorithm};
use openidconnect::{
    AccessToken, AccessTokenHash, AuthorizationCode, ClaimsVerificationError, CsrfToken,
    IdTokenClaims, LoginHint, Nonce, OAuth2TokenResponse, PkceCodeChallenge, RequestTokenError,
    Scope, TokenResponse,
};
use serde::Deserialize;
use url::Url;

use crate::marks::Marks;
use crate::provider::{OurIdToken, Provider};
use crate::session::{Pending, Session, end_of_session, random};
use crate::web::{Answer, Problem, Shop, now, see_other};

type OurClaims = IdTokenClaims<Marks, openidconnect::core::CoreGenderClaim>;

#[derive(Deserialize)]
struct LoginQuery {
    login_hint: Option<String>,
    return_to: Option<String>,
}

/// The "Sign in" button.
pub async fn login(shop: Data<Shop>, request: HttpRequest) -> Answer {
    let asked: LoginQuery = shop.query(&request)?;
    let return_to = match asked.return_to {
        None => shop.settings.home(),
        Some(path) => shop
            .settings
            .own_path(&path)
            .ok_or_else(|| shop.bad_request("It leads to another site."))?,
    };
    begin(&shop, &request, asked.login_hint, return_to).await
}

#[derive(Deserialize)]
pub struct Initiation {
    iss: Option<String>,
    login_hint: Option<String>,
    target_link_uri: Option<String>,
}

/// The identity provider asks us to start a login
/// ([OpenID Connect Core 1.0 §4](https://openid.net/specs/openid-connect-core-1_0.html#ThirdPartyInitiatedLogin)).
/// Any site can send a browser here, so the request is not trusted: it only selects one of the
/// logins that we would start anyway.
pub async fn initiated_by_link(shop: Data<Shop>, request: HttpRequest) -> Answer {
    let asked = shop.query(&request)?;
    initiated(&shop, &request, asked).await
}

/// The specification requires POST too.
pub async fn initiated_by_form(
    shop: Data<Shop>,
    request: HttpRequest,
    form: Form<Initiation>,
) -> Answer {
    initiated(&shop, &request, form.into_inner()).await
}

async fn initiated(shop: &Shop, request: &HttpRequest, asked: Initiation) -> Answer {
    if asked.iss.as_deref() != Some(shop.settings.issuer.as_str()) {
        return Err(shop.bad_request("It comes from an identity provider that we do not use."));
    }
    let return_to = match asked.target_link_uri {
        None => shop.settings.home(),
        Some(address) => shop
            .settings
            .own_address(&address)
            .ok_or_else(|| shop.bad_request("It leads to another site."))?,
    };
    begin(shop, request, asked.login_hint, return_to).await
}

async fn begin(
    shop: &Shop,
    request: &HttpRequest,
    login_hint: Option<String>,
    return_to: Url,
) -> Answer {
    if login_hint.as_ref().is_some_and(|hint| hint.len() > 512) {
        return Err(shop.bad_request("It is too long."));
    }
    let provider = shop
        .directory
        .provider(&shop.settings)
        .await
        .map_err(|unreachable| shop.unreachable(unreachable))?;
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let mut authorization = provider
        .client
        .authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            || CsrfToken::new_random_len(32),
            || Nonce::new_random_len(32),
        )
        .add_scope(Scope::new("profile".to_owned()))
        .add_scope(Scope::new("email".to_owned()))
        .set_pkce_challenge(challenge);
    if let Some(hint) = login_hint.filter(|hint| !hint.is_empty()) {
        authorization = authorization.set_login_hint(LoginHint::new(hint));
    }
    let (address, state, nonce) = authorization.url();
    // Keep an existing cookie, because a user may sign in from two tabs at once.
    let browser = shop.cookie(request, "browser").filter(|it| it.len() == random().len());
    let browser = browser.unwrap_or_else(random);
    let started_at = now();
    let pending = Pending { browser: browser.clone(), nonce, verifier, return_to, started_at };
    if !shop.logins.start(&state, pending) {
        return Err(shop.busy());
    }
    Ok(see_other(address.as_str(), &[shop.set_cookie("browser", browser)]))
}

#[derive(Deserialize)]
struct Callback {
    state: Option<String>,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

/// The browser is back from the provider.
pub async fn callback(shop: Data<Shop>, request: HttpRequest) -> Answer {
    let back: Callback = shop.query(&request)?;
    let browser = shop.cookie(&request, "browser").unwrap_or_default();
    let pending = back
        .state
        .and_then(|state| shop.logins.finish(&state, &browser, now()))
        .ok_or_else(|| {
            let text = "It was not started in this browser, or was started too long ago, or was \
                        used already. Please sign in again.";
            shop.problem(StatusCode::BAD_REQUEST, "This sign-in cannot be finished", text)
        })?;
    // RFC 9207 §2.4: `iss` must name the provider that we asked.
    if back.iss.as_deref() != Some(shop.settings.issuer.as_str()) {
        return Err(failed(&shop, "The answer came from another identity provider."));
    }
    if let Some(error) = back.error {
        return Err(refused(&shop, &error));
    }
    let code = back.code.ok_or_else(|| failed(&shop, "The answer has no code."))?;
    let provider = shop
        .directory
        .provider(&shop.settings)
        .await
        .map_err(|unreachable| shop.unreachable(unreachable))?;
    let return_to = pending.return_to.clone();
    let session = redeem(&shop, &provider, AuthorizationCode::new(code), pending).await?;
    // A new session, never the old one with another user in it.
    if let Some(old) = shop.cookie(&request, "session") {
        shop.sessions.end(&old);
    }
    let id = shop.sessions.start(session).ok_or_else(|| shop.busy())?;
    Ok(see_other(return_to.as_str(), &[shop.set_cookie("session", id)]))
}

async fn redeem(
    shop: &Shop,
    provider: &Provider,
    code: AuthorizationCode,
    pending: Pending,
) -> Result<Session, Problem> {
    let tokens = provider
        .client
        .exchange_code(code)
        .map_err(|_| failed(shop, "The identity provider has no token endpoint."))?
        .set_pkce_verifier(pending.verifier)
        .request_async(&shop.directory.http)
        .await
        .map_err(|error| match error {
            RequestTokenError::ServerResponse(said) => refused(shop, said.error().as_ref()),
            RequestTokenError::Request(error) => {
                tracing::warn!(%error, "the token endpoint does not answer");
                shop.unreachable(crate::provider::Unreachable)
            }
            RequestTokenError::Parse(error, _) => {
                tracing::warn!(%error, "the token response is not readable");
                failed(shop, "The answer is not readable.")
            }
            RequestTokenError::Other(error) => {
                tracing::warn!(%error, "the token request failed");
                failed(shop, "The answer is not readable.")
            }
        })?;
    let id_token = tokens.id_token().ok_or_else(|| failed(shop, "The answer has no ID token."))?;
    let claims = verify(shop, id_token, &pending.nonce, tokens.access_token()).await?;
    session(shop, id_token, &claims, tokens.access_token(), now())
}

/// OpenID Connect Core 1.0 §3.1.3.7: signature, issuer, audience, expiry and nonce, and the access
/// token belongs to the ID token.
async fn verify(
    shop: &Shop,
    id_token: &OurIdToken,
    nonce: &Nonce,
    access_token: &AccessToken,
) -> Result<OurClaims, Problem> {
    let unreachable = |unreachable| shop.unreachable(unreachable);
    let provider = shop.directory.provider(&shop.settings).await.map_err(unreachable)?;
    let verdict = match check(&provider, id_token, nonce, access_token) {
        Err(Untrusted::Claims(ClaimsVerificationError::SignatureVerification(_))) => {
            let provider = shop.directory.look_again(&shop.settings).await.map_err(unreachable)?;
            check(&provider, id_token, nonce, access_token)
        }
        verdict => verdict,
    };
    verdict.map_err(|error| {
        tracing::warn!(%error, "the ID token is not trusted");
        failed(shop, "The proof of who you are does not hold.")
    })
}

#[derive(Debug, thiserror::Error)]
enum Untrusted {
    #[error(transparent)]
    Claims(#[from] ClaimsVerificationError),
    #[error("at_hash cannot be computed: {0}")]
    Hash(String),
    #[error("at_hash belongs to another access token")]
    OtherAccessToken,
}

fn check(
    provider: &Provider,
    id_token: &OurIdToken,
    nonce: &Nonce,
    access_token: &AccessToken,
) -> Result<OurClaims, Untrusted> {
    let verifier = provider.client.id_token_verifier().set_allowed_algs([
        CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
        CoreJwsSigningAlgorithm::EcdsaP256Sha256,
        CoreJwsSigningAlgorithm::EdDsa,
    ]);
    let claims = id_token.claims(&verifier, nonce)?;
    if let Some(expected) = claims.access_token_hash() {
        let wrong = |error: &dyn std::error::Error| Untrusted::Hash(error.to_string());
        let algorithm = id_token.signing_alg().map_err(|error| wrong(&error))?;
        let key = id_token.signing_key(&verifier).map_err(|error| wrong(&error))?;
        let actual = AccessTokenHash::from_token(access_token, algorithm, key)
            .map_err(|error| wrong(&error))?;
        if actual != *expected {
            return Err(Untrusted::OtherAccessToken);
        }
    }
    Ok(claims.clone())
}

fn session(
    shop: &Shop,
    id_token: &OurIdToken,
    claims: &OurClaims,
    access_token: &AccessToken,
    now: DateTime<Utc>,
) -> Result<Session, Problem> {
    let marks = claims.additional_claims();
    let acting = marks.acting();
    let ends_at = end_of_session(acting.as_ref(), claims.expiration(), now);
    if ends_at <= now {
        return Err(failed(shop, "The time for acting as this user is over."));
    }
    Ok(Session {
        subject: claims.subject().to_string(),
        sid: marks.sid.clone(),
        acting,
        id_token: id_token.clone(),
        id_token_claims: serde_json::to_string_pretty(claims).unwrap_or_default(),
        access_token: access_token.clone(),
        signed_in_at: now,
        ends_at,
        form_token: random(),
        over: false,
    })
}

fn failed(shop: &Shop, text: &str) -> Problem {
    shop.problem(StatusCode::BAD_REQUEST, "You are not signed in", text)
}

/// The code of the error is shown, for people who ask for help; its description is not, because any site
/// could put text into it.
fn refused(shop: &Shop, error: &str) -> Problem {
    let known = error.len() <= 64 && error.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let text = match error {
        "access_denied" => "You, or the identity provider, said no.".to_owned(),
        "login_required" | "interaction_required" => {
            "The identity provider wants you to sign in there first.".to_owned()
        }
        code if known => format!("The identity provider answered: {code}."),
        _ => "The identity provider answered with an error.".to_owned(),
    };
    failed(shop, &text)
}
