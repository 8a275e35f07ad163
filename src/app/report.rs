//! Errors of background work, in the log.
use crate::store::StoreError;

/// With the causes, which the JSON of a log leaves out.
pub(super) fn report(what: &'static str, error: &StoreError) {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let error = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    tracing::warn!(%error, "{what}");
}
