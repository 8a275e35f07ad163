//! `keys`: the keys that sign tokens and links.
use super::commands::{with_context, with_database, with_keys};
use super::{Problem, output};
use crate::config::SettingsPurpose;
use crate::domain::Timestamp;
use crate::domain::caller::Caller;
use crate::flows::logout::sign_out_all::in_words;
use crate::flows::operations::replace_keys::replace_compromised;
use crate::flows::operations::rotate_keys as keys;
use crate::store;
use serde_json::json;

const DATE: &str = "%Y-%m-%d %H:%M";

/// Sealed as they are, so no master key is needed.
pub fn list() -> Result<(), Problem> {
    with_database(SettingsPurpose::Database, async |conn| {
        let (keys, _) = store::tokens::signing_keys::list(&conn).await?;
        let date = |at: Timestamp| at.format(DATE).to_string();
        let header = ["ID", "PURPOSE", "ALGORITHM", "STATE", "CREATED (UTC)", "RETIRES (UTC)"];
        let mut rows = vec![header.map(str::to_owned).to_vec()];
        rows.extend(keys.iter().map(|key| {
            let retires = key.retires_at.map_or_else(|| "-".to_owned(), date);
            let words = [&key.id, &key.purpose, &key.algorithm, &key.state].map(Clone::clone);
            words.into_iter().chain([date(key.created_at), retires]).collect()
        }));
        let value = keys.iter().map(|key| {
            json!({
                "id": key.id,
                "purpose": key.purpose,
                "algorithm": key.algorithm,
                "state": key.state,
                "created_at": key.created_at,
                "retires_at": key.retires_at,
            })
        });
        output::result(&json!({ "keys": value.collect::<Vec<_>>() }), &output::table(&rows));
        Ok(())
    })
}

pub fn rotate() -> Result<(), Problem> {
    with_keys(SettingsPurpose::Sealing, async |ctx| {
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
    with_keys(SettingsPurpose::Sealing, async |ctx| {
        let mut conn = ctx.store.conn().await?;
        let nobody = (None, &Caller::default());
        say(&keys::rotate(&mut conn, &ctx.shared.keys, nobody).await?);
        Ok(())
    })
}

fn say(signing: &[String]) {
    output::done(&json!({ "signing": signing }), &lines(signing));
}

fn lines(signing: &[String]) -> String {
    signing.iter().map(|id| format!("now signing: {id}")).collect::<Vec<_>>().join("\n")
}

/// For a key that may be in other hands.
pub fn replace() -> Result<(), Problem> {
    with_context(SettingsPurpose::Sealing, async |ctx| {
        let mut conn = ctx.store.conn().await?;
        let keys = &ctx.shared.keys;
        let done = replace_compromised(&mut conn, keys, &Caller::default()).await?;
        let ended = json!({
            "sessions": done.ended.sessions,
            "tokens": done.ended.tokens,
            "impersonations": done.ended.impersonations,
        });
        let text = format!(
            "{}\nended: {} sessions, {} tokens, {} impersonations\n\
             next: have every SAML and WS-Federation application fetch our metadata again (docs/setup/stolen-key.md)",
            lines(&done.signing),
            in_words(done.ended.sessions),
            in_words(done.ended.tokens),
            in_words(done.ended.impersonations)
        );
        output::done(&json!({ "signing": done.signing, "ended": ended }), &text);
        Ok(())
    })
}
