//! Protects the last administrator from being removed, demoted or deactivated (H14).
//!
//! The count holds a lock on the role `admin` until the transaction ends, so that two concurrent changes cannot
//! remove the last two.
use crate::domain::UserId;
use crate::domain::role::ADMIN;
use crate::store::directory::roles::{Administrators, list_of, lock_and_count_administrators};
use crate::store::{Conn, StoreError};

/// How many there were before.
pub struct Before(Option<Administrators>);

/// Call it before a change that may remove `user` as administrator, with their row locked. Cheap for
/// non-administrators: no further query.
pub async fn before_change_of(tx: &Conn, user: &UserId) -> Result<Before, StoreError> {
    let is_one = list_of(tx, user.as_str()).await?.iter().any(|role| role.name == ADMIN);
    if is_one { before_change(tx).await } else { Ok(Before(None)) }
}

/// As [`before_change_of`], for a change that may remove several.
pub async fn before_change(tx: &Conn) -> Result<Before, StoreError> {
    Ok(Before(Some(lock_and_count_administrators(tx).await?)))
}

impl Before {
    /// Whether an administrator is left: one of the operator's staff, if there was one. If not, the transaction
    /// must be rolled back.
    pub async fn leaves_somebody(self, tx: &Conn) -> Result<bool, StoreError> {
        let Some(before) = self.0 else { return Ok(true) };
        let now = lock_and_count_administrators(tx).await?;
        Ok((before.of_operator == 0 || now.of_operator > 0) && (before.all == 0 || now.all > 0))
    }
}
