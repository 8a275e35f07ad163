//! Is the process alive, and can it serve? No secret, and no database query per call.
use crate::http::extract::Anyone;
use actix_web::http::header;
use actix_web::{HttpResponse, web};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the watcher in `app` has last seen.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Relaxed);
    }

    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

pub async fn live(_: Anyone) -> HttpResponse {
    answer(true)
}

pub async fn ready(_: Anyone, readiness: web::Data<Readiness>) -> HttpResponse {
    answer(readiness.is_ready())
}

fn answer(good: bool) -> HttpResponse {
    let mut answer = if good { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    if !good {
        answer.insert_header((header::RETRY_AFTER, "1"));
    }
    let status = if good { "ok" } else { "unavailable" };
    answer
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(serde_json::json!({ "status": status }))
}
