//! Issues tokens to authenticated applications: for their service account in an organization, for an app user that
//! they created, or for a managed user.
//!
//! The first two belong to the application. A managed user does not: that is an impersonation by the service
//! account, which is decided.
use super::act_as_user::{self, Granting};
use super::authenticate_client::AuthenticatedClient;
use super::client_attempts::ClientAttempts;
use super::issue_tokens;
use super::read_assertion::{self, Asserted, AssertionFault, Subject};
use crate::audit::{Event, EventKind};
use crate::authentication::throttle::RetryAfter;
use crate::authentication::{VouchRefusal, by_application};
use crate::crypto::hash;
use crate::domain::api_scope::ApiScope;
use crate::domain::caller::Caller;
use crate::domain::client::{AuthMethod, Client};
use crate::domain::protocol::Channel;
use crate::domain::scope::{
    MANAGE_APP_USERS, MANAGE_MANAGED_USERS, OFFLINE_ACCESS, STANDARD, Scopes,
};
use crate::domain::user::{User, UserKind};
use crate::domain::{Timestamp, UserId};
use crate::flows::{Context, Failure};
use crate::impersonation::{Denial, Impersonation};
use crate::login::Principal;
use crate::store::tokens::box_tokens::{self, NewToken, Once};
use crate::store::{self, Conn, StoreError, Transactional as _, directory::box_subjects};
use chrono::Duration;

/// Maximum lifetime; a longer one in the application's settings is cut to it.
const MAX_LIFETIME: Duration = Duration::hours(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BoxRefusal {
    #[error("{0}")]
    Fault(AssertionFault),
    /// Disabled for the application, or the organization has not authorized it.
    #[error("the application is not authorized")]
    NotAuthorized,
    #[error("the application may not get tokens of managed users")]
    NoUserTokens,
    #[error("the scope is more than may be granted")]
    Scope,
    #[error("too many wrong assertions")]
    TooManyFailures(RetryAfter),
}

/// An issued token.
pub struct BoxToken {
    pub access_token: String,
    /// Seconds.
    pub expires_in: i64,
}

/// The request, for the audit trail.
#[derive(Clone, Copy)]
pub struct BoxTokenRequest<'a> {
    pub client: &'a AuthenticatedClient,
    pub scope: Option<&'a Scopes>,
    pub caller: &'a Caller,
}

/// The JWT grant ([RFC 7523 §2.1]). Who sends many wrong assertions waits before the next is looked at.
///
/// [RFC 7523 §2.1]: https://www.rfc-editor.org/rfc/rfc7523#section-2.1
pub async fn by_assertion(
    ctx: &Context,
    asking: BoxTokenRequest<'_>,
    assertion: &str,
) -> Result<BoxToken, Failure<BoxRefusal>> {
    let client = asking.client.client();
    check_takes_part(client)?;
    let attempts = ClientAttempts::at_assertions(&client.id);
    if let Some(wait) = attempts.retry_after(ctx).await? {
        return Err(Failure::Refused(BoxRefusal::TooManyFailures(wait)));
    }
    let mut trail = event(EventKind::ApplicationToken, asking).with("grant", "jwt_bearer");
    let outcome = assert(ctx, asking, assertion, &mut trail).await;
    if let Err(Failure::Refused(refusal)) = &outcome {
        attempts.failed(ctx).await?;
        note_refusal(ctx, trail, *refusal).await?;
    }
    outcome
}

/// Box's client credentials grant: the subject is named by id.
pub async fn by_name(
    ctx: &Context,
    asking: BoxTokenRequest<'_>,
    subject: &Subject,
) -> Result<BoxToken, Failure<BoxRefusal>> {
    check_takes_part(asking.client.client())?;
    let mut trail = event(EventKind::ApplicationToken, asking).with("grant", "client_credentials");
    let outcome = async {
        let mut conn = ctx.store.conn().await?;
        let (found, now) = load(&conn, asking.client.client(), subject).await?;
        let grant = BoxGrant { subject, found, once: None, now };
        issue(ctx, &mut conn, (asking, &grant), &mut trail).await
    }
    .await;
    if let Err(Failure::Refused(refusal)) = &outcome {
        note_refusal(ctx, trail, *refusal).await?;
    }
    outcome
}

/// Only confidential applications take part, because a client id alone proves nothing.
fn check_takes_part(client: &Client) -> Result<(), Failure<BoxRefusal>> {
    if client.box_.is_none() || client.auth_method == AuthMethod::None {
        return Err(Failure::Refused(BoxRefusal::NotAuthorized));
    }
    Ok(())
}

fn event(kind: EventKind, asking: BoxTokenRequest<'_>) -> Event {
    let event = Event::by_client(kind, asking.client.client(), asking.caller);
    Event { channel: Some(Channel::JwtGrant.as_str()), ..event }
}

async fn note_refusal(ctx: &Context, trail: Event, refusal: BoxRefusal) -> Result<(), StoreError> {
    let event = Event { kind: EventKind::ApplicationTokenRefused, ..trail };
    let conn = ctx.store.conn().await?;
    store::trail::append::append(&conn, &event.because(refusal.to_string())).await
}

async fn assert(
    ctx: &Context,
    asking: BoxTokenRequest<'_>,
    assertion: &str,
    trail: &mut Event,
) -> Result<BoxToken, Failure<BoxRefusal>> {
    let client = asking.client.client();
    let faulty = |fault| Failure::Refused(BoxRefusal::Fault(fault));
    let keys = &ctx.clients.assertion_keys;
    let signed = read_assertion::verify(keys, client, assertion).await.map_err(faulty)?;
    note(trail, "key", signed.key.clone());
    let subject = signed.subject().map_err(faulty)?;
    let mut conn = ctx.store.conn().await?;
    let (found, now) = load(&conn, client, &subject).await?;
    let own = format!("{}/oauth2/token", ctx.issuer());
    let aliases = ctx.shared.audience_aliases.iter().map(String::as_str);
    let audiences: Vec<&str> = std::iter::once(own.as_str()).chain(aliases).collect();
    let asserted = signed.check(client, &audiences, now).map_err(faulty)?;
    note(trail, "jti", Some(asserted.jti.clone()));
    let once = replay_key(client, &asserted);
    let once = Once { key_hash: &once, until: asserted.forget_at };
    let grant = BoxGrant { subject: &asserted.subject, found, once: Some(once), now };
    issue(ctx, &mut conn, (asking, &grant), trail).await
}

fn note(trail: &mut Event, name: &str, value: Option<String>) {
    trail.detail.insert(name.to_owned(), value.into());
}

fn replay_key(client: &Client, asserted: &Asserted) -> [u8; 32] {
    hash::sha256(format!("{}\n{}", client.id, asserted.jti).as_bytes())
}

/// The current state of application, subject and organization.
struct BoxGrant<'a> {
    subject: &'a Subject,
    found: Option<User>,
    once: Option<Once<'a>>,
    now: Timestamp,
}

async fn load(
    conn: &Conn,
    client: &Client,
    subject: &Subject,
) -> Result<(Option<User>, Timestamp), StoreError> {
    match subject {
        Subject::Enterprise(id) => box_subjects::service_account(conn, &client.id, id).await,
        Subject::User(id) => match UserId::parse(id) {
            Ok(id) => box_subjects::user(conn, &id).await,
            Err(_) => Ok((None, store::installation::settings::now(conn).await?)),
        },
    }
}

const NO_SUCH_SUBJECT: BoxRefusal = BoxRefusal::Fault(AssertionFault::Subject);
const USED: Failure<BoxRefusal> = Failure::Refused(BoxRefusal::Fault(AssertionFault::JtiUsed));

async fn issue(
    ctx: &Context,
    conn: &mut Conn,
    (asking, grant): (BoxTokenRequest<'_>, &BoxGrant<'_>),
    trail: &mut Event,
) -> Result<BoxToken, Failure<BoxRefusal>> {
    let client = asking.client.client();
    if let Subject::Enterprise(id) = grant.subject {
        // Whether there is such an organization is for those to know who have let the application in.
        let let_in = client.box_.as_ref().is_some_and(|settings| {
            settings.authorized_in.iter().any(|organization| organization.as_str() == id)
        });
        if !let_in {
            return Err(Failure::Refused(BoxRefusal::NotAuthorized));
        }
    }
    let user = grant.found.clone().ok_or(Failure::Refused(NO_SUCH_SUBJECT))?;
    trail.subject = Some(user.id.to_string());
    let home = user.organization_id().map(ToString::to_string);
    trail.organization = home.or(trail.organization.take());
    match by_application(user.clone(), client, grant.now) {
        Ok(proof) => own(conn, (asking, grant), &Principal::from(proof), trail).await,
        Err(VouchRefusal::NotItsOwn) => act(ctx, conn, (asking, grant), &user, trail).await,
        Err(VouchRefusal::NotAuthorized) => Err(Failure::Refused(BoxRefusal::NotAuthorized)),
        Err(VouchRefusal::Inactive) => Err(Failure::Refused(NO_SUCH_SUBJECT)),
    }
}

/// Issues a token for the application's own user, in one statement.
async fn own(
    conn: &Conn,
    (asking, grant): (BoxTokenRequest<'_>, &BoxGrant<'_>),
    principal: &Principal,
    trail: &Event,
) -> Result<BoxToken, Failure<BoxRefusal>> {
    match mint(conn, (asking, grant.now), grant.once.as_ref(), principal, trail).await? {
        Some(token) => Ok(token),
        None => Err(USED),
    }
}

/// Issues a token with which the service account acts as a managed user.
///
/// In one transaction: the `jti` is used, the impersonation starts and the token is written, or none of it.
async fn act(
    ctx: &Context,
    conn: &mut Conn,
    (asking, grant): (BoxTokenRequest<'_>, &BoxGrant<'_>),
    subject: &User,
    trail: &Event,
) -> Result<BoxToken, Failure<BoxRefusal>> {
    let (client, now) = (asking.client.client(), grant.now);
    // An application may not learn of users in organizations that have not authorized it.
    let settings = client.box_.as_ref();
    let organization = subject
        .organization_id()
        .filter(|id| settings.is_some_and(|settings| settings.authorized_in.contains(id)));
    let (Some(organization), UserKind::Person) = (organization, subject.kind) else {
        return Err(Failure::Refused(NO_SUCH_SUBJECT));
    };
    // Checked first, because a wrong scope must not leave an impersonation without a token.
    granted_scope(asking, subject.kind)?;
    let service = box_subjects::service_account(conn, &client.id, organization.as_str()).await?.0;
    let service = service.ok_or(Failure::Refused(BoxRefusal::NotAuthorized))?;
    let granting = Granting {
        client: &client.id,
        actor: &service,
        subject: &subject.id,
        expires_at: now + lifetime(client),
    };
    conn.transaction(async |tx| {
        if let Some(Once { key_hash, until }) = grant.once {
            let first =
                store::tokens::replay_guard::first_seen(tx, box_tokens::KIND, key_hash, until);
            if !first.await? {
                return Ok(Err(USED));
            }
        }
        // `Ok`, so that the event of a refusal is kept.
        let granted = match act_as_user::grant(ctx, tx, &granting, asking.caller).await {
            Ok(granted) => granted,
            Err(Failure::Refused(denial)) => {
                return Ok(Err(Failure::Refused(refusal_of(denial))));
            }
            Err(Failure::Internal(cause)) => return Err(cause),
            Err(Failure::Busy) => return Ok(Err(Failure::Busy)),
        };
        let issued = Event {
            detail: trail.detail.clone(),
            ..Event::under(EventKind::TokenIssued, &granted, asking.caller)
        };
        match mint(tx, (asking, now), None, &Principal::from(granted), &issued).await {
            Ok(token) => Ok(token.ok_or(USED)),
            Err(Failure::Internal(cause)) => Err(cause),
            Err(refused) => Ok(Err(refused)),
        }
    })
    .await?
}

/// Creates and stores a token; `None` when the assertion was used before.
async fn mint(
    conn: &Conn,
    (asking, now): (BoxTokenRequest<'_>, Timestamp),
    once: Option<&Once<'_>>,
    principal: &Principal,
    event: &Event,
) -> Result<Option<BoxToken>, Failure<BoxRefusal>> {
    let client = asking.client.client();
    let scope = granted_scope(asking, principal.subject().kind)?;
    let prepared = issue_tokens::prepare_opaque(principal, now, now + lifetime(client));
    let token = NewToken {
        token_hash: &prepared.access_hash,
        client: &client.id,
        user: &principal.subject().id,
        impersonation: principal.impersonation().map(Impersonation::id),
        scope: &scope,
        audience: None,
        now,
        expires_at: prepared.expires_at,
    };
    let event = event.clone().with("scope", scope.as_str());
    if !box_tokens::insert(conn, once, &token, &event).await? {
        return Ok(None);
    }
    let expires_in = (prepared.expires_at - now).num_seconds();
    Ok(Some(BoxToken { access_token: prepared.into_bearer(), expires_in }))
}

/// The refusal for a denial of the decision.
fn refusal_of(denial: Denial) -> BoxRefusal {
    match denial {
        Denial::ClientNotEnabled | Denial::ImpersonationDisabled => BoxRefusal::NoUserTokens,
        Denial::ClientNotAuthorized
        | Denial::ActorInactive
        | Denial::RequesterGone
        | Denial::RequesterNotAllowed => BoxRefusal::NotAuthorized,
        Denial::OtherOrganization
        | Denial::SelfImpersonation
        | Denial::AlreadyImpersonating
        | Denial::ActorSignedOut
        | Denial::NotPermitted
        | Denial::SubjectInactive
        | Denial::ServiceAccount
        | Denial::AppUser
        | Denial::OtherApplication
        | Denial::HigherPrivileges
        | Denial::ProtocolMismatch
        | Denial::ModeNotSupported
        | Denial::CallbackUrlMismatch
        | Denial::RequesterOfOtherOrganization
        | Denial::StepUpRequired
        | Denial::Over(_) => NO_SUCH_SUBJECT,
    }
}

fn lifetime(client: &Client) -> Duration {
    Duration::seconds(client.access_token_lifetime).min(MAX_LIFETIME)
}

/// The scope: all that the application may have, or the requested part. Only service accounts manage users.
fn granted_scope(
    asking: BoxTokenRequest<'_>,
    kind: UserKind,
) -> Result<String, Failure<BoxRefusal>> {
    let client = asking.client.client();
    // Scopes of our own APIs are listed elsewhere, and Box's clients know none of them.
    let own = |scope: &str| {
        ![OFFLINE_ACCESS, MANAGE_APP_USERS, MANAGE_MANAGED_USERS].contains(&scope)
            && ApiScope::parse(scope).is_none()
    };
    let mut most = client.scopes.filter(own).union(STANDARD.iter().copied());
    if kind == UserKind::ServiceAccount {
        most = most.union([MANAGE_APP_USERS]);
        if client.box_.as_ref().is_some_and(|settings| settings.enterprise_access) {
            most = most.union([MANAGE_MANAGED_USERS]);
        }
    }
    match asking.scope {
        None => Ok(most.to_string()),
        Some(asked) if asked.is_subset_of(&most) => Ok(asked.to_string()),
        Some(_) => Err(Failure::Refused(BoxRefusal::Scope)),
    }
}
