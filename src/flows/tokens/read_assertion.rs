//! Verifies JWT assertions ([RFC 7523 §3], in the form of Box's SDKs).
//!
//! The signature is verified first, with the application's own keys.
//!
//! [RFC 7523 §3]: https://www.rfc-editor.org/rfc/rfc7523#section-3
use crate::crypto::jwk::VerifyingKey;
use crate::crypto::{jws, pem};
use crate::domain::Timestamp;
use crate::domain::box_settings::BoxPublicKey;
use crate::domain::client::Client;
use crate::domain::times::{EXPIRY_LEEWAY, TimeClaim, Times, TimesError};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;

/// An assertion lives no longer than this, in seconds.
const MAX_LIFETIME: i64 = 60;

/// The requested subject: `box_sub_type` and `sub`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The application's service account in the organization of this id.
    Enterprise(String),
    User(String),
}

impl Subject {
    pub fn parse(kind: &str, id: &str) -> Option<Self> {
        match kind {
            "enterprise" => Some(Self::Enterprise(id.to_owned())),
            "user" => Some(Self::User(id.to_owned())),
            _ => None,
        }
    }
}

/// The faulty claim; its name decides what SDKs do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssertionFault {
    #[error("it is not a signed token")]
    Malformed,
    #[error("none of the application's keys signed it")]
    Signature,
    #[error("iss")]
    Issuer,
    #[error("aud")]
    Audience,
    #[error("sub")]
    Subject,
    #[error("box_sub_type")]
    SubjectType,
    #[error("jti is missing or malformed")]
    Jti,
    #[error("jti was used before")]
    JtiUsed,
    #[error("exp")]
    Expiry,
    #[error("exp is too far ahead")]
    ExpiryTooFar,
    #[error("iat")]
    IssuedAt,
    #[error("nbf")]
    NotBefore,
}

/// The keys of applications, parsed once; `None` for what is no key.
#[derive(Clone)]
pub struct AssertionKeys(moka::future::Cache<String, Option<Arc<VerifyingKey>>>);

impl Default for AssertionKeys {
    fn default() -> Self {
        let unused = Duration::from_hours(1);
        Self(moka::future::Cache::builder().max_capacity(10_000).time_to_idle(unused).build())
    }
}

impl AssertionKeys {
    async fn of(&self, key: &BoxPublicKey) -> Option<Arc<VerifyingKey>> {
        let parse = async { pem::rsa_public_key(&key.pem).ok().map(Arc::new) };
        self.0.get_with_by_ref(&key.pem, parse).await
    }
}

/// An assertion that one of the application's keys signed; what it claims is not judged yet.
pub struct SignedAssertion {
    /// The name of the key, if it says one.
    pub key: Option<String>,
    claims: Map<String, Value>,
}

/// Without a `kid` every key of the application may be the one: an official SDK sends none.
pub async fn verify(
    keys: &AssertionKeys,
    client: &Client,
    assertion: &str,
) -> Result<SignedAssertion, AssertionFault> {
    let header = jws::decode_header(assertion).map_err(|_| AssertionFault::Malformed)?;
    let registered = client.box_.as_ref().map_or(&[][..], |settings| &settings.public_keys);
    let mut parsed = Vec::new();
    for key in registered {
        if header.kid.as_ref().is_none_or(|kid| *kid == key.id) {
            parsed.extend(keys.of(key).await.map(|parsed| (key.id.as_str(), parsed)));
        }
    }
    let candidates = parsed.iter().map(|(id, key)| (*id, &**key));
    let claims =
        jws::verify(assertion, &["", "JWT"], candidates).map_err(|_| AssertionFault::Signature)?;
    Ok(SignedAssertion { key: header.kid, claims })
}

/// A valid assertion.
#[derive(Debug)]
pub struct Asserted {
    pub subject: Subject,
    pub jti: String,
    /// The `jti` is stored until then.
    pub forget_at: Timestamp,
}

impl SignedAssertion {
    /// The subject of the assertion before it is checked, to load the right rows.
    pub fn subject(&self) -> Result<Subject, AssertionFault> {
        let sub = self.text("sub").filter(|sub| !sub.is_empty()).ok_or(AssertionFault::Subject)?;
        let kind = self.text("box_sub_type").ok_or(AssertionFault::SubjectType)?;
        Subject::parse(kind, sub).ok_or(AssertionFault::SubjectType)
    }

    /// `audiences` are the names of our token endpoint; `aud` is exactly one of them.
    pub fn check(
        &self,
        client: &Client,
        audiences: &[&str],
        now: Timestamp,
    ) -> Result<Asserted, AssertionFault> {
        if self.text("iss") != Some(client.id.as_str()) {
            return Err(AssertionFault::Issuer);
        }
        if !self.text("aud").is_some_and(|aud| audiences.contains(&aud)) {
            return Err(AssertionFault::Audience);
        }
        let times = Times::read(&self.claims).map_err(at_fault)?;
        times.check(now.timestamp()).map_err(at_fault)?;
        let issued = times.iat.unwrap_or(i64::MAX).min(now.timestamp());
        if times.exp > now.timestamp() + MAX_LIFETIME
            || times.exp > issued.saturating_add(MAX_LIFETIME)
        {
            return Err(AssertionFault::ExpiryTooFar);
        }
        let fits = |jti: &&str| (16..=128).contains(&jti.chars().count());
        let jti = self.text("jti").filter(fits).ok_or(AssertionFault::Jti)?;
        let forget_at = Timestamp::from_timestamp(times.exp + EXPIRY_LEEWAY + 1, 0)
            .ok_or(AssertionFault::Expiry)?;
        Ok(Asserted { subject: self.subject()?, jti: jti.to_owned(), forget_at })
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str)
    }
}

fn at_fault(error: TimesError) -> AssertionFault {
    match error {
        TimesError::Expired => AssertionFault::Expiry,
        TimesError::TooFarAhead(TimeClaim::Exp) => AssertionFault::ExpiryTooFar,
        TimesError::Missing(claim)
        | TimesError::NotADate(claim)
        | TimesError::TooFarAhead(claim) => match claim {
            TimeClaim::Exp => AssertionFault::Expiry,
            TimeClaim::Iat => AssertionFault::IssuedAt,
            TimeClaim::Nbf => AssertionFault::NotBefore,
        },
    }
}
