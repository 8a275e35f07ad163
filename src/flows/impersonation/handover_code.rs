//! A short code that carries an impersonation to another window of its actor.
//!
//! The console shows it; at `/go`, in a private window, the same person signs in and types it. The code is
//! no credential of the impersonation: what was asked for waits in the database, is decided again when the
//! code is used, and becomes a link that has to be confirmed. One use, five minutes, one person.
use super::start_impersonation::{self, OpenedBy, Start, StartRefusal, issue, judge, noted};
use crate::audit::{Event, EventKind};
use crate::authentication::Session;
use crate::authentication::throttle::RetryAfter;
use crate::crypto::{hash, random};
use crate::domain::Timestamp;
use crate::domain::caller::Caller;
use crate::domain::protocol::{Channel, Mode, ProtocolName};
use crate::domain::user::User;
use crate::flows::login::failed_attempts::FailureKeys;
use crate::flows::{Context, Failure, login::step_up};
use crate::impersonation::{ActorProof, RequestedBy};
use crate::login::Parameters;
use crate::store::impersonations::Ticket;
use crate::store::sessions::handover_codes::{NewHandoverCode, Used};
use crate::store::{self, Conn, StoreError, Transactional as _};
use chrono::Duration;
use serde::{Deserialize, Serialize};

/// Long enough to open a window, sign in and type.
const LIFETIME: Duration = Duration::minutes(5);
/// A second press of the button is recognized for this long.
const AGAIN_WITHIN: Duration = Duration::minutes(1);
/// 40 bits. With ten guesses in a quarter of an hour for each person and address, that is plenty.
const LETTERS: usize = 8;
/// Crockford's base 32: no letter is taken for a digit.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The part of a [`Start`] that is stored; the actor is authenticated again.
#[derive(Serialize, Deserialize)]
struct StoredHandover {
    protocol: ProtocolName,
    parameters: Parameters,
    mode: Mode,
    duration: Option<i64>,
    target_link_uri: Option<String>,
    reason: Option<String>,
    reason_code: Option<String>,
    ticket: Option<String>,
}

/// A new code. It is shown once.
pub struct Code {
    /// In two halves, to be read aloud: `K7QM-4TXP`.
    pub text: String,
    pub expires_at: Timestamp,
}

/// Decides as for a link, and makes a code that becomes one.
///
/// # Errors
///
/// A refusal is in the audit trail before it is returned.
pub async fn make_code(
    ctx: &Context,
    start: &Start,
    caller: &Caller,
) -> Result<Code, Failure<StartRefusal>> {
    let conn = ctx.store.conn().await?;
    let granted = judge(ctx, &conn, (start, OpenedBy::ItsActor), caller).await?.granted;
    let now = granted.terms().starts_at;
    let letters = draw();
    let stored = serde_json::to_value(stored_request(start))
        .map_err(|e| StoreError::Corrupt { table: "handover_codes", what: e.to_string() })?;
    let code = NewHandoverCode {
        code_hash: &code_hash(&letters),
        actor: &start.actor,
        subject: &start.subject,
        client: &start.client,
        request: &stored,
        now,
        expires_at: now + LIFETIME,
    };
    let event = noted(Event::under(EventKind::ImpersonationRequested, &granted, caller), start);
    // There is no link yet, so the event names no impersonation.
    let event = Event { impersonation: None, ..event.with("way", "code") };
    store::sessions::handover_codes::insert(&conn, &code, &event).await?;
    let (one, other) = letters.split_at(LETTERS / 2);
    Ok(Code { text: format!("{one}-{other}"), expires_at: code.expires_at })
}

fn stored_request(start: &Start) -> StoredHandover {
    StoredHandover {
        protocol: start.protocol,
        parameters: start.parameters.clone(),
        mode: start.mode,
        duration: start.duration,
        target_link_uri: start.target_link_uri.clone(),
        reason: start.reason.clone(),
        reason_code: start.reason_code.clone(),
        ticket: start.ticket.clone(),
    }
}

fn draw() -> String {
    let letter = |byte: u8| ALPHABET.get(usize::from(byte & 31)).map_or('0', |b| char::from(*b));
    random::bytes::<LETTERS>().into_iter().map(letter).collect()
}

fn code_hash(letters: &str) -> Vec<u8> {
    hash::hash_secret(&format!("handover\0{letters}"))
}

/// Normalizes a typed code: any case, with or without the dash, `O` for zero and `I` or `L` for one.
fn read(typed: &str) -> Option<String> {
    let letters =
        typed.chars().filter(|c| !matches!(c, '-' | ' ')).map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            letter => letter,
        });
    let letters: String = letters.take(LETTERS + 1).collect();
    let known = letters.bytes().all(|byte| ALPHABET.contains(&byte));
    (known && letters.len() == LETTERS).then_some(letters)
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeRefusal {
    /// Unknown, used, expired, or another person's: one answer for all.
    #[error("the code is not good")]
    NotGood,
    #[error("too many attempts")]
    Throttled(RetryAfter),
    /// The code is valid, but the sign-in is too old. The code stays usable.
    #[error("the person signed in too long ago")]
    StepUp,
    /// The request that was granted in the console is refused now. The code is used up.
    #[error(transparent)]
    Start(StartRefusal),
}

/// Redeems `typed` for the user of `session`; returns the URL of the new link.
///
/// A repeated submit returns the same link.
pub async fn use_code(
    ctx: &Context,
    session: &Session,
    typed: &str,
    caller: &Caller,
) -> Result<String, Failure<CodeRefusal>> {
    let person = &session.user;
    let is_recent = step_up::is_recent(ctx, session).await?;
    let keys = FailureKeys::of_anonymous("go", person.id.as_str(), caller);
    let mut conn = ctx.store.conn().await?;
    let attempt = keys.begin(ctx, &mut conn).await?;
    let attempt = attempt.map_err(|wait| Failure::Refused(CodeRefusal::Throttled(wait)))?;
    let letters = read(typed);
    if let Some(letters) = &letters {
        let hash = code_hash(letters);
        if !is_recent && store::sessions::handover_codes::waits(&conn, &hash, &person.id).await? {
            // A valid code is no failed attempt.
            attempt.given_up(&conn).await?;
            return Err(Failure::Refused(CodeRefusal::StepUp));
        }
        let opening = Opening { session, letters, keys: &keys };
        if let Some(outcome) = begin(ctx, &mut conn, &opening, caller).await? {
            return outcome.map_err(|refusal| Failure::Refused(CodeRefusal::Start(refusal)));
        }
        if let Some(url) = find_link(ctx, &conn, (session, letters)).await? {
            attempt.given_up(&conn).await?;
            return Ok(url);
        }
    }
    let hash = letters.map(|letters| code_hash(&letters));
    let event = failure(&conn, (person, hash.as_deref()), caller).await?;
    attempt.failed(&mut conn, &event).await?;
    Err(Failure::Refused(CodeRefusal::NotGood))
}

/// A code that was entered in a session.
struct Opening<'a> {
    session: &'a Session,
    letters: &'a str,
    keys: &'a FailureKeys,
}

/// Redeems the code and creates its link, in one transaction: a concurrent submit waits for it and then finds the
/// link. `None`: the code is not valid for this user. The code is used up also when the request is refused.
async fn begin(
    ctx: &Context,
    conn: &mut Conn,
    opening: &Opening<'_>,
    caller: &Caller,
) -> Result<Option<Result<String, StartRefusal>>, StoreError> {
    let Opening { session, letters, keys } = opening;
    let hash = code_hash(letters);
    conn.transaction::<_, StoreError, _>(async |tx| {
        let used = store::sessions::handover_codes::redeem(tx, &hash, &session.user.id).await?;
        let Some(used) = used else { return Ok(None) };
        keys.forget(tx).await?;
        let start = again(session, used)?;
        let mut prepared = match judge(ctx, tx, (&start, OpenedBy::ItsActor), caller).await {
            Ok(prepared) => prepared,
            Err(Failure::Refused(refusal)) => return Ok(Some(Err(refusal))),
            Err(Failure::Internal(cause)) => return Err(cause),
            Err(Failure::Busy) => return Err(StoreError::Unavailable("busy".into())),
        };
        prepared.secret = secret_of(ctx, session, letters);
        match issue(ctx, tx, &start, prepared, caller).await {
            Ok(issued) => Ok(Some(Ok(issued.url))),
            Err(Failure::Refused(refusal)) => Ok(Some(Err(refusal))),
            Err(Failure::Internal(cause)) => Err(cause),
            Err(Failure::Busy) => Err(StoreError::Unavailable("busy".into())),
        }
    })
    .await
}

/// The ticket secret of a code's link. It is derived from code and session, so that a repeated submit finds the
/// link although no secret is stored. Only this server can derive it.
fn secret_of(ctx: &Context, session: &Session, letters: &str) -> String {
    ctx.shared.forms.sign("link of a code", &[session.id.as_str(), letters])
}

/// The link that the code has become in this session within the last minute, if it waits.
async fn find_link(
    ctx: &Context,
    conn: &Conn,
    (session, letters): (&Session, &str),
) -> Result<Option<String>, StoreError> {
    let since = store::installation::settings::now(conn).await? - AGAIN_WITHIN;
    let (hash, person) = (code_hash(letters), &session.user.id);
    if !store::sessions::handover_codes::was_just_used(conn, &hash, person, since).await? {
        return Ok(None);
    }
    let secret = secret_of(ctx, session, letters);
    let ticket = store::impersonations::find_by_ticket(conn, &hash::hash_secret(&secret)).await?;
    let waiting =
        ticket.filter(|it| it.record.redeemed_at.is_none() && it.record.ended_at.is_none());
    let Some(Ticket { record, link, .. }) = waiting else { return Ok(None) };
    start_impersonation::url_of(ctx, &record.subject, link.expires_at.timestamp(), &secret)
        .map(Some)
}

fn again(session: &Session, used: Used) -> Result<Start, StoreError> {
    let person = &session.user.id;
    let stored: StoredHandover = serde_json::from_value(used.request)
        .map_err(|e| StoreError::Corrupt { table: "handover_codes", what: e.to_string() })?;
    Ok(Start {
        channel: Channel::Console,
        requested_by: RequestedBy::Session(person.clone()),
        scopes: None,
        at: None,
        actor: person.clone(),
        proof: ActorProof::Session { authenticated_at: session.authenticated_at },
        subject: used.subject,
        client: used.client,
        protocol: stored.protocol,
        parameters: stored.parameters,
        mode: stored.mode,
        ttl: None,
        duration: stored.duration,
        target_link_uri: stored.target_link_uri,
        reason: stored.reason,
        reason_code: stored.reason_code,
        ticket: stored.ticket,
        ignored: Vec::new(),
    })
}

/// Records the failure. A code of another user deserves an alert; the typed text is not stored.
async fn failure(
    conn: &Conn,
    (person, hash): (&User, Option<&[u8]>),
    caller: &Caller,
) -> Result<Event, StoreError> {
    let owner = match hash {
        Some(hash) => store::sessions::handover_codes::find_actor(conn, hash).await?,
        None => None,
    };
    let because = match owner {
        Some(owner) if owner != person.id.as_str() => "this code is for somebody else",
        Some(_) => "this code is used or expired",
        None => "there is no such code",
    };
    Ok(Event {
        actor: Some(person.id.to_string()),
        organization: person.organization_id().map(ToString::to_string),
        channel: Some(Channel::Console.as_str()),
        ..Event::new(EventKind::LinkRejected, caller).because(because)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        for typed in ["K7QM4TXP", "k7qm-4txp", " K7QM 4TXP "] {
            assert_eq!(read(typed).as_deref(), Some("K7QM4TXP"));
        }
        assert_eq!(read("ol10-il0o").as_deref(), Some("01101100"));
        for typed in ["", "K7QM4TX", "K7QM4TXPP", "K7QM4TXU", "K7QM4TXÄ", "%00'\"<>;"] {
            assert_eq!(read(typed), None, "{typed}");
        }
    }

    #[test]
    fn codes_are_drawn_from_the_whole_alphabet_and_read_as_drawn() {
        let drawn: Vec<String> = (0..500).map(|_| draw()).collect();
        assert!(drawn.iter().all(|code| read(code).as_ref() == Some(code)));
        let letters: std::collections::HashSet<char> = drawn.concat().chars().collect();
        assert_eq!(letters.len(), ALPHABET.len());
    }
}
