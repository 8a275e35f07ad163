//! Confirmation of requests of native applications, whose redirect address any local program can listen on.
//!
//! Their identity is not assured, so they get no code without interaction ([RFC 8252 §8.6], [RFC 6749 §10.2]): the
//! user confirms each request, also for first-party applications and during an impersonation. A confirmation is for
//! one request of one session, within minutes and once. An `https` address is claimed by the application and needs
//! none.
//!
//! [RFC 8252 §8.6]: https://www.rfc-editor.org/rfc/rfc8252#section-8.6
//! [RFC 6749 §10.2]: https://www.rfc-editor.org/rfc/rfc6749#section-10.2
use super::use_once::{is_recent, use_once};
use crate::domain::client::{Client, ClientKind};
use crate::domain::{SessionId, Timestamp};
use crate::flows::Context;
use crate::store::StoreError;
use chrono::Duration;
use url::Url;

/// Parameter that carries the confirmation.
pub const CONFIRMED: &str = "understudy_confirmed";
/// From the button to the answer is one redirect.
const YES_TTL: Duration = Duration::minutes(5);
const PURPOSE: &str = "native sign-in confirmed";
const USED: &str = "native";

/// Whether a response to this address needs a confirmation.
pub fn needs_yes(client: &Client, redirect_uri: &str) -> bool {
    let claimed = Url::parse(redirect_uri).is_ok_and(|uri| uri.scheme() == "https");
    client.kind == ClientKind::Native && !claimed
}

/// A confirmation by `session` of the request `query`, as the value of [`CONFIRMED`].
pub fn yes(ctx: &Context, session: &SessionId, query: &str, now: Timestamp) -> String {
    let at = now.timestamp_millis().to_string();
    let mac = ctx.shared.forms.sign(PURPOSE, &[session.as_str(), &canonical(query), &at]);
    format!("{at}.{mac}")
}

/// Whether `query` carries a valid confirmation by `session`, which is used up by this.
pub(in crate::flows) async fn takes_yes(
    ctx: &Context,
    session: &SessionId,
    query: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let Some((_, sent)) = pairs.into_iter().find(|(name, _)| name == CONFIRMED) else {
        return Ok(false);
    };
    let Some((at, mac)) = sent.split_once('.') else { return Ok(false) };
    let parts = [session.as_str(), &canonical(query), at];
    let genuine = ctx.shared.forms.verify(PURPOSE, &parts, mac);
    let recent = at.parse().is_ok_and(|at| is_recent(at, YES_TTL, now));
    if !genuine || !recent {
        return Ok(false);
    }
    use_once(ctx, USED, &sent, now + YES_TTL + YES_TTL).await
}

/// One form for every spelling and order of a request.
fn canonical(query: &str) -> String {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let mut pairs: Vec<_> =
        pairs.filter(|(name, value)| name != CONFIRMED && !value.is_empty()).collect();
    pairs.sort();
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k23_a_yes_is_for_one_request_however_it_is_written() {
        let one = canonical("a=1&b=x%20y&understudy_confirmed=z");
        assert_eq!(one, canonical("b=x+y&a=1&c="));
        for other in ["a=1&b=x", "a=1", "a=1&b=x+y&c=2", "a=2&b=x+y"] {
            assert_ne!(one, canonical(other), "{other}");
        }
    }
}
