//! The rooms: one folder for each protocol, all of one shape. They never import each other.
//!
//! A room reads what an application asks and words what it is told; who is signed in it learns from a
//! flow. Start at [`ROOMS`]; adding a protocol is a folder and a line there and in [`routes`].
pub mod common;
pub mod oauth2;
#[cfg(test)]
mod tests;

use crate::login::Protocol;
use actix_web::web::ServiceConfig;

/// Every room of this server.
pub static ROOMS: &[&dyn Protocol] = &[&oauth2::Oauth2];

pub fn routes(cfg: &mut ServiceConfig) {
    oauth2::routes::routes(cfg);
}
