//! The words of a no at the Box-shaped token endpoint.
//!
//! SDKs search the description for the letters of two claims, take the claim for the culprit and try
//! again with a new `jti` and our clock. So a description holds those letters exactly when that claim is at
//! fault, and no other text may, not even as part of a word.
use super::refusal::TokenRefusal;
use crate::authentication::throttle::RetryAfter;
use crate::flows::tokens::issue_box_token::BoxRefusal;
use crate::flows::tokens::narrow_token::NarrowRefusal;
use crate::flows::tokens::read_assertion::AssertionFault;
use actix_web::http::StatusCode;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoxTokenRefusal {
    /// What went wrong before a grant was looked at.
    Request(TokenRefusal),
    Grant(BoxRefusal),
    Narrow(NarrowRefusal),
}

const CREDENTIALS: &str = "The client credentials are invalid";
const NOT_AUTHORIZED: &str = "This app is not authorized by the enterprise";
const NO_USER_TOKENS: &str =
    "Cannot obtain user token based on the enterprise configuration for your app";
const SCOPE: &str = "The scope is more than may be granted";

impl BoxTokenRefusal {
    /// Always 400, but where it is about how much, how often and in which form.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Request(TokenRefusal::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Request(TokenRefusal::UnsupportedMedia(_)) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Request(TokenRefusal::TooManyFailures(_))
            | Self::Grant(BoxRefusal::TooManyFailures(_)) => StatusCode::TOO_MANY_REQUESTS,
            Self::Request(_) | Self::Grant(_) | Self::Narrow(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// How long to wait, where it is about how often.
    pub fn retry_after(self) -> Option<RetryAfter> {
        match self {
            Self::Request(TokenRefusal::TooManyFailures(wait))
            | Self::Grant(BoxRefusal::TooManyFailures(wait)) => Some(wait),
            Self::Request(_) | Self::Grant(_) | Self::Narrow(_) => None,
        }
    }

    /// `error` and `error_description`.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Request(TokenRefusal::InvalidClient) => ("invalid_client", CREDENTIALS),
            Self::Request(refusal) => refusal.words(),
            Self::Grant(refusal) => match refusal {
                BoxRefusal::Fault(fault) => ("invalid_grant", fault_words(fault)),
                BoxRefusal::NotAuthorized => ("unauthorized_client", NOT_AUTHORIZED),
                BoxRefusal::NoUserTokens => ("unauthorized_client", NO_USER_TOKENS),
                BoxRefusal::Scope => ("invalid_scope", SCOPE),
                BoxRefusal::TooManyFailures(_) => ("rate_limited", "Too many wrong assertions"),
            },
            Self::Narrow(refusal) => match refusal {
                NarrowRefusal::Token => ("invalid_request", "The subject_token is not valid"),
                NarrowRefusal::Scope => ("invalid_scope", SCOPE),
            },
        }
    }
}

fn fault_words(fault: AssertionFault) -> &'static str {
    match fault {
        AssertionFault::Malformed | AssertionFault::Signature => {
            "OAuth JWT signature verification failed."
        }
        AssertionFault::Issuer => "Please check the 'iss' claim. It must be the client id.",
        AssertionFault::Audience => {
            "Please check the 'aud' claim. It must be the address of this token endpoint."
        }
        AssertionFault::Subject => "Please check the 'sub' claim. The 'sub' specified is invalid.",
        AssertionFault::SubjectType => {
            "Please check the 'box_sub_type' claim. It must be 'enterprise' or 'user'."
        }
        AssertionFault::Jti => {
            "Please check the 'jti' claim. A value of 16 to 128 characters is required."
        }
        AssertionFault::JtiUsed => {
            "Please check the 'jti' claim. A unique 'jti' value is required."
        }
        AssertionFault::Expiry => "Please check the 'exp' claim.",
        AssertionFault::ExpiryTooFar => {
            "Please check the 'exp' claim. It exceeds the maximum value of 60 seconds beyond the \
             issue time."
        }
        AssertionFault::IssuedAt => "Please check the 'iat' claim.",
        AssertionFault::NotBefore => "Please check the 'nbf' claim.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAULTS: [AssertionFault; 12] = [
        AssertionFault::Malformed,
        AssertionFault::Signature,
        AssertionFault::Issuer,
        AssertionFault::Audience,
        AssertionFault::Subject,
        AssertionFault::SubjectType,
        AssertionFault::Jti,
        AssertionFault::JtiUsed,
        AssertionFault::Expiry,
        AssertionFault::ExpiryTooFar,
        AssertionFault::IssuedAt,
        AssertionFault::NotBefore,
    ];

    fn wait() -> RetryAfter {
        let now = crate::domain::Timestamp::UNIX_EPOCH;
        RetryAfter::until(now + chrono::Duration::seconds(60), now).unwrap()
    }

    /// `expected` and `expired` hold the letters too, and would make SDKs try again for ever.
    #[test]
    fn only_the_claim_at_fault_is_spelt_in_a_description() {
        let culprits = |fault| {
            let expiry = [AssertionFault::Expiry, AssertionFault::ExpiryTooFar];
            let jti = [AssertionFault::Jti, AssertionFault::JtiUsed];
            (expiry.contains(&fault), jti.contains(&fault))
        };
        let others = [
            BoxTokenRefusal::Grant(BoxRefusal::NotAuthorized),
            BoxTokenRefusal::Grant(BoxRefusal::NoUserTokens),
            BoxTokenRefusal::Grant(BoxRefusal::Scope),
            BoxTokenRefusal::Grant(BoxRefusal::TooManyFailures(wait())),
            BoxTokenRefusal::Narrow(NarrowRefusal::Token),
            BoxTokenRefusal::Narrow(NarrowRefusal::Scope),
            BoxTokenRefusal::Request(TokenRefusal::InvalidClient),
            BoxTokenRefusal::Request(TokenRefusal::TooLarge),
            BoxTokenRefusal::Request(TokenRefusal::TooManyFailures(wait())),
            BoxTokenRefusal::Request(TokenRefusal::UnsupportedGrantType),
            BoxTokenRefusal::Request(TokenRefusal::InvalidScope),
        ];
        let faults =
            FAULTS.map(|fault| (BoxTokenRefusal::Grant(BoxRefusal::Fault(fault)), culprits(fault)));
        for (refusal, culprits) in faults.into_iter().chain(others.map(|r| (r, (false, false)))) {
            let text = refusal.words().1.to_ascii_lowercase();
            assert_eq!((text.contains("exp"), text.contains("jti")), culprits, "{text}");
            let allowed = |b: u8| matches!(b, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            assert!(text.bytes().all(allowed), "c12: {text}");
        }
    }
}
