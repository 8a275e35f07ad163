//! Versions of the directory, one for each organization: cached data is valid as long as the versions of its read
//! have not changed.
//!
//! Triggers set a new version with the commit of a change. A statement reads all of them, because there are rows
//! only for organizations that have changed since the last change of everything.
use crate::domain::OrganizationId;
use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::sql_types::{Array, Text};
use std::sync::Arc;

/// The versions that a statement saw.
#[derive(Debug, Clone, PartialEq, Eq, deserialize::FromSqlRow)]
pub struct DirectoryVersions {
    /// Version of roles, settings and applications without an organization, which covers everything else.
    everything: i64,
    /// Versions of the organizations that have changed since; the empty name covers users without one.
    changed: Arc<[(Box<str>, i64)]>,
}

/// The version of one organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct OrganizationVersion {
    everything: i64,
    own: Option<i64>,
}

impl DirectoryVersions {
    /// `None`: of the people without an organization.
    pub(in crate::store) fn of(
        &self,
        organization: Option<&OrganizationId>,
    ) -> OrganizationVersion {
        let name = organization.map_or("", OrganizationId::as_str);
        let own = self.changed.iter().find(|(changed, _)| **changed == *name);
        OrganizationVersion { everything: self.everything, own: own.map(|(_, version)| *version) }
    }

    /// Whether nothing of `organization` has changed between the two.
    pub(in crate::store) fn agree(
        &self,
        other: &Self,
        organization: Option<&OrganizationId>,
    ) -> bool {
        self.of(organization) == other.of(organization)
    }
}

/// `version key`, see the migration.
impl FromSql<Array<Text>, Pg> for DirectoryVersions {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let rows: Vec<String> = FromSql::<Array<Text>, Pg>::from_sql(value)?;
        let (mut everything, mut changed) =
            (None, Vec::with_capacity(rows.len().saturating_sub(1)));
        for row in &rows {
            let (version, key) = row.split_once(' ').ok_or("a version without a name")?;
            let version: i64 = version.parse()?;
            match key.strip_prefix("org:") {
                Some(organization) => changed.push((organization.into(), version)),
                None => everything = Some(version),
            }
        }
        let everything = everything.ok_or("no version of the directory")?;
        Ok(Self { everything, changed: changed.into() })
    }
}
