//! One application at a time: what the console writes. Each change is one transaction with its audit event.
//!
//! Nobody hands out power that they do not have: whoever controls the global client can have anybody act as
//! anybody, and an application with Box permissions acts as users by itself ([`needed_for`]).
use super::application_rights::sees;
pub use super::application_rights::{keeps_secret, may_write, needed_for};
use super::conflicts::names;
use super::document;
use super::entry::{ClientEntry, version};
use super::plan::differences;
use super::step::ApplyTurn;
use super::write::{ACTOR, end_by_turn, end_tokens_of_client};
use crate::audit::{Event, EventKind};
use crate::crypto::{hash, random};
use crate::domain::caller::Caller;
use crate::domain::client::Client;
use crate::domain::user::User;
use crate::domain::{ClientId, Status, Timestamp};
use crate::flows::impersonation::end_impersonation::{Touched, judge_touched};
use crate::flows::{Context, Failure, directory::service_accounts};
use crate::store::applications::list;
pub use crate::store::applications::list::{ApplicationCard, ApplicationSearch, FoundApplications};
pub use crate::store::applications::write::ClientRecord;
use crate::store::applications::write::{self, StoredClient};
use crate::store::{self, Conn, StoreError, Transactional as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;

/// Who changes something, and from where.
#[derive(Clone, Copy)]
pub struct By<'a> {
    pub user: &'a User,
    pub caller: &'a Caller,
}

#[derive(Debug, thiserror::Error)]
pub enum WriteRefusal {
    #[error("there is no such application")]
    Missing,
    #[error("the application has rights that you lack")]
    HigherPrivileges,
    #[error("there is an application of this id")]
    IdTaken,
    /// The name by which messages find their application: `saml.entity_id` or `wsfed.realm`.
    #[error("another application has this name")]
    NameTaken(&'static str),
    #[error("the metadata was valid until {0}")]
    Expired(Timestamp),
    /// Somebody else changed it first; it is like this now.
    #[error("the application has changed")]
    Changed(Box<ClientRecord>),
    #[error("the application keeps no secret")]
    NoSecret,
}

type WrittenApplication<T> = Result<T, Failure<WriteRefusal>>;

fn refused<T>(reason: WriteRefusal) -> WrittenApplication<T> {
    Err(Failure::Refused(reason))
}

/// Everything that staff see of one application.
pub struct ApplicationView {
    pub record: ClientRecord,
    pub card: ApplicationCard,
    /// Stands for the secrets that it has: a form that makes a new one is good once.
    pub secrets: String,
}

impl ApplicationView {
    pub fn keeps_secret(&self) -> bool {
        keeps_secret(&self.record)
    }
}

/// One page of those that `reader` may see, and `after` of the next page.
pub async fn find(
    ctx: &Context,
    reader: &User,
    search: ApplicationSearch,
) -> Result<(Vec<FoundApplications>, Option<ClientId>), StoreError> {
    let organization = reader.organization_id().cloned().or(search.organization);
    let most = usize::try_from(search.limit).unwrap_or(usize::MAX);
    let wanted =
        ApplicationSearch { organization, limit: search.limit.saturating_add(1), ..search };
    let mut rows = list::search(&*ctx.store.conn().await?, &wanted).await?;
    let more = rows.len() > most;
    rows.truncate(most);
    let next = rows.last().filter(|_| more).map(|found| found.id.clone());
    Ok((rows, next))
}

/// An application that `reader` may see.
pub async fn view(
    ctx: &Context,
    reader: &User,
    id: &ClientId,
) -> Result<Option<ApplicationView>, StoreError> {
    let conn = ctx.store.conn().await?;
    let Some(stored) = write::find(&conn, id.as_str()).await? else { return Ok(None) };
    if !sees(reader, &stored.record) {
        return Ok(None);
    }
    let card = list::card(&conn, id).await?;
    let secrets = fingerprint(&stored);
    Ok(card.map(|card| ApplicationView { record: stored.record, card, secrets }))
}

/// The same as the rooms know it: what it has to be set up with.
pub async fn client(
    ctx: &Context,
    reader: &User,
    id: &ClientId,
) -> Result<Option<Client>, StoreError> {
    let client = store::applications::clients::find(&*ctx.store.conn().await?, id).await?;
    let own = |client: &Client| client.organization.as_ref().map(|it| it.id.clone());
    Ok(client
        .filter(|it| reader.organization_id().is_none_or(|mine| own(it).as_ref() == Some(mine))))
}

fn fingerprint(stored: &StoredClient) -> String {
    let mut hashes = stored.secret_hashes.clone();
    hashes.sort_unstable();
    URL_SAFE_NO_PAD.encode(hash::sha256(&hashes.concat()))
}

/// A new one. Its secret is made here if it keeps one, and is seen once, now.
pub async fn create(
    ctx: &Context,
    by: By<'_>,
    entry: &ClientEntry,
) -> WrittenApplication<Option<SecretString>> {
    let record = entry.record();
    if !sees(by.user, record) || !may_write(by.user, record) {
        return refused(WriteRefusal::HigherPrivileges);
    }
    let mut conn = ctx.store.conn().await?;
    conn.transaction(async |tx| {
        store::installation::settings::lock_applications(tx).await?;
        if write::find(tx, &record.id).await?.is_some() {
            return refused(WriteRefusal::IdTaken);
        }
        check(tx, entry).await?;
        write::put(tx, record).await?;
        let secret =
            if keeps_secret(record) { Some(new_secret(tx, &record.id).await?) } else { None };
        finish(tx, event(by, record, "create", &[]), by).await?;
        Ok(secret)
    })
    .await
}

async fn new_secret(tx: &Conn, id: &str) -> Result<SecretString, StoreError> {
    let secret = random::secret();
    write::put_secret(tx, id, &hash::hash_secret(&secret)).await?;
    Ok(SecretString::from(secret))
}

/// What cannot be seen in an entry alone.
async fn check(tx: &Conn, entry: &ClientEntry) -> WrittenApplication<()> {
    let now = store::installation::settings::now(tx).await?;
    if let Some(until) = entry.valid_until().filter(|until| *until <= now) {
        return refused(WriteRefusal::Expired(until));
    }
    let record = entry.record();
    for (what, name) in names(record.saml.as_ref(), record.wsfed.as_ref()) {
        let (taken, key) = if what == "realm" {
            (list::is_realm_taken(tx, &record.id, name).await?, "wsfed.realm")
        } else {
            (list::is_entity_id_taken(tx, &record.id, name).await?, "saml.entity_id")
        };
        if taken {
            return refused(WriteRefusal::NameTaken(key));
        }
    }
    Ok(())
}

/// With the accounts that the application has in organizations.
async fn finish(tx: &Conn, event: Event, by: By<'_>) -> Result<(), StoreError> {
    store::trail::append::append(tx, &event).await?;
    service_accounts::settle(tx, by.user.id.as_str()).await
}

fn event(by: By<'_>, record: &ClientRecord, action: &str, changed: &[String]) -> Event {
    let event = Event {
        actor: Some(by.user.id.to_string()),
        client: Some(record.id.clone()),
        organization: record.organization_id.clone(),
        ..Event::new(EventKind::ApplicationChanged, by.caller)
    };
    let event = event.with("action", action);
    if changed.is_empty() { event } else { event.with("changed", changed) }
}

/// The one that is there, if `by` may write it.
async fn found(tx: &Conn, by: By<'_>, id: &ClientId) -> WrittenApplication<StoredClient> {
    store::installation::settings::lock_applications(tx).await?;
    let stored = write::find(tx, id.as_str()).await?;
    let Some(stored) = stored.filter(|stored| sees(by.user, &stored.record)) else {
        return refused(WriteRefusal::Missing);
    };
    if may_write(by.user, &stored.record) {
        Ok(stored)
    } else {
        refused(WriteRefusal::HigherPrivileges)
    }
}

/// Makes an application what `entry` says, if it still is as `seen` ([`version`]). Whether anything changed.
pub async fn update(
    ctx: &Context,
    by: By<'_>,
    seen: &str,
    entry: &ClientEntry,
) -> WrittenApplication<bool> {
    let record = entry.record();
    let id = ClientId::parse(&record.id).map_err(|_| Failure::Refused(WriteRefusal::Missing))?;
    if !sees(by.user, record) || !may_write(by.user, record) {
        return refused(WriteRefusal::HigherPrivileges);
    }
    let mut conn = ctx.store.conn().await?;
    let changed = conn.transaction::<_, Failure<WriteRefusal>, _>(async |tx| {
        let before = found(tx, by, &id).await?.record;
        if version(&before) != seen {
            return refused(WriteRefusal::Changed(Box::new(before)));
        }
        let changed = changes(&before, record);
        if changed.is_empty() {
            return Ok(false);
        }
        check(tx, entry).await?;
        let who = (by.user.id.as_str(), by.caller);
        end_by_turn(tx, &record.id, ApplyTurn::of(&before, record), who).await?;
        write::put(tx, record).await?;
        judge_touched(tx, Touched::Application(&record.id), who.0, by.caller).await?;
        finish(tx, event(by, record, "update", &changed), by).await?;
        Ok(true)
    });
    let changed = changed.await?;
    ctx.clients.forget(&id).await;
    Ok(changed)
}

/// The names of what differs.
pub fn changes(before: &ClientRecord, after: &ClientRecord) -> Vec<String> {
    let fields = differences(&document::of_client(before), &document::of_client(after));
    fields.into_iter().map(|field| field.name).collect()
}

/// Switches it on or off. Off: everything that it was given is over for good, every impersonation in it too, and nobody
/// signs in to it. On: whatever was being made meanwhile is over as well.
pub async fn set_status(
    ctx: &Context,
    by: By<'_>,
    id: &ClientId,
    status: Status,
) -> WrittenApplication<()> {
    let mut conn = ctx.store.conn().await?;
    conn.transaction::<_, Failure<WriteRefusal>, _>(async |tx| {
        let mut record = found(tx, by, id).await?.record;
        if record.status == status.as_str() {
            return Ok(());
        }
        status.as_str().clone_into(&mut record.status);
        end_tokens_of_client(tx, &record.id, (by.user.id.as_str(), by.caller)).await?;
        write::put(tx, &record).await?;
        Ok(finish(tx, event(by, &record, "update", &["status".to_owned()]), by).await?)
    })
    .await?;
    ctx.clients.forget(id).await;
    Ok(())
}

/// What becomes of the tokens of an application that gets a new secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldTokens {
    Keep,
    /// Whoever had the old secret may have them too.
    End,
}

/// A new secret, seen once, now; the old ones are nothing any more. `seen` is [`ApplicationView::secrets`].
pub async fn rotate_secret(
    ctx: &Context,
    by: By<'_>,
    (id, seen): (&ClientId, &str),
    tokens: OldTokens,
) -> WrittenApplication<SecretString> {
    let mut conn = ctx.store.conn().await?;
    let secret = conn.transaction::<_, Failure<WriteRefusal>, _>(async |tx| {
        let stored = found(tx, by, id).await?;
        if !keeps_secret(&stored.record) {
            return refused(WriteRefusal::NoSecret);
        }
        if fingerprint(&stored) != seen {
            return refused(WriteRefusal::Changed(Box::new(stored.record)));
        }
        let secret = new_secret(tx, id.as_str()).await?;
        let changed = ["client_secret".to_owned()];
        let event = event(by, &stored.record, "update", &changed);
        let event = match tokens {
            OldTokens::Keep => event,
            OldTokens::End => {
                end_tokens_of_client(tx, id.as_str(), (by.user.id.as_str(), by.caller)).await?;
                event.with("tokens", "ended")
            }
        };
        finish(tx, event, by).await?;
        Ok(secret)
    });
    let secret = secret.await?;
    ctx.clients.forget(id).await;
    Ok(secret)
}

/// Everything that the application was given is over: codes, tokens, refresh tokens, impersonations. It stays switched
/// on, and whoever is signed in here gets it new ones without a password.
pub async fn end_tokens(ctx: &Context, by: By<'_>, id: &ClientId) -> WrittenApplication<()> {
    let mut conn = ctx.store.conn().await?;
    conn.transaction::<_, Failure<WriteRefusal>, _>(async |tx| {
        let record = found(tx, by, id).await?.record;
        end_tokens_of_client(tx, &record.id, (by.user.id.as_str(), by.caller)).await?;
        Ok(store::trail::append::append(tx, &event(by, &record, "end_tokens", &[])).await?)
    })
    .await
}

/// The same for whoever may run the program on the server; false when there is no such application.
pub async fn end_tokens_from_outside(ctx: &Context, id: &ClientId) -> Result<bool, StoreError> {
    let mut conn = ctx.store.conn().await?;
    conn.transaction(async |tx| {
        store::installation::settings::lock_applications(tx).await?;
        let Some(stored) = write::find(tx, id.as_str()).await? else { return Ok(false) };
        end_tokens_of_client(tx, id.as_str(), (ACTOR, &Caller::default())).await?;
        let event = Event {
            actor: Some(ACTOR.to_owned()),
            client: Some(id.to_string()),
            organization: stored.record.organization_id,
            ..Event::new(EventKind::ApplicationChanged, &Caller::default())
        };
        store::trail::append::append(tx, &event.with("action", "end_tokens")).await?;
        Ok(true)
    })
    .await
}

/// With the users that it made, and everything that it was handed.
pub async fn delete(ctx: &Context, by: By<'_>, id: &ClientId) -> WrittenApplication<()> {
    let mut conn = ctx.store.conn().await?;
    conn.transaction::<_, Failure<WriteRefusal>, _>(async |tx| {
        let record = found(tx, by, id).await?.record;
        end_tokens_of_client(tx, &record.id, (by.user.id.as_str(), by.caller)).await?;
        write::delete(tx, id.as_str()).await?;
        Ok(finish(tx, event(by, &record, "delete", &[]), by).await?)
    })
    .await?;
    ctx.clients.forget(id).await;
    Ok(())
}
