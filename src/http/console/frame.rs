//! What every page of the console has around it: the menu, who is there, what was just done.
use crate::domain::permission::{
    AUDIT_READ, AUDIT_READ_OWN, CLIENTS_READ, IMPERSONATIONS_READ, KEYS_WRITE, ORGANIZATIONS_READ,
    ROLES_WRITE, USERS_READ,
};
use crate::domain::user::User;
use crate::http::ui::assets;
use crate::http::ui::headers::render;
use crate::http::ui::layout::{Action, Page};
use crate::http::ui::message::{Message, Surroundings};
use askama::Template;
use std::rc::Rc;

/// The parts of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsoleSection {
    Users,
    Impersonations,
    Applications,
    Organizations,
    Roles,
    Keys,
    Audit,
}

/// One line a section that has pages, in the order of the menu: where it is, and what it needs one of.
const MENU: &[(ConsoleSection, &str, &str, &[&str])] = &[
    (ConsoleSection::Users, "Users", "/console/users", &[USERS_READ]),
    (
        ConsoleSection::Impersonations,
        "Impersonations",
        "/console/impersonations",
        &[IMPERSONATIONS_READ],
    ),
    (ConsoleSection::Applications, "Applications", "/console/applications", &[CLIENTS_READ]),
    (
        ConsoleSection::Organizations,
        "Organizations",
        "/console/organizations",
        &[ORGANIZATIONS_READ],
    ),
    (ConsoleSection::Roles, "Roles", "/console/roles", &[ROLES_WRITE, USERS_READ]),
    (ConsoleSection::Keys, "Signing keys", "/console/keys", &[KEYS_WRITE]),
    (ConsoleSection::Audit, "Audit", "/console/audit", &[AUDIT_READ, AUDIT_READ_OWN]),
];

impl ConsoleSection {
    /// The section of a page with this path.
    pub fn of_path(path: &str) -> Self {
        match path.split('/').nth(2) {
            Some("applications" | "new-application") => Self::Applications,
            Some("organizations" | "new-organization") => Self::Organizations,
            Some("roles" | "new-role") => Self::Roles,
            Some("keys") => Self::Keys,
            Some("impersonations") => Self::Impersonations,
            Some("audit") => Self::Audit,
            Some(_) | None => Self::Users,
        }
    }

    /// The path of an SVG, 20 × 20, drawn beside the word of the menu.
    fn shape(self) -> &'static str {
        match self {
            Self::Users => {
                "M10.5 6.5a3 3 0 1 1-6 0 3 3 0 0 1 6 0M2 16.5c.4-3 2.6-4.8 5.5-4.8s5.1 1.8 5.5 4.8\
                 M13 3.8a3 3 0 0 1 0 5.4M15 12c1.7.6 2.7 2 3 4.5"
            }
            Self::Impersonations => {
                "M3 4.5c2.5-1 6.5-1 9 0v4.5c0 3-2 5-4.5 5.5C5 14 3 12 3 9zM5.8 8h.1M9.2 8h.1\
                 M6 11c1 .8 2 .8 3 0M14.5 6.3c.9.1 1.7.4 2.5.7v4.5c0 3-2 5-4.5 5.5-.9-.2-1.8-.6-2.5-1.2"
            }
            Self::Applications => {
                "M3 3h5.5v5.5H3zM11.5 3H17v5.5h-5.5zM3 11.5h5.5V17H3zM11.5 11.5H17V17h-5.5z"
            }
            Self::Organizations => {
                "M3.5 17V4.5l7-1.5v14M10.5 8h6v9M2 17h16M6.5 7.5h1M6.5 11h1M6.5 14h1M13.3 11h.9M13.3 14h.9"
            }
            Self::Roles => {
                "M10 2.5 16 5v4.5c0 3.8-2.4 6.6-6 8-3.6-1.4-6-4.2-6-8V5zM7.3 9.8l2 2 3.6-3.9"
            }
            Self::Keys => {
                "M10 12.5a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0M9 10l7-7M13.5 5.5 16 8M11.5 7.5l1.7 1.7"
            }
            Self::Audit => "M5 2.5h7L15.5 6v11.5H5zM12 2.5V6h3.5M7.5 9.5h5M7.5 12.2h5M7.5 14.9h3",
        }
    }
}

#[derive(Clone)]
pub struct Item {
    pub label: &'static str,
    pub href: &'static str,
    pub shape: &'static str,
    pub current: bool,
}

/// Goes into every template of `templates/console/` as `console`, beside `page`.
#[derive(Clone)]
pub struct ConsoleFrame {
    pub menu: Vec<Item>,
    pub name: String,
    /// Staff of the operator, who see every organization.
    pub everywhere: bool,
    pub flash: Option<&'static str>,
    pub sign_out_csrf: String,
    pub css: String,
    pub js: String,
}

impl ConsoleFrame {
    pub fn new(menu: Vec<Item>, user: &User, flash: Option<&'static str>) -> Self {
        Self {
            menu,
            name: user.display_name().to_owned(),
            everywhere: user.organization.is_none(),
            flash,
            sign_out_csrf: String::new(),
            css: assets::url("console.css"),
            js: assets::url("console.js"),
        }
    }

    #[must_use]
    pub fn signing_out(self, sign_out_csrf: String) -> Self {
        Self { sign_out_csrf, ..self }
    }
}

/// Only what the person may see.
pub fn menu(user: &User, here: ConsoleSection) -> Vec<Item> {
    // The keys are those of all organizations.
    let foreign = |section| section == ConsoleSection::Keys && user.organization_id().is_some();
    let seen = MENU.iter().filter(|(section, .., any_of)| {
        any_of.iter().any(|it| user.permissions.holds(it)) && !foreign(*section)
    });
    seen.map(|(section, label, href, _)| Item {
        label,
        href,
        shape: section.shape(),
        current: *section == here,
    })
    .collect()
}

#[derive(Template)]
#[template(path = "console/message.html")]
struct ConsoleMessagePage {
    page: Page,
    console: ConsoleFrame,
    heading: String,
    text: String,
    detail: Option<String>,
    actions: Vec<Action>,
}

/// Messages beside the menu, for the request of somebody who may use the console.
pub fn surroundings(page: Page, console: ConsoleFrame) -> Surroundings {
    let draw = move |message: Message, status| {
        let Message { tone: _, heading, text, request_id: detail, actions } = message;
        let page = Page { title: heading.clone(), ..page.clone() };
        let console = console.clone();
        render(&ConsoleMessagePage { page, console, heading, text, detail, actions }, status)
    };
    Surroundings(Rc::new(draw))
}
