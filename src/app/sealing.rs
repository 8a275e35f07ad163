//! The audit trail is sealed every few seconds; the log, the metrics and the readiness say so when it is not.
use super::report::report;
use crate::flows::Context;
use crate::flows::operations::seal_audit::{Sealer, unsealed_seconds};
use crate::http::api::health::{Readiness, TrailSealing};
use std::time::{Duration, Instant};

/// What has been said already: a warning is given once, until things are well again.
#[derive(Default)]
pub struct Sealing {
    sealer: Sealer,
    failed: bool,
    late: bool,
}

impl Sealing {
    pub async fn go_on(&mut self, ctx: &Context, readiness: &Readiness) {
        let sealed = self.sealer.seal(ctx).await;
        match &sealed {
            Err(error) if !self.failed => report("the audit trail cannot be sealed", error),
            Ok(()) if self.failed => tracing::info!("the audit trail is sealed again"),
            Ok(()) | Err(_) => {}
        }
        self.failed = sealed.is_err();
        match unsealed_seconds(ctx).await {
            Ok(seconds) => {
                let age = seconds.and_then(|age| Duration::try_from_secs_f64(age.max(0.0)).ok());
                let unsealed_since = age.and_then(|age| Instant::now().checked_sub(age));
                readiness.set_trail(TrailSealing { unsealed_since, fails: self.failed });
            }
            Err(error) => report("nobody knows how far the audit trail is sealed", &error),
        }
        let (late, seconds) = (readiness.is_trail_late(), readiness.unsealed_seconds());
        if late && !self.late {
            tracing::warn!(seconds, "events wait to be sealed: an old transaction holds them up");
        }
        self.late = late;
    }
}
