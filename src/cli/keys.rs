//! `keys`: the keys that sign tokens and links.
use super::commands::{with_context, with_database, with_keys};
use super::{Problem, output};
use crate::config::Purpose;
use crate::domain::Timestamp;
use crate::domain::caller::Caller;
use crate::flows::replace_keys::replace_compromised;
use crate::flows::rotate_keys as keys;
use crate::flows::sign_out_all::in_words;
use crate::store;

const DATE: &str = "%Y-%m-%d %H:%M";

/// Sealed as they are, so no master key is needed.
pub fn list() -> Result<(), Problem> {
    with_database(Purpose::Database, async |conn| {
        let (keys, _) = store::signing_keys::list(&conn).await?;
        output::line(&row([
            "ID",
            "PURPOSE",
            "ALGORITHM",
            "STATE",
            "CREATED (UTC)",
            "RETIRES (UTC)",
        ]));
        for key in keys {
            let date = |at: Timestamp| at.format(DATE).to_string();
            let retires = key.retires_at.map_or_else(|| "-".to_owned(), date);
            let created = date(key.created_at);
            output::line(&row([
                &key.id,
                &key.purpose,
                &key.algorithm,
                &key.state,
                &created,
                &retires,
            ]));
        }
        Ok(())
    })
}

fn row([id, purpose, algorithm, state, created, retires]: [&str; 6]) -> String {
    format!("{id:40}  {purpose:7}  {algorithm:9}  {state:9}  {created:16}  {retires}")
        .trim_end()
        .to_owned()
}

pub fn rotate() -> Result<(), Problem> {
    with_keys(Purpose::Sealing, async |ctx| {
        let mut conn = ctx.store.conn().await?;
        let nobody = (None, &Caller::default());
        match keys::rotate_published(&mut conn, &ctx.shared.keys, nobody).await? {
            Some(signing) => say(&signing),
            None => {
                return Err(Problem::failed(
                    "the next keys have been published for less than 24 hours, so applications that keep the list \
                     of keys would refuse what they sign; wait, or use --force",
                ));
            }
        }
        Ok(())
    })
}

/// Even if nobody has seen the next keys yet.
pub fn rotate_now() -> Result<(), Problem> {
    with_keys(Purpose::Sealing, async |ctx| {
        let mut conn = ctx.store.conn().await?;
        let nobody = (None, &Caller::default());
        say(&keys::rotate(&mut conn, &ctx.shared.keys, nobody).await?);
        Ok(())
    })
}

fn say(signing: &[String]) {
    for id in signing {
        output::line(&format!("now signing: {id}"));
    }
}

/// For a key that may be in other hands.
pub fn replace() -> Result<(), Problem> {
    with_context(Purpose::Sealing, async |ctx| {
        let mut conn = ctx.store.conn().await?;
        let keys = &ctx.shared.keys;
        let done = replace_compromised(&mut conn, keys, &Caller::default()).await?;
        say(&done.signing);
        output::line(&format!(
            "ended: {} sessions, {} tokens, {} impersonations",
            in_words(done.ended.sessions),
            in_words(done.ended.tokens),
            in_words(done.ended.impersonations)
        ));
        output::line(
            "next: have every SAML and WS-Federation application fetch our metadata again (docs/setup/stolen-key.md)",
        );
        Ok(())
    })
}
