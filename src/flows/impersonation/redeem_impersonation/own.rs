//! Creates and redeems a link in one step, for the console.
//!
//! The actor has a session of their own and has submitted a page that named all parties, so no confirmation is
//! needed. The link is an ordinary link that is redeemed at once.
use super::{RedeemRefusal, Redeemed, check_person, find_link, redeem};
use crate::authentication::Session;
use crate::domain::caller::Caller;
use crate::flows::impersonation::start_impersonation::{OpenedBy, Start, StartRefusal, start_for};
use crate::flows::{Context, Failure};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenRefusal {
    #[error(transparent)]
    Start(StartRefusal),
    #[error(transparent)]
    Redeem(RedeemRefusal),
}

/// Starts what `start` asks for and redeems it by `session`, which is the actor's.
pub async fn open_now(
    ctx: &Context,
    start: &Start,
    session: &Session,
    caller: &Caller,
) -> Result<Redeemed, Failure<OpenRefusal>> {
    let issued = start_for(ctx, start, OpenedBy::ItsActor, caller).await;
    let issued = issued.map_err(|failure| failure.map(OpenRefusal::Start))?;
    let resource = issued.url.strip_prefix(ctx.issuer()).unwrap_or_default();
    let redeemed = redeem_own(ctx, resource, session, caller).await;
    redeemed.map_err(|failure| failure.map(OpenRefusal::Redeem))
}

async fn redeem_own(
    ctx: &Context,
    resource: &str,
    session: &Session,
    caller: &Caller,
) -> Result<Redeemed, Failure<RedeemRefusal>> {
    let mut conn = ctx.store.conn().await?;
    let link = find_link(ctx, &conn, resource, caller).await?;
    check_person(&conn, &link, session, caller).await?;
    redeem(ctx, &mut conn, &link, Some(session), caller).await
}
