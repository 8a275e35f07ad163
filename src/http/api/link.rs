//! `GET` and `POST /users/{id}/impersonate?bewit=…`: opening a link.
//!
//! `GET` of a `confirm` link shows who will act as whom, to that person only, and changes nothing; their
//! `POST` redeems. `GET` of a `direct` link redeems, unless it says that it only looks ahead.
use super::{impersonate, method_not_allowed};
use crate::authentication::Session;
use crate::domain::protocol::Redeem;
use crate::flows::redeem_impersonation::{self as flow, Link, RedeemRefusal, Redeemed};
use crate::flows::{Context, Failure, sign_in};
use crate::http::error::ApiError;
use crate::http::extract::{Anyone, GlobalClient};
use crate::http::{caller, cookies, pages};
use crate::store::{Conn, StoreError};
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest as _, HttpRequest, HttpResponse, Resource, web};

pub fn resource(path: &str) -> Resource {
    web::resource(path)
        .route(web::get().to(open))
        .route(web::head().to(look_ahead))
        .route(web::post().to(post))
        .default_service(web::to(|_: Anyone| async { method_not_allowed("GET, HEAD, POST") }))
}

/// A `POST` with a bewit confirms a link; one without asks for a link.
async fn post(
    request: HttpRequest,
    ctx: web::Data<Context>,
    mut payload: web::Payload,
) -> Result<HttpResponse, actix_web::Error> {
    if has_bewit(&request) {
        let body = web::Bytes::from_request(&request, &mut payload.into_inner()).await?;
        return Ok(confirm(Anyone, request, ctx, body).await);
    }
    // Who asks is proven before the body is read.
    let mut nothing = actix_web::dev::Payload::None;
    let global = GlobalClient::from_request(&request, &mut nothing).await?;
    let body = payload.to_bytes_limited(64 * 1024).await;
    let too_large = || ApiError::invalid_request("the body is larger than 64 KiB");
    let body = body.map_err(|_| too_large())?.map_err(|_| too_large())?;
    Ok(impersonate::create(global, request, ctx, body).await?)
}

fn has_bewit(request: &HttpRequest) -> bool {
    request.query_string().split('&').any(|pair| pair.starts_with("bewit="))
}

async fn open(_: Anyone, request: HttpRequest, ctx: web::Data<Context>) -> HttpResponse {
    match try_open(&request, &ctx).await {
        Ok(answer) => answer,
        Err(failure) => refuse(&request, failure),
    }
}

/// A request that only looks ahead is told that there is something, and nothing is used up.
async fn look_ahead(_: Anyone) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .finish()
}

async fn try_open(
    request: &HttpRequest,
    ctx: &Context,
) -> Result<HttpResponse, Failure<RedeemRefusal>> {
    check_single_authentication(request)?;
    let conn = ctx.store.conn().await?;
    let caller = caller(request);
    let link = flow::find_link(ctx, &conn, &resource_of(request), &caller).await?;
    match link.record.redeem {
        Redeem::Direct if is_prefetch(request.headers()) => Ok(look_ahead(Anyone).await),
        Redeem::Direct => {
            let redeemed = flow::redeem(ctx, &conn, &link, None, &caller).await?;
            Ok(signed_in(request, redeemed))
        }
        Redeem::Confirm => {
            let Some(session) = own_session(request, ctx, &conn).await? else {
                return Ok(pages::sign_in::page_for(request, ctx, &resource_of(request)));
            };
            flow::check_person(&conn, &link, &session, &caller).await?;
            let ask = flow::look(&conn, &link, &session).await?;
            Ok(pages::confirm::page(request, ctx, (&ask, &link.record), &session))
        }
    }
}

async fn confirm(
    _: Anyone,
    request: HttpRequest,
    ctx: web::Data<Context>,
    body: web::Bytes,
) -> HttpResponse {
    match try_confirm(&request, &ctx, &body).await {
        Ok(answer) => answer,
        Err(failure) => refuse(&request, failure),
    }
}

async fn try_confirm(
    request: &HttpRequest,
    ctx: &Context,
    body: &[u8],
) -> Result<HttpResponse, Failure<RedeemRefusal>> {
    check_single_authentication(request)?;
    let conn = ctx.store.conn().await?;
    let caller = caller(request);
    let link = flow::find_link(ctx, &conn, &resource_of(request), &caller).await?;
    if link.record.redeem == Redeem::Direct {
        return Ok(method_not_allowed("GET, HEAD"));
    }
    let Some(session) = own_session(request, ctx, &conn).await? else {
        return Ok(pages::sign_in::page_for(request, ctx, &resource_of(request)));
    };
    flow::check_person(&conn, &link, &session, &caller).await?;
    if !pages::confirm::is_genuine(request, ctx, body, (&link.record, &session)) {
        return Ok(forged(request, ctx));
    }
    let redeemed = redeem_confirmed(ctx, &conn, (&link, &session), request).await?;
    Ok(signed_in(request, redeemed))
}

async fn redeem_confirmed(
    ctx: &Context,
    conn: &Conn,
    (link, session): (&Link, &Session),
    request: &HttpRequest,
) -> Result<Redeemed, Failure<RedeemRefusal>> {
    flow::redeem(ctx, conn, link, Some(session), &caller(request)).await
}

fn forged(request: &HttpRequest, ctx: &Context) -> HttpResponse {
    let _ = ctx;
    pages::message::error(
        request,
        actix_web::http::StatusCode::FORBIDDEN,
        "This form has expired",
        "Nothing was done. Open the link again and confirm once more.",
    )
}

/// Two authentications in one request contradict each other (B15).
fn check_single_authentication(request: &HttpRequest) -> Result<(), Failure<RedeemRefusal>> {
    if request.headers().contains_key(header::AUTHORIZATION) {
        return Err(Failure::Refused(RedeemRefusal::Duplicate));
    }
    Ok(())
}

/// The path and query, byte for byte as received: the MAC covers them.
fn resource_of(request: &HttpRequest) -> String {
    request.uri().path_and_query().map(ToString::to_string).unwrap_or_default()
}

async fn own_session(
    request: &HttpRequest,
    ctx: &Context,
    conn: &Conn,
) -> Result<Option<Session>, StoreError> {
    let Some(token) = cookies::session(request) else { return Ok(None) };
    Ok(sign_in::resume(ctx, conn, &token).await?.map(|(session, _)| session))
}

/// Browsers and proxies that fetch ahead say so (Fetch Metadata, and the older spellings).
fn is_prefetch(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose", "x-purpose", "x-moz"].iter().any(|name| {
        headers
            .get_all(*name)
            .filter_map(|value| value.to_str().ok())
            .any(|value| ["prefetch", "prerender", "preview"].iter().any(|w| value.contains(w)))
    })
}

/// The impersonated session in a cookie of its own, and on to the application.
fn signed_in(request: &HttpRequest, redeemed: Redeemed) -> HttpResponse {
    let cookie = cookies::set_impersonated(request, &redeemed.client, &redeemed.session_token);
    let mut answer = pages::answer(request, redeemed.answer);
    if answer.add_cookie(&cookie).is_err() {
        return ApiError::unavailable().into();
    }
    answer
}

/// A browser gets a page, a program gets JSON, with the same status.
fn refuse(request: &HttpRequest, failure: Failure<RedeemRefusal>) -> HttpResponse {
    let error = ApiError::from(failure);
    if pages::wants_html(request) { pages::message::of(request, &error) } else { error.into() }
}
