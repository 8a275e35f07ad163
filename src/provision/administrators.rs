//! A file takes the last administrator away as little as the console does (H14).
use super::step::{ApplyStep, Write};
use super::stored::StoredDirectory;
use crate::domain::Status;
use crate::domain::role::ADMIN;
use crate::domain::user::UserKind;
use crate::store::directory::organizations::OrganizationRecord;
use crate::store::directory::roles::Administrators;
use crate::store::directory::write::UserRecord;
use std::collections::HashMap;

/// What a file that would do it is refused with.
pub(super) const NOBODY_LEFT: &str = "nobody would be left who administers this installation: name an active user with the role `admin`";

/// Whether somebody is left of those who were there, of the operator's staff too.
pub(super) fn leaves_somebody(before: Administrators, after: Administrators) -> bool {
    (before.of_operator == 0 || after.of_operator > 0) && (before.all == 0 || after.all > 0)
}

pub(super) fn before(stored: &StoredDirectory) -> Administrators {
    count(stored, &[])
}

pub(super) fn after(stored: &StoredDirectory, steps: &[ApplyStep]) -> Administrators {
    count(stored, steps)
}

fn count(stored: &StoredDirectory, steps: &[ApplyStep]) -> Administrators {
    let mut organizations: HashMap<&str, &OrganizationRecord> =
        stored.organizations.iter().map(|record| (record.id.as_str(), record)).collect();
    let mut users: HashMap<&str, (&UserRecord, &[String])> = stored
        .administrators
        .iter()
        .chain(&stored.users)
        .map(|user| (user.record.id.as_str(), (&user.record, user.roles.as_slice())))
        .collect();
    for step in steps {
        match &step.write {
            Write::Organization { record, .. } => {
                organizations.insert(&record.id, record);
            }
            Write::User(user) => {
                users.insert(&user.record.id, (&user.record, &user.roles));
            }
            Write::DeleteUser => {
                users.remove(step.change.id.as_str());
            }
            Write::Settings { .. }
            | Write::Role(_)
            | Write::Client { .. }
            | Write::DeleteOrganization
            | Write::DeleteRole
            | Write::DeleteClient => {}
        }
    }
    let is_on = |status: &str| status == Status::Active.as_str();
    let mut found = Administrators { of_operator: 0, all: 0 };
    for (record, roles) in users.into_values() {
        let home = record.organization_id.as_deref().map(|id| organizations.get(id));
        let is_home = home.is_none_or(|home| home.is_some_and(|it| is_on(&it.status)));
        let is_person = is_on(&record.status) && record.kind == UserKind::Person.as_str();
        if is_home && is_person && roles.iter().any(|role| role == ADMIN) {
            found.all += 1;
            found.of_operator += i32::from(record.organization_id.is_none());
        }
    }
    found
}
