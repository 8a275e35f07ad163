//! `/2.0/users`.
use super::error::BoxError;
use super::listing::{BoxQuery, Paging, marker};
use super::{BoxCall, answer, body, request_id, wire};
use crate::domain::UserId;
use crate::domain::box_profile::BoxUser;
use crate::flows::Context;
use crate::flows::directory::manage_users::{self, ManageRefusal};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

type BoxAnswer = Result<HttpResponse, BoxError>;

/// What comes of a call, or why nothing does, in the one envelope.
async fn enveloped(
    request: &HttpRequest,
    outcome: impl Future<Output = BoxAnswer>,
) -> HttpResponse {
    outcome.await.unwrap_or_else(|error| error.answer(&request_id(request)))
}

pub(super) async fn create(
    call: BoxCall,
    request: HttpRequest,
    ctx: web::Data<Context>,
    payload: web::Payload,
) -> HttpResponse {
    enveloped(&request, async {
        let query = BoxQuery::read(request.query_string())?;
        let new = wire::new_user(&body(payload).await?)?;
        let fields = answer::fields(&query);
        let made = manage_users::create_user(&ctx, call.calling(), new).await?;
        Ok(shown(StatusCode::CREATED, &made, &fields))
    })
    .await
}

pub(super) async fn list(
    call: BoxCall,
    request: HttpRequest,
    ctx: web::Data<Context>,
) -> HttpResponse {
    enveloped(&request, async {
        let query = BoxQuery::read(request.query_string())?;
        page(&ctx, &call, &query).await
    })
    .await
}

async fn page(ctx: &Context, call: &BoxCall, query: &BoxQuery) -> BoxAnswer {
    let fields = answer::fields(query);
    let (listing, paging, nobody) = match query.listing()? {
        Some((listing, paging)) => (listing, paging, false),
        None => {
            (manage_users::UserListing { limit: 1, ..Default::default() }, Paging::Offset, true)
        }
    };
    let (limit, offset) = (listing.limit, listing.offset);
    let (mut found, mut count) = manage_users::list_users(ctx, call.calling(), listing).await?;
    if nobody {
        (found, count) = (Vec::new(), 0);
    }
    let entries: Vec<Value> = found.iter().map(|user| answer::user(user, &fields)).collect();
    let body = match paging {
        Paging::Offset => json!({
            "total_count": count, "entries": entries, "limit": limit, "offset": offset,
        }),
        Paging::Marker => {
            let full = i64::try_from(found.len()).is_ok_and(|length| length == limit);
            let last = found.last().filter(|_| full);
            let next = last.map(|user| marker(&user.user.id));
            json!({ "entries": entries, "limit": limit, "next_marker": next })
        }
    };
    Ok(json(StatusCode::OK, &body))
}

/// Whoever the call is made as.
pub(super) async fn me(
    call: BoxCall,
    request: HttpRequest,
    ctx: web::Data<Context>,
) -> HttpResponse {
    enveloped(&request, async {
        let fields = answer::fields(&BoxQuery::read(request.query_string())?);
        let user = call.who.user().ok_or(ManageRefusal::Forbidden)?.id.clone();
        let found = manage_users::find_user(&ctx, call.calling(), &user).await?;
        Ok(shown(StatusCode::OK, &found, &fields))
    })
    .await
}

pub(super) async fn read(
    call: BoxCall,
    request: HttpRequest,
    ctx: web::Data<Context>,
) -> HttpResponse {
    enveloped(&request, async {
        let fields = answer::fields(&BoxQuery::read(request.query_string())?);
        let found = manage_users::find_user(&ctx, call.calling(), &named(&request)?).await?;
        Ok(shown(StatusCode::OK, &found, &fields))
    })
    .await
}

pub(super) async fn change(
    call: BoxCall,
    request: HttpRequest,
    ctx: web::Data<Context>,
    payload: web::Payload,
) -> HttpResponse {
    enveloped(&request, async {
        let query = BoxQuery::read(request.query_string())?;
        let fields = answer::fields(&query);
        let changes = wire::changes(&body(payload).await?)?;
        let user = named(&request)?;
        let found = manage_users::change_user(&ctx, call.calling(), &user, &changes).await?;
        Ok(shown(StatusCode::OK, &found, &fields))
    })
    .await
}

pub(super) async fn delete(
    call: BoxCall,
    request: HttpRequest,
    ctx: web::Data<Context>,
) -> HttpResponse {
    enveloped(&request, async {
        manage_users::delete_user(&ctx, call.calling(), &named(&request)?).await?;
        Ok(HttpResponse::NoContent().finish())
    })
    .await
}

/// Decoded once, from the raw path; what is no id is nobody's.
fn named(request: &HttpRequest) -> Result<UserId, BoxError> {
    let raw = request.uri().path().rsplit('/').next().unwrap_or_default();
    let decoded = percent_encoding::percent_decode_str(raw).decode_utf8();
    let id = decoded.ok().and_then(|text| UserId::parse(text).ok());
    id.ok_or(BoxError::Refused(ManageRefusal::NotFound))
}

fn shown(status: StatusCode, found: &BoxUser, fields: &[&str]) -> HttpResponse {
    json(status, &answer::user(found, fields))
}

fn json(status: StatusCode, body: &Value) -> HttpResponse {
    HttpResponse::build(status).insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}
