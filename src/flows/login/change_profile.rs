//! Changes a user's own names.
use crate::audit::{Event, EventKind};
use crate::authentication::Session;
use crate::domain::caller::Caller;
use crate::domain::text::is_plain_line;
use crate::flows::Context;
pub use crate::store::directory::users::UserNames;
use crate::store::{self, StoreError, Transactional as _};

/// Characters in a name.
pub const MAX_NAME_LEN: usize = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProfileRefusal {
    #[error("a name has more than 200 characters")]
    TooLong,
    #[error("a name has a character that cannot be shown")]
    Control,
}

/// Names as they were typed, trimmed; an empty one is none.
pub fn read(typed: [String; 4]) -> Result<UserNames, ProfileRefusal> {
    for text in &typed {
        if text.chars().count() > MAX_NAME_LEN {
            return Err(ProfileRefusal::TooLong);
        }
        if !is_plain_line(text.trim()) {
            return Err(ProfileRefusal::Control);
        }
    }
    let [name, given_name, family_name, nickname] = typed.map(|text| {
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    });
    Ok(UserNames { name, given_name, family_name, nickname })
}

/// The event names which fields are others now, never what stands in them.
pub async fn change_profile(
    ctx: &Context,
    session: &Session,
    names: &UserNames,
    caller: &Caller,
) -> Result<(), StoreError> {
    let profile = &session.user.profile;
    let fields = [
        ("name", &profile.name, &names.name),
        ("given_name", &profile.given_name, &names.given_name),
        ("family_name", &profile.family_name, &names.family_name),
        ("nickname", &profile.nickname, &names.nickname),
    ];
    let changed = fields.into_iter().filter(|(_, old, new)| old != new);
    let changed: Vec<&str> = changed.map(|(field, _, _)| field).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let event = Event::by_owner(EventKind::UserChanged, &session.user, caller);
    let event = event.with("fields", changed);
    let mut conn = ctx.store.conn().await?;
    conn.transaction::<_, StoreError, _>(async |tx| {
        store::directory::users::set_names(tx, &session.user.id, names).await?;
        store::trail::append::append(tx, &event).await
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(name: &str) -> [String; 4] {
        [name.to_owned(), String::new(), String::new(), String::new()]
    }

    #[test]
    fn a_name_is_trimmed_and_an_empty_one_is_none() {
        assert_eq!(read(typed("  Ada ")).unwrap().name.as_deref(), Some("Ada"));
        assert_eq!(read(typed(" ")).unwrap(), UserNames::default());
    }

    #[test]
    fn h25_a_name_holds_no_line_break_and_no_escape() {
        for text in ["a\nb", "a\r\nSet-Cookie: x", "\u{1b}[31mred", "\0"] {
            assert_eq!(read(typed(text)), Err(ProfileRefusal::Control), "{text:?}");
        }
        assert_eq!(read(typed(&"x".repeat(201))), Err(ProfileRefusal::TooLong));
    }
}
