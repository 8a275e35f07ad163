//! `sessions end`: all sessions and tokens of a user, an organization, an application or of everybody.
use super::commands::with_context;
use super::{Problem, output};
use crate::config::Purpose;
use crate::domain::caller::Caller;
use crate::domain::{ClientId, OrganizationId, UserId};
use crate::flows::Failure;
use crate::flows::sign_out_all::{Asking, Reach, in_words, sign_out_all};
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Sessions {
    /// End all sessions, tokens, codes, links and impersonations that there are until now; people sign in anew.
    End(Whose),
}

/// Exactly one of them.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Whose {
    /// Of this user: their id.
    #[arg(long, value_name = "USER_ID")]
    user: Option<String>,
    /// What this application was given: its client id. Sessions at this server go on.
    #[arg(long, value_name = "CLIENT_ID")]
    application: Option<String>,
    /// Of the users and the applications of this organization: its id.
    #[arg(long, value_name = "ORGANIZATION_ID")]
    organization: Option<String>,
    /// Of everybody, and what every application holds for itself.
    #[arg(long)]
    everybody: bool,
}

fn reach(whose: Whose) -> Result<Reach, Problem> {
    Ok(match (whose.user, whose.application, whose.organization) {
        (Some(id), _, _) => Reach::User(UserId::parse(id)?),
        (None, Some(id), _) => Reach::Application(ClientId::parse(id)?),
        (None, None, Some(id)) => Reach::Organization(OrganizationId::parse(id)?),
        (None, None, None) => Reach::Everybody,
    })
}

pub fn run(command: Sessions) -> Result<(), Problem> {
    let Sessions::End(whose) = command;
    let reach = reach(whose)?;
    with_context(Purpose::Link, async |ctx| {
        let done = sign_out_all(&ctx, Asking::Operator, &reach, &Caller::default()).await;
        match done {
            Ok(ended) => {
                output::line(&format!(
                    "ended: {} sessions, {} tokens, {} impersonations",
                    in_words(ended.sessions),
                    in_words(ended.tokens),
                    in_words(ended.impersonations)
                ));
                Ok(())
            }
            Err(Failure::Refused(refusal)) => Err(Problem::failed(refusal.to_string())),
            Err(Failure::Accident(cause)) => Err(cause.into()),
            Err(Failure::Busy) => Err(Problem::failed("the database is busy; try again")),
        }
    })
}
