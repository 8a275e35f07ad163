//! `/account/profile`: the names of the account owner.
use super::owner::AccountOwner;
use super::{AccountSection, tabs};
use crate::flows::login::change_profile::{self, LONGEST, ProfileRefusal, change_profile};
use crate::http::console::kit::{Field, Tab};
use crate::http::ui::error::PageError;
use crate::http::ui::forms::Posted;
use crate::http::ui::frame::frame;
use crate::http::ui::headers::render;
use crate::http::ui::layout::Page;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

#[derive(Template)]
#[template(path = "account/profile.html")]
struct ProfilePage {
    page: Page,
    tabs: Vec<Tab>,
    flash: Option<&'static str>,
    error: Option<&'static str>,
    /// May be empty.
    email: String,
    id: String,
    fields: Vec<Field>,
    csrf: String,
}

const NAMES: [(&str, &str, &str); 4] = [
    ("name", "Name", "name"),
    ("given_name", "Given name", "given-name"),
    ("family_name", "Family name", "family-name"),
    ("nickname", "Nickname", "nickname"),
];

pub async fn get(owner: AccountOwner) -> Result<HttpResponse, PageError> {
    let profile = &owner.session().user.profile;
    let names = [&profile.name, &profile.given_name, &profile.family_name, &profile.nickname];
    let names = names.map(|name| name.clone().unwrap_or_default());
    Ok(page(&owner, &names, None))
}

fn page(owner: &AccountOwner, names: &[String; 4], error: Option<&'static str>) -> HttpResponse {
    let fields = NAMES
        .iter()
        .zip(names)
        .map(|((name, label, _), value)| Field::new(name, label, value).at_most(LONGEST));
    let page = ProfilePage {
        page: frame(&owner.browser, "Your profile"),
        tabs: tabs(AccountSection::Profile),
        flash: owner.flash(&[("saved", "Saved.")]),
        error,
        email: owner.session().user.profile.email.clone().unwrap_or_default(),
        id: owner.session().user.id.to_string(),
        fields: fields.collect(),
        csrf: owner.token("profile", ""),
    };
    render(&page, if error.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK })
}

pub async fn post(owner: AccountOwner, posted: Posted) -> Result<HttpResponse, PageError> {
    let fields = ["csrf", "name", "given_name", "family_name", "nickname"];
    let form = posted.only(owner.request(), &fields)?;
    owner.check(&form, "profile", "")?;
    let typed = NAMES.map(|(name, ..)| form.get(name).to_owned());
    let names = match change_profile::read(typed.clone()) {
        Ok(names) => names,
        Err(refusal) => return Ok(page(&owner, &typed, Some(words_of(refusal)))),
    };
    let caller = &owner.browser.caller;
    let changed = change_profile(owner.ctx(), owner.session(), &names, caller).await;
    changed.map_err(|cause| owner.accident(&cause))?;
    Ok(owner.done("/account/profile", "saved"))
}

fn words_of(refusal: ProfileRefusal) -> &'static str {
    match refusal {
        ProfileRefusal::TooLong => "A name has at most 200 characters.",
        ProfileRefusal::Control => "A name cannot hold a line break or another control character.",
    }
}
