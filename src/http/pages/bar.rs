//! `/impersonation/bar.js`: the bar that applications show while somebody acts as their user.
//!
//! A page of any origin may load it, with `integrity` too, so it says so to every origin and depends on no
//! cookie. Its plain address is looked at again every hour; the one with its version may be kept for ever.
use crate::http::ui::assets;
use crate::http::{extract::Anyone, ui::parameter};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};

const FILE: &str = "bar.js";

pub async fn get(_: Anyone, request: HttpRequest) -> HttpResponse {
    let Some((bytes, version)) = assets::embedded(FILE) else {
        return HttpResponse::NotFound().finish();
    };
    let tag = format!("\"{version}\"");
    let for_ever = parameter(&request, "v") == version;
    let keep =
        if for_ever { "public, max-age=31536000, immutable" } else { "public, max-age=3600" };
    let known = request.headers().get(header::IF_NONE_MATCH);
    let known =
        known.and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains(&tag));
    let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer
        .insert_header((header::CONTENT_TYPE, "text/javascript; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, keep))
        .insert_header((header::ETAG, tag))
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header(("cross-origin-resource-policy", "cross-origin"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    if known { answer.finish() } else { answer.body(bytes) }
}
