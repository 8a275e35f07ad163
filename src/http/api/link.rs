//! `GET` and `POST /users/{id}/impersonate?bewit=…`: opening a link.
//!
//! `GET` of a `confirm` link shows who will act as whom, to that person only, and changes nothing; their
//! `POST` redeems. `GET` of a `direct` link redeems, unless it says that nobody opens it as a page.
use super::{impersonate, method_not_allowed};
use crate::flows::impersonation::{
    redeem_impersonation as flow,
    redeem_impersonation::{
        LinkPreview, OpenedLink, Opener, RedeemRefusal, Redeemed, find_repeated,
    },
};
use crate::flows::login::next_cookie::PresentedCookie;
use crate::flows::login::step_up::{Proven, prove_again};
use crate::flows::{Context, Failure};
use crate::http::error::ApiError;
use crate::http::extract::{Anyone, GlobalClient};
use crate::http::pages::confirm::ConfirmedRequest;
use crate::http::ui::browser::{BrowserSession, with_cookies};
use crate::http::ui::forms;
use crate::http::{caller, cookies, pages};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest as _, HttpRequest, HttpResponse, Resource, ResponseError as _, web};

pub fn resource(path: &str) -> Resource {
    web::resource(path)
        .route(web::get().to(open))
        .route(web::head().to(head))
        .route(web::post().to(post))
        .default_service(web::to(|_: Anyone| async { method_not_allowed("GET, HEAD, POST") }))
}

/// A `POST` with a bewit confirms a link; one without asks for a link.
async fn post(
    request: HttpRequest,
    ctx: web::Data<Context>,
    payload: web::Payload,
) -> Result<HttpResponse, actix_web::Error> {
    if has_bewit(&request) {
        let body = super::body(payload).await?;
        return Ok(confirm(Anyone, request, ctx, body).await);
    }
    // Who asks is proven before the body is read.
    let mut nothing = actix_web::dev::Payload::None;
    let global = GlobalClient::from_request(&request, &mut nothing).await?;
    let body = super::body(payload).await?;
    Ok(impersonate::create(global, request, ctx, body).await?)
}

fn has_bewit(request: &HttpRequest) -> bool {
    request.query_string().split('&').any(|pair| pair.starts_with("bewit="))
}

async fn open(_: Anyone, request: HttpRequest, ctx: web::Data<Context>) -> HttpResponse {
    let (resource, session) = (resource_of(&request), cookies::own(&request));
    let opener = Opener {
        resource: &resource,
        session_token: session.as_deref(),
        looks_ahead: looks_ahead(request.headers()),
        caller: &caller(&request),
    };
    let outcome = match check_single_authentication(&request) {
        Ok(()) => flow::open(&ctx, opener).await,
        Err(refusal) => Err(refusal),
    };
    respond(&request, outcome).await
}

async fn confirm(
    _: Anyone,
    request: HttpRequest,
    ctx: web::Data<Context>,
    body: web::Bytes,
) -> HttpResponse {
    if let Err(refusal) = check_single_authentication(&request) {
        return respond(&request, Err(refusal)).await;
    }
    match pages::confirm::typed_password(&body) {
        None => redeem(&request, &ctx, &body, cookies::own(&request)).await,
        Some(password) => confirm_with_password(&request, &ctx, &body, password).await,
    }
}

/// Redeems by the session of `token`.
async fn redeem(
    request: &HttpRequest,
    ctx: &Context,
    body: &[u8],
    token: Option<String>,
) -> HttpResponse {
    let (resource, caller) = (resource_of(request), caller(request));
    let opener = Opener {
        resource: &resource,
        session_token: token.as_deref(),
        looks_ahead: false,
        caller: &caller,
    };
    let genuine =
        |record: &_, session: &_| pages::confirm::is_genuine(request, ctx, body, (record, session));
    let outcome = flow::confirm(ctx, opener, genuine).await;
    respond_or_ask_again(request, ctx, opener, outcome).await
}

/// The password first, when the form is one of our page for this person; then the confirmation as ever. A wrong
/// password uses nothing up.
async fn confirm_with_password(
    request: &HttpRequest,
    ctx: &Context,
    body: &[u8],
    password: String,
) -> HttpResponse {
    if let Some(answer) = repeat(request, ctx, body, &password).await {
        return answer;
    }
    let (resource, session, caller) =
        (resource_of(request), cookies::own(request), caller(request));
    let opener = Opener {
        resource: &resource,
        session_token: session.as_deref(),
        // A `direct` link is not redeemed by `POST`, with a password neither.
        looks_ahead: true,
        caller: &caller,
    };
    let preview = match flow::open(ctx, opener).await {
        Ok(OpenedLink::Confirm(preview) | OpenedLink::StepUp(preview)) => preview,
        // The link was used meanwhile, or a `direct` one waits: the password matters no more.
        Ok(OpenedLink::Seen | OpenedLink::Redeemed(_))
        | Err(Failure::Refused(RedeemRefusal::Used)) => {
            return match repeat(request, ctx, body, &password).await {
                Some(answer) => answer,
                None => redeem(request, ctx, body, session).await,
            };
        }
        outcome @ (Ok(OpenedLink::SignInFirst) | Err(_)) => return respond(request, outcome).await,
    };
    if !pages::confirm::is_genuine(request, ctx, body, (&preview.record, &preview.session)) {
        return respond_or_ask_again(
            request,
            ctx,
            opener,
            Err(Failure::Refused(RedeemRefusal::Forged)),
        )
        .await;
    }
    let token = session.unwrap_or_default();
    let presented = PresentedCookie { session: &preview.session, token: &token };
    match prove_again(ctx, presented, password, &caller).await {
        Ok(proven) => redeem_by(request, ctx, body, proven).await,
        Err(Failure::Refused(refusal)) => {
            show(request, &preview, ConfirmedRequest::PasswordAgain(refusal)).await
        }
        Err(Failure::Internal(cause)) => crate::http::ui::in_kind(request, &cause.into()),
        Err(Failure::Busy) => crate::http::ui::in_kind(request, &ApiError::unavailable()),
    }
}

/// Redeems by a session that was just proven, and sends its next cookie with whatever comes of it.
async fn redeem_by(
    request: &HttpRequest,
    ctx: &Context,
    body: &[u8],
    proven: Proven,
) -> HttpResponse {
    let cookie = cookies::set_own(request, &proven.session_token);
    let answer = redeem(request, ctx, body, Some(proven.session_token)).await;
    with_cookies(answer, [cookie])
}

/// The button was pressed twice: this post carries the cookie that the first one has replaced, and the password once
/// more. It is answered as the first one was.
///
/// `None`: it is no second post, and is judged like any other.
async fn repeat(
    request: &HttpRequest,
    ctx: &Context,
    body: &[u8],
    password: &str,
) -> Option<HttpResponse> {
    let token = cookies::own(request)?;
    let (record, session) = match find_repeated(ctx, &resource_of(request), &token).await {
        Ok(found) => found?,
        Err(cause) => return Some(crate::http::ui::in_kind(request, &cause.into())),
    };
    if !pages::confirm::is_genuine(request, ctx, body, (&record, &session)) {
        return None;
    }
    let presented = PresentedCookie { session: &session, token: &token };
    match prove_again(ctx, presented, password.to_owned(), &caller(request)).await {
        Ok(proven) => Some(redeem_by(request, ctx, body, proven).await),
        Err(Failure::Refused(_)) => None,
        Err(Failure::Internal(cause)) => Some(crate::http::ui::in_kind(request, &cause.into())),
        Err(Failure::Busy) => Some(crate::http::ui::in_kind(request, &ApiError::unavailable())),
    }
}

/// A page of ours that stood open while another tab signed in again is shown once more, and nothing is used up.
async fn respond_or_ask_again(
    request: &HttpRequest,
    ctx: &Context,
    opener: Opener<'_>,
    outcome: Result<OpenedLink, Failure<RedeemRefusal>>,
) -> HttpResponse {
    let is_stale = matches!(outcome, Err(Failure::Refused(RedeemRefusal::Forged)));
    if is_stale && forms::may_be_ours(request, ctx.issuer()) && crate::http::ui::wants_html(request)
    {
        let mut page = respond(request, flow::open(ctx, opener).await).await;
        *page.status_mut() = StatusCode::FORBIDDEN;
        return page;
    }
    respond(request, outcome).await
}

/// A request that only looks ahead is told that there is something, and nothing is used up.
async fn head(_: Anyone) -> HttpResponse {
    seen()
}

fn seen() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .finish()
}

/// Two authentications in one request contradict each other (B15).
fn check_single_authentication(request: &HttpRequest) -> Result<(), Failure<RedeemRefusal>> {
    if request.headers().contains_key(header::AUTHORIZATION) {
        return Err(Failure::Refused(RedeemRefusal::CredentialBeside));
    }
    Ok(())
}

fn resource_of(request: &HttpRequest) -> String {
    request.uri().path_and_query().map(ToString::to_string).unwrap_or_default()
}

/// Whether the request says that nobody will look at its answer as a page: it fetches ahead, or it is for a picture,
/// a frame or a script ([Fetch Metadata §2]). Programs say nothing of the kind.
///
/// [Fetch Metadata §2]: https://www.w3.org/TR/fetch-metadata/
fn looks_ahead(headers: &HeaderMap) -> bool {
    const AHEAD: [&str; 4] = ["sec-purpose", "purpose", "x-purpose", "x-moz"];
    let says = |name: &str, passes: fn(&str) -> bool| {
        headers.get_all(name).any(|value| {
            // What cannot be read is nothing that a browser says of a page that somebody opens.
            value.to_str().map_or(true, |text| !passes(&text.trim().to_ascii_lowercase()))
        })
    };
    let words = ["prefetch", "prerender", "preview"];
    let fetches_ahead = AHEAD.iter().flat_map(|name| headers.get_all(*name)).any(|value| {
        let text = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
        words.iter().any(|word| text.contains(word))
    });
    // The `fetch` of Node says `cors` and nothing else; a browser always says for what and from where too.
    let is_browser =
        ["sec-fetch-dest", "sec-fetch-site"].iter().any(|it| headers.contains_key(*it));
    let mode: fn(&str) -> bool = if is_browser {
        |text| text == "navigate"
    } else {
        |text| matches!(text, "navigate" | "cors")
    };
    fetches_ahead
        || says("sec-fetch-dest", |text| text == "document")
        || says("sec-fetch-mode", mode)
}

async fn respond(
    request: &HttpRequest,
    opened: Result<OpenedLink, Failure<RedeemRefusal>>,
) -> HttpResponse {
    match opened {
        Ok(OpenedLink::Seen) => seen(),
        Ok(OpenedLink::Redeemed(redeemed)) => signed_in(request, *redeemed),
        Ok(OpenedLink::SignInFirst) => {
            on_a_page(request, |browser| {
                let notice = "Sign in to open the impersonation link that you were given.";
                pages::sign_in::page_for(browser, &resource_of(request), Some(notice))
            })
            .await
        }
        Ok(OpenedLink::Confirm(preview)) => {
            show(request, &preview, ConfirmedRequest::Nothing).await
        }
        Ok(OpenedLink::StepUp(preview)) => {
            show(request, &preview, ConfirmedRequest::Password).await
        }
        Err(failure) => crate::http::ui::in_kind(request, &ApiError::from(failure)),
    }
}

async fn show(
    request: &HttpRequest,
    preview: &LinkPreview,
    asking: ConfirmedRequest,
) -> HttpResponse {
    on_a_page(request, |browser| {
        let about = (&preview.ask, &preview.record);
        pages::confirm::page(browser, about, (&preview.session, asking))
    })
    .await
}

async fn on_a_page(
    request: &HttpRequest,
    draw: impl FnOnce(&BrowserSession) -> HttpResponse,
) -> HttpResponse {
    match BrowserSession::of(request).await {
        Ok(browser) => draw(&browser),
        Err(accident) => crate::http::ui::in_kind(request, &accident.into()),
    }
}

/// The impersonated session in a cookie of its own, and on to the application.
fn signed_in(request: &HttpRequest, redeemed: Redeemed) -> HttpResponse {
    let cookie = cookies::set_impersonated(request, &redeemed.client, &redeemed.session_token);
    let mut answer = pages::answer(request, redeemed.answer);
    if answer.add_cookie(&cookie).is_err() {
        return ApiError::unavailable().error_response();
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn ahead(lines: &[(&'static str, &'static str)]) -> bool {
        let request = lines.iter().fold(TestRequest::default(), |r, line| r.append_header(*line));
        looks_ahead(request.to_http_request().headers())
    }

    #[test]
    fn k29_only_what_is_opened_as_a_page_or_by_a_program_redeems() {
        for opens in [
            &[][..],
            &[("sec-fetch-dest", "document"), ("sec-fetch-mode", "navigate")],
            &[("sec-fetch-dest", "document")],
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")],
            &[("purpose", "")],
            &[("sec-fetch-mode", "cors")],
        ] {
            assert!(!ahead(opens), "{opens:?}");
        }
        for looks in [
            &[("sec-fetch-dest", "image")][..],
            &[("sec-fetch-dest", "iframe"), ("sec-fetch-mode", "navigate")],
            &[("sec-fetch-dest", "frame")],
            &[("sec-fetch-dest", "embed")],
            &[("sec-fetch-dest", "empty"), ("sec-fetch-mode", "cors")],
            &[("sec-fetch-dest", "something-new")],
            &[("sec-fetch-dest", "")],
            &[("sec-fetch-mode", "no-cors")],
            &[("sec-fetch-mode", "cors"), ("sec-fetch-site", "cross-site")],
            &[("sec-fetch-mode", "same-origin")],
            &[("sec-fetch-dest", "document"), ("sec-fetch-dest", "image")],
            &[("sec-purpose", "Prefetch;Prerender")],
            &[("purpose", "PREFETCH")],
            &[("purpose", "x"), ("purpose", "prerender")],
            &[("x-purpose", "preview")],
            &[("x-moz", "prefetch")],
            &[
                ("sec-fetch-dest", "document"),
                ("sec-fetch-mode", "navigate"),
                ("sec-purpose", "prefetch"),
            ],
        ] {
            assert!(ahead(looks), "{looks:?}");
        }
    }
}
