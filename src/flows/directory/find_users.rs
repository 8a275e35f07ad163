//! Searches users.
use crate::domain::UserId;
use crate::domain::user::User;
use crate::flows::{Context, Failure};
pub use crate::store::directory::search::{ApplicationChoice, FoundUsers, UserSearch};
use crate::store::{StoreError, directory::search};

/// A longer text is no name.
pub const MAX_TEXT_LEN: usize = 256;
/// As many organizations as a list to choose from holds.
const MAX_CHOICES: i64 = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FindRefusal {
    #[error("the text is longer than {MAX_TEXT_LEN} characters")]
    TooLong,
}

pub struct UsersResult {
    pub rows: Vec<FoundUsers>,
    /// `after` of the next page.
    pub next: Option<UserId>,
}

/// One page of those that `reader` may see: of their organization, or everybody for the operator's staff.
pub async fn find_users(
    ctx: &Context,
    reader: &User,
    search: UserSearch,
) -> Result<UsersResult, Failure<FindRefusal>> {
    if search.text.chars().count() > MAX_TEXT_LEN {
        return Err(Failure::Refused(FindRefusal::TooLong));
    }
    let organization = reader.organization_id().cloned().or(search.organization);
    let most = usize::try_from(search.limit).unwrap_or(usize::MAX);
    let wanted = UserSearch { organization, limit: search.limit.saturating_add(1), ..search };
    let mut rows = search::search(&*ctx.store.conn().await?, &wanted).await?;
    let more = rows.len() > most;
    rows.truncate(most);
    let next = rows.last().filter(|_| more).map(|found| found.id.clone());
    Ok(UsersResult { rows, next })
}

/// What the filters offer.
pub struct Choices {
    /// Empty for staff of one organization.
    pub organizations: Vec<ApplicationChoice>,
    pub roles: Vec<ApplicationChoice>,
}

pub async fn choices(ctx: &Context, reader: &User) -> Result<Choices, StoreError> {
    let conn = ctx.store.conn().await?;
    let roles = search::roles(&conn, MAX_CHOICES).await?;
    let organizations = match reader.organization_id() {
        Some(_) => Vec::new(),
        None => search::organizations(&conn, MAX_CHOICES).await?,
    };
    Ok(Choices { organizations, roles })
}
