//! `user add`, `user reset-password` and `sessions end`: what an operator does for people.
use super::commands::{self, mistaken, with_context};
use super::{Problem, output};
use crate::config::SettingsPurpose;
use crate::crypto::random;
use crate::domain::caller::Caller;
use crate::domain::{ClientId, OrganizationId, UserId};
use crate::flows::login::reset_password::make_link;
use crate::flows::logout::sign_out_all::{SignOutBy, SignOutReach, in_words, sign_out_all};
use crate::provision::{self, PlannedAction, PlannedUser, Prune, What};
use crate::store;
use clap::{Args, Subcommand};
use serde_json::json;

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add a person and print the one-time link by which they choose a password.
    Add(AddUser),
    /// Print a one-time link by which a person chooses a new password.
    ///
    /// The old password stops working and the person is signed out everywhere at once. The link works once, for an
    /// hour; a newer one replaces it.
    ResetPassword {
        /// Their id or e-mail address.
        user: String,
    },
}

#[derive(Debug, Args)]
pub struct AddUser {
    /// Their e-mail address, by which they sign in.
    #[arg(long)]
    email: String,
    /// What people read.
    #[arg(long)]
    name: Option<String>,
    /// The organization that they belong to; staff of the operator belong to none.
    #[arg(long, value_name = "ID")]
    organization: Option<String>,
    /// A role that they have; may be repeated.
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Their id; one is made up unless given.
    #[arg(long)]
    id: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Sessions {
    /// End all sessions, codes and tokens of a user, an application, an organization or everybody, and all impersonations
    /// as them or by them.
    End(UserReference),
}

/// One of them.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct UserReference {
    /// A user: their id or e-mail address.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// What an application was given: its client id.
    #[arg(long, value_name = "CLIENT_ID")]
    application: Option<String>,
    /// Everybody of an organization: its id.
    #[arg(long, value_name = "ID")]
    organization: Option<String>,
    /// Everybody.
    #[arg(long)]
    everybody: bool,
}

pub fn run(command: UserCommand) -> Result<(), Problem> {
    match command {
        UserCommand::Add(asked) => add(asked),
        UserCommand::ResetPassword { user } => reset_password(&user),
    }
}

/// The id of a user who was looked for by id or e-mail address.
pub fn known(found: Option<(String, Option<String>)>, text: &str) -> Result<String, Problem> {
    let id = found.map(|(id, _)| id);
    id.ok_or_else(|| Problem::failed(format!("there is no user `{text}`")))
}

fn add(asked: AddUser) -> Result<(), Problem> {
    with_context(SettingsPurpose::Link, async |ctx| {
        let mut conn = ctx.store.conn().await?;
        let now = store::installation::settings::now(&conn).await?;
        let AddUser { email, name, organization, roles, id } = asked;
        if let Some((known, _)) = store::impersonations::history::find_person(&conn, &email).await?
        {
            return Err(Problem::failed(format!("`{email}` is user `{known}` already")));
        }
        let id = id.unwrap_or_else(|| random::id("usr", now));
        let user = PlannedUser { id: id.clone(), email, name, organization, roles };
        let file = provision::new_user(&user).map_err(|mistakes| mistaken(&mistakes))?;
        let plan = provision::plan(&conn, &file, Prune::No).await.map_err(commands::not_applied)?;
        let is_new = |change: &provision::Change| change.action == PlannedAction::Create;
        if !plan.changes.iter().filter(|change| change.what == What::User).all(is_new) {
            return Err(Problem::failed(format!("there is a user `{id}` already")));
        }
        provision::apply_to(&mut conn, &file, Prune::No).await.map_err(commands::not_applied)?;
        let link = make_link(&mut conn, ctx.issuer(), &UserId::parse(id.as_str())?).await?;
        let about = format!("added {id}\n{INVITATION}");
        output::link(&json!({ "id": id, "url": link }), &about, &link);
        Ok(())
    })
}

fn reset_password(user: &str) -> Result<(), Problem> {
    with_context(SettingsPurpose::Link, async |ctx| {
        let mut conn = ctx.store.conn().await?;
        let id = known(store::impersonations::history::find_person(&conn, user).await?, user)?;
        let link = make_link(&mut conn, ctx.issuer(), &UserId::parse(id.as_str())?).await?;
        output::link(&json!({ "id": id, "url": link }), INVITATION, &link);
        Ok(())
    })
}

const INVITATION: &str = "a password can be chosen once, within an hour, at";

pub fn sessions(command: Sessions) -> Result<(), Problem> {
    let Sessions::End(whose) = command;
    with_context(SettingsPurpose::Sealing, async |ctx| {
        let (reach, named) = match whose {
            UserReference { user: Some(text), .. } => {
                let found =
                    store::impersonations::history::find_person(&*ctx.store.conn().await?, &text)
                        .await?;
                let id = known(found, &text)?;
                (SignOutReach::User(UserId::parse(id.as_str())?), id)
            }
            UserReference { application: Some(id), .. } => {
                (SignOutReach::Application(ClientId::parse(id.as_str())?), id)
            }
            UserReference { organization: Some(id), .. } => {
                (SignOutReach::Organization(OrganizationId::parse(id.as_str())?), id)
            }
            UserReference { .. } => (SignOutReach::Everybody, "everybody".to_owned()),
        };
        let ended = sign_out_all(&ctx, SignOutBy::Operator, &reach, &Caller::default()).await?;
        let (sessions, tokens) = (ended.sessions, ended.tokens);
        let impersonations = ended.impersonations;
        let counts =
            json!({ "sessions": sessions, "tokens": tokens, "impersonations": impersonations });
        output::done(
            &json!({ "of": named, "ended": counts }),
            &format!(
                "ended all of {named}: {} sessions, {} tokens, {} impersonations",
                in_words(sessions),
                in_words(tokens),
                in_words(impersonations)
            ),
        );
        Ok(())
    })
}
