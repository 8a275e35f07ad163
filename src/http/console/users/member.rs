//! Changes to the roles and the status of a user.
use crate::domain::user::User;
use crate::domain::{Status, UserId};
use crate::flows::Failure;
use crate::flows::directory::manage_members::{
    MemberRefusal, MembershipChange, change_member, offer,
};
use crate::http::console::kit::Select;
use crate::http::console::{ConsoleSession, roles};
use crate::http::ui::error::PageError;
use actix_web::http::StatusCode;

pub(super) const GIVE: &str = "give-role";
pub(super) const TAKE: &str = "take-role";
pub const STATUS: &str = "status-of-user";

/// What the page offers about a user; nothing that would be refused.
pub struct Member {
    pub roles: Vec<HeldRole>,
    /// `None`: no role can be given.
    pub give: Option<Give>,
    /// `None`: not for this person to change.
    pub status: Option<Flip>,
}

pub struct HeldRole {
    pub name: String,
    pub href: String,
    /// A token for taking it away, if that may be.
    pub take: Option<String>,
}

pub struct Give {
    pub roles: Select,
    pub csrf: String,
}

pub struct Flip {
    pub to: &'static str,
    pub csrf: String,
}

/// `wrong` is what stands at the field of the role to be given.
pub async fn member(
    console: &ConsoleSession,
    user: &User,
    wrong: Option<&str>,
) -> Result<Member, PageError> {
    let offer = offer(console.ctx(), console.user(), user).await;
    let offer = offer.map_err(|e| console.accident(&e))?;
    let id = user.id.as_str();
    let held = offer.held.into_iter().map(|(role, takable)| HeldRole {
        href: roles::path(&role.name),
        take: takable.then(|| console.token(TAKE, &[id])),
        name: role.name,
    });
    let some = !offer.givable.is_empty();
    // The lowest first, and none chosen: nobody becomes an administrator by a slip.
    let givable = offer.givable.into_iter().rev().map(|role| (role.name.clone(), role.name));
    let choices = std::iter::once((String::new(), "Choose a role".to_owned())).chain(givable);
    let give = some.then(|| Give {
        roles: Select::new("role", "Add a role", choices, "")
            .required()
            .error(wrong.map(str::to_owned)),
        csrf: console.token(GIVE, &[id]),
    });
    let to = if user.status.is_active() { Status::Inactive } else { Status::Active };
    let status = offer.status.then(|| Flip { to: to.as_str(), csrf: console.token(STATUS, &[id]) });
    Ok(Member { roles: held.collect(), give, status })
}

pub const SENTENCES: &[(&str, &str)] = &[
    ("given", "Role added."),
    ("taken", "Role removed."),
    ("inactive", "Deactivated. They are signed out everywhere and can't be impersonated."),
    ("active", "Reactivated. They can sign in again."),
];

pub async fn apply(
    console: &ConsoleSession,
    user: &UserId,
    change: MembershipChange<'_>,
) -> Result<(), PageError> {
    let caller = &console.browser.caller;
    let done = change_member(console.ctx(), console.user(), (user, change), caller).await;
    done.map_err(|failure| refused(console, failure))
}

fn refused(console: &ConsoleSession, failure: Failure<MemberRefusal>) -> PageError {
    let request = console.request();
    let no = |status, heading, text| PageError::new(request, status, heading, text);
    let (forbidden, conflict) = (StatusCode::FORBIDDEN, StatusCode::CONFLICT);
    PageError::failure(request, failure, |refusal| match refusal {
        MemberRefusal::NoSuchUser => console.missing(),
        MemberRefusal::NoSuchRole => console.malformed("There is no such role."),
        MemberRefusal::NotForThisKind => no(
            conflict,
            "Not for this user",
            "Roles are for people with a login, and this role is for applications.",
        ),
        MemberRefusal::NotPermitted => {
            no(forbidden, "You can't do this", "Your roles do not allow it. Nothing was done.")
        }
        MemberRefusal::RoleTooHigh => no(
            forbidden,
            "This role outranks yours",
            "You can only add or remove permissions and ranks that you have yourself. Nothing was changed.",
        ),
        MemberRefusal::Superior => no(
            forbidden,
            "This user outranks you",
            "They have permissions or a rank that you don't have. Nothing was changed.",
        ),
        MemberRefusal::Oneself => no(
            forbidden,
            "This is you",
            "You can't deactivate yourself. Ask another administrator. Nothing was changed.",
        ),
        MemberRefusal::LastAdministrator => no(
            conflict,
            "An administrator is needed",
            "They are the last administrator. Add another one first. Nothing was changed.",
        ),
    })
}
