//! `client add`.
use super::commands::{mistaken, read_text, with_context};
use super::{Problem, output};
use crate::config::Purpose;
use crate::domain::ClientId;
use crate::protocols::samlp::names::{entity_id, metadata_url};
use crate::provision::{self, Action, Prune, ServiceProvider, What};
use std::path::Path;

/// Adds one, and says where the application finds our side of it.
pub fn add(metadata: &Path, asked: &ServiceProvider) -> Result<(), Problem> {
    let metadata = read_text(metadata)?;
    let (id, file) =
        provision::service_provider(&metadata, asked).map_err(|mistakes| mistaken(&mistakes))?;
    let client = ClientId::parse(id)?;
    with_context(Purpose::Link, async |ctx| {
        let mut conn = ctx.store.conn().await?;
        let plan = provision::plan(&conn, &file, Prune::No).await?;
        let is_new = |change: &provision::Change| change.action == Action::Create;
        if !plan.changes.iter().filter(|change| change.what == What::Client).all(is_new) {
            let problem = format!("there is an application `{client}`; change it with `apply`");
            return Err(Problem::failed(problem));
        }
        provision::apply_to(&mut conn, &file, Prune::No).await?;
        output::line(&format!("added {client}"));
        output::line(&format!("our entity ID: {}", entity_id(ctx.issuer())));
        output::line(&format!("our metadata: {}", metadata_url(ctx.issuer(), &client)));
        Ok(())
    })
}
