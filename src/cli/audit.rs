//! `audit verify`: whether the trail is whole. Reads only, and needs no key.
use super::{Problem, commands, output, place};
use crate::config::{Overrides, Purpose};
use crate::flows::verify_audit::{Head, Report, verify};
use crate::store::{Store, schema_version};

pub fn run(kept: Option<&str>) -> Result<(), Problem> {
    let kept = kept.map(Head::parse).transpose()?;
    let settings = commands::settings(Overrides::default(), Purpose::Database)?;
    let place = place::database(&settings)?;
    let report = commands::runtime()?.block_on(async {
        let store = Store::new(&place.url, 1)?;
        schema_version::check_once_migrated(&*store.conn().await?).await?;
        verify(&store, kept.as_ref()).await
    })?;
    say(&report)
}

fn say(report: &Report) -> Result<(), Problem> {
    output::line(&format!("seals that hold: {}, over {} events", report.seals, report.events));
    if let Some(broken) = &report.broken {
        return Err(Problem::failed(format!("the audit trail is NOT whole: {broken}")));
    }
    if let Some(head) = &report.head {
        output::line(&format!("head: {head}"));
    }
    output::line(&format!("not sealed yet: {} events", report.unsealed));
    output::line("the audit trail is whole");
    Ok(())
}
