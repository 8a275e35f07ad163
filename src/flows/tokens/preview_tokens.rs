//! Shows what an application would receive about a user, without a sign-in.
//!
//! The claims come from the functions that issue real tokens ([`super::issue_tokens`], [`super::userinfo`]), for
//! the user's current state; nothing is signed, stored or issued. Other protocols describe their response
//! themselves ([`crate::login::Protocol::describe`]).
use super::issue_tokens::{IdTokenSubject, id_token_claims};
use super::userinfo::userinfo_claims;
use crate::domain::client::Client;
use crate::domain::protocol::ProtocolName;
use crate::domain::scope::{OPENID, Scopes};
use crate::domain::user::User;
use crate::domain::{ClientId, Timestamp};
use crate::flows::Context;
use crate::flows::login::complete_login::granted_scope_in;
use crate::flows::shared::decision_facts::{self, DecisionParties};
use crate::impersonation::RequestedBy;
use crate::store::{self, StoreError};
use serde_json::{Map, Value};

/// Applications offered to choose from.
const MAX_CLIENTS: i64 = 200;
/// Placeholder for values that differ in each token.
const ITS_OWN: &str = "(of its own in each token)";

pub enum TokenPreview {
    /// The two places where an OpenID Connect application reads, and the scope that it was granted.
    Claims {
        scope: Scopes,
        id_token: Option<Map<String, Value>>,
        userinfo: Option<Map<String, Value>>,
    },
    /// Names and values, in the order of the answer.
    Attributes(Vec<(String, String)>),
    /// The protocol has no preview.
    Unknown,
}

/// The applications that a user can sign in to.
pub async fn applications_of(ctx: &Context, user: &User) -> Result<Vec<Client>, StoreError> {
    let conn = ctx.store.conn().await?;
    let clients =
        store::applications::clients::list_open_to(&conn, user.organization_id(), MAX_CLIENTS)
            .await?;
    Ok(clients.into_iter().filter(|client| !protocols_of(ctx, client).is_empty()).collect())
}

/// As [`applications_of`], most recently used first.
pub async fn applications_by_use(ctx: &Context, user: &User) -> Result<Vec<Client>, StoreError> {
    let mut clients = applications_of(ctx, user).await?;
    let used =
        store::applications::clients::last_used_by(&*ctx.store.conn().await?, &user.id).await?;
    let place = |client: &Client| used.iter().position(|id| *id == client.id.as_str());
    clients.sort_by_key(|client| place(client).unwrap_or(usize::MAX));
    Ok(clients)
}

/// The protocols that an application speaks and that are served here.
pub fn protocols_of(ctx: &Context, client: &Client) -> Vec<ProtocolName> {
    let served = |name: &ProtocolName| client.kind.speaks(*name) && ctx.protocol(*name).is_some();
    ProtocolName::ALL.into_iter().filter(served).collect()
}

/// What `client` would receive about `user` now; `None` when the user cannot sign in there.
pub async fn preview_tokens(
    ctx: &Context,
    user: &User,
    (client, protocol): (&ClientId, ProtocolName),
    scope: &Scopes,
) -> Result<Option<TokenPreview>, StoreError> {
    let conn = ctx.store.conn().await?;
    let who = DecisionParties {
        actor: user.id.clone(),
        subject: user.id.clone(),
        client: client.clone(),
        requested_by: RequestedBy::Session(user.id.clone()),
    };
    let known = decision_facts::load(&conn, &who).await?;
    let fits = |client: &Client| {
        let home = client.organization.as_ref().map(|organization| &organization.id);
        client.is_active()
            && protocols_of(ctx, client).contains(&protocol)
            && home.is_none_or(|home| user.organization_id() == Some(home))
    };
    let Some(client) = known.client().filter(|client| fits(client)) else { return Ok(None) };
    let Some(served) = ctx.protocol(protocol) else { return Ok(None) };
    Ok(Some(match protocol {
        ProtocolName::Oauth2 => claims(ctx, user, (client, scope), known.now),
        ProtocolName::Samlp | ProtocolName::Wsfed | ProtocolName::WsfedRms => {
            served.describe(user, client).map_or(TokenPreview::Unknown, TokenPreview::Attributes)
        }
    }))
}

fn claims(
    ctx: &Context,
    user: &User,
    (client, asked): (&Client, &Scopes),
    now: Timestamp,
) -> TokenPreview {
    let scope = granted_scope_in(None, client, asked);
    let openid = scope.contains(OPENID);
    let told = IdTokenSubject {
        client,
        user,
        scope: &scope,
        authenticated_at: now,
        impersonation: None,
        now,
    };
    let own = ["sid", "at_hash"].map(|name| (name.to_owned(), Value::from(ITS_OWN)));
    let id_token = id_token_claims(ctx.issuer(), &told, own.into_iter().collect());
    let userinfo = userinfo_claims(ctx.issuer(), (&user.id, &user.profile, &scope), (None, None));
    TokenPreview::Claims {
        id_token: openid.then_some(id_token),
        userinfo: openid.then_some(userinfo),
        scope,
    }
}
