//! A page that asks once more before something far-reaching is done, and says how far it reaches.
use super::ConsoleFrame;
use super::kit::Field;
use crate::http::ui::layout::Page;
use askama::Template;

#[derive(Template)]
#[template(path = "console/sure.html")]
pub struct SurePage {
    pub page: Page,
    pub console: ConsoleFrame,
    /// The page of what it is about.
    pub here: String,
    pub name: String,
    pub heading: &'static str,
    pub texts: Vec<String>,
    pub action: String,
    pub csrf: String,
    pub status: Option<&'static str>,
    /// To be typed, where it reaches furthest.
    pub typed: Option<Field>,
    pub submit: &'static str,
    pub bad: bool,
}
