//! Where the browser goes after a redemption.
use super::{FoundLink, RedeemRefusal};
use crate::domain::SessionId;
use crate::flows::impersonation::after_redemption::AfterRedemption;
use crate::flows::impersonation::start_impersonation::encode;
use crate::flows::login::complete_login::{Completed, CompletedLogin, complete_login};
use crate::flows::{Context, Failure};
use crate::impersonation::{Denial, ImpersonationRequest};
use crate::login::{Answer, Principal};
use crate::store::impersonations::ImpersonationRecord;

pub(super) enum Landing<'a> {
    Redirect(Answer),
    Respond(Box<Completed<'a>>),
}

/// To the application, so that it asks for itself; or the protocol's answer at once.
pub(super) fn answer<'a>(
    ctx: &Context,
    link: &'a FoundLink,
    principal: &'a Principal,
    ask: &'a ImpersonationRequest,
    session: &'a SessionId,
) -> Result<Landing<'a>, Failure<RedeemRefusal>> {
    let refuse = |denial| Failure::Refused(RedeemRefusal::Denied(denial));
    match AfterRedemption::of(&ask.client) {
        Some(AfterRedemption::InitiateLogin(uri)) => Ok(Landing::Redirect(Answer::Redirect(
            initiate_login(ctx, uri, principal, &link.record),
        ))),
        Some(AfterRedemption::UnsolicitedResponse) => {
            let room = ctx.room(ask.protocol).ok_or_else(|| refuse(Denial::ProtocolMismatch))?;
            let (client, request, now) = (&ask.client, &link.terms.request, ask.now);
            let signed_in = CompletedLogin { principal, client, request, session, now };
            Ok(Landing::Respond(Box::new(complete_login(ctx, room, signed_in)?)))
        }
        None => Err(refuse(Denial::ClientNotEnabled)),
    }
}

/// Third-party initiated login ([OpenID Connect Core §4]).
///
/// [OpenID Connect Core §4]: https://openid.net/specs/openid-connect-core-1_0.html#ThirdPartyInitiatedLogin
pub(super) fn initiate_login(
    ctx: &Context,
    uri: &str,
    principal: &Principal,
    record: &ImpersonationRecord,
) -> String {
    let joint = if uri.contains('?') { '&' } else { '?' };
    let (iss, hint) = (encode(ctx.issuer()), encode(principal.subject().id.as_str()));
    let mut url = format!("{uri}{joint}iss={iss}&login_hint={hint}");
    if let Some(destination) = &record.target_link_uri {
        url.push_str("&target_link_uri=");
        url.push_str(&encode(destination));
    }
    url
}
