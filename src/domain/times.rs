//! The three times of a token ([RFC 7519 §4.1.4 to §4.1.6]).
//!
//! [RFC 7519 §4.1.4 to §4.1.6]: https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4
use serde_json::{Map, Value};

/// How long after its expiry a token is still taken, for clocks that run behind.
pub const EXPIRY_LEEWAY: i64 = 5;
/// How far `iat` and `nbf` may lie ahead: 10 s must be forgiven, 60 s must not (FAPI 2.0 §5.3.2.1).
pub const AHEAD_LEEWAY: i64 = 30;
/// Beyond it `exp` was not meant: milliseconds, most often.
pub const MAX_LIFETIME: i64 = 50 * 365 * 24 * 60 * 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeClaim {
    Exp,
    Iat,
    Nbf,
}

impl TimeClaim {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exp => "exp",
            Self::Iat => "iat",
            Self::Nbf => "nbf",
        }
    }
}

/// Which claim is at fault, and why: some clients renew their token when they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimesError {
    #[error("{} is missing", .0.as_str())]
    Missing(TimeClaim),
    #[error("{} is not a number of seconds", .0.as_str())]
    NotADate(TimeClaim),
    #[error("{} is too far ahead", .0.as_str())]
    TooFarAhead(TimeClaim),
    #[error("exp has passed")]
    Expired,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    pub exp: i64,
    pub iat: Option<i64>,
    pub nbf: Option<i64>,
}

impl Times {
    /// `exp` is mandatory. A number in quotes is not a number.
    pub fn read(claims: &Map<String, Value>) -> Result<Self, TimesError> {
        let exp = date(claims, TimeClaim::Exp)?.ok_or(TimesError::Missing(TimeClaim::Exp))?;
        Ok(Self { exp, iat: date(claims, TimeClaim::Iat)?, nbf: date(claims, TimeClaim::Nbf)? })
    }

    pub fn check(&self, now: i64) -> Result<(), TimesError> {
        if self.exp > now.saturating_add(MAX_LIFETIME) {
            return Err(TimesError::TooFarAhead(TimeClaim::Exp));
        }
        if self.exp.saturating_add(EXPIRY_LEEWAY) <= now {
            return Err(TimesError::Expired);
        }
        for (claim, time) in [(TimeClaim::Iat, self.iat), (TimeClaim::Nbf, self.nbf)] {
            if time.is_some_and(|time| time > now.saturating_add(AHEAD_LEEWAY)) {
                return Err(TimesError::TooFarAhead(claim));
            }
        }
        Ok(())
    }

    /// For tokens that must say when they were made.
    pub fn require_iat(&self) -> Result<i64, TimesError> {
        self.iat.ok_or(TimesError::Missing(TimeClaim::Iat))
    }
}

/// A `NumericDate`, which may have a fraction ([RFC 7519 §2]); the fraction is dropped.
///
/// [RFC 7519 §2]: https://www.rfc-editor.org/rfc/rfc7519#section-2
fn date(claims: &Map<String, Value>, claim: TimeClaim) -> Result<Option<i64>, TimesError> {
    let Some(value) = claims.get(claim.as_str()) else { return Ok(None) };
    let seconds = match value.as_i64() {
        Some(whole) => Some(whole),
        // By way of text: a cast would make something of every number.
        None => value.as_f64().and_then(|f| format!("{:.0}", f.floor()).parse().ok()),
    };
    match seconds {
        Some(seconds) if seconds >= 0 => Ok(Some(seconds)),
        Some(_) | None => Err(TimesError::NotADate(claim)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_700_000_000;

    fn judge(claims: &Value) -> Result<(), TimesError> {
        Times::read(claims.as_object().unwrap())?.check(NOW)
    }

    #[test]
    fn c74_a_token_without_expiry_is_refused() {
        assert_eq!(judge(&json!({ "iat": NOW })), Err(TimesError::Missing(TimeClaim::Exp)));
        assert_eq!(judge(&json!({})), Err(TimesError::Missing(TimeClaim::Exp)));
        let without = Times { exp: NOW, iat: None, nbf: None };
        assert_eq!(without.require_iat(), Err(TimesError::Missing(TimeClaim::Iat)));
        assert_eq!(Times { iat: Some(NOW), ..without }.require_iat(), Ok(NOW));
    }

    #[test]
    fn c75_odd_times_are_refused() {
        for odd in [
            json!("1700000060"),
            json!(null),
            json!(true),
            json!([1_700_000_060]),
            json!(-1),
            json!(-0.5),
            json!(1e300),
            json!(-1e300),
            json!(u64::MAX),
            json!(9.3e18),
        ] {
            for claim in [TimeClaim::Exp, TimeClaim::Iat, TimeClaim::Nbf] {
                let mut claims = json!({ "exp": NOW + 60 });
                claims[claim.as_str()] = odd.clone();
                assert_eq!(judge(&claims), Err(TimesError::NotADate(claim)), "{odd}");
            }
        }
        for far in [json!((NOW + 60) * 1000), json!(i64::MAX), json!(NOW + MAX_LIFETIME + 1)] {
            let refused = judge(&json!({ "exp": far }));
            assert_eq!(refused, Err(TimesError::TooFarAhead(TimeClaim::Exp)), "{far}");
        }
    }

    #[test]
    fn c75_times_are_judged_to_the_second() {
        let good = |claims: Value| judge(&claims) == Ok(());
        assert!(good(json!({ "exp": NOW + 60, "iat": NOW, "nbf": NOW })));
        assert!(good(json!({ "exp": NOW + MAX_LIFETIME })));
        assert!(good(json!({ "exp": 1_700_000_060.5 })));
        assert!(good(json!({ "exp": NOW - EXPIRY_LEEWAY + 1 })));
        assert_eq!(judge(&json!({ "exp": NOW - EXPIRY_LEEWAY })), Err(TimesError::Expired));
        assert_eq!(judge(&json!({ "exp": 0 })), Err(TimesError::Expired));
        for claim in [TimeClaim::Iat, TimeClaim::Nbf] {
            let ahead = |by: i64| judge(&json!({ "exp": NOW + 600, claim.as_str(): NOW + by }));
            assert_eq!(ahead(10), Ok(()));
            assert_eq!(ahead(60), Err(TimesError::TooFarAhead(claim)));
            assert_eq!(ahead(AHEAD_LEEWAY + 1), Err(TimesError::TooFarAhead(claim)));
        }
    }

    #[test]
    fn c75_no_clock_makes_the_sums_overflow() {
        for now in [i64::MIN, -1, 0, i64::MAX] {
            for exp in [0, i64::MAX] {
                let _judged = Times { exp, iat: Some(i64::MAX), nbf: Some(0) }.check(now);
            }
        }
    }
}
