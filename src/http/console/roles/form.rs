//! What a role is to be: name, rank, and a box to tick for each permission.
use super::words::GROUPS;
use crate::domain::permission::{ALL, Permissions, RETIRED};
use crate::domain::role::MAX_NAME_LEN;
use crate::domain::text::whole_number;
use crate::flows::directory::manage_roles::RoleRecord;
use crate::http::console::ConsoleSession;
use crate::http::console::kit::Field;
use crate::http::ui::error::PageError;
use crate::http::ui::forms::{Form, Posted};

/// The form as a page shows it.
pub struct RoleFields {
    /// Only of a new role: a name stays.
    pub name: Option<Field>,
    pub rank: Field,
    pub groups: Vec<PermissionGroup>,
    pub others: Field,
}

pub struct PermissionGroup {
    pub label: &'static str,
    pub boxes: Vec<Tick>,
}

pub struct Tick {
    pub name: &'static str,
    pub label: &'static str,
    pub ticked: bool,
    /// Not theirs to hand out, so it cannot be ticked.
    pub locked: bool,
}

/// What was typed, before it is checked.
pub struct RoleFormInput {
    pub name: String,
    pub rank: String,
    pub permissions: Vec<String>,
    pub others: String,
}

impl RoleFormInput {
    pub fn of(role: &RoleRecord) -> Self {
        let ours = |name: &&String| ALL.contains(&name.as_str());
        let others = role.permissions.iter().map(String::as_str);
        let others: Vec<&str> =
            others.filter(|it| !ALL.contains(it) && !RETIRED.contains(it)).collect();
        Self {
            name: role.name.clone(),
            rank: role.rank.to_string(),
            permissions: role.permissions.iter().filter(ours).cloned().collect(),
            others: others.join("\n"),
        }
    }

    pub fn read(console: &ConsoleSession, posted: Posted) -> Result<(Self, Form), PageError> {
        let own = ["csrf", "name", "rank", "others"];
        let names: Vec<&str> = own.into_iter().chain(ALL.iter().copied()).collect();
        let form = posted.only(console.request(), &names)?;
        let ticked = ALL.iter().filter(|name| form.get(name) == "on");
        let typed = Self {
            name: form.get("name").to_owned(),
            rank: form.get("rank").to_owned(),
            permissions: ticked.map(|name| (*name).to_owned()).collect(),
            others: form.get("others").to_owned(),
        };
        Ok((typed, form))
    }

    /// An unreadable rank is below all that there are, and so refused.
    pub fn role(&self, name: &str) -> RoleRecord {
        let others = self.others.split_whitespace().map(str::to_owned);
        RoleRecord {
            name: name.to_owned(),
            permissions: self.permissions.iter().cloned().chain(others).collect(),
            rank: rank_of(&self.rank).unwrap_or(-1),
        }
    }

    /// `wrong` names a field and says how.
    pub fn fields(
        &self,
        own: &Permissions,
        highest: i32,
        wrong: Option<(&'static str, &str)>,
    ) -> RoleFields {
        let error =
            |name| wrong.filter(|(field, _)| *field == name).map(|(_, text)| text.to_owned());
        let tick = |(name, label): &(&'static str, &'static str)| Tick {
            name,
            label,
            ticked: self.permissions.iter().any(|it| it == name),
            locked: !own.covers(name),
        };
        let groups = GROUPS.iter().map(|(label, entries)| PermissionGroup {
            label,
            boxes: entries.iter().map(tick).collect(),
        });
        let name = Field::new("name", "Name", &self.name).required().at_most(MAX_NAME_LEN);
        RoleFields {
            name: Some(name.error(error("name"))),
            rank: Field::new("rank", "Rank", &self.rank)
                .required()
                .of_kind("number")
                .at_most(4)
                .hint("Nobody gives or takes a role of a higher rank than their own.")
                .error(error("rank").or_else(|| too_high(&self.rank, highest))),
            groups: groups.collect(),
            others: Field::new("others", "Other permissions", &self.others)
                .at_most(10_000)
                .hint("Words that your applications know, one a line: orders:refund.")
                .error(error("others")),
        }
    }
}

fn rank_of(text: &str) -> Option<i32> {
    whole_number(text.trim()).and_then(|rank| i32::try_from(rank).ok())
}

fn too_high(rank: &str, highest: i32) -> Option<String> {
    let above = rank_of(rank).is_some_and(|rank| rank > highest);
    above.then(|| format!("Your own rank is {highest}."))
}
